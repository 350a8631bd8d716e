package rancher

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// TestFleetFilesThatCannotBeRead stop their bundle, are a problem of the cluster, and name the file: another name of
// the
// bundle may stand in what cannot be read.
func TestFleetFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"namespace: [a]\n":              "1 namespace: it is a list, and has to be a string",
		"namespace: 7\n":                "1 namespace: it is a number, and has to be a string",
		"labels: {}\nhelm: chart\n":     "2 helm: it is a string, and has to be a mapping",
		"helm:\n  values: [a]\n":        "2 helm.values: it is a list, and has to be a mapping",
		"helm: {valuesFiles: a.yaml}\n": "1 helm.valuesFiles: it is a string, and has to be a list",
		"helm: {version: 1.2}\n":        "1 helm.version: it is a number, and has to be a string",
		"helm: {force: 'yes'}\n":        "1 helm.force: it is a string, and has to be true or false",
		"helm: {timeoutSeconds: 1m}\n": "1 helm.timeoutSeconds: it is a string, and has to " +
			"be a whole number",
		"helm: {timeoutSeconds: 1.5}\n": "1 helm.timeoutSeconds: it is a number, and has to " +
			"be a whole number",
		"labels:\n  b: x\n  a: 1\n":    "3 labels.a: it is a number, and has to be a string",
		"paused: 'true'\n":             "1 paused: it is a string, and has to be true or false",
		"dependsOn: {name: a}\n":       "1 dependsOn: it is a mapping, and has to be a list",
		"dependsOn: [a]\n":             "1 dependsOn[0]: it is a string, and has to be a mapping",
		"overrideTargets: [eu]\n":      "1 overrideTargets[0]: it is a string, and has to be a mapping",
		"targetCustomizations: eu\n":   "1 targetCustomizations: it is a string, and has to be a list",
		"kustomize: overlays\n":        "1 kustomize: it is a string, and has to be a mapping",
		"yaml: {overlays: big}\n":      "1 yaml.overlays: it is a string, and has to be a list",
		"diff: {comparePatches: {}}\n": "1 diff.comparePatches: it is a mapping, and has to be a list",
		"targetCustomizations:\n- {helm: {}}\n- {helm: 7}\n": "3 targetCustomizations[1].helm: it is a number, " +
			"and has to be a mapping",
		"targetCustomizations:\n- clusterSelector: {matchLabels: [a]}\n": "2 " +
			"targetCustomizations[0].clusterSelector.matchLabels: it is a list, and has to be a mapping",
		"- namespace: a\n":    "1 it is no mapping of fields",
		"text\n":              "1 it is no mapping of fields",
		"namespace: [\n":      "apps/web/fleet.yaml",
		"helm:\n\tchart: a\n": "apps/web/fleet.yaml",
		"namespace: *none\n":  "apps/web/fleet.yaml",
	} {
		got := plan(t, gitRepo(webPath)+fleetYAML(text))
		if line, says, ok := strings.Cut(want, " "); ok {
			want = "apps/web/fleet.yaml:" + line + ": fleet.yaml: " + says
		}
		if !strings.HasPrefix(got.errors, want) || len(got.plan.Cluster.Problems) == 0 {
			t.Errorf("%q: errors %s\nwant %s; problems %q", text, got.errors, want, got.plan.Cluster.Problems)
		}
		if strings.Contains(got.errors, "correct the selector") {
			t.Errorf("%q: what was read of it before is weighed: %s", text, got.errors)
		}
		if app := got.apps["shop-apps-web"]; app == "" || strings.Contains(app, `"Path":"apps/web"`) {
			t.Errorf("%q: the bundle is gone, or delivered in part: %s", text, app)
		}
	}
}

