package agent_test

import (
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func namespaceRef(name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: name}
}

// housed is an app of objects in a namespace of its own that the agent creates.
func housed(t *testing.T, hub *agenttest.Hub, name, ns string, request protocol.NamespaceRequest, objects ...string) protocol.App {
	t.Helper()
	app := hub.App(t, name, objects...)
	app.Namespace, app.CreateNamespace = ns, &request
	return app
}

const loose = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"loose"},"data":{"key":"1"}}`

func TestNamespaceIsCreatedOnRequest(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	ns := home + "-shop"
	deleteAfter(t, cp, namespaceRef(ns))
	running := agenttest.Start(t, cp, home, hub)
	request := protocol.NamespaceRequest{Labels: map[string]string{"team": "shop", "tier": "one"}, Annotations: map[string]string{"note": "git"}}
	hub.Apply(t, housed(t, hub, "a", ns, request, loose))
	if failed := hub.Events(protocol.EventFailed); len(failed) > 0 {
		t.Errorf("something failed on the way: %v", failed)
	}
	o := still(t, cp, namespaceRef(ns))
	if o.Text("metadata", "labels", "team") != "shop" || o.Text("metadata", "annotations", "note") != "git" || o.Text("metadata", "labels", "drover.dev/app") != "" {
		t.Errorf("the namespace is %s", o)
	}
	mustPatch(t, cp, namespaceRef(ns), `{"metadata":{"labels":{"person":"1"}}}`)
	// another app asks for the same one; a label leaves Git; and all that without another write of the objects
	second := housed(t, hub, "b", ns, protocol.NamespaceRequest{Labels: map[string]string{"from": "b"}}, configMap(ns, "b", "1"))
	request.Labels = map[string]string{"team": "stall"}
	hub.Apply(t, housed(t, hub, "a", ns, request, loose), second)
	if err := cp.Kube().Wait(t.Context(), namespaceRef(ns), "labels of both", func(o testenv.Object) bool {
		label := func(k string) string { return o.Text("metadata", "labels", k) }
		return label("team") == "stall" && label("tier") == "" && label("from") == "b" && label("person") == "1"
	}); err != nil {
		t.Error(err)
	}
	// at rest nothing is written, and a restart changes nothing
	version := still(t, cp, namespaceRef(ns)).Text("metadata", "resourceVersion")
	running.Stop(t)
	agenttest.Start(t, cp, home, hub)
	hub.Apply(t, housed(t, hub, "a", ns, request, loose, configMap(ns, "c", "1")), second)
	if got := still(t, cp, namespaceRef(ns)).Text("metadata", "resourceVersion"); got != version {
		t.Errorf("the namespace was written again: version %s after %s", got, version)
	}
	// it goes: it is recreated with what was in it
	mustDelete(t, cp, namespaceRef(ns))
	ref := mapRef(ns, "loose")
	if err := cp.Kube().Wait(t.Context(), ref, "gone", testenv.Gone); err != nil {
		t.Fatal(err)
	}
	if err := cp.Kube().Wait(t.Context(), ref, "there again", testenv.Exists); err != nil {
		t.Fatal(err)
	}
	// the apps leave: the namespace stays
	hub.Apply(t)
	gone(t, cp, ref)
	if o := still(t, cp, namespaceRef(ns)); o.Text("metadata", "deletionTimestamp") != "" {
		t.Error("the namespace is being deleted")
	}
}

func TestNamespaceInGitGoesBeforeTheRequest(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	ns := home + "-shop"
	deleteAfter(t, cp, namespaceRef(ns))
	agenttest.Start(t, cp, home, hub)
	hub.Apply(t, housed(t, hub, "a", ns, protocol.NamespaceRequest{Labels: map[string]string{"from": "request"}}, loose,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+ns+`","labels":{"from":"git"}}}`))
	o := still(t, cp, namespaceRef(ns))
	if o.Text("metadata", "labels", "from") != "git" || managers(o) != "drover" {
		t.Errorf("the namespace is %s", o)
	}
}
