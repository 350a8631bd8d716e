package flux

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// repository is what the objects under test are declared beside.
var repository = fstest.MapFS{
	"apps/web/cm.yaml":       {Data: []byte("# manifests\n")},
	"charts/web/Chart.yaml":  {Data: []byte("name: web\n")},
	"charts/web/values.yaml": {Data: []byte("a: 1\n")},
	"charts/web/prod.yaml":   {Data: []byte("a: 2\n")},
	"clusters/eu/x.yaml":     {Data: []byte("# root\n")},
}

// others are objects that those under test may name.
const others = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: own, namespace: flux-system}
spec: {url: ssh://git@github.com/org/fleet, ref: {branch: main}, interval: 1m}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: flux-system}
spec: {url: https://charts.example.com, interval: 5m, secretRef: {name: login}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: base, namespace: flux-system, labels: {tier: "1"}}
spec: {path: ./apps/web, prune: true, interval: 1m, sourceRef: {kind: GitRepository, name: own}}
---
`

// read reads the last object of some documents, which stands in a file of its own.
func read(t *testing.T, text string) (app model.App, notes []fleet.Note, message string) {
	t.Helper()
	const file = "clusters/eu/o.yaml"
	files := fstest.MapFS{file: {Data: []byte(text)}}
	for name, f := range repository {
		files[name] = f
	}
	p := planning.NewPlan(files, "clusters/eu", model.Declarations{Cluster: model.Cluster{Name: "eu"},
		Repository: []string{"https://github.com/org/fleet.git"}, Branch: "main"}, nil)
	var last *planning.Object
	for _, doc := range strings.Split(others+text, "---\n") {
		data, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var o struct {
			APIVersion, Kind string
			Metadata         struct{ Name, Namespace string }
			Spec             map[string]any
		}
		if err := json.Unmarshal(data, &o); err != nil {
			t.Fatal(err)
		}
		group := fleet.GroupOf(o.APIVersion)
		last = &planning.Object{Declaration: model.Declaration{Rendered: model.Rendered{JSON: data, File: file},
			App: model.RootApp},
			Group: group, Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name, Spec: o.Spec, Fields: judged,
			IsApp: kinds.IsApp(group, o.Kind), Home: home, AppName: o.Metadata.Name}
		p.Add(last)
	}
	p.Sort()
	r := Dialect{}.Open(p)
	for _, o := range p.Objects() {
		r.Learn(o)
	}
	declared, err := r.Read(last, &app)
	if !declared {
		t.Fatalf("%s declares no app", last)
	}
	if err != nil {
		message = err.Error()
	}
	return app, append(app.Notes, p.Cluster.Notes...), message
}

func kustomizationOf(spec string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x, namespace: flux-system}\nspec:\n" +
		"  sourceRef: {kind: GitRepository, name: own}\n" + spec
}

func releaseOf(spec string) string {
	return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x, namespace: shop}\nspec:\n" + spec
}

// check compares what was read with what is wanted: parts of the app as JSON, of its notes, and of the error.
func check(t *testing.T, text string, want []string, note, wrong string) {
	t.Helper()
	app, notes, message := read(t, text)
	data, err := json.Marshal(app)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !strings.Contains(string(data), w) {
			t.Errorf("got  %s\nwant %s", data, w)
		}
	}
	var said []string
	for _, n := range notes {
		said = append(said, n.String())
	}
	if all := strings.Join(said, "\n"); note == "" && all != "" || !strings.Contains(all, note) {
		t.Errorf("notes %s\nwant  %s", all, note)
	}
	if wrong == "" && message != "" || !strings.Contains(message, wrong) {
		t.Errorf("error %s\nwant  %s", message, wrong)
	}
}

func replaced(text, part, with string) string { return strings.Replace(text, part, with, 1) }
