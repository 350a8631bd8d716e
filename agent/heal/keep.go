package heal

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// absent stands for the field set of an object that is not there.
var absent = agent.SumOf([]byte("absent"))

// keepDrift tells of a drift from w, as p has it, that is left, once.
func (h *Healer) keepDrift(ctx context.Context, o *owned.Object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	fields := sg.Live.Fields
	if sg.Kind == agent.SightGone {
		fields = absent
	}
	if !h.Settings.KeepDrift || o.Left() || w.Mode == fleet.ModeIfNotPresent || o.Item.Told == fields {
		return
	}
	o.Item.Told, h.Dirty = fields, true
	h.Kick() // to store it, so that the next agent does not tell it again
	if sg.Kind == agent.SightGone {
		h.tellLeft(o, protocol.Event{Time: sg.At, Message: "it was deleted, and left so"})
		return
	}
	r := h.Request()
	h.Spawn(func() { h.compare(ctx, r, o, w, p, sg) })
}

// compare finds out what drifted by asking what an apply would do. It runs beside the app.
func (h *Healer) compare(ctx context.Context, r access.Request, o *owned.Object, w *plan.Want, p *plan.Plan,
	sg agent.Sighting,
) {
	lines, err := p.Lines()
	var c agent.Culprit
	if err == nil {
		var would agent.Live
		if would, err = h.Sender.Would(ctx, r, o, w, lines); err == nil {
			c = r.Objects.Blame(sg.Live, would)
		}
	}
	h.Do(func() { h.compared(o, w, sg, c, err) })
}

// compared takes down what drifted.
func (h *Healer) compared(o *owned.Object, w *plan.Want, sg agent.Sighting, c agent.Culprit, err error) {
	switch {
	case o.Gone || o.Item.Line != w.Line:
	case err != nil:
		h.tellLeft(o, protocol.Event{Time: sg.At, Message: "another client changed it; it is left so"})
	case len(c.Fields) == 0: // it only looks different
		o.Trust(sg.Live.Fields)
		o.Drifted = false
		o.Untell()
	default:
		h.tellLeft(o, protocol.Event{Time: sg.At, By: c.Manager, Fields: c.Fields, Message: c.Changed() + "; it is left so"})
	}
}

// tellLeft tells of a drift that is left.
func (h *Healer) tellLeft(o *owned.Object, e protocol.Event) {
	ref := o.Item.Ref
	e.Kind, e.App, e.Object = protocol.EventDrift, h.Name, &ref
	e.Message += ", because the app keeps drift: it is as in Git again when its next change " +
		"in Git comes, or put it right by hand"
	h.Emit(e)
	h.News(false)
}
