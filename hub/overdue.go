package hub

import (
	"sync"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
)

const (
	// overdueAfter is how long a connected agent has to accept what was published before it is asked to fetch it; then
	// it is asked again, in pauses that double up to overdueMax.
	overdueAfter = 5 * time.Second
	overdueMax   = 10 * time.Minute
	// overdueGap spaces the asks of all clusters out, so that a fleet that comes back together is not asked together.
	overdueGap = 5 * time.Millisecond
	// resendFrom is from which ask of a cluster on its bundle is published again as well: its agent may be too old to
	// know the ask, and the bus may have lost the bundle.
	resendFrom = 2
)

// overdue knows the clusters whose agents are connected and have not accepted what was published last, and has them
// asked for it until they have. Nothing that is published depends on one delivery. At rest it does nothing. It is safe
// for concurrent use.
type overdue struct {
	ask func(cluster string, times int)

	mu      sync.Mutex             // guards what follows
	all     map[string]*overdueOne // by cluster
	queue   []string               // whose turn to be asked has come
	running bool                   // the queue is being worked off
	closed  bool
}

// overdueOne is a cluster that is behind.
type overdueOne struct {
	generation uint64 // that it has yet to accept
	asked      int
	pause      backoff.Backoff
	timer      *time.Timer
	queued     bool
}

func newOverdue(ask func(cluster string, times int)) *overdue {
	return &overdue{ask: ask, all: map[string]*overdueOne{}}
}

// note takes in which generation a cluster has yet to accept; 0 if none. fresh starts over: its agent connected.
func (o *overdue) note(cluster string, generation uint64, fresh bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.all[cluster]
	if x != nil && (generation != x.generation || fresh) {
		x.timer.Stop()
		delete(o.all, cluster)
		x = nil
	}
	if x == nil && generation != 0 && !o.closed {
		x = &overdueOne{generation: generation, pause: backoff.Backoff{Min: 2 * overdueAfter, Max: overdueMax}}
		o.all[cluster] = x
		x.timer = time.AfterFunc(overdueAfter, func() { o.due(cluster, x) })
	}
}

// due queues a cluster, if it is still behind.
func (o *overdue) due(cluster string, x *overdueOne) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[cluster] != x || x.queued {
		return
	}
	x.queued = true
	o.queue = append(o.queue, cluster)
	if !o.running {
		o.running = true
		go o.work()
	}
}

// work has those that are queued asked, one after the other.
func (o *overdue) work() {
	for {
		o.mu.Lock()
		if len(o.queue) == 0 {
			o.running = false
			o.mu.Unlock()
			return
		}
		cluster := o.queue[0]
		o.queue = o.queue[1:]
		x := o.all[cluster]
		if x != nil {
			x.asked, x.queued = x.asked+1, false
			x.timer.Stop()
			x.timer = time.AfterFunc(x.pause.Next(), func() { o.due(cluster, x) })
		}
		o.mu.Unlock()
		if x != nil {
			o.ask(cluster, x.asked)
			time.Sleep(overdueGap)
		}
	}
}

// stop ends all timers.
func (o *overdue) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for cluster, x := range o.all {
		x.timer.Stop()
		delete(o.all, cluster)
	}
	o.queue, o.closed = nil, true
}

// check looks at whether a cluster is behind. fresh is as in note.
func (o *overdue) check(s *State, cluster string, fresh bool) {
	var generation uint64
	if c, known := s.Get(cluster); known && c.Behind() {
		generation = c.Desired.Generation
	}
	o.note(cluster, generation, fresh)
}
