// Package sight takes what the watch tells of an app's objects: whether it is the agent's own doing or drift, whether
// an object is gone or a Job has ended, how healthy it is, and, with a look into its pods, why not. What follows for
// the app is told to it.
//
// A Seer belongs to the goroutine of its app. It may import agent, the packages actor, drift, owned and watch in
// agent/, fleet and protocol.
package sight

import (
	"context"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a seer works with.
type Config struct {
	*owned.Set
	*actor.Actor
	App
	Env
}

// App is what the app does about what was seen.
type App interface {
	// Pruned is told that an object that was to go is gone.
	Pruned(o *owned.Object)
	// Heal is told of drift.
	Heal(ctx context.Context, o *owned.Object, sg agent.Sighting)
	// Changed is told that the health of an object is another than before.
	Changed(ctx context.Context, o *owned.Object, before protocol.Health)
}

// Env is what the apps share for this.
type Env struct {
	Looks *watch.Looks
	Jobs  Jobs
	Log   *slog.Logger
}

// Jobs knows of those that are gone.
type Jobs interface {
	// Completed says whether a Job with a uid completed, as its events tell.
	Completed(ctx context.Context, ref protocol.ObjectRef, uid string) (bool, error)
}

// Seer takes what is seen of an app's objects.
type Seer struct{ Config }

// New makes one.
func New(c Config) Seer { return Seer{c} }

// See takes one look at an object. While a request for it is under way the newest look waits.
func (s *Seer) See(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	if o.Busy {
		if o.Stash == nil || o.Stash.Live.Version <= sg.Live.Version {
			o.Stash = &sg
		}
		return
	}
	s.judgeSighting(ctx, o, sg)
}

// JudgeStash judges the newest look that came while a request for the object was under way.
func (s *Seer) JudgeStash(ctx context.Context, o *owned.Object) {
	st := o.Stash
	o.Stash = nil
	if st != nil && !o.Gone {
		s.See(ctx, o, *st)
	}
}

// judgeSighting compares a look with what the agent knows. Versions rise, so whatever is older is known already, and
// whatever is newer than the agent's own apply was done by another client.
func (s *Seer) judgeSighting(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	if sg.Live.Version < o.Version {
		return
	}
	same := sg.Live.Version == o.Version && o.Ours
	o.Version = sg.Live.Version
	s.noteEnd(ctx, o, sg.Live, sg.Verdict.Message)
	if sg.Kind == agent.SightGone {
		s.missed(ctx, o, sg)
		return
	}
	before := o.Verdict
	o.Present, o.Deleting, o.Verdict = true, sg.Live.Deleting, sg.Verdict
	if o.Verdict.Health != protocol.HealthCurrent {
		o.Unnoticed = owned.Unnoticed{}
	}
	if o.SetPaused(sg.Live.Paused) {
		s.Kick() // to store it, and to apply what came meanwhile
	}
	known := drift.Known{Wanted: o.Want != nil, Line: o.Item.Line, Fields: o.Item.Fields, Own: same}
	switch drift.Judge(known, sg.Live.Fields) {
	case drift.Own: // whatever it looks like is how it should
		o.Trust(sg.Live.Fields)
	case drift.Drifted:
		o.Ours, o.Drifted = false, true
		s.Heal(ctx, o, sg)
	case drift.Matches:
		o.Ours, o.Drifted, o.Astray = false, false, nil
		o.Untell()
		if o.Item.Line == o.Want.Line {
			o.Trouble = nil // whatever it was, it is as it should be
		}
	}
	o.Generation, o.Owners = sg.Live.Generation, sg.Live.OwnerUIDs()
	s.Inquire(ctx, o)
	if before != o.Verdict {
		s.Changed(ctx, o, before.Health)
	}
}

// missed is for an object that is not there, or no longer carries the label.
func (s *Seer) missed(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	o.Present, o.Ours, o.Deleting = false, false, false
	o.Unlook()
	if o.Want == nil {
		if o.Removing {
			s.Pruned(o)
		}
		return // or else the next prune finds out
	}
	if o.Ended() {
		s.settleEnded(ctx, o)
		return
	}
	if s.unseenEnd(ctx, o, sg) {
		return
	}
	before := o.Verdict.Health
	o.Removing, o.Verdict = false, fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there"}
	o.Drifted = true
	s.Heal(ctx, o, sg)
	if o.Trouble != nil && agent.ReasonOf(o.Trouble.Err) == agent.ReasonEnding { // this is what was waited for
		o.Trouble.Next = time.Time{}
		s.Kick()
	}
	s.Changed(ctx, o, before)
}
