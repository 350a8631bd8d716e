// Package argotest makes plans with objects of Argo CD, for the tests of the packages beside it.
package argotest

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// File is where the objects stand.
const File = "clusters/eu/o.yaml"

// Repository is the address of the repository that the hub follows, of which it follows the branch main.
const Repository = "https://github.com/org/fleet"

// Clusters are those of the fleet. The first is the one that is planned.
var Clusters = []model.Cluster{
	{Name: "eu", Labels: map[string]string{"env": "production"}, Annotations: map[string]string{"tier": "1"},
		Argo: model.ArgoCluster{Name: "europe", Server: "https://eu.example.com"}},
	{Name: "us_1", Labels: map[string]string{"env": "test"}},
}

// Plan is one of the cluster eu, whose folder declares the objects of a text, the documents of which are separated by
// lines of three dashes. tree are the files of the repository beside it.
func Plan(t *testing.T, text string, tree map[string]string) *planning.Plan {
	t.Helper()
	return PlanIn(t, text, tree, func() ([]model.Cluster, error) { return Clusters, nil })
}

// PlanIn is Plan in a fleet whose clusters are read by a function.
func PlanIn(t *testing.T, text string, tree map[string]string, fleet func() ([]model.Cluster, error)) *planning.Plan {
	t.Helper()
	files := fstest.MapFS{File: {Data: []byte(text)}}
	for name, data := range tree {
		files[name] = &fstest.MapFile{Data: []byte(data)}
	}
	p := planning.NewPlan(files, "clusters/eu", model.Declarations{Cluster: Clusters[0],
		Repository: []string{Repository + ".git"}, Branch: "main"}, fleet)
	for doc := range strings.SplitSeq(text, "---\n") {
		p.Add(Object(t, doc))
	}
	return p
}

// Object is the object of a text, as the root app of the cluster declares it.
func Object(t *testing.T, text string) *planning.Object {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var o struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
		Spec     map[string]any
	}
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	namespace := fields.Home
	if o.Metadata.Namespace != "" {
		namespace = o.Metadata.Namespace
	}
	return &planning.Object{Declaration: model.Declaration{Rendered: model.Rendered{JSON: data, File: File},
		App: model.RootApp}, Group: fields.Group, Kind: o.Kind, Namespace: namespace, Name: o.Metadata.Name,
		Spec: o.Spec, Fields: fields.Table, IsApp: o.Kind == fields.Application, Home: fields.Home,
		AppName: o.Metadata.Name}
}

// Notes are notes as people see them.
func Notes(notes []fleet.Note) []string {
	var out []string
	for _, n := range notes {
		out = append(out, n.String())
	}
	return out
}

// Message is the text of an error; "" of none.
func Message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// JSON is a value as text, to compare it as a whole.
func JSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Overlaid lays a mapping over another one, mapping by mapping.
func Overlaid(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, v := range over {
		in, isMap := v.(map[string]any)
		if was, ok := out[key].(map[string]any); ok && isMap {
			v = Overlaid(was, in)
		}
		out[key] = v
	}
	return out
}
