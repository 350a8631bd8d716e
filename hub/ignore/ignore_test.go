package ignore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

const (
	web = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"tier":"front"},"annotations":{"a/b":"1"}},` +
		`"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"app","image":"a:1"},{"name":"istio-proxy","image":"p:1"}]}}}}`
	worker = `{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"worker","namespace":"jobs"},"spec":{"replicas":1,"ratio":0.5}}`
	config = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"config"},"data":{"a~b":"1","c/d":"2"}}`
	front  = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"front"},"spec":{"selector":{"app":"web"}}}`
	routes = `{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"routes"},"spec":{"http":[{"route":[{"destination":{"host":"a"}}]}]}}`
	role   = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"reader"},"rules":[{"verbs":["get"]}]}`
)

func objects(texts ...string) []model.Rendered {
	var out []model.Rendered
	for _, text := range texts {
		out = append(out, model.Rendered{JSON: []byte(text), File: "apps/web.yaml"})
	}
	return out
}

// TestRulesBecomeExactFieldsOfExactObjects is the whole language, case by case.
func TestRulesBecomeExactFieldsOfExactObjects(t *testing.T) {
	target := func(t model.Target, paths ...string) model.IgnoreRule {
		return model.IgnoreRule{Target: t, Paths: paths}
	}
	jq := func(text ...string) model.IgnoreRule { return model.IgnoreRule{JQ: text} }
	when := func(text string) model.IgnoreRule {
		return model.IgnoreRule{When: text, Paths: []string{"/spec/replicas"}}
	}
	for name, c := range map[string]struct {
		rule model.IgnoreRule
		want string // name=pointers, of all objects
	}{
		"no target means every object that has the field": {target(model.Target{}, "/spec/replicas"), "web=/spec/replicas worker=/spec/replicas"},
		"a field that Git does not have is nobody's":      {target(model.Target{}, "/spec/paused"), ""},
		"a field that Git does not have, of a map":        {target(model.Target{}, "/spec/selector/hash"), "front=/spec/selector/hash"},
		"a field that Git does not have, of a list":       {target(model.Target{}, "/spec/http/0/route/-1/weight"), "routes=/spec/http/0/route/0/weight"},
		"jq of a field that Git does not have":            {jq(`.spec.selector["rollouts-pod-template-hash"]`), "front=/spec/selector/rollouts-pod-template-hash"},
		"labels that Git does not have are nobody's":      {target(model.Target{}, "/metadata/labels/x", "/data/x"), ""},
		"a kind is a whole regular expression":            {target(model.Target{Kind: "State.*"}, "/spec/replicas"), "worker=/spec/replicas"},
		"part of a kind is no match":                      {target(model.Target{Kind: "State"}, "/spec/replicas"), ""},
		"alternatives are anchored as a whole":            {target(model.Target{Name: "we|worker"}, "/spec/replicas"), "worker=/spec/replicas"},
		"a star is any kind, as in Argo CD":               {target(model.Target{Kind: "*", Group: "*"}, "/spec/replicas"), "web=/spec/replicas worker=/spec/replicas"},
		"group and version":                               {target(model.Target{Group: "apps", Version: "v1"}, "/metadata/labels"), "web=/metadata/labels"},
		"the core group alone":                            {target(model.Target{Group: "^$"}, "/data/c~1d", "/data/a~0b"), "config=/data/a~0b,/data/c~1d"},
		"another version":                                 {target(model.Target{Version: "v2"}, "/spec/replicas"), ""},
		"the app's namespace, where none is written":      {target(model.Target{Namespace: "shop"}, "/spec/replicas"), "web=/spec/replicas"},
		"the namespace that is written":                   {target(model.Target{Namespace: "jobs"}, "/spec/replicas"), "worker=/spec/replicas"},
		"what has no namespace is in none":                {target(model.Target{Kind: "ClusterRole", Namespace: "shop"}, "/rules"), ""},
		"labels":                                          {target(model.Target{LabelSelector: "tier in (front,back)"}, "/spec/replicas"), "web=/spec/replicas"},
		"annotations":                                     {target(model.Target{AnnotationSelector: "a/b"}, "/spec/replicas"), "web=/spec/replicas"},
		"an index":                                        {target(model.Target{}, "/spec/template/spec/containers/1/image"), "web=/spec/template/spec/containers/1/image"},
		"an index from the end":                           {target(model.Target{}, "/spec/template/spec/containers/-2/image"), "web=/spec/template/spec/containers/0/image"},
		"an index beyond the end":                         {target(model.Target{}, "/spec/template/spec/containers/2"), ""},
		"an escaped slash in a key":                       {target(model.Target{}, "/metadata/annotations/a~1b"), "web=/metadata/annotations/a~1b"},
		"identity cannot be ignored":                      {target(model.Target{}, "/metadata/name", "/kind", "/apiVersion"), ""},
		"the whole object is all but its identity":        {target(model.Target{Name: "web"}, ""), "web=/metadata/annotations,/metadata/labels,/spec"},
		"what is no pointer means nothing":                {target(model.Target{}, "spec/replicas"), ""},

		"jq paths":                          {jq(".spec.replicas"), "web=/spec/replicas worker=/spec/replicas"},
		"jq with a condition":               {jq(`.spec.template.spec.containers[] | select(.name == "istio-proxy")`), "web=/spec/template/spec/containers/1"},
		"jq with several":                   {jq(`.spec.template.spec.containers[].image`), "web=/spec/template/spec/containers/0/image,/spec/template/spec/containers/1/image"},
		"jq with a slice":                   {jq(`.spec.template.spec.containers[1:] | .[0].image`, `.spec.template.spec.containers[-1:]`), "web=/spec/template/spec/containers/1,/spec/template/spec/containers/1/image"},
		"jq with a slice of a slice":        {jq(`.spec.template.spec.containers[0:][1:][-1].name`), "web=/spec/template/spec/containers/1/name"},
		"jq with an index from the end":     {jq(`.spec.template.spec.containers[-1].name`), "web=/spec/template/spec/containers/1/name"},
		"jq with a function":                {jq(`.data | .[("a~b", "x")]`, `.data["c/d"]?`), "config=/data/a~0b,/data/c~1d"},
		"jq with a regular expression":      {jq(`.spec.template.spec.containers[] | select(.name | test("^istio-")) | .image`), "web=/spec/template/spec/containers/1/image"},
		"jq that fails ends for one object": {jq(`.data.x.y, .rules[].verbs`), "reader=/rules/0/verbs"},

		"CEL over the object":               {when(`object.kind == "Deployment" && object.spec.replicas > 2`), "web=/spec/replicas"},
		"a field that it lacks is no match": {when(`object.spec.ratio < 1`), "worker=/spec/replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			made, _, err := Made(t.Context(), []model.IgnoreRule{c.rule}, "shop", objects(web, worker, config, role, front, routes))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range made {
				got = append(got, m.Object.Name+"="+strings.Join(m.Paths, ","))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, not %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

// TestRulesOfOneObjectAddUp, and the object is named as the blob has it.
func TestRulesOfOneObjectAddUp(t *testing.T) {
	rules := []model.IgnoreRule{
		{Paths: []string{"/spec/replicas", "/spec/replicas"}, Managers: []string{"scaler"}},
		{Target: model.Target{Name: "worker"}, JQ: []string{".spec.replicas", ".spec.ratio"}, Managers: []string{"robot", "scaler"}},
	}
	made, notes, err := Made(t.Context(), rules, "shop", objects(config, worker))
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	want := []protocol.Ignored{
		{Object: protocol.ObjectRef{Kind: "ConfigMap", Name: "config"}, Managers: []string{"scaler"}},
		{Object: protocol.ObjectRef{Group: "apps", Kind: "StatefulSet", Namespace: "jobs", Name: "worker"},
			Paths: []string{"/spec/ratio", "/spec/replicas"}, Managers: []string{"robot", "scaler"}},
	}
	got, _ := json.Marshal(made)
	if wanted, _ := json.Marshal(want); string(got) != string(wanted) {
		t.Errorf("%s\nnot %s", got, wanted)
	}
}

// TestARuleThatCannotBeUsedSaysWhichAndWhy.
func TestARuleThatCannotBeUsedSaysWhichAndWhy(t *testing.T) {
	for _, c := range []struct {
		rule model.IgnoreRule
		want string
	}{
		{model.IgnoreRule{Target: model.Target{Kind: "("}}, `target.kind "(" is no regular expression`},
		{model.IgnoreRule{Target: model.Target{LabelSelector: "a>b"}}, "target.labelSelector"},
		{model.IgnoreRule{When: "object.spec."}, "is no CEL expression"},
		{model.IgnoreRule{When: `"text"`}, "true or false"},
		{model.IgnoreRule{JQ: []string{".a["}}, "is no path expression"},
		{model.IgnoreRule{JQ: []string{`. * 1000`}}, "* cannot be used"},
		{model.IgnoreRule{JQ: []string{`[.,.] | .[0]`}}, "constants"},
		{model.IgnoreRule{JQ: []string{`{a: .}`}}, "cannot be used"},
		{model.IgnoreRule{JQ: []string{`.["\(.a)"]`}}, "cannot be used"},
		{model.IgnoreRule{JQ: []string{`env.HOME`}}, "env cannot be used"},
		{model.IgnoreRule{JQ: []string{`$ENV.HOME`}}, "$ENV cannot be used"},
		{model.IgnoreRule{JQ: []string{`input`}}, "input cannot be used"},
		{model.IgnoreRule{JQ: []string{`def f: f; f`}}, "def and import cannot be used"},
		{model.IgnoreRule{JQ: []string{`.a) | (.b`}}, "is no path expression"},
		{model.IgnoreRule{JQ: []string{`.a | @base64`}}, "cannot be used"},
		{model.IgnoreRule{JQ: []string{strings.Repeat("(", 3000)}}, "is no path expression"},
		{model.IgnoreRule{JQ: []string{`.` + strings.Repeat("a", 5000)}}, "longer than"},
	} {
		_, _, err := Made(t.Context(), []model.IgnoreRule{{}, c.rule}, "", objects(web))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "ignore rule 2: ") {
			t.Errorf("%+v: %v, which does not have %q", c.rule, err, c.want)
		}
	}
}

// TestAPointerThatIsNoneIsNoted: Flux takes it for one that leads nowhere, so the app goes on.
func TestAPointerThatIsNoneIsNoted(t *testing.T) {
	_, notes, err := Made(t.Context(), []model.IgnoreRule{{Paths: []string{"spec/replicas"}}}, "", objects(web))
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0].Text, `"spec/replicas" is no JSON pointer`) {
		t.Errorf("%v, %v", notes, err)
	}
}

// TestHostileExpressionsEnd in bounded time and memory, with an error.
func TestHostileExpressionsEnd(t *testing.T) {
	wide := strings.TrimSuffix(strings.Repeat("(.,.)|", 40), "|")
	for _, text := range []string{wide, `..|..|..|..|..|..|..|..`, `recurse(.)`, `[limit(3; .)]`} {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, _, err := Made(ctx, []model.IgnoreRule{{JQ: []string{text}}}, "", objects(web))
		cancel()
		if err == nil {
			t.Errorf("%s: no error", text)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %s", text, took)
		}
	}
}

// TestTooManyFieldsAreRefused: they would not fit in a bundle.
func TestTooManyFieldsAreRefused(t *testing.T) {
	data := map[string]string{}
	for i := range 5001 {
		data[fmt.Sprintf("k%d", i)] = ""
	}
	big, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]string{"name": "big"}, "data": data})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for k := range data {
		paths = append(paths, "/data/"+k)
	}
	slices.Sort(paths)
	_, _, err = Made(t.Context(), []model.IgnoreRule{{Paths: paths}}, "", objects(string(big), string(big)))
	if err == nil || !strings.Contains(err.Error(), "more than 10000 fields") {
		t.Error(err)
	}
}
