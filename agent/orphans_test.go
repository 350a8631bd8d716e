package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// loseState deletes all of the agent's state but its credential.
func loseState(t *testing.T, cp *testenv.ControlPlane, ns string) {
	t.Helper()
	for _, name := range stateSecrets(t, cp, ns) {
		if strings.HasPrefix(name, "drover-app-") || name == "drover-state" {
			mustDelete(t, cp, secretRef(ns, name))
		}
	}
}

// What left Git while nobody knew any more that it was Drover's is found by what the objects say of themselves, and
// waits for a person.
func TestWhatNothingWantsIsFoundAfterTheInventoryWasLost(t *testing.T) {
	t.Parallel()
	damages := map[string]struct {
		damage  func(t *testing.T, cp *testenv.ControlPlane)
		running bool // the agent is not stopped for it
		bundle  bool // the accepted bundle is still known, so that the app may take its objects up again before a newer bundle comes
	}{
		"everything is lost":              {func(t *testing.T, cp *testenv.ControlPlane) { loseState(t, cp, "default") }, false, false},
		"an app is garbled":               {garble("web"), false, true},
		"an app is garbled while it runs": {garble("web"), true, true},
		"an app is lost": {func(t *testing.T, cp *testenv.ControlPlane) {
			mustDelete(t, cp, secretRef("default", "drover-app-web"))
		}, false, true},
	}
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cp := testenv.ControlPlaneT(t)
			hub := agenttest.NewHub(t, "east-1")
			running := agenttest.Start(t, cp, "default", hub)
			r := applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "web", append(maps("default", 0, 3), keptMap("kept"))...), hub.App(t, "other", configMap("default", "theirs", "1"))))
			if len(r.Held) > 0 || r.Searching != "" {
				t.Errorf("an agent in a new cluster holds %+v, searching %q", r.Held, r.Searching)
			}
			eventually(t, "nothing being stored of a search", func() bool { return !slices.Contains(stateSecrets(t, cp, "default"), "drover-search") })
			create(t, cp, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"lookalike","namespace":"default","labels":{"drover.dev/app":"web"}}}`)
			if !d.running {
				running.Stop(t)
			}
			d.damage(t, cp)
			left := []protocol.App{hub.App(t, "web", maps("default", 0, 1)...), hub.App(t, "other", configMap("default", "theirs", "1"))}
			b := permitting(hub, nil, nil, left...)
			hub.Publish(t, b)
			if !d.running {
				running = agenttest.Start(t, cp, "default", hub)
			}
			r = hub.Report(t, "a hold", func(r protocol.Report) bool {
				return r.Generation == b.Generation && len(r.Held) == 1 && r.Searching == ""
			})
			h := r.Held[0]
			names := fmt.Sprint(h.Objects)
			if h.App != "web" || !d.bundle && (h.Kind != protocol.HoldOrphans || h.Count != 2) || !strings.Contains(names, "m1") || !strings.Contains(names, "m2") || !strings.Contains(h.Message, "drover approve "+h.ID) {
				t.Errorf("held is %+v", h)
			}
			hub.Healthy(t, b)
			hub.Event(t, "the hold", func(e protocol.Event) bool { return e.Kind == protocol.EventHeld && strings.Contains(e.Message, h.ID) })
			allThere(t, cp, "default", 0, 3)
			// The next agent finds the same, although its state is complete by then.
			running.Stop(t)
			next := agenttest.Start(t, cp, "default", hub)
			hub.Report(t, "the same of the next agent", func(r protocol.Report) bool {
				return next.Says(r) && len(r.Held) == 1 && r.Held[0].ID == h.ID && r.Searching == ""
			})
			b = permitting(hub, nil, []string{h.ID}, left...)
			hub.Publish(t, b)
			gone(t, cp, mapRef("default", "m1"))
			gone(t, cp, mapRef("default", "m2"))
			hub.Report(t, "nothing held any more", func(r protocol.Report) bool {
				return r.Generation == b.Generation && len(r.Held) == 0 && r.Searching == ""
			})
			notDeleting(t, cp, mapRef("default", "m0"), mapRef("default", "kept"), mapRef("default", "lookalike"), mapRef("default", "theirs"))
			eventually(t, "nothing being stored of a search", func() bool { return !slices.Contains(stateSecrets(t, cp, "default"), "drover-search") })
		})
	}
}

// garble has the state of an app be nonsense.
func garble(app string) func(t *testing.T, cp *testenv.ControlPlane) {
	return func(t *testing.T, cp *testenv.ControlPlane) {
		t.Helper()
		mustPatch(t, cp, secretRef("default", "drover-app-"+app), `{"data":{"state":"RFJWQTEAAA=="}}`)
	}
}

func keptMap(name string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":"default","annotations":{"drover.dev/prune":"disabled"}}}`, name)
}

// While it is not known what all apps want, nothing can be said to be wanted by none.
func TestTheSearchWaitsUntilItIsKnownWhatIsWanted(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	hub := agenttest.NewHub(t, "east-1")
	running := agenttest.Start(t, cp, "default", hub)
	hub.Apply(t, hub.App(t, "web", maps("default", 0, 3)...))
	running.Stop(t)
	loseState(t, cp, "default")
	b := hub.Bundle(hub.App(t, "web", maps("default", 0, 1)...), protocol.App{Name: "broken", Prune: true, Error: "kustomize: no such file"})
	hub.Publish(t, b)
	agenttest.Start(t, cp, "default", hub)
	r := hub.Report(t, "a search that waits", func(r protocol.Report) bool {
		return r.Generation == b.Generation && strings.Contains(r.Searching, "app broken cannot be rendered") && agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy
	})
	if len(r.Held) > 0 || !strings.Contains(r.Message, "the inventory is not complete") {
		t.Errorf("held is %+v, the message %q", r.Held, r.Message)
	}
	b = hub.Bundle(hub.App(t, "web", maps("default", 0, 1)...), hub.App(t, "broken", configMap("default", "m2", "1")))
	hub.Publish(t, b)
	if h := heldOnce(t, hub, b.Generation, protocol.HoldOrphans); h.Count != 1 || h.Objects[0].Name != "m1" {
		t.Errorf("held is %+v", h)
	}
	// What is wanted again is not held.
	hub.Apply(t, hub.App(t, "web", maps("default", 0, 2)...), hub.App(t, "broken", configMap("default", "m2", "1")))
	hub.Report(t, "nothing held any more", func(r protocol.Report) bool { return len(r.Held) == 0 && r.Searching == "" })
}

