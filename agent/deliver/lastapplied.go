package deliver

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// inForce is the content that an object has in the cluster until Git's is accepted, and the plan that has its line;
// nil if it is not known.
func (o *object) inForce() (*plan.Want, *plan.Plan) {
	a := o.app
	if o.want == nil || a.plan == nil || o.item.Line == (agent.Sum{}) {
		return nil, nil
	}
	if o.item.Line == o.want.Line {
		return o.want, a.plan
	}
	for _, p := range append(slices.Clone(a.lasts), a.was) {
		if w := p.Find(o.item.Ref, o.item.Line); w != nil {
			return w, p
		}
	}
	return nil, nil
}

// superseded are the objects whose newer content is not accepted yet, with the line that was applied last.
func (a *app) superseded() map[protocol.ObjectRef]agent.Sum {
	out := map[protocol.ObjectRef]agent.Sum{}
	for _, o := range a.own {
		if o.want != nil && o.item.Line != (agent.Sum{}) && o.pending() {
			out[o.item.Ref] = o.item.Line
		}
	}
	return out
}

// keepLast reduces what is kept of former content to the objects whose newer content is not accepted yet.
func (a *app) keepLast(ctx context.Context) {
	from := slices.Clone(a.lasts)
	if a.was != nil {
		from = append(from, a.was)
	}
	if len(from) == 0 {
		return
	}
	open := a.superseded()
	var kept []*plan.Plan
	a.await(ctx, func() {
		for _, p := range from {
			q, err := p.Only(func(w *plan.Want) bool { return takeFrom(open, w) })
			if err != nil { // it was decompressed before, when it was applied
				a.env.lost(a.name, err)
			} else if q != nil {
				kept = append(kept, q)
			}
		}
	})
	a.lasts, a.was = kept, nil
}

// takeFrom takes a want out of the lines that are looked for, and says whether it is one of them.
func takeFrom(open map[protocol.ObjectRef]agent.Sum, w *plan.Want) bool {
	ref := w.Ref
	if w.KindUnknown && open[ref] == (agent.Sum{}) {
		ref = w.WithoutNamespace()
	}
	if open[ref] == (agent.Sum{}) || open[ref] != w.Line {
		return false
	}
	delete(open, ref)
	return true
}

// lastApplied is what is stored of former content.
func (a *app) lastApplied() (out []agent.LastApplied) {
	for _, p := range a.lasts {
		h := p.Handling()
		h = protocol.Handling{ServiceAccount: h.ServiceAccount, Decrypt: h.Decrypt, Substitute: h.Substitute}
		packed, size := p.Packed()
		out = append(out, agent.LastApplied{Handling: h, Namespace: p.Home, Objects: len(p.Wants),
			Size: size, Packed: packed})
	}
	return out
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
			a.env.lost(a.name, err)
			continue
		}
		out = append(out, p.Former())
	}
	return out
}

// fallBack heals objects that drifted while their newer content is not accepted, to what was applied last.
func (a *app) fallBack(ctx context.Context) {
	for _, o := range a.own {
		if o.astray == nil || !o.drifted || o.busy || o.deleting || a.suspended() {
			continue
		}
		if w, p := o.inForce(); w != nil && w != o.want && o.heals() && !a.slowed(ctx, o, *o.astray) {
			a.startRepair(ctx, o, w, p, *o.astray)
		}
	}
}

// startRepair begins to apply an object again that drifted.
func (a *app) startRepair(ctx context.Context, o *object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	o.busy = true
	r := a.request()
	a.spawn(func() { r.repair(ctx, o, w, p, sg) })
}

// lost tells that former content of an app cannot be used.
func (s *session) lost(app string, err error) {
	s.log.Warn("the last applied version of some objects cannot be read; drift is healed when a newer one is accepted",
		"app", app, "err", err)
}
