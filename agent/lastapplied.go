package agent

import (
	"bytes"
	"context"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// LastApplied is content that was applied and is no longer what Git has, of objects whose newer content the API
// server has not accepted. Drift from it is healed until it does.
type LastApplied struct {
	Handling  protocol.Handling `json:"handling,omitzero"` // by which the lines were made; only what sameMaking compares
	Namespace string            `json:"namespace,omitempty"`
	Objects   int               `json:"objects"`
	Size      int64             `json:"size"`
	Packed    []byte            `json:"packed"` // the lines as the hub made them, zstd
}

// inForce is the content that an object has in the cluster until Git's is accepted, and the plan that has its line;
// nil if it is not known. The session's mutex is held.
func (o *object) inForce() (*want, *plan) {
	a := o.app
	if o.want == nil || a.plan == nil || o.item.Line == (Sum{}) {
		return nil, nil
	}
	if o.item.Line == o.want.line {
		return o.want, a.plan
	}
	for _, p := range append(slices.Clone(a.lasts), a.was) {
		if w := p.find(o.item.Ref, o.item.Line); w != nil {
			return w, p
		}
	}
	return nil, nil
}

// find is an object with just that line; nil if the plan has none.
func (p *plan) find(ref protocol.ObjectRef, line Sum) *want {
	if p == nil {
		return nil
	}
	if p.index != nil {
		if w := p.index[ref]; w != nil && w.line == line {
			return w
		}
		return nil
	}
	for i := range p.wants {
		if w := &p.wants[i]; w.ref == ref && w.line == line {
			return w
		}
	}
	return nil
}

// superseded are the objects whose newer content is not accepted yet, with the line that was applied last. The
// session's mutex is held.
func (a *app) superseded() map[protocol.ObjectRef]Sum {
	out := map[protocol.ObjectRef]Sum{}
	for _, o := range a.own {
		if o.want != nil && o.item.Line != (Sum{}) && o.pending() {
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
	var kept []*plan
	for _, p := range from {
		q, err := p.only(open)
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

// only is the plan with nothing but the lines in open, which it takes out of there; nil if it has none of them.
func (p *plan) only(open map[protocol.ObjectRef]Sum) (*plan, error) {
	var wants []want
	for i := range p.wants {
		if w := &p.wants[i]; open[w.ref] != (Sum{}) && open[w.ref] == w.line {
			wants = append(wants, *w)
			delete(open, w.ref)
		}
	}
	switch {
	case len(wants) == 0:
		return nil, nil
	case p.digest == "" && len(wants) == len(p.wants): // it was reduced before
		return p, nil
	}
	raw, err := p.raw()
	if err != nil {
		return nil, err
	}
	lines, err := p.lines()
	if err != nil {
		return nil, err
	}
	var made [][]byte
	for text := range bytes.Lines(raw) {
		if len(bytes.TrimSpace(text)) > 0 {
			made = append(made, bytes.TrimRight(text, "\n"))
		}
	}
	var rawOnly, linesOnly []byte
	for i := range wants {
		w := &wants[i]
		rawOnly = append(append(rawOnly, made[w.nth-1]...), '\n')
		line := w.lineOf(lines)
		w.nth, w.off = uint32(i+1), uint32(len(linesOnly))
		linesOnly = append(append(linesOnly, line...), '\n')
	}
	q := &plan{home: p.home, generation: p.generation, handling: p.handling, wants: wants,
		packed: Pack(rawOnly), size: int64(len(rawOnly))}
	if p.cooked != nil {
		q.cooked, q.cookedSize = Pack(linesOnly), int64(len(linesOnly))
	}
	q.reindex()
	return q, nil
}

// reindex makes the index of former content.
func (p *plan) reindex() {
	p.index = make(map[protocol.ObjectRef]*want, len(p.wants))
	for i := range p.wants {
		p.index[p.wants[i].ref] = &p.wants[i]
	}
}

// lastApplied is what is stored of former content. The session's mutex is held.
func (a *app) lastApplied() (out []LastApplied) {
	for _, p := range a.lasts {
		h := p.handling
		h = protocol.Handling{ServiceAccount: h.ServiceAccount, Decrypt: h.Decrypt, Substitute: h.Substitute}
		out = append(out, LastApplied{Handling: h, Namespace: p.home, Objects: len(p.wants),
			Size: p.size, Packed: p.packed})
	}
	return out
}

// restoreLast takes up former content as it was stored. What cannot be made again as it was applied is of no use.
func (s *session) restoreLast(ctx context.Context, a *app, st AppState) (out []*plan) {
	for _, last := range st.Last {
		spec := protocol.App{Name: st.Spec.Name, Namespace: last.Namespace, Handling: last.Handling,
			Blob: &protocol.Blob{Size: last.Size, Objects: last.Objects}}
		lines, err := Unpack(last.Packed, last.Size)
		var p *plan
		if err == nil {
			p, err = s.makePlan(ctx, a, AppState{Spec: spec, Generation: st.Generation, Packed: last.Packed}, lines)
		}
		if err != nil {
			s.lost(a, err)
			continue
		}
		p.hooks, p.defines = nil, nil
		p.reindex()
		out = append(out, p)
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
func (s *session) mend(ctx context.Context, o *object, w *want, p *plan, sg Sighting) {
	o.busy = true
	a := o.app
	s.spawn(func() { s.repair(ctx, a, o, w, p, sg) })
}

// lost tells that former content cannot be used.
func (s *session) lost(a *app, err error) {
	s.log.Warn("the last applied version of some objects cannot be read; drift is healed when a newer one is accepted",
		"app", a.name, "err", err)
}
