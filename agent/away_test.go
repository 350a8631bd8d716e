package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// The hub goes away, the cluster drifts, one agent hands over to the next, the hub comes back: it is told everything
// that happened, in order, and nothing is left of what was stored for it.
func TestWhatHappenedWhileTheHubWasAwayArrivesComplete(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns, hub := testenv.NamespaceT(t, cp), agenttest.NewHubWithServer(t, "east-1")
	first := agenttest.Start(t, cp, ns, hub)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	hub.NATS.Kill()
	heal := func() {
		t.Helper()
		mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"other"}}`)
		if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "healed", is("1", "data", "key")); err != nil {
			t.Fatal(err)
		}
	}
	heal()
	stored := testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-journal"}
	if err := cp.Kube().Wait(t.Context(), stored, "stored", testenv.Exists); err != nil { // by an agent that goes on
		t.Fatal(err)
	}
	first.Stop(t)
	second := agenttest.Start(t, cp, ns, hub)
	heal()
	second.Stop(t) // perhaps before it knows that it has healed
	agenttest.Start(t, cp, ns, hub)
	if err := hub.NATS.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	hub.Nth(t, protocol.EventStarted, 2)
	gone(t, cp, stored)
	var last protocol.Event
	drifts, started := 0, 0
	for _, e := range hub.Events(protocol.EventDrift, protocol.EventStarted, protocol.EventAccepted, protocol.EventApplied, protocol.EventHealthy) {
		if last.Seq != 0 && e.Prev != last.Seq {
			t.Errorf("%s %d names %d as the event before it, which was %s %d", e.Kind, e.Seq, e.Prev, last.Kind, last.Seq)
		}
		last = e
		switch e.Kind {
		case protocol.EventDrift:
			drifts++
		case protocol.EventStarted:
			started++
		}
	}
	if drifts < 1 || started != 3 {
		t.Errorf("the journal tells of %d drifts and %d agents, want one at least and 3", drifts, started)
	}
}

func TestOnlyTheNewestBundleIsTaken(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "0")))
	first.Stop(t)
	sent := applies(t, cp, ns)
	var b protocol.Bundle
	for i := range 50 {
		b = hub.Bundle(hub.App(t, "web", configMap(ns, "a", fmt.Sprint(i+1))))
		hub.Publish(t, b)
	}
	agenttest.Start(t, cp, ns, hub)
	hub.Healthy(t, b)
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "50" {
		t.Errorf("a is %q after 50 generations, want the last", got)
	}
	if got := applies(t, cp, ns) - sent; got != 1 {
		t.Errorf("%d applies after 50 generations, want 1", got)
	}
	if got := hub.Events(protocol.EventAccepted); len(got) != 2 || got[1].Generation != b.Generation {
		t.Errorf("the journal tells of %d bundles that were accepted, want the first and the last", len(got))
	}
}
