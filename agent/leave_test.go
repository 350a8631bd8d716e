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

// workload is a Deployment with two containers, in which much can be left to others.
func workload(ns string, replicas int, image string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %[1]s, annotations: {team: shop, note/of: git}}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {disk: ssd, zone: a}
      containers:
      - {name: main, image: "example.com/app:%[3]s", resources: {limits: {cpu: 100m}}, ports: [{containerPort: 80}]}
      - {name: side, image: "example.com/side:%[3]s"}
`, ns, replicas, image)
}

// deliverApp publishes an app named web and waits until it is applied, healthy or not.
func deliverApp(t *testing.T, hub *agenttest.Hub, app protocol.App) {
	t.Helper()
	b := hub.Bundle(app)
	hub.Publish(t, b)
	hub.Report(t, "the bundle applied", func(r protocol.Report) bool {
		phase := agenttest.PhaseOf(r, "web")
		web := agenttest.AppOf(r, "web")
		pending := slices.ContainsFunc(web.Problems, func(p protocol.Problem) bool { return p.Message == "it is not applied yet" })
		return r.Generation == b.Generation && web.Digest == app.Blob.Digest && !pending &&
			(phase == protocol.PhaseWaiting || phase == protocol.PhaseHealthy || phase == protocol.PhaseDegraded)
	})
}

func leaving(app protocol.App, ns string, paths, managers []string) protocol.App {
	app.Ignored = []protocol.Ignored{{Object: protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: ns, Name: "web"}, Paths: paths, Managers: managers}}
	return app
}

// Each case edits a field that is left to others, on an object that Drover made, and on one that it owned before the rule came. The value
// stays, through a change in Git and a restart; when the rule goes, Git's value is back.
func TestIgnoredFieldsKeepTheirLiveValues(t *testing.T) {
	t.Parallel()
	container := func(name, field string) func(testenv.Object) string {
		return func(o testenv.Object) string {
			for _, c := range o.Items("spec", "template", "spec", "containers") {
				if c.Text("name") == name {
					return fmt.Sprint(c.Field(strings.Split(field, "/")...))
				}
			}
			return "there is no such container"
		}
	}
	field := func(path ...string) func(testenv.Object) string {
		return func(o testenv.Object) string { return fmt.Sprint(o.Field(path...)) }
	}
	for _, c := range []struct {
		name, path, edit string
		value            func(testenv.Object) string
		edited, git      string
		managers         []string
	}{
		{name: "a field", path: "/spec/replicas", edit: `{"spec":{"replicas":5}}`, value: field("spec", "replicas"), edited: "5", git: "1"},
		{name: "by its manager", edit: `{"spec":{"replicas":5}}`, value: field("spec", "replicas"), edited: "5", git: "1", managers: []string{"kubectl-edit"}},
		{name: "an escaped name", path: "/metadata/annotations/note~1of", edit: `{"metadata":{"annotations":{"note/of":"theirs"}}}`,
			value: field("metadata", "annotations", "note/of"), edited: "theirs", git: "git"},
		{name: "an item by its index", path: "/spec/template/spec/containers/1/image",
			edit:  `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"example.com/app:1","resources":{"limits":{"cpu":"100m"}},"ports":[{"containerPort":80}]},{"name":"side","image":"example.com/theirs:9"}]}}}}`,
			value: container("side", "image"), edited: "example.com/theirs:9", git: "example.com/side:3"},
		{name: "all below", path: "/spec/template/spec/containers/0/resources",
			edit:  `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"example.com/app:1","resources":{"limits":{"cpu":"2"}},"ports":[{"containerPort":80}]},{"name":"side","image":"example.com/side:1"}]}}}}`,
			value: container("main", "resources/limits/cpu"), edited: "2", git: "100m"},
		{name: "of what is one field to the API server", path: "/spec/template/spec/nodeSelector/disk", edit: `{"spec":{"template":{"spec":{"nodeSelector":{"disk":"hdd"}}}}}`,
			value: field("spec", "template", "spec", "nodeSelector", "disk"), edited: "hdd", git: "ssd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, running := scene(t)
			publish := func(image string, left bool) {
				t.Helper()
				app := hub.App(t, "web", workload(ns, 1, image))
				if left {
					app = leaving(app, ns, []string{c.path}, c.managers)
				}
				deliverApp(t, hub, app)
			}
			expect := func(what, want, image string) {
				t.Helper()
				if err := cp.Kube().Wait(t.Context(), deploymentRef(ns, "web"), what, func(o testenv.Object) bool {
					return o != nil && c.value(o) == want && container("main", "image")(o) == "example.com/app:"+image
				}); err != nil {
					t.Fatal(err)
				}
			}
			publish("1", false) // Drover owns it
			publish("1", true)
			mustPatch(t, cp, deploymentRef(ns, "web"), c.edit)
			expect("edited", c.edited, "1")
			publish("2", true)
			expect("left through a change", c.edited, "2")
			running.Stop(t)
			agenttest.Start(t, cp, ns, hub)
			publish("3", true)
			expect("left through a restart", c.edited, "3")
			if n := len(hub.Events(protocol.EventDrift)); n > 0 {
				t.Errorf("%d drifts of a field that is left to others: %+v", n, hub.Events(protocol.EventDrift))
			}
			publish("3", false)
			expect("as in Git again", c.git, "3")
			mustDelete(t, cp, deploymentRef(ns, "web"))
			publish("3", true)
			expect("recreated as a whole", c.git, "3")
		})
	}
}

// A field that Drover owns alone, and that was never changed, keeps its value when it is left to others, and so does a new item's.
func TestFieldThatIsLetGoOfIsNotRemoved(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 4, "1")))
	uid := still(t, cp, deploymentRef(ns, "web")).Text("metadata", "uid")
	deliverApp(t, hub, leaving(hub.App(t, "web", workload(ns, 7, "2")), ns, []string{"/spec/replicas", "/spec/template/spec/containers/0/image", "/spec/template/spec/containers/9/image", "/nowhere/0/x", "no pointer"}, nil))
	o := still(t, cp, deploymentRef(ns, "web"))
	main, side := o.Items("spec", "template", "spec", "containers")[0], o.Items("spec", "template", "spec", "containers")[1]
	if o.Number("spec", "replicas") != 4 || main.Text("image") != "example.com/app:1" || side.Text("image") != "example.com/side:2" || o.Text("metadata", "uid") != uid {
		t.Errorf("it is %s", o)
	}
	before := applies(t, cp, ns)
	mustPatch(t, cp, deploymentRef(ns, "web"), `{"spec":{"replicas":6}}`)
	mustPatch(t, cp, deploymentRef(ns, "web"), `{"metadata":{"annotations":{"team":"thieves"}}}`)
	if err := cp.Kube().Wait(t.Context(), deploymentRef(ns, "web"), "healed, but for the replicas", func(o testenv.Object) bool {
		return o.Text("metadata", "annotations", "team") == "shop" && o.Number("spec", "replicas") == 6
	}); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "the drift counted", func(r protocol.Report) bool { return r.Drift.Corrected == 1 })
	if got := applies(t, cp, ns) - before; got != 1 {
		t.Errorf("%d applies, want 1: a field that is not owned does not drift", got)
	}
}
