package owned

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Former is content that was applied before, of objects whose newer content is not accepted; see Object.InForce.
type Former struct {
	Lasts []*plan.Plan // reduced to these objects
	Was   *plan.Plan   // in force before the plan that is, until it is reduced to that
}

// FormerPlans are all of it, the oldest first.
func (f *Former) FormerPlans() []*plan.Plan {
	out := slices.Clone(f.Lasts)
	if f.Was != nil {
		out = append(out, f.Was)
	}
	return out
}

// Find is the content of an object that has just that line, and the plan that has it; nil if there is none.
func (f *Former) Find(ref protocol.ObjectRef, line agent.Sum) (*plan.Want, *plan.Plan) {
	for _, p := range f.FormerPlans() {
		if w := p.Find(ref, line); w != nil {
			return w, p
		}
	}
	return nil, nil
}

// LastApplied is what is stored of it.
func (f *Former) LastApplied() (out []agent.LastApplied) {
	for _, p := range f.Lasts {
		h := p.Handling()
		h = protocol.Handling{ServiceAccount: h.ServiceAccount, Decrypt: h.Decrypt, Substitute: h.Substitute,
			Opaque: h.Opaque}
		packed, size := p.Packed()
		out = append(out, agent.LastApplied{Handling: h, Namespace: p.Home, Objects: len(p.Wants),
			Size: size, Packed: packed})
	}
	return out
}

// TakeFrom takes a want out of the lines that are looked for, and says whether it is one of them.
func TakeFrom(open map[protocol.ObjectRef]agent.Sum, w *plan.Want) bool {
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
