package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func namespaceOf(name string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
}

func definitionRef(ns, plural string) testenv.Ref {
	return testenv.Ref{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: plural + "." + ns + ".example.com"}
}

// notDeleting says that an object is there and is not being deleted.
func notDeleting(t *testing.T, cp *testenv.ControlPlane, refs ...testenv.Ref) {
	t.Helper()
	for _, ref := range refs {
		if live := still(t, cp, ref); live.Text("metadata", "deletionTimestamp") != "" {
			t.Errorf("%s is being deleted", ref)
		}
	}
}

func create(t *testing.T, cp *testenv.ControlPlane, text string) {
	t.Helper()
	if _, err := cp.Kube().Apply(t.Context(), "somebody", text); err != nil {
		t.Fatal(err)
	}
}

func TestNamespaceIsNotDeletedWhileItHoldsAnything(t *testing.T) {
	t.Parallel()
	cp, home, hub, _ := scene(t)
	ns := home + "-he"
	deleteAfter(t, cp, namespaceRef(ns))
	own := hub.App(t, "a", namespaceOf(ns), configMap(ns, "own", "1"), deployment(ns, "web", 1))
	applyWith(t, hub, permitting(hub, nil, nil, own, hub.App(t, "b", configMap(ns, "theirs", "1"))))
	create(t, cp, configMap(ns, "nobodys", "1"))
	left := hub.App(t, "a", configMap(home, "stays", "1"))
	theirs := hub.App(t, "b", configMap(ns, "theirs", "1"))
	b := permitting(hub, map[string]uint64{"a": 100}, nil, left, theirs) // whatever is permitted
	hub.Publish(t, b)
	h := heldOnce(t, hub, b.Generation, protocol.HoldContents)
	if h.Object == nil || h.Object.Name != ns || h.Count != 2 || h.App != "a" || h.Objects[0].Name != "nobodys" ||
		!strings.Contains(h.Message, "ConfigMap/"+ns+"/theirs (app b)") {
		t.Errorf("held is %+v", h)
	}
	gone(t, cp, mapRef(ns, "own"))
	still(t, cp, mapRef(home, "stays"))
	notDeleting(t, cp, namespaceRef(ns), mapRef(ns, "theirs"), mapRef(ns, "nobodys"))
	hub.Report(t, "the hold in the app's message", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "a")
		return a.Phase == protocol.PhaseHealthy && strings.Contains(a.Message, "drover approve "+h.ID)
	})
	// An approval is for the content that it was given for.
	create(t, cp, configMap(ns, "more", "1"))
	b = permitting(hub, map[string]uint64{"a": 100}, []string{h.ID}, left, theirs)
	hub.Publish(t, b)
	hub.Report(t, "three objects", func(r protocol.Report) bool {
		return r.Generation == b.Generation && len(r.Held) == 1 && r.Held[0].Count == 3 && r.Held[0].ID != h.ID
	})
	notDeleting(t, cp, namespaceRef(ns))
	// Without the others there is nothing left to ask for.
	mustDelete(t, cp, mapRef(ns, "more"))
	mustDelete(t, cp, mapRef(ns, "nobodys"))
	b = permitting(hub, map[string]uint64{"a": 100, "b": 1}, nil, left)
	hub.Publish(t, b)
	gone(t, cp, namespaceRef(ns))
	hub.Report(t, "no hold", func(r protocol.Report) bool {
		return r.Generation == b.Generation && len(r.Held) == 0 && len(r.Apps) == 1
	})
}

