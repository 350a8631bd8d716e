package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
)

// keepLast reduces what is kept of former content to the objects whose newer content is not accepted yet.
func (a *App) keepLast(ctx context.Context) {
	from := a.FormerPlans()
	if len(from) == 0 {
		return
	}
	open := a.Superseded()
	var kept []*plan.Plan
	a.Await(ctx, func() {
		for _, p := range from {
			q, err := p.Only(func(w *plan.Want) bool { return owned.TakeFrom(open, w) })
			if err != nil { // it was decompressed before, when it was applied
				a.env.Plans.Lost(a.Name, err)
			} else if q != nil {
				kept = append(kept, q)
			}
		}
	})
	a.Lasts, a.Was = kept, nil
}

// fallBack heals objects that drifted while their newer content is not accepted, to what was applied last.
func (a *App) fallBack(ctx context.Context) {
	for _, o := range a.Own {
		if o.Astray == nil || !o.Drifted || o.Busy || o.Deleting || a.Suspended() {
			continue
		}
		if w, p := o.InForce(); w != nil && w != o.Want && o.Heals() && !a.slowed(ctx, o, *o.Astray) {
			a.startRepair(ctx, o, w, p, *o.Astray)
		}
	}
}

// startRepair begins to apply an object again that drifted.
func (a *App) startRepair(ctx context.Context, o *owned.Object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	o.Busy = true
	r := a.request()
	a.Spawn(func() { r.repair(ctx, o, w, p, sg) })
}
