package hub

import (
	"context"
	"log/slog"
	"time"
)

const (
	// keepGenerations is how many generations of a cluster keep their blobs: what an agent that is behind may still
	// fetch.
	keepGenerations = 10
	// collectAfter is how many generations are published before the next collection, collectEvery how long it takes
	// at most after something was published.
	collectAfter = 256
	collectEvery = 10 * time.Minute
	// fullPause is how long the hub waits before it tries a full bus again, where nobody publishes anything
	// meanwhile.
	fullPause = 15 * time.Second
)

// collector removes what nothing needs any more from the store and from the bus, and gives the bus what fits. The loop
// alone touches it.
type collector struct {
	store    Store
	bus      Publisher
	state    *State
	outgoing *outgoing
	log      *slog.Logger
	grace    time.Duration // how long a blob that nothing names stays on the bus
	due      func()        // has the loop call publisher.tidy

	published int                  // generations since the last collection
	unnamed   map[string]time.Time // blobs on the bus that nothing names: since when
	dropped   []string             // blobs that may be on the bus still, because their removal was not acknowledged
	timer     *time.Timer          // of the next collection; nil if none is due
	full      bool                 // the bus has no space left
}

// needs are what is not to be removed.
type needs struct {
	newest map[string]bool   // blobs of bundles on the bus
	named  map[string]bool   // all blobs that records name
	stored map[string]bool   // all that are named, and those of resolutions
	memo   func(string) bool // whether an answer is in use, by its key
	bus    bool              // all bundles on the bus are known, and this hub is the one that publishes
}

func newCollector(s Settings, state *State, o *outgoing, due func()) *collector {
	c := &collector{store: s.Store, bus: s.Bus, state: state, outgoing: o, log: s.Log, grace: s.Grace, due: due}
	if c.grace <= 0 {
		c.grace = collectEvery
	}
	return c
}

func (c *collector) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// begun is told that what was due is done now.
func (c *collector) begun() { c.timer = nil }

// in has the loop collect after a while, if that is not due anyway.
func (c *collector) in(d time.Duration) {
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.due)
	}
}

// collect removes from the store and from the bus what nothing names: no record of a cluster, its last
// keepGenerations generations among them, and no answer that is in use. A blob on the bus is removed when nothing has
// named it for a while, so that an agent that is fetching it is done; without grace only what the newest bundles need
// is left there. Removing is never urgent: what fails is tried again later, and is no error.
func (c *collector) collect(ctx context.Context, n needs, grace time.Duration) {
	c.published = 0
	begin := time.Now()
	removed, err := c.store.Collect(n.memo, func(id string) bool { return n.stored[id] })
	if err != nil {
		c.log.Warn("the store keeps what is not needed any more; it is removed later", "err", err)
	}
	named := n.named
	if grace == 0 {
		named = n.newest
	}
	var gone []string
	left := 0
	if n.bus {
		gone, left = c.idle(named, grace)
		c.drop(ctx, gone)
	}
	if left > 0 {
		c.in(grace)
	}
	if removed+len(gone) > 0 {
		c.log.Info("removed what no cluster needs any more", "stored", removed, "blobs", len(gone),
			"took", time.Since(begin).Round(time.Millisecond))
	}
}

// idle are the blobs on the bus that nothing has named for a while, and how many will be among them later.
func (c *collector) idle(named map[string]bool, grace time.Duration) (gone []string, left int) {
	now := time.Now()
	since := map[string]time.Time{}
	for id := range c.outgoing.blobs {
		if named[id] {
			continue
		}
		first, ok := c.unnamed[id]
		if !ok {
			first = now
		}
		if now.Sub(first) >= grace {
			gone = append(gone, id)
		} else {
			since[id] = first
		}
	}
	c.unnamed = since
	for _, id := range c.dropped {
		if !named[id] && !c.outgoing.blobs[id] {
			gone = append(gone, id)
		}
	}
	return gone, len(since)
}

// drop removes blobs from the bus.
func (c *collector) drop(ctx context.Context, ids []string) {
	c.dropped = nil
	if len(ids) == 0 {
		return
	}
	c.outgoing.lost(ids)
	if err := c.bus.Drop(ctx, ids); err != nil {
		c.dropped = ids
		c.log.Warn("blobs that nobody needs stay on the bus; they are removed later", "blobs", len(ids), "err", err)
		c.in(c.grace)
	}
}
