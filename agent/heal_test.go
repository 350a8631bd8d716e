package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestDeletedNamespaceComesBackWithAllInIt(t *testing.T) {
	t.Parallel()
	cp, home, hub, _ := scene(t)
	ns := home + "-shop"
	hub.Apply(t, hub.App(t, "shop", fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, ns),
		configMap(ns, "a", "1"), configMap(ns, "b", "1"), deployment(ns, "web", 1)))
	old := still(t, cp, testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: ns}).Text("metadata", "uid")
	mustDelete(t, cp, testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: ns})
	for _, ref := range []testenv.Ref{{APIVersion: "v1", Kind: "Namespace", Name: ns}, mapRef(ns, "a"), mapRef(ns, "b"), deploymentRef(ns, "web")} {
		if err := cp.Kube().Wait(t.Context(), ref, "recreated", func(o testenv.Object) bool {
			return o != nil && o.Text("metadata", "deletionTimestamp") == "" && o.Text("metadata", "uid") != old
		}); err != nil {
			t.Fatal(err)
		}
	}
	hub.Report(t, "the app healthy", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "shop") == protocol.PhaseHealthy && agenttest.AppOf(r, "shop").Current == 4
	})
	hub.Apply(t) // and away, before its namespace is
	gone(t, cp, testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: ns})
}

func TestObjectBeingDeletedIsMadeAnewWhenItIsGone(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	mustPatch(t, cp, mapRef(ns, "a"), `{"metadata":{"finalizers":["example.com/hold"]}}`)
	before := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid")
	sent := applies(t, cp, ns)
	mustDelete(t, cp, mapRef(ns, "a"))
	hub.Report(t, "it being deleted", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "web") == protocol.PhaseWaiting && strings.Contains(agenttest.AppOf(r, "web").Message, "being deleted")
	})
	if got := applies(t, cp, ns) - sent; got != 0 {
		t.Errorf("%d applies to an object that is being deleted, want 0", got)
	}
	mustPatch(t, cp, mapRef(ns, "a"), `{"metadata":{"finalizers":null}}`)
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "recreated", func(o testenv.Object) bool {
		return o != nil && o.Text("metadata", "uid") != before
	}); err != nil {
		t.Error(err)
	}
}

func TestSuspendedIsLeftAlone(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	app := hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1"))
	hub.Apply(t, app)
	b := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "2")))
	b.Suspend = true
	hub.Publish(t, b)
	suspended := func(r protocol.Report) bool {
		return r.Suspended && r.Generation == b.Generation && agenttest.PhaseOf(r, "web") == protocol.PhaseSuspended
	}
	hub.Report(t, "the suspension", suspended)
	sent := applies(t, cp, ns)
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"by hand"}}`)
	running.Stop(t)
	next := agenttest.Start(t, cp, ns, hub) // which must not undo it either
	hub.Report(t, "the suspension after a restart", func(r protocol.Report) bool { return next.Says(r) && suspended(r) })
	mustDelete(t, cp, mapRef(ns, "b"))
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "by hand" || applies(t, cp, ns) != sent {
		t.Errorf("a suspended cluster was touched: %q", got)
	}
	hub.Apply(t, app)
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "1" {
		t.Errorf("a is %q after the suspension", got)
	}
	still(t, cp, mapRef(ns, "b"))
}

func TestImmutableFieldIsExplained(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	frozen := func(value string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"frozen","namespace":%q},"immutable":true,"stringData":{"password":%q}}`, ns, value)
	}
	hub.Apply(t, hub.App(t, "web", frozen("first")))
	b := hub.Bundle(hub.App(t, "web", frozen("hunter2")))
	hub.Publish(t, b)
	r := hub.Report(t, "web failed", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseFailed })
	if got := agenttest.AppOf(r, "web").Message; !strings.Contains(got, "is immutable") || strings.Contains(got, "hunter2") {
		t.Errorf("web says %q", got)
	}
	mustDelete(t, cp, secretRef(ns, "frozen")) // as the message says
	hub.Healthy(t, b)
}