// TestFieldsThatAreThereTwice are named: Fleet takes the last, and a reader may see the first.
func TestFieldsThatAreThereTwice(t *testing.T) {
	t.Parallel()
	got := plan(t, gitRepo(webPath)+fleetYAML("namespace: one\nhelm: {}\nnamespace: two\n"))
	const want = "apps/web/fleet.yaml:3: fleet.yaml: namespace: the field is there more than once, and only the " +
		"last counts, " +
		"as in Fleet: keep one\n"
	if got.errors != "" || got.notes != want || !strings.Contains(got.apps["shop-apps-web"], `"Namespace":"two"`) {
		t.Errorf("errors %s, notes %s\n%s", got.errors, got.notes, got.apps["shop-apps-web"])
	}
}

// TestFleetFilesThatSayNothing have the defaults: no document, null, and fields that are null.
func TestFleetFilesThatSayNothing(t *testing.T) {
	t.Parallel()
	plain := plan(t, gitRepo(webPath)+web).apps["shop-apps-web"]
	for _, text := range []string{"", "# later\n", "{}\n", "null\n", "---\n", "helm:\nkustomize:\nyaml" +
		":\ndiff:\nlabels:\n" +
		"dependsOn:\ntargetCustomizations:\noverrideTargets:\nnamespace:\ncorrectDrift:\n"} {
		got := plan(t, gitRepo(webPath)+fleetYAML(text))
		app := dependsAt.ReplaceAllString(got.apps["shop-apps-web"], `"DependsAt":""`)
		if app != plain || got.errors+got.notes != "" {
			t.Errorf("%q: %s\nwant %s; %s%s", text, app, plain, got.errors, got.notes)
		}
	}
}

// TestFieldsThatNobodyKnows are named, with what is probably meant, and the bundle is delivered.
func TestFieldsThatNobodyKnows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"replicas: 3\n": "apps/web/fleet.yaml:1: fleet.yaml: replicas: no field that Drover knows of " +
			"this kind: nothing is done",
		"labels: {}\nnamespce: a\n": `apps/web/fleet.yaml:2: fleet.yaml: namespce: no field that Drover knows of ` +
			`this kind`,
		"yaml: {overlay: [a]}\n": `apps/web/fleet.yaml:1: fleet.yaml: yaml.overlay: no field that Drover knows ` +
			`of this kind (did you mean "overlays"?)`,
		"correctDrift: {enable: true}\n": `correctDrift.enable: no field that Drover knows of this kind (did you mean ` +
			`"enabled"?)`,
		"diff: {comparePatches: [{kinds: A}]}\n": `diff.comparePatches[0].kinds: no field that Drover knows of this kind ` +
			`(did you mean "kind"?)`,
		"targetCustomizations: [{clusterName: eu, replicas: 3}]\n": "targetCustomizations[0].replicas: no " +
			"field that Drover knows",
		"targetCustomizations: [{clusterName: eu, kustomize: {path: a}}]\n": "targetCustomizations[0].kustomize.path: " +
			"no field",
	} {
		got := plan(t, gitRepo(webPath)+fleetYAML(text))
		if !strings.Contains(got.notes, want) || strings.Count(got.notes, "\n") != 1 || got.errors != "" ||
			!strings.Contains(got.apps["shop-apps-web"], `"Path":"apps/web"`) {
			t.Errorf("%q: notes %s\nwant %s; errors %s", text, got.notes, want, got.errors)
		}
	}
	if got := plan(t, gitRepo(webPath)+fleetYAML("targetCustomizations: [{clusterName: us, replicas: 3}"+
		"]\n")); got.notes != "" {
		t.Errorf("what is for another cluster is noted: %s", got.notes)
	}
}

