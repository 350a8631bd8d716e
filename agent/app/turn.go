package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/status"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// turn does what is due for an app, from the first step that is. What a step waits for is not waited for here: the
// turn ends, and whatever moves it, or the time, begins another one.
func (a *App) turn(ctx context.Context) {
	start := time.Now()
	next, leaving, ok := a.open(ctx)
	if !ok {
		a.saveSuspended(ctx)
		return
	}
	if !a.hooks.Tidy(ctx) {
		return
	}
	if leaving {
		a.removeApp(ctx)
		return
	}
	if a.advance(ctx, next, start) && a.finish(ctx) && a.hooks.Tidy(ctx) {
		a.finish(ctx)
	}
}

// advance takes the delivery of an app as far as it goes, and says whether it can be concluded.
func (a *App) advance(ctx context.Context, next *plan.Plan, start time.Time) bool {
	plan, fresh, ok := a.enter(ctx, next, next != nil && a.precede(ctx, next))
	if !ok {
		return true
	}
	if fresh && (!a.Save(ctx) || !a.hooks.Tidy(ctx)) { // the intent: from here on nothing that is applied can be lost
		return false
	}
	if !a.applier.Prepare(ctx, plan) {
		return false
	}
	changed := a.deliver(ctx, plan)
	if ctx.Err() != nil {
		return false
	}
	a.healer.FallBack(ctx)
	if a.Accepted.Known && (a.hooks.Run == nil || a.hooks.Run.Applied || a.pruner.InTheWay(time.Now()) != nil) {
		a.pruner.Prune(ctx)
	}
	if !a.conclude(ctx, plan, changed, start) {
		return false
	}
	a.complete(ctx, plan)
	return ctx.Err() == nil
}

// open decides whether there is anything to do, and gives a new plan whose time has come.
func (a *App) open(ctx context.Context) (next *plan.Plan, leaving, ok bool) {
	defer func() { a.assess(ctx) }()
	a.hooks.Until = time.Time{}
	if a.Suspended() || plan.Unmet(a.Spec) != "" || !a.Accepted.Known && a.Plan == nil && a.Next == nil {
		return nil, false, false
	}
	if a.fault != nil && time.Now().Before(a.fault.Next) && a.Next == nil {
		return nil, false, false
	}
	if a.Leaving {
		a.hooks.Remove()
		return nil, true, true
	}
	if a.Next != nil && a.Blocked == "" {
		if a.is.Waits = a.env.Board.Awaited(a.Spec, a.is.Status(a.view()), a.Accepted); a.is.Waits == "" {
			a.hooks.Start(a.Next, a.Plan == nil && len(a.Own) == 0 && !a.env.Damaged)
			return a.Next, false, true
		}
	}
	return nil, false, true
}

// enter puts a new plan into force if it may be, and says whether there is one in force, and whether that is yet to be
// stored.
func (a *App) enter(ctx context.Context, next *plan.Plan, may bool) (p *plan.Plan, fresh, ok bool) {
	if may && a.Next == next && !a.Leaving {
		a.activate(ctx)
	}
	a.unsaved = a.mover.Reclaim() || a.unsaved
	a.assess(ctx)
	return a.Plan, a.unsaved, a.Plan != nil && !a.Leaving
}

// activate puts the next plan into force.
func (a *App) activate(ctx context.Context) {
	p, left := a.Next, map[*owned.Object]agent.Leave{}
	if a.Plan != nil && !reflect.DeepEqual(a.Settings.Ignored, p.Spec().Ignored) {
		left = a.Left(a.Settings)
	}
	if a.Was == nil {
		a.Was = a.Plan
	}
	a.Next, a.Plan, a.fresh, a.unsaved, a.fault = nil, p, true, true, nil
	a.Settings = owned.SettingsOf(p.Spec())
	a.Clashes, a.changes = nil, 0
	a.is.Begin()
	a.hooks.EnterPlan(p)
	for _, o := range a.Own {
		o.Want = nil
	}
	for i := range p.Wants {
		a.mover.Adopt(&p.Wants[i])
	}
	a.Excuse()
	a.mover.DropHooked()
	a.Sort()
	a.Releave(left, a.Settings)
	a.beside.Steer()
	a.TellLater(func() { // those that may have waited for something that the app no longer wants
		for _, other := range a.env.Board.Where(func(e *board.Entry[*App]) bool { return e.Facts.Clashing && e.App != a }) {
			other.Post(other.Kick)
		}
	})
}

