package object

import (
	"container/list"
	"sync"
)

// cache keeps what was used last, up to a number of bytes. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	max int // bytes

	mu    sync.Mutex // guards what follows
	used  int
	items map[K]*list.Element
	order list.List // of *cached[K, V], last used first
}

type cached[K comparable, V any] struct {
	key   K
	value V
	size  int
}

func newCache[K comparable, V any](max int) *cache[K, V] {
	return &cache[K, V]{max: max, items: map[K]*list.Element{}}
}

// get returns the value of key.
func (c *cache[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached[K, V]).value, true
}

// put keeps value, of about size bytes. What is larger than a quarter of the cache is not kept.
func (c *cache[K, V]) put(key K, value V, size int) {
	const overhead = 256 // bytes for the key and the places where it stands
	size += overhead
	if size > c.max/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok {
		return
	}
	c.items[key] = c.order.PushFront(&cached[K, V]{key, value, size})
	c.used += size
	for c.used > c.max {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached[K, V])
		delete(c.items, old.key)
		c.used -= old.size
	}
}
