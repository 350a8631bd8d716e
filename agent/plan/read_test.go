package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestReadIndexesObjects(t *testing.T) {
	t.Parallel()
	role := object("rbac.authorization.k8s.io/v1 Role", "ns/r")
	p := mustRead(t, source(object("ConfigMap", "a"), role), nil)
	equal(t, "objects", refs(p), []string{"ConfigMap/a", "Role/ns/r"})
	lines, err := p.Lines()
	if err != nil {
		t.Fatal(err)
	}
	w := &p.Wants[1]
	equal(t, "apiVersion", w.APIVersion, "rbac.authorization.k8s.io/v1")
	equal(t, "line", string(w.LineOf(lines)), role)
	equal(t, "sum", w.Line, agent.SumOf([]byte(role)))
	equal(t, "namespace omitted", []bool{p.Wants[0].NamespaceOmitted, w.NamespaceOmitted}, []bool{true, false})
}

func TestReadSkipsEmptyLines(t *testing.T) {
	t.Parallel()
	src := source(object("ConfigMap", "a"), object("ConfigMap", "b"))
	src.Lines = []byte("\n" + strings.ReplaceAll(string(src.Lines), "\n", "\n \t\n\n"))
	src.Spec.Blob.Size = int64(len(src.Lines))
	src.Packed = agent.Pack(src.Lines)
	p := mustRead(t, src, nil)
	lines, err := p.Lines()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		equal(t, name, string(p.Wants[i].LineOf(lines)), object("ConfigMap", name))
		equal(t, "number", p.Wants[i].number, uint32(i+1))
	}
}

func TestReadRefusesABlob(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		says  string
	}{
		"YAML":         {[]string{object("ConfigMap", "a"), "kind: ConfigMap"}, "object 2 of the blob is no JSON object"},
		"a list":       {[]string{`[{"kind":"ConfigMap"}]`}, "object 1 of the blob is no JSON object"},
		"a cut object": {[]string{`{"kind":"Secret","data":{"a":"c2VjcmV0`}, "object 1 of the blob is no JSON object"},
		"two on a line": {[]string{object("ConfigMap", "a") + object("ConfigMap", "b")},
			"object 1 of the blob is no JSON"},
		"a number kind": {[]string{`{"apiVersion":"v1","kind":7,"metadata":{"name":"a"}}`},
			"object 1 of the blob is no JSON"},
		"a numeric name": {[]string{`{"apiVersion":"v1","kind":"Pod","metadata":{"name":7}}`}, "is no JSON object"},
		"other keys":     {[]string{`{"kind":"Pod","metadata":{"annotations":["c2VjcmV0"]}}`}, "is no JSON object"},
		"a secret text":  {[]string{`{"kind":"Secret","stringData":c2VjcmV0}`}, "is no JSON object"},
	} {
		_, err := Read(t.Context(), source(c.lines...), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
	for _, objects := range []int{-1, 0, 1, 3, 1 << 40} {
		src := source(object("ConfigMap", "a"), object("ConfigMap", "b"))
		src.Spec.Blob.Objects = objects
		_, err := Read(t.Context(), src, nil)
		if says := fmt.Sprintf("the blob has 2 objects, its bundle says %d", objects); err == nil || err.Error() != says {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestReadTellsOfInvalidObjects(t *testing.T) {
	t.Parallel()
	at := func(apiVersion, kind, namespace, name string) string {
		return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"namespace":%q,"name":%q}}`, apiVersion, kind,
			namespace, name)
	}
	const lacks = "lacks apiVersion, kind or name"
	for _, c := range []struct{ line, says string }{
		{`{}`, lacks},
		{`null`, lacks},
		{at("", "ConfigMap", "", "a"), lacks},
		{at("v1", "", "", "a"), lacks},
		{at("v1", "ConfigMap", "", ""), lacks},
		{`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"a-"}}`, "(generateName is not enough)"},
		{at("v1", "ConfigMap", "", "a/b"), `has the name "a/b", which is invalid`},
		{at("v1", "ConfigMap", "", ".."), `has the name ".."`},
		{at("v1", "ConfigMap", "", "."), `has the name "."`},
		{at("v1", "ConfigMap", "", "a%2fb"), `has the name "a%2fb"`},
		{at("v1", "ConfigMap", "a/../b", "a"), `has the name "a/../b"`},
		{at("v1", "ConfigMap", "..", "a"), `has the name ".."`},
		{at("apps/v1/x", "Deployment", "", "a"), `has the apiVersion "apps/v1/x", which is invalid`},
		{at("apps/v1?x", "Deployment", "", "a"), `has the apiVersion "apps/v1?x"`},
		{at("apps/v1#x", "Deployment", "", "a"), `has the apiVersion "apps/v1#x"`},
		{at("apps/v1%", "Deployment", "", "a"), `has the apiVersion "apps/v1%"`},
		{at("../v1", "Deployment", "", "a"), `has the apiVersion "../v1"`},
		{at("v1", "ConfigMap", "", strings.Repeat("n", 99)+"/"), strings.Repeat("n", 80) + `"`},
		{object("Job", "a", "drover.dev/hook", "Never"), `is annotated as a hook for "Never", which is no phase`},
		{object("Job", "a/b/c", "drover.dev/hook", "Sync"), `has the name "b/c"`},
		{object("Pod", "a", "drover.dev/depends-on", "b"), `is annotated drover.dev/depends-on: "b"`},
		{`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"a/","annotations":{"drover.dev/hook":"Sync"}}}`,
			`has the name "a/x"`},
		{`{"apiVersion":"v1","metadata":{"generateName":"a","annotations":{"drover.dev/hook":"Sync"}}}`, lacks},
	} {
		p := mustRead(t, source(object("ConfigMap", "good"), c.line), nil)
		equal(t, c.line, refs(p), []string{"ConfigMap/good"})
		if len(p.Invalid) != 1 || !strings.HasPrefix(p.Invalid[0], "object 2 of the app ") ||
			!strings.Contains(p.Invalid[0], c.says) || len(p.Hooks) > 0 {
			t.Errorf("%s: got %v, want %q", c.line, p.Invalid, c.says)
		}
	}
}

