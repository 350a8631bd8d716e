package hub

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// asks collects the asks of an overdue.
type asks struct {
	mu  sync.Mutex // guards what follows
	all map[string][]time.Duration
}

func collect() (*overdue, *asks) {
	start := time.Now()
	a := &asks{all: map[string][]time.Duration{}}
	return newOverdue(func(cluster string, _ int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all[cluster] = append(a.all[cluster], time.Since(start))
	}), a
}

func (a *asks) of(cluster string) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[cluster]
}

func TestWhoIsBehindIsAskedInLongerAndLongerPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, asked := collect()
		o.note("a", 3, false)
		time.Sleep(overdueAfter - time.Millisecond)
		if got := asked.of("a"); len(got) > 0 {
			t.Errorf("asked after %s", got)
		}
		time.Sleep(time.Hour)
		got := asked.of("a")
		if len(got) < 9 || len(got) > 20 {
			t.Fatalf("asked %d times in an hour: %s", len(got), got)
		}
		if last := got[len(got)-1] - got[len(got)-2]; last < overdueMax/2 || last > overdueMax+time.Second {
			t.Errorf("the last pause is %s", last)
		}
		o.note("a", 4, false) // something newer was published
		time.Sleep(overdueAfter + time.Second)
		if now := asked.of("a"); len(now) != len(got)+1 {
			t.Errorf("after a newer generation: asked %d times, before %d", len(now), len(got))
		}
		o.note("a", 0, false) // accepted
		time.Sleep(time.Hour)
		if now := asked.of("a"); len(now) != len(got)+1 {
			t.Errorf("asked %d times after it accepted", len(now)-len(got)-1)
		}
		o.note("a", 5, false)
		o.stop()
		o.note("a", 6, false)
		time.Sleep(time.Hour)
		if now := asked.of("a"); len(now) != len(got)+1 {
			t.Error("asked after the end")
		}
	})
}

func TestAFleetThatIsBehindIsNotAskedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, asked := collect()
		const n = 1000
		name := func(i int) string { return string(rune('a'+i%26)) + time.Duration(i).String() }
		for i := range n {
			o.note(name(i), 1, false)
		}
		time.Sleep(overdueAfter + n/2*overdueGap)
		some := 0
		for i := range n {
			some += len(asked.of(name(i)))
		}
		if some < n/3 || some > n*2/3 {
			t.Errorf("%d of %d were asked after half of the time", some, n)
		}
		time.Sleep(n * overdueGap)
		for i := range n {
			if len(asked.of(name(i))) == 0 {
				t.Errorf("%s was not asked", name(i))
			}
		}
		o.stop()
		time.Sleep(time.Second)
	})
}
