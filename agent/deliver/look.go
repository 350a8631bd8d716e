package deliver

import (
	"context"

	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// look is a search for the cause why an object is not healthy, and what it has found.
type look struct {
	*watch.Look
	object     *object
	generation int64 // of the object; the cause is of no other
	cause      fleet.Cause
}

// health is the object's, with the cause that a look has found.
func (o *object) health() fleet.Verdict {
	switch l := o.look; {
	case o.verdict.Health == protocol.HealthCurrent && o.unnoticed.open():
		return o.unnoticed.verdict()
	case l == nil:
		return o.verdict
	case o.verdict.Health == protocol.HealthDegraded && o.app.env.looks.First(l.Look): // which takes a moment, and makes the event that tells of it worth reading
		return fleet.Verdict{Health: protocol.HealthProgressing, Message: o.verdict.Message}
	default:
		return o.verdict.Because(l.cause)
	}
}

// inquire has an object looked into while it is not well, and no longer. While a turn of its app is under way no look
// begins: what was just applied is rarely well, and looking would take from the API server what applying needs.
func (a *app) inquire(ctx context.Context, o *object) {
	l := o.look
	well := o.verdict.Health == protocol.HealthCurrent || o.verdict.Health == protocol.HealthPaused
	ill := !well || l != nil && l.cause.Holds()
	if o.want == nil || !o.present || o.deleting || !ill || !fleet.Explained(o.item.Ref) {
		o.unlook()
		return
	}
	switch {
	case l == nil && a.Running:
		return
	case l != nil && l.generation != o.generation:
		o.unlook() // what was found is of what it was before
		fallthrough
	case l == nil:
		a.lookInto(ctx, o)
	}
	a.env.looks.Ask(o.look.Look)
}

// lookInto begins a look into an object.
func (a *app) lookInto(ctx context.Context, o *object) {
	l := &look{object: o, generation: o.generation}
	l.Look = &watch.Look{
		APIVersion: o.item.APIVersion, Ref: o.item.Ref,
		Found: func(turn int, c fleet.Cause) { a.Post(func() { a.found(ctx, l, turn, c) }) },
		Ended: func(turn int) { a.Post(func() { a.looked(ctx, l, turn) }) },
	}
	o.look = l
}

// unlook ends the look into the object.
func (o *object) unlook() {
	if l := o.look; l != nil {
		o.look = nil
		o.app.env.looks.Forget(l.Look)
	}
}

// found takes a cause down.
func (a *app) found(ctx context.Context, l *look, turn int, c fleet.Cause) {
	o := l.object
	if o.look != l || !a.env.looks.Has(l.Look, turn) {
		return
	}
	before := o.health()
	l.cause = c
	a.env.looks.Told(l.Look)
	if o.verdict.Health == protocol.HealthCurrent && !c.Holds() {
		o.unlook()
	}
	a.reassess(ctx, o, before)
}

// looked is for a turn that has come to its end by itself. The next change of the object begins another one.
func (a *app) looked(ctx context.Context, l *look, turn int) {
	if !a.env.looks.Has(l.Look, turn) {
		return // it was ended, and perhaps begun again
	}
	before := l.object.health()
	a.env.looks.Forget(l.Look)
	if l.object.look == l {
		a.reassess(ctx, l.object, before)
	}
}

// reassess follows up what a look has changed.
func (a *app) reassess(ctx context.Context, o *object, before fleet.Verdict) {
	if o.health() == before {
		return
	}
	a.moveOn(o, before.Health)
	if a.env.watches.Synced(o.item.Ref) {
		a.assessIdle(ctx)
	}
}
