package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestAppliesWhatTheBundleSays(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "settings", "1"), deployment(ns, "web", 2)))
	if app := agenttest.AppOf(r, "web"); app.Objects != 2 || app.Current != 2 {
		t.Errorf("report has %d of %d objects current, want 2 of 2", app.Current, app.Objects)
	}
	live, err := cp.Kube().Get(t.Context(), mapRef(ns, "settings"))
	if err != nil || live.Text("data", "key") != "1" || live.Text("metadata", "labels", "drover.dev/app") != "web" {
		t.Errorf("the ConfigMap is %s (%v)", live, err)
	}
}

func TestSendsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	objects := make([]string, 500)
	for i := range objects {
		objects[i] = configMap(ns, fmt.Sprintf("map-%d", i), "1")
	}
	hub.Apply(t, hub.App(t, "many", objects...))
	before := applies(t, cp, ns)
	objects[117] = configMap(ns, "map-117", "2")
	hub.Apply(t, hub.App(t, "many", objects...))
	if got := applies(t, cp, ns) - before; got != 1 {
		t.Errorf("%d objects were sent for a change of one among 500, want 1", got)
	}
	live, err := cp.Kube().Get(t.Context(), mapRef(ns, "map-117"))
	if err != nil || live.Text("data", "key") != "2" {
		t.Errorf("the changed object is %s (%v)", live, err)
	}
}

// What is new is sent and not asked for; what was there before is looked at once, and taken over.
func TestFreshObjectsCostOneRequestEach(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "first", "1"), deployment(ns, "first", 1))) // watches and discovery
	objects := []string{configMap(ns, "first", "1"), deployment(ns, "first", 1)}
	for i := range 40 {
		objects = append(objects, configMap(ns, fmt.Sprintf("map-%d", i), "1"))
	}
	objects = append(objects, deployment(ns, "one", 1), deployment(ns, "two", 1))
	before := requests(t, cp, ns)
	hub.Apply(t, hub.App(t, "web", objects...))
	since := requests(t, cp, ns).Since(before)
	if maps, rest := since.Total(testenv.Resource("configmaps")), since.Total(testenv.Resource("deployments"), testenv.Verb("APPLY", "PATCH")); maps != 40 || rest != 2 {
		t.Errorf("%d and %d requests for 40 and 2 new objects:\n%s", maps, rest, since)
	}
}

