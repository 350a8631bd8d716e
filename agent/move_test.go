package agent_test

import (
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
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
