package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// placeHooks gives every hook its namespace, and orders them. s.mu need not be held: nobody else has the plan yet.
func (p *plan) placeHooks(ctx context.Context, resolve func(ctx context.Context, apiVersion, kind string) (Resource, error), scope Scope,
	seen map[protocol.ObjectRef]bool,
) error {
	fit := p.hooks[:0]
	for _, h := range p.hooks {
		res, err := resolve(ctx, h.apiVersion, h.ref.Kind)
		switch {
		case ReasonOf(err) == ReasonKind:
			h.loose, res.Namespaced = true, true
		case err != nil:
			return err
		}
		h.ref.Namespace = p.namespace(res, h.ref)
		switch {
		case h.generate == "" && seen[h.ref]:
			p.flaws = append(p.flaws, fmt.Sprintf("the app has %s twice: take one of them out of Git", h.ref))
		case scope.outside(h.ref):
			p.outside = append(p.outside, h.ref)
		default:
			fit = append(fit, h)
		}
		seen[h.ref] = true
	}
	p.hooks = fit
	slices.SortStableFunc(p.hooks, func(a, b hookWant) int { return compareOrder(a.wave, b.wave, a.ref, b.ref) })
	return nil
}

// named is the object of a hook in the run that a mark is of. A name that is to be generated follows from the mark, so that whoever makes
// the object again after a crash makes the same.
func (h *hookWant) named(mark string) protocol.ObjectRef {
	ref := h.ref
	if h.generate != "" && ref.Name == "" {
		sum, _ := SumOf(fmt.Appendf(nil, "%s %s", mark, h.line)).MarshalText() // never fails
		ref.Name = h.generate[:min(len(h.generate), 52)] + string(sum[:10])    // 63 bytes at most, as labels made of it have
	}
	return ref
}

// hooksOf does the hooks of a phase, those alone that part is true for unless it is nil: by wave and stage, each when those before it have
// succeeded.
func (s *session) hooksOf(ctx context.Context, a *app, p *plan, phase fleet.HookPhase, part func(*hookWant) bool) outcome {
	var group []*hookWant
	flush := func() outcome {
		if len(group) == 0 {
			return outcome{done: true}
		}
		out := s.hookGroup(ctx, a, p, phase, group)
		group = nil
		return out
	}
	for i := range p.hooks {
		h := &p.hooks[i]
		if !h.hook.In(phase, a.run.Install) || part != nil && !part(h) {
			continue
		}
		if n := len(group); n > 0 && (group[n-1].wave != h.wave || fleet.StageOf(group[n-1].ref) != fleet.StageOf(h.ref)) {
			if out := flush(); !out.done {
				return out
			}
		}
		group = append(group, h)
	}
	return flush()
}

// hookGroup does hooks that are independent of each other.
func (s *session) hookGroup(ctx context.Context, a *app, p *plan, phase fleet.HookPhase, group []*hookWant) outcome {
	mark := a.run.mark(phase)
	s.mu.Lock()
	began := false
	for _, w := range group {
		ref := w.named(mark)
		h := a.run.state(mark, ref)
		if h == nil {
			a.run.Hooks = append(a.run.Hooks, HookState{Ref: ref, APIVersion: w.apiVersion, Phase: phase, Mark: mark, Delete: w.hook.Delete,
				Stage: HookBegun, Since: time.Now()})
			a.dirty = true
		}
		began = began || h == nil || h.Stage == HookBegun
		if h == nil || !h.Tidy {
			s.lookOut(a, ref, w.apiVersion)
		}
	}
	unsaved := began && a.dirty
	s.mu.Unlock()
	if unsaved && !s.save(ctx, a) { // the intent: nobody may have to guess whether there was one
		return outcome{step: fact(protocol.ReasonHookRunning, string(phase))}
	}
	lines, err := p.lines()
	if err != nil {
		return outcome{failed: fmt.Sprintf("%s: %v", phase, err)}
	}
	for _, w := range group {
		if h := a.run.state(mark, w.named(mark)); h.Stage == HookBegun && ctx.Err() == nil {
			s.launch(ctx, a, w, h, lines)
		}
	}
	return s.hookOutcome(ctx, a, phase, mark, group)
}

// hookReason is why a hook that has not ended is waited for.
func (s *session) hookReason(h *HookState) protocol.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.hooks[h.Ref]; l != nil && l.mark == h.Mark && l.verdict.Health == protocol.HealthPaused {
		return protocol.ReasonPaused
	}
	return protocol.ReasonHookRunning
}

// hookOutcome sees how a group of hooks stands.
func (s *session) hookOutcome(ctx context.Context, a *app, phase fleet.HookPhase, mark string, group []*hookWant) outcome {
	out := outcome{done: true}
	failed := ""
	for _, w := range group {
		h := a.run.state(mark, w.named(mark))
		stage, text := s.observe(ctx, a, h)
		at := fmt.Sprintf("%s: %s", phase, h.Ref)
		switch stage {
		case HookSucceeded:
		case HookFailed:
			out.done, failed = false, cmp.Or(failed, at+" failed: "+text)
		default:
			out.done, out.step = false, cmp.Or(out.step, fact(s.hookReason(h), at+": "+text))
		}
	}
	if !out.step.Known() { // not one is left that runs
		out.failed = failed
	}
	return out
}
