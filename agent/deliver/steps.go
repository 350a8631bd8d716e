package deliver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// outcome is how far a step has come: it is done, or it failed, or it waits for something.
type outcome struct {
	done   bool
	failed string
	step   fleet.Fact // what it waits for
}

// wait notes what the app's run waits for.
func (a *app) wait(step fleet.Fact, stuck bool) {
	if a.step != step || a.stuck != stuck {
		a.step, a.stuck = step, stuck
		a.env.out.Changed(false)
	}
}

// again has the app looked at again at a time, unless that is due earlier.
func (a *app) lookAt(t time.Time) {
	if a.until.IsZero() || t.Before(a.until) {
		a.until = t
	}
}

// precede does what comes before a plan is in force, and says whether its time has come. Until then nothing of the app
// changes.
func (a *app) precede(ctx context.Context, p *plan.Plan) bool {
	if a.run == nil {
		return true
	}
	if !a.ensureNamespace(ctx, p) {
		return false
	}
	if a.run.Failure == "" && p.Has(a.run.Install, fleet.PreSync) {
		if len(a.run.Past) > 0 {
			return a.awaitPast(ctx, p)
		}
		out := a.hooksOf(ctx, p, fleet.PreSync, nil)
		if out.done {
			a.closePhase(fleet.PreSync)
			a.wait(fleet.Fact{}, false)
			return true
		}
		a.wait(out.step, false)
		if out.failed != "" {
			before := "; nothing of the app was applied"
			if a.plan != nil {
				before = "; keeping the last applied version"
			}
			a.fail(fleet.PreSync, out.failed+before+": correct it in Git, and its next revision is tried")
		}
	}
	if a.run.Failure != "" {
		a.runFailureHooks(ctx, p)
		return false
	}
	return !p.Has(a.run.Install, fleet.PreSync)
}

// awaitPast waits for hooks of an older revision to be gone, so that two never run at once.
func (a *app) awaitPast(ctx context.Context, p *plan.Plan) bool {
	h := a.run.Past[0]
	timeout := a.timeout()
	end := a.run.Since.Add(timeout)
	if time.Now().Before(end) {
		a.lookAt(end)
		a.wait(fact(protocol.ReasonHookRunning, fmt.Sprintf("waits until %s of the revision before is deleted", h.Ref)), false)
		return false
	}
	a.fail(fleet.PreSync, fmt.Sprintf("%s: %s of the revision before is not gone after %s: see what holds it, and make another revision",
		fleet.PreSync, h.Ref, phrase.Short(timeout)))
	a.runFailureHooks(ctx, p)
	return false
}

// deliver applies what is due of the plan in force, as far as the run has come, and says how many objects changed.
func (a *app) deliver(ctx context.Context, p *plan.Plan) (changed int) {
	switch run := a.run; {
	case run == nil || p.DeliveredBy(run) && run.Entered && run.Applied:
		return a.applyPart(ctx, p, func(*object) bool { return true })
	case !p.DeliveredBy(run) || !run.Entered: // the next one is being prepared: only what drifted is made good
		return a.applyPart(ctx, p, func(o *object) bool { return !o.pending() })
	}
	return a.waves(ctx, p)
}

// applyPart applies what is due of a part of the app, stage by stage. What must come after something else in it
// follows.
func (a *app) applyPart(ctx context.Context, p *plan.Plan, part func(*object) bool) (changed int) {
	for sent := 1; sent > 0 && ctx.Err() == nil; {
		sent = 0
		for stage := range fleet.Stages {
			n, m := a.applyStage(ctx, p, stage, part)
			sent, changed = sent+n, changed+m
		}
		if !a.holds(ctx) {
			break
		}
	}
	return changed
}

// waves goes on from wave to wave, as far as they are healthy.
func (a *app) waves(ctx context.Context, p *plan.Plan) (changed int) {
	run, waves := a.run, p.Waves()
	for i, wave := range waves {
		if run.Reached && wave < run.Wave {
			continue
		}
		a.enterWave(wave)
		changed += a.applyPart(ctx, p, func(o *object) bool { return o.want.Wave <= wave })
		if ctx.Err() != nil {
			return changed
		}
		if run.Failure != "" {
			a.runFailureHooks(ctx, p)
			return changed
		}
		out := a.hooksOf(ctx, p, fleet.Sync, func(h *plan.Hook) bool { return h.Wave == wave })
		switch {
		case out.failed != "":
			a.fail(fleet.Sync, out.failed+"; what comes after it waits: correct it in Git, and its next revision is tried")
			a.runFailureHooks(ctx, p)
			return changed
		case i < len(waves)-1 && !a.ready(ctx, p, wave) || ctx.Err() != nil:
			return changed
		case !out.done:
			a.wait(out.step, false)
			return changed
		}
	}
	run.Applied, run.Done, a.dirty = true, !p.Has(run.Install, fleet.PostSync, fleet.SyncFail), true
	run.Close(fleet.Sync)
	a.step, a.stuck = fleet.Fact{}, false
	return changed
}

