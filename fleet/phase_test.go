package fleet

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

const paus = protocol.HealthPaused

// said is a fact that says its own name, with its reason left to the rule.
func said(text string) Fact { return Fact{Text: text} }

// applied are the facts of an app that is applied and healthy, with changes.
func applied(with ...func(*Facts)) Facts {
	f := Facts{Loaded: true, Objects: ObjectFacts{Health: cur, WasHealthy: true, Grace: 30 * time.Second, Timeout: 5 * time.Minute}}
	for _, w := range with {
		w(&f)
	}
	return f
}

// unwell makes the worst object of an app one of some health.
func unwell(h protocol.Health, with ...func(*ObjectFacts)) func(*Facts) {
	return func(f *Facts) {
		f.Objects.Health = h
		f.Objects.Worst = Fact{Object: protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}, Text: "0 of 1"}
		for _, w := range with {
			w(&f.Objects)
		}
	}
}

// TestPhaseOfFacts has every case of the rule.
func TestPhaseOfFacts(t *testing.T) {
	first := func(o *ObjectFacts) { o.WasHealthy = false }
	ill := func(d time.Duration) func(*ObjectFacts) { return func(o *ObjectFacts) { o.Unhealthy = d } }
	since := func(d time.Duration) func(*ObjectFacts) { return func(o *ObjectFacts) { o.Applied = d } }
	more := func(f *Facts) { f.Objects.Worst.More = 2 }
	const web = "Deployment/shop/web: 0 of 1"
	for name, c := range map[string]struct {
		facts   Facts
		phase   protocol.Phase
		health  protocol.Health
		reason  protocol.Reason
		message string
	}{
		"nothing is known": {Facts{}, protocol.PhasePending, prog, protocol.ReasonInitializing, "nothing is known of it yet"},
		"suspended": {applied(func(f *Facts) { f.Suspended = true }), protocol.PhaseSuspended, cur, protocol.ReasonSuspended,
			"suspended in Git: nothing is applied, healed or deleted"},
		"suspended, and unwell": {applied(unwell(prog), func(f *Facts) { f.Suspended = true }), protocol.PhaseSuspended, prog, protocol.ReasonSuspended,
			"suspended in Git: nothing is applied, healed or deleted"},
		"failed, with a reason": {applied(func(f *Facts) { f.Failures.Apply = Fact{Reason: protocol.ReasonForbidden, Text: "no", More: 1} }),
			protocol.PhaseFailed, degr, protocol.ReasonForbidden, "no (and 1 more)"},
		"failed, without one": {applied(func(f *Facts) { f.Failures.Apply = said("no") }), protocol.PhaseFailed, degr, protocol.ReasonApplyFailed, "no"},
		"nothing of it was approved": {Facts{Failures: Failures{Render: Fact{Reason: protocol.ReasonReleaseHeld, Text: "not yet"}}},
			protocol.PhasePending, paus, protocol.ReasonReleaseHeld, "not yet"},
		"something failed, too": {applied(func(f *Facts) {
			f.Failures.Apply, f.Failures.Render = said("no"), Fact{Reason: protocol.ReasonReleaseHeld, Text: "not yet"}
		}), protocol.PhaseFailed, degr, protocol.ReasonApplyFailed, "no"},
		"removed, with what its hooks wait for": {applied(func(f *Facts) {
			f.Removed, f.Run.Step, f.Prune = true, Fact{Reason: protocol.ReasonHookRunning, Text: "PreDelete"}, said("3 objects")
		}), protocol.PhaseApplying, prog, protocol.ReasonHookRunning, "removed from Git: PreDelete"},
		"removed, with what is left": {applied(func(f *Facts) { f.Removed, f.Prune = true, said("3 objects") }),
			protocol.PhaseApplying, prog, protocol.ReasonPruning, "removed from Git: 3 objects"},
		"removed, and held": {applied(func(f *Facts) { f.Removed, f.Prune = true, Fact{Reason: protocol.ReasonPruneHeld, Text: "3 objects"} }),
			protocol.PhaseApplying, prog, protocol.ReasonPruneHeld, "removed from Git: 3 objects"},
		"removed, without content": {Facts{Removed: true, Prune: said("1 object")}, protocol.PhaseApplying, prog, protocol.ReasonPruning,
			"removed from Git: 1 object"},
		"waits for another app": {applied(func(f *Facts) { f.Next.Awaits = said("waits for app a") }),
			protocol.PhasePending, prog, protocol.ReasonDependencyNotReady, "waits for app a"},
		"waits for a window": {applied(func(f *Facts) { f.Next.Awaits = Fact{Reason: protocol.ReasonWaitingForWindow, Text: "until 22:00"} }),
			protocol.PhasePending, prog, protocol.ReasonWaitingForWindow, "until 22:00"},
		"its objects are not here": {applied(func(f *Facts) { f.Next.Missing = said("not received") }),
			protocol.PhasePending, prog, protocol.ReasonFetching, "not received"},
		"an input is not here": {applied(func(f *Facts) { f.Next.Missing = Fact{Reason: protocol.ReasonInputMissing, Text: "no Secret"} }),
			protocol.PhasePending, prog, protocol.ReasonInputMissing, "no Secret"},
		"hooks before the content": {Facts{Run: RunFacts{Preparing: true, Step: Fact{Reason: protocol.ReasonHookRunning, Text: "PreSync"}}},
			protocol.PhaseApplying, prog, protocol.ReasonHookRunning, "PreSync"},
		"hooks before the content wait for a person": {Facts{Run: RunFacts{Preparing: true, Step: Fact{Reason: protocol.ReasonPaused, Text: "PreSync"}}},
			protocol.PhaseWaiting, paus, protocol.ReasonPaused, "PreSync"},
		"a wave is late": {applied(unwell(prog), func(f *Facts) {
			f.Run = RunFacts{Stuck: true, Applying: true, Step: Fact{Reason: protocol.ReasonTimeout, Text: "wave 1"}}
		}), protocol.PhaseDegraded, degr, protocol.ReasonTimeout, "wave 1"},
		"a wave is degraded": {applied(func(f *Facts) { f.Run = RunFacts{Stuck: true, Step: said("wave 1")} }),
			protocol.PhaseDegraded, degr, protocol.ReasonUnhealthy, "wave 1"},
		"a wave waits": {applied(unwell(prog), func(f *Facts) {
			f.Run = RunFacts{Applying: true, Step: Fact{Reason: protocol.ReasonWaveWaiting, Text: "wave 1"}}
		}), protocol.PhaseApplying, prog, protocol.ReasonWaveWaiting, "wave 1"},
		"a wave waits for a person, and the next is not applied": {applied(unwell(prog), func(f *Facts) {
			f.Run = RunFacts{Applying: true, Step: Fact{Reason: protocol.ReasonPaused, Text: "wave 1"}}
		}), protocol.PhaseWaiting, paus, protocol.ReasonPaused, "wave 1"},
		"applying": {applied(unwell(unkn), func(f *Facts) { f.Run.Applying = true }), protocol.PhaseApplying, unkn, protocol.ReasonApplying, ""},
		"hooks after the content": {applied(func(f *Facts) {
			f.Run = RunFacts{Open: true, Step: Fact{Reason: protocol.ReasonHookRunning, Text: "PostSync"}}
		}),
			protocol.PhaseApplying, prog, protocol.ReasonHookRunning, "PostSync"},
		"hooks after the content, while it is unwell": {applied(unwell(prog), func(f *Facts) { f.Run.Open = true }),
			protocol.PhaseWaiting, prog, protocol.ReasonProgressing, web},
		"healthy":               {applied(), protocol.PhaseHealthy, cur, "", ""},
		"healthy, with a note":  {applied(func(f *Facts) { f.Notes = "1 left alone" }), protocol.PhaseHealthy, cur, "", "1 left alone"},
		"healthy, with objects": {applied(func(f *Facts) { f.Prune = Fact{Reason: protocol.ReasonPruneHeld, Text: "2 held"} }), protocol.PhaseHealthy, cur, protocol.ReasonPruneHeld, "2 held"},
		"healthy, with both": {applied(func(f *Facts) {
			f.Prune, f.Notes = Fact{Reason: protocol.ReasonPruning, Text: "2 left"}, "1 left alone"
		}),
			protocol.PhaseHealthy, cur, protocol.ReasonPruning, "2 left; 1 left alone"},
		"degraded at once":        {applied(unwell(degr), more), protocol.PhaseDegraded, degr, protocol.ReasonUnhealthy, web + " (and 2 more)"},
		"degraded before healthy": {applied(unwell(degr, first)), protocol.PhaseDegraded, degr, protocol.ReasonUnhealthy, web},
		"unwell for less than the grace": {applied(unwell(prog, ill(30*time.Second-1), since(time.Hour))),
			protocol.PhaseWaiting, prog, protocol.ReasonProgressing, web},
		"unwell for the grace": {applied(unwell(prog, ill(30*time.Second))),
			protocol.PhaseDegraded, degr, protocol.ReasonUnhealthy, "not healthy any more for 30s: " + web},
		"not healthy for less than the timeout": {applied(unwell(prog, first, since(5*time.Minute-1), ill(time.Hour))),
			protocol.PhaseWaiting, prog, protocol.ReasonProgressing, web},
		"not healthy for the timeout": {applied(unwell(prog, first, since(5*time.Minute))),
			protocol.PhaseDegraded, degr, protocol.ReasonTimeout, "not healthy after 5m: " + web},
		"unknown for the timeout": {applied(unwell(unkn, first, since(5*time.Minute))),
			protocol.PhaseDegraded, degr, protocol.ReasonTimeout, "not healthy after 5m: " + web},
		"unknown":               {applied(unwell(unkn)), protocol.PhaseWaiting, unkn, protocol.ReasonProgressing, web},
		"paused":                {applied(unwell(paus)), protocol.PhaseWaiting, paus, protocol.ReasonPaused, web},
		"paused for long":       {applied(unwell(paus, ill(time.Hour))), protocol.PhaseWaiting, paus, protocol.ReasonPaused, web},
		"never healthy, paused": {applied(unwell(paus, first, since(time.Hour))), protocol.PhaseWaiting, paus, protocol.ReasonPaused, web},
	} {
		want := AppStatus{c.phase, c.health, c.reason, c.message}
		if got := Phase(c.facts); got != want {
			t.Errorf("%s:\n\tis  %+v\n\tnot %+v", name, got, want)
		}
	}
}