func TestApprovedNamespaceGoesWithWhatItHolds(t *testing.T) {
	t.Parallel()
	cp, home, hub, _ := scene(t)
	ns := home + "-he"
	deleteAfter(t, cp, namespaceRef(ns))
	applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "a", namespaceOf(ns))))
	create(t, cp, configMap(ns, "nobodys", "1"))
	b := permitting(hub, map[string]uint64{"a": 9}, nil)
	hub.Publish(t, b)
	h := heldOnce(t, hub, b.Generation, protocol.HoldContents)
	notDeleting(t, cp, namespaceRef(ns), mapRef(ns, "nobodys"))
	hub.Publish(t, permitting(hub, map[string]uint64{"a": 9}, []string{h.ID}))
	gone(t, cp, namespaceRef(ns))
	hub.Report(t, "no app", func(r protocol.Report) bool { return len(r.Apps) == 0 && len(r.Held) == 0 })
}

func TestDefinitionIsNotDeletedWhileItHasObjects(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	widget := func(name string) string {
		return fmt.Sprintf(`{"apiVersion":"%[1]s.example.com/v1","kind":"widget","metadata":{"name":%[2]q,"namespace":%[1]q}}`, ns, name)
	}
	ref := func(name string) testenv.Ref {
		return testenv.Ref{APIVersion: ns + ".example.com/v1", Kind: "widget", Namespace: ns, Name: name}
	}
	definition := fmt.Sprintf(definitionOf, ns, "widgets", "widget", "Namespaced")
	deleteAfter(t, cp, definitionRef(ns, "widgets"))
	applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "a", definition, widget("own")), hub.App(t, "b", widget("theirs"))))
	create(t, cp, widget("nobodys"))
	theirs := hub.App(t, "b", widget("theirs"))
	b := permitting(hub, map[string]uint64{"a": 2}, nil, theirs) // a leaves, and with it "own"
	hub.Publish(t, b)
	h := heldOnce(t, hub, b.Generation, protocol.HoldContents)
	if h.Count != 2 || h.Object.Kind != "CustomResourceDefinition" || !strings.Contains(h.Message, "theirs (app b)") {
		t.Errorf("held is %+v", h)
	}
	gone(t, cp, ref("own"))
	notDeleting(t, cp, definitionRef(ns, "widgets"), ref("theirs"), ref("nobodys"))
	hub.Publish(t, permitting(hub, map[string]uint64{"a": 2}, []string{h.ID}, theirs))
	gone(t, cp, definitionRef(ns, "widgets"))
}

// A field of a definition that cannot be changed is no reason to lose its objects, whatever an annotation says.
func TestContainersAreNeverDeletedToBeCreatedAgain(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	definition := func(scope string) string {
		text := fmt.Sprintf(definitionOf, ns, "widgets", "widget", scope)
		return strings.Replace(text, ".example.com}", `.example.com, annotations: {drover.dev/recreate: "true"}}`, 1)
	}
	deleteAfter(t, cp, definitionRef(ns, "widgets"))
	hub.Apply(t, hub.App(t, "a", definition("Namespaced")))
	create(t, cp, fmt.Sprintf(`{"apiVersion":"%[1]s.example.com/v1","kind":"widget","metadata":{"name":"w","namespace":%[1]q}}`, ns))
	hub.Publish(t, hub.Bundle(hub.App(t, "a", definition("Cluster"))))
	hub.Report(t, "the refusal", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "a").Message, "is never deleted to be created again")
	})
	notDeleting(t, cp, definitionRef(ns, "widgets"), testenv.Ref{APIVersion: ns + ".example.com/v1", Kind: "widget", Namespace: ns, Name: "w"})
}

