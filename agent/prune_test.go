package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// gone waits until an object is gone, there until it is there. still says that it is there at this moment.
func gone(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref) {
	t.Helper()
	if err := cp.Kube().Wait(t.Context(), ref, "gone", testenv.Gone); err != nil {
		t.Fatal(err)
	}
}

func still(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref) testenv.Object {
	t.Helper()
	live, err := cp.Kube().Get(t.Context(), ref)
	if err != nil {
		t.Fatalf("%s should still be there: %v", ref, err)
	}
	return live
}

func kept(ref testenv.Ref) func(protocol.Event) bool {
	return func(e protocol.Event) bool {
		return e.Kind == protocol.EventKept && e.Object != nil && e.Object.Name == ref.Name
	}
}

func TestPrunesWhatLeft(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	stay, leave := configMap(ns, "stay", "1"), configMap(ns, "leave", "1")
	hub.Apply(t, hub.App(t, "web", stay, leave), hub.App(t, "whole", configMap(ns, "whole", "1")))
	hub.Apply(t, hub.App(t, "web", stay), hub.App(t, "whole", configMap(ns, "whole", "1")))
	gone(t, cp, mapRef(ns, "leave"))
	still(t, cp, mapRef(ns, "stay"))
	hub.Apply(t, hub.App(t, "web", stay))
	gone(t, cp, mapRef(ns, "whole"))
	hub.Report(t, "one app", func(r protocol.Report) bool { return len(r.Apps) == 1 })
	gone(t, cp, testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-app-whole"})
	empty := hub.App(t, "web")
	hub.Apply(t, empty)
	gone(t, cp, mapRef(ns, "stay"))
}

func TestPruneGuards(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	annotated := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"annotated","namespace":%q,"annotations":{"drover.dev/prune":"disabled"}}}`, ns)
	own := fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, ns)
	flux := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"flux","namespace":%q,"labels":{"kustomize.toolkit.fluxcd.io/prune":"Disabled"}}}`, ns)
	all := []string{annotated, flux, configMap(ns, "annotated-live", "1"), configMap(ns, "stolen", "1"), own, configMap(ns, "base", "1"), configMap(ns, "plain", "1")}
	hub.Apply(t, hub.App(t, "web", all...))
	if err := patch(`{"metadata":{"annotations":{"helm.sh/resource-policy":"Keep"}}}`)(t.Context(), cp.Kube(), mapRef(ns, "annotated-live")); err != nil {
		t.Fatal(err)
	}
	suspended := hub.App(t, "web", all...)
	suspended.Suspend = true
	hub.Publish(t, hub.Bundle(suspended))
	hub.Report(t, "web suspended", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseSuspended })
	if err := patch(`{"metadata":{"labels":{"drover.dev/app":"theirs"}}}`)(t.Context(), cp.Kube(), mapRef(ns, "stolen")); err != nil {
		t.Fatal(err)
	}
	hub.Apply(t, hub.App(t, "web", configMap(ns, "base", "1")))
	gone(t, cp, mapRef(ns, "plain"))
	for ref, why := range map[testenv.Ref]string{
		mapRef(ns, "annotated"):      "it has the annotation drover.dev/prune: disabled",
		mapRef(ns, "flux"):           "it has the label kustomize.toolkit.fluxcd.io/prune: Disabled",
		mapRef(ns, "annotated-live"): "it has the annotation helm.sh/resource-policy: Keep",
		mapRef(ns, "stolen"):         "its label", {APIVersion: "v1", Kind: "Namespace", Name: ns}: "the agent itself",
	} {
		hub.Event(t, ref.String()+" kept, because "+why, func(e protocol.Event) bool { return kept(ref)(e) && strings.Contains(e.Message, why) })
		if live := still(t, cp, ref); live.Text("metadata", "deletionTimestamp") != "" {
			t.Errorf("%s is being deleted", ref)
		}
	}
}

// An app may hold what installs the agent, as when a manifest was committed by mistake.
func TestTheAgentsPartsStayWhenTheyLeaveAnApp(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	object := func(apiVersion, kind, name, more string) string {
		return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q}%s}`, apiVersion, kind, name, ns, more)
	}
	const rbac = "rbac.authorization.k8s.io/v1"
	parts := []string{
		object("v1", "Secret", "drover-join", ""), object("v1", "Secret", "drover-sops", ""),
		object("v1", "ServiceAccount", "drover-agent", ""), object("v1", "ServiceAccount", "drover-leader", ""),
		object(rbac, "Role", "drover-agent", ""), object(rbac, "RoleBinding", "drover-agent",
			`,"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"drover-agent"}`),
		object("apps/v1", "DaemonSet", "drover-agent", `,"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":`+
			`{"labels":{"a":"b"}},"spec":{"nodeSelector":{"no":"node"},"containers":[{"name":"agent","image":"example.com/agent:1"}]}}}`),
	}
	stay := configMap(ns, "stay", "1")
	hub.Apply(t, hub.App(t, "web", append(parts, stay, configMap(ns, "leave", "1"))...))
	hub.Apply(t, hub.App(t, "web", stay))
	gone(t, cp, mapRef(ns, "leave"))
	for _, part := range parts {
		list, err := testenv.Objects(part)
		if err != nil {
			t.Fatal(err)
		}
		still(t, cp, list[0].Ref())
		hub.Event(t, "the part is kept", kept(list[0].Ref()))
	}
}

