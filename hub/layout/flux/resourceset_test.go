package flux

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// setOf is a ResourceSet with a spec, and what is beside it.
func setOf(spec string, beside ...string) string {
	return strings.Join(append(beside, "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: "+
		"set, namespace: apps}\n"+
		"spec:\n"+spec), "---\n")
}

// provider gives inputs of a type.
func provider(name, kind, labels string) string {
	return "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: " + name +
		", namespace: apps, labels: {" + labels + "}}\nspec: {type: " + kind + ", defaultValues: {from: " + name + "}}\n"
}

// configMapOf is an object that a ResourceSet makes.
func configMapOf(name, more string) string {
	return "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + ", namespace: apps" + more + "}}"
}

// TestAResourceSetMakesItsObjects, each once, in the order of its steps; without templates its inputs do not matter,
// unless there are none at all.
func TestAResourceSetMakesItsObjects(t *testing.T) {
	t.Parallel()
	const ab = "  resources: [" // two objects, and one of them again
	two := ab + configMapOf("a", "") + ", " + configMapOf("b", "") + ", " + configMapOf("a", ", labels: {x: y}") + "]\n"
	for name, c := range map[string]struct {
		spec  string
		want  string // the names of the objects
		notes string
	}{
		"objects":        {two, "a b", ""},
		"with inputs":    {two + "  inputs: [{x: 1}, {x: 2}]\n", "a b", ""},
		"none of a list": {"  resources: []\n", "", ""},
		"a template": {`  resourcesTemplate: "` + configMapOf("c", "") + `\n---\n` + configMapOf("d", "") + "\"\n",
			"c d", ""},
		"a List": {"  resourcesTemplate: '{apiVersion: v1, kind: List, items: [" + configMapOf("c", "") +
			"]}'\n", "c", ""},
		"steps come first": {two + "  steps: [{name: x, resources: [" + configMapOf("z", "") + "]}]\n", "z a b", ""},
		"one that is off": {ab + configMapOf("a", ", annotations: {fluxcd.controlplane.io/reconcile: Disabled}") + "]\n",
			"", ""},
		"a field to come": {two + "  later: 1\n", "a b", "spec.later: no field that Drover knows: nothing is done with it"},
		"waits for readyExpr": {two + "  dependsOn: [{apiVersion: apps/v1, kind: Deployment, name: db, readyExpr: " +
			"'true'}]\n", "a b",
			"spec.dependsOn[0].readyExpr: not done"},
		"a copy from the cluster": {ab + configMapOf("a", ", annotations: {fluxcd.controlplane.io/copyFrom: ns/s}") +
			"]\n", "",
			"ConfigMap apps/a that it makes is not delivered: fluxcd.controlplane.io/copyFrom has the Flux Operator fill it"},
	} {
		got := planOf(t, model.Declarations{Cluster: model.Cluster{Name: "eu"}}, setOf(c.spec)).Apps["set"]
		var names []string
		for _, o := range got.Objects {
			_, name, _ := strings.Cut(string(o), `"name":"`)
			name, _, _ = strings.Cut(name, `"`)
			names = append(names, name)
		}
		if strings.Join(names, " ") != c.want || got.Err != "" || got.Objects == nil || !got.Prune {
			t.Errorf("%s: it makes %q, want %s: %s", name, names, c.want, got.Err)
		}
		if notes := notesOf(got.Notes); c.notes == "" && notes != "" || !strings.Contains(notes, c.notes) {
			t.Errorf("%s: notes %q, want %q", name, notes, c.notes)
		}
	}
}

