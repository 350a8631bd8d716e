package agent_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// shapeless defines a kind whose objects may have any fields.
func shapeless(t *testing.T, cp *testenv.ControlPlane, group, version, kind, plural string) {
	t.Helper()
	made(t, cp, fmt.Sprintf(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"%[4]s.%[1]s"},
"spec":{"group":%[1]q,"scope":"Namespaced","names":{"kind":%[3]q,"plural":%[4]q,"singular":%[5]q,"listKind":"%[3]sList"},
"versions":[{"name":%[2]q,"served":true,"storage":true,"subresources":{"status":{}},"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`,
		group, version, kind, plural, strings.ToLower(kind)))
	ref := testenv.Ref{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: plural + "." + group}
	if err := cp.Kube().Wait(t.Context(), ref, "established", func(o testenv.Object) bool { return o != nil && o.Condition("Established") }); err != nil {
		t.Fatal(err)
	}
}

func steeredService(ns, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "Service", Namespace: ns, Name: name}
}

func steerService(ns, name string, port int) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %s, namespace: %s}, spec: {selector: {app: shop}, ports: [{port: %d, targetPort: 8080}]}}", name, ns, port)
}

// rollout names the Services active and later.
func rollout(ns string) string {
	return fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: %s}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  strategy: {blueGreen: {activeService: active, previewService: later, autoPromotionEnabled: false}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: web, image: "registry.example.com/shop:1"}]}