// An owner takes with it what belongs to it, as a container does.
func TestOwnerIsNotDeletedWhileAnAppWantsWhatItOwns(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	stay := configMap(ns, "stay", "1")
	hub.Apply(t, hub.App(t, "web", configMap(ns, "owner", "1")))
	uid := still(t, cp, mapRef(ns, "owner")).Text("metadata", "uid")
	owned := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"owned","namespace":%q,
		"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":%q}]}}`, ns, uid)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "owner", "1"), stay), hub.App(t, "other", owned))
	b := hub.Bundle(hub.App(t, "web", stay), hub.App(t, "other", owned))
	hub.Publish(t, b)
	h := heldOnce(t, hub, b.Generation, protocol.HoldContents)
	if h.Object.Name != "owner" || h.Count != 1 || h.Objects[0].Name != "owned" {
		t.Errorf("held is %+v", h)
	}
	notDeleting(t, cp, mapRef(ns, "owner"), mapRef(ns, "owned"))
	hub.Apply(t, hub.App(t, "web", stay))
	gone(t, cp, mapRef(ns, "owner"))
}

// awayService is an API that nothing serves.
const awayService = `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.away.example.com}
spec:
  group: away.example.com
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: nobody, namespace: default}
`

// What cannot be listed may be there.
func TestContainerIsNotDeletedWhileItIsNotKnownWhatItHolds(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t, testenv.WithControllers())
	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, "default", hub)
	hub.Apply(t, hub.App(t, "a", namespaceOf("he")))
	create(t, cp, awayService)
	eventually(t, "a group that does not answer", func() bool {
		_, found, _, err := agenttest.Client(t, cp).Inside(t.Context(), protocol.ObjectRef{Kind: "Namespace", Name: "he"})
		return err != nil && len(found) == 0
	})
	b := hub.Bundle()
	hub.Publish(t, b)
	hub.Report(t, "the group that does not answer", func(r protocol.Report) bool {
		return r.Generation == b.Generation && strings.Contains(agenttest.AppOf(r, "a").Message, "away.example.com/v1")
	})
	notDeleting(t, cp, namespaceRef("he"))
	mustDelete(t, cp, testenv.Ref{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService", Name: "v1.away.example.com"})
	gone(t, cp, namespaceRef("he"))
}

// What leaves Git in the same commit is no reason to hold its container, unless it is held itself.
func TestContainerGoesWithWhatOtherAppsDelete(t *testing.T) {
	t.Parallel()
	cp, home, hub, _ := scene(t)
	ns := home + "-he"
	deleteAfter(t, cp, namespaceRef(ns))
	applyWith(t, hub, permitting(hub, nil, nil, hub.App(t, "a", namespaceOf(ns)), hub.App(t, "b", maps(ns, 0, 3)...)))
	b := permitting(hub, map[string]uint64{"a": 1, "b": 2}, nil)
	hub.Publish(t, b)
	r := hub.Report(t, "two holds", func(r protocol.Report) bool { return r.Generation == b.Generation && len(r.Held) == 2 })
	if r.Held[0].Kind != protocol.HoldContents || r.Held[0].Count != 3 || r.Held[1].Kind != protocol.HoldDeletions || r.Held[1].App != "b" {
		t.Errorf("held are %+v", r.Held)
	}
	allThere(t, cp, ns, 0, 3)
	notDeleting(t, cp, namespaceRef(ns))
	hub.Publish(t, permitting(hub, map[string]uint64{"a": 1, "b": 3}, nil))
	gone(t, cp, namespaceRef(ns))
	hub.Report(t, "no app", func(r protocol.Report) bool { return len(r.Apps) == 0 && len(r.Held) == 0 })
	if held := hub.Events(protocol.EventHeld); len(held) != 2 {
		t.Errorf("the holds were told as %v", held)
	}
}

// What a hook leaves behind is no reason to keep its app's Namespace.
func TestNamespaceGoesWithWhatItsHooksLeft(t *testing.T) {
	t.Parallel()
	cp, home, hub, _ := scene(t)
	ns := home + "-he"
	deleteAfter(t, cp, namespaceRef(ns))
	hub.Apply(t, hub.App(t, "a", namespaceOf(ns), hookJob(ns, "warm", "PostSync", works), deployment(ns, "web", 1)))
	hub.Event(t, "the hook", func(e protocol.Event) bool { return e.Kind == protocol.EventHook && e.Object.Name == "warm" })
	hub.Apply(t)
	gone(t, cp, namespaceRef(ns))
	if held := hub.Events(protocol.EventHeld); len(held) > 0 {
		t.Errorf("held is %v", held)
	}
}
