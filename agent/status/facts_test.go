package status

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// scene is what there is to know of an app.
type scene struct {
	View
	is Condition
}

// begin is that of an app which is healthy and has nothing.
func begin(now time.Time) *scene {
	set := owned.NewSet("shop")
	set.Plan = &plan.Plan{}
	return &scene{View{Set: &set, Current: &orders.Current{}, Fetch: &planning.Fetch{}}, Condition{AppliedAt: now}}
}

// with adds an object that is applied and current, with changes.
func (a *scene) with(name string, changes ...func(*owned.Object)) *scene {
	o := &owned.Object{Item: agent.Item{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}}, Want: &plan.Want{},
		Sighted: owned.Sighted{Present: true, Verdict: fleet.Verdict{Health: protocol.HealthCurrent}}}
	for _, c := range changes {
		c(o)
	}
	a.Insert(o)
	return a
}

func is(h protocol.Health, says string) func(*owned.Object) {
	return func(o *owned.Object) { o.Verdict = fleet.Verdict{Health: h, Message: says} }
}

func refusedWith(r agent.Reason) func(*owned.Object) {
	return func(o *owned.Object) { o.Trouble = &owned.Trouble{Err: &agent.Failure{Reason: r, Text: "no"}} }
}

func removed(o *owned.Object) { o.Want = nil }

