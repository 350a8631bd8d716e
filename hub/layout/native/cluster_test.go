package native

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// clusterOf is a Cluster with a spec, whose fields begin on line 5.
func clusterOf(spec string) string {
	return "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec:\n" + spec
}

// TestAClusterIsReadFieldByField: each field with a value and its effect, and what is refused of it, as an object
// and as
// fields alone.
func TestAClusterIsReadFieldByField(t *testing.T) {
	t.Parallel()
	const at, digest = "clusters/eu/cluster.yaml", "registry.example.com/agent@sha256:00"
	for _, c := range []struct {
		name, field string
		want        []string
		note, wrong string
	}{
		{name: "vars", field: "vars: {a: 1, b: true, c: }", want: []string{`"Vars":{"a":"1","b":"true","c":""}`}},
		{name: "vars of a list", field: "vars: [a]", wrong: `vars is to be a mapping of names to texts`},
		{name: "a variable of a list", field: "vars: {a: [b]}", wrong: `vars.a is to be a text`},
		{name: "suspend", field: "suspend: true", want: []string{`"Suspend":true`}},
		{name: "suspend of a text", field: "suspend: 'true'", wrong: `suspend is "true": write true or false`},
		{name: "keep", field: "onRemove: keep", want: []string{`"PruneOnRemove":false`}},
		{name: "prune", field: "onRemove: prune", want: []string{`"PruneOnRemove":true`}},
		{name: "another end", field: "onRemove: delete",
			wrong: `onRemove is "delete": write keep (what runs there is left running ` +
				`when the folder goes) or prune (it is deleted)`},
		{name: "prune in capitals", field: "onRemove: Prune", wrong: `onRemove is "Prune": write keep`},
		{name: "no end", field: "onRemove: ''", wrong: `onRemove is "": write keep`},
		{name: "the names of Argo CD", field: "argocd: {name: prod, server: 'https://eu:6443'}",
			want: []string{`"Argo":{"Name":"prod","Server":"https://eu:6443"}`}},
		{name: "a slip in them", field: "argocd: {servr: a}", wrong: `argocd has no field "servr" (did you mean "server"?)`},
		{name: "a name of a list", field: "argocd: {name: [a]}", wrong: `name is to be a text`},
		{name: "an agent by digest", field: "agent: {image: " + digest + "}",
			want: []string{`"AgentImage":"` + digest + `"`}},
		{name: "an agent by tag", field: "agent: {image: 'example.com/agent:v1'}",
			want: []string{`"AgentImage":"example.com/agent:v1"`},
			note: `example.com/agent:v1 is named by a tag, which who can write to the registry may move to another image`},
		{name: "no image", field: "agent: {}", want: []string{`"AgentImage":""`}},
		{name: "an empty image", field: "agent: {image: ''}", wrong: `agent.image is "": write an image reference`},
		{name: "an image with a space", field: "agent: {image: a b}",
			wrong: `agent.image is "a b": write an image reference, as ` +
				`registry.example.com/drover-agent@sha256:…`},
		{name: "an image with an option", field: "agent: {image: --privileged}", wrong: `agent.image is "--privileged"`},
		{name: "an image of a list", field: "agent: {image: [a]}", wrong: `agent.image is ""`},
		{name: "an agent as a text", field: "agent: v1", wrong: `agent is no mapping`},
		{name: "a field of nobody", field: "prune: true", wrong: `has no field "prune"`},
		{name: "a field in another letter case", field: "Suspend: true",
			wrong: `has no field "Suspend" (did you mean "suspend"?)`},
		{name: "a field twice", field: "vars: {}\n  vars: {}", wrong: `has the field "vars" twice: keep one`},
	} {
		for form, text := range map[string]string{"an object": clusterOf("  " + c.field + "\n"),
			"fields": strings.ReplaceAll(c.field, "\n  ", "\n") + "\n"} {
			read, err := ReadCluster(fstest.MapFS{at: {Data: []byte(text)}}, model.Site{Name: "eu", Folder: path.Dir(at)})
			if err != nil || read.Ordinary || !read.Described || read.Name != "eu" {
				t.Fatalf("%s as %s: %+v, %v", c.name, form, read, err)
			}
			data, err := json.Marshal(read.Cluster)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(string(data), w) {
					t.Errorf("%s as %s: %s\nwant %s", c.name, form, data, w)
				}
			}
			line := 5
			if form == "fields" {
				line = 1
			}
			line += strings.Count(c.field, "\n")
			got := message(read.Wrong)
			if c.wrong == "" && got != "" || c.wrong != "" && (!strings.HasPrefix(got, fmt.Sprintf("%s:%d: ", at, line)) ||
				!strings.Contains(got, c.wrong)) {
				t.Errorf("%s as %s: %q\nwant line %d, %q", c.name, form, got, line, c.wrong)
			}
			if (c.note != "") != (len(read.Notes) == 1) || c.note != "" && (!strings.HasPrefix(read.Notes[0].Text, c.note) ||
				read.Notes[0].Line != line || read.Notes[0].File != at) {
				t.Errorf("%s as %s: notes %+v", c.name, form, read.Notes)
			}
		}
	}
}

