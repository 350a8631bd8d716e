package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// inWave puts an object of one of these tests into a wave.
func inWave(wave int, object string) string {
	if strings.HasPrefix(object, "{") {
		return strings.Replace(object, `"metadata":{`, fmt.Sprintf(`"metadata":{"annotations":{"argocd.argoproj.io/sync-wave":"%d"},`, wave), 1)
	}
	return strings.Replace(object, "metadata: {", fmt.Sprintf(`metadata: {annotations: {argocd.argoproj.io/sync-wave: "%d"}, `, wave), 1)
}

// claim never becomes bound: nobody serves its storage class.
func claim(ns, name string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":%q,"namespace":%q},
		"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"none","resources":{"requests":{"storage":"1Gi"}}}}`, name, ns)
}

func TestWavesFollowEachOther(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	r := hub.Apply(t, hub.App(t, "shop", inWave(5, configMap(ns, "last", "1")), deployment(ns, "web", 2), inWave(-1, configMap(ns, "first", "1"))))
	if got := agenttest.AppOf(r, "shop"); got.Current != 3 {
		t.Errorf("the app is %+v", got)
	}
	born := func(ref testenv.Ref) string { return still(t, cp, ref).Text("metadata", "resourceVersion") }
	web := still(t, cp, deploymentRef(ns, "web"))
	ready := ""
	for _, c := range web.Items("status", "conditions") {
		if c.Text("type") == "Available" {
			ready = c.Text("lastTransitionTime")
		}
	}
	last := still(t, cp, mapRef(ns, "last")).Text("metadata", "creationTimestamp")
	if ready == "" || last < ready {
		t.Errorf("the last wave was applied at %s, and the one before was healthy at %q", last, ready)
	}
	if first := born(mapRef(ns, "first")); first == "" {
		t.Error("the first wave has no version")
	}
	if n := len(hub.Events(protocol.EventApplied)); n != 1 {
		t.Errorf("%d events say that it was applied, want 1", n)
	}
}

func TestWaveThatIsNotHealthyStopsThere(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	app := hub.App(t, "shop", configMap(ns, "first", "1"), inWave(1, claim(ns, "never")), inWave(2, configMap(ns, "last", "1")))
	hub.Publish(t, hub.Bundle(app))
	hub.Report(t, "the wait for the wave", func(r protocol.Report) bool {
		got := agenttest.AppOf(r, "shop")
		return got.Phase == protocol.PhaseApplying && strings.Contains(got.Message, "wave 1: waits for PersistentVolumeClaim/"+ns+"/never")
	})
	first.Stop(t)
	agenttest.Start(t, cp, ns, hub) // and another agent waits for the same
	app.Timeout = 1
	hub.Publish(t, hub.Bundle(app))
	hub.Report(t, "the wave degraded", func(r protocol.Report) bool {
		got := agenttest.AppOf(r, "shop")
		return got.Phase == protocol.PhaseDegraded && strings.Contains(got.Message, "wave 1 is not healthy after 1s, and what comes after it waits: PersistentVolumeClaim/"+ns+"/never")
	})
	if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "last")); !testenv.IsNotFound(err) {
		t.Errorf("the wave after it was applied: %v", err)
	}
	mustDelete(t, cp, mapRef(ns, "first"))
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "first"), "healed", testenv.Exists); err != nil {
		t.Error(err)
	}
	hub.Apply(t, hub.App(t, "shop", configMap(ns, "first", "1"), inWave(2, configMap(ns, "last", "1"))))
	gone(t, cp, testenv.Ref{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: ns, Name: "never"})
}

// What was stopped goes on by itself when the reason is gone.
func TestWaveThatRecoversGoesOn(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Publish(t, hub.Bundle(hub.App(t, "shop", configMap(ns+"-later", "first", "1"), inWave(1, configMap(ns, "last", "1")))))
	hub.Report(t, "the first wave failed", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	if _, err := cp.Kube().Apply(t.Context(), "test", fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s-later"}}`, ns)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cp.Kube().Delete(context.WithoutCancel(t.Context()), testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: ns + "-later"}) // the control plane goes anyway
	})
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "last"), "applied", testenv.Exists); err != nil {
		t.Error(err)
	}
}

func TestWavesAreDeletedInReverse(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	held := strings.Replace(configMap(ns, "last", "1"), `"metadata":{`, `"metadata":{"finalizers":["example.com/hold"],`, 1)
	hub.Apply(t, hub.App(t, "shop", configMap(ns, "first", "1"), inWave(1, held)))
	hub.Publish(t, hub.Bundle())
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "last"), "being deleted", func(o testenv.Object) bool {
		return o.Text("metadata", "deletionTimestamp") != ""
	}); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "the wait for its finalizers", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "shop").Message, "waiting for its finalizers")
	})
	if first := still(t, cp, mapRef(ns, "first")); first.Text("metadata", "deletionTimestamp") != "" {
		t.Error("the first wave is being deleted before the last is gone")
	}
	mustPatch(t, cp, mapRef(ns, "last"), `{"metadata":{"finalizers":null}}`)
	gone(t, cp, mapRef(ns, "first"))
}