// enterWave notes that a wave has begun.
func (a *app) enterWave(wave int) {
	if r := a.run; !r.Reached || r.Wave != wave {
		r.Reached, r.Wave, r.Since, a.dirty = true, wave, time.Now(), true
	}
}

// ready says whether all objects of a wave are current, and notes what is waited for.
func (a *app) ready(ctx context.Context, p *plan.Plan, wave int) bool {
	var worst *protocol.Problem
	ill := false
	for _, o := range a.own {
		if o.want == nil || o.want.Wave != wave || o.current() {
			continue
		}
		if problem := o.problem(); worst == nil || compareProblems(problem, *worst) < 0 {
			worst = &problem
		}
		ill = ill || o.trouble == nil && o.health().Health == protocol.HealthDegraded
	}
	paused := worst != nil && worst.Health == protocol.HealthPaused
	if a.paused && !paused { // the time in which it was paused does not count
		a.run.Since, a.dirty = time.Now(), true
	}
	a.paused = paused
	timeout := a.timeout()
	end := a.run.Since.Add(timeout)
	late := !time.Now().Before(end)
	if worst != nil && !late && !paused {
		a.lookAt(end)
	}
	clashing := len(a.clashes) > 0
	if worst == nil {
		return !clashing
	}
	step, stuck := waveStep(wave, *worst, ill, late, timeout)
	a.wait(step, stuck)
	if stuck {
		a.runFailureHooks(ctx, p)
	}
	return false
}

// waveStep is what the next wave waits for while the worst object of this one is not current, and whether that does
// not come by itself or in time. ill says whether an object is degraded, late whether the wave has had its time.
func waveStep(wave int, worst protocol.Problem, ill, late bool, timeout time.Duration) (step fleet.Fact, stuck bool) {
	what := fmt.Sprintf("%s: %s", worst.Object, worst.Message)
	switch {
	case worst.Health == protocol.HealthPaused:
		return fact(protocol.ReasonPaused, fmt.Sprintf("wave %d waits for %s", wave, what)), false
	case late:
		return fact(protocol.ReasonTimeout, fmt.Sprintf("wave %d is not healthy after %s, and what comes after it waits: %s", wave, phrase.Short(timeout), what)), true
	case ill:
		return fact(protocol.ReasonUnhealthy, fmt.Sprintf("wave %d is not healthy, and what comes after it waits: %s", wave, what)), true
	}
	return fact(protocol.ReasonWaveWaiting, fmt.Sprintf("wave %d: waits for %s", wave, what)), false
}

// complete does what comes when everything is applied and healthy.
func (a *app) complete(ctx context.Context, p *plan.Plan) {
	run := a.run
	if !p.DeliveredBy(run) || !run.Applied || run.Done || ctx.Err() != nil {
		return
	}
	healthy := len(a.checks.Ill()) == 0 && !slices.ContainsFunc(a.own, func(o *object) bool { return o.want != nil && !o.current() })
	ill := a.phase == protocol.PhaseDegraded || a.phase == protocol.PhaseFailed
	switch {
	case run.Failure != "" || !healthy && ill:
		a.runFailureHooks(ctx, p)
	case healthy:
		out := a.hooksOf(ctx, p, fleet.PostSync, nil)
		a.wait(out.step, false)
		if out.failed != "" {
			a.fail(fleet.PostSync, out.failed+": everything is applied; correct the hook in Git, and the next revision does it again")
			a.runFailureHooks(ctx, p)
		}
		if out.done {
			a.closePhase(fleet.PostSync)
			run.Done, a.dirty = true, true
		}
	default:
		a.wait(fleet.Fact{}, false)
	}
}

// closePhase notes that the hooks of a phase are over.
func (a *app) closePhase(phase fleet.HookPhase) {
	if a.run.Close(phase) {
		a.dirty = true
	}
}

// fail ends a run because a hook failed: another revision begins another one.
func (a *app) fail(phase fleet.HookPhase, why string) {
	a.run.Close(phase)
	a.run.Failure, a.step, a.stuck, a.dirty = why, fleet.Fact{}, false, true
}

