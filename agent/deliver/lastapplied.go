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
	return a.former.find(o.item.Ref, o.item.Line)
}

// keepLast reduces what is kept of former content to the objects whose newer content is not accepted yet.
func (a *app) keepLast(ctx context.Context) {
	from := a.former.plans()
	if len(from) == 0 {
		return
	}
	open := a.superseded()
	var kept []*plan.Plan
	a.Await(ctx, func() {
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

// former is content that was applied before, of objects whose newer content is not accepted; see object.inForce.
type former struct {
	lasts []*plan.Plan // reduced to these objects
	was   *plan.Plan   // in force before the plan that is, until it is reduced to that
}

// plans are all of it, the oldest first.
func (f *former) plans() []*plan.Plan {
	out := slices.Clone(f.lasts)
	if f.was != nil {
		out = append(out, f.was)
	}
	return out
}

// find is the content of an object that has just that line, and the plan that has it; nil if there is none.
func (f *former) find(ref protocol.ObjectRef, line agent.Sum) (*plan.Want, *plan.Plan) {
	for _, p := range f.plans() {
		if w := p.Find(ref, line); w != nil {
			return w, p
		}
	}
	return nil, nil
}

// stored is what is stored of it.
func (f *former) stored() (out []agent.LastApplied) {
	for _, p := range f.lasts {
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
	a.Spawn(func() { r.repair(ctx, o, w, p, sg) })
}