// TestGitReposThatAreWrong are problems of the cluster, and give no bundles: nobody can say which it has.
func TestGitReposThatAreWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"repo: ''": "spec.repo: it is empty: " +
			"write the address of the repository",
		"repo: [a]":                  "spec.repo: it is a list, and has to be a string",
		"paths: apps/web":            "spec.paths: it is a string, and has to be a list",
		"paths: [{a: b}]":            "spec.paths[0]: it is a mapping, and has to be a string",
		"targets: {clusterName: eu}": "spec.targets: it is a mapping, and has to be a list",
		"paused: 'true'":             "spec.paused: it is a string, and has to be true or false",
		"keepResources: 1":           "spec.keepResources: it is a number, and has to be true or false",
		"correctDrift: true":         "spec.correctDrift: it is true or false, and has to be a mapping",
		"targetNamespace: 7":         "spec.targetNamespace: it is a number, and has to be a string: put it in quotes",
		"branch: 1.2":                "spec.branch: it is a number, and has to be a string: put it in quotes",
		"targets: [{clusterSelector: {matchExpressions: [{key: a, operator: In}]}}]": "spec.targets[0]: ",
	} {
		got := plan(t, repoText(text)+shopTree)
		if !strings.HasPrefix(got.errors, "clusters/eu/repo.yaml:") || !strings.Contains(got.errors,
			"GitRepo fleet-default/shop: ") ||
			!strings.Contains(got.errors, want) || len(got.plan.Cluster.Problems) == 0 {
			t.Errorf("%s: errors %s, want %s", text, got.errors, want)
		}
		for name, app := range got.apps {
			if strings.Contains(app, `"Path":"apps/web"`) {
				t.Errorf("%s: the bundle %s is delivered: %s", text, name, app)
			}
		}
	}
}

// TestPathsNeverLeadOut of the repository: of a GitRepo, of a kustomization, of files of values and of charts.
func TestPathsNeverLeadOut(t *testing.T) {
	t.Parallel()
	for paths, want := range map[string]string{"[../../apps/web]": "shop-apps-web", "[/apps/./web/]": "shop-apps-web",
		"[apps/../../etc]": "shop-etc"} {
		if got := plan(t, repoText("paths: "+paths)+shopTree); got.apps[want] == "" {
			t.Errorf("%s: apps %v", paths, got.apps)
		}
	}
	for text, want := range map[string]string{
		"kustomize: {dir: ../../..}\n":         `kustomize.dir: "../../.." leads out of the repository`,
		"kustomize: {dir: ../../../etc}\n":     `kustomize.dir: "../../../etc" leads out of the repository`,
		"kustomize: {dir: none}\n":             "",
		"helm: {valuesFiles: [/etc/passwd]}\n": `helm.valuesFiles[0]: "/etc/passwd" leads out of the repository`,
		"helm: {valuesFiles: [a.yaml, ../../../b]}\n": `helm.valuesFiles[0]: "a.yaml" cannot be read: is it seen ` +
			`from the folder apps/web?`,
		"helm: {valuesFiles: [../../../b]}\n": `helm.valuesFiles[0]: "../../../b" leads out of the repository`,
		"helm: {valuesFiles: ['']}\n":         `helm.valuesFiles[0]: "" cannot be read`,
		"helm: {valuesFrom: [{}]}\n": `helm.valuesFrom[0]: it names nothing: write ` +
			`configMapKeyRef or secretKeyRef with a name`,
		"helm: {valuesFrom: [{secretKeyRef: {key: a}}]}\n": `helm.valuesFrom[0]: it names nothing`,
		"helm: {chart: ../../../charts}\n": `helm.chart: "../../../charts" is no folder with a ` +
			`Chart.yaml in this repository`,
		"helm: {chart: /charts/web}\n": `helm.chart: "/charts/web" is no folder with a Chart.yaml ` +
			`in this repository`,
		"helm: {chart: 'https://me:word@a/b.tgz'}\n": `helm.chart: "https://a/b.tgz" is no folder with a C` +
			`hart.yaml in this repository, and charts by an address are ` +
			`not supported`,
		"yaml: {overlays: [none]}\n": `yaml.overlays: the overlay apps/web/overlays/none does not ` +
			`exist: correct the name`,
	} {
		got := plan(t, gitRepo(webPath)+shopTree+"-- apps/web/fleet.yaml --\n"+text)
		if want != "" && !strings.HasPrefix(got.errors, "apps/web/fleet.yaml:1: fleet.yaml: "+want) ||
			!strings.Contains(got.errors, want) || strings.Contains(got.errors, "me:word") {
			t.Errorf("%q: errors %s\nwant %s", text, got.errors, want)
		}
	}
}

