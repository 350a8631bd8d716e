package deliver

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// adopt puts an accepted bundle into force: the flags at once, the blobs as they come.
func (s *session) adopt(ctx context.Context, b protocol.Bundle, since time.Time) {
	changed := s.take(b, func(a *app, f func()) {
		a.Start(s.life)
		a.Do(f)
	})
	s.version.Reconsider()
	s.watches.Rejudge()
	apps, wants := map[string]*app{}, make([]planning.Want, len(changed))
	for i, a := range changed {
		a.Do(func() { wants[i] = a.want(b.Generation, since) })
		apps[a.Name] = a
	}
	plans, missing := s.plans.Gather(ctx, wants)
	for name, err := range missing {
		apps[name].Do(func() { apps[name].obtain(b.Generation, err) })
	}
	coming := map[*app]*plan.Plan{}
	for name, p := range plans {
		coming[apps[name]] = p
	}
	s.board.Deliver(coming)
	for a, p := range coming {
		a.Do(func() { a.deliverTo(p) })
	}
	s.tellAll((*app).Kick)
}

// deliverTo has a plan be the app's next.
func (a *app) deliverTo(p *plan.Plan) {
	a.Next, a.Took = p, true
	a.fetch.Arrived()
	if a.env.plans.Outdated(p) {
		a.remake()
	}
}

// take puts the flags of a bundle into force, and gives the apps that need another blob. What it asks of all apps is
// known before any of them does it. tell has an app do something.
func (s *session) take(b protocol.Bundle, tell func(*app, func())) (changed []*app) {
	acc := orders.Accepted{Digest: b.Digest(), Epoch: b.Epoch, Floor: b.Generation, Known: true}
	acc.Bundle = orders.WithKnownFlags(b, s.inForce())
	s.who.Reach(b.Epoch)
	all := orders.Of(b, s.board.Orders())
	list, seq := s.board.Command(acc, all, s.newApp)
	for _, a := range list {
		o := all[a.Name]
		tell(a, func() {
			if a.obey(acc, seq, o) {
				changed = append(changed, a)
			}
		})
	}
	s.stopUnusedInputs(all)
	s.moved.Announce()
	return changed
}

// obey takes what a bundle asks of the app, and says whether the app needs another blob.
func (a *app) obey(acc orders.Accepted, seq uint64, o orders.Order) (changed bool) {
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
	a.entitle()
	return changed
}

// take puts the flags of a spec into force, and says whether the app needs another blob.
func (a *app) take(o orders.Order) (changed bool) {
	spec := o.Spec
	a.fetch.Stop()
	if o.Unfit != "" { // what was understood before stays in force
		a.Spec, a.Leaving, a.Next, a.fetch.Fetching, a.fetch.Unfit = spec, false, nil, "", owned.Fact(protocol.ReasonAgentTooOld, o.Unfit)
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
	if !a.Plan.Same(spec) || a.hooks.Run != nil && (!a.Plan.DeliveredBy(a.hooks.Run) || a.hooks.Run.Ahead()) { // or what came since was begun, so that going back is another delivery
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
	return a.Prune == b.Prune && a.Suspend == b.Suspend && a.Timeout == b.Timeout && slices.Equal(a.DependsOn, b.DependsOn) &&
		reflect.DeepEqual(a.Handling, b.Handling)
}

// leave is for an app that a complete bundle no longer has.
func (a *app) leave(o orders.Order) {
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

// want is what a plan of the app is to be made of.
func (a *app) want(generation uint64, since time.Time) planning.Want {
	return planning.Want{Spec: a.Spec, Had: a.Plan, Spare: a.fetch.Spare, Epoch: a.Accepted.Bundle.Epoch,
		Generation: generation, Received: since}
}

// obtain goes on trying to get the blob of the app.
func (a *app) obtain(generation uint64, err error) {
	if err != nil {
		a.fetch.Missing(err)
	}
	if a.env.plans.Awaits(err) {
		return
	}
	getting, stop := a.fetch.Begin(a.env.life)
	plans := &a.env.plans
	a.Spawn(func() {
		defer stop()
		plans.Retry(getting, err, func(ctx context.Context) (last bool) {
			var w planning.Want
			a.Do(func() { w = a.want(generation, time.Time{}) })
			p, err := plans.Make(ctx, w)
			a.Do(func() { last = ctx.Err() != nil || a.obtained(p, err) })
			return last
		})
	})
}

// obtained takes the outcome of a try, and says whether it was the last.
func (a *app) obtained(p *plan.Plan, err error) bool {
	if err != nil {
		a.fetch.Missing(err)
		a.assess(a.env.life)
		return a.env.plans.Awaits(err)
	}
	if a.env.plans.Outdated(p) {
		return false
	}
	a.Next = p
	a.fetch.Arrived()
	a.Kick()
	a.TellLater(func() {
		for _, other := range a.env.board.All() {
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