func TestReadAcceptsUnusualNames(t *testing.T) {
	t.Parallel()
	lines := []string{object("rbac.authorization.k8s.io/v1 ClusterRole", "system:a"), object("ConfigMap", "a.b..c"),
		object("ConfigMap", "no"), object("ConfigMap", "1e3"), object("example.com/v1 Null", "a#b?c")}
	if p := mustRead(t, source(lines...), nil); len(p.Wants) != len(lines) || len(p.Invalid) > 0 {
		t.Errorf("got %v, invalid %v", refs(p), p.Invalid)
	}
}

func TestReadFollowsAnnotations(t *testing.T) {
	t.Parallel()
	const flux, argo = "kustomize.toolkit.fluxcd.io/", "argocd.argoproj.io/"
	for _, c := range []struct {
		name, value string
		want        Want
	}{
		{"some", "thing", Want{}},
		{"drover.dev/apply", "merge", Want{Mode: fleet.ModeMerge}},
		{"drover.dev/apply", "ignore", Want{Mode: fleet.ModeIgnore, Keep: true}},
		{flux + "ssa", "IfNotPresent", Want{Mode: fleet.ModeIfNotPresent}},
		{flux + "reconcile", "disabled", Want{Mode: fleet.ModeIgnore, Keep: true}},
		{"drover.dev/recreate", "enabled", Want{Recreate: true}},
		{flux + "force", "enabled", Want{Recreate: true}},
		{argo + "sync-options", "Force=true", Want{Recreate: true}},
		{flux + "prune", "disabled", Want{Keep: true}},
		{argo + "sync-options", "Prune=false", Want{Keep: true}},
		{"drover.dev/sync-wave", "3", Want{Wave: 3}},
		{argo + "sync-wave", "-5", Want{Wave: -5}},
		{argo + "sync-wave", "soon", Want{}},
		{"drover.dev/depends-on", "/namespaces/ns/ConfigMap/b",
			Want{After: []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: "ns", Name: "b"}}}},
	} {
		p := mustRead(t, source(object("ConfigMap", "a", c.name, c.value)), nil)
		got := p.Wants[0]
		got = Want{Keep: got.Keep, Mode: got.Mode, Recreate: got.Recreate, Wave: got.Wave, After: got.After}
		equal(t, c.name+": "+c.value, got, c.want)
	}
}

