package prune

import (
	"time"

	"github.com/drover-dev/drover/agent/owned"
)

// quotaPause is how long the agent waits for the quota to be counted again after it deleted something to make space
// in it.
const quotaPause = 5 * time.Second

// InTheWay are the objects that left Git and are deleted before everything else is applied, see guard.InTheWay; nil if
// there are none, or the quota is yet to be counted again.
func (p *Pruner) InTheWay(now time.Time) map[*owned.Object]bool {
	if now.Sub(p.spaceMade) < quotaPause {
		return nil
	}
	return p.Crowding()
}

// retryQuota has what did not fit into a quota tried again soon, after something was deleted to make space.
func (p *Pruner) retryQuota(now time.Time) {
	p.spaceMade = now
	for _, o := range p.Own {
		if o.Want != nil && o.Trouble != nil && o.Trouble.Quota() {
			o.Trouble.Pause.Reset()
			o.Trouble.Next = now.Add(time.Second)
		}
	}
}