// TestGroupsThatAreWrong: a selector of a ClusterGroup that is none is a problem, at its line.
func TestGroupsThatAreWrong(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]string{
		"{matchExpressions: [{key: a, operator: Like}]}": `fleet/g.yaml:5: ClusterGroup fleet-default/g: spec.selector: ` +
			`the operator "Like" is not known`,
		"env": "fleet/g.yaml:", "{matchLabels: [a]}": "fleet/g.yaml:", "{matchLabels: {a: 1}}": "fleet/g.yaml:",
	} {
		got := plan(t, repoText("paused: false")+shopTree+"-- fleet/g.yaml --\napiVersion: fleet.cattle.io/v1alpha1\n"+
			"kind: ClusterGroup\nmetadata: {name: g, namespace: fleet-default}\nspec:\n  selector: "+selector+"\n")
		if !strings.HasPrefix(got.errors, want) || len(got.apps) != 0 || len(got.plan.Cluster.Problems) != 1 {
			t.Errorf("%s: errors %s\nwant %s; apps %v", selector, got.errors, want, got.apps)
		}
	}
	for selector, want := range map[string]bool{"{matchLabels: {env: prod}}": true, "{matchLabels: {env" +
		": dev}}": false, "{}": true,
		"": false, "{matchExpressions: [{key: env, operator: NotIn, values: [dev]}]}": true} {
		got := plan(t, repoText("targets: [{clusterGroup: g}]")+shopTree+"-- fleet/g.yaml --\n"+
			"apiVersion: fleet.cattle.io/v1alpha1\nkind: ClusterGroup\nmetadata: {name: g, namespace: fleet-default}\n"+
			"spec:\n  selector: "+selector+"\n")
		if is := len(got.apps) == 1; is != want {
			t.Errorf("%s: apps %v, notes %s, errors %s", selector, got.apps, got.notes, got.errors)
		}
	}
}

// TestCustomizationsAreLaidOver field by field: a text replaces, mappings and lists are joined, and what is true stays.
func TestCustomizationsAreLaidOver(t *testing.T) {
	t.Parallel()
	const base = "namespaceLabels: {a: '1', b: '1'}\nnamespaceAnnotations: {a: '1'}\nserviceAccount: one\nnamespace: " +
		"own\n" +
		"correctDrift: {enabled: true}\nkeepResources: true\ndiff: {comparePatches: [{kind: A, jsonPointers: [/a]}]}\n" +
		"helm: {chart: ../../charts/web, releaseName: one, timeoutSeconds: 5, force: true, values: {a: 1}, " +
		"valuesFrom: [{secretKeyRef: {name: one}}]}\n"
	for custom, want := range map[string]string{
		"namespaceLabels: {b: '2', c: '2'}":                       `"labels":{"a":"1","b":"2","c":"2"}`,
		"namespaceAnnotations: {b: '2'}":                          `"annotations":{"a":"1","b":"2"}`,
		"serviceAccount: two":                                     `"serviceAccount":"cattle-fleet-system/two"`,
		"serviceAccount: ''":                                      `"serviceAccount":"cattle-fleet-system/one"`,
		"namespace: other":                                        `"Namespace":"other"`,
		"defaultNamespace: other":                                 `"Namespace":"own"`,
		"keepResources: false":                                    `"orphan":true`,
		"correctDrift: {enabled: false}":                          `"keepDrift":true`,
		"diff: {comparePatches: [{kind: B, jsonPointers: [/b]}]}": `"Paths":["/a"]},{"Target":{"kind":"B"},"Paths":["/b"]}]`,
		"helm: {releaseName: two}":                                `"release":"two"`,
		"helm: {timeoutSeconds: 7}":                               `"Timeout":7000000000`,
		"helm: {timeoutSeconds: 0}":                               `"Timeout":5000000000`,
		"helm: {force: false}":                                    `"recreate":true`,
		"helm: {skipSchemaValidation: true}":                      `"skipSchema":true`,
		"helm: {values: {a: 2}}":                                  `{"text":"a: 1\n"},{"text":"a: 2\n"}]`,
		"helm: {valuesFiles: [../../charts/web/prod.yaml]}":       `{"text":"a: 1\n"},{"path":"charts/web/prod.yaml"}]`,
		"helm: {valuesFrom: [{configMapKeyRef: {name: two}}]}": `"name":"one"},"key":"values.yaml"},{"fro` +
			`m":{"kind":"ConfigMap",` +
			`"namespace":"own","name":"two"}`,
		"helm: {repo: 'https://c.example.com', chart: web, version: '2'}": `"url":"https://c.example.co` +
			`m","semver":"2","chart":"web"`,
	} {
		tree := repoText("paused: false") + shopTree + "-- apps/web/fleet.yaml --\n" + base
		got := plan(t, tree+"targetCustomizations:\n- {clusterName: eu, "+custom+"}\n- {clusterName: eu, "+
			"serviceAccount: three}\n")
		if app := got.apps["shop-apps-web"]; !strings.Contains(app, want) || got.errors != "" {
			t.Errorf("%s: %s\nwant %s; errors %s", custom, app, want, got.errors)
		}
	}
}