// TestTheAgentFillsTheFacts goes through what an app may hold, and the reason that comes of it.
func TestTheAgentFillsTheFacts(t *testing.T) {
	t.Parallel()
	held := func(o *owned.Object) { o.Want, o.Hold = nil, &owned.Hold{Held: protocol.Held{Message: "held"}} }
	for name, c := range map[string]struct {
		set     func(*scene)
		phase   protocol.Phase
		reason  protocol.Reason
		message string
	}{
		"healthy":   {func(*scene) {}, protocol.PhaseHealthy, "", ""},
		"suspended": {func(a *scene) { a.Spec.Suspend = true }, protocol.PhaseSuspended, "Suspended", "suspended in Git: nothing is applied, healed or deleted"},
		"blocked":   {func(a *scene) { a.Blocked = "a circle" }, protocol.PhaseFailed, "DependencyInvalid", "a circle"},
		"its state": {func(a *scene) {
			a.Fault = &owned.Trouble{Err: fmt.Errorf("%w: %w", ErrStore, &agent.Failure{Reason: agent.ReasonForbidden, Text: "no"})}
		},
			protocol.PhaseFailed, "StateNotStored", "store its state in the cluster: no"},
		"its namespace": {func(a *scene) {
			a.Fault = &owned.Trouble{Err: fmt.Errorf("create it: %w", &agent.Failure{Reason: agent.ReasonForbidden, Text: "no"})}
		},
			protocol.PhaseFailed, "Forbidden", "create it: no"},
		"another fault": {func(a *scene) { a.Fault = &owned.Trouble{Err: errors.New("odd")} }, protocol.PhaseFailed, "ApplyFailed", "odd"},
		"shared": {func(a *scene) {
			a.Clashes = []owned.Clash{{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: "x"}, With: "b"}, {}}
		},
			protocol.PhaseFailed, "SharedObject", "ConfigMap/shop/x is in app b, too: take it out of one of them (and 1 more)"},
		"hook": {func(a *scene) { a.Progress.Run = &agent.Run{Failure: "Job failed"} }, protocol.PhaseFailed, "HookFailed", "Job failed"},
		"refused": {func(a *scene) {
			a.with("x", refusedWith(agent.ReasonInvalid)).with("y", refusedWith(agent.ReasonQuota))
		},
			protocol.PhaseFailed, "ApplyRefused", "ConfigMap/shop/x: no (and 1 more)"},
		"not applied": {func(a *scene) { a.with("x", refusedWith(agent.ReasonOther)) }, protocol.PhaseFailed, "ApplyFailed", "ConfigMap/shop/x: no"},
		"not deleted": {func(a *scene) { a.with("x", refusedWith(agent.ReasonOther), removed) }, protocol.PhaseFailed, "PruneFailed", "ConfigMap/shop/x: no"},
		"order": {func(a *scene) { a.with("x", func(o *owned.Object) { o.Held, o.HeldForGood = "after itself", true }) },
			protocol.PhaseFailed, "DependencyInvalid", "ConfigMap/shop/x: after itself"},
		"flaws": {func(a *scene) { a.Plan.Invalid = []string{"no name", "no kind"} }, protocol.PhaseFailed, "InvalidObject", "no name (and 1 more)"},
		"outside": {func(a *scene) {
			a.Scope, a.Plan.Outside = agent.Scope{"a"}, []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: "b", Name: "c"}}
		}, protocol.PhaseFailed, "OutOfScope", "ConfigMap/b/c: " + agent.Scope{"a"}.Failure().Text},
		"unusable": {func(a *scene) { a.Fetch.Missing(errors.New("torn")) }, protocol.PhaseFailed, "ContentUnusable",
			"its objects cannot be used: torn; keeping the last applied version"},
		"may not read its inputs": {func(a *scene) { a.Fetch.Missing(&agent.Failure{Reason: agent.ReasonForbidden, Text: "no"}) }, protocol.PhaseFailed, "Forbidden",
			"its objects cannot be used: no; keeping the last applied version"},
		"not rendered": {func(a *scene) { a.Spec.Error = "a.yaml:1: no" }, protocol.PhaseFailed, "RenderFailed", "a.yaml:1: no"},
		"not fetched": {func(a *scene) { a.Spec.Error, a.Spec.Reason = "no route", protocol.ReasonFetchFailed }, protocol.PhaseFailed,
			"FetchFailed", "no route"},
		"removed": {func(a *scene) { a.Leaving, a.Plan = true, nil; a.with("x", removed) }, protocol.PhaseApplying, "Pruning", "removed from Git: 1 object still to be deleted"},
		"removed, and a hook runs": {func(a *scene) {
			a.Leaving, a.Plan, a.Progress.Step = true, nil, owned.Fact(protocol.ReasonHookRunning, "PreDelete")
		},
			protocol.PhaseApplying, "HookRunning", "removed from Git: PreDelete"},
		"dependency":    {func(a *scene) { a.Next, a.is.Waits = &plan.Plan{}, "waits for app b" }, protocol.PhasePending, "DependencyNotReady", "waits for app b"},
		"waited before": {func(a *scene) { a.is.Waits = "waits for app b" }, protocol.PhaseHealthy, "", ""},
		"fetching": {func(a *scene) { a.Fetch.Missing(agent.ErrOffline) }, protocol.PhasePending, "Fetching",
			"its objects were not received from the hub yet: " + agent.ErrOffline.Error() + "; retrying, and keeping the last applied version"},
		"input":   {func(a *scene) { a.Fetch.Lacks = "no Secret" }, protocol.PhasePending, "InputMissing", "no Secret"},
		"nothing": {func(a *scene) { a.Plan = nil }, protocol.PhasePending, "Initializing", "nothing is known of it yet"},
		"prepared": {func(a *scene) {
			a.Next, a.Progress.Run, a.Progress.Step = &plan.Plan{Digest: "d"}, &agent.Run{Digest: "d"}, owned.Fact(protocol.ReasonHookRunning, "PreSync")
		},
			protocol.PhaseApplying, "HookRunning", "PreSync"},
		"stuck": {func(a *scene) { a.Progress.Stuck, a.Progress.Step = true, owned.Fact(protocol.ReasonTimeout, "wave 1") }, protocol.PhaseDegraded, "Timeout", "wave 1"},
		"fresh": {func(a *scene) { a.Fresh = true }, protocol.PhaseApplying, "Applying", ""},
		"open": {func(a *scene) {
			a.Progress.Run, a.Progress.Step = &agent.Run{Digest: "x"}, owned.Fact(protocol.ReasonHookRunning, "PostSync")
		}, protocol.PhaseApplying, "HookRunning", "PostSync"},
		"held":     {func(a *scene) { a.with("x", held) }, protocol.PhaseHealthy, "PruneHeld", "1 object still to be deleted: held"},
		"held all": {func(a *scene) { a.with("x", removed).Held, a.Over = "before a person approves it", true }, protocol.PhaseHealthy, "PruneHeld", "1 object not deleted before a person approves it"},
		"unsure":   {func(a *scene) { a.with("x", removed).Held = "until more is known" }, protocol.PhaseHealthy, "PruneWaits", "1 object not deleted until more is known"},
		"pruning":  {func(a *scene) { a.with("x", removed) }, protocol.PhaseHealthy, "Pruning", "1 object still to be deleted"},
		"degraded": {func(a *scene) {
			a.with("x", is(protocol.HealthProgressing, "soon")).with("y", is(protocol.HealthDegraded, "never")).with("z", is(protocol.HealthPaused, "asks"))
		}, protocol.PhaseDegraded, "Unhealthy", "ConfigMap/shop/y: never (and 2 more)"},
		"paused": {func(a *scene) { a.with("z", is(protocol.HealthPaused, "asks")) }, protocol.PhaseWaiting, "Paused", "ConfigMap/shop/z: asks"},
		"a check": {func(a *scene) {
			a.Checks = []protocol.Problem{{Object: protocol.ObjectRef{Kind: "ConfigMap", Name: "c"},
				Health: owned.Unseen.Health, Message: owned.Unseen.Message}}
		}, protocol.PhaseWaiting, "Progressing", "ConfigMap/c: it was not looked at yet"},
	} {
		now := time.Now()
		a := begin(now).with("a")
		c.set(a)
		got := a.is.Judge(a.View, now)
		if got.Phase != c.phase || got.Reason != c.reason || got.Message != c.message {
			t.Errorf("%s: it is %s, %s: %q", name, got.Phase, got.Reason, got.Message)
		}
	}
	a := begin(time.Now())
	a.Accepted.Bundle.Suspend = true
	if got := a.is.Judge(a.View, time.Now()); got.Reason != protocol.ReasonSuspended {
		t.Errorf("in a suspended cluster it is %+v", got)
	}
}

