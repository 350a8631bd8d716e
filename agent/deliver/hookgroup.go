package deliver

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// hooksOf does the hooks of a phase, those alone that part is true for unless it is nil: by wave and stage, each when those before it have
// succeeded.
func (s *session) hooksOf(ctx context.Context, a *app, p *plan.Plan, phase fleet.HookPhase, part func(*plan.Hook) bool) outcome {
	var group []*plan.Hook
	flush := func() outcome {
		if len(group) == 0 {
			return outcome{done: true}
		}
		out := s.hookGroup(ctx, a, p, phase, group)
		group = nil
		return out
	}
	for i := range p.Hooks {
		h := &p.Hooks[i]
		if !h.Hook.In(phase, a.run.Install) || part != nil && !part(h) {
			continue
		}
		if n := len(group); n > 0 && (group[n-1].Wave != h.Wave || fleet.StageOf(group[n-1].Ref) != fleet.StageOf(h.Ref)) {
			if out := flush(); !out.done {
				return out
			}
		}
		group = append(group, h)
	}
	return flush()
}

// hookGroup does hooks that are independent of each other.
func (s *session) hookGroup(ctx context.Context, a *app, p *plan.Plan, phase fleet.HookPhase, group []*plan.Hook) outcome {
	mark := a.run.Mark(phase)
	s.mu.Lock()
	began := false
	for _, w := range group {
		ref, h := w.Named(mark), stateOfHook(a.run, w, mark)
		if h == nil {
			a.run.Hooks = append(a.run.Hooks, agent.HookState{Ref: ref, APIVersion: w.APIVersion, Phase: phase, Mark: mark, Delete: w.Hook.Delete,
				Stage: agent.HookBegun, Since: time.Now()})
			a.dirty = true
		}
		began = began || h == nil || h.Stage == agent.HookBegun
		if h != nil {
			ref = h.Ref
		}
		if h == nil || !h.Tidy {
			s.lookOut(a, ref, w.APIVersion)
		}
	}
	unsaved := began && a.dirty
	s.mu.Unlock()
	if unsaved && !s.save(ctx, a) { // the intent: nobody may have to guess whether there was one
		return outcome{step: fact(protocol.ReasonHookRunning, string(phase))}
	}
	lines, err := p.Lines()
	if err != nil {
		return outcome{failed: fmt.Sprintf("%s: %v", phase, err)}
	}
	for _, w := range group {
		if h := stateOfHook(a.run, w, mark); h.Stage == agent.HookBegun && ctx.Err() == nil {
			s.launch(ctx, a, w, h, lines)
		}
	}
	return s.hookOutcome(ctx, a, phase, mark, group)
}

// hookReason is why a hook that has not ended is waited for.
func (s *session) hookReason(h *agent.HookState) protocol.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.hooks[h.Ref]; l != nil && l.mark == h.Mark && l.verdict.Health == protocol.HealthPaused {
		return protocol.ReasonPaused
	}
	return protocol.ReasonHookRunning
}

// stateOfHook is the state of a hook in a phase of a run. The namespace that was guessed for a hook of an unknown kind may
// have been dropped since.
func stateOfHook(run *agent.Run, w *plan.Hook, mark string) *agent.HookState {
	ref := w.Named(mark)
	h := run.State(mark, ref)
	if h == nil && w.KindUnknown {
		ref.Namespace = ""
		h = run.State(mark, ref)
	}
	return h
}

// hookOutcome sees how a group of hooks stands.
func (s *session) hookOutcome(ctx context.Context, a *app, phase fleet.HookPhase, mark string, group []*plan.Hook) outcome {
	out := outcome{done: true}
	failed := ""
	for _, w := range group {
		h := stateOfHook(a.run, w, mark)
		stage, text := s.observe(ctx, a, h)
		at := fmt.Sprintf("%s: %s", phase, h.Ref)
		switch stage {
		case agent.HookSucceeded:
		case agent.HookFailed:
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