// TestTemplatesInValuesThatFail: what executes them is missing, or what they come to is no mapping.
func TestTemplatesInValuesThatFail(t *testing.T) {
	t.Parallel()
	r := &reader{plan: plan(t, web).plan}
	b := &bundle{repo: &repo{o: objects(t, "clusters/eu/repo.yaml", []byte("apiVersion: fleet.cattle.io/v1alpha1\n"+
		"kind: GitRepo\nmetadata: {name: a}\n"))[0]}, file: file{path: "apps/web/fleet.yaml"}}
	b.Helm = &helmOptions{}
	for name, c := range map[string]struct {
		values map[string]any
		by     model.Templates
		want   string
		wrong  string
	}{
		"nothing to execute": {values: map[string]any{"a": "b"}, want: "a: b\n"},
		"a label":            {values: map[string]any{"a": "global.fleet.clusterLabels.env"}, want: "a: prod\n"},
		"a label of a list": {values: map[string]any{"a": []any{"global.fleet.clusterLabels.env"}},
			want: "a:\n- global.fleet.clusterLabels.env\n"},
		"a label below": {values: map[string]any{"a": []any{map[string]any{"b": "global.fleet.clusterLabels.env"}}},
			want: "a:\n- b: prod\n"},
		"a label it has not": {values: map[string]any{"a": "global.fleet.clusterLabels.none"}, want: "a: \"\"\n"},
		"nobody executes": {values: map[string]any{"a": "${ .x }"},
			wrong: "apps/web/fleet.yaml: fleet.yaml: helm.values: nothing here executes the templates in it"},
		"what is no mapping": {values: map[string]any{"a": "${ .x }"}, by: made("- a\n"),
			wrong: "with the templates executed it is no YAML mapping: put quotes around them"},
		"what is a mapping": {values: map[string]any{"a": "${ .x }"}, by: made("a: 7\n"), want: "a: 7\n"},
		"what fails": {values: map[string]any{"a": "${ .x }"}, by: failing{fmt.Errorf("no key x")},
			wrong: "helm.values: no key x: does the cluster have the labels in its cluster.yaml?"},
		"what fails in passing": {values: map[string]any{"a": "${ .x }"},
			by: failing{&model.TransientError{Err: fmt.Errorf("too busy")}}, wrong: "too busy"},
	} {
		r.templates = c.by
		got, err := r.expandValues(t.Context(), b, "helm.values", c.values)
		if message := fmt.Sprint(err); got != c.want || c.wrong == "" && err != nil || !strings.Contains(message, c.wrong) {
			t.Errorf("%s: %q, %v\nwant %q, %s", name, got, err, c.want, c.wrong)
		}
		if isTransient(err) != (name == "what fails in passing") {
			t.Errorf("%s: transient %t", name, isTransient(err))
		}
	}
}

