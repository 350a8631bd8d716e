package status

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Judge decides in which phase the app is. It notes how many objects are current, and since when some are not.
func (c *Condition) Judge(v View, now time.Time) fleet.AppStatus {
	f := fleet.Facts{
		Suspended: v.Suspended(), Removed: v.Leaving, Loaded: v.Plan != nil,
		Failures: v.failures(), Objects: c.objectFacts(v, now),
		Run: fleet.RunFacts{Preparing: v.Next != nil && v.Next.DeliveredBy(v.Progress.Run), Stuck: v.Progress.Stuck,
			Applying: v.Fresh,
			Open:     v.Progress.Run.Open(), Step: v.Progress.Step},
	}
	if v.Next != nil {
		f.Next.Awaits = owned.Fact(protocol.ReasonDependencyNotReady, c.Waits)
	}
	f.Next.Missing = owned.Fact(protocol.ReasonFetching, v.Fetch.Fetching)
	if !f.Next.Missing.Known() {
		f.Next.Missing = owned.Fact(protocol.ReasonInputMissing, v.Fetch.Lacks)
	}
	if f.Removed || !f.Objects.Worst.Known() {
		f.Prune, f.Notes = v.pruneFact(), owned.Asides(v.Own, v.Settings)
	}
	return fleet.Phase(f)
}

// failures are what stops the app, or a part of it.
func (v View) failures() fleet.Failures {
	f := fleet.Failures{
		Dependency: owned.Fact(protocol.ReasonDependencyInvalid, v.Blocked),
		Hook:       owned.Fact(protocol.ReasonHookFailed, v.Progress.Run.Failed()),
		Apply:      v.Troubled(v.Held), Content: v.Fetch.Unfit,
		Render: owned.Fact(cmp.Or(v.Spec.Reason, protocol.ReasonRenderFailed), v.Spec.Error),
	}
	if v.Fault != nil {
		f.Fault = fleet.Fact{Reason: faultReason(v.Fault.Err), Text: v.Fault.Err.Error()}
	}
	if n := len(v.Clashes); n > 0 {
		c := v.Clashes[0]
		f.Shared = fleet.Fact{Reason: protocol.ReasonSharedObject, More: n - 1,
			Text: fmt.Sprintf("%s is in app %s, too: take it out of one of them", c.Ref, c.With)}
	}
	if o := v.HeldForGood(); o != nil {
		f.Order = fleet.Fact{Reason: protocol.ReasonDependencyInvalid, Object: o.Item.Ref, Text: o.Held}
	}
	if v.Plan == nil {
		return f
	}
	if n := len(v.Plan.Invalid); n > 0 {
		f.Invalid = fleet.Fact{Reason: protocol.ReasonInvalidObject, Text: v.Plan.Invalid[0], More: n - 1}
	}
	if n := len(v.Plan.Outside); n > 0 {
		f.Scope = fleet.Fact{Reason: protocol.ReasonOutOfScope, Object: v.Plan.Outside[0], Text: v.Scope.Failure().Text,
			More: n - 1}
	}
	return f
}

// objectFacts are of what the app wants and has checked. It notes how many objects are current, and since when some
// are not.
func (c *Condition) objectFacts(v View, now time.Time) fleet.ObjectFacts {
	health, n, ill := protocol.HealthCurrent, 0, 0
	var worst protocol.Problem
	add := func(p protocol.Problem) {
		if ill++; ill == 1 || owned.CompareProblems(p, worst) < 0 {
			worst = p
		}
	}
	for _, o := range v.Own {
		if o.Want == nil {
			continue
		}
		p := o.Problem()
		health = fleet.Worst(health, p.Health)
		if o.Current() {
			n++
		} else {
			add(p)
		}
	}
	for _, p := range v.Checks {
		health = fleet.Worst(health, p.Health)
		add(p)
	}
	c.count(n, ill, health, now)
	f := fleet.ObjectFacts{Health: health, WasHealthy: c.WasHealthy, Applied: now.Sub(c.AppliedAt), Grace: Grace,
		Timeout: v.Timeout()}
	if !c.IllSince.IsZero() {
		f.Unhealthy = now.Sub(c.IllSince)
	}
	if ill > 0 {
		f.Worst = fleet.Fact{Object: worst.Object, Text: worst.Message, More: ill - 1}
	}
	return f
}

// pruneFact tells of objects that Git no longer has and that are still there.
func (v View) pruneFact() fleet.Fact {
	f := owned.Fact(protocol.ReasonPruning, v.Leftovers(v.Held))
	switch {
	case !f.Known():
	case v.Over && v.Held != "":
		f.Reason = protocol.ReasonPruneHeld
	case v.Held != "":
		f.Reason = protocol.ReasonPruneWaits
	case v.HoldsAny():
		f.Reason = protocol.ReasonPruneHeld
	}
	return f
}

// ErrStore is for what the agent keeps of an app in the cluster.
var ErrStore = errors.New("store its state in the cluster")

// faultReason is the code of what concerns a whole app.
func faultReason(err error) protocol.Reason {
	if errors.Is(err, ErrStore) {
		return protocol.ReasonStateNotStored
	}
	return owned.CodeOf(err, protocol.ReasonApplyFailed)
}
