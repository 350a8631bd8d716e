package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/protocol"
)

// Resolver finds a kind, including one that is going to be served because an app defines it.
type Resolver func(ctx context.Context, apiVersion, kind string) (agent.Resource, error)

// Place returns the plan with the namespaces of its objects, in the order of applying. Duplicates and objects outside
// of the scope are taken out. p itself does not change.
func (p *Plan) Place(ctx context.Context, resolve Resolver, scope agent.Scope) (*Plan, error) {
	q := *p
	q.Wants, q.Hooks = make([]Want, 0, len(p.Wants)), nil
	q.Invalid, q.Outside = slices.Clone(p.Invalid), nil
	seen := make(map[protocol.ObjectRef]bool, len(p.Wants))
	for _, w := range p.Wants {
		if err := w.place(ctx, resolve, p.Home); err != nil {
			return nil, err
		}
		if q.admits(w.Ref, seen[w.Ref], scope) {
			q.Wants = append(q.Wants, w)
		}
		seen[w.Ref] = true
	}
	for _, h := range p.Hooks {
		if err := h.place(ctx, resolve, p.Home); err != nil {
			return nil, err
		}
		if q.admits(h.Ref, h.generateName == "" && seen[h.Ref], scope) {
			q.Hooks = append(q.Hooks, h)
		}
		seen[h.Ref] = true
	}
	order.Sort(q.Wants, func(a, b Want) int { return CompareOrder(a.Wave, b.Wave, a.Ref, b.Ref) })
	order.Stable(q.Hooks, func(a, b Hook) int { return CompareOrder(a.Wave, b.Wave, a.Ref, b.Ref) })
	return &q, nil
}

// place finds the namespace of an object.
func (w *Want) place(ctx context.Context, resolve Resolver, home string) error {
	res, err := resolve(ctx, w.APIVersion, w.Ref.Kind)
	switch {
	case agent.ReasonOf(err) == agent.ReasonKind:
		w.KindUnknown, res.Namespaced = true, true
	case err != nil:
		return err
	}
	w.Ref.Namespace = namespaceOf(w.Ref, res.Namespaced, home)
	return nil
}

// admits reports whether a plan may have an object, and notes why not.
func (p *Plan) admits(ref protocol.ObjectRef, duplicate bool, scope agent.Scope) bool {
	switch {
	case duplicate:
		p.Invalid = append(p.Invalid, fmt.Sprintf("the app has %s twice: take one of them out of Git", ref))
		return false
	case scope.Outside(ref):
		p.Outside = append(p.Outside, ref)
		return false
	}
	return true
}

// CompareOrder is the order of applying: by wave, then by stage and reference.
func CompareOrder(waveA, waveB int, a, b protocol.ObjectRef) int {
	return cmp.Or(cmp.Compare(waveA, waveB), fleet.CompareApply(a, b))
}

// namespaceOf is the namespace of an object of an app whose home is a namespace.
func namespaceOf(ref protocol.ObjectRef, namespaced bool, home string) string {
	if !namespaced {
		return ""
	}
	return cmp.Or(ref.Namespace, home, "default")
}
