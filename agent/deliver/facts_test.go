package deliver

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// TestEveryFailureHasItsCode: what is known of a failure is told, whatever it is wrapped in.
func TestEveryFailureHasItsCode(t *testing.T) {
	t.Parallel()
	for r := agent.ReasonOther; r <= agent.ReasonQuota; r++ {
		want, ok := owned.Codes[r]
		if general := r == agent.ReasonOther || r == agent.ReasonMissing || r == agent.ReasonExpired; ok == general {
			t.Errorf("reason %d has the code %q", r, want)
		}
		if !ok {
			want = protocol.ReasonApplyFailed
		}
		if got := owned.CodeOf(fmt.Errorf("apply: %w", &agent.Failure{Reason: r}), protocol.ReasonApplyFailed); got != want {
			t.Errorf("reason %d has the code %s, want %s", r, got, want)
		}
	}
	for r, want := range map[agent.Reason]protocol.Reason{agent.ReasonInvalid: "ApplyRefused", agent.ReasonManaged: "Conflict", agent.ReasonQuota: "QuotaExceeded",
		agent.ReasonDenied: "WebhookDenied", agent.ReasonWebhook: "WebhookUnavailable", agent.ReasonImmutable: "ImmutableField", agent.ReasonKind: "KindNotServed"} {
		if owned.Codes[r] != want {
			t.Errorf("reason %d has the code %s, want %s", r, owned.Codes[r], want)
		}
	}
}

