package app

import (
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

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
	a.Fetcher.Stop()
	a.Fetcher.Reset(o.Unfit)
	if o.Unfit != "" { // what was understood before stays in force
		a.Spec, a.Leaving, a.Next = spec, false, nil
		return false
	}
	if a.Spec.ServiceAccount != spec.ServiceAccount { // what one may not do, another may
		for _, o := range a.Own {
			if o.Trouble != nil {
				o.Trouble.Next = time.Time{}
			}
		}
	}
	a.Spec, a.Leaving, a.Last = spec, false, nil
	if spec.Blob == nil {
		a.Next = nil
		return false
	}
	// or what came since was begun, so that going back is another delivery
	if !a.Plan.Same(spec) || a.hooks.Run != nil && (!a.Plan.DeliveredBy(a.hooks.Run) || a.hooks.Run.Ahead()) {
		a.Fetcher.Lacks = ""
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
	return a.Declared == b.Declared && slices.Equal(a.Formerly, b.Formerly) && a.Prune == b.Prune && a.Suspend == b.Suspend && a.Timeout == b.Timeout &&
		slices.Equal(a.DependsOn, b.DependsOn) && reflect.DeepEqual(a.Handling, b.Handling)
}

// leave is for an app that a complete bundle no longer has.
func (a *App) leave(o orders.Order) {
	if a.Plan.Has(false, fleet.PreDelete, fleet.PostDelete) {
		a.Last = a.Plan
	}
	a.Leaving, a.Next, a.Plan, a.Lasts, a.Was, a.Clashes = true, nil, nil, nil, nil, nil
	a.Spec, a.assessor.Waits = o.Spec, ""
	a.Fetcher.Reset(o.Unfit)
	for _, o := range a.Own {
		o.Want = nil
	}
	a.Excuse()
}

// RelabelHooks gives the objects of the app's hooks its label, where they have that of a name that it had.
func (a *App) RelabelHooks() {
	if len(a.Names) > 0 && !a.Suspended() {
		a.hooks.Relabel(a.env.Life, a.env.Log)
	}
}