func TestOneBadObjectStopsOnlyItself(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	bad := fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"bad","namespace":%q},"spec":{"ports":[{"port":99999}]}}`, ns)
	lost := fmt.Sprintf(`{"apiVersion":"nowhere.example.com/v1","kind":"Widget","metadata":{"name":"lost","namespace":%q}}`, ns)
	nowhere := configMap("not-there-"+ns, "x", "1")
	hub.Publish(t, hub.Bundle(hub.App(t, "a", configMap(ns, "good", "1"), bad, lost, nowhere), hub.App(t, "b", configMap(ns, "other", "1"))))
	r := hub.Report(t, "a failed and b healthy", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "a") == protocol.PhaseFailed && agenttest.PhaseOf(r, "b") == protocol.PhaseHealthy && agenttest.AppOf(r, "a").Current == 1
	})
	a := agenttest.AppOf(r, "a")
	if len(a.Problems) != 3 {
		t.Errorf("%d problems, want 3: %+v", len(a.Problems), a.Problems)
	}
	want := map[string]string{"Service": "correct it in Git", "Widget": "CustomResourceDefinition", "ConfigMap": "add the Namespace to Git"}
	for _, p := range a.Problems {
		if !strings.Contains(p.Message, want[p.Object.Kind]) {
			t.Errorf("%s: %q does not say %q", p.Object, p.Message, want[p.Object.Kind])
		}
	}
	// and what was wrong is made good as soon as it is right
	hub.Apply(t, hub.App(t, "a", configMap(ns, "good", "1")), hub.App(t, "b", configMap(ns, "other", "1")))
}

const definitionOf = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.%[1]s.example.com}
spec:
  group: %[1]s.example.com
  scope: %[4]s
  names: {plural: %[2]s, singular: %[3]s, kind: %[3]s, listKind: %[3]sList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func TestDefinitionsComeFirst(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	widget := fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"widget","metadata":{"name":"w"},"spec":{"big":12345678901234567890,"list":[{"a":1}]}}`, ns)
	gadget := fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"gadget","metadata":{"name":"g"},"spec":{"size":1}}`, ns)
	app := hub.App(t, "crds", gadget, widget, fmt.Sprintf(definitionOf, ns, "widgets", "widget", "Namespaced"), fmt.Sprintf(definitionOf, ns, "gadgets", "gadget", "Cluster"))
	app.Namespace = ns
	start := time.Now()
	r := hub.Apply(t, app)
	t.Logf("two definitions and an object of each were healthy after %s", time.Since(start).Round(time.Millisecond))
	if failed := hub.Events(protocol.EventFailed); len(failed) > 0 {
		t.Errorf("something failed on the way: %v", failed)
	}
	if got := agenttest.AppOf(r, "crds"); got.Current != 4 {
		t.Errorf("%d objects are current, want 4", got.Current)
	}
	for _, ref := range []testenv.Ref{
		{APIVersion: ns + ".example.com/v1", Kind: "widget", Namespace: ns, Name: "w"},
		{APIVersion: ns + ".example.com/v1", Kind: "gadget", Name: "g"},
	} {
		if err := patch(`{"spec":{"size":7,"list":[]}}`)(t.Context(), cp.Kube(), ref); err != nil {
			t.Fatal(err)
		}
		if err := cp.Kube().Wait(t.Context(), ref, "healed", func(o testenv.Object) bool {
			return o.Number("spec", "size") == 1 || len(o.Items("spec", "list")) == 1
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// An object whose definition is nobody's, or another app's, waits for it and comes as soon as it is there.
func TestObjectsWaitForTheirDefinition(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	thing := fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"x"}}`, ns)
	hub.Publish(t, hub.Bundle(hub.App(t, "things", thing)))
	hub.Report(t, "things failed", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "things") == protocol.PhaseFailed })
	r := hub.Apply(t, hub.App(t, "things", thing), hub.App(t, "definitions", fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster")))
	if got := agenttest.AppOf(r, "things"); got.Current != 1 {
		t.Errorf("things is %+v", got)
	}
	hub.Apply(t, hub.App(t, "definitions", fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster")))
	ref := testenv.Ref{APIVersion: ns + ".example.com/v1", Kind: "thing", Name: "x"}
	if err := cp.Kube().Wait(t.Context(), ref, "pruned", testenv.Gone); err != nil {
		t.Error(err)
	}
}

func TestAppsWaitForThoseTheyDependOn(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	claim := fmt.Sprintf(`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"never","namespace":%q},
		"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"none","resources":{"requests":{"storage":"1Gi"}}}}`, ns)
	first, second, broken := hub.App(t, "first", claim), hub.App(t, "second", configMap(ns, "second", "1")), hub.App(t, "broken", configMap(ns, "broken", "1"))
	second.DependsOn, broken.DependsOn, first.Timeout = []string{"first"}, []string{"absent"}, 1
	hub.Publish(t, hub.Bundle(first, second, broken))
	r := hub.Report(t, "first degraded and second pending", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "first") == protocol.PhaseDegraded && agenttest.PhaseOf(r, "second") == protocol.PhasePending && agenttest.PhaseOf(r, "broken") == protocol.PhaseFailed
	})
	if got := agenttest.AppOf(r, "first").Message; !strings.Contains(got, "not healthy after 1s: PersistentVolumeClaim/"+ns+"/never") {
		t.Errorf("first says %q", got)
	}
	if got := agenttest.AppOf(r, "second").Message; !strings.Contains(got, "waits for app first") {
		t.Errorf("second says %q", got)
	}
	first = hub.App(t, "first", configMap(ns, "first", "1"))
	hub.Apply(t, first, second)
}

// What cannot be told apart or named stops only itself, and nothing is pruned meanwhile: it may be what seems to be gone.
func TestFlawsStopOnlyThemselves(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "old", "1")))
	nameless := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"x-","namespace":%q}}`, ns)
	sly := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"../../kube-system/x"}}`
	hub.Publish(t, hub.Bundle(hub.App(t, "web", configMap(ns, "a", "2"), nameless, sly, configMap(ns, "a", "3"), configMap(ns, "b", "2"))))
	r := hub.Report(t, "web failed", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "web") == protocol.PhaseFailed && agenttest.AppOf(r, "web").Current == 2
	})
	if got := agenttest.AppOf(r, "web").Message; !strings.Contains(got, "object 2 of the app lacks apiVersion, kind or name") || !strings.Contains(got, "2 more") {
		t.Errorf("web says %q", got)
	}
	still(t, cp, mapRef(ns, "b"))
	still(t, cp, mapRef(ns, "old"))
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "4")))
	gone(t, cp, mapRef(ns, "old"))
}
