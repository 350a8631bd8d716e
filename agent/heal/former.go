package heal

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
)

// KeepLast reduces what is kept of former content to the objects whose newer content is not accepted yet.
func (h *Healer) KeepLast(ctx context.Context) {
	from := h.FormerPlans()
	if len(from) == 0 {
		return
	}
	open := h.Superseded()
	var kept []*plan.Plan
	h.Await(ctx, func() {
		for _, p := range from {
			q, err := p.Only(func(w *plan.Want) bool { return owned.TakeFrom(open, w) })
			if err != nil { // it was decompressed before, when it was applied
				h.Lost(h.Name, err)
			} else if q != nil {
				kept = append(kept, q)
			}
		}
	})
	h.Lasts, h.Was = kept, nil
}

// FallBack heals objects that drifted while their newer content is not accepted, to what was applied last.
func (h *Healer) FallBack(ctx context.Context) {
	for _, o := range h.Own {
		if o.Astray == nil || !o.Drifted || o.Busy || o.Deleting || h.Suspended() {
			continue
		}
		if w, p := o.InForce(); w != nil && w != o.Want && o.Heals() && !h.slowed(ctx, o, *o.Astray) {
			h.startRepair(ctx, o, w, p, *o.Astray)
		}
	}
}

// startRepair begins to apply an object again that drifted.
func (h *Healer) startRepair(ctx context.Context, o *owned.Object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	o.Busy = true
	r := h.Request()
	h.Spawn(func() { h.repair(ctx, r, o, w, p, sg) })
}
