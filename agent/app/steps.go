package app

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// precede does what comes before a plan is in force, and says whether its time has come. Until then nothing of the app
// changes.
func (t *turns) precede(ctx context.Context, p *plan.Plan) bool {
	if t.hooks.Run == nil {
		return true
	}
	if !t.applier.EnsureNamespace(ctx, p) {
		return false
	}
	done, _ := t.hooks.TakeThrough(ctx, hook.View{Moment: hook.Prepare, Plan: p, InForce: t.Plan != nil})
	return done
}

// deliver applies what is due of the plan in force, as far as the run has come, and says how many objects changed.
func (t *turns) deliver(ctx context.Context, p *plan.Plan) (changed int) {
	switch t.hooks.Part(p) {
	case hook.Everything:
		return t.applier.ApplyPart(ctx, p, func(*owned.Object) bool { return true })
	case hook.Drifted: // the next one is being prepared
		return t.applier.ApplyPart(ctx, p, func(o *owned.Object) bool { return !o.Pending() })
	}
	_, changed = t.hooks.TakeThrough(ctx, hook.View{Moment: hook.Deliver, Plan: p})
	return changed
}

// complete does what comes when everything is applied and healthy.
func (t *turns) complete(ctx context.Context, p *plan.Plan) {
	if !t.hooks.Run.Open() {
		return
	}
	unready := func(o *owned.Object) bool { return o.Want != nil && !o.Current() }
	phase := t.assessor.Phase
	t.hooks.TakeThrough(ctx, hook.View{Moment: hook.Complete, Plan: p,
		Healthy: len(t.assessor.Checks.Ill()) == 0 && !slices.ContainsFunc(t.Own, unready),
		Failing: phase == protocol.PhaseDegraded || phase == protocol.PhaseFailed})
}

// remove takes away an app that left Git.
func (t *turns) remove(ctx context.Context) {
	if t.pruner.Behind() {
		return // it may have come back
	}
	may := t.Accepted.Known && t.Spec.Prune && !t.Spec.Orphan && t.pruner.Uncertain() == "" && t.pruner.Restrain() == ""
	if t.hooks.Run.Failed() != "" || may && !t.hooks.DeleteHooks(ctx, fleet.PreDelete, t.movedOn) {
		t.finish(ctx)
		return
	}
	if t.Accepted.Known {
		t.pruner.Prune(ctx)
	}
	empty := t.Leaving && len(t.Own) == 0 && len(t.Given) == 0 // unless it came back
	if empty && t.hooks.Run != nil && (!may || t.hooks.DeleteHooks(ctx, fleet.PostDelete, t.movedOn)) {
		if erased, _ := t.hooks.TakeThrough(ctx, hook.View{Moment: hook.Erase, Delete: may}); !erased {
			return
		}
	}
	if t.finish(ctx) {
		t.assessor.Recovered()
		t.Assess(ctx)
	}
}

// movedOn says whether another app has taken over what the app was that left Git.
func (t *turns) movedOn(last *plan.Plan) bool {
	var others []*plan.Plan
	for _, list := range t.env.Board.PlansBeside(t.Name) {
		others = append(others, list...)
	}
	return hook.TakenOver(last, others, t.env.RefOf)
}
