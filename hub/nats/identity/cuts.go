package identity

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// cuts has the servers cut off who was revoked, when a join token ends or a person says so, and keeps who is cut off
// for a while. It is safe for concurrent use.
type cuts struct {
	*Settings
	revoked func() []string                   // user keys that no server may let in
	ends    func(after time.Time) []time.Time // when join tokens end
	cutting sync.Mutex                        // one cut at a time, so that an older list never comes after a newer one

	mu        sync.Mutex                 // guards what follows
	cutOff    func(users []string) error // takes effect on what is revoked; nil if nothing can
	ending    *time.Timer                // runs until what ends next is cut off
	next      time.Time                  // when ending is over; zero if nothing ends
	last      time.Time                  // when it was over last
	suspended map[string]time.Time       // clusters that said too much: until when they are cut off
}

// use says how credentials that were revoked are cut off.
func (c *cuts) use(cutOff func(users []string) error) {
	c.mu.Lock()
	c.cutOff = cutOff
	c.mu.Unlock()
	c.await()
}

// endGap is the least time between two times that the servers are told of what ended by itself. Each time they are told
// of all that ended: where ten thousand clusters joined within minutes, their tokens end within minutes too, and one by
// one that were ten thousand lists of up to ten thousand users.
const endGap = 5 * time.Second

// await has the servers told when the next token ends, or a cluster is no longer cut off.
func (c *cuts) await() {
	now := time.Now()
	ends := c.ends(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.suspended, func(_ string, until time.Time) bool { return !until.After(now) })
	c.stop()
	if all := slices.AppendSeq(ends, maps.Values(c.suspended)); len(all) > 0 {
		c.arm(slices.MinFunc(all, time.Time.Compare), now)
	}
}

// expect is await where all that is new is something that ends at a time: it looks at nothing else.
func (c *cuts) expect(end time.Time) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if end.After(now) && (c.next.IsZero() || end.Before(c.next)) {
		c.stop()
		c.arm(end, now)
	}
}

// stop forgets what ends next. c.mu is held.
func (c *cuts) stop() {
	if c.ending != nil {
		c.ending.Stop()
	}
	c.ending, c.next = nil, time.Time{}
}

// arm has the servers told at a time, unless they were a moment before. c.mu is held.
func (c *cuts) arm(end, now time.Time) {
	if c.cutOff == nil {
		return
	}
	if soonest := c.last.Add(endGap); end.Before(soonest) {
		end = soonest
	}
	c.next = end
	c.ending = time.AfterFunc(end.Sub(now), func() {
		c.mu.Lock()
		c.last = time.Now()
		c.mu.Unlock()
		c.cutOrLog()
		c.await()
	})
}

// cut has the servers cut off what was revoked.
func (c *cuts) cut() error {
	c.cutting.Lock()
	defer c.cutting.Unlock()
	c.mu.Lock()
	cutOff := c.cutOff
	c.mu.Unlock()
	if cutOff == nil {
		return nil
	}
	return cutOff(c.revoked())
}

// cutOrLog is cut where nobody waits to hear that it failed.
func (c *cuts) cutOrLog() {
	if err := c.cut(); err != nil {
		c.Log.Error("the NATS servers do not know yet that credentials were revoked", "err", err)
	}
}

// suspend cuts a cluster off for a while from now on, and says whether it did: not where it is cut off.
func (c *cuts) suspend(cluster string, now time.Time, pause time.Duration) bool {
	c.mu.Lock()
	was := c.suspended[cluster]
	if !was.After(now) {
		c.suspended[cluster] = now.Add(pause)
	}
	c.mu.Unlock()
	if was.After(now) {
		return false
	}
	c.expect(now.Add(pause))
	return true
}

// until is until when a cluster is cut off; zero, or past, if it is not.
func (c *cuts) until(cluster string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.suspended[cluster]
}
