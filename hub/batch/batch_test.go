package batch

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWhatIsAddedIsTakenOnce(t *testing.T) {
	t.Parallel()
	var b Batch[int]
	if len(b.Take()) != 0 {
		t.Error("an empty one gives something")
	}
	if !b.Add("b", 1) || b.Add("a", 2) || b.Add("b", 3) {
		t.Error("the first is not said to be, or another is")
	}
	if got := b.Take(); !maps.Equal(got, map[string]int{"a": 2, "b": 3}) {
		t.Errorf("taken is %v", got)
	}
	if len(b.Take()) != 0 || !b.Add("a", 1) {
		t.Error("what was taken is there still")
	}
}

// The caller that is told that it added the first comes to take: nothing that is added is left behind.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	var b Batch[struct{}]
	var taken sync.Map
	var adders sync.WaitGroup
	var times atomic.Int64
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, name := range names {
		adders.Go(func() {
			for range 1000 {
				if b.Add(name, struct{}{}) {
					times.Add(1)
					for name := range b.Take() {
						taken.Store(name, true)
					}
				}
			}
		})
	}
	adders.Wait()
	if left := b.Take(); len(left) > 0 {
		t.Errorf("left are %q after %d times", slices.Collect(maps.Keys(left)), times.Load())
	}
	for _, name := range names {
		if _, ok := taken.Load(name); !ok {
			t.Errorf("%s was not taken", name)
		}
	}
}