// TestWhatIsWrongWithAResourceSet stops its app, and says where and what to write.
func TestWhatIsWrongWithAResourceSet(t *testing.T) {
	t.Parallel()
	one := "  resources: [" + configMapOf("a", "") + "]\n"
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"an object without a name": {setOf("  resources: [{apiVersion: v1, kind: ConfigMap}]\n"),
			"spec.resources: it makes an object without apiVersion, kind or metadata.name"},
		"a text": {setOf("  resourcesTemplate: hello\n"), "ResourceSet apps/set: spec.resources: it makes "},
		"no YAML": {setOf("  resourcesTemplate: 'a: ['\n"),
			"spec.resourcesTemplate: what the template gives with its inputs is no YAML"},
		"no YAML for an input": {setOf("  inputs: [{tenant: x}]\n  resourcesTemplate: 'a: ['\n"),
			"gives with tenant=x is no YAML"},
		"a template": {setOf("  resourcesTemplate: '<< inputs.x >>'\n"),
			"spec: its templates cannot be executed: "},
		"resources of a text": {setOf("  resources: x\n"), "ResourceSet apps/set"},
		"a circle of anchors": {setOf("  resourcesTemplate: 'a: &a [*a]'\n"), "ResourceSet apps/set"},
		"an unknown strategy": {setOf(one + "  inputs: [{}]\n  inputStrategy: {name: Zip}\n"),
			`spec.inputStrategy.name: "Zip" is not known: it is Flatten or Permute`},
		"a provider not there": {setOf(one + "  inputsFrom: [{name: p}]\n"),
			"spec.inputsFrom[0]: there is no ResourceSetInputProvider apps/p in what this"},
		"one of another system": {setOf(one+"  inputsFrom: [{name: p}]\n", provider("p", "GitHubBranch", "")),
			"asks another system (type GitHubBranch) for inputs"},
		"expressions": {setOf(one + "  inputsFrom: [{selector: {matchExpressions: [{key: a, operator: Exists}]}}]\n"),
			"spec.inputsFrom[0].selector.matchExpressions: not supported: write matchLabels, or the provider's name"},
		"a dependency of nothing": {setOf(one + "  dependsOn: [{kind: Deployment}]\n"),
			"spec.dependsOn[0]: it is to have apiVersion, kind and name"},
		"an app that is not there": {setOf(one + "  dependsOn: [{apiVersion: kustomize.toolkit.fluxcd.io/v1, " +
			"kind: Kustomization, name: x, namespace: other}]\n"),
			"spec.dependsOn[0]: the Kustomization other/x is not in what this cluster's folder renders to"},
		"too many objects": {setOf("  inputs: [" + strings.Repeat("{},", 4999) + "{}]\n  resources: [" +
			strings.Repeat("{},", 4) + "{}]\n"), "spec: it makes more than 20000 objects: divide it into several ResourceSets"},
		"too many combinations": {setOf(one + "  inputStrategy: {name: Permute}\n  inputs: [" + strings.Repeat("{},",
			10_000) + "{}]\n"),
			"spec.inputs: with the inputs of set it comes to more than 10000 combinations"},
	} {
		got := planOf(t, model.Declarations{Cluster: model.Cluster{Name: "eu"}}, c.text).Apps["set"]
		if !strings.Contains(got.Err, c.want) || !strings.HasPrefix(got.Err, "clusters/eu/o.yaml") {
			t.Errorf("%s: %.300q, want %q", name, got.Err, c.want)
		}
	}
}

// TestInputsOfProvidersAreSelected by name or labels, of the set's own namespace, each once; a template sees them all.
func TestInputsOfProvidersAreSelected(t *testing.T) {
	t.Parallel()
	beside := []string{provider("p1", "Static", "a: b, n: 1"), provider("p2", "Static", "a: b"),
		strings.Replace(provider("p3", "Static", "a: b"), "namespace: apps", "namespace: other", 1)}
	for from, want := range map[string]string{ // the providers of the sets of inputs
		"[{name: p1}]":                                           "p1",
		"[{name: p2}, {name: p1}, {name: p2}]":                   "p1 p2",
		"[{selector: {matchLabels: {a: b}}}]":                    "p1 p2",
		"[{selector: {matchLabels: {a: c}}}]":                    "",
		"[{selector: {}}]":                                       "p1 p2",
		"[{selector: {matchLabels: {a: b, n: '1'}}}]":            "p1",
		"[{name: p2}, {selector: {matchLabels: {n: '1'}}}]":      "p1 p2",
		"[{name: p1}]\n  inputs: [{from: own}]":                  "own p1",
		"[{name: p1}]\n  inputs: [{from: own}, {from: another}]": "own another p1",
	} {
		p := planOf(t, model.Declarations{Cluster: model.Cluster{Name: "eu"}}, setOf("  inputsFrom: "+from+"\n", beside...))
		o := p.Object(planning.ObjectKey(kindResourceSet, "apps", "set"))
		var set resourceSet
		if err := decodeSet(o, &set); err != nil {
			t.Fatal(err)
		}
		inputs, err := (&reader{plan: p}).inputs(o, set)
		var got []string
		for _, in := range inputs {
			got = append(got, fmt.Sprint(in["from"]))
			by, _ := in["provider"].(map[string]any)
			if by["namespace"] != "apps" || in["from"] == "p1" && by["name"] != "p1" || in["from"] == "own" &&
				by["kind"] != "ResourceSet" {
				t.Errorf("%s: %v is said to come from %v", from, in["from"], by)
			}
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: the inputs are of %q, want %s: %v", from, got, want, err)
		}
	}
}