func TestNoPruneUnlessAskedFor(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	app := hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1"))
	app.Prune = false
	hub.Apply(t, app)
	app = hub.App(t, "web", configMap(ns, "a", "1"))
	app.Prune = false
	hub.Apply(t, app)
	hub.Event(t, "b kept", kept(mapRef(ns, "b")))
	still(t, cp, mapRef(ns, "b"))
}

func TestAnOrphaningAppPrunesAndLeavesItsObjectsWhenItGoes(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	app := hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1"))
	app.Orphan = true
	hub.Apply(t, app)
	app = hub.App(t, "web", configMap(ns, "a", "1"))
	app.Orphan = true
	hub.Apply(t, app)
	gone(t, cp, mapRef(ns, "b"))
	hub.Apply(t)
	hub.Event(t, "a kept", kept(mapRef(ns, "a")))
	still(t, cp, mapRef(ns, "a"))
}

// TestWhatAnOrphaningAppDeclaresStaysWithIt: its declaration is one of the objects that stay. What it no longer declares goes.
func TestWhatAnOrphaningAppDeclaresStaysWithIt(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	parent, child, grandchild, other := hub.App(t, "parent", configMap(ns, "parent", "1")), hub.App(t, "child", configMap(ns, "child", "1")),
		hub.App(t, "grandchild", configMap(ns, "grandchild", "1")), hub.App(t, "other", configMap(ns, "other", "1"))
	parent.Orphan, child.Parent, grandchild.Parent, other.Parent = true, "parent", "child", "parent"
	hub.Apply(t, parent, child, grandchild, other)
	hub.Apply(t, parent, child, grandchild)
	gone(t, cp, mapRef(ns, "other"))
	hub.Apply(t)
	for _, name := range []string{"parent", "child", "grandchild"} {
		hub.Event(t, name+" kept", kept(mapRef(ns, name)))
		still(t, cp, mapRef(ns, name))
	}
}

func TestAbsenceNeverDeletes(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	web, db := hub.App(t, "web", configMap(ns, "web", "1")), hub.App(t, "db", configMap(ns, "db", "1"))
	hub.Apply(t, web, db)

	incomplete := hub.Bundle(web)
	incomplete.Incomplete = "clusters/east-1/db cannot be read"
	hub.Publish(t, incomplete)
	r := hub.Report(t, "the incomplete bundle", func(r protocol.Report) bool { return r.Generation == incomplete.Generation })
	if len(r.Apps) != 2 {
		t.Errorf("the report has %d apps after an incomplete bundle, want 2", len(r.Apps))
	}
	broken := protocol.App{Name: "web", Prune: true, Error: "kustomize: no such file"}
	b := hub.Bundle(broken, db)
	hub.Publish(t, b)
	r = hub.Report(t, "web failed", func(r protocol.Report) bool {
		return r.Generation == b.Generation && agenttest.PhaseOf(r, "web") == protocol.PhaseFailed && agenttest.PhaseOf(r, "db") == protocol.PhaseHealthy
	})
	if got := agenttest.AppOf(r, "web"); got.Message != broken.Error || got.Objects != 1 {
		t.Errorf("web is %+v", got)
	}
	hub.DeleteBundle(t)
	hub.PublishRaw(t, nil)
	missing, _ := hub.Seal(t, agenttest.Lines(t, configMap(ns, "new", "1")), 1) // and never stored
	b = hub.Bundle(protocol.App{Name: "web", Prune: true, Blob: &missing}, db)
	hub.Publish(t, b)
	r = hub.Report(t, "the missing blob", func(r protocol.Report) bool {
		return r.Generation == b.Generation && agenttest.PhaseOf(r, "web") == protocol.PhaseFailed
	})
	if got := agenttest.AppOf(r, "web").Message; !strings.Contains(got, "does not have blob") {
		t.Errorf("web says %q", got)
	}
	for _, name := range []string{"web", "db"} {
		if live := still(t, cp, mapRef(ns, name)); live.Text("metadata", "deletionTimestamp") != "" {
			t.Errorf("%s is being deleted", name)
		}
	}
	// and what is still owned is still healed
	if err := cp.Kube().Delete(t.Context(), mapRef(ns, "web")); err != nil {
		t.Fatal(err)
	}
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "web"), "back", testenv.Exists); err != nil {
		t.Error(err)
	}
}

func TestFinalizersDoNotBlockTheApp(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	held := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","namespace":%q,"finalizers":["example.com/hold"]}}`, ns)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1"), held))
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "2")))
	if got := agenttest.AppOf(r, "web").Message; !strings.Contains(got, "1 object still to be deleted: ConfigMap/"+ns+"/held") {
		t.Errorf("web says %q", got)
	}
	if err := patch(`{"metadata":{"finalizers":null}}`)(t.Context(), cp.Kube(), mapRef(ns, "held")); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "nothing left to delete", func(r protocol.Report) bool { return agenttest.AppOf(r, "web").Message == "" })
	hub.Event(t, "the pruned object", func(e protocol.Event) bool { return e.Kind == protocol.EventPruned && e.Object.Name == "held" })
}
