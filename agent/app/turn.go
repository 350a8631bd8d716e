package app

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// turns takes the turns of an app.
type turns struct {
	*parts
	app *App // as the board knows it
	env *Env
}

// take does what is due for the app, from the first step that is. What a step waits for is not waited for here: the
// turn ends, and whatever moves it, or the time, begins another one.
func (t *turns) take(ctx context.Context) {
	start := time.Now()
	next, leaving, ok := t.open(ctx)
	switch {
	case !ok:
		t.saveSuspended(ctx)
	case !t.hooks.Tidy(ctx):
	case leaving:
		t.remove(ctx)
	case t.advance(ctx, next, start) && t.finish(ctx) && t.hooks.Tidy(ctx):
		t.finish(ctx)
	}
}

// open decides whether there is anything to do, and gives a new plan whose time has come.
func (t *turns) open(ctx context.Context) (next *plan.Plan, leaving, ok bool) {
	defer func() { t.Assess(ctx) }()
	t.hooks.Until = time.Time{}
	if t.Suspended() || plan.Unmet(t.Spec) != "" || !t.Accepted.Known && t.Plan == nil && t.Next == nil {
		return nil, false, false
	}
	if t.assessor.Resting() && t.Next == nil {
		return nil, false, false
	}
	if t.Leaving {
		t.hooks.Remove()
		return nil, true, true
	}
	if t.Next != nil && t.Blocked == "" {
		t.assessor.Waits = t.env.Board.Awaited(t.Spec, t.assessor.Status(t.assessor.View()), t.Accepted)
		if t.assessor.Waits == "" {
			t.hooks.Start(t.Next, t.Plan == nil && len(t.Own) == 0 && !t.env.Damaged)
			return t.Next, false, true
		}
	}
	return nil, false, true
}

// saveSuspended stores what is known of a suspended app, such as that a Job has completed. Nothing else is done.
func (t *turns) saveSuspended(ctx context.Context) {
	if t.Suspended() && t.Dirty && t.Accepted.Known {
		t.Save(ctx)
	}
}

// advance takes the delivery of an app as far as it goes, and says whether it can be concluded.
func (t *turns) advance(ctx context.Context, next *plan.Plan, start time.Time) bool {
	plan, fresh, ok := t.enter(ctx, next, next != nil && t.precede(ctx, next))
	if !ok {
		return true
	}
	if fresh && (!t.Save(ctx) || !t.hooks.Tidy(ctx)) { // the intent: from here on nothing that is applied can be lost
		return false
	}
	if !t.applier.Prepare(ctx, plan) {
		return false
	}
	changed := t.deliver(ctx, plan)
	if ctx.Err() != nil {
		return false
	}
	t.healer.FallBack(ctx)
	if t.Accepted.Known && (t.hooks.Run == nil || t.hooks.Run.Applied || t.pruner.InTheWay(time.Now()) != nil) {
		t.pruner.Prune(ctx)
	}
	if !t.conclude(ctx, plan, changed, start) {
		return false
	}
	t.complete(ctx, plan)
	return ctx.Err() == nil
}

// enter puts a new plan into force if it may be, and says whether there is one in force, and whether that is yet to be
// stored.
func (t *turns) enter(ctx context.Context, next *plan.Plan, may bool) (p *plan.Plan, fresh, ok bool) {
	if may && t.Next == next && !t.Leaving {
		t.activate()
	}
	t.saver.Intent = t.mover.Reclaim() || t.saver.Intent
	t.Assess(ctx)
	return t.Plan, t.saver.Intent, t.Plan != nil && !t.Leaving
}

// activate puts the next plan into force.
func (t *turns) activate() {
	p, left := t.Next, map[*owned.Object]agent.Leave{}
	if t.Plan != nil && !reflect.DeepEqual(t.Settings.Ignored, p.Spec().Ignored) {
		left = t.Left(t.Settings)
	}
	if t.Was == nil {
		t.Was = t.Plan
	}
	t.Next, t.Plan, t.fresh, t.saver.Intent = nil, p, true, true
	t.Settings = owned.SettingsOf(p.Spec())
	t.Clashes, t.changes = nil, 0
	t.assessor.Recovered()
	t.assessor.Begin()
	t.hooks.EnterPlan(p)
	for _, o := range t.Own {
		o.Want = nil
	}
	for i := range p.Wants {
		t.mover.Adopt(&p.Wants[i])
	}
	t.Excuse()
	t.mover.DropHooked()
	t.Sort()
	t.Releave(left, t.Settings)
	t.beside.Steer()
	t.TellLater(func() { // those that may have waited for something that the app no longer wants
		for _, other := range t.env.Board.Where(func(e *board.Entry[*App]) bool {
			return e.Facts.Clashing && e.App != t.app
		}) {
			other.Post(other.Kick)
		}
	})
}

// conclude stores the outcome of a turn and tells of it. It says whether that worked.
func (t *turns) conclude(ctx context.Context, p *plan.Plan, changed int, start time.Time) bool {
	if !t.finish(ctx) {
		return false
	}
	t.assessor.Recovered()
	if t.Plan != p {
		return true
	}
	t.changes += changed
	if p.DeliveredBy(t.hooks.Run) && !t.hooks.Run.Applied { // the rest follows
		t.Assess(ctx)
		return true
	}
	first := t.fresh
	t.fresh = false
	if changed > 0 || first {
		t.assessor.Applied(time.Now())
		if first && !p.Received().IsZero() {
			start = p.Received()
		}
		t.Emit(protocol.Event{Kind: protocol.EventApplied, App: t.Name, Took: protocol.MillisOf(time.Since(start)),
			Message: fmt.Sprintf("%s, %d changed", phrase.Count(len(p.Wants), "object"), t.changes)})
		t.changes = 0
	}
	t.Assess(ctx)
	return true
}

// finish stores the outcome, or takes away the state of an app that is gone.
func (t *turns) finish(ctx context.Context) bool {
	gone, dirty := t.Leaving && t.Empty() && !t.hooks.Run.Open(), t.Dirty
	switch {
	case gone:
		if err := t.saver.Drop(ctx); err != nil {
			t.Fault(ctx, fmt.Errorf("delete its state in the cluster: %w", err))
			return false
		}
		if t.Leaving && t.env.Board.Remove(t.app, t.Seq) {
			t.Gone = true
			t.hooks.Drop()
			t.env.Out.Changed(true)
		}
		return true
	case dirty:
		return t.Save(ctx)
	}
	return true
}