// TestWhatAClusterFileIs: what describes the cluster, what is an ordinary file, and what looks like the first and is
// not.
func TestWhatAClusterFileIs(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
	for _, c := range []struct {
		name, text          string
		ordinary, described bool
		wrong               string
	}{
		{name: "an object", text: clusterOf("  suspend: true\n"), described: true},
		{name: "an object without a spec", text: "apiVersion: drover.dev/v1alpha1\nkind: Cluster\n", described: true},
		{name: "fields", text: "labels: {a: b}\nannotations: {c: d}\n", described: true},
		{name: "nothing", text: ""},
		{name: "a comment", text: "# later\n"},
		{name: "a Pod", text: pod, ordinary: true},
		{name: "two Pods", text: pod + "---\n" + pod, ordinary: true},
		{name: "an App", text: "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: a}\n", ordinary: true},
		{name: "the Cluster of another tool", text: "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\n", ordinary: true},
		{name: "a Cluster and a Pod", text: pod + "---\n" + clusterOf(""), described: true,
			wrong: ":5: cluster.yaml holds 2 documents, and this one describes the cluster, or looks like it: keep it " +
				"alone in cluster.yaml"},
		{name: "another kind of Drover", text: "apiVersion: drover.dev/v1alpha1\nkind: Fleet\n", described: true,
			wrong: `:1: cluster.yaml holds "Fleet" of "drover.dev/v1alpha1", which looks like Cluster of ` +
				`drover.dev/v1alpha1: correct ` +
				`apiVersion and kind, or rename the file`},
		{name: "a slip in the group", text: "apiVersion: drover.dv/v1alpha1\nkind: Cluster\n", described: true,
			wrong: `:1: cluster.yaml holds "Cluster" of "drover.dv/v1alpha1"`},
		{name: "a slip in the kind", text: "apiVersion: drover.dev/v1alpha1\nkind: Clutser\n", described: true,
			wrong: `cluster.yaml holds "Clutser"`},
		{name: "no kind", text: "apiVersion: drover.dev/v1alpha1\n", described: true,
			wrong: `:1: cluster.yaml holds "" of "drover.dev/v1alpha1"`},
		{name: "a version to come", text: "apiVersion: drover.dev/v2\nkind: Cluster\n", described: true,
			wrong: ":1: a Cluster of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1"},
		{name: "another name", text: strings.Replace(clusterOf(""), "name: eu", "name: us", 1), described: true,
			wrong: `:3: metadata.name is "us" but the folder is "eu": make them equal, or name the cluster with spec.name`},
		{name: "labels below spec", text: clusterOf("  labels: {a: b}\n"), described: true,
			wrong: ":5: the labels of a Cluster stand under metadata, not under spec: move them there"},
		{name: "labels of a list", text: "labels: [a]\n", described: true,
			wrong: ":1: labels is to be a mapping of names to texts"},
		{name: "a list", text: "- a\n", described: true, wrong: ":1: "},
		{name: "no YAML", text: "a: [\n", wrong: ":"},
		{name: "a tab", text: "vars:\n\ta: b\n", wrong: ":"},
	} {
		read, err := ReadCluster(fstest.MapFS{"clusters/eu/cluster.yaml": {Data: []byte(c.text)}},
			model.Site{Name: "eu", Folder: "clusters/eu"})
		if err != nil || read.Ordinary != c.ordinary || read.Described != c.described || read.Name != "eu" {
			t.Errorf("%s: ordinary %t, described %t, %v", c.name, read.Ordinary, read.Described, err)
		}
		if got := message(read.Wrong); c.wrong == "" && got != "" || !strings.Contains(got, c.wrong) ||
			strings.Contains(got, "\n") ||
			c.wrong != "" && !strings.HasPrefix(got, "clusters/eu/cluster.yaml") {
			t.Errorf("%s: %q\nwant %q", c.name, got, c.wrong)
		}
	}
}

// unreadable fails on every read.
type unreadable struct{ fstest.MapFS }

func (unreadable) ReadFile(string) ([]byte, error) { return nil, errors.New("disk on fire") }

var _ fs.ReadFileFS = unreadable{}

