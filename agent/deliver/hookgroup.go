package deliver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// hooksOf does the hooks of a phase, those alone that part is true for unless it is nil: by wave and stage, each when
// those before it have succeeded.
func (a *app) hooksOf(ctx context.Context, p *plan.Plan, phase fleet.HookPhase, part func(*plan.Hook) bool) outcome {
	var group []*plan.Hook
	flush := func() outcome {
		if len(group) == 0 {
			return outcome{done: true}
		}
		out := a.hookGroup(ctx, p, phase, group)
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
func (a *app) hookGroup(ctx context.Context, p *plan.Plan, phase fleet.HookPhase, group []*plan.Hook) outcome {
	mark := a.run.Mark(phase)
	began := false
	for _, w := range group {
		ref, h := w.Named(mark), stateOfHook(a.run, w, mark)
		if h != nil {
			ref = h.Ref
		}
		if h == nil {
			a.run.Hooks = append(a.run.Hooks, agent.HookState{Ref: ref, APIVersion: w.APIVersion, Phase: phase, Mark: mark, Delete: w.Hook.Delete,
				Stage: agent.HookBegun, Since: time.Now()})
			a.dirty = true
		}
		began = began || h == nil || h.Stage == agent.HookBegun
		if h == nil || !h.Tidy {
			a.lookOut(ref, w.APIVersion)
		}
	}
	unsaved := began && a.dirty
	if unsaved && !a.save(ctx) { // the intent: nobody may have to guess whether there was one
		return outcome{step: fact(protocol.ReasonHookRunning, string(phase))}
	}
	var lines []byte
	var err error
	if a.await(ctx, func() { lines, err = p.Lines() }); err != nil {
		return outcome{failed: fmt.Sprintf("%s: %v", phase, err)}
	}
	for _, w := range group {
		if h := stateOfHook(a.run, w, mark); h.Stage == agent.HookBegun && ctx.Err() == nil {
			a.launch(ctx, w, h, lines)
		}
	}
	return a.hookOutcome(ctx, phase, mark, group)
}

// hookReason is why a hook that has not ended is waited for.
func (a *app) hookReason(h *agent.HookState) protocol.Reason {
	if l := a.lookouts[h.Ref]; l != nil && l.mark == h.Mark && l.verdict.Health == protocol.HealthPaused {
		return protocol.ReasonPaused
	}
	return protocol.ReasonHookRunning
}

// stateOfHook is the state of a hook in a phase of a run. The namespace that was guessed for a hook of an unknown kind
// may have been dropped since.
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
func (a *app) hookOutcome(ctx context.Context, phase fleet.HookPhase, mark string, group []*plan.Hook) outcome {
	out := outcome{done: true}
	failed := ""
	for _, w := range group {
		h := stateOfHook(a.run, w, mark)
		stage, text := a.observe(ctx, h)
		at := fmt.Sprintf("%s: %s", phase, h.Ref)
		switch stage {
		case agent.HookSucceeded:
		case agent.HookFailed:
			out.done, failed = false, cmp.Or(failed, at+" failed: "+text)
		default:
			out.done, out.step = false, cmp.Or(out.step, fact(a.hookReason(h), at+": "+text))
		}
	}
	if !out.step.Known() { // not one is left that runs
		out.failed = failed
	}
	return out
}

// tidy lets go of the objects of hooks whose phase is over, or deletes them, after it is stored how they ended. It
// says whether the app can go on, which it does while they linger.
func (a *app) tidy(ctx context.Context) bool {
	list, dirty := a.run.Untidy(), a.dirty
	if len(list) == 0 {
		return ctx.Err() == nil
	}
	if dirty && !a.save(ctx) {
		return false
	}
	for _, h := range list {
		l := a.lookOut(h.Ref, h.APIVersion)
		resting := l.trouble != nil && time.Now().Before(l.trouble.next)
		if resting || ctx.Err() != nil {
			continue
		}
		r, copied := a.request(), *h
		var tidy bool
		var err error
		a.await(ctx, func() { tidy, err = r.letGo(ctx, copied) })
		switch {
		case err != nil && ctx.Err() == nil:
			if l.trouble == nil {
				l.trouble = newTrouble()
			}
			l.trouble.note(err, time.Now())
		case tidy:
			h.Tidy, a.dirty, l.trouble = true, true, nil
			a.lookAway(h.Ref)
		}
	}
	a.run.Past = slices.DeleteFunc(a.run.Past, func(h agent.HookState) bool { return h.Tidy })
	for _, h := range a.run.Untidy() {
		if l := a.lookouts[h.Ref]; l != nil && l.trouble != nil {
			a.lookAt(l.trouble.next)
		}
	}
	return ctx.Err() == nil
}

// letGo deletes the object of a hook, or takes Drover's finalizer from it, and says whether there is nothing left to
// do.
func (r request) letGo(ctx context.Context, h agent.HookState) (tidy bool, err error) {
	if !h.Doomed() && !fleet.HasHealth(h.Ref) {
		return true, nil
	}
	res, err := r.env.cluster.Resolve(ctx, h.APIVersion, h.Ref.Kind)
	if err != nil {
		return agent.ReasonOf(err) == agent.ReasonKind, err
	}
	r.env.watches.Watch(res, r.env.scope.Covering(h.Ref)) // which tells when it is gone
	live, err := r.at.Get(ctx, res, h.Ref)
	switch why := agent.ReasonOf(err); {
	case why == agent.ReasonMissing || why == agent.ReasonNamespace || why == agent.ReasonKind:
		return true, nil
	case err != nil:
		return false, err
	case live.HookRun != h.Mark: // it is another one's
		return true, nil
	case h.Doomed() && !r.env.spared(h.Ref, live):
		return r.at.Retire(ctx, res, live)
	}
	return true, r.at.Release(ctx, res, live)
}
