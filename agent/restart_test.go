package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestRestartWritesNothing(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	app := hub.App(t, "web", configMap(ns, "a", "1"), deployment(ns, "web", 1), fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster"),
		fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"x"},"spec":{"z":1,"a":{"c":1,"b":[1]}}}`, ns))
	b := hub.Bundle(app)
	hub.Publish(t, b)
	hub.Healthy(t, b)
	first.Stop(t)
	before := writes(t, cp, ns)
	second := agenttest.Start(t, cp, ns, hub)
	hub.Nth(t, protocol.EventStarted, 1)
	r := hub.Report(t, "the second agent", func(r protocol.Report) bool {
		return second.Says(r) && r.Generation == b.Generation && agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy
	})
	if r.Refused != nil || len(hub.Events(protocol.EventDrift)) > 0 {
		t.Errorf("after the restart: refused %v, drift %v", r.Refused, hub.Events(protocol.EventDrift))
	}
	if got := writes(t, cp, ns) - before; got != 0 {
		t.Errorf("%d writes for a restart with nothing to do, want 0", got)
	}
	// what drifts while nobody looks is healed by whoever comes next
	second.Stop(t)
	if err := patch(`{"data":{"key":"other"}}`)(t.Context(), cp.Kube(), mapRef(ns, "a")); err != nil {
		t.Fatal(err)
	}
	if err := cp.Kube().Delete(t.Context(), deploymentRef(ns, "web")); err != nil {
		t.Fatal(err)
	}
	agenttest.Start(t, cp, ns, hub)
	for ref, cond := range map[testenv.Ref]func(testenv.Object) bool{mapRef(ns, "a"): is("1", "data", "key"), deploymentRef(ns, "web"): testenv.Exists} {
		if err := cp.Kube().Wait(t.Context(), ref, "healed", cond); err != nil {
			t.Error(err)
		}
	}
}

// writes counts the writes of an agent: applies, and what is done to Secrets.
func writes(t *testing.T, cp *testenv.ControlPlane, ns string) int {
	t.Helper()
	r := requests(t, cp, ns)
	return r.Total(testenv.Verb("APPLY")) + r.Total(testenv.Write, testenv.Resource("secrets"))
}

func TestHealsWithTheHubAway(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns, hub := testenv.NamespaceT(t, cp), agenttest.NewHubWithServer(t, "east-1")
	first := agenttest.Start(t, cp, ns, hub)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	hub.NATS.Kill()
	heal := func() {
		t.Helper()
		if err := patch(`{"data":{"key":"other"}}`)(t.Context(), cp.Kube(), mapRef(ns, "a")); err != nil {
			t.Fatal(err)
		}
		if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "healed", is("1", "data", "key")); err != nil {
			t.Fatal(err)
		}
	}
	heal()
	first.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	heal()
	if err := hub.NATS.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "the drift that was corrected meanwhile", func(r protocol.Report) bool {
		return r.Drift.Corrected == 1 && agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy
	})
	hub.Event(t, "the drift that was corrected meanwhile", func(e protocol.Event) bool { return e.Kind == protocol.EventDrift })
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "2")))
}

func TestGenerationSurvivesRestarts(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	old := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "old")))
	hub.Publish(t, old)
	hub.Healthy(t, old)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "new")))
	first.Stop(t)
	hub.Publish(t, old) // as a store that was rolled back would
	agenttest.Start(t, cp, ns, hub)
	r := hub.Report(t, "a refusal", func(r protocol.Report) bool { return r.Refused != nil })
	if !strings.Contains(r.Refused.Reason, protocol.ErrSuperseded.Error()) || r.Generation != 2 {
		t.Errorf("refused with %q at generation %d", r.Refused.Reason, r.Generation)
	}
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "new" {
		t.Errorf("the cluster went back to %q", got)
	}
}

func TestAPIServerAway(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, "default", hub)
	hub.Apply(t, hub.App(t, "web", configMap("default", "a", "1")))
	cp.StopAPIServer()
	b := hub.Bundle(hub.App(t, "web", configMap("default", "a", "2"), configMap("default", "b", "2")))
	hub.Publish(t, b)
	if err := cp.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	hub.Healthy(t, b)
	if err := patch(`{"data":{"key":"other"}}`)(t.Context(), cp.Kube(), mapRef("default", "b")); err != nil {
		t.Fatal(err)
	}
	if err := cp.Kube().Wait(t.Context(), mapRef("default", "b"), "healed", is("2", "data", "key")); err != nil {
		t.Error(err)
	}
}
