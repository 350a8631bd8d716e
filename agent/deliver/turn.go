package deliver

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// establishTime is how long an app waits for its definitions before it goes on without them.
const establishTime = 15 * time.Second

// turn does what is due for an app, from the first step that is. What a step waits for is not waited for here: the
// turn ends, and whatever moves it, or the time, begins another one.
func (a *app) turn(ctx context.Context) {
	start := time.Now()
	next, leaving, ok := a.open(ctx)
	if !ok {
		a.saveSuspended(ctx)
		return
	}
	if !a.hooks.tidy(ctx) {
		return
	}
	if leaving {
		a.removeApp(ctx)
		return
	}
	if a.advance(ctx, next, start) && a.finish(ctx) && a.hooks.tidy(ctx) {
		a.finish(ctx)
	}
}

// advance takes the delivery of an app as far as it goes, and says whether it can be concluded.
func (a *app) advance(ctx context.Context, next *plan.Plan, start time.Time) bool {
	plan, fresh, ok := a.enter(ctx, next, next != nil && a.precede(ctx, next))
	if !ok {
		return true
	}
	if fresh && (!a.save(ctx) || !a.hooks.tidy(ctx)) { // the intent: from here on nothing that is applied can be lost
		return false
	}
	if !a.prepareApply(ctx, plan) {
		return false
	}
	changed := a.deliver(ctx, plan)
	if ctx.Err() != nil {
		return false
	}
	a.fallBack(ctx)
	if a.accepted.Known && (a.hooks.Run == nil || a.hooks.Run.Applied || a.inTheWay(time.Now()) != nil) {
		a.prune(ctx)
	}
	if !a.conclude(ctx, plan, changed, start) {
		return false
	}
	a.complete(ctx, plan)
	return ctx.Err() == nil
}

// open decides whether there is anything to do, and gives a new plan whose time has come.
func (a *app) open(ctx context.Context) (next *plan.Plan, leaving, ok bool) {
	defer func() { a.assess(ctx) }()
	a.hooks.until = time.Time{}
	if a.suspended() || plan.Unmet(a.spec) != "" || !a.accepted.Known && a.plan == nil && a.next == nil {
		return nil, false, false
	}
	if a.fault != nil && time.Now().Before(a.fault.next) && a.next == nil {
		return nil, false, false
	}
	if a.leaving {
		a.hooks.leave()
		return nil, true, true
	}
	if a.next != nil && a.blocked == "" {
		if a.waits = a.env.board.Awaited(a.spec, a.status(), a.accepted); a.waits == "" {
			a.hooks.begin(a.next)
			return a.next, false, true
		}
	}
	return nil, false, true
}

// enter puts a new plan into force if it may be, and says whether there is one in force, and whether that is yet to be
// stored.
func (a *app) enter(ctx context.Context, next *plan.Plan, may bool) (p *plan.Plan, fresh, ok bool) {
	if may && a.next == next && !a.leaving {
		a.activate(ctx)
	}
	a.reclaim(ctx)
	a.assess(ctx)
	return a.plan, a.unsaved, a.plan != nil && !a.leaving
}

// activate puts the next plan into force.
func (a *app) activate(ctx context.Context) {
	p, left := a.next, map[*object]agent.Leave{}
	if a.plan != nil && !reflect.DeepEqual(a.settings.Ignored, p.Spec().Ignored) {
		left = a.left(a.settings)
	}
	if a.was == nil {
		a.was = a.plan
	}
	a.next, a.plan, a.fresh, a.unsaved, a.fault = nil, p, true, true, nil
	a.settings = settingsOf(p.Spec())
	a.wasHealthy, a.clashes, a.changes = false, nil, 0
	a.hooks.enter(p)
	for _, o := range a.own {
		o.want = nil
	}
	for i := range p.Wants {
		a.claim(&p.Wants[i])
	}
	a.excuse()
	a.dropHooked()
	a.sort()
	a.releave(left, a.settings)
	a.steer()
	a.tellLater(func() { // those that may have waited for something that the app no longer wants
		for _, other := range a.env.board.Where(func(e *board.Entry[*app]) bool { return e.Facts.Clashing && e.App != a }) {
			other.post(other.kick)
		}
	})
}

// reclaim tries again what clashed.
func (a *app) reclaim(ctx context.Context) {
	if len(a.clashes) == 0 || a.plan == nil {
		return
	}
	before := a.clashes
	a.clashes = nil
	for _, c := range before {
		for i := range a.plan.Wants {
			if w := &a.plan.Wants[i]; w.Is(c.ref) {
				a.claim(w)
			}
		}
	}
	if len(a.clashes) < len(before) {
		a.unsaved = true
		a.sort()
	}
}

// save stores the app as it is now, and says whether that worked.
func (a *app) save(ctx context.Context) bool {
	if a.stored() == nil { // of an app that leaves, what was stored before stays until nothing is left of it
		a.dirty = false
		return true
	}
	a.keepLast(ctx)
	if a.handleUntil(ctx, nil, func() bool { return a.coming == 0 }); a.coming > 0 {
		return false // the session is over
	}
	if a.stored() == nil {
		return true // it left meanwhile
	}
	state := a.state()
	saved := slices.Clone(a.own)
	a.dirty = false
	var err error
	a.await(ctx, func() { err = a.env.store.SaveApp(ctx, state) })
	if err != nil {
		a.dirty = true
		a.faulted(ctx, fmt.Errorf("%w: %w", errStore, err))
		return false
	}
	a.fault, a.unsaved = nil, false
	for _, o := range saved {
		if !o.gone {
			a.releaseFormers(o)
		}
	}
	return true
}

