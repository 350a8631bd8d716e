package limits

import (
	"sync"
	"time"
)

const (
	// floodBurst is how much one cluster may say at once, in bytes, and floodRate how much a second it may go on with.
	// The largest report is 900 KiB, and what an agent keeps while the hub is away a few MiB.
	floodBurst = 64 << 20
	floodRate  = 256 << 10
	// FloodPause is how long a cluster that said more is cut off.
	FloodPause = 10 * time.Minute
	// MaxConnections is how many connections of one credential are left: a few are of an agent that came back before
	// the server noticed that its connections before were lost.
	MaxConnections = 4
)

// bucket is what a cluster may still say.
type bucket struct {
	left int
	at   time.Time
}

// take takes the size of a message that the bus took in at a time, and says whether that was too much.
func (b *bucket) take(size int, at time.Time) bool {
	if b.at.IsZero() {
		b.left = floodBurst
	} else if since := min(at.Sub(b.at), time.Hour); since > 0 {
		b.left = min(floodBurst, b.left+int(since.Seconds()*floodRate))
	}
	if at.After(b.at) {
		b.at = at
	}
	b.left -= size
	if b.left >= 0 {
		return false
	}
	*b = bucket{}
	return true
}

// Speech is what each cluster may still say. It is safe for concurrent use; its zero value is ready.
type Speech struct {
	mu   sync.Mutex
	left map[string]*bucket // by cluster
}

// Take takes the size of a message of a cluster that the bus took in at a time, and says whether that was too much.
func (s *Speech) Take(cluster string, size int, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.left[cluster]
	if of == nil {
		if s.left == nil {
			s.left = map[string]*bucket{}
		}
		of = &bucket{}
		s.left[cluster] = of
	}
	return of.take(size, at)
}
