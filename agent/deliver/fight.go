package deliver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

const (
	// fightLimit is how often an object may be healed within fightWindow before Drover takes it slower: somebody
	// who edits does not come near it, another controller does.
	fightLimit  = 300
	fightWindow = time.Minute
	// An object that is deleted more often than recreateLimit within recreateWindow is recreated after pauses that double.
	recreateLimit  = 3
	recreateWindow = 10 * time.Minute
)

// fight is how often an object was healed lately, and against whom.
type fight struct {
	since  time.Time
	heals  int
	pause  *backoff.Backoff // not nil while it is taken slower
	by     string
	fields []string
	late   *agent.Sighting // to be healed after the pause; nil if none is being made

	deleted []time.Time      // when, within recreateWindow
	slow    *backoff.Backoff // not nil while it is recreated more slowly
	writers []string         // field managers that wrote to what was deleted last
}

// slowed says whether the heal of an object is put off because there were too many. s.mu is held.
func (s *session) slowed(ctx context.Context, o *object, sg agent.Sighting) bool {
	if f := s.fights[o]; f != nil && f.late != nil {
		f.late = &sg
		return true
	}
	pause := s.count(ctx, o, sg)
	if pause == 0 {
		return false
	}
	f := s.fights[o]
	f.late, o.paced = &sg, time.Now().Add(pause)
	time.AfterFunc(pause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late := f.late
		f.late, o.paced = nil, time.Time{}
		if w, p := o.inForce(); s.fights[o] == f && w != nil && o.drifted && !o.busy && !o.deleting && !s.closed {
			s.mend(ctx, o, w, p, *late)
		}
	})
	return true
}

// count counts a heal, and gives the pause to make before it. s.mu is held.
func (s *session) count(ctx context.Context, o *object, sg agent.Sighting) time.Duration {
	f, now := s.fights[o], sg.At
	if f == nil {
		f = &fight{since: now}
		s.fights[o] = f
	}
	if sg.Kind == agent.SightGone {
		return s.countDeletion(ctx, o, f, sg)
	}
	if now.Sub(f.since) > fightWindow {
		if f.heals < fightLimit/10 {
			f.pause = nil
		}
		f.since, f.heals = now, 0
	}
	f.heals++
	switch {
	case f.pause == nil && f.heals <= fightLimit:
		return 0
	case f.pause == nil:
		f.pause = &backoff.Backoff{Min: time.Second, Max: 30 * time.Second}
		s.peace(ctx, o)
	}
	return f.pause.Next()
}

// peace forgets a fight when it has been quiet for a while. s.mu is held.
func (s *session) peace(ctx context.Context, o *object) {
	var check func()
	check = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f := s.fights[o]
		if f == nil || f.pause == nil && f.slow == nil || ctx.Err() != nil || s.closed {
			return
		}
		if time.Since(f.since) < 2*fightWindow || f.late != nil || f.slow != nil && f.deletions(time.Now()) > 0 {
			time.AfterFunc(fightWindow, check)
			return
		}
		delete(s.fights, o)
		s.assess(ctx, o.app)
	}
	time.AfterFunc(fightWindow, check)
}

// blame remembers whom an object is healed against. s.mu is held.
func (s *session) blame(o *object, e protocol.Event) {
	if f := s.fights[o]; f != nil {
		f.by, f.fields = e.By, e.Fields
	}
}

// fighting describes the fights of an app. s.mu is held.
func (s *session) fighting(a *app) string {
	for o, f := range s.fights {
		if o.app != a || f.pause == nil && f.slow == nil {
			continue
		}
		if f.slow != nil {
			return o.item.Ref.String() + " " + f.recreating()
		}
		by := f.by
		if by == "" {
			by = "somebody who leaves no trace"
		}
		return fmt.Sprintf("%s fights with manager %s over %s: it was healed more than %d times a minute, and is healed more slowly now; "+
			"take the fields out of Git, or stop whoever changes them", o.item.Ref, by, strings.Join(f.fields, ", "), fightLimit)
	}
	return ""
}

// countDeletion counts a deletion of an object, and gives the pause to make before it is recreated. s.mu is held.
func (s *session) countDeletion(ctx context.Context, o *object, f *fight, sg agent.Sighting) time.Duration {
	if f.deletions(sg.At) == 0 {
		f.slow = nil
	}
	f.deleted = append(f.deleted, sg.At)
	f.writers = writers(sg.Live)
	switch {
	case f.slow == nil && len(f.deleted) <= recreateLimit:
		return 0
	case f.slow == nil:
		f.slow = &backoff.Backoff{Min: 5 * time.Second, Max: maxPause}
		s.peace(ctx, o)
		s.out.Changed(true)
	}
	return f.slow.Next()
}

// deletions are how many deletions there were within recreateWindow.
func (f *fight) deletions(now time.Time) int {
	f.deleted = slices.DeleteFunc(f.deleted, func(at time.Time) bool { return now.Sub(at) > recreateWindow })
	return len(f.deleted)
}

// recreating says why an object is recreated more slowly, and against whom as far as that is known.
func (f *fight) recreating() string {
	by := "nothing but Drover had written to it"
	if len(f.writers) > 0 {
		by = "it was last written to by " + strings.Join(f.writers, ", ")
	}
	return fmt.Sprintf("is deleted again and again: %d times within %s, so it is recreated more slowly; take it out of Git, or stop what "+
		"deletes it (%s; the API server's audit log tells who deletes)", len(f.deleted), phrase.Short(recreateWindow), by)
}

// writers are the field managers of an object beside Drover, those that wrote last first.
func writers(l agent.Live) (out []string) {
	entries := slices.Clone(l.Managed)
	slices.SortStableFunc(entries, func(a, b agent.Managed) int { return strings.Compare(b.Time, a.Time) })
	for _, e := range entries {
		if e.Manager != agent.Manager && !slices.Contains(out, e.Manager) {
			out = append(out, e.Manager)
		}
	}
	return out
}