func TestReadFollowsLabels(t *testing.T) {
	t.Parallel()
	p := mustRead(t, source(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a",`+
		`"labels":{"kustomize.toolkit.fluxcd.io/ssa":"Merge"}}}`), nil)
	equal(t, "mode", p.Wants[0].Mode, fleet.ModeMerge)
}

func TestReadSeparatesHooks(t *testing.T) {
	t.Parallel()
	p := mustRead(t, source(
		object("Job", "argo", "argocd.argoproj.io/hook", "PostSync"),
		object("Job", "helm", "helm.sh/hook", "pre-upgrade"),
		object("Job", "test", "helm.sh/hook", "test"),
		object("Job", "skipped", "argocd.argoproj.io/hook", "Skip"),
		`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"run-","annotations":{"drover.dev/hook":"Sync"}}}`,
		object("ConfigMap", "plain")), nil)
	equal(t, "objects", refs(p), []string{"ConfigMap/plain"})
	equal(t, "hooks", hookRefs(p), []string{"Job/argo", "Job/helm", "Pod/"})
	equal(t, "phases", p.Hooks[1].Hook.Upgrade, []fleet.HookPhase{fleet.PreSync})
	equal(t, "generateName", p.Hooks[2].generateName, "run-")
	equal(t, "invalid", p.Invalid, nil)
	equal(t, "number", p.Wants[0].number, 6)
}

func TestReadKnowsReplicas(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{
		`{"replicas":3}`: true, `{"replicas":0}`: true, `{}`: false, `{"replicas":null}`: false,
		`{"replicas":"many"}`: false, `{"template":{"replicas":3}}`: false, `"replicas"`: false, `["replicas"]`: false,
	} {
		p := mustRead(t,
			source(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":`+spec+`}`), nil)
		equal(t, spec, p.Wants[0].HasReplicas, want)
	}
}

func TestReadKnowsWhatDefinitionsAdd(t *testing.T) {
	t.Parallel()
	crd := func(name, spec string) string {
		return `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"` + name +
			`"},"spec":` + spec + `}`
	}
	p := mustRead(t, source(
		crd("things.example.com", `{"group":"example.com","names":{"kind":"Thing","plural":"things"},"scope":"Namespaced",`+
			`"versions":[{"name":"v1","served":true},{"name":"v0","served":false},{"name":"v2","served":true}]}`),
		crd("wide.example.com", `{"group":"example.com","names":{"kind":"Wide","plural":"wides"},"scope":"Cluster",`+
			`"versions":[{"name":"v1","served":true}]}`),
		crd("broken.example.com", `{"versions":"v1"}`),
		`{"apiVersion":"example.com/v1","kind":"CustomResourceDefinition","metadata":{"name":"another"},"spec":{}}`), nil)
	thing := agent.Resource{Group: "example.com", Version: "v1", Kind: "Thing", Plural: "things", Namespaced: true}
	later := thing
	later.Version = "v2"
	equal(t, "things", p.DefinedBy("things.example.com"), []agent.Resource{thing, later})
	equal(t, "wide", p.DefinedBy("wide.example.com"),
		[]agent.Resource{{Group: "example.com", Version: "v1", Kind: "Wide", Plural: "wides"}})
	equal(t, "broken", p.DefinedBy("broken.example.com"), nil)
	var names []string
	for name := range p.Definitions() {
		names = append(names, name)
	}
	slices.Sort(names)
	equal(t, "definitions", names, []string{"broken.example.com", "things.example.com", "wide.example.com"})
}

// An object that is applied in another form than its line has is known by another sum: older agents applied the line.
func TestReadKnowsCanonicalLines(t *testing.T) {
	t.Parallel()
	for line, changed := range map[string]bool{
		`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"k":"v"}}`:     true,
		`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"k":"dg=="}}`:        false,
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"stringData":{"k":"v"}}`:  false,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"serviceAccount":"s"}}`: true,
	} {
		p := mustRead(t, source(line), nil)
		sum := agent.SumOf([]byte(line))
		if changed {
			sum = agent.SumOf(append(sum[:], "canonical"...))
		}
		equal(t, line, p.Wants[0].Line, sum)
	}
}
