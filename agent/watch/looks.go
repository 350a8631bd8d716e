package watch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	// lookSlots is how many objects that are not well are looked into at once. Each costs a watch or two.
	lookSlots = 16
	// Where more wait, an object keeps its turn for shortTurn while others have had none, and for longTurn after that.
	shortTurn = 5 * time.Second
	longTurn  = time.Minute
)

// Look is a search for the cause why an object is not healthy. It lasts as long as the object is not.
type Look struct {
	APIVersion string
	Ref        protocol.ObjectRef
	Found      func(turn int, c fleet.Cause) // is told of a cause
	Ended      func(turn int)                // is told that a turn has come to its end by itself

	stop   context.CancelFunc // nil while it has no turn
	turn   int                // counts them
	begun  time.Time          // its turn
	looked bool               // it has had a turn that told something, or was long enough
}

// Looks are all looks that want a turn: those that have one, and those that wait for theirs.
type Looks struct {
	session *Session

	mu               sync.Mutex // guards what follows, and what is not exported of a Look
	running, waiting []*Look
	timer            *time.Timer
	stopped          bool
}

// NewLooks makes the looks of a session, of which there are none yet.
func NewLooks(s *Session) *Looks { return &Looks{session: s} }

// First says whether a look has its first turn, and has told nothing yet.
func (q *Looks) First(l *Look) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return l.stop != nil && !l.looked
}

// Ask has a look wait for a turn, unless it has one or waits.
func (q *Looks) Ask(l *Look) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.stop == nil && !slices.Contains(q.waiting, l) {
		q.waiting = append(q.waiting, l)
		q.rotate()
	}
}

// Forget ends a look.
func (q *Looks) Forget(l *Look) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rest(l)
	q.rotate()
}

// Stop has no look get a turn any more.
func (q *Looks) Stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	if q.timer != nil {
		q.timer.Stop()
	}
}

// rest ends a look's turn, or its waiting for one. The lock is held.
func (q *Looks) rest(l *Look) {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	is := func(x *Look) bool { return x == l }
	q.running = slices.DeleteFunc(q.running, is)
	q.waiting = slices.DeleteFunc(q.waiting, is)
}

// rotate gives turns to those that wait, as far as there are any, those first that have had none. The lock is held.
func (q *Looks) rotate() {
	for len(q.waiting) > 0 && !q.stopped {
		next := q.waiting[max(0, slices.IndexFunc(q.waiting, func(l *Look) bool { return !l.looked }))]
		if len(q.running) >= lookSlots {
			oldest := q.running[0]
			turn := longTurn
			if oldest.looked && !next.looked {
				turn = shortTurn
			}
			if time.Since(oldest.begun) < turn {
				break
			}
			q.rest(oldest)
			oldest.looked = true
			q.waiting = append(q.waiting, oldest)
		}
		q.rest(next)
		q.begin(next)
	}
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	if len(q.waiting) > 0 && !q.stopped {
		q.timer = time.AfterFunc(shortTurn, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			if q.session.Life.Err() == nil {
				q.rotate()
			}
		})
	}
}

// begin gives a look its turn. The lock is held.
func (q *Looks) begin(l *Look) {
	looking, stop := context.WithCancel(q.session.Life)
	l.stop, l.begun = stop, time.Now()
	l.turn++
	q.running = append(q.running, l)
	turn := l.turn
	q.session.Start(func() {
		defer stop()
		res, err := q.session.Cluster.Resolve(looking, l.APIVersion, l.Ref.Kind)
		if err == nil {
			err = q.session.Cluster.Explain(looking, res, l.Ref, func(c fleet.Cause) { l.Found(turn, c) })
		}
		if err != nil {
			q.session.Log.Debug("why an object is not healthy could not be found out", "object", l.Ref.String(), "err", err)
		}
		l.Ended(turn)
	})
}

// Has says whether a look still has the turn.
func (q *Looks) Has(l *Look, turn int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return l.turn == turn && l.stop != nil
}

// Told is for a look whose turn has told something: another one may have it.
func (q *Looks) Told(l *Look) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.looked = true
	q.rotate()
}