// TestJSONFilesThatAreObjects: others are data, and not delivered.
func TestJSONFilesThatAreObjects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{`{"apiVersion":"v1","kind":"Pod"}`: true, `{"kind":"Pod"}`: false, `{"a` +
		`piVersion":"v1"}`: false,
		`[]`: false, ``: false, `{"apiVersion":1,"kind":"Pod"}`: false, `{"apiVersion":"v1","kind":""}`: false,
		`text`: false} {
		if got := isObject(fstest.MapFS{"a.json": {Data: []byte(text)}}, "a.json"); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if isObject(fstest.MapFS{}, "a.json") {
		t.Error("a file that is not there is an object")
	}
}

// TestPatchesOfOverlaysNameTheirObject: by the file that they patch, whatever they say themselves.
func TestPatchesOfOverlaysNameTheirObject(t *testing.T) {
	t.Parallel()
	const base = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a.b, namespace: c}\n"
	for _, c := range []struct{ base, patch, want, target, wrong string }{
		{base, "spec: {replicas: 2}\n", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a` +
			`.b"},"spec":{"replicas":2}}`, `a\.b`, ""},
		{base, "kind: Other\nmetadata: {name: x, labels: {d: e}}\n",
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"d":"e"},"name":"a.b"}}`, `a\.b`, ""},
		{base, "metadata: text\n", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a.b"}}`, `a\.b`, ""},
		{base, "- {op: remove, path: /a}\n", "- {op: remove, path: /a}\n", `a\.b`, ""},
		{base, "", "", `a\.b`, ""},
		{"kind: Deployment\n", "a: b\n", "", "", "what it patches, b.yaml, is to hold one object with a kind and a name"},
		{"metadata: {name: a}\n", "a: b\n", "", "", "is to hold one object with a kind and a name"},
		{"a: [\n", "a: b\n", "", "", "is to hold one object"}, {"", "a: b\n", "", "", "is to hold one object"},
	} {
		got, err := patchOf(fstest.MapFS{"b.yaml": {Data: []byte(c.base)}, "p.yaml": {Data: []byte(c.patch)}}, "b.yaml",
			"p.yaml")
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q over %q: %v, want %s", c.patch, c.base, err, c.wrong)
			}
			continue
		}
		if err != nil || got.Patch != c.want || got.Target.Name != c.target || got.Target.Group != "apps" ||
			got.Target.Namespace != "c" {
			t.Errorf("%q over %q: %+v of %+v, %v\nwant %s", c.patch, c.base, got, got.Target, err, c.want)
		}
	}
}

// TestGroupsThatResembleThatOfFleet, and names that its files have.
func TestGroupsThatResembleThatOfFleet(t *testing.T) {
	t.Parallel()
	for group, want := range map[string]bool{"fleet.cattle.io": true, "fleet.cattle.com": true, "cattle" +
		".io": false, "": false,
		"Fleet.cattle.io": false, "management.cattle.io": false} {
		if got := kinds.Groups[0].Resembles(group); got != want {
			t.Errorf("%q: %t", group, got)
		}
	}
	for name, want := range map[string]bool{"a/fleet.yaml": true, "fleet.yml": true, "fleet.yaml/x": false, "a/F" +
		"leet.yaml": false,
		"fleet.json": false, "": false} {
		if got := (Dialect{}).Claims(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
	for _, kind := range []document.Text{"HelmOp", "gitRepo", ""} {
		if got := (Dialect{}).Sort("", document.Head{APIVersion: apiGroup + "/v1alpha1", Kind: kind}); got != 3 {
			t.Errorf("%q is %d to the dialect, want left out", kind, got)
		}
	}
}

// made gives a text whatever the template; failing an error.
type (
	made    string
	failing struct{ error }
)

// Execute implements model.Templates.
func (m made) Execute(context.Context, string, []string, []model.Templated) ([][]string, error) {
	return [][]string{{string(m)}}, nil
}

// Execute implements model.Templates.
func (f failing) Execute(context.Context, string, []string, []model.Templated) ([][]string, error) {
	return nil, f.error
}

// dependsAt is where the dependencies of an app are written.
var dependsAt = regexp.MustCompile(`"DependsAt":"[^"]*"`)
