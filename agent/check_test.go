package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func mustApply(t *testing.T, cp *testenv.ControlPlane, manifest string) {
	t.Helper()
	if _, err := cp.Kube().Apply(t.Context(), "somebody", manifest); err != nil {
		t.Fatal(err)
	}
}

// An app may depend on objects that others make: it waits for them by name, is healthy when they are, and not
// when they stop
// being so.
func TestChecksObjectsOfOthers(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	other := testenv.NamespaceT(t, cp)
	app := hub.App(t, "web", deployed(ns, "web", `{"name":"main","image":"example.com/app:1"}`))
	app.Namespace = ns
	thing := protocol.ObjectRef{Group: ns + ".example.com", Kind: "thing", Name: "made-by-an-operator"}
	app.Handling.Checks = []protocol.ObjectRef{
		{Group: "apps", Kind: "Deployment", Name: "web"}, // its own: judged once, as ever
		{Kind: "ConfigMap", Namespace: other, Name: "ca"},
		{Group: "apps", Kind: "Deployment", Namespace: other, Name: "db"},
		thing,
	}
	b := hub.Bundle(app)
	hub.Publish(t, b)
	r := hub.Report(t, "what it waits for", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseWaiting && len(a.Problems) == 3 && a.Current == 1 && a.Objects == 1 && strings.Contains(a.Problems[0].Message, "it is not there, and waited for")
	})
	for _, p := range agenttest.AppOf(r, "web").Problems {
		if p.Object == thing && !strings.Contains(p.Message, "this cluster does not serve thing") {
			t.Errorf("%s: %s", p.Object, p.Message)
		}
	}
	mustApply(t, cp, configMap(other, "ca", "1"))
	mustApply(t, cp, deployed(other, "db", `{"name":"main","image":"registry.invalid/db:1"}`))
	hub.Report(t, "an unhealthy object of somebody else", tells("web", protocol.PhaseWaiting, "Deployment/"+other+"/db: 0 of 1 pods are "))
	mustApply(t, cp, deployed(other, "db", `{"name":"main","image":"example.com/db:1"}`))
	hub.Report(t, "the kind that is not served", tells("web", protocol.PhaseWaiting, "made-by-an-operator: it is waited for: this cluster does not serve thing"))
	mustApply(t, cp, fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster"))
	hub.Report(t, "the object of that kind", tells("web", protocol.PhaseWaiting, "made-by-an-operator: it is not there"))
	mustApply(t, cp, fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"made-by-an-operator"}}`, ns))
	hub.Healthy(t, b)
	mustDelete(t, cp, mapRef(other, "ca"))
	hub.Report(t, "an object that went", tells("web", protocol.PhaseWaiting, "ConfigMap/"+other+"/ca: it is not there"))
	app.Handling.Checks = app.Handling.Checks[2:]
	hub.Apply(t, app)
}

func TestChecksAreInTheScope(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	in := testenv.NamespaceT(t, cp)
	permit(t, cp, home, home, homeRole)
	permit(t, cp, in, home, scopeRole)
	client, gate := scopedClient(t, cp, home)
	agenttest.StartScoped(t, client, home, hub, in)
	mustApply(t, cp, configMap(in, "there", "1"))
	app := hub.App(t, "web", configMap(in, "a", "1"))
	app.Handling.Checks = []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: in, Name: "there"}, {Kind: "ConfigMap", Namespace: "kube-system", Name: "x"}, {Kind: "Namespace", Name: in}}
	hub.Publish(t, hub.Bundle(app))
	r := hub.Report(t, "what is outside", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "web") == protocol.PhaseDegraded && len(agenttest.AppOf(r, "web").Problems) == 2
	})
	if m := agenttest.AppOf(r, "web").Message; !strings.Contains(m, "installed with --scope") {
		t.Errorf("it says %q", m)
	}
	if refused, wide := gate.asked(); len(refused)+len(wide) > 0 {
		t.Errorf("it asked for what it has no right to: %q, and of the whole cluster: %q", refused, wide)
	}
}
