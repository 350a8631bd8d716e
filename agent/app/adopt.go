package app

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// DeliverTo has a plan be the app's next.
func (a *App) DeliverTo(p *plan.Plan) {
	a.Next, a.Took = p, true
	a.fetch.Arrived()
	if a.env.Plans.Outdated(p) {
		a.remake()
	}
}

// Obey takes what a bundle asks of the app, and says whether the app needs another blob.
func (a *App) Obey(acc orders.Accepted, seq uint64, o orders.Order) (changed bool) {
	a.Accepted, a.Seq = acc, seq
	switch {
	case o.Kept:
		a.Spec = o.Spec
	case o.Leaving:
		if o.Spec.Orphan && !a.Spec.Orphan {
			a.Dirty = true
		}
		a.leave(o)
	default:
		changed = a.take(o)
	}
	a.Blocked = o.Blocked
	a.pruner.Entitle()
	return changed
}

// take puts the flags of a spec into force, and says whether the app needs another blob.
func (a *App) take(o orders.Order) (changed bool) {
	spec := o.Spec
	a.fetch.Stop()
	if o.Unfit != "" { // what was understood before stays in force
		a.Spec, a.Leaving, a.Next = spec, false, nil
		a.fetch.Fetching, a.fetch.Unfit = "", owned.Fact(protocol.ReasonAgentTooOld, o.Unfit)
		return false
	}
	if a.Spec.ServiceAccount != spec.ServiceAccount { // what one may not do, another may
		for _, o := range a.Own {
			if o.Trouble != nil {
				o.Trouble.Next = time.Time{}
			}
		}
	}
	a.Spec, a.Leaving, a.fetch.Fetching, a.fetch.Unfit, a.Last = spec, false, "", fleet.Fact{}, nil
	if spec.Blob == nil {
		a.Next = nil
		return false
	}
	// or what came since was begun, so that going back is another delivery
	if !a.Plan.Same(spec) || a.hooks.Run != nil && (!a.Plan.DeliveredBy(a.hooks.Run) || a.hooks.Run.Ahead()) {
		a.fetch.Lacks = ""
		return !a.Next.Same(spec)
	}
	a.Next = nil
	was := a.Settings.App
	was.Revision = spec.Revision
	a.Handle(spec)
	a.Dirty = a.Dirty || !sameFlags(was, spec)
	return false
}

// sameFlags says whether two specs differ in nothing that must be stored with the app.
func sameFlags(a, b protocol.App) bool {
	return a.Declared == b.Declared && slices.Equal(a.Formerly, b.Formerly) && a.Prune == b.Prune && a.Suspend == b.Suspend && a.Timeout == b.Timeout && slices.Equal(a.DependsOn, b.DependsOn) &&
		reflect.DeepEqual(a.Handling, b.Handling)
}

// leave is for an app that a complete bundle no longer has.
func (a *App) leave(o orders.Order) {
	if a.Plan.Has(false, fleet.PreDelete, fleet.PostDelete) {
		a.Last = a.Plan
	}
	a.Leaving, a.Next, a.Plan, a.Lasts, a.Was, a.Clashes = true, nil, nil, nil, nil, nil
	a.Spec, a.fetch.Fetching, a.fetch.Unfit, a.is.Waits = o.Spec, "", owned.Fact(protocol.ReasonAgentTooOld, o.Unfit), ""
	for _, o := range a.Own {
		o.Want = nil
	}
	a.Excuse()
}

// Source is what a plan of the app is to be made of.
func (a *App) Source(generation uint64, since time.Time) planning.Want {
	return planning.Want{Spec: a.Spec, Had: a.Plan, Spare: a.fetch.Spare, Epoch: a.Accepted.Bundle.Epoch,
		Generation: generation, Received: since}
}

// Obtain goes on trying to get the blob of the app.
func (a *App) Obtain(generation uint64, err error) {
	if err != nil {
		a.fetch.Missing(err)
	}
	if a.env.Plans.Awaits(err) {
		return
	}
	getting, stop := a.fetch.Begin(a.env.Life)
	plans := &a.env.Plans
	a.Spawn(func() {
		defer stop()
		plans.Retry(getting, err, func(ctx context.Context) (last bool) {
			var w planning.Want
			a.Do(func() { w = a.Source(generation, time.Time{}) })
			p, err := plans.Make(ctx, w)
			a.Do(func() { last = ctx.Err() != nil || a.obtained(p, err) })
			return last
		})
	})
}

// obtained takes the outcome of a try, and says whether it was the last.
func (a *App) obtained(p *plan.Plan, err error) bool {
	if err != nil {
		a.fetch.Missing(err)
		a.assess(a.env.Life)
		return a.env.Plans.Awaits(err)
	}
	if a.env.Plans.Outdated(p) {
		return false
	}
	a.Next = p
	a.fetch.Arrived()
	a.Kick()
	a.TellLater(func() {
		for _, other := range a.env.Board.All() {
			if other != a {
				other.Post(func() {
					if other.Leftover() { // which may have been held until this was known
						other.Kick()
					}
				})
			}
		}
	})
	return true
}

// supplied has the app read again if an input that it takes something from is another than the one it took.
func (a *App) supplied(ref protocol.VarsRef, version uint64) {
	if a.Leaving || !slices.Contains(input.Of(a.Spec.Handling, a.env.Namespace), ref) {
		return
	}
	p := a.Next
	if p == nil && a.Plan.Same(a.Spec) {
		p = a.Plan
	}
	if p == nil || p.InputVersion(ref) != version {
		a.remake()
	}
}

// remake reads an app's blob and its inputs again.
func (a *App) remake() {
	if a.Spec.Blob == nil || plan.Unmet(a.Spec) != "" {
		return
	}
	a.fetch.Stop()
	a.Obtain(a.Accepted.Bundle.Generation, nil)
}