// TestAClusterFileThatCannotBeRead is an error, one that is not there is none, and a folder is a mistake of the
// content.
func TestAClusterFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	site := model.Site{Name: "eu", Folder: "."}
	if c, err := ReadCluster(fstest.MapFS{}, site); err != nil || c.Wrong != nil || c.Described || c.Name != "eu" {
		t.Errorf("no file: %+v, %v", c, err)
	}
	c, err := ReadCluster(fstest.MapFS{"cluster.yaml/x": {}}, model.Site{Name: "eu", Folder: "."})
	if err != nil || message(c.Wrong) != "cluster.yaml is a folder: it is to be a file that describes the cluster; "+
		"rename it" {
		t.Errorf("a folder: %+v, %v", c, err)
	}
	_, err = ReadCluster(unreadable{fstest.MapFS{"cluster.yaml": {}}}, model.Site{Name: "eu", Folder: "."})
	if message(err) != "cluster.yaml cannot be read: disk on fire" {
		t.Errorf("unreadable: %v", err)
	}
}

// fleetApp is an App below fleet/ with a selector of clusters.
func fleetApp(t *testing.T, name, selector string) document.Document {
	t.Helper()
	docs, err := document.Parse("fleet/a.yaml", []byte("apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  "+
		"name: "+name+
		"\nspec:\n  path: apps/web\n  clusterSelector: "+selector+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return docs[0]
}

// TestClustersAreSelected by labels and by CEL, all of which must hold.
func TestClustersAreSelected(t *testing.T) {
	t.Parallel()
	eu := model.Cluster{Name: "eu", Labels: map[string]string{"env": "prod", "tier": ""},
		Vars: map[string]string{"region": "eu-1"}}
	for selector, want := range map[string]bool{
		"": true, "{}": true, "null": true, "{matchLabels: {}}": true,
		"{matchLabels: {env: prod}}":                                                 true,
		"{matchLabels: {env: prod, tier: ''}}":                                       true,
		"{matchLabels: {env: test}}":                                                 false,
		"{matchLabels: {env: prod, other: a}}":                                       false,
		"{matchExpressions: [{key: env, operator: In, values: [test, prod]}]}":       true,
		"{matchExpressions: [{key: env, operator: NotIn, values: [prod]}]}":          false,
		"{matchExpressions: [{key: other, operator: NotIn, values: [a]}]}":           true,
		"{matchExpressions: [{key: tier, operator: Exists}]}":                        true,
		"{matchExpressions: [{key: tier, operator: DoesNotExist}]}":                  false,
		"{matchLabels: {env: prod}, matchExpressions: [{key: x, operator: Exists}]}": false,
		"{expression: 'cluster.name == \"eu\"'}":                                     true,
		"{expression: 'cluster.labels.env == \"test\"'}":                             false,
		"{expression: 'cluster.vars[\"region\"].startsWith(\"eu\")'}":                true,
		"{matchLabels: {env: test}, expression: 'true'}":                             false,
		"{matchLabels: {env: prod}, expression: 'false'}":                            false,
	} {
		got, err := Selects(fleetApp(t, "web", selector), eu)
		if got != want || err != nil {
			t.Errorf("%s: %t, %v", selector, got, err)
		}
	}
	got, err := Selects(fleetApp(t, "web", "{expression: 'cluster.name'}"), eu)
	if got || !strings.HasPrefix(message(err), "fleet/a.yaml:1: the app web: clusterSelector.expression, for the "+
		"cluster eu: ") {
		t.Errorf("an expression that is neither true nor false: %t, %v", got, err)
	}
	got, err = Selects(fleetApp(t, "web", "{expression: 'cluster.labels.none == \"a\"'}"), eu)
	if got || !strings.HasPrefix(message(err), "fleet/a.yaml:1: the app web: clusterSelector.expression, for the "+
		"cluster eu: ") {
		t.Errorf("a label that is not there: %t, %v", got, err)
	}
}

// TestSelectorsThatAreNone select nothing, and say what is wrong.
func TestSelectorsThatAreNone(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]string{
		"{matchLabel: {a: b}}":   `:7: clusterSelector has no field "matchLabel" (did you mean "matchLabels"?)`,
		"{MatchLabels: {a: b}}":  `:7: clusterSelector has no field "MatchLabels" (did you mean "matchLabels"?)`,
		"env=prod":               `:7: clusterSelector is no mapping`,
		"[]":                     `:7: clusterSelector is no mapping`,
		"{matchLabels: [a]}":     `:7: matchLabels is to be a mapping of names to texts`,
		"{matchExpressions: {}}": `:7: matchExpressions is to be a list`,
		"{matchExpressions: [{key: a, operator: Exist}]}":         `:7: clusterSelector: `,
		"{matchExpressions: [{key: a, operator: In}]}":            `:7: clusterSelector: `,
		"{matchExpressions: [{operator: Exists}]}":                `:7: clusterSelector: `,
		"{matchExpressions: [{key: a, op: In}]}":                  `:7: matchExpressions has no field "op"`,
		"{matchExpressions: [{key: a, operator: In, values: b}]}": `:7: values is to be a list`,
		"{expression: [a]}":                                       `:7: expression is to be a text`,
		"{expression: 'cluster.name =='}":                         `:7: clusterSelector.expression: `,
		"{expression: 'other == 1'}":                              `:7: clusterSelector.expression: `,
	} {
		d := fleetApp(t, "web", selector)
		if got := message(CheckFleetApp(d)); !strings.HasPrefix(got, "fleet/a.yaml"+want) || strings.Contains(got, "\n") {
			t.Errorf("%s: %q\nwant %q", selector, got, want)
		}
		if is, err := Selects(d, model.Cluster{Name: "eu"}); is || err == nil {
			t.Errorf("%s selects a cluster: %v", selector, err)
		}
	}
	for name, want := range map[string]string{"web": "", "root": `fleet/a.yaml:1: the name "root" is kept for what a ` +
		`cluster's folder holds: ` +
		`choose another`, "Web": "fleet/a.yaml:1: the app's metadata.name: ",
		"''": "fleet/a.yaml:1: the app's metadata.name: "} {
		if got := message(CheckFleetApp(fleetApp(t, name, "{}"))); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestPlaceholdersAreReplacedForEachCluster, in values and nowhere else, and what there is nothing for is told.
func TestPlaceholdersAreReplacedForEachCluster(t *testing.T) {
	t.Parallel()
	eu := model.Cluster{Name: "eu", Labels: map[string]string{"env": "prod", "a.b/c": "x"},
		Vars: map[string]string{"n": "3", "v": "${vars.n}"}}
	for _, c := range []struct{ in, out, left string }{
		{`{"a":"${cluster.name}"}`, `{"a":"eu"}`, ""},
		{`{"a":"x-${cluster.labels.env}-${vars.n}"}`, `{"a":"x-prod-3"}`, ""},
		{`{"a":["${cluster.labels.a.b/c}",{"b":"${vars.n}"}]}`, `{"a":["x",{"b":"3"}]}`, ""},
		{`{"a":"${vars.v}"}`, `{"a":"${vars.n}"}`, ""}, // once
		{`{"a":"$${cluster.name}"}`, `{"a":"${cluster.name}"}`, ""},
		{`{"a":"${other}","b":"${cluster.vars.n}"}`, `{"a":"${other}","b":"${cluster.vars.n}"}`, ""},
		{`{"${cluster.name}":"a"}`, `{"${cluster.name}":"a"}`, ""},
		{`{"a":1,"b":true,"c":null}`, `{"a":1,"b":true,"c":null}`, ""},
		{`{"clusterSelector":{"matchLabels":{"a":"b"}},"path":"x"}`, `{"path":"x"}`, ""},
		{`{"a":"${vars.none}"}`, `{"a":"${vars.none}"}`, "${vars.none}"},
		{`{"a":"${cluster.labels.none}","b":"${vars.none}"}`, `{"a":"${cluster.labels.none}","b":"${vars.none}"}`,
			"${cluster.labels.none}, ${vars.none}"},
	} {
		got := Localized(model.Rendered{JSON: []byte(`{"spec":` + c.in + `}`), File: "fleet/a.yaml"}, eu)
		if want := `{"spec":` + c.out + `}`; string(got.JSON) != want || got.File != "fleet/a.yaml" {
			t.Errorf("%s: %s\nwant %s", c.in, got.JSON, want)
		}
		wrong := message(Unresolved(model.Declaration{Rendered: got}, eu, "clusters/eu/cluster.yaml"))
		want := ""
		if c.left != "" {
			want = "fleet/a.yaml: the cluster eu has nothing for " + c.left +
				": give it the label or the variable in clusters/eu/cluster.yaml, or let clusterSelector leave it out"
		}
		if wrong != want {
			t.Errorf("%s: %q\nwant %q", c.in, wrong, want)
		}
	}
	if got := Localized(model.Rendered{JSON: []byte("[")}, eu); string(got.JSON) != "[" {
		t.Errorf("what is no JSON: %s", got.JSON)
	}
	if err := Unresolved(model.Declaration{App: "root", Rendered: model.Rendered{JSON: []byte(`"${vars.none}"`)}}, eu,
		"x"); err != nil {
		t.Errorf("an object of an app: %v", err)
	}
}
