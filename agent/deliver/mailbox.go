package deliver

import (
	"sync"
)

// mailbox holds the newest bundle that arrived while the loop was busy. Older ones are of no interest.
type mailbox struct {
	full chan struct{}

	mu     sync.Mutex // guards newest
	newest []byte
}

func newMailbox() *mailbox { return &mailbox{full: make(chan struct{}, 1)} }

func (m *mailbox) put(sealed []byte) {
	m.mu.Lock()
	m.newest = sealed
	m.mu.Unlock()
	select {
	case m.full <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.newest
	m.newest = nil
	return out
}
