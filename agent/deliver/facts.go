package deliver

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// judge decides in which phase the app is. It reads nothing but the app.
func (a *app) judge(now time.Time, suspended bool) fleet.AppStatus {
	f := fleet.Facts{
		Suspended: suspended || a.Spec.Suspend, Removed: a.Leaving, Loaded: a.Plan != nil,
		Failures: a.failures(), Objects: a.objectFacts(now),
		Run: fleet.RunFacts{Preparing: a.Next != nil && a.Next.DeliveredBy(a.hooks.Run), Stuck: a.hooks.Stuck, Applying: a.fresh,
			Open: a.hooks.Run.Open(), Step: a.hooks.Step},
	}
	if a.Next != nil {
		f.Next.Awaits = owned.Fact(protocol.ReasonDependencyNotReady, a.waits)
	}
	f.Next.Missing = owned.Fact(protocol.ReasonFetching, a.fetch.Fetching)
	if !f.Next.Missing.Known() {
		f.Next.Missing = owned.Fact(protocol.ReasonInputMissing, a.fetch.Lacks)
	}
	if f.Removed || !f.Objects.Worst.Known() {
		f.Prune, f.Notes = a.pruneFact(), owned.Asides(a.Own, a.Settings)
	}
	return fleet.Phase(f)
}

// failures are what stops the app, or a part of it.
func (a *app) failures() fleet.Failures {
	f := fleet.Failures{
		Dependency: owned.Fact(protocol.ReasonDependencyInvalid, a.Blocked),
		Hook:       owned.Fact(protocol.ReasonHookFailed, a.hooks.Run.Failed()),
		Apply:      a.Troubled(a.held), Content: a.fetch.Unfit, Render: owned.Fact(cmp.Or(a.Spec.Reason, protocol.ReasonRenderFailed), a.Spec.Error),
	}
	if a.fault != nil {
		f.Fault = fleet.Fact{Reason: faultReason(a.fault.Err), Text: a.fault.Err.Error()}
	}
	if n := len(a.Clashes); n > 0 {
		c := a.Clashes[0]
		f.Shared = fleet.Fact{Reason: protocol.ReasonSharedObject, More: n - 1,
			Text: fmt.Sprintf("%s is in app %s, too: take it out of one of them", c.Ref, c.With)}
	}
	if o := a.HeldForGood(); o != nil {
		f.Order = fleet.Fact{Reason: protocol.ReasonDependencyInvalid, Object: o.Item.Ref, Text: o.Held}
	}
	if a.Plan == nil {
		return f
	}
	if n := len(a.Plan.Invalid); n > 0 {
		f.Invalid = fleet.Fact{Reason: protocol.ReasonInvalidObject, Text: a.Plan.Invalid[0], More: n - 1}
	}
	if n := len(a.Plan.Outside); n > 0 {
		f.Scope = fleet.Fact{Reason: protocol.ReasonOutOfScope, Object: a.Plan.Outside[0], Text: a.scope.Failure().Text,
			More: n - 1}
	}
	return f
}

// objectFacts are of what the app wants and has checked. It notes how many objects are current, and since when some
// are not.
func (a *app) objectFacts(now time.Time) fleet.ObjectFacts {
	health, n, ill := protocol.HealthCurrent, 0, 0
	var worst protocol.Problem
	count := func(p protocol.Problem) {
		if ill++; ill == 1 || owned.CompareProblems(p, worst) < 0 {
			worst = p
		}
	}
	for _, o := range a.Own {
		if o.Want == nil {
			continue
		}
		p := o.Problem()
		health = fleet.Worst(health, p.Health)
		if o.Current() {
			n++
		} else {
			count(p)
		}
	}
	for _, p := range a.checks.Ill() {
		health = fleet.Worst(health, p.Health)
		count(p)
	}
	a.count(n, ill, health, now)
	f := fleet.ObjectFacts{Health: health, WasHealthy: a.wasHealthy, Applied: now.Sub(a.appliedAt), Grace: grace,
		Timeout: a.Timeout()}
	if !a.illSince.IsZero() {
		f.Unhealthy = now.Sub(a.illSince)
	}
	if ill > 0 {
		f.Worst = fleet.Fact{Object: worst.Object, Text: worst.Message, More: ill - 1}
	}
	return f
}

// pruneFact tells of objects that Git no longer has and that are still there.
func (a *app) pruneFact() fleet.Fact {
	f := owned.Fact(protocol.ReasonPruning, a.Leftovers(a.held))
	switch {
	case !f.Known():
	case a.deletions.Over() != nil && a.held != "":
		f.Reason = protocol.ReasonPruneHeld
	case a.held != "":
		f.Reason = protocol.ReasonPruneWaits
	case a.HoldsAny():
		f.Reason = protocol.ReasonPruneHeld
	}
	return f
}

// errStore is for what the agent keeps of an app in the cluster.
var errStore = errors.New("store its state in the cluster")

// faultReason is the code of what concerns a whole app.
func faultReason(err error) protocol.Reason {
	if errors.Is(err, errStore) {
		return protocol.ReasonStateNotStored
	}
	return owned.CodeOf(err, protocol.ReasonApplyFailed)
}
