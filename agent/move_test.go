package agent_test

import (
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestObjectsMoveBetweenApps(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	a, b := configMap(ns, "a", "1"), configMap(ns, "b", "1")
	moving := configMap(ns, "moving", "1")
	hub.Apply(t, hub.App(t, "one", a, moving), hub.App(t, "two", b))
	uid := still(t, cp, mapRef(ns, "moving")).Text("metadata", "uid")
	owned := func(by string) {
		t.Helper()
		if err := cp.Kube().Wait(t.Context(), mapRef(ns, "moving"), "owned by "+by, is(by, "metadata", "labels", "drover.dev/app")); err != nil {
			t.Fatal(err)
		}
		if got := still(t, cp, mapRef(ns, "moving")).Text("metadata", "uid"); got != uid {
			t.Errorf("the object was deleted and recreated when it moved to %s", by)
		}
	}
	hub.Apply(t, hub.App(t, "one", a), hub.App(t, "two", b, moving))
	owned("two")
	hub.Apply(t, hub.App(t, "two", b), hub.App(t, "zoo", moving)) // one leaves, too
	owned("zoo")
	// to an app that has to wait: until then it is kept
	waiting := hub.App(t, "last", moving)
	waiting.DependsOn = []string{"stuck"}
	stuck := protocol.App{Name: "stuck", Error: "not rendered"}
	bundle := hub.Bundle(hub.App(t, "two", b), stuck, waiting)
	hub.Publish(t, bundle)
	hub.Report(t, "last pending", func(r protocol.Report) bool {
		return r.Generation == bundle.Generation && agenttest.PhaseOf(r, "last") == protocol.PhasePending
	})
	owned("zoo")
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	waiting.DependsOn = nil
	hub.Apply(t, hub.App(t, "two", b), waiting)
	owned("last")
	for _, e := range hub.Events(protocol.EventPruned) {
		if e.Object.Name == "moving" {
			t.Errorf("the object was pruned: %+v", e)
		}
	}
}

// TestAnObjectOfTwoAppsFollowsWhoDeliversIt: both declare it, and not alike, and the hub has one of them go without it.
// When the owner leaves, or may not have it any more, the other one takes it over as it is: it is neither deleted nor
// applied by both in turn.
func TestAnObjectOfTwoAppsFollowsWhoDeliversIt(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	a, b := configMap(ns, "a", "1"), configMap(ns, "b", "1")
	ofOne, ofTwo := configMap(ns, "both", "of one"), configMap(ns, "both", "of two")
	hub.Apply(t, hub.App(t, "one", a, ofOne), hub.App(t, "two", b))
	uid := still(t, cp, mapRef(ns, "both")).Text("metadata", "uid")
	owned := func(by string) (version string) {
		t.Helper()
		if err := cp.Kube().Wait(t.Context(), mapRef(ns, "both"), "as "+by+" has it", is("of "+by, "data",
			"key")); err != nil {
			t.Fatal(err)
		}
		now := still(t, cp, mapRef(ns, "both"))
		if got := now.Text("metadata", "uid"); got != uid {
			t.Errorf("the object was deleted and created again when it went to %s", by)
		}
		if got := now.Text("metadata", "labels", "drover.dev/app"); got != by || now.Text("data", "key") != "of "+by {
			t.Errorf("of %s it is %q of %q", by, now.Text("data", "key"), got)
		}
		return now.Text("metadata", "resourceVersion")
	}
	untouched := func(by, version string) {
		t.Helper()
		if now := owned(by); now != version {
			t.Errorf("it was written once more although %s had it: version %s became %s", by, version, now)
		}
	}
	hub.Apply(t, hub.App(t, "two", b, ofTwo)) // the owner leaves
	version := owned("two")
	hub.Apply(t, hub.App(t, "one", a), hub.App(t, "two", b, ofTwo)) // and comes back, without it
	untouched("two", version)
	running.Stop(t)
	running = agenttest.Start(t, cp, ns, hub)
	hub.Apply(t, hub.App(t, "one", a), hub.App(t, "two", configMap(ns, "b", "2"), ofTwo))
	untouched("two", version)

	broken := hub.App(t, "two", b) // it cannot be rendered, and is kept without what another one has now
	broken.Error = "not rendered"
	bundle := hub.Bundle(hub.App(t, "one", a, ofOne), broken)
	hub.Publish(t, bundle)
	hub.Report(t, "one has it", func(r protocol.Report) bool {
		return r.Generation == bundle.Generation && agenttest.PhaseOf(r, "one") == protocol.PhaseHealthy
	})
	version = owned("one")
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	hub.Apply(t, hub.App(t, "one", a, ofOne)) // the other one leaves
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "b"), "gone",
		func(o testenv.Object) bool { return o == nil }); err != nil {
		t.Error(err)
	}
	untouched("one", version)
	for _, e := range hub.Events(protocol.EventPruned) {
		if e.Object.Name == "both" {
			t.Errorf("the object was pruned: %+v", e)
		}
	}
}

func TestTwoAppsCannotHaveOneObject(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	a, b := configMap(ns, "shared", "of a"), configMap(ns, "shared", "of b")
	hub.Apply(t, hub.App(t, "a", a))
	hub.Publish(t, hub.Bundle(hub.App(t, "a", a), hub.App(t, "b", b)))
	hub.Report(t, "b failed", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "a") == protocol.PhaseHealthy && agenttest.PhaseOf(r, "b") == protocol.PhaseFailed
	})
	if got := still(t, cp, mapRef(ns, "shared")).Text("data", "key"); got != "of a" {
		t.Errorf("the object is %q", got)
	}
	hub.Apply(t, hub.App(t, "b", b))
	if got := still(t, cp, mapRef(ns, "shared")).Text("data", "key"); got != "of b" {
		t.Errorf("the object is %q", got)
	}
}
