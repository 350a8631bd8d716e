package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// after has an object of these tests be applied after others.
func after(object string, others ...string) string {
	return strings.Replace(object, `"metadata":{`, fmt.Sprintf(`"metadata":{"annotations":{"config.kubernetes.io/depends-on":%q},`, strings.Join(others, ",")), 1)
}

func mapPath(ns, name string) string { return "/namespaces/" + ns + "/ConfigMap/" + name }

func TestObjectsAreAppliedAfterWhatTheyDependOn(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	web := "apps/namespaces/" + ns + "/Deployment/web"
	hub.Publish(t, hub.Bundle(hub.App(t, "shop",
		after(configMap(ns, "c", "1"), mapPath(ns, "b")), after(configMap(ns, "b", "1"), mapPath(ns, "a"), web), configMap(ns, "a", "1"), configMap(ns, "free", "1"))))
	r := hub.Report(t, "what is not there", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	if got := agenttest.AppOf(r, "shop").Message; !strings.Contains(got, "ConfigMap/"+ns+"/b: it is to be applied after Deployment/"+ns+"/web, which no app of this cluster has") {
		t.Errorf("the app says %q", got)
	}
	still(t, cp, mapRef(ns, "free")) // which goes on
	shop := hub.App(t, "shop",
		after(configMap(ns, "c", "1"), mapPath(ns, "b")), after(configMap(ns, "b", "1"), mapPath(ns, "a"), web), configMap(ns, "a", "1"), configMap(ns, "free", "1"))
	hub.Apply(t, shop, hub.App(t, "web", deployment(ns, "web", 1)))
	at := func(ref testenv.Ref) string { return still(t, cp, ref).Text("metadata", "creationTimestamp") }
	if b, c := still(t, cp, mapRef(ns, "b")), still(t, cp, mapRef(ns, "c")); len(b.Text("metadata", "resourceVersion")) > len(c.Text("metadata", "resourceVersion")) ||
		b.Text("metadata", "resourceVersion") > c.Text("metadata", "resourceVersion") || at(mapRef(ns, "b")) < at(deploymentRef(ns, "web")) {
		t.Errorf("b was made at %s, c at %s, and what b depends on at %s", at(mapRef(ns, "b")), at(mapRef(ns, "c")), at(deploymentRef(ns, "web")))
	}
}

func TestCirclesStopOnlyThemselves(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Publish(t, hub.Bundle(hub.App(t, "one", after(configMap(ns, "a", "1"), mapPath(ns, "b")), configMap(ns, "free", "1")),
		hub.App(t, "two", after(configMap(ns, "b", "1"), mapPath(ns, "a"))),
		hub.App(t, "waves", after(configMap(ns, "early", "1"), mapPath(ns, "late")), inWave(1, configMap(ns, "late", "1")))))
	r := hub.Report(t, "the circle", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "one") == protocol.PhaseFailed && agenttest.PhaseOf(r, "two") == protocol.PhaseFailed && agenttest.PhaseOf(r, "waves") == protocol.PhaseFailed &&
			strings.Contains(agenttest.AppOf(r, "one").Message, "after itself") && agenttest.AppOf(r, "one").Current == 1
	})
	if got := agenttest.AppOf(r, "one").Message; !strings.Contains(got, fmt.Sprintf("ConfigMap/%[1]s/a → ConfigMap/%[1]s/b → ConfigMap/%[1]s/a", ns)) {
		t.Errorf("the app says %q", got)
	}
	if got := agenttest.AppOf(r, "waves").Message; !strings.Contains(got, "which is in a later wave") {
		t.Errorf("the app says %q", got)
	}
	still(t, cp, mapRef(ns, "free"))
	hub.Apply(t, hub.App(t, "one", after(configMap(ns, "a", "1"), mapPath(ns, "b"))), hub.App(t, "two", configMap(ns, "b", "1")))
}

// A definition that somebody else brings is noticed when it comes, by a watch that ends with the wait.
func TestObjectsComeWithADefinitionOfSomebodyElse(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	thing := fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"x"}}`, ns)
	b := hub.Bundle(hub.App(t, "things", thing, configMap(ns, "a", "1")))
	hub.Publish(t, b)
	hub.Report(t, "the wait for the definition", func(r protocol.Report) bool {
		app := agenttest.AppOf(r, "things")
		return app.Phase == protocol.PhaseFailed && app.Current == 1 && strings.Contains(app.Message, "this cluster does not serve thing")
	})
	if _, err := cp.Kube().Apply(t.Context(), "somebody", fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster")); err != nil {
		t.Fatal(err)
	}
	hub.Healthy(t, b)
}
