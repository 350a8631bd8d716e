package deliver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
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

// wait notes what the app's run waits for. s.mu is not held.
func (s *session) wait(a *app, step fleet.Fact, stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.step != step || a.stuck != stuck {
		a.step, a.stuck = step, stuck
		s.out.Changed(false)
	}
}

// again has the app looked at again at a time, unless that is due earlier. s.mu is held.
func (a *app) lookAt(t time.Time) {
	if a.until.IsZero() || t.Before(a.until) {
		a.until = t
	}
}

// precede does what comes before a plan is in force, and says whether its time has come. Until then nothing of the app changes.
func (s *session) precede(ctx context.Context, a *app, p *plan.Plan) bool {
	if a.run == nil {
		return true
	}
	if !s.house(ctx, a, p) {
		return false
	}
	if a.run.Failure == "" && p.Has(a.run.Install, fleet.PreSync) {
		if len(a.run.Past) > 0 {
			return s.awaitPast(ctx, a, p)
		}
		out := s.hooksOf(ctx, a, p, fleet.PreSync, nil)
		if out.done {
			s.closePhase(a, fleet.PreSync)
			s.wait(a, fleet.Fact{}, false)
			return true
		}
		s.wait(a, out.step, false)
		if out.failed != "" {
			before := "; nothing of the app was applied"
			if s.hasPlan(a) {
				before = "; the version before stays as it is"
			}
			s.fail(a, fleet.PreSync, out.failed+before+": correct it in Git, and its next revision is tried")
		}
	}
	if a.run.Failure != "" {
		s.mourn(ctx, a, p)
		return false
	}
	return !p.Has(a.run.Install, fleet.PreSync)
}

// hasPlan says whether there is content of the app in force.
func (s *session) hasPlan(a *app) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.plan != nil
}

// awaitPast waits for hooks of an older revision to be gone, so that two never run at once.
func (s *session) awaitPast(ctx context.Context, a *app, p *plan.Plan) bool {
	h := a.run.Past[0]
	s.mu.Lock()
	timeout := a.timeout()
	s.mu.Unlock()
	end := a.run.Since.Add(timeout)
	if time.Now().Before(end) {
		s.mu.Lock()
		a.lookAt(end)
		s.mu.Unlock()
		s.wait(a, fact(protocol.ReasonHookRunning, fmt.Sprintf("waits until %s of the revision before is deleted", h.Ref)), false)
		return false
	}
	s.fail(a, fleet.PreSync, fmt.Sprintf("%s: %s of the revision before is not gone after %s: see what holds it, and make another revision",
		fleet.PreSync, h.Ref, phrase.Short(timeout)))
	s.mourn(ctx, a, p)
	return false
}

// deliver applies what is due of the plan in force, as far as the run has come, and says how many objects changed.
func (s *session) deliver(ctx context.Context, a *app, p *plan.Plan) (changed int) {
	switch run := a.run; {
	case run == nil || p.DeliveredBy(run) && run.Entered && run.Applied:
		return s.applyPart(ctx, a, p, func(*object) bool { return true })
	case !p.DeliveredBy(run) || !run.Entered: // the next one is being prepared: only what drifted is made good
		return s.applyPart(ctx, a, p, func(o *object) bool { return !o.pending() })
	}
	return s.waves(ctx, a, p)
}

// applyPart applies what is due of a part of the app, stage by stage. What must come after something else in it follows.
func (s *session) applyPart(ctx context.Context, a *app, p *plan.Plan, part func(*object) bool) (changed int) {
	for sent := 1; sent > 0 && ctx.Err() == nil; {
		sent = 0
		for stage := range fleet.Stages {
			n, m := s.applyStage(ctx, a, p, stage, part)
			sent, changed = sent+n, changed+m
		}
		if !s.holds(ctx, a) {
			break
		}
	}
	return changed
}