// TestPrecedenceOfFacts: each fact is set, in the order of precedence from the last to the first, while all after it hold.
func TestPrecedenceOfFacts(t *testing.T) {
	f := applied(unwell(prog))
	for _, c := range []struct {
		name  string
		set   func(*Facts)
		phase protocol.Phase
	}{
		{"open", func(f *Facts) { f.Run.Open, f.Run.Step = true, said("open") }, protocol.PhaseWaiting},
		{"applying", func(f *Facts) { f.Run.Applying, f.Run.Step = true, said("applying") }, protocol.PhaseApplying},
		{"stuck", func(f *Facts) { f.Run.Stuck, f.Run.Step = true, said("stuck") }, protocol.PhaseDegraded},
		{"preparing", func(f *Facts) { f.Run.Preparing, f.Run.Step = true, said("preparing") }, protocol.PhaseApplying},
		{"missing", func(f *Facts) { f.Next.Missing = said("missing") }, protocol.PhasePending},
		{"awaits", func(f *Facts) { f.Next.Awaits = said("awaits") }, protocol.PhasePending},
		{"removed", func(f *Facts) { f.Removed, f.Run.Step = true, said("removed") }, protocol.PhaseApplying},
		{"render", func(f *Facts) { f.Failures.Render = said("render") }, protocol.PhaseFailed},
		{"content", func(f *Facts) { f.Failures.Content = said("content") }, protocol.PhaseFailed},
		{"scope", func(f *Facts) { f.Failures.Scope = said("scope") }, protocol.PhaseFailed},
		{"invalid", func(f *Facts) { f.Failures.Invalid = said("invalid") }, protocol.PhaseFailed},
		{"order", func(f *Facts) { f.Failures.Order = said("order") }, protocol.PhaseFailed},
		{"apply", func(f *Facts) { f.Failures.Apply = said("apply") }, protocol.PhaseFailed},
		{"hook", func(f *Facts) { f.Failures.Hook = said("hook") }, protocol.PhaseFailed},
		{"shared", func(f *Facts) { f.Failures.Shared = said("shared") }, protocol.PhaseFailed},
		{"fault", func(f *Facts) { f.Failures.Fault = said("fault") }, protocol.PhaseFailed},
		{"dependency", func(f *Facts) { f.Failures.Dependency = said("dependency") }, protocol.PhaseFailed},
		{"suspended in Git: nothing is applied, healed or deleted", func(f *Facts) { f.Suspended = true }, protocol.PhaseSuspended},
	} {
		c.set(&f)
		want := c.name
		switch c.name {
		case "open":
			want = "Deployment/shop/web: 0 of 1" // hooks after the content wait for health
		case "removed":
			want = "removed from Git: removed"
		}
		if got := Phase(f); got.Phase != c.phase || got.Message != want {
			t.Errorf("with %s it is %+v", c.name, got)
		}
		if c.name == "preparing" { // hooks before the first content
			f := f
			f.Loaded = false
			if got := Phase(f); got.Message != want {
				t.Errorf("before any content it is %+v", got)
			}
		}
	}
	if got := Phase(Facts{Run: RunFacts{Stuck: true, Applying: true}, Objects: ObjectFacts{Health: degr}}); got.Reason != protocol.ReasonInitializing {
		t.Errorf("without content it is %+v", got)
	}
}

// TestFactsInWords: the object, the text, and how many others.
func TestFactsInWords(t *testing.T) {
	ref := protocol.ObjectRef{Kind: "ConfigMap", Namespace: "a", Name: "b"}
	for _, c := range []struct {
		fact Fact
		want string
	}{
		{Fact{}, ""}, {Fact{Text: "x"}, "x"}, {Fact{Text: "x", More: 1}, "x (and 1 more)"}, {Fact{Object: ref, Text: "x"}, "ConfigMap/a/b: x"},
	} {
		if got := c.fact.String(); got != c.want || c.fact.Known() != (c.want != "") {
			t.Errorf("%+v is %q, known: %t", c.fact, got, c.fact.Known())
		}
	}
	for d, want := range map[time.Duration]string{30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "90s", 5 * time.Minute: "5m", 0: "0s"} {
		if got := brief(d); got != want {
			t.Errorf("%s is written %s", d, got)
		}
	}
}
