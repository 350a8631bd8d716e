package agent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

func TestKeptDriftIsToldOnceAndLeft(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	app := func(a, b string) protocol.App {
		app := hub.App(t, "web", configMap(ns, "a", a), configMap(ns, "b", b), configMap(ns, "c", "1"))
		app.KeepDrift = true
		return app
	}
	hub.Apply(t, app("1", "1"))
	sent := applies(t, cp, ns)
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"edited"}}`)
	e := hub.Nth(t, protocol.EventDrift, 0)
	if e.By != "kubectl-edit" || !slices.Contains(e.Fields, "data.key") || e.Object.Name != "a" || !strings.Contains(e.Message, "it is left so") {
		t.Errorf("the event is %+v", e)
	}
	hub.Report(t, "the drift in the app's message", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseHealthy && strings.Contains(a.Message, "1 object drifted, and left so")
	})
	mustDelete(t, cp, mapRef(ns, "c"))
	if e := hub.Nth(t, protocol.EventDrift, 1); e.Object.Name != "c" || !strings.Contains(e.Message, "deleted, and left so") {
		t.Errorf("the event is %+v", e)
	}
	hub.Publish(t, hub.Bundle(app("1", "2"))) // another object changes in Git
	hub.Nth(t, protocol.EventApplied, 1)
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	mustPatch(t, cp, mapRef(ns, "b"), `{"data":{"key":"edited"}}`)
	if e := hub.Nth(t, protocol.EventDrift, 2); e.Object.Name != "b" { // and none of a and c again
		t.Errorf("the event is %+v", e)
	}
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "edited" {
		t.Errorf("a is %q, want it left as it was edited", got)
	}
	// put right by hand, and edited again: that is another drift
	if _, err := cp.Kube().Apply(t.Context(), "drover", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"`+ns+`","labels":{"drover.dev/app":"web"}},"data":{"key":"1"}}`); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "a as in Git", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "web").Message, "c: it is not there") || agenttest.AppOf(r, "web").Current == 2
	})
	if n := applies(t, cp, ns) - sent; n != 3 { // b, and a dry run for each of the edits
		t.Errorf("%d applies, want 3", n)
	}
	hub.Publish(t, hub.Bundle(app("3", "2")))
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "what changed in Git", is("3", "data", "key")); err != nil {
		t.Error(err)
	}
	healing := hub.App(t, "web", configMap(ns, "a", "3"), configMap(ns, "b", "2"), configMap(ns, "c", "1"))
	hub.Apply(t, healing) // the switch goes: what drifted is healed
	for name, want := range map[string]string{"a": "3", "b": "2", "c": "1"} {
		if got := still(t, cp, mapRef(ns, name)).Text("data", "key"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
