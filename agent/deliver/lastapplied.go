package deliver

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// keepLast reduces what is kept of former content to the objects whose newer content is not accepted yet.
func (a *app) keepLast(ctx context.Context) {
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
				a.env.lost(a.Name, err)
			} else if q != nil {
				kept = append(kept, q)
			}
		}
	})
	a.Lasts, a.Was = kept, nil
}

// restoreLast takes up former content as it was stored. What cannot be made again as it was applied is of no use.
func (a *app) restoreLast(ctx context.Context, st agent.AppState) (out []*plan.Plan) {
	for _, last := range st.Last {
		spec := protocol.App{Name: st.Spec.Name, Namespace: last.Namespace, Handling: last.Handling,
			Blob: &protocol.Blob{Size: last.Size, Objects: last.Objects}}
		lines, err := agent.Unpack(last.Packed, last.Size)
		var p *plan.Plan
		if err == nil {
			p, err = a.makePlan(ctx, agent.AppState{Spec: spec, Generation: st.Generation, Packed: last.Packed}, lines)
		}
		if err != nil {
			a.env.lost(a.Name, err)
			continue
		}
		out = append(out, p.Former())
	}
	return out
}

// fallBack heals objects that drifted while their newer content is not accepted, to what was applied last.
func (a *app) fallBack(ctx context.Context) {
	for _, o := range a.Own {
		if o.Astray == nil || !o.Drifted || o.Busy || o.Deleting || a.suspended() {
			continue
		}
		if w, p := o.InForce(); w != nil && w != o.Want && o.Heals() && !a.slowed(ctx, o, *o.Astray) {
			a.startRepair(ctx, o, w, p, *o.Astray)
		}
	}
}

// startRepair begins to apply an object again that drifted.
func (a *app) startRepair(ctx context.Context, o *owned.Object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	o.Busy = true
	r := a.request()
	a.Spawn(func() { r.repair(ctx, o, w, p, sg) })
}