// TestManyInputsCostWhatTheyAreLong: who lists many sets of inputs in a large object does not hold up the hub.
func TestManyInputsCostWhatTheyAreLong(t *testing.T) {
	t.Parallel()
	o := &planning.Object{Kind: kindResourceSet, Name: "set", Declaration: model.Declaration{Rendered: model.Rendered{
		JSON: []byte(`{"apiVersion":"v1","spec":"` + strings.Repeat("x", 1<<20) + `"}`)}}}
	begin := time.Now()
	got := withProvider(make([]map[string]any, 10_000), o) // a minute, if each were to read the object
	if by := got[9_999]["provider"].(map[string]any); by["apiVersion"] != "v1" || time.Since(begin) > 10*time.Second {
		t.Errorf("it took %s: %v", time.Since(begin), by)
	}
}

// TestAKubeconfigNamesACluster: by what its file says, or by the Secret's name or namespace; nobody guesses.
func TestAKubeconfigNamesACluster(t *testing.T) {
	t.Parallel()
	said := model.Cluster{Name: "said"}
	said.Flux.KubeConfig = "flux-system/theirs"
	bare := model.Cluster{Name: "bare"}
	bare.Flux.KubeConfig = "of-bare"
	fleet := []model.Cluster{{Name: "eu"}, {Name: "us"}, said, bare, {Name: "us-kubeconfig"}, {Name: "flux-system"}}
	const remedy = ": say in the cluster.yaml of that cluster flux: {kubeConfig: flux-system/"
	for secret, want := range map[string]struct{ err, note string }{
		"eu":            {},
		"eu-kubeconfig": {},
		"us": {"", "left out: it is for the cluster us, and this is the folder of eu. Let clusters/us name " +
			"this file too"},
		"theirs":         {"", "it is for the cluster said, and this"},
		"of-bare":        {"", "it is for the cluster bare, and this"},
		"kubeconfig":     {"", "it is for the cluster flux-system, and this"},
		"us-kubeconfig":  {"several clusters are known by it, us and us-kubeconfig" + remedy + "us-kubeconfig}", ""},
		"said":           {"no cluster of the fleet is known by it" + remedy + "said}", ""},
		"bare":           {"no cluster of the fleet is known by it" + remedy + "bare}", ""},
		"eu-kubeconfig2": {"no cluster of the fleet is known by it" + remedy + "eu-kubeconfig2}", ""},
		"''":             {"it names no Secret (secretRef), so that nobody can tell which cluster is meant: name one", ""},
	} {
		p := planAmong(t, model.Declarations{Cluster: model.Cluster{Name: "eu"}}, fleet,
			app("web", ", kubeConfig: {secretRef: {name: "+secret+"}}"))
		got, declared := p.Apps["web"]
		if want.err == "" && got.Err != "" || !strings.Contains(got.Err, want.err) {
			t.Errorf("%s: %q, want %q", secret, got.Err, want.err)
		}
		if notes := notesOf(p.Cluster.Notes); !strings.Contains(notes, want.note) || want.note != "" && declared {
			t.Errorf("%s: notes %q, want %q; it is delivered: %t", secret, notes, want.note, declared)
		}
	}
}
