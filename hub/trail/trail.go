// Package trail follows the journals of all clusters by the numbers of their events, and has agents asked for events that
// are missing. It is a part of the hub that knows no bus.
//
// It may import protocol and internal.
package trail

import (
	"sync"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// askTries is how often an agent is asked for the events of a gap while it stays connected.
const askTries = 3

// Trails follow the journals of all clusters by the numbers of their events, and see what is missing. They are safe for
// concurrent use.
type Trails struct {
	ask func(cluster string, from, to uint64)

	mu  sync.Mutex        // guards what follows
	all map[string]*trail // by cluster
}

// trail is the journal of one cluster.
type trail struct {
	head uint64 // number of the newest event
	// What came after the first and not after the second of these is missing, or some of it; nothing, if they are equal.
	after, upto uint64
	behind      bool // the agent counts from a number below head
	tries       int
	pause       backoff.Backoff
	timer       *time.Timer // runs while the agent is to be asked
}

// New makes Trails that call ask for the events of a cluster from one number to another.
func New(ask func(cluster string, from, to uint64)) *Trails {
	return &Trails{ask: ask, all: map[string]*trail{}}
}

// Heard takes in an event. What came before the first that the hub hears of is not missed.
func (t *Trails) Heard(e protocol.Event) {
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
		x.head, x.behind = e.Seq, false
	case e.Seq > x.after && e.Seq <= x.upto:
		if e.Prev <= x.after { // they come in order
			x.after = e.Seq
		}
	case e.Seq < x.head && e.Prev == 0: // its clock was set back; asked for the head, it counts on from there
		x.behind = true
		t.begin(e.Cluster, x)
	}
}

// Linked is told that a cluster's agent is there: now it can be asked.
func (t *Trails) Linked(cluster string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.all[cluster]; x != nil && x.waits() {
		t.begin(cluster, x)
	}
}

// waits says whether there is something to ask the agent for.
func (x *trail) waits() bool { return x.behind || x.after != x.upto }

// begin has the agent asked, from the first try on. t.mu is held.
func (t *Trails) begin(cluster string, x *trail) {
	x.tries = 0
	x.pause.Reset()
	if x.timer == nil {
		t.next(cluster, x)
	}
}

// next sets the timer for a try, as long as there is reason to. t.mu is held.
func (t *Trails) next(cluster string, x *trail) {
	x.timer = nil
	if !x.waits() || x.tries == askTries {
		return
	}
	x.timer = time.AfterFunc(x.pause.Next(), func() {
		t.mu.Lock()
		from, to, waits := x.after+1, x.upto, x.waits()
		if x.behind {
			to = x.head
		}
		if x.after == x.upto {
			from = to
		}
		x.tries++
		t.next(cluster, x)
		t.mu.Unlock()
		if waits {
			t.ask(cluster, from, to)
		}
	})
}
