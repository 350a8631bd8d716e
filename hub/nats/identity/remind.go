package identity

import (
	"time"

	"github.com/drover-dev/drover/internal/backoff"
)

// The pauses after which an agent is asked again to renew, while its rotation is not done. An ask that nobody heard
// leaves no trace.
const (
	remindMin = 10 * time.Second
	remindMax = 10 * time.Minute
)

// reminder asks one cluster's agent again.
type reminder struct {
	pause backoff.Backoff
	timer *time.Timer
}

// remind has AskRenew called again later, as long as its credential is to be renewed.
func (ids *Identities) remind(cluster string) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	r := ids.reminders[cluster]
	if !ids.toRenew(cluster) || ids.ask == nil {
		if r != nil {
			r.timer.Stop()
			delete(ids.reminders, cluster)
		}
		return
	}
	if r == nil {
		r = &reminder{pause: backoff.Backoff{Min: remindMin, Max: remindMax}}
		ids.reminders[cluster] = r
	} else {
		r.timer.Stop()
	}
	r.timer = time.AfterFunc(r.pause.Next(), func() { ids.AskRenew(cluster) })
}