// An app that left Git while its state was garbled leaves nothing behind, neither objects nor state.
func TestTheStateOfAnAppThatLeftIsForgottenWhenNothingOfItIsThere(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	hub := agenttest.NewHub(t, "east-1")
	running := agenttest.Start(t, cp, "default", hub)
	hub.Apply(t, hub.App(t, "web", maps("default", 0, 1)...), hub.App(t, "other", configMap("default", "theirs", "1")))
	running.Stop(t)
	garble("web")(t, cp)
	mustDelete(t, cp, secretRef("default", "drover-state"))
	b := permitting(hub, nil, nil, hub.App(t, "other", configMap("default", "theirs", "1")))
	hub.Publish(t, b)
	agenttest.Start(t, cp, "default", hub)
	h := heldOnce(t, hub, b.Generation, protocol.HoldOrphans)
	hub.Publish(t, permitting(hub, nil, []string{h.ID}, hub.App(t, "other", configMap("default", "theirs", "1"))))
	gone(t, cp, mapRef("default", "m0"))
	gone(t, cp, secretRef("default", "drover-app-web"))
}

// Two agents may share a cluster: what one knows of is no orphan of the other.
func TestTheAppsOfAnotherAgentAreNoOrphans(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	create(t, cp, namespaceOf("one"))
	create(t, cp, namespaceOf("two"))
	first, second := agenttest.NewHub(t, "east-1"), agenttest.NewHub(t, "east-2")
	agenttest.Start(t, cp, "one", first)
	first.Apply(t, first.App(t, "web", maps("one", 0, 3)...))
	agenttest.Start(t, cp, "two", second)
	r := second.Apply(t, second.App(t, "db", maps("two", 0, 1)...))
	if len(r.Held) > 0 {
		t.Errorf("held is %+v", r.Held)
	}
}

// An agent that is installed where another one was has nothing to go by but what the objects say.
func TestANewAgentFindsWhatAFormerOneLeft(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	first, second := agenttest.NewHub(t, "east-1"), agenttest.NewHub(t, "east-1")
	create(t, cp, namespaceOf("old"))
	running := agenttest.Start(t, cp, "old", first)
	first.Apply(t, first.App(t, "web", append(maps("default", 0, 2), fmt.Sprintf(definitionOf, "old", "widgets", "widget", "Cluster"),
		`{"apiVersion":"old.example.com/v1","kind":"widget","metadata":{"name":"w"}}`)...))
	running.Stop(t)
	for _, name := range stateSecrets(t, cp, "old") {
		mustDelete(t, cp, secretRef("old", name))
	}
	agenttest.Start(t, cp, "default", second)
	web := second.App(t, "web", maps("default", 0, 1)...)
	b := permitting(second, nil, nil, web)
	second.Publish(t, b)
	h := heldOnce(t, second, b.Generation, protocol.HoldOrphans)
	if h.Count != 3 {
		t.Errorf("held is %+v", h)
	}
	// A definition among them is not deleted with objects that nobody approved.
	create(t, cp, `{"apiVersion":"old.example.com/v1","kind":"widget","metadata":{"name":"nobodys"}}`)
	second.Publish(t, permitting(second, nil, []string{h.ID}, web))
	inside := heldOnce(t, second, b.Generation+1, protocol.HoldContents)
	if inside.Count != 1 || inside.Objects[0].Name != "nobodys" {
		t.Errorf("held is %+v", inside)
	}
	gone(t, cp, mapRef("default", "m1"))
	notDeleting(t, cp, definitionRef("old", "widgets"), mapRef("default", "m0"))
	second.Publish(t, permitting(second, nil, []string{h.ID, inside.ID}, web))
	gone(t, cp, definitionRef("old", "widgets"))
}

// What does not answer is not waited for without end, and not forgotten.
func TestTheSearchDoesWithoutWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	create(t, cp, awayService)
	eventually(t, "a group that does not answer", func() bool {
		_, unread, _, err := agenttest.Client(t, cp).Labelled(t.Context(), nil)
		return err == nil && len(unread) > 0
	})
	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, "default", hub)
	app := hub.App(t, "web", maps("default", 0, 1)...)
	hub.Apply(t, app)
	hub.Report(t, "what was not searched", func(r protocol.Report) bool {
		return r.Searching == "" && strings.Contains(r.Message, "away.example.com/v1 cannot be searched")
	})
	mustDelete(t, cp, testenv.Ref{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService", Name: "v1.away.example.com"})
	eventually(t, "nothing that does not answer", func() bool {
		_, unread, _, err := agenttest.Client(t, cp).Labelled(t.Context(), nil)
		return err == nil && len(unread) == 0
	})
	hub.Apply(t, app, hub.App(t, "other", maps("default", 1, 2)...))
	hub.Report(t, "no message", func(r protocol.Report) bool { return r.Message == "" })
	eventually(t, "nothing being stored of a search", func() bool {
		return !slices.Contains(stateSecrets(t, cp, "default"), "drover-search")
	})
}