// with adds an object to an app in a test: applied and current, with changes.
func (a *app) with(name string, changes ...func(*owned.Object)) *app {
	o := &owned.Object{Item: agent.Item{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}}, Want: &plan.Want{},
		Sighted: owned.Sighted{Present: true, Verdict: fleet.Verdict{Health: protocol.HealthCurrent}}}
	for _, c := range changes {
		c(o)
	}
	if a.ByRef == nil {
		a.ByRef = map[protocol.ObjectRef]*owned.Object{}
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
		set     func(*app)
		phase   protocol.Phase
		reason  protocol.Reason
		message string
	}{
		"healthy":   {func(*app) {}, protocol.PhaseHealthy, "", ""},
		"suspended": {func(a *app) { a.Spec.Suspend = true }, protocol.PhaseSuspended, "Suspended", "suspended in Git: nothing is applied, healed or deleted"},
		"blocked":   {func(a *app) { a.Blocked = "a circle" }, protocol.PhaseFailed, "DependencyInvalid", "a circle"},
		"its state": {func(a *app) {
			a.fault = &owned.Trouble{Err: fmt.Errorf("%w: %w", errStore, &agent.Failure{Reason: agent.ReasonForbidden, Text: "no"})}
		},
			protocol.PhaseFailed, "StateNotStored", "store its state in the cluster: no"},
		"its namespace": {func(a *app) {
			a.fault = &owned.Trouble{Err: fmt.Errorf("create it: %w", &agent.Failure{Reason: agent.ReasonForbidden, Text: "no"})}
		},
			protocol.PhaseFailed, "Forbidden", "create it: no"},
		"another fault": {func(a *app) { a.fault = &owned.Trouble{Err: errors.New("odd")} }, protocol.PhaseFailed, "ApplyFailed", "odd"},
		"shared": {func(a *app) {
			a.Clashes = []owned.Clash{{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: "x"}, With: "b"}, {}}
		},
			protocol.PhaseFailed, "SharedObject", "ConfigMap/shop/x is in app b, too: take it out of one of them (and 1 more)"},
		"hook": {func(a *app) { a.hooks.Run = &agent.Run{Failure: "Job failed"} }, protocol.PhaseFailed, "HookFailed", "Job failed"},
		"refused": {func(a *app) { a.with("x", refusedWith(agent.ReasonInvalid)).with("y", refusedWith(agent.ReasonQuota)) },
			protocol.PhaseFailed, "ApplyRefused", "ConfigMap/shop/x: no (and 1 more)"},
		"not applied": {func(a *app) { a.with("x", refusedWith(agent.ReasonOther)) }, protocol.PhaseFailed, "ApplyFailed", "ConfigMap/shop/x: no"},
		"not deleted": {func(a *app) { a.with("x", refusedWith(agent.ReasonOther), removed) }, protocol.PhaseFailed, "PruneFailed", "ConfigMap/shop/x: no"},
		"order": {func(a *app) { a.with("x", func(o *owned.Object) { o.Held, o.HeldForGood = "after itself", true }) },
			protocol.PhaseFailed, "DependencyInvalid", "ConfigMap/shop/x: after itself"},
		"flaws": {func(a *app) { a.Plan.Invalid = []string{"no name", "no kind"} }, protocol.PhaseFailed, "InvalidObject", "no name (and 1 more)"},
		"outside": {func(a *app) {
			a.scope, a.Plan.Outside = agent.Scope{"a"}, []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: "b", Name: "c"}}
		}, protocol.PhaseFailed, "OutOfScope", "ConfigMap/b/c: " + agent.Scope{"a"}.Failure().Text},
		"unusable": {func(a *app) { a.fetch.Missing(errors.New("torn")) }, protocol.PhaseFailed, "ContentUnusable",
			"its objects cannot be used: torn; keeping the last applied version"},
		"may not read its inputs": {func(a *app) { a.fetch.Missing(&agent.Failure{Reason: agent.ReasonForbidden, Text: "no"}) }, protocol.PhaseFailed, "Forbidden",
			"its objects cannot be used: no; keeping the last applied version"},
		"not rendered": {func(a *app) { a.Spec.Error = "a.yaml:1: no" }, protocol.PhaseFailed, "RenderFailed", "a.yaml:1: no"},
		"not fetched": {func(a *app) { a.Spec.Error, a.Spec.Reason = "no route", protocol.ReasonFetchFailed }, protocol.PhaseFailed,
			"FetchFailed", "no route"},
		"removed": {func(a *app) { a.Leaving, a.Plan = true, nil; a.with("x", removed) }, protocol.PhaseApplying, "Pruning", "removed from Git: 1 object still to be deleted"},
		"removed, and a hook runs": {func(a *app) {
			a.Leaving, a.Plan, a.hooks.Step = true, nil, owned.Fact(protocol.ReasonHookRunning, "PreDelete")
		},
			protocol.PhaseApplying, "HookRunning", "removed from Git: PreDelete"},
		"dependency":    {func(a *app) { a.Next, a.waits = &plan.Plan{}, "waits for app b" }, protocol.PhasePending, "DependencyNotReady", "waits for app b"},
		"waited before": {func(a *app) { a.waits = "waits for app b" }, protocol.PhaseHealthy, "", ""},
		"fetching": {func(a *app) { a.fetch.Missing(agent.ErrOffline) }, protocol.PhasePending, "Fetching",
			"its objects were not received from the hub yet: " + agent.ErrOffline.Error() + "; retrying, and keeping the last applied version"},
		"input":   {func(a *app) { a.fetch.Lacks = "no Secret" }, protocol.PhasePending, "InputMissing", "no Secret"},
		"nothing": {func(a *app) { a.Plan = nil }, protocol.PhasePending, "Initializing", "nothing is known of it yet"},
		"prepared": {func(a *app) {
			a.Next, a.hooks.Run, a.hooks.Step = &plan.Plan{Digest: "d"}, &agent.Run{Digest: "d"}, owned.Fact(protocol.ReasonHookRunning, "PreSync")
		},
			protocol.PhaseApplying, "HookRunning", "PreSync"},
		"stuck": {func(a *app) { a.hooks.Stuck, a.hooks.Step = true, owned.Fact(protocol.ReasonTimeout, "wave 1") }, protocol.PhaseDegraded, "Timeout", "wave 1"},
		"fresh": {func(a *app) { a.fresh = true }, protocol.PhaseApplying, "Applying", ""},
		"open": {func(a *app) {
			a.hooks.Run, a.hooks.Step = &agent.Run{Digest: "x"}, owned.Fact(protocol.ReasonHookRunning, "PostSync")
		}, protocol.PhaseApplying, "HookRunning", "PostSync"},
		"held":     {func(a *app) { a.with("x", held) }, protocol.PhaseHealthy, "PruneHeld", "1 object still to be deleted: held"},
		"held all": {func(a *app) { a.with("x", removed).held, a.deletions = "before a person approves it", overdrawn() }, protocol.PhaseHealthy, "PruneHeld", "1 object not deleted before a person approves it"},
		"unsure":   {func(a *app) { a.with("x", removed).held = "until more is known" }, protocol.PhaseHealthy, "PruneWaits", "1 object not deleted until more is known"},
		"pruning":  {func(a *app) { a.with("x", removed) }, protocol.PhaseHealthy, "Pruning", "1 object still to be deleted"},
		"degraded": {func(a *app) {
			a.with("x", is(protocol.HealthProgressing, "soon")).with("y", is(protocol.HealthDegraded, "never")).with("z", is(protocol.HealthPaused, "asks"))
		}, protocol.PhaseDegraded, "Unhealthy", "ConfigMap/shop/y: never (and 2 more)"},
		"paused": {func(a *app) { a.with("z", is(protocol.HealthPaused, "asks")) }, protocol.PhaseWaiting, "Paused", "ConfigMap/shop/z: asks"},
		"a check": {func(a *app) {
			a.checks = checks.New(checks.Config{Start: func(func()) bool { return false }, Brought: func(string, string) (r protocol.HealthRule) { return r },
				Rule: func(string, string) *health.Rule { return nil }})
			a.checks.Set(t.Context(), []protocol.ObjectRef{{Kind: "ConfigMap", Name: "c"}}, "shop")
		}, protocol.PhaseWaiting, "Progressing", "ConfigMap/c: it was not looked at yet"},
	} {
		now := time.Now()
		a := (&app{Set: owned.Set{Name: "shop", Plans: owned.Plans{Plan: &plan.Plan{}}}, condition: condition{appliedAt: now}}).with("a")
		c.set(a)
		got := a.judge(now, false)
		if got.Phase != c.phase || got.Reason != c.reason || got.Message != c.message {
			t.Errorf("%s: it is %s, %s: %q", name, got.Phase, got.Reason, got.Message)
		}
	}
	if got := (&app{Set: owned.Set{Plans: owned.Plans{Plan: &plan.Plan{}}}}).judge(time.Now(), true); got.Reason != protocol.ReasonSuspended {
		t.Errorf("in a suspended cluster it is %+v", got)
	}
	a := &app{}
	a.take(orders.Of(protocol.Bundle{Apps: []protocol.App{{Name: "web", Needs: []string{"telepathy"}}}}, nil)["web"])
	if got := a.judge(time.Now(), false); got.Reason != protocol.ReasonAgentTooOld || got.Phase != protocol.PhaseFailed {
		t.Errorf("an app for a newer agent is %+v", got)
	}
}

// TestTimeDoesNotEndAPause: neither the timeout nor the grace runs while an app is paused, and both begin when it ends.
func TestTimeDoesNotEndAPause(t *testing.T) {
	t.Parallel()
	for _, was := range []bool{false, true} {
		start := time.Now()
		a := &app{Set: owned.Set{Name: "shop", Plans: owned.Plans{Plan: &plan.Plan{}}}, condition: condition{appliedAt: start, wasHealthy: was}}
		a.with("web")
		limit := a.Timeout()
		if was {
			limit = grace
		}
		at := func(after time.Duration, h protocol.Health, want protocol.Reason) {
			t.Helper()
			is(h, "so")(a.Own[0])
			st := a.judge(start.Add(after), false)
			a.reason = st.Reason
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

// overdrawn is a budget that holds what an app would delete.
func overdrawn() budget.Budget {
	b := budget.Restored(new(uint64), 0)
	b.Rule(budget.App{Prunes: true, Leftover: 1, Deletes: func() ([]protocol.ObjectRef, int) { return []protocol.ObjectRef{mapOf("x")}, 0 }},
		&protocol.Deletions{}, budget.Point{})
	return b
}
