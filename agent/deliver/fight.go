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

// slowed says whether the heal of an object is put off because there were too many.
func (a *app) slowed(ctx context.Context, o *object, sg agent.Sighting) bool {
	if f := o.fight; f != nil && f.late != nil {
		f.late = &sg
		return true
	}
	pause := a.count(ctx, o, sg)
	if pause == 0 {
		return false
	}
	f := o.fight
	f.late, o.paced = &sg, time.Now().Add(pause)
	time.AfterFunc(pause, func() { a.post(func() { a.healLate(ctx, o, f) }) })
	return true
}

// healLate heals an object after the pause.
func (a *app) healLate(ctx context.Context, o *object, f *fight) {
	late := f.late
	f.late, o.paced = nil, time.Time{}
	if w, p := o.inForce(); o.fight == f && !o.gone && w != nil && o.drifted && !o.busy && !o.deleting && ctx.Err() == nil {
		a.startRepair(ctx, o, w, p, *late)
	}
}

// count counts a heal, and gives the pause to make before it.
func (a *app) count(ctx context.Context, o *object, sg agent.Sighting) time.Duration {
	f, now := o.fight, sg.At
	if f == nil {
		f = &fight{since: now}
		o.fight = f
	}
	if sg.Kind == agent.SightGone {
		return a.countDeletion(ctx, o, f, sg)
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
		a.watchSlowdown(ctx, o)
	}
	return f.pause.Next()
}

// watchSlowdown forgets a fight when it has been quiet for a while.
func (a *app) watchSlowdown(ctx context.Context, o *object) {
	var check func()
	check = func() {
		f := o.fight
		if f == nil || o.gone || f.pause == nil && f.slow == nil || ctx.Err() != nil {
			return
		}
		if time.Since(f.since) < 2*fightWindow || f.late != nil || f.slow != nil && f.deletions(time.Now()) > 0 {
			time.AfterFunc(fightWindow, func() { a.post(check) })
			return
		}
		o.fight = nil
		a.assess(ctx)
	}
	time.AfterFunc(fightWindow, func() { a.post(check) })
}

// blame remembers whom an object is healed against.
func (a *app) blame(o *object, e protocol.Event) {
	if f := o.fight; f != nil {
		f.by, f.fields = e.By, e.Fields
	}
}

// fighting describes the fights of an app.
func (a *app) fighting() string {
	for _, o := range a.own {
		f := o.fight
		if f == nil || f.pause == nil && f.slow == nil {
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
			"take the fields out of Git, or stop the client that changes them", o.item.Ref, by, strings.Join(f.fields, ", "), fightLimit)
	}
	return ""
}

// countDeletion counts a deletion of an object, and gives the pause to make before it is recreated.
func (a *app) countDeletion(ctx context.Context, o *object, f *fight, sg agent.Sighting) time.Duration {
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
		a.watchSlowdown(ctx, o)
		a.env.out.Changed(true)
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
