package agent_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

// An app of two thousand objects arrives; one of them changes, one drifts; and another agent takes all of it up without
// a write. It is not parallel, because it measures the heap.
func TestTwoThousandObjects(t *testing.T) {
	const n = 2000
	cp, ns, hub, running := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "map-0", "1")))
	before := heap()
	objects := make([]string, n)
	for i := range objects {
		objects[i] = configMap(ns, fmt.Sprintf("map-%d", i), "1")
	}
	app := hub.App(t, "web", objects...)
	start := time.Now()
	hub.Publish(t, hub.Bundle(app))
	hub.Nth(t, protocol.EventApplied, 1)
	took := time.Since(start)
	t.Logf("%d objects in %s, %.0f a second; the agent holds %.1f MB for them; its state is in %d Secrets", n, took.Round(time.Millisecond),
		n/took.Seconds(), float64(heap()-before)/1e6, len(stateSecrets(t, cp, ns)))
	if used := heap() - before; used > 8e6 {
		t.Errorf("the agent holds %.1f MB", float64(used)/1e6)
	}
	sent := applies(t, cp, ns)
	objects[1711] = configMap(ns, "map-1711", "2")
	start = time.Now()
	hub.Apply(t, hub.App(t, "web", objects...))
	t.Logf("one of them changed in %s", time.Since(start).Round(time.Millisecond))
	mustPatch(t, cp, mapRef(ns, "map-17"), `{"data":{"key":"edited"}}`)
	start = time.Now()
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "map-17"), "healed", is("1", "data", "key")); err != nil {
		t.Fatal(err)
	}
	t.Logf("one of them was healed in %s", time.Since(start).Round(time.Millisecond))
	hub.Report(t, "the drift", func(r protocol.Report) bool { return r.Drift.Corrected == 1 })
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	r := hub.Report(t, "all healthy with the next agent", func(r protocol.Report) bool {
		return r.Drift.Corrected == 0 && agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy
	})
	if got := agenttest.AppOf(r, "web").Current; got != n {
		t.Errorf("%d objects are current", got)
	}
	if got := applies(t, cp, ns) - sent; got != 2 {
		t.Errorf("%d applies for a change, a drift and a restart, want 2", got)
	}
}

// heap is what the process holds.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a pool held for the first one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
