package deliver

import (
	"time"

	"github.com/drover-dev/drover/agent"
)

// quotaPause is how long the agent waits for the quota to be counted again after it deleted something to make space
// in it.
const quotaPause = 5 * time.Second

// quota says whether a quota does not let an object be applied.
func (t *trouble) quota() bool { return agent.ReasonOf(t.err) == agent.ReasonQuota }

// inTheWay are the objects that left Git and are deleted before everything else is applied, see guard.InTheWay; nil if
// there are none, or the quota is yet to be counted again.
func (a *app) inTheWay(now time.Time) map[*object]bool {
	if now.Sub(a.spaceMade) < quotaPause {
		return nil
	}
	return a.crowding()
}

// retryQuota has what did not fit into a quota tried again soon, after something was deleted to make space.
func (a *app) retryQuota(now time.Time) {
	a.spaceMade = now
	for _, o := range a.own {
		if o.want != nil && o.trouble != nil && o.trouble.quota() {
			o.trouble.pause.Reset()
			o.trouble.next = now.Add(time.Second)
		}
	}
}
