package hookrun

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a runner works with.
type Config struct {
	Set   *owned.Set
	Order *orders.Current
	Actor *actor.Actor
	App   App
	Env   Env
}

// App is what the app does for its hooks and waves.
type App interface {
	// Apply applies what is due of the app up to a wave, and says how many objects changed.
	Apply(ctx context.Context, p *plan.Plan, wave int) (changed int)
	// Save stores the app as it is now, and says whether that worked.
	Save(ctx context.Context) bool
	// Forget takes an object out of the inventory.
	Forget(o *owned.Object)
	// Emit puts an event into the journal.
	Emit(e protocol.Event)
	// Request is for what is done beside the app, with the rights that it has now.
	Request() access.Request
}

// Env is what the hooks of all apps reach and share.
type Env struct {
	Kinds     agent.Resolver
	Watches   watch.Tracker
	Claims    *inventory.Index // whose the objects of hooks that are under way are
	Objects   *inventory.Index // whose the other objects are
	Scope     agent.Scope
	Protected func(protocol.ObjectRef) bool // says of an object whether the agent never deletes it
	// waits until no request for an object of another app is under way
	Settle func(owner string, ref protocol.ObjectRef)
	News   func() // tells that the report is another
}

// Runner takes an app through its hooks and waves.
type Runner struct {
	hook.Progress
	Until time.Time // when to look again without being told; zero for never
	c     Config
	lookouts
}

// New makes a runner that has nothing to do.
func New(c Config) Runner {
	return Runner{c: c, lookouts: lookouts{c.Set.Name, &c.Env, map[protocol.ObjectRef]*lookout{}}}
}

// Start has the progress be that of a plan which is about to be delivered. install says that nothing of the app was
// there before.
func (h *Runner) Start(p *plan.Plan, install bool) {
	if p.DeliveredBy(h.Run) {
		return
	}
	progress, changed := h.Begin(p, h.c.Set.Plan, install, time.Now())
	h.Until = time.Time{}
	h.keep(progress, changed)
}

// Remove has the progress be that of an app that was removed from Git.
func (h *Runner) Remove() {
	if h.Run != nil && h.Run.Leaving {
		return
	}
	progress, changed := h.Leave(h.c.Set.Last, h.c.Order.Spec.Prune, time.Now())
	h.Until = time.Time{}
	h.keep(progress, changed)
}

// Resume continues a run as it was stored.
func (h *Runner) Resume(run *agent.Run) {
	h.keep(hook.Progress{Run: run}, false)
}

// EnterPlan notes that a plan is put into force.
func (h *Runner) EnterPlan(p *plan.Plan) { h.keep(h.Enter(p), false) }

// keep makes a progress the app's. changed says that it has to be stored.
func (h *Runner) keep(p hook.Progress, changed bool) {
	told := h.Step == p.Step && h.Stuck == p.Stuck
	h.Progress = p
	h.c.Set.Dirty = h.c.Set.Dirty || changed
	h.follow()
	if !told {
		h.c.Env.News()
	}
}

// moment is one moment of the app while it is being taken through it.
type moment struct {
	hook.View
	lines   []byte // of the plan, once they were needed
	changed int    // objects that were changed
}

// TakeThrough does what a moment of the app asks for, as far as that is possible now. It says whether the moment is
// over, and how many objects changed.
func (h *Runner) TakeThrough(ctx context.Context, v hook.View) (done bool, changed int) {
	m := moment{View: v}
	m.Tried = map[hook.Key]bool{}
	for ctx.Err() == nil {
		m.Now, m.Timeout, m.Unsaved, m.Hooks = time.Now(), h.c.Order.Timeout(), h.c.Set.Dirty, h.seen()
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
func (h *Runner) decided(d hook.Decision) {
	h.keep(d.Progress, d.Changed)
	if !d.Until.IsZero() && (h.Until.IsZero() || d.Until.Before(h.Until)) {
		h.Until = d.Until
	}
	for _, e := range d.Events {
		h.emit(e)
	}
}

func (h *Runner) emit(e protocol.Event) {
	e.App = h.c.Set.Name
	h.c.App.Emit(e)
}

// execute executes an action, and says whether what comes after it may be executed.
func (h *Runner) execute(ctx context.Context, m *moment, act hook.Action) bool {
	switch act := act.(type) {
	case hook.Store:
		if h.c.App.Save(ctx) {
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
		m.changed += h.c.App.Apply(ctx, m.Plan, act.Wave)
		m.Wave = &hook.Wave{Number: act.Wave}
	}
	return true
}

// wave is how the objects of a wave are.
func (h *Runner) wave(number int) *hook.Wave {
	w := &hook.Wave{Number: number, Clashing: len(h.c.Set.Clashes) > 0}
	for _, o := range h.c.Set.Own {
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

// DeleteHooks runs the hooks of one phase of an app that was removed from Git, and says whether they are done. moved
// says whether another app has taken over what the app was.
func (h *Runner) DeleteHooks(ctx context.Context, phase fleet.HookPhase, moved func(last *plan.Plan) bool) bool {
	last := h.c.Set.Last
	if !last.Has(false, phase) {
		return true
	}
	at := hook.BeforeDelete
	if phase == fleet.PostDelete {
		at = hook.AfterDelete
	}
	done, _ := h.TakeThrough(ctx, hook.View{Moment: at, Plan: last, Moved: moved(last)})
	return done
}

// Tidy releases the objects of hooks whose phase is over, and says whether the app can go on.
func (h *Runner) Tidy(ctx context.Context) bool {
	if len(h.Run.Untidy()) == 0 {
		return ctx.Err() == nil
	}
	done, _ := h.TakeThrough(ctx, hook.View{Moment: hook.Tidy})
	return done
}