// Save stores the app as it is now, and says whether that worked.
func (a *App) Save(ctx context.Context) bool {
	if a.stored() == nil { // of an app that leaves, what was stored before stays until nothing is left of it
		a.Dirty = false
		return true
	}
	a.healer.KeepLast(ctx)
	if a.HandleUntil(ctx, nil, func() bool { return a.Coming == 0 }); a.Coming > 0 {
		return false // the session is over
	}
	if a.stored() == nil {
		return true // it left meanwhile
	}
	state := a.state()
	saved := slices.Clone(a.Own)
	a.Dirty = false
	var err error
	a.Await(ctx, func() { err = a.env.Store.SaveApp(ctx, state) })
	if err != nil {
		a.Dirty = true
		a.Fault(ctx, fmt.Errorf("%w: %w", status.ErrStore, err))
		return false
	}
	a.fault, a.unsaved = nil, false
	for _, o := range saved {
		if !o.Gone {
			a.mover.ReleaseFormers(o)
		}
	}
	return true
}

// saveSuspended stores what is known of a suspended app, such as that a Job has completed. Nothing else is done.
func (a *App) saveSuspended(ctx context.Context) {
	due := a.Suspended() && a.Dirty && a.Accepted.Known
	if due {
		a.Save(ctx)
	}
}

// stored is the plan that is stored of an app: what is in force; or what its first PreSync hooks are done for, or its
// last ones when it leaves.
func (a *App) stored() *plan.Plan {
	switch {
	case a.Plan != nil:
		return a.Plan
	case a.Leaving:
		return a.Last
	case a.Next.DeliveredBy(a.hooks.Run):
		return a.Next
	}
	return nil
}

// state is what is stored of an app.
func (a *App) state() agent.AppState {
	p := a.stored()
	packed, _ := p.Packed()
	deleted, granted := a.pruner.Deletions.Stored()
	st := agent.AppState{Spec: a.SpecOf(p), Epoch: p.Epoch, Generation: p.Generation, Packed: packed, Items: a.Items(),
		Last: a.LastApplied(), Run: a.hooks.Run.Clone(), Deleted: deleted, Granted: granted, Former: a.Names}
	return st
}

// Fault notes what keeps the whole app from going on.
func (a *App) Fault(ctx context.Context, err error) {
	if errors.Is(err, agent.ErrLost) {
		a.env.End(err)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if a.fault == nil {
		a.fault = owned.NewTrouble()
	}
	a.fault.Note(err, time.Now())
	a.assess(ctx)
}

// conclude stores the outcome of a turn and tells of it. It says whether that worked.
func (a *App) conclude(ctx context.Context, p *plan.Plan, changed int, start time.Time) bool {
	if !a.finish(ctx) {
		return false
	}
	a.fault = nil
	if a.Plan != p {
		return true
	}
	a.changes += changed
	if p.DeliveredBy(a.hooks.Run) && !a.hooks.Run.Applied { // the rest follows
		a.assess(ctx)
		return true
	}
	first := a.fresh
	a.fresh = false
	if changed > 0 || first {
		a.is.Applied(time.Now())
		if first && !p.Received().IsZero() {
			start = p.Received()
		}
		a.Emit(protocol.Event{Kind: protocol.EventApplied, App: a.Name, Took: protocol.MillisOf(time.Since(start)),
			Message: fmt.Sprintf("%s, %d changed", phrase.Count(len(p.Wants), "object"), a.changes)})
		a.changes = 0
	}
	a.assess(ctx)
	return true
}

// finish stores the outcome, or takes away the state of an app that is gone.
func (a *App) finish(ctx context.Context) bool {
	gone, dirty := a.Leaving && a.Empty() && !a.hooks.Run.Open(), a.Dirty
	switch {
	case gone:
		var err error
		a.Await(ctx, func() { err = a.env.Store.DropApp(ctx, a.Name) })
		if err != nil {
			a.Fault(ctx, fmt.Errorf("delete its state in the cluster: %w", err))
			return false
		}
		a.Dirty = false // or else it would be dropped again and again
		if a.Leaving && a.env.Board.Remove(a, a.Seq) {
			a.Gone = true
			a.hooks.Drop()
			a.env.Out.Changed(true)
		}
		return true
	case dirty:
		return a.Save(ctx)
	}
	return true
}
