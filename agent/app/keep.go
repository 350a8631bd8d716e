package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/apply"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// absent stands for the field set of an object that is not there.
var absent = agent.SumOf([]byte("absent"))

// keepDrift tells of a drift from w, as p has it, that is left, once.
func (a *App) keepDrift(ctx context.Context, o *owned.Object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	fields := sg.Live.Fields
	if sg.Kind == agent.SightGone {
		fields = absent
	}
	if !a.Settings.KeepDrift || o.Left() || w.Mode == fleet.ModeIfNotPresent || o.Item.Told == fields {
		return
	}
	o.Item.Told, a.Dirty = fields, true
	a.Kick() // to store it, so that the next agent does not tell it again
	if sg.Kind == agent.SightGone {
		a.tellLeft(o, protocol.Event{Time: sg.At, Message: "it was deleted, and left so"})
		return
	}
	r := a.request()
	a.Spawn(func() { r.compare(ctx, o, w, p, sg) })
}

// compare finds out what drifted by asking what an apply would do.
func (r request) compare(ctx context.Context, o *owned.Object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	lines, err := p.Lines()
	var res agent.Resource
	if err == nil {
		res, err = r.env.Cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	}
	var c agent.Culprit
	if err == nil {
		known := w.HasReplicas && r.env.Scaling.Known(ctx, w.Ref.Namespace)
		var t apply.Task
		r.app.Do(func() { t = r.app.task(o, w, res, lines, known) })
		t.Patch.Try, t.Patch.Polite = true, false
		var would agent.Live
		if would, err = t.At.Apply(ctx, t.Resource, t.Ref, t.Patch); err == nil {
			c = r.Objects.Blame(sg.Live, would)
		}
	}
	r.app.Do(func() { r.app.compared(o, w, sg, c, err) })
}

// compared takes down what drifted.
func (a *App) compared(o *owned.Object, w *plan.Want, sg agent.Sighting, c agent.Culprit, err error) {
	switch {
	case o.Gone || o.Item.Line != w.Line:
	case err != nil:
		a.tellLeft(o, protocol.Event{Time: sg.At, Message: "somebody changed it; it is left so"})
	case len(c.Fields) == 0: // it only looks different
		o.Trust(sg.Live.Fields)
		o.Drifted = false
		o.Untell()
	default:
		a.tellLeft(o, protocol.Event{Time: sg.At, By: c.Manager, Fields: c.Fields, Message: c.Changed() + "; it is left so"})
	}
}

// tellLeft tells of a drift that is left.
func (a *App) tellLeft(o *owned.Object, e protocol.Event) {
	ref := o.Item.Ref
	e.Kind, e.App, e.Object = protocol.EventDrift, a.Name, &ref
	e.Message += ", because the app keeps drift: it is as in Git again when its next change in Git comes, or put it right by hand"
	a.Emit(e)
	a.env.Out.Changed(false)
}
