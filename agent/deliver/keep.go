package deliver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// absent stands for the field set of an object that is not there.
var absent = agent.SumOf([]byte("absent"))

// paused takes down whether an object asks in the cluster to be left alone. s.mu is held.
func (s *session) paused(ctx context.Context, o *object, yes bool) {
	if o.item.Paused == yes {
		return
	}
	o.item.Paused, o.app.dirty = yes, true
	s.kick(ctx, o.app) // to store it, and to apply what came meanwhile
}

// keepDrift tells of a drift from w, as p has it, that is left, once. s.mu is held.
func (s *session) keepDrift(ctx context.Context, o *object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	a, fields := o.app, sg.Live.Fields
	if sg.Kind == agent.SightGone {
		fields = absent
	}
	if !a.settings.KeepDrift || o.left() || w.Mode == fleet.ModeIfNotPresent || o.item.Told == fields {
		return
	}
	o.item.Told, a.dirty = fields, true
	s.kick(ctx, a) // to store it, so that the next agent does not tell it again
	if sg.Kind == agent.SightGone {
		s.tellLeft(o, protocol.Event{Time: sg.At, Message: "it was deleted, and left so"})
		return
	}
	s.spawn(func() { s.compare(ctx, a, o, w, p, sg) })
}

// compare finds out what drifted by asking what an apply would do.
func (s *session) compare(ctx context.Context, a *app, o *object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	lines, err := p.Lines()
	var res agent.Resource
	if err == nil {
		res, err = s.cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	}
	var c agent.Culprit
	if err == nil {
		e := s.errand(ctx, a, o, w, res, lines)
		e.patch.Try, e.patch.Polite = true, false
		var would agent.Live
		if would, err = e.at.Apply(ctx, e.res, e.ref, e.patch); err == nil {
			c = e.at.Blame(sg.Live, would)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case o.app != a || o.item.Line != w.Line:
	case err != nil:
		s.tellLeft(o, protocol.Event{Time: sg.At, Message: "somebody changed it; it is left so"})
	case len(c.Fields) == 0: // it only looks different
		s.trust(o, sg.Live.Fields)
		o.drifted = false
		s.untell(o)
	default:
		s.tellLeft(o, protocol.Event{Time: sg.At, By: c.Manager, Fields: c.Fields, Message: c.Changed() + "; it is left so"})
	}
}

// tellLeft tells of a drift that is left. s.mu is held.
func (s *session) tellLeft(o *object, e protocol.Event) {
	ref := o.item.Ref
	e.Kind, e.App, e.Object = protocol.EventDrift, o.app.name, &ref
	e.Message += ", because the app keeps drift: it is as in Git again when its next change in Git comes, or put it right by hand"
	s.emit(e)
	s.out.Changed(false)
}

// untell forgets a drift that is no more. s.mu is held.
func (s *session) untell(o *object) {
	if o.item.Told != (agent.Sum{}) {
		o.item.Told, o.app.dirty = agent.Sum{}, true
	}
}

// asides is what is to be known of an app that is healthy.
func (a *app) asides() string {
	drifted, left := 0, 0
	for _, o := range a.own {
		switch {
		case o.want == nil:
		case o.left():
			left++
		case o.item.Told != agent.Sum{}:
			drifted++
		}
	}
	var out []string
	if drifted > 0 {
		out = append(out, fmt.Sprintf("%s drifted, and left so, because the app keeps drift", phrase.Count(drifted, "object")))
	}
	if left > 0 {
		out = append(out, fmt.Sprintf("%s left alone, as annotations of theirs ask", phrase.Count(left, "object")))
	}
	out = append(out, a.atomics())
	return strings.Join(slices.DeleteFunc(out, func(s string) bool { return s == "" }), "; ")
}