// saveSuspended stores what is known of a suspended app, such as that a Job has completed. Nothing else is done.
func (a *app) saveSuspended(ctx context.Context) {
	due := a.suspended() && a.dirty && a.accepted.Known
	if due {
		a.save(ctx)
	}
}

// stored is the plan that is stored of an app: what is in force; or what its first PreSync hooks are done for, or its
// last ones when it leaves.
func (a *app) stored() *plan.Plan {
	switch {
	case a.plan != nil:
		return a.plan
	case a.leaving:
		return a.last
	case a.next.DeliveredBy(a.hooks.Run):
		return a.next
	}
	return nil
}

// state is what is stored of an app.
func (a *app) state() agent.AppState {
	p := a.stored()
	packed, _ := p.Packed()
	deleted, granted := a.deletions.Stored()
	st := agent.AppState{Spec: a.specOf(p), Epoch: p.Epoch, Generation: p.Generation, Packed: packed, Items: a.items(),
		Last: a.former.stored(), Run: a.hooks.Run.Clone(), Deleted: deleted, Granted: granted, Former: a.names}
	return st
}

// faulted notes what keeps the whole app from going on.
func (a *app) faulted(ctx context.Context, err error) {
	if errors.Is(err, agent.ErrLost) {
		a.env.end(err)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if a.fault == nil {
		a.fault = newTrouble()
	}
	a.fault.note(err, time.Now())
	a.assess(ctx)
}

// applyStage applies what is due in one stage, all at once, and says how many objects were sent and how many of them
// changed.
func (a *app) applyStage(ctx context.Context, p *plan.Plan, stage fleet.Stage, part func(*object) bool) (sent, changed int) {
	due := a.due(stage, part)
	if len(due) == 0 || ctx.Err() != nil {
		return 0, 0
	}
	var lines []byte
	var err error
	if a.await(ctx, func() { lines, err = p.Lines() }); err != nil {
		a.faulted(ctx, err)
		return 0, 0
	}
	r := a.request()
	a.await(ctx, func() {
		each(a.env.applies, due, func(o *object) {
			r.apply(ctx, o, lines, func() { changed++ })
		})
	})
	if stage == fleet.StageDefinitions {
		a.awaitDefinitions(ctx)
	}
	return len(due), changed
}

// each does something for all of a list, as many at once as there are slots.
func each[T any](slots chan struct{}, list []T, do func(T)) {
	var wg sync.WaitGroup
	for _, x := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(x)
		})
	}
	wg.Wait()
}

// due are the objects of a part of the app that must be applied now.
func (a *app) due(stage fleet.Stage, part func(*object) bool) (due []*object) {
	now := time.Now()
	for _, o := range a.own {
		if o.due(now) && fleet.StageOf(o.item.Ref) == stage && part(o) && a.free(o) {
			due = append(due, o)
		}
	}
	return due
}

// awaitDefinitions waits until the app's definitions are established, for some time.
func (a *app) awaitDefinitions(ctx context.Context) {
	limit := time.NewTimer(establishTime)
	defer limit.Stop()
	a.handleUntil(ctx, limit.C, func() bool {
		return !slices.ContainsFunc(a.own, func(o *object) bool {
			return o.want != nil && o.trouble == nil && plan.IsDefinition(o.item.Ref) && o.verdict.Health == protocol.HealthProgressing
		})
	})
}

// conclude stores the outcome of a turn and tells of it. It says whether that worked.
func (a *app) conclude(ctx context.Context, p *plan.Plan, changed int, start time.Time) bool {
	if !a.finish(ctx) {
		return false
	}
	a.fault = nil
	if a.plan != p {
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
		a.condition.applied(time.Now())
		if first && !p.Received().IsZero() {
			start = p.Received()
		}
		a.emit(protocol.Event{Kind: protocol.EventApplied, App: a.name, Took: protocol.MillisOf(time.Since(start)),
			Message: fmt.Sprintf("%s, %d changed", phrase.Count(len(p.Wants), "object"), a.changes)})
		a.changes = 0
	}
	a.assess(ctx)
	return true
}

// finish stores the outcome, or takes away the state of an app that is gone.
func (a *app) finish(ctx context.Context) bool {
	gone, dirty := a.leaving && a.empty() && !a.hooks.Run.Open(), a.dirty
	switch {
	case gone:
		var err error
		a.await(ctx, func() { err = a.env.store.DropApp(ctx, a.name) })
		if err != nil {
			a.faulted(ctx, fmt.Errorf("delete its state in the cluster: %w", err))
			return false
		}
		a.dirty = false // or else it would be dropped again and again
		if a.leaving && a.env.board.Remove(a, a.seq) {
			a.gone = true
			a.hooks.dropAll()
			a.env.out.Changed(true)
		}
		return true
	case dirty:
		return a.save(ctx)
	}
	return true
}
