package deliver

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// judge decides in which phase the app is. It reads nothing but the app.
func (a *app) judge(now time.Time, suspended bool) fleet.AppStatus {
	f := fleet.Facts{
		Suspended: suspended || a.spec.Suspend, Removed: a.leaving, Loaded: a.plan != nil,
		Failures: a.failures(), Objects: a.objectFacts(now),
		Run: fleet.RunFacts{Preparing: a.next != nil && a.next.DeliveredBy(a.hooks.Run), Stuck: a.hooks.Stuck, Applying: a.fresh,
			Open: a.hooks.Run.Open(), Step: a.hooks.Step},
	}
	if a.next != nil {
		f.Next.Awaits = fact(protocol.ReasonDependencyNotReady, a.waits)
	}
	f.Next.Missing = fact(protocol.ReasonFetching, a.fetching)
	if !f.Next.Missing.Known() {
		f.Next.Missing = fact(protocol.ReasonInputMissing, a.lacks)
	}
	if f.Removed || !f.Objects.Worst.Known() {
		f.Prune, f.Notes = a.pruneFact(), a.asides()
	}
	return fleet.Phase(f)
}

// fact is one with a text, or none without.
func fact(reason protocol.Reason, text string) fleet.Fact {
	if text == "" {
		return fleet.Fact{}
	}
	return fleet.Fact{Reason: reason, Text: text}
}

// failures are what stops the app, or a part of it.
func (a *app) failures() fleet.Failures {
	f := fleet.Failures{
		Dependency: fact(protocol.ReasonDependencyInvalid, a.blocked),
		Hook:       fact(protocol.ReasonHookFailed, a.hooks.Run.Failed()),
		Apply:      a.troubled(), Content: a.unfit, Render: fact(cmp.Or(a.spec.Reason, protocol.ReasonRenderFailed), a.spec.Error),
	}
	if a.fault != nil {
		f.Fault = fleet.Fact{Reason: faultReason(a.fault.err), Text: a.fault.err.Error()}
	}
	if n := len(a.clashes); n > 0 {
		c := a.clashes[0]
		f.Shared = fleet.Fact{Reason: protocol.ReasonSharedObject, More: n - 1,
			Text: fmt.Sprintf("%s is in app %s, too: take it out of one of them", c.ref, c.with)}
	}
	if o := a.heldForGood(); o != nil {
		f.Order = fleet.Fact{Reason: protocol.ReasonDependencyInvalid, Object: o.item.Ref, Text: o.held}
	}
	if a.plan == nil {
		return f
	}
	if n := len(a.plan.Invalid); n > 0 {
		f.Invalid = fleet.Fact{Reason: protocol.ReasonInvalidObject, Text: a.plan.Invalid[0], More: n - 1}
	}
	if n := len(a.plan.Outside); n > 0 {
		f.Scope = fleet.Fact{Reason: protocol.ReasonOutOfScope, Object: a.plan.Outside[0], Text: a.scope.Failure().Text,
			More: n - 1}
	}
	return f
}

// troubled is the first object that could not be applied or deleted.
func (a *app) troubled() fleet.Fact {
	var first *object
	n := 0
	for _, o := range a.own {
		if o.trouble != nil {
			if n++; first == nil {
				first = o
			}
		}
	}
	if first == nil {
		return fleet.Fact{}
	}
	otherwise := protocol.ReasonApplyFailed
	if first.want == nil {
		otherwise = protocol.ReasonPruneFailed
	}
	return fleet.Fact{Reason: codeOf(first.trouble.err, otherwise), Object: first.item.Ref,
		Text: first.complaint() + a.waitsForQuota(first), More: n - 1}
}

// objectFacts are of what the app wants and has checked. It notes how many objects are current, and since when some
// are not.
func (a *app) objectFacts(now time.Time) fleet.ObjectFacts {
	health, n, ill := protocol.HealthCurrent, 0, 0
	var worst protocol.Problem
	count := func(p protocol.Problem) {
		if ill++; ill == 1 || compareProblems(p, worst) < 0 {
			worst = p
		}
	}
	for _, o := range a.own {
		if o.want == nil {
			continue
		}
		p := o.problem()
		health = fleet.Worst(health, p.Health)
		if o.current() {
			n++
		} else {
			count(p)
		}
	}
	for _, p := range a.illChecks() {
		health = fleet.Worst(health, p.Health)
		count(p)
	}
	paused := ill > 0 && health == protocol.HealthPaused
	switch {
	case ill == 0 || paused:
		a.illSince = time.Time{}
	case a.illSince.IsZero():
		a.illSince = now
	}
	if a.reason == protocol.ReasonPaused && !paused {
		a.appliedAt = now
	}
	a.current = n
	f := fleet.ObjectFacts{Health: health, WasHealthy: a.wasHealthy, Applied: now.Sub(a.appliedAt), Grace: grace,
		Timeout: a.timeout()}
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
	f := fact(protocol.ReasonPruning, a.leftovers())
	switch {
	case !f.Known():
	case a.over != nil && a.held != "":
		f.Reason = protocol.ReasonPruneHeld
	case a.held != "":
		f.Reason = protocol.ReasonPruneWaits
	case a.holdsAny():
		f.Reason = protocol.ReasonPruneHeld
	}
	return f
}

// holdsAny says whether one of the objects that Git no longer has waits for a person.
func (a *app) holdsAny() bool {
	return slices.ContainsFunc(a.own, func(o *object) bool { return o.want == nil && o.hold != nil })
}

// errStore is for what the agent keeps of an app in the cluster.
var errStore = errors.New("store its state in the cluster")

// faultReason is the code of what concerns a whole app.
func faultReason(err error) protocol.Reason {
	if errors.Is(err, errStore) {
		return protocol.ReasonStateNotStored
	}
	return codeOf(err, protocol.ReasonApplyFailed)
}

// codeOf is the code of a Failure somewhere in err; otherwise for any other error.
func codeOf(err error, otherwise protocol.Reason) protocol.Reason {
	if code, ok := codes[agent.ReasonOf(err)]; ok {
		return code
	}
	return otherwise
}

// codes are the codes of failures, as reports give them. What is not here has no code of its own.
var codes = map[agent.Reason]protocol.Reason{
	agent.ReasonUnreachable:     protocol.ReasonAPIServerUnreachable,
	agent.ReasonKind:            protocol.ReasonKindNotServed,
	agent.ReasonConflict:        protocol.ReasonConflict,
	agent.ReasonNamespace:       protocol.ReasonNamespaceNotFound,
	agent.ReasonNamespaceEnding: protocol.ReasonNamespaceTerminating,
	agent.ReasonForbidden:       protocol.ReasonForbidden,
	agent.ReasonDenied:          protocol.ReasonWebhookDenied,
	agent.ReasonInvalid:         protocol.ReasonApplyRefused,
	agent.ReasonScope:           protocol.ReasonOutOfScope,
	agent.ReasonImmutable:       protocol.ReasonImmutableField,
	agent.ReasonManaged:         protocol.ReasonConflict,
	agent.ReasonEnding:          protocol.ReasonObjectTerminating,
	agent.ReasonWebhook:         protocol.ReasonWebhookUnavailable,
	agent.ReasonQuota:           protocol.ReasonQuotaExceeded,
}
