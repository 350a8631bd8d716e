package rollouts

import (
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/protocol"
)

// ofProject has windows that are open at no time before January.
func ofProject(name string) rollout.Policy {
	return rollout.Policy{Name: name, OnFailure: rollout.Halt,
		Origin:  &rollout.Origin{Object: "AppProject argocd/" + name, Field: "spec.syncWindows", Rank: 1},
		Waves:   []rollout.Wave{{Name: "all", Unwatched: true, Failures: rollout.All}},
		Windows: schedule.Windows{{Deny: true, Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}}}
}

// ofStep is a step of an ApplicationSet.
func ofStep(name, after string) rollout.Policy {
	return rollout.Policy{Name: name, After: after, OnFailure: rollout.Halt, Waves: []rollout.Wave{{Name: "all"}},
		Offline: rollout.Offline{Quorum: rollout.All},
		Origin:  &rollout.Origin{Object: "ApplicationSet argocd/web", Field: "spec.strategy"}}
}

// Windows of an AppProject hold the apps that name them, in whatever cluster, and no other.
func TestWindowsHoldTheAppsThatNameThem(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ofProject("shop"), "a", "b")
	f.named = map[string][]string{"a/web": {"shop"}, "b/db": {"shop", "nothing"}}
	f.asks("web=1 db=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	f.asks("web=2 db=2")
	f.want("a: db=2 web=1", "b: db=1 web=2")
	f.start() // which apps name it is remembered: a cluster that was not looked at yet is with it
	f.follow()
	if got := textOf(f.d.Stage(f.now, nil, false, protocol.Bundle{Cluster: "a", Apps: appsOf("web=2 db=2")}, f.given["a"],
		func(string) Said { return Said{Unclear: true} }).Apps); got != "db=2 web=1" {
		t.Errorf("after a restart a would be given %s", got)
	}
	f.turn()
	f.want("a: db=2 web=1", "b: db=1 web=2")
	if r := f.d.Show()[0]; r.From != "AppProject argocd/shop, spec.syncWindows" || len(r.Behind) != 2 {
		t.Errorf("it shows %+v", r)
	}
	f.unclear = true // of an app that cannot be read what was said before holds
	f.named = nil
	f.turn()
	f.want("a: db=2 web=1", "b: db=1 web=2")
	f.unclear = false // now they name it no more
	f.turn()
	f.want("a: web=2 db=2", "b: web=2 db=2") // in the order of Git: no policy is asked
	if shown := f.d.Show(); len(shown) > 0 {
		t.Errorf("one that nobody names is shown: %+v", shown)
	}
}

// The windows open, and all clusters get what is asked then, whatever becomes of it in others.
func TestWindowsOpen(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ofProject("shop"), "a", "b")
	f.named = map[string][]string{"a/web": {"shop"}, "b/web": {"shop"}}
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	f.asks("web=2")
	f.asks("web=3")
	f.want("a: web=1", "b: web=1")
	f.now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if due := f.d.Due(); !due.Equal(f.now) {
		t.Errorf("it looks again at %s", due)
	}
	f.roll()
	f.want("a: web=3", "b: web=3")
	f.reports(protocol.PhaseFailed, "a")
	f.asks("web=4")
	f.want("a: web=4", "b: web=4")
}

// A RolloutPolicy takes precedence over what other tools say, also where that held the app before.
func TestARolloutPolicyTakesPrecedence(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	f := newFleet(t, p, "a", "b")
	f.others = []rollout.Policy{ofProject("aaa")}
	f.named = map[string][]string{"a/web": {"aaa"}, "b/web": {"aaa"}, "b/db": {"aaa"}}
	f.asks("web=1 db=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.d.Follow([]Declared{{Policy: ofProject("aaa"), JSON: []byte(`"aaa"`)}}, true)
	f.turn()
	f.asks("web=2 db=1")
	f.want("a: db=1 web=1", "b: db=1 web=1")
	f.policy.Apps = []string{"web"}
	f.follow()
	f.turn() // what clusters have counts as released: the target goes to the first wave
	f.want("a: db=1 web=2", "b: db=1 web=1")
	f.reports(protocol.PhaseHealthy, "a")
	f.want("a: db=1 web=2", "b: db=1 web=2")
	f.asks("web=2 db=2") // the others are still held by the windows
	f.want("a: db=2 web=2", "b: db=1 web=2")
}

// Steps of an ApplicationSet release the Applications of one step after those of the step before it are healthy, also
// where both are in one cluster.
func TestStepsComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ofStep("set--1", ""), "a", "b")
	f.others = []rollout.Policy{ofStep("set--2", "set--1"), ofProject("shop")}
	f.named = map[string][]string{"a/web": {"set--1"}, "a/api": {"set--2"}, "b/web": {"set--2"}}
	f.asks("web=1 api=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	f.asks("web=2 api=2")
	f.want("a: api=1 web=2", "b: api=2 web=1")
	for _, r := range f.d.Show() {
		if r.Policy == "set--2" && !strings.Contains(r.Waves[0].Text, "waits for the policy set--1") {
			t.Errorf("the second step says %q", r.Waves[0].Text)
		}
	}
	f.reports(protocol.PhaseApplying, "a")
	f.want("a: api=1 web=2", "b: api=2 web=1")
	f.reports(protocol.PhaseHealthy, "a")
	f.want("a: api=2 web=2", "b: api=2 web=2")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.asks("web=3 api=3")
	f.reports(protocol.PhaseFailed, "a") // the first step is not healthy: no other comes
	f.want("a: api=2 web=3", "b: api=3 web=2")
	f.asks("web=4 api=3")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.want("a: api=3 web=4", "b: api=3 web=4")
}

// An app under a step and under windows waits for both, and the step says so. Another one of its step does not wait.
func TestAnAppWaitsForItsStepAndForItsWindows(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ofStep("set--1", ""), "a", "b", "c")
	f.others = []rollout.Policy{ofStep("set--2", "set--1"), ofProject("shop")}
	f.named = map[string][]string{"a/web": {"set--1", "shop"}, "b/web": {"set--1"}, "c/web": {"set--2"}}
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, "a", "b", "c")
	f.follow()
	f.turn()
	f.asks("web=2")
	f.reports(protocol.PhaseHealthy, "a", "b", "c")
	f.want("a: web=1", "b: web=2", "c: web=1")
	w := f.d.Show()[0].Waves[0]
	if w.Reason != string(rollout.AwaitingWindow) ||
		w.Text != "1 of 2 settled; 1 of them wait for a window of AppProject argocd/shop, next 2027-01-01 00:00 UTC" {
		t.Errorf("the step says %+v", w)
	}
	opens := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if due := f.d.Due(); !due.Equal(opens) {
		t.Errorf("it looks again at %s", due)
	}
	f.start()
	f.follow()
	f.turn()
	f.want("a: web=1", "b: web=2", "c: web=1")
	f.now = opens
	names := f.d.Step(f.now, f) // no cluster is news
	f.save()
	for _, name := range names {
		f.publish(name)
	}
	f.want("a: web=2", "b: web=2", "c: web=1")
	f.reports(protocol.PhaseHealthy, "a", "b", "c")
	f.want("a: web=2", "b: web=2", "c: web=2")
}
