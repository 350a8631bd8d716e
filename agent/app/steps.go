package app

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/hookrun"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// progress is how far an app has come with its plan.
type progress struct {
	hooks   hookrun.Runner
	changes int // objects that were changed since the plan came into force
}

// precede does what comes before a plan is in force, and says whether its time has come. Until then nothing of the app
// changes.
func (a *App) precede(ctx context.Context, p *plan.Plan) bool {
	if a.hooks.Run == nil {
		return true
	}
	if !a.applier.EnsureNamespace(ctx, p) {
		return false
	}
	done, _ := a.hooks.TakeThrough(ctx, hook.View{Moment: hook.Prepare, Plan: p, InForce: a.Plan != nil})
	return done
}

// deliver applies what is due of the plan in force, as far as the run has come, and says how many objects changed.
func (a *App) deliver(ctx context.Context, p *plan.Plan) (changed int) {
	switch a.hooks.Part(p) {
	case hook.Everything:
		return a.applier.ApplyPart(ctx, p, func(*owned.Object) bool { return true })
	case hook.Drifted: // the next one is being prepared
		return a.applier.ApplyPart(ctx, p, func(o *owned.Object) bool { return !o.Pending() })
	}
	_, changed = a.hooks.TakeThrough(ctx, hook.View{Moment: hook.Deliver, Plan: p})
	return changed
}

// movedOn says whether another app has taken over what an app was that left Git.
func (a *App) movedOn(last *plan.Plan) bool {
	var others []*plan.Plan
	for _, list := range a.env.Board.PlansBeside(a.Name) {
		others = append(others, list...)
	}
	return hook.TakenOver(last, others, a.env.RefOf)
}

// complete does what comes when everything is applied and healthy.
func (a *App) complete(ctx context.Context, p *plan.Plan) {
	if !a.hooks.Run.Open() {
		return
	}
	unready := func(o *owned.Object) bool { return o.Want != nil && !o.Current() }
	a.hooks.TakeThrough(ctx, hook.View{Moment: hook.Complete, Plan: p,
		Healthy: len(a.checks.Ill()) == 0 && !slices.ContainsFunc(a.Own, unready),
		Failing: a.is.Phase == protocol.PhaseDegraded || a.is.Phase == protocol.PhaseFailed})
}

// removeApp takes away an app that left Git.
func (a *App) removeApp(ctx context.Context) {
	if a.pruner.Behind() {
		return // it may have come back
	}
	may := a.Accepted.Known && a.Spec.Prune && !a.Spec.Orphan && a.pruner.Uncertain() == "" && a.pruner.Restrain() == ""
	if a.hooks.Run.Failed() != "" || may && !a.hooks.DeleteHooks(ctx, fleet.PreDelete, a.movedOn) {
		a.finish(ctx)
		return
	}
	if a.Accepted.Known {
		a.pruner.Prune(ctx)
	}
	empty := a.Leaving && len(a.Own) == 0 && len(a.Given) == 0 // unless it came back
	if empty && a.hooks.Run != nil && (!may || a.hooks.DeleteHooks(ctx, fleet.PostDelete, a.movedOn)) {
		if erased, _ := a.hooks.TakeThrough(ctx, hook.View{Moment: hook.Erase, Delete: may}); !erased {
			return
		}
	}
	if a.finish(ctx) {
		a.fault = nil
		a.assess(ctx)
	}
}

// moveOn has an app looked at whose run may go on, and those that wait for the object.
func (a *App) moveOn(o *owned.Object, before protocol.Health) {
	if a.hooks.Run.Open() && before != o.Health().Health {
		a.Kick()
	}
	if a.beside.Awaited(o.Item.Ref) {
		a.Kick()
	}
}
