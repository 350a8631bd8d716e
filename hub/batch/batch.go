// Package batch gathers what is to be done for many clusters, so that it is done for all of them at once: what each
// costs alone, such as a transaction of the store, is paid once.
//
// It imports the standard library only.
package batch

import "sync"

// Batch is what is known of the clusters that something is to be done for. The zero value is empty. It is safe for
// concurrent use.
type Batch[T any] struct {
	mu  sync.Mutex
	all map[string]T
}

// Add adds a cluster, in place of what was known of it, and says whether it is the first since Take: then nobody comes
// for it yet.
func (b *Batch[T]) Add(cluster string, what T) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if first = len(b.all) == 0; first {
		b.all = map[string]T{}
	}
	b.all[cluster] = what
	return first
}

// Take gives all, and forgets them.
func (b *Batch[T]) Take() map[string]T {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.all
	b.all = nil
	return out
}