`, ns)
}

// controls has a controller write an object n times, and says how often Drover applied meanwhile.
func controls(t *testing.T, cp *testenv.ControlPlane, ns string, ref testenv.Ref, n int, patch string) int {
	t.Helper()
	before := applies(t, cp, ns)
	for i := range n {
		if _, err := cp.Kube().Patch(t.Context(), "rollouts-controller", ref, fmt.Sprintf(patch, i)); err != nil {
			t.Fatal(err)
		}
	}
	return applies(t, cp, ns) - before
}

// selects waits until a Service has a port and selects by what Git has and, if hash is not "", by that of a controller.
func selects(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref, what, hash string, port int) {
	t.Helper()
	if err := cp.Kube().Wait(t.Context(), ref, what, func(o testenv.Object) bool {
		return o != nil && o.Text("spec", "selector", "app") == "shop" && o.Text("spec", "selector", "rollouts-pod-template-hash") == hash &&
			o.Items("spec", "ports")[0].Number("port") == port && o.Items("spec", "ports")[0].Number("targetPort") == 8080
	}); err != nil {
		t.Fatal(err)
	}
}

const hashOf = `{"spec":{"selector":{"rollouts-pod-template-hash":"h%d"}}}`

// The Services of a Rollout are created as in Git, and then their selectors are its controller's: through drift, a
// change in Git and a restart, until the Rollout is gone.
func TestSelectorsOfServicesThatARolloutNamesAreLeftToIt(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t, testenv.WithAudit())
	ns := testenv.NamespaceT(t, cp)
	shapeless(t, cp, "argoproj.io", "v1alpha1", "Rollout", "rollouts")
	hub := agenttest.NewHub(t, "east-1")
	running := agenttest.Start(t, cp, ns, hub)
	active, later, plain := steeredService(ns, "active"), steeredService(ns, "later"), steeredService(ns, "plain")
	publish := func(port int, more ...string) {
		t.Helper()
		deliverApp(t, hub, hub.App(t, "web", append(more, steerService(ns, "active", port), steerService(ns, "plain", port))...))
	}
	publish(80, rollout(ns))
	selects(t, cp, active, "as in Git", "", 80)
	if n := controls(t, cp, ns, active, 50, hashOf); n > 3 {
		t.Errorf("Drover applied %d times while the controller wrote", n)
	}
	selects(t, cp, active, "the controller's", "h49", 80)

	mustPatch(t, cp, active, `{"spec":{"ports":[{"port":80,"targetPort":9}]}}`)
	selects(t, cp, active, "healed, but for its selector", "h49", 80)
	mustPatch(t, cp, plain, `{"spec":{"selector":{"rollouts-pod-template-hash":"h"}}}`)
	selects(t, cp, plain, "healed, for no Rollout names it", "", 80)
	publish(82, rollout(ns))
	selects(t, cp, active, "changed in Git, but for its selector", "h49", 82)
	running.Stop(t)
	if _, err := cp.Kube().Patch(t.Context(), "rollouts-controller", active, fmt.Sprintf(hashOf, 50)); err != nil {
		t.Fatal(err)
	}
	running = agenttest.Start(t, cp, ns, hub)
	publish(83, rollout(ns))
	selects(t, cp, active, "left after a restart", "h50", 83)

	// An app that came before the Rollout's.
	both := func(more ...protocol.App) {
		t.Helper()
		apps := append(more, hub.App(t, "web", rollout(ns), steerService(ns, "active", 83)))
		b := hub.Bundle(apps...)
		hub.Publish(t, b)
		hub.Report(t, "the bundle", func(r protocol.Report) bool { return r.Generation == b.Generation && len(r.Apps) == len(apps) })
	}
	both(hub.App(t, "front", steerService(ns, "later", 80)))
	selects(t, cp, later, "as in Git", "", 80)
	controls(t, cp, ns, later, 3, hashOf)
	selects(t, cp, later, "the controller's", "h2", 80)
	for _, e := range hub.Events(protocol.EventDrift) {
		if strings.Contains(fmt.Sprint(e.Fields), "selector") && e.Object.Name != "plain" {
			t.Errorf("a drift: %+v", e)
		}
	}

	running.Stop(t) // what is left, and why, is known to the next agent
	agenttest.Start(t, cp, ns, hub)
	deliverApp(t, hub, hub.App(t, "web", steerService(ns, "active", 84)))
	selects(t, cp, active, "Git's again without the Rollout", "", 84)
}

// A rule for a part of what has one owner only leaves all of it, and says so. The API server tells which fields are
// such when somebody else owns one, and the agent remembers it.
func TestARuleBelowAnAtomicFieldLeavesAllOfIt(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t, testenv.WithAudit())
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	running := agenttest.Start(t, cp, ns, hub)
	ref := steeredService(ns, "active")
	object := protocol.ObjectRef{Kind: "Service", Namespace: ns, Name: "active"}
	publish := func(port int, left bool) protocol.Bundle {
		t.Helper()
		app := hub.App(t, "web", steerService(ns, "active", port))
		if left {
			app.Ignored = []protocol.Ignored{{Object: object, Paths: []string{"/spec/selector/rollouts-pod-template-hash"}}}
		}
		deliverApp(t, hub, app)
		return hub.Bundle(app)
	}
	publish(80, true)
	selects(t, cp, ref, "as in Git", "", 80)
	if n := controls(t, cp, ns, ref, 50, hashOf); n > 3 {
		t.Errorf("Drover applied %d times while the controller wrote", n)
	}
	selects(t, cp, ref, "the controller's", "h49", 80)
	note := "/spec/selector is atomic, which means that it has one owner only: the ignore rule for /spec/selector/rollouts-pod-template-hash leaves all of it to others"
	e := hub.Event(t, "the note", func(e protocol.Event) bool { return e.Kind == protocol.EventLeft })
	if *e.Object != object || !strings.Contains(e.Message, note) {
		t.Errorf("the note is %+v", e)
	}
	hub.Report(t, "the note", func(r protocol.Report) bool { return strings.Contains(agenttest.AppOf(r, "web").Message, note) })

	running.Stop(t)
	disown(t, cp, ref, "rollouts-controller") // nothing tells any more that it is atomic
	agenttest.Start(t, cp, ns, hub)
	publish(81, true)
	selects(t, cp, ref, "left through a change", "h49", 81)
	if n := len(hub.Events(protocol.EventDrift)); n > 0 {
		t.Errorf("%d drifts: %+v", n, hub.Events(protocol.EventDrift))
	}
	publish(82, false) // with other content and without the rule
	selects(t, cp, ref, "as in Git again", "", 82)
}

// disown takes what a manager owns of an object from it.
func disown(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref, manager string) {
	t.Helper()
	var rest []any
	for _, m := range still(t, cp, ref).Items("metadata", "managedFields") {
		if m.Text("manager") != manager {
			rest = append(rest, m)
		}
	}
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{"managedFields": rest}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cp.Kube().Patch(t.Context(), manager, ref, string(data)); err != nil {
		t.Fatal(err)
	}
}

// Flagger looks at a workload once in an interval, and has no generation: what its Canary said before a change is not
// taken for what it says of it.
func TestACanaryIsNotCurrentBeforeItsControllerHasLooked(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t, testenv.WithControllers(), testenv.WithNodes(1))
	ns := testenv.NamespaceT(t, cp)
	shapeless(t, cp, "flagger.app", "v1beta1", "Canary", "canaries")
	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, ns, hub)
	ref := testenv.Ref{APIVersion: "flagger.app/v1beta1", Kind: "Canary", Namespace: ns, Name: "web"}
	publish := func(image, interval string) {
		t.Helper()
		app := hub.App(t, "web", strings.ReplaceAll(deployment(ns, "web", 1), "app:1", "app:"+image),
			fmt.Sprintf(`{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {name: web, namespace: %s},
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, service: {port: 80}, analysis: {interval: %s}}}`, ns, interval))
		deliverApp(t, hub, app)
	}
	phase := func(name string) {
		t.Helper()
		if _, err := cp.Kube().PatchStatus(t.Context(), ref, fmt.Sprintf(`{"status":{"phase":%q}}`, name)); err != nil {
			t.Fatal(err)
		}
	}
	says := func(what string, want protocol.Phase, text string) {
		t.Helper()
		hub.Report(t, what, func(r protocol.Report) bool {
			a := agenttest.AppOf(r, "web")
			return a.Phase == want && strings.Contains(a.Message, text)
		})
	}
	publish("1", "1h")
	says("the Canary on its way", protocol.PhaseWaiting, "Canary")
	phase("Initialized")
	says("the Canary current", protocol.PhaseHealthy, "")
	publish("2", "1h")
	says("the Canary that has not looked", protocol.PhaseWaiting, "its controller has not seen the last change of Deployment/"+ns+"/web yet")
	phase("Progressing")
	says("the Canary on its way", protocol.PhaseWaiting, "Progressing")
	phase("Succeeded")
	says("the Canary current again", protocol.PhaseHealthy, "")
	publish("3", "1s") // Flagger finds nothing to do
	says("the Canary current by itself", protocol.PhaseHealthy, "")
	if n := len(hub.Events(protocol.EventDegraded)); n > 0 {
		t.Errorf("%d times degraded", n)
	}
}
