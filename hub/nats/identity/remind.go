package identity

import (
	"sync"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
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

// renewals asks agents to renew their credentials, again and again until they have. It is safe for concurrent use.
type renewals struct {
	*Settings
	wanted func(cluster string) bool // whether a cluster's agent is to renew its credential

	mu        sync.Mutex // guards what follows
	ask       func(cluster string, a protocol.Ask) error
	reminders map[string]*reminder
}

// Reach says how agents are asked for something.
func (r *renewals) Reach(ask func(cluster string, a protocol.Ask) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ask = ask
}

// AskRenew asks a cluster's agent to renew. It may not hear it: it is asked again whenever it says Hello, and after a
// while.
func (r *renewals) AskRenew(cluster string) {
	r.mu.Lock()
	ask := r.ask
	r.mu.Unlock()
	defer r.remind(cluster)
	if ask == nil || !r.wanted(cluster) {
		return
	}
	err := ask(cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskRenew})
	if err != nil {
		r.Log.Info("an agent cannot be asked to renew its credential now; it is asked when it says hello",
			"cluster", cluster, "err", err)
	}
}

// remind has AskRenew called again later, as long as its credential is to be renewed.
func (r *renewals) remind(cluster string) {
	wanted := r.wanted(cluster)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.reminders[cluster]
	if known != nil {
		known.timer.Stop()
	}
	if !wanted || r.ask == nil {
		delete(r.reminders, cluster)
		return
	}
	if known == nil {
		known = &reminder{pause: backoff.Backoff{Min: remindMin, Max: remindMax}}
		r.reminders[cluster] = known
	}
	known.timer = time.AfterFunc(known.pause.Next(), func() { r.AskRenew(cluster) })
}
