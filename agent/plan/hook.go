package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// placeHooks gives every hook its namespace, and orders them. s.mu need not be held: nobody else has the plan yet.
func (p *Plan) placeHooks(ctx context.Context, resolve func(ctx context.Context, apiVersion, kind string) (agent.Resource, error), scope agent.Scope,
	seen map[protocol.ObjectRef]bool,
) error {
	fit := p.Hooks[:0]
	for _, h := range p.Hooks {
		res, err := resolve(ctx, h.APIVersion, h.Ref.Kind)
		switch {
		case agent.ReasonOf(err) == agent.ReasonKind:
			h.Loose, res.Namespaced = true, true
		case err != nil:
			return err
		}
		h.Ref.Namespace = p.namespace(res, h.Ref)
		switch {
		case h.generate == "" && seen[h.Ref]:
			p.Flaws = append(p.Flaws, fmt.Sprintf("the app has %s twice: take one of them out of Git", h.Ref))
		case scope.Outside(h.Ref):
			p.Outside = append(p.Outside, h.Ref)
		default:
			fit = append(fit, h)
		}
		seen[h.Ref] = true
	}
	p.Hooks = fit
	slices.SortStableFunc(p.Hooks, func(a, b Hook) int { return CompareOrder(a.Wave, b.Wave, a.Ref, b.Ref) })
	return nil
}

// Named is the object of a hook in the run that a mark is of. A name that is to be generated follows from the mark, so that whoever makes
// the object again after a crash makes the same.
func (h *Hook) Named(mark string) protocol.ObjectRef {
	ref := h.Ref
	if h.generate != "" && ref.Name == "" {
		sum, _ := agent.SumOf(fmt.Appendf(nil, "%s %s", mark, h.Line)).MarshalText() // never fails
		ref.Name = h.generate[:min(len(h.generate), 52)] + string(sum[:10])          // 63 bytes at most, as labels made of it have
	}
	return ref
}

// Hook is a hook as a plan wants it.
type Hook struct {
	Want
	Hook     fleet.Hook
	generate string // the name is this and what makes it the run's own
}

// DeliveredBy says whether a run delivers the plan.
func (p *Plan) DeliveredBy(r *agent.Run) bool {
	return r != nil && p != nil && !r.Leaving && r.Digest == p.Digest && r.Home == p.Home
}

// Ordered says whether the objects of the plan are applied in more than one step.
func (p *Plan) Ordered() bool { return len(p.Hooks) > 0 || len(p.Waves()) > 1 }

// Waves are the waves that there are, in their order.
func (p *Plan) Waves() (out []int) {
	for i := range p.Wants {
		if n := len(out); n == 0 || out[n-1] != p.Wants[i].Wave {
			out = append(out, p.Wants[i].Wave)
		}
	}
	for i := range p.Hooks {
		if h := &p.Hooks[i]; h.Hook.In(fleet.Sync, true) && !slices.Contains(out, h.Wave) {
			out = append(out, h.Wave)
		}
	}
	slices.Sort(out)
	return out
}

// Has says whether the plan has hooks for one of some phases in a run.
func (p *Plan) Has(install bool, phases ...fleet.HookPhase) bool {
	return p != nil && slices.ContainsFunc(p.Hooks, func(h Hook) bool {
		return slices.ContainsFunc(phases, func(f fleet.HookPhase) bool { return h.Hook.In(f, install) })
	})
}

// Hooked says whether an object is a hook of the plan.
func (p *Plan) Hooked(ref protocol.ObjectRef) bool {
	return p != nil && slices.ContainsFunc(p.Hooks, func(h Hook) bool { return h.Ref == ref })
}

// RunID names a run: no other of the app has the same.
func RunID(p *Plan) string {
	sum, _ := agent.SumOf([]byte(p.Digest + "\n" + p.Home)).MarshalText() // never fails
	return fmt.Sprintf("%d-%s", p.Generation, sum[:8])
}
