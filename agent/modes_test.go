package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// annotated is a ConfigMap with one annotation.
func annotated(ns, name, value, key, says string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":%q,"annotations":{%q:%q}},"data":{"key":%q}}`, name, ns, key, says, value)
}

// mustCreate makes an object as kubectl create does, or whoever the manager is.
func mustCreate(t *testing.T, cp *testenv.ControlPlane, manager, text string) testenv.Object {
	t.Helper()
	list, err := testenv.Objects(text)
	if err != nil {
		t.Fatal(err)
	}
	made, err := cp.Kube().Create(t.Context(), manager, list[0])
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestIfNotPresentCreatesAndNeverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, key, says string }{
		{"drover", "drover.dev/apply", "if-not-present"},
		{"flux", "kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, running := scene(t)
			mustCreate(t, cp, "somebody", configMap(ns, "theirs", "theirs"))
			app := func(value string) protocol.App {
				return hub.App(t, "web", annotated(ns, "theirs", value, c.key, c.says), annotated(ns, "new", value, c.key, c.says), configMap(ns, "plain", value))
			}
			hub.Apply(t, app("1"))
			mustPatch(t, cp, mapRef(ns, "new"), `{"data":{"key":"edited"}}`)
			hub.Apply(t, app("2"))
			running.Stop(t)
			agenttest.Start(t, cp, ns, hub)
			hub.Apply(t, app("3"))
			for name, want := range map[string]string{"theirs": "theirs", "new": "edited", "plain": "3"} {
				if got := still(t, cp, mapRef(ns, name)).Text("data", "key"); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			mustDelete(t, cp, mapRef(ns, "new"))
			if err := cp.Kube().Wait(t.Context(), mapRef(ns, "new"), "recreated", is("3", "data", "key")); err != nil {
				t.Error(err)
			}
			hub.Apply(t)
			gone(t, cp, mapRef(ns, "new"))
			still(t, cp, mapRef(ns, "theirs"))
			if drifts := hub.Events(protocol.EventDrift); len(drifts) != 1 { // the delete
				t.Errorf("drift was told that is none: %+v", drifts)
			}
		})
	}
}

func TestIgnoredObjectsAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, key, says string }{
		{"drover", "drover.dev/apply", "ignore"},
		{"flux ssa", "kustomize.toolkit.fluxcd.io/ssa", "Ignore"},
		{"flux reconcile", "kustomize.toolkit.fluxcd.io/reconcile", "disabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			hub.Apply(t, hub.App(t, "web", configMap(ns, "was", "1"), configMap(ns, "old", "1"), configMap(ns, "plain", "1")))
			mustCreate(t, cp, "somebody", configMap(ns, "theirs", "theirs"))
			sent := applies(t, cp, ns)
			hub.Apply(t, hub.App(t, "web", annotated(ns, "was", "2", c.key, c.says), annotated(ns, "theirs", "2", c.key, c.says), annotated(ns, "never", "2", c.key, c.says), configMap(ns, "plain", "2")))
			gone(t, cp, mapRef(ns, "old")) // pruning does not wait for what is left alone
			mustPatch(t, cp, mapRef(ns, "was"), `{"data":{"key":"edited"}}`)
			mustPatch(t, cp, mapRef(ns, "plain"), `{"data":{"key":"edited"}}`)
			if err := cp.Kube().Wait(t.Context(), mapRef(ns, "plain"), "healed", is("2", "data", "key")); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"was": "edited", "theirs": "theirs"} {
				if got := still(t, cp, mapRef(ns, name)).Text("data", "key"); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "never")); !testenv.IsNotFound(err) {
				t.Errorf("an ignored object was created: %v", err)
			}
			if got := applies(t, cp, ns) - sent; got != 2 {
				t.Errorf("%d applies, want 2: the change of plain and its heal", got)
			}
		})
	}
}

// Somebody who annotates an object in the cluster is left to work on it, and afterwards it is as in Git again.
func TestAnnotationInTheClusterPauses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, on, off string }{
		{"drover", `{"metadata":{"annotations":{"drover.dev/apply":"ignore"}}}`, `{"metadata":{"annotations":{"drover.dev/apply":null}}}`},
		{"flux", `{"metadata":{"annotations":{"kustomize.toolkit.fluxcd.io/reconcile":"disabled"}}}`, `{"metadata":{"annotations":{"kustomize.toolkit.fluxcd.io/reconcile":null}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, running := scene(t)
			hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1")))
			mustPatch(t, cp, mapRef(ns, "a"), c.on)
			hub.Report(t, "it being left alone", func(r protocol.Report) bool {
				return agenttest.AppOf(r, "web").Message == "1 object left alone, as annotations of theirs ask"
			})
			mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"edited"}}`)
			running.Stop(t)
			agenttest.Start(t, cp, ns, hub)
			hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "2"), configMap(ns, "b", "2")))
			if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "edited" {
				t.Errorf("a is %q, want it left as it was edited", got)
			}
			mustPatch(t, cp, mapRef(ns, "a"), c.off)
			if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "as in Git", is("2", "data", "key")); err != nil {
				t.Error(err)
			}
			// one that somebody made, and wants to be left alone with
			mustCreate(t, cp, "somebody", annotated(ns, "c", "theirs", "drover.dev/apply", "ignore"))
			hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "2"), configMap(ns, "c", "2")))
			if got := still(t, cp, mapRef(ns, "c")).Text("data", "key"); got != "theirs" {
				t.Errorf("c is %q, want it left alone", got)
			}
		})
	}
}
