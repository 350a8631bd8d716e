package deliver

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// inForce is the content that an object has in the cluster until Git's is accepted, and the plan that has its line;
// nil if it is not known. The session's mutex is held.
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

// superseded are the objects whose newer content is not accepted yet, with the line that was applied last. The
// session's mutex is held.
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
func (s *session) keepLast(a *app) {
	s.mu.Lock()
	from := slices.Clone(a.lasts)
	if a.was != nil {
		from = append(from, a.was)
	}
	open := a.superseded()
	s.mu.Unlock()
	if len(from) == 0 {
		return
	}
	var kept []*plan.Plan
	for _, p := range from {
		q, err := p.Only(func(w *plan.Want) bool { return takeFrom(open, w) })
		if err != nil { // it was decompressed before, when it was applied
			s.lost(a, err)
		} else if q != nil {
			kept = append(kept, q)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
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

// lastApplied is what is stored of former content. The session's mutex is held.
func (a *app) lastApplied() (out []agent.LastApplied) {
	for _, p := range a.lasts {
		h := p.Handling()
		packed, size := p.Packed()
		h = protocol.Handling{ServiceAccount: h.ServiceAccount, Decrypt: h.Decrypt, Substitute: h.Substitute}
		out = append(out, agent.LastApplied{Handling: h, Namespace: p.Home, Objects: len(p.Wants),
			Size: size, Packed: packed})
	}
	return out
}

// restoreLast takes up former content as it was stored. What cannot be made again as it was applied is of no use.
func (s *session) restoreLast(ctx context.Context, a *app, st agent.AppState) (out []*plan.Plan) {
	for _, last := range st.Last {
		spec := protocol.App{Name: st.Spec.Name, Namespace: last.Namespace, Handling: last.Handling,
			Blob: &protocol.Blob{Size: last.Size, Objects: last.Objects}}
		lines, err := agent.Unpack(last.Packed, last.Size)
		var p *plan.Plan
		if err == nil {
			p, err = s.makePlan(ctx, a, agent.AppState{Spec: spec, Generation: st.Generation, Packed: last.Packed}, lines)
		}
		if err != nil {
			s.lost(a, err)
			continue
		}
		out = append(out, p.Former())
	}
	return out
}

// fallBack heals objects that drifted while their newer content is not accepted, to what was applied last.
func (s *session) fallBack(ctx context.Context, a *app) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range a.own {
		if o.astray == nil || !o.drifted || o.busy || o.deleting || s.suspended(a) {
			continue
		}
		if w, p := o.inForce(); w != nil && w != o.want && o.heals() && !s.slowed(ctx, o, *o.astray) {
			s.mend(ctx, o, w, p, *o.astray)
		}
	}
}

// mend begins to apply an object again that drifted. s.mu is held.
func (s *session) mend(ctx context.Context, o *object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	o.busy = true
	a := o.app
	s.spawn(func() { s.repair(ctx, a, o, w, p, sg) })
}

// lost tells that former content cannot be used.
func (s *session) lost(a *app, err error) {
	s.log.Warn("the last applied version of some objects cannot be read; drift is healed when a newer one is accepted",
		"app", a.name, "err", err)
}
