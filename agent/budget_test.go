package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// maps are n ConfigMaps, from the first on.
func maps(ns string, from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, configMap(ns, fmt.Sprintf("m%d", i), "1"))
	}
	return out
}

// permitting is the next bundle of apps, which permits totals of deletions.
func permitting(hub *agenttest.Hub, totals map[string]uint64, approved []string, apps ...protocol.App) protocol.Bundle {
	b := hub.Bundle(apps...)
	b.Deletions = &protocol.Deletions{Apps: totals, Approved: approved}
	return b
}

// applyWith publishes a bundle and waits until it is applied.
func applyWith(t *testing.T, hub *agenttest.Hub, b protocol.Bundle) protocol.Report {
	t.Helper()
	hub.Publish(t, b)
	return hub.Healthy(t, b)
}

// heldOnce waits for a report with one hold of a kind.
func heldOnce(t *testing.T, hub *agenttest.Hub, generation uint64, kind protocol.HoldKind) protocol.Held {
	t.Helper()
	r := hub.Report(t, "a hold of kind "+string(kind), func(r protocol.Report) bool {
		return r.Generation == generation && len(r.Held) == 1 && r.Held[0].Kind == kind
	})
	return r.Held[0]
}

// allThere says that nothing is deleted.
func allThere(t *testing.T, cp *testenv.ControlPlane, ns string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if live := still(t, cp, mapRef(ns, fmt.Sprintf("m%d", i))); live.Text("metadata", "deletionTimestamp") != "" {
			t.Errorf("m%d is being deleted", i)
		}
	}
}

func TestNothingIsDeletedBeyondTheTotal(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	r := applyWith(t, hub, permitting(hub, map[string]uint64{"web": 7}, nil, hub.App(t, "web", maps(ns, 0, 6)...)))
	if got := agenttest.AppOf(r, "web").Deleted; got != 7 {
		t.Errorf("an app that is new begins with the count %d, want the total of 7", got)
	}
	// All or nothing: three are permitted, and four left Git. Everything else of the app goes on.
	b := permitting(hub, map[string]uint64{"web": 10}, nil, hub.App(t, "web", append(maps(ns, 0, 2), configMap(ns, "new", "1"))...))
	hub.Publish(t, b)
	h := heldOnce(t, hub, b.Generation, protocol.HoldDeletions)
	r = hub.Healthy(t, b)
	app := agenttest.AppOf(r, "web")
	if h.App != "web" || h.Count != 4 || len(h.Objects) != 4 || h.Objects[0].Name != "m2" || app.Deleted != 7 || !strings.Contains(app.Message, "4 objects not deleted before a person approves it (drover approve "+h.ID+")") {
		t.Errorf("held is %+v, the app %+v", h, app)
	}
	hub.Event(t, "the hold", func(e protocol.Event) bool {
		return e.Kind == protocol.EventHeld && e.App == "web" && strings.Contains(e.Message, h.ID)
	})
	still(t, cp, mapRef(ns, "new"))
	allThere(t, cp, ns, 0, 6)
	// So it is for the next agent, which tells the same hold.
	running.Stop(t)
	next := agenttest.Start(t, cp, ns, hub)
	hub.Nth(t, protocol.EventStarted, 1)
	hub.Report(t, "the same hold of the next agent", func(r protocol.Report) bool {
		return next.Says(r) && slices.ContainsFunc(r.Held, func(x protocol.Held) bool { return x.ID == h.ID }) && agenttest.AppOf(r, "web").Deleted == 7
	})
	allThere(t, cp, ns, 0, 6)
	// A raised total lets them go at once.
	applyWith(t, hub, permitting(hub, map[string]uint64{"web": 11}, nil, hub.App(t, "web", append(maps(ns, 0, 2), configMap(ns, "new", "1"))...)))
	for i := 2; i < 6; i++ {
		gone(t, cp, mapRef(ns, fmt.Sprintf("m%d", i)))
	}
	hub.Report(t, "all counted", func(r protocol.Report) bool { return agenttest.AppOf(r, "web").Deleted == 11 && len(r.Held) == 0 })
	allThere(t, cp, ns, 0, 2)
}