// TestTimeDoesNotEndAPause: neither the timeout nor the grace runs while an app is paused, and both begin when it ends.
func TestTimeDoesNotEndAPause(t *testing.T) {
	t.Parallel()
	for _, was := range []bool{false, true} {
		start := time.Now()
		a := begin(start)
		a.is.WasHealthy = was
		a.with("web")
		limit := a.Timeout()
		if was {
			limit = Grace
		}
		at := func(after time.Duration, h protocol.Health, want protocol.Reason) {
			t.Helper()
			is(h, "so")(a.Own[0])
			st := a.is.Judge(a.View, start.Add(after))
			a.is.Reason = st.Reason
			if st.Reason != want {
				t.Errorf("was healthy: %t; after %s, %s, it is %+v", was, after, h, st)
			}
		}
		late := protocol.ReasonTimeout
		if was {
			late = protocol.ReasonUnhealthy
		}
		at(0, protocol.HealthProgressing, protocol.ReasonProgressing)
		at(limit-1, protocol.HealthPaused, protocol.ReasonPaused)
		at(time.Hour, protocol.HealthPaused, protocol.ReasonPaused)
		at(2*time.Hour, protocol.HealthProgressing, protocol.ReasonProgressing)
		at(2*time.Hour+limit-1, protocol.HealthProgressing, protocol.ReasonProgressing)
		at(2*time.Hour+limit, protocol.HealthProgressing, late)
	}
}