// It is not parallel, because only edits within a minute make a fight.
func TestFightIsNamedAndSlowed(t *testing.T) {
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	for i := range 301 {
		mustPatch(t, cp, mapRef(ns, "a"), fmt.Sprintf(`{"data":{"key":"edit-%d"}}`, i))
		hub.Nth(t, protocol.EventDrift, i)
	}
	r := hub.Report(t, "the fight", func(r protocol.Report) bool { return strings.Contains(agenttest.AppOf(r, "web").Message, "fights") })
	if got := agenttest.AppOf(r, "web").Message; !strings.Contains(got, "fights with manager kubectl-edit over data.key") {
		t.Errorf("web says %q", got)
	}
}

func TestNewBundleIsThereQuickly(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	objects := make([]string, 51)
	for i := range objects {
		objects[i] = configMap(ns, fmt.Sprintf("map-%d", i), "1")
	}
	hub.Apply(t, hub.App(t, "web", objects...))
	for i := range 10 {
		objects[7] = configMap(ns, "map-7", fmt.Sprintf("value-%d", i))
		b := hub.Bundle(hub.App(t, "web", objects...))
		start := time.Now()
		hub.Publish(t, b)
		e := hub.Nth(t, protocol.EventApplied, i+1)
		t.Logf("published → applied, stored and told: %s (by the agent's clock %.1f ms)", time.Since(start).Round(time.Millisecond), float64(e.Took))
	}
}

func TestDeletedDefinitionComesBackWithItsObjects(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "definitions", fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster")),
		hub.App(t, "things", fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"x"},"spec":{"a":"1"}}`, ns)))
	mustDelete(t, cp, testenv.Ref{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: "things." + ns + ".example.com"})
	hub.Event(t, "the definition coming back", func(e protocol.Event) bool {
		return e.Kind == protocol.EventDrift && e.Object != nil && e.Object.Kind == "CustomResourceDefinition"
	})
	ref := testenv.Ref{APIVersion: ns + ".example.com/v1", Kind: "thing", Name: "x"}
	if err := cp.Kube().Wait(t.Context(), ref, "back", testenv.Exists); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "all healthy again", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "things") == protocol.PhaseHealthy && agenttest.PhaseOf(r, "definitions") == protocol.PhaseHealthy
	})
	mustPatch(t, cp, ref, `{"spec":{"a":"2"}}`) // and is watched again
	if err := cp.Kube().Wait(t.Context(), ref, "healed", is("1", "spec", "a")); err != nil {
		t.Error(err)
	}
}

// A Deployment that is edited is unready for a moment. That wakes nobody, and is no news beside the drift itself.
func TestEveryEditOfADeploymentIsNotDegradation(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", deployment(ns, "web", 1)))
	for n := 1; n <= 3; n++ {
		mustPatch(t, cp, deploymentRef(ns, "web"), fmt.Sprintf(`{"spec":{"replicas":%d}}`, n+3))
		hub.Nth(t, protocol.EventDrift, n-1)
		hub.Report(t, "the app healthy again", func(r protocol.Report) bool {
			return agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy && r.Drift.Corrected >= uint64(n)
		})
	}
	if got := hub.Events(protocol.EventDegraded); len(got) > 0 {
		t.Errorf("the journal tells %d times that the app is degraded: %+v", len(got), got[0])
	}
}

// What will not become current by itself is said at once, not after the time that an app has to become healthy.
func TestWhatFailedIsDegradedAtOnce(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	job := fmt.Sprintf(`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"fails","namespace":%q},"spec":{"backoffLimit":0,
		"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"example.com/app:1","command":["false"]}]}}}}`, ns)
	hub.Publish(t, hub.Bundle(hub.App(t, "migrate", job)))
	r := hub.Report(t, "the app degraded", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "migrate") == protocol.PhaseDegraded })
	if got := agenttest.AppOf(r, "migrate").Message; !strings.Contains(got, "Job/"+ns+"/fails: it failed") {
		t.Errorf("it says %q", got)
	}
}
