package mailbox

import (
	"sync"
)

// Crew are the goroutines of a session.
type Crew struct {
	wg     sync.WaitGroup
	mu     sync.Mutex // guards closed
	closed bool
}

// Start runs f, unless the session is over.
func (c *Crew) Start(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.wg.Go(f)
	}
	return !c.closed
}

// Close waits until nothing runs any more, and lets nothing begin.
func (c *Crew) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wg.Wait()
}

// Beacon tells those who wait that something has moved.
type Beacon struct {
	mu    sync.Mutex // guards moved
	moved chan struct{}
}

// Wait gives what is closed when something moves.
func (b *Beacon) Wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.moved == nil {
		b.moved = make(chan struct{})
	}
	return b.moved
}

// Announce wakes those who wait for something to have moved.
func (b *Beacon) Announce() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.moved != nil {
		close(b.moved)
		b.moved = nil
	}
}

// Link says whether the bus is connected.
type Link struct {
	mu sync.Mutex    // guards up
	up chan struct{} // closed while it is
}

// NewLink makes one of a bus that is not connected.
func NewLink() *Link { return &Link{up: make(chan struct{})} }

// Set takes down whether the bus is connected.
func (l *Link) Set(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.up:
		if !yes {
			l.up = make(chan struct{})
		}
	default:
		if yes {
			close(l.up)
		}
	}
}

// Get says whether the bus is connected, and gives what is closed when it is.
func (l *Link) Get() (is bool, up <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.up:
		return true, l.up
	default:
		return false, l.up
	}
}

// Newest holds the newest bundle that arrived while the loop was busy. Older ones are of no interest.
type Newest struct {
	// Full has an element when there may be a bundle.
	Full chan struct{}

	mu     sync.Mutex // guards newest
	newest []byte
}

// NewNewest makes an empty one.
func NewNewest() *Newest { return &Newest{Full: make(chan struct{}, 1)} }

// Put replaces the bundle.
func (m *Newest) Put(sealed []byte) {
	m.mu.Lock()
	m.newest = sealed
	m.mu.Unlock()
	select {
	case m.Full <- struct{}{}:
	default:
	}
}

// Take gives the bundle; nil if there is none.
func (m *Newest) Take() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.newest
	m.newest = nil
	return out
}
