package sight

import (
	"context"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Inquire has an object looked into while it is not well, and no longer. While a turn of its app is under way no look
// begins: what was just applied is rarely well, and looking would take from the API server what applying needs.
func (s *Seer) Inquire(ctx context.Context, o *owned.Object) {
	l := o.Look
	well := o.Verdict.Health == protocol.HealthCurrent || o.Verdict.Health == protocol.HealthPaused
	ill := !well || l != nil && l.Cause.Holds()
	if o.Want == nil || !o.Present || o.Deleting || !ill || !fleet.Explained(o.Item.Ref) {
		o.Unlook()
		return
	}
	switch {
	case l == nil && s.Running:
		return
	case l != nil && (l.Generation != o.Generation || worse(o)):
		o.Unlook() // what was found is of what it was before
		fallthrough
	case l == nil:
		s.lookInto(ctx, o)
	}
	s.Looks.Ask(o.Look.Look)
}

// worse says whether an object is degraded that was not when the look into it began, and that has found nothing that
// is. What it follows may come after what the object says of itself; a look that begins now sees it.
func worse(o *owned.Object) bool {
	return o.Verdict.Health == protocol.HealthDegraded && !o.Look.Degraded &&
		o.Look.Cause.Health != protocol.HealthDegraded
}

// lookInto begins a look into an object.
func (s *Seer) lookInto(ctx context.Context, o *owned.Object) {
	l := &owned.Look{Looks: s.Looks, Generation: o.Generation,
		Degraded: o.Verdict.Health == protocol.HealthDegraded}
	l.Look = &watch.Look{
		APIVersion: o.Item.APIVersion, Ref: o.Item.Ref,
		Found: func(turn int, c fleet.Cause) { s.Post(func() { s.found(ctx, o, l, turn, c) }) },
		Ended: func(turn int) { s.Post(func() { s.looked(ctx, o, l, turn) }) },
	}
	o.Look = l
}

// found takes a cause down.
func (s *Seer) found(ctx context.Context, o *owned.Object, l *owned.Look, turn int, c fleet.Cause) {
	if o.Look != l || !s.Looks.Has(l.Look, turn) {
		return
	}
	before := o.Health()
	l.Cause = c
	s.Looks.Told(l.Look)
	if o.Verdict.Health == protocol.HealthCurrent && !c.Holds() {
		o.Unlook()
	}
	s.reassess(ctx, o, before)
}

// looked is for a turn that has come to its end by itself. The next change of the object begins another one.
func (s *Seer) looked(ctx context.Context, o *owned.Object, l *owned.Look, turn int) {
	if !s.Looks.Has(l.Look, turn) {
		return // it was ended, and perhaps begun again
	}
	before := o.Health()
	s.Looks.Forget(l.Look)
	if o.Look == l {
		s.reassess(ctx, o, before)
	}
}

// reassess follows up what a look has changed.
func (s *Seer) reassess(ctx context.Context, o *owned.Object, before fleet.Verdict) {
	if o.Health() == before {
		return
	}
	s.Changed(ctx, o, before.Health)
}
