package mailbox

import (
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Queue holds the messages to one app until its goroutine handles them, in their order. Posting never blocks. Of the
// sightings of one object the newest takes the place of the one before, so a flood of events takes bounded memory.
type Queue struct {
	// Ready has an element when there may be messages.
	Ready chan struct{}

	mu       sync.Mutex // guards what follows
	messages []Message
	waiting  map[protocol.ObjectRef]int // where in messages a sighting waits that may be replaced
	closed   bool
}

// Message is something to do or, if Do is nil, a sighting.
type Message struct {
	Do       func()
	Sighting agent.Sighting
}

// NewQueue makes an empty queue.
func NewQueue() *Queue {
	return &Queue{Ready: make(chan struct{}, 1), waiting: map[protocol.ObjectRef]int{}}
}

// Put adds something to do, and says whether it will be done: not after Close.
func (q *Queue) Put(do func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.messages = append(q.messages, Message{Do: do})
	q.wake()
	return true
}

// Sight adds a sighting.
func (q *Queue) Sight(sg agent.Sighting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	ref := sg.Live.Ref
	if i, ok := q.waiting[ref]; ok && replaces(q.messages[i].Sighting, sg) {
		q.messages[i].Sighting = sg
		return
	}
	q.waiting[ref] = len(q.messages)
	q.messages = append(q.messages, Message{Sighting: sg})
	q.wake()
}

// replaces says whether nothing is lost if a sighting is forgotten for a newer one. How an object ended is told by its
// last sightings alone.
func replaces(old, sg agent.Sighting) bool {
	return old.Kind == agent.SightObject && sg.Kind == agent.SightObject && old.Live.UID == sg.Live.UID &&
		(old.Live.Outcome == agent.OutcomeNone || old.Live.Outcome == sg.Live.Outcome) && old.Live.Version <= sg.Live.Version
}

// wake has the reader look. The lock is held.
func (q *Queue) wake() {
	select {
	case q.Ready <- struct{}{}:
	default:
	}
}

// Take gives all messages that wait.
func (q *Queue) Take() []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.messages
	q.messages = nil
	clear(q.waiting)
	return out
}

// Close refuses messages from now on. It fails while there are any.
func (q *Queue) Close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = len(q.messages) == 0
	return q.closed
}
