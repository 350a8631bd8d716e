package nats

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
)

const (
	// While the hub's store has no bundle, it is asked again: first after fetchMin, in the end every fetchMax.
	fetchMin = 100 * time.Millisecond
	fetchMax = time.Minute
	// confirmTime is about how long after the first answer of a connection the store is asked once more. A message that
	// was routed before this connection subscribed, and is stored only after the first answer, is found then.
	confirmTime = 3 * time.Second
	// askedGap is the least time between two fetches that the hub asks for: whoever runs the bus can repeat an ask.
	askedGap = time.Second
)

// desired brings the cluster's bundle to the agent over one connection.
//
// A bundle comes by subscription, or by Direct Get when it was published before. Neither is enough alone, and both
// together are not either: the server routes a message to subscribers before its stream has stored it. A connection
// that subscribes and asks between the two misses the message, and is told that there is none, or is given the one
// before. So an answer is asked for until there is a bundle, and once more a little later, unless one came by
// subscription: what is published after that comes the same way.
type desired struct {
	*Session
	link    *link
	deliver func([]byte)
	asked   chan struct{} // the hub asks to fetch
	arrived chan struct{} // a bundle came by subscription

	// guards what follows; held while a bundle is handed on, so that an older one never follows a newer one
	mu     sync.Mutex
	pushed int // bundles that came by subscription
	last   [sha256.Size]byte
	seq    uint64 // in the hub's store, of the newest answer; replicas of the store may be behind one another
}

func newDesired(s *Session, l *link, deliver func([]byte)) *desired {
	return &desired{Session: s, link: l, deliver: deliver, asked: make(chan struct{}, 1), arrived: make(chan struct{},
		1)}
}

// push takes a message of the subscription.
func (d *desired) push(m *nats.Msg) {
	if m.Header.Get(headerStream) != "" || m.Header.Get(headerStatus) != "" || !d.holdsBundle(m) {
		return // an answer of the store that another agent asked for in this one's name; see hub/nats/accounts.go
	}
	d.mu.Lock()
	d.pushed++
	d.last = sha256.Sum256(m.Data)
	d.deliver(m.Data)
	d.mu.Unlock()
	signal(d.arrived)
}

// fetch has the bundle fetched soon.
func (d *desired) fetch() { signal(d.asked) }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// holdsBundle is false for a message that says that the bundle was deleted. That says nothing about the cluster.
func (d *desired) holdsBundle(m *nats.Msg) bool {
	if op := m.Header.Get(headerOperation); op != "" || len(m.Data) == 0 {
		d.c.Log.Warn("the hub's store no longer has a bundle for this cluster; keeping the last applied version",
			"operation", op)
		return false
	}
	return true
}

// run fetches when the connection begins and whenever the hub asks, until ctx is done.
func (d *desired) run(ctx context.Context) {
	if d.obtain(ctx, false) && d.count() == 0 {
		d.pause(ctx, confirmTime/2+rand.N(confirmTime), true)
		d.obtain(ctx, false)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.asked:
		}
		d.obtain(ctx, true)
		d.pause(ctx, askedGap, false)
	}
}

// pause waits, if wakes is set only until the hub asks or a bundle comes.
func (d *desired) pause(ctx context.Context, limit time.Duration, wakes bool) {
	t := time.NewTimer(limit)
	defer t.Stop()
	var asked, arrived <-chan struct{}
	if wakes {
		asked, arrived = d.asked, d.arrived
	}
	select {
	case <-ctx.Done():
	case <-asked:
		d.fetch() // it is still to be done
	case <-arrived:
	case <-t.C:
	}
}

// obtain asks the hub's store until it gives a bundle, or one comes by subscription, and hands it on: again, even if it
// is the same as the last one, where the hub asked for it. It says whether there is a bundle.
func (d *desired) obtain(ctx context.Context, again bool) bool {
	pause := backoff.Backoff{Min: fetchMin, Max: fetchMax}
	said := false
	for ctx.Err() == nil && d.link.IsConnected() {
		before := d.count()
		if before > 0 && !again {
			return true
		}
		m, err := request(ctx, d.link.Conn, protocol.DesiredGet(d.link.cred.Cluster), nil, getTimeout)
		switch status := statusOf(m); {
		case err == nil && status == "" && d.take(m, before, again):
			return true
		case err == nil && (status == statusNone || status == ""):
			if !said {
				d.c.Log.Info("the hub has published no bundle for this cluster yet; asking again until there is one")
				said = true
			}
		case err == nil:
			err = fmt.Errorf("%s %s", status, m.Header.Get("Description"))
		}
		if err != nil {
			d.c.Log.Debug("the bundle cannot be fetched yet", "err", err)
		}
		if d.count() == before {
			d.pause(ctx, pause.Next(), true)
		}
		if d.count() != before {
			return true
		}
	}
	return false
}

func statusOf(m *nats.Msg) string {
	if m == nil {
		return ""
	}
	return m.Header.Get(headerStatus)
}

// count is how many bundles came by subscription.
func (d *desired) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pushed
}

// take hands on an answer, unless something newer came by subscription since before. It is false for one that holds no
// bundle.
func (d *desired) take(m *nats.Msg, before int, again bool) bool {
	if !d.holdsBundle(m) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	sum := sha256.Sum256(m.Data)
	seq, _ := strconv.ParseUint(m.Header.Get(headerSequence), 10, 64)
	if d.pushed == before && (again || sum != d.last && seq >= d.seq) {
		d.last, d.seq = sum, seq
		d.deliver(m.Data)
	}
	return true
}
