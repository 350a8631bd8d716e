package limits

import "sync"

// Once knows what was said before: whoever can publish must not be able to fill the log.
type Once struct {
	mu   sync.Mutex
	said map[string]struct{}
}

// MaxOnce is how much once remembers before it starts again.
const MaxOnce = 10_000

// First says whether key was not asked about before.
func (o *Once) First(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, said := o.said[key]; said {
		return false
	}
	if o.said == nil || len(o.said) >= MaxOnce {
		o.said = map[string]struct{}{}
	}
	o.said[key] = struct{}{}
	return true
}
