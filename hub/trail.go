package hub

import (
	"context"
	"sync"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// askTries is how often an agent is asked for the events of a gap while it stays connected.
const askTries = 3

// trails follow the journals of all clusters by the numbers of their events, and see what is missing. They are safe for
// concurrent use.
type trails struct {
	ask func(cluster string, from, to uint64)

	mu  sync.Mutex        // guards what follows
	all map[string]*trail // by cluster
}

// trail is the journal of one cluster.
type trail struct {
	head uint64 // number of the newest event
	// What came after the first and not after the second of these is missing, or some of it; nothing, if they are equal.
	after, upto uint64
	tries       int
	pause       backoff.Backoff
	timer       *time.Timer // runs while the agent is to be asked
}

func newTrails(ask func(cluster string, from, to uint64)) *trails {
	return &trails{ask: ask, all: map[string]*trail{}}
}

// heard takes in an event. anew says that the agent began to count anew from a lower number, as it does when its clock
// was set back: it says that it knows no event before this one, and the journal goes on from here. What comes before the
// first event that the hub hears of is not missed.
func (t *trails) heard(e protocol.Event) (anew bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.all[e.Cluster]
	if x == nil {
		x = &trail{pause: backoff.Backoff{Min: time.Second, Max: time.Minute}}
		t.all[e.Cluster] = x
	}
	switch {
	case e.Seq > x.head:
		if x.head != 0 && e.Prev > x.head {
			if x.after == x.upto {
				x.after = x.head
			}
			x.upto = e.Prev
			t.begin(e.Cluster, x)
		}
		x.head = e.Seq
	case e.Seq > x.after && e.Seq <= x.upto:
		if e.Prev <= x.after { // they come in order
			x.after = e.Seq
		}
	case e.Seq < x.head && e.Prev == 0:
		x.head, x.after, x.upto = e.Seq, 0, 0
		return true
	}
	return false
}

// linked is told that a cluster's agent is there: now it can be asked.
func (t *trails) linked(cluster string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.all[cluster]; x != nil && x.after != x.upto {
		t.begin(cluster, x)
	}
}

// begin has the agent asked, from the first try on. t.mu is held.
func (t *trails) begin(cluster string, x *trail) {
	x.tries = 0
	x.pause.Reset()
	if x.timer == nil {
		t.next(cluster, x)
	}
}

// next sets the timer for a try, as long as there is reason to. t.mu is held.
func (t *trails) next(cluster string, x *trail) {
	x.timer = nil
	if x.after == x.upto || x.tries == askTries {
		return
	}
	x.timer = time.AfterFunc(x.pause.Next(), func() {
		t.mu.Lock()
		from, to := x.after+1, x.upto
		missing := x.after != x.upto
		x.tries++
		t.next(cluster, x)
		t.mu.Unlock()
		if missing {
			t.ask(cluster, from, to)
		}
	})
}

// inquire asks a cluster's agent for events that the hub misses.
func (h *Hub) inquire(ctx context.Context, cluster string, from, to uint64) {
	if ctx.Err() != nil {
		return
	}
	err := h.Bus.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskJournal, From: from, To: to})
	if err != nil {
		h.Log.Debug("the agent cannot be asked for events that are missing; it is asked again when it connects", "cluster", cluster, "err", err)
	}
}