// runFailureHooks does the hooks for what failed, once.
func (a *app) runFailureHooks(ctx context.Context, p *plan.Plan) {
	if !p.Has(a.run.Install, fleet.SyncFail) {
		return
	}
	if out := a.hooksOf(ctx, p, fleet.SyncFail, nil); out.done || out.failed != "" {
		a.closePhase(fleet.SyncFail)
	}
}

// removeApp takes away an app that left Git.
func (a *app) removeApp(ctx context.Context) {
	if a.behind() {
		return // it may have come back
	}
	may := a.accepted.Known && a.spec.Prune && !a.spec.Orphan && a.uncertain() == "" && a.restrain() == ""
	if a.run != nil && a.run.Failure != "" {
		a.finish(ctx)
		return
	}
	if may && !a.runDeleteHooks(ctx, fleet.PreDelete) {
		a.finish(ctx)
		return
	}
	if a.accepted.Known {
		a.prune(ctx)
	}
	empty := a.leaving && len(a.own) == 0 && len(a.given) == 0 // unless it came back
	if empty && a.run != nil && (!may || a.runDeleteHooks(ctx, fleet.PostDelete)) && !a.erased(ctx, may) {
		return
	}
	if a.finish(ctx) {
		a.fault = nil
		a.assess(ctx)
	}
}

// erased takes away the objects of hooks of an app that has nothing else left, and says whether it can be concluded.
func (a *app) erased(ctx context.Context, may bool) bool {
	a.run.Past = append(a.run.Past, a.run.Last...)
	a.run.Last = nil
	for _, list := range [...][]agent.HookState{a.run.Past, a.run.Hooks} {
		for i := range list {
			if h := &list[i]; may && !h.Remove && !guard.Precious(h.Ref) {
				h.Remove, h.Over, h.Tidy, a.dirty = true, true, false, true
				a.lookOut(h.Ref, h.APIVersion)
			}
		}
	}
	if !a.tidy(ctx) {
		return false
	}
	a.run.Done = len(a.run.Untidy()) == 0
	return true
}

// runDeleteHooks does the hooks of an app that leaves, and says whether they are done.
func (a *app) runDeleteHooks(ctx context.Context, phase fleet.HookPhase) bool {
	last := a.last
	if !last.Has(false, phase) || a.takenOver(last) {
		return true
	}
	out := a.hooksOf(ctx, last, phase, nil)
	a.wait(out.step, false)
	switch {
	case out.failed != "":
		a.fail(phase, "it left Git, and "+out.failed+": what is left of the app stays; put it back into Git, without this hook or with a better one")
	case out.done:
		a.closePhase(phase)
	}
	return out.done
}

// takenOver says whether an app that leaves goes on under another name: all its objects, or all its delete hooks,
// belong to other apps. Nothing is deleted then, so its delete hooks are not run.
func (a *app) takenOver(last *plan.Plan) bool {
	beside := slices.Concat(slices.Collect(maps.Values(a.env.board.PlansBeside(a.name)))...)
	elsewhere := func(has func(*plan.Plan) bool) bool { return slices.ContainsFunc(beside, has) }
	left, hooks, hooksLeft := 0, 0, 0
	for i := range last.Wants {
		if !elsewhere(func(p *plan.Plan) bool { return p.Wanted(a.env.neighbours().refOf(&last.Wants[i])) }) {
			left++
		}
	}
	for i := range last.Hooks {
		if h := &last.Hooks[i]; h.Hook.In(fleet.PreDelete, false) || h.Hook.In(fleet.PostDelete, false) {
			hooks++
			if !elsewhere(func(p *plan.Plan) bool { return p.Hooked(h.Ref) }) {
				hooksLeft++
			}
		}
	}
	return left == 0 && len(last.Wants) > 0 || hooksLeft == 0 && hooks > 0
}

// moveOn has an app looked at whose run may go on, and those that wait for the object.
func (a *app) moveOn(o *object, before protocol.Health) {
	if a.run.Open() && before != o.health().Health {
		a.kick()
	}
	if a.beside.awaited(o.item.Ref) {
		a.kick()
	}
}

// dropHooked gives up the objects that an app had and that are its hooks now. They stay as they are until the hook is
// done.
func (a *app) dropHooked() {
	for _, o := range slices.Clone(a.own) {
		if o.want == nil && a.plan.Hooked(o.item.Ref) {
			a.forget(o)
		}
	}
}
