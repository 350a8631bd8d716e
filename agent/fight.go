package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

const (
	// fightLimit is how often an object may be healed within fightWindow before Drover takes it slower: somebody
	// who edits does not come near it, another controller does.
	fightLimit  = 300
	fightWindow = time.Minute
)

// fight is how often an object was healed lately, and against whom.
type fight struct {
	since  time.Time
	heals  int
	pause  *backoff.Backoff // not nil while it is taken slower
	by     string
	fields []string
	late   *Sighting // to be healed after the pause; nil if none is being made
}

// slowed says whether the heal of an object is put off because there were too many. s.mu is held.
func (s *session) slowed(ctx context.Context, o *object, sg Sighting) bool {
	if f := s.fights[o]; f != nil && f.late != nil {
		f.late = &sg
		return true
	}
	pause := s.count(ctx, o, sg.At)
	if pause == 0 {
		return false
	}
	f := s.fights[o]
	f.late = &sg
	time.AfterFunc(pause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late := f.late
		f.late = nil
		if w, p := o.inForce(); s.fights[o] == f && w != nil && o.drifted && !o.busy && !o.deleting && !s.closed {
			s.mend(ctx, o, w, p, *late)
		}
	})
	return true
}

// count counts a heal, and gives the pause to make before it. s.mu is held.
func (s *session) count(ctx context.Context, o *object, now time.Time) time.Duration {
	f := s.fights[o]
	if f == nil {
		f = &fight{since: now}
		s.fights[o] = f
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
		if f == nil || f.pause == nil || ctx.Err() != nil || s.closed {
			return
		}
		if time.Since(f.since) < 2*fightWindow {
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
		if o.app != a || f.pause == nil {
			continue
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