// waves goes on from wave to wave, as far as they are healthy.
func (s *session) waves(ctx context.Context, a *app, p *plan.Plan) (changed int) {
	run, waves := a.run, p.Waves()
	for i, wave := range waves {
		if run.Reached && wave < run.Wave {
			continue
		}
		s.enterWave(a, wave)
		changed += s.applyPart(ctx, a, p, func(o *object) bool { return o.want.Wave <= wave })
		if ctx.Err() != nil {
			return changed
		}
		if run.Failure != "" {
			s.mourn(ctx, a, p)
			return changed
		}
		out := s.hooksOf(ctx, a, p, fleet.Sync, func(h *plan.Hook) bool { return h.Wave == wave })
		switch {
		case out.failed != "":
			s.fail(a, fleet.Sync, out.failed+"; what comes after it waits: correct it in Git, and its next revision is tried")
			s.mourn(ctx, a, p)
			return changed
		case i < len(waves)-1 && !s.ready(ctx, a, p, wave) || ctx.Err() != nil:
			return changed
		case !out.done:
			s.wait(a, out.step, false)
			return changed
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	run.Applied, run.Done, a.dirty = true, !p.Has(run.Install, fleet.PostSync, fleet.SyncFail), true
	run.Close(fleet.Sync)
	a.step, a.stuck = fleet.Fact{}, false
	return changed
}

// enterWave notes that a wave has begun.
func (s *session) enterWave(a *app, wave int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := a.run; !r.Reached || r.Wave != wave {
		r.Reached, r.Wave, r.Since, a.dirty = true, wave, time.Now(), true
	}
}

// ready says whether all objects of a wave are current, and notes what is waited for.
func (s *session) ready(ctx context.Context, a *app, p *plan.Plan, wave int) bool {
	s.mu.Lock()
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
	s.mu.Unlock()
	if worst == nil {
		return !clashing
	}
	step, stuck := waveStep(wave, *worst, ill, late, timeout)
	s.wait(a, step, stuck)
	if stuck {
		s.mourn(ctx, a, p)
	}
	return false
}

// waveStep is what the next wave waits for while the worst object of this one is not current, and whether that does not come
// by itself or in time. ill says whether an object is degraded, late whether the wave has had its time.
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
func (s *session) complete(ctx context.Context, a *app, p *plan.Plan) {
	run := a.run
	if !p.DeliveredBy(run) || !run.Applied || run.Done || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	healthy := len(a.illChecks()) == 0 && !slices.ContainsFunc(a.own, func(o *object) bool { return o.want != nil && !o.current() })
	ill := a.phase == protocol.PhaseDegraded || a.phase == protocol.PhaseFailed
	s.mu.Unlock()
	switch {
	case run.Failure != "" || !healthy && ill:
		s.mourn(ctx, a, p)
	case healthy:
		out := s.hooksOf(ctx, a, p, fleet.PostSync, nil)
		s.wait(a, out.step, false)
		if out.failed != "" {
			s.fail(a, fleet.PostSync, out.failed+": everything is applied; correct the hook in Git, and the next revision does it again")
			s.mourn(ctx, a, p)
		}
		if out.done {
			s.closePhase(a, fleet.PostSync)
			s.mu.Lock()
			run.Done, a.dirty = true, true
			s.mu.Unlock()
		}
	default:
		s.wait(a, fleet.Fact{}, false)
	}
}

// closePhase notes that the hooks of a phase are over.
func (s *session) closePhase(a *app, phase fleet.HookPhase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.run.Close(phase) {
		a.dirty = true
	}
}

// fail ends a run because a hook failed: another revision begins another one.
func (s *session) fail(a *app, phase fleet.HookPhase, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.run.Close(phase)
	a.run.Failure, a.step, a.stuck, a.dirty = why, fleet.Fact{}, false, true
}

// mourn does the hooks for what failed, once.
func (s *session) mourn(ctx context.Context, a *app, p *plan.Plan) {
	if !p.Has(a.run.Install, fleet.SyncFail) {
		return
	}
	if out := s.hooksOf(ctx, a, p, fleet.SyncFail, nil); out.done || out.failed != "" {
		s.closePhase(a, fleet.SyncFail)
	}
}

// leave takes away an app that left Git.
func (s *session) leave(ctx context.Context, a *app) {
	s.mu.Lock()
	may := s.accepted.known && a.spec.Prune && !a.spec.Orphan && s.uncertain(a) == "" && s.restrain(a) == ""
	s.mu.Unlock()
	if a.run != nil && a.run.Failure != "" {
		s.finish(ctx, a)
		return
	}
	if may && !s.part(ctx, a, fleet.PreDelete) {
		s.finish(ctx, a)
		return
	}
	if s.knows() {
		s.prune(ctx, a)
	}
	s.mu.Lock()
	empty := a.leaving && len(a.own) == 0 && len(a.given) == 0 // unless it came back
	s.mu.Unlock()
	if empty && a.run != nil && (!may || s.part(ctx, a, fleet.PostDelete)) && !s.erased(ctx, a, may) {
		return
	}
	if s.finish(ctx, a) {
		s.mu.Lock()
		a.fault = nil
		s.assess(ctx, a)
		s.mu.Unlock()
	}
}

// erased takes away the objects of hooks of an app that has nothing else left, and says whether it can be concluded.
func (s *session) erased(ctx context.Context, a *app, may bool) bool {
	s.mu.Lock()
	a.run.Past = append(a.run.Past, a.run.Last...)
	a.run.Last = nil
	for _, list := range [...][]agent.HookState{a.run.Past, a.run.Hooks} {
		for i := range list {
			if h := &list[i]; may && !h.Remove && !precious(h.Ref) {
				h.Remove, h.Over, h.Tidy, a.dirty = true, true, false, true
				s.lookOut(a, h.Ref, h.APIVersion)
			}
		}
	}
	s.mu.Unlock()
	if !s.tidy(ctx, a) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.run.Done = len(a.run.Untidy()) == 0
	return true
}

// part does the hooks of an app that leaves, and says whether they are done.
func (s *session) part(ctx context.Context, a *app, phase fleet.HookPhase) bool {
	s.mu.Lock()
	last := a.last
	s.mu.Unlock()
	if !last.Has(false, phase) || s.takenOver(a, last) {
		return true
	}
	out := s.hooksOf(ctx, a, last, phase, nil)
	s.wait(a, out.step, false)
	switch {
	case out.failed != "":
		s.fail(a, phase, "it left Git, and "+out.failed+": what is left of the app stays; put it back into Git, without this hook or with a better one")
	case out.done:
		s.closePhase(a, phase)
	}
	return out.done
}

// takenOver says whether an app that leaves goes on under another name: all its objects, or all its delete hooks,
// belong to other apps. Nothing is deleted then, so its delete hooks are not run.
func (s *session) takenOver(a *app, last *plan.Plan) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	elsewhere := func(has func(*plan.Plan) bool) bool {
		for _, other := range s.apps {
			if other == a || other.leaving {
				continue
			}
			if other.next != nil && has(other.next) || other.plan != nil && has(other.plan) {
				return true
			}
		}
		return false
	}
	left, hooks, hooksLeft := 0, 0, 0
	for i := range last.Wants {
		if !elsewhere(func(p *plan.Plan) bool { return p.Wanted(s.refOf(&last.Wants[i])) }) {
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

// moveOn has an app looked at whose run may go on, and those that wait for the object. s.mu is held.
func (s *session) moveOn(ctx context.Context, o *object, before protocol.Health) {
	if o.app.run.Open() && before != o.health().Health {
		s.kick(ctx, o.app)
	}
	s.wake(ctx, o.item.Ref)
}

// shed gives up the objects that an app had and that are its hooks now. They stay as they are until the hook is done. s.mu is held.
func (s *session) shed(ctx context.Context, a *app) {
	for _, o := range slices.Clone(a.own) {
		if o.want == nil && a.plan.Hooked(o.item.Ref) {
			s.forget(ctx, o)
		}
	}
}