func TestAnApprovedHoldLetsExactlyItsContentGo(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	annotated := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":%q,
		"annotations":{"drover.dev/prune":"disabled"}}}`, ns) // which counts, and is not what is held
	applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "web", append(maps(ns, 0, 6), annotated)...)))
	b := permitting(hub, nil, nil, hub.App(t, "web", maps(ns, 0, 4)...))
	hub.Publish(t, b)
	two := heldOnce(t, hub, b.Generation, protocol.HoldDeletions)
	b = permitting(hub, nil, []string{two.ID}, hub.App(t, "web", maps(ns, 0, 3)...)) // one more
	hub.Publish(t, b)
	three := hub.Report(t, "a hold of three", func(r protocol.Report) bool {
		return r.Generation == b.Generation && len(r.Held) == 1 && r.Held[0].Count == 3
	}).Held[0]
	if two.ID == three.ID || two.Count != 2 {
		t.Errorf("the hold is %+v after %+v", three, two)
	}
	allThere(t, cp, ns, 0, 6)
	applyWith(t, hub, permitting(hub, nil, []string{three.ID}, hub.App(t, "web", maps(ns, 0, 3)...)))
	for i := 3; i < 6; i++ {
		gone(t, cp, mapRef(ns, fmt.Sprintf("m%d", i)))
	}
	still(t, cp, mapRef(ns, "a"))
	hub.Report(t, "four counted", func(r protocol.Report) bool {
		return agenttest.AppOf(r, "web").Deleted == 4 && len(r.Held) == 0
	})
	// The approval is used up.
	b = permitting(hub, nil, []string{three.ID}, hub.App(t, "web", maps(ns, 0, 2)...))
	hub.Publish(t, b)
	heldOnce(t, hub, b.Generation, protocol.HoldDeletions)
	allThere(t, cp, ns, 0, 3)
}

func TestTheTotalHoldsForAppsThatLeaveAndForMissedGenerations(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "web", maps(ns, 0, 6)...)))
	b := permitting(hub, map[string]uint64{"web": 5}, nil)
	hub.Publish(t, b)
	h := heldOnce(t, hub, b.Generation, protocol.HoldDeletions)
	r := hub.Report(t, "the app leaving", func(r protocol.Report) bool { return r.Generation == b.Generation && agenttest.AppOf(r, "web").Leaving })
	if h.Count != 6 || agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy {
		t.Errorf("held is %+v, the app %+v", h, agenttest.AppOf(r, "web"))
	}
	// It comes back, and the object that moved does not count.
	moved := configMap(ns, "m5", "1")
	r = applyWith(t, hub, permitting(hub, map[string]uint64{"web": 0}, nil, hub.App(t, "web", maps(ns, 0, 5)...), hub.App(t, "other", moved)))
	if len(r.Held) > 0 || agenttest.AppOf(r, "web").Deleted != 0 {
		t.Errorf("held %+v, web %+v", r.Held, agenttest.AppOf(r, "web"))
	}
	allThere(t, cp, ns, 0, 6)
	// Generations that the agent never saw raise the total, and the last one takes more than they permit.
	running.Stop(t)
	permitting(hub, map[string]uint64{"web": 1}, nil)
	permitting(hub, map[string]uint64{"web": 2}, nil)
	b = permitting(hub, map[string]uint64{"web": 2}, nil, hub.App(t, "web", maps(ns, 0, 2)...), hub.App(t, "other", moved))
	hub.Publish(t, b)
	agenttest.Start(t, cp, ns, hub)
	if h := heldOnce(t, hub, b.Generation, protocol.HoldDeletions); h.Count != 3 {
		t.Errorf("held is %+v", h)
	}
	allThere(t, cp, ns, 0, 6)
	hub.Publish(t, permitting(hub, map[string]uint64{"web": 5, "other": 1}, nil)) // all of it leaves
	for i := range 6 {
		gone(t, cp, mapRef(ns, fmt.Sprintf("m%d", i)))
	}
	hub.Report(t, "no app", func(r protocol.Report) bool { return len(r.Apps) == 0 })
}

// State without a count is that of an agent which did not count, and what the hub has permitted since it began to count
// tells what is still to be deleted: an upgrade asks nobody for an approval. More than that is held.
func TestStateWithoutACountMayDeleteWhatIsPermitted(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	hub.Apply(t, hub.App(t, "web", maps(ns, 0, 8)...)) // of an older hub
	hub.Apply(t, hub.App(t, "web", maps(ns, 0, 7)...)) // which bounds nothing
	gone(t, cp, mapRef(ns, "m7"))
	running.Stop(t) // the hub is upgraded, and permits deletions that the agent has yet to do
	hub.Publish(t, permitting(hub, map[string]uint64{"web": 2}, nil, hub.App(t, "web", maps(ns, 0, 5)...)))
	agenttest.Start(t, cp, ns, hub)
	gone(t, cp, mapRef(ns, "m5"))
	gone(t, cp, mapRef(ns, "m6"))
	hub.Report(t, "both counted", func(r protocol.Report) bool {
		return agenttest.AppOf(r, "web").Deleted == 2 && len(r.Held) == 0
	})
	hub.Apply(t, hub.App(t, "web", maps(ns, 0, 5)...)) // an older hub again
	b := permitting(hub, map[string]uint64{"web": 1}, nil, hub.App(t, "web", maps(ns, 0, 2)...))
	hub.Publish(t, b)
	if h := heldOnce(t, hub, b.Generation, protocol.HoldDeletions); h.Count != 3 {
		t.Errorf("held is %+v", h)
	}
	allThere(t, cp, ns, 0, 5)
	hub.Apply(t, hub.App(t, "web", maps(ns, 0, 4)...)) // and once more
	gone(t, cp, mapRef(ns, "m4"))
	allThere(t, cp, ns, 0, 4)
}

// What an app does not delete is let go of, whatever is permitted.
func TestAnAppThatDoesNotPruneHoldsNothing(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	app := func(to int) protocol.App {
		a := hub.App(t, "web", maps(ns, 0, to)...)
		a.Prune = false
		return a
	}
	applyWith(t, hub, permitting(hub, map[string]uint64{"web": 2}, nil, app(6)))
	r := applyWith(t, hub, permitting(hub, map[string]uint64{"web": 3}, nil, app(3)))
	hub.Event(t, "m5 kept", kept(mapRef(ns, "m5")))
	if got := agenttest.AppOf(r, "web").Deleted; len(r.Held) > 0 || got != 3 {
		t.Errorf("held %+v, and %d were counted, want what is permitted", r.Held, got)
	}
	allThere(t, cp, ns, 0, 6)
}

// frozen is a store that takes no more states of apps from some moment on, as if the agent had ended before.
type frozen struct {
	agent.Store
	shut atomic.Bool
}

func (f *frozen) SaveApp(ctx context.Context, a agent.AppState) error {
	if f.shut.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.Store.SaveApp(ctx, a)
}

// An agent that ends between a delete and the write that counts it has not deleted less for that.
func TestACrashBetweenDeletingAndCountingPermitsNoMore(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	store := &frozen{}
	running := agenttest.Start(t, cp, ns, hub, func(c *deliver.Config) { store.Store, c.Store = c.Store, store })
	// What a hook would be left with: the intent of the next content is stored, and the outcome of its deletes is
	// not.
	applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "web", maps(ns, 0, 6)...)))
	b := permitting(hub, nil, nil, hub.App(t, "web", maps(ns, 0, 3)...))
	hub.Publish(t, b)
	heldOnce(t, hub, b.Generation, protocol.HoldDeletions)
	hub.Healthy(t, b)
	store.shut.Store(true)
	b = permitting(hub, map[string]uint64{"web": 3}, nil, hub.App(t, "web", maps(ns, 0, 3)...))
	hub.Publish(t, b)
	for i := 3; i < 6; i++ {
		gone(t, cp, mapRef(ns, fmt.Sprintf("m%d", i)))
	}
	running.Stop(t)
	next := agenttest.Start(t, cp, ns, hub)
	hub.Nth(t, protocol.EventStarted, 1)
	hub.Report(t, "all that was deleted counted", func(r protocol.Report) bool {
		return next.Says(r) && agenttest.AppOf(r, "web").Deleted == 3 && agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy
	})
	b = permitting(hub, map[string]uint64{"web": 3}, nil, hub.App(t, "web", maps(ns, 0, 2)...))
	hub.Publish(t, b)
	heldOnce(t, hub, b.Generation, protocol.HoldDeletions)
	allThere(t, cp, ns, 0, 3)
}

// A hub that counts has permitted much before, and holds a deletion while an agent that did not count is replaced by one
// that does: what was permitted before is used up.
func TestAHeldDeletionStaysHeldWhenAnAgentThatDidNotCountIsReplaced(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	applyWith(t, hub, permitting(hub, map[string]uint64{"web": 4}, nil, hub.App(t, "web", maps(ns, 0, 6)...)))
	running.Stop(t)
	store := kube.NewStore(running.Client, ns)
	stored, err := store.Load(t.Context())
	if err != nil || len(stored.Apps) != 1 || stored.Apps[0].Deleted == nil {
		t.Fatalf("what is stored is %+v, %v", stored.Apps, err)
	}
	stored.Apps[0].Deleted = nil // as the agent before stored it
	if err := store.SaveApp(t.Context(), stored.Apps[0]); err != nil {
		t.Fatal(err)
	}
	b := permitting(hub, map[string]uint64{"web": 4}, nil, hub.App(t, "web", maps(ns, 0, 3)...))
	hub.Publish(t, b)
	agenttest.Start(t, cp, ns, hub)
	if h := heldOnce(t, hub, b.Generation, protocol.HoldDeletions); h.Count != 3 {
		t.Errorf("held is %+v", h)
	}
	allThere(t, cp, ns, 0, 6)
}

// An agent that did not count was stopped after it accepted a bundle, and before it took up what that deletes.
func TestADeletionAcceptedByAnAgentThatDidNotCountIsDone(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	store := &frozen{}
	running := agenttest.Start(t, cp, ns, hub, func(c *deliver.Config) { store.Store, c.Store = c.Store, store })
	applyWith(t, hub, permitting(hub, map[string]uint64{"web": 4}, nil, hub.App(t, "web", maps(ns, 0, 6)...)))
	store.shut.Store(true)
	b := permitting(hub, map[string]uint64{"web": 7}, nil, hub.App(t, "web", maps(ns, 0, 3)...))
	hub.Publish(t, b)
	hub.Report(t, "the bundle accepted", func(r protocol.Report) bool { return r.Generation == b.Generation })
	running.Stop(t)
	former := kube.NewStore(running.Client, ns)
	stored, err := former.Load(t.Context())
	if err != nil || len(stored.Apps) != 1 || stored.Apps[0].Spec.Blob.Digest == b.Apps[0].Blob.Digest {
		t.Fatalf("what is stored is %+v, %v", stored.Apps, err)
	}
	stored.Apps[0].Deleted = nil // as the agent before stored it
	if err := former.SaveApp(t.Context(), stored.Apps[0]); err != nil {
		t.Fatal(err)
	}
	agenttest.Start(t, cp, ns, hub)
	for i := 3; i < 6; i++ {
		gone(t, cp, mapRef(ns, fmt.Sprintf("m%d", i)))
	}
	r := hub.Healthy(t, b)
	if got := agenttest.AppOf(r, "web").Deleted; got != 7 || len(r.Held) != 0 {
		t.Errorf("%d were counted, and held is %+v", got, r.Held)
	}
	allThere(t, cp, ns, 0, 3)
}
