package drift

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

const (
	// healLimit is how often an object may be healed within Window before Drover takes it slower: a person who edits does
	// not come near it, another controller does.
	healLimit = 300
	// Window is the time in which heals are counted.
	Window = time.Minute
	// An object that is deleted more often than recreateLimit within recreateWindow is recreated after pauses that double.
	recreateLimit  = 3
	recreateWindow = 10 * time.Minute
	// recreatePause is how long it is not recreated at most.
	recreatePause = 5 * time.Minute
)

// Conflict is how often an object was healed lately, and against whom.
type Conflict struct {
	since  time.Time
	heals  int
	pause  *backoff.Backoff // not nil while it is healed more slowly
	by     string
	fields []string
	late   *agent.Sighting // to be healed after the pause; nil if none is being made

	deleted []time.Time      // when, within recreateWindow
	slow    *backoff.Backoff // not nil while it is recreated more slowly
	writers []string         // field managers that wrote to what was deleted last
}

// NewConflict is for an object that was not healed lately.
func NewConflict(now time.Time) *Conflict { return &Conflict{since: now} }

// HandedOver is what another app needs to know that takes the object over. It makes its own pauses.
func (c *Conflict) HandedOver() *Conflict {
	if c == nil {
		return nil
	}
	return &Conflict{since: c.since, heals: c.heals, deleted: c.deleted, writers: c.writers}
}

// Defer has a sighting healed after the pause, if one is being made, and says whether it is.
func (c *Conflict) Defer(sg agent.Sighting) bool {
	if c == nil || c.late == nil {
		return false
	}
	c.late = &sg
	return true
}

// Begin begins a pause, after which a sighting is to be healed.
func (c *Conflict) Begin(sg agent.Sighting) { c.late = &sg }

// End ends the pause, and gives the newest sighting, which is to be healed now.
func (c *Conflict) End() *agent.Sighting {
	late := c.late
	c.late = nil
	return late
}

// Count counts a heal, and gives the pause to make before it. began says that the object is healed more slowly from now
// on.
func (c *Conflict) Count(sg agent.Sighting) (pause time.Duration, began bool) {
	now := sg.At
	if sg.Kind == agent.SightGone {
		return c.countDeletion(sg)
	}
	if now.Sub(c.since) > Window {
		if c.heals < healLimit/10 {
			c.pause = nil
		}
		c.since, c.heals = now, 0
	}
	c.heals++
	switch {
	case c.pause == nil && c.heals <= healLimit:
		return 0, false
	case c.pause == nil:
		c.pause, began = &backoff.Backoff{Min: time.Second, Max: 30 * time.Second}, true
	}
	return c.pause.Next(), began
}

// countDeletion counts a deletion of an object, and gives the pause to make before it is recreated.
func (c *Conflict) countDeletion(sg agent.Sighting) (pause time.Duration, began bool) {
	if c.deletions(sg.At) == 0 {
		c.slow = nil
	}
	c.deleted = append(c.deleted, sg.At)
	c.writers = writers(sg.Live)
	switch {
	case c.slow == nil && len(c.deleted) <= recreateLimit:
		return 0, false
	case c.slow == nil:
		c.slow, began = &backoff.Backoff{Min: 5 * time.Second, Max: recreatePause}, true
	}
	return c.slow.Next(), began
}

// deletions are how many deletions there were within recreateWindow.
func (c *Conflict) deletions(now time.Time) int {
	c.deleted = slices.DeleteFunc(c.deleted, func(at time.Time) bool { return now.Sub(at) > recreateWindow })
	return len(c.deleted)
}

// Slow says whether the object is healed or recreated more slowly.
func (c *Conflict) Slow() bool { return c != nil && (c.pause != nil || c.slow != nil) }

// Over says whether nothing happened for a while, so that the conflict may be forgotten.
func (c *Conflict) Over(now time.Time) bool {
	return now.Sub(c.since) >= 2*Window && c.late == nil && (c.slow == nil || c.deletions(now) == 0)
}

// Blame remembers whom the object is healed against, and over which fields.
func (c *Conflict) Blame(manager string, fields []string) {
	if c != nil {
		c.by, c.fields = manager, fields
	}
}

// Says describes the conflict over an object; "" if it is healed as fast as others.
func (c *Conflict) Says(ref protocol.ObjectRef) string {
	switch {
	case !c.Slow():
		return ""
	case c.slow != nil:
		return ref.String() + " " + c.Recreating()
	}
	by := c.by
	if by == "" {
		by = "somebody who leaves no trace"
	}
	return fmt.Sprintf("%s fights with manager %s over %s: it was healed more than %d times a minute, and is healed "+
		"more slowly now; "+
		"take the fields out of Git, or stop the client that changes them", ref, by, strings.Join(c.fields, ", "), healLimit)
}

// Recreating says why the object is recreated more slowly, and against whom as far as that is known; "" if it is not.
func (c *Conflict) Recreating() string {
	if c == nil || c.slow == nil {
		return ""
	}
	by := "nothing but Drover had written to it"
	if len(c.writers) > 0 {
		by = "it was last written to by " + strings.Join(c.writers, ", ")
	}
	return fmt.Sprintf("is deleted again and again: %d times within %s, so it is recreated more slowly; take it out of "+
		"Git, or stop what "+
		"deletes it (%s; the API server's audit log tells who deletes)", len(c.deleted), phrase.Short(recreateWindow), by)
}

// writers are the field managers of an object beside Drover, those that wrote last first.
func writers(l agent.Live) (out []string) {
	entries := slices.Clone(l.Managed)
	order.Stable(entries, func(a, b agent.Managed) int { return strings.Compare(b.Time, a.Time) })
	for _, e := range entries {
		if e.Manager != agent.Manager && !slices.Contains(out, e.Manager) {
			out = append(out, e.Manager)
		}
	}
	return out
}
