package app

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// hookRunner takes an app through its hooks and waves: package hook decides, and the runner executes. It belongs to the
// app's goroutine.
type hookRunner struct {
	hook.Progress
	app      *App
	lookouts map[protocol.ObjectRef]*lookout // objects of hooks that are under way
	until    time.Time                       // when to look again without being told; zero for never
}

// begin has the progress be that of a plan which is about to be delivered.
func (h *hookRunner) begin(p *plan.Plan) {
	a := h.app
	if p.DeliveredBy(h.Run) {
		return
	}
	progress, changed := h.Begin(p, a.Plan == nil && len(a.Own) == 0 && !a.env.Damaged, time.Now())
	h.until = time.Time{}
	h.keep(progress, changed)
}

// leave has the progress be that of an app that was removed from Git.
func (h *hookRunner) leave() {
	if h.Run != nil && h.Run.Leaving {
		return
	}
	progress, changed := h.Leave(h.app.Last, h.app.Spec.Prune, time.Now())
	h.until = time.Time{}
	h.keep(progress, changed)
}

// resume continues a run as it was stored.
func (h *hookRunner) resume(run *agent.Run) {
	h.keep(hook.Progress{Run: run}, false)
	h.app.fresh = run != nil && run.Entered && !run.Applied
}

// enter notes that a plan is put into force.
func (h *hookRunner) enter(p *plan.Plan) { h.keep(h.Enter(p), false) }

// keep makes a progress the app's. changed says that it has to be stored.
func (h *hookRunner) keep(p hook.Progress, changed bool) {
	told := h.Step == p.Step && h.Stuck == p.Stuck
	h.Progress = p
	h.app.Dirty = h.app.Dirty || changed
	h.follow()
	if !told {
		h.app.env.Out.Changed(false)
	}
}

// moment is one moment of the app while it is being taken through it.
type moment struct {
	hook.View
	lines   []byte // of the plan, once they were needed
	changed int    // objects that were changed
}

// takeThrough does what a moment of the app asks for, as far as that is possible now. It says whether the moment is
// over, and how many objects changed.
func (h *hookRunner) takeThrough(ctx context.Context, v hook.View) (done bool, changed int) {
	m := moment{View: v}
	m.Tried = map[hook.Key]bool{}
	for ctx.Err() == nil {
		m.Now, m.Timeout, m.Unsaved, m.Hooks = time.Now(), h.app.Timeout(), h.app.Dirty, h.seen()
		if m.Wave != nil {
			m.Wave = h.wave(m.Wave.Number)
		}
		d := hook.Next(h.Progress, m.View)
		h.decided(d)
		if len(d.Actions) == 0 {
			return d.Done, m.changed
		}
		for _, act := range d.Actions {
			if ctx.Err() != nil || !h.execute(ctx, &m, act) {
				return false, m.changed
			}
		}
	}
	return false, m.changed
}

// decided puts a decision into force.
func (h *hookRunner) decided(d hook.Decision) {
	h.keep(d.Progress, d.Changed)
	if !d.Until.IsZero() && (h.until.IsZero() || d.Until.Before(h.until)) {
		h.until = d.Until
	}
	for _, e := range d.Events {
		h.emit(e)
	}
}

func (h *hookRunner) emit(e protocol.Event) {
	e.App = h.app.Name
	h.app.emit(e)
}

// execute executes an action, and says whether what comes after it may be executed.
func (h *hookRunner) execute(ctx context.Context, m *moment, act hook.Action) bool {
	switch act := act.(type) {
	case hook.Store:
		if h.app.save(ctx) {
			return true
		}
		if p := h.Progress; act.Step.Known() {
			p.Step, p.Stuck = act.Step, false
			h.keep(p, false)
		}
		return false
	case hook.Create:
		h.create(ctx, m, act)
	case hook.Explain:
		h.explain(ctx, act)
	case hook.Release:
		m.Tried[hook.KeyOf(act.State)] = true
		h.release(ctx, act.State)
	case hook.Apply:
		m.changed += h.app.applyPart(ctx, m.Plan, func(o *owned.Object) bool { return o.Want.Wave <= act.Wave })
		m.Wave = &hook.Wave{Number: act.Wave}
	}
	return true
}

// wave is how the objects of a wave are.
func (h *hookRunner) wave(number int) *hook.Wave {
	w := &hook.Wave{Number: number, Clashing: len(h.app.Clashes) > 0}
	for _, o := range h.app.Own {
		if o.Want == nil || o.Want.Wave != number || o.Current() {
			continue
		}
		if problem := o.Problem(); w.Worst == nil || owned.CompareProblems(problem, *w.Worst) < 0 {
			w.Worst = &problem
		}
		w.Ill = w.Ill || o.Trouble == nil && o.Health().Health == protocol.HealthDegraded
	}
	return w
}

// deleteHooks runs the hooks of one phase of an app that was removed from Git, and says whether they are done.
func (h *hookRunner) deleteHooks(ctx context.Context, phase fleet.HookPhase) bool {
	last := h.app.Last
	if !last.Has(false, phase) {
		return true
	}
	var others []*plan.Plan
	for _, list := range h.app.env.Board.PlansBeside(h.app.Name) {
		others = append(others, list...)
	}
	at := hook.BeforeDelete
	if phase == fleet.PostDelete {
		at = hook.AfterDelete
	}
	done, _ := h.takeThrough(ctx, hook.View{Moment: at, Plan: last,
		Moved: hook.TakenOver(last, others, h.app.env.RefOf)})
	return done
}

// tidy releases the objects of hooks whose phase is over, and says whether the app can go on.
func (h *hookRunner) tidy(ctx context.Context) bool {
	if len(h.Run.Untidy()) == 0 {
		return ctx.Err() == nil
	}
	done, _ := h.takeThrough(ctx, hook.View{Moment: hook.Tidy})
	return done
}
