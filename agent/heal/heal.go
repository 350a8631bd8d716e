package heal

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Heal applies an object again that drifted, at once.
func (h *Healer) Heal(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	w, p := o.InForce()
	state := drift.State{Ready: !o.Busy && !o.Deleting && o.Want != nil && !h.Suspended(), Known: w != nil,
		Newer: w != o.Want, Gone: sg.Kind == agent.SightGone, Fails: o.Trouble != nil}
	state.Heals = o.Want != nil && o.Heals()
	action := drift.Decide(state)
	if state.Newer && (action == drift.Retry || action == drift.Repair) {
		o.Astray = &sg
	}
	switch action {
	case drift.Wait:
	case drift.Keep:
		h.keepDrift(ctx, o, w, p, sg)
	case drift.Retry:
		if o.Trouble != nil {
			o.Trouble.Next = time.Time{}
		}
		h.Kick()
	case drift.Repair:
		if !h.slowed(ctx, o, sg) {
			h.startRepair(ctx, o, w, p, sg)
		}
	}
}

// repair is the request for that, and runs beside the app. The object is busy.
func (h *Healer) repair(ctx context.Context, r access.Request, o *owned.Object, w *plan.Want, p *plan.Plan,
	sg agent.Sighting,
) {
	h.Slots <- struct{}{}
	lines, err := p.Lines()
	var live agent.Live
	if err == nil {
		live, err = h.Sender.Send(ctx, r, o, w, lines)
	}
	<-h.Slots
	took := time.Since(sg.At)
	healed := err == nil && !live.Left && (live.Created || live.Version != sg.Live.Version)
	var c agent.Culprit
	if healed && sg.Kind != agent.SightGone {
		c = r.Objects.Blame(sg.Live, live)
		healed = live.Created || len(c.Fields) > 0
	}
	h.Do(func() {
		if healed {
			h.Corrected(nil)
			h.Healed(time.Now())
		}
		h.Settle(ctx, o, w, live, err)
		if err == nil && live.Version == sg.Live.Version {
			o.Trust(sg.Live.Fields) // it only looked different
		}
		if healed {
			h.journal(o, sg, live, c, took)
		}
	})
}

// journal tells of a drift that was corrected, and who it was.
func (h *Healer) journal(o *owned.Object, sg agent.Sighting, live agent.Live, c agent.Culprit, took time.Duration) {
	e := protocol.Event{Kind: protocol.EventDrift, App: h.Name, Took: protocol.MillisOf(took), Time: sg.At}
	switch {
	case sg.Kind == agent.SightGone && live.Created:
		e.Message = "it was deleted; it is there again"
		if slow := o.Conflict.Recreating(); slow != "" {
			e.Message += "; it " + slow
		}
	case sg.Kind == agent.SightGone:
		e.Fields, e.Message = []string{"metadata.labels." + fleet.LabelApp}, "its label was taken away; it is back"
	default:
		e.By, e.Fields = c.Manager, c.Fields
		e.Message = c.Changed() + "; it is as in Git again"
	}
	ref := o.Item.Ref
	e.Object = &ref
	o.Conflict.Blame(e.By, e.Fields)
	h.Emit(e)
	e.Version, e.Cluster, e.Generation = protocol.Version, h.ClusterName, h.Accepted.Bundle.Generation
	h.Corrected(&e)
	h.News(false)
}

// slowed says whether the heal of an object is put off because there were too many.
func (h *Healer) slowed(ctx context.Context, o *owned.Object, sg agent.Sighting) bool {
	if o.Conflict.Defer(sg) {
		return true
	}
	if o.Conflict == nil {
		o.Conflict = drift.NewConflict(sg.At)
	}
	c := o.Conflict
	pause, began := c.Count(sg)
	if began {
		h.watchSlowdown(ctx, o)
		if sg.Kind == agent.SightGone {
			h.News(true)
		}
	}
	if pause == 0 {
		return false
	}
	c.Begin(sg)
	o.Paced = time.Now().Add(pause)
	time.AfterFunc(pause, func() { h.Post(func() { h.healLate(ctx, o, c) }) })
	return true
}

// healLate heals an object after the pause.
func (h *Healer) healLate(ctx context.Context, o *owned.Object, c *drift.Conflict) {
	late := c.End()
	o.Paced = time.Time{}
	if w, p := o.InForce(); o.Conflict == c && !o.Gone && w != nil && o.Drifted && !o.Busy && !o.Deleting &&
		ctx.Err() == nil {
		h.startRepair(ctx, o, w, p, *late)
	}
}

// watchSlowdown forgets a conflict when it has been quiet for a while.
func (h *Healer) watchSlowdown(ctx context.Context, o *owned.Object) {
	var check func()
	check = func() {
		c := o.Conflict
		if o.Gone || !c.Slow() || ctx.Err() != nil {
			return
		}
		if !c.Over(time.Now()) {
			time.AfterFunc(drift.Window, func() { h.Post(check) })
			return
		}
		o.Conflict = nil
		h.Quiet(ctx)
	}
	time.AfterFunc(drift.Window, func() { h.Post(check) })
}
