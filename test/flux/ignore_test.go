package flux

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drover-dev/drover/hub/ignore"
	"github.com/drover-dev/drover/hub/model"
)

// TestIgnoreRulesMeanWhatTheyMeanInFlux: what is left of an object without the ignored fields is the same, target by target and path by path.
func TestIgnoreRulesMeanWhatTheyMeanInFlux(t *testing.T) {
	words := []string{"", "apps", "Deployment", "Deploy.*", "(?i)deployment", "web|db", "web", "^web$", "shop", "v1", ".*", "x"}
	selectors := []string{"", "tier=web", "tier!=web", "tier in (web,db)", "!tier", "tier", "a=b,tier=web"}
	paths := []string{"/spec/replicas", "/spec/template/spec/containers/0/image", "/spec/template/spec/containers/-1", "/metadata/annotations/a~1b", "/metadata/labels", "/nope", "spec/replicas", "/spec/template/spec/containers/9"}
	var targets []model.Target
	for _, w := range words {
		targets = append(targets, model.Target{Group: w}, model.Target{Version: w}, model.Target{Kind: w}, model.Target{Name: w}, model.Target{Namespace: w}, model.Target{Kind: "Deployment", Name: w})
	}
	for _, s := range selectors {
		targets = append(targets, model.Target{LabelSelector: s}, model.Target{AnnotationSelector: s})
	}
	met := 0
	for _, name := range []string{"web", "db"} {
		data := fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"a/b":"1","tier":"db"},"labels":{"tier":"web"},"name":%q,"namespace":"shop"},`+
			`"spec":{"replicas":2,"template":{"spec":{"containers":[{"image":"a","name":"a"},{"image":"b","name":"b"}]}}}}`, name)
		for _, target := range targets {
			for _, path := range paths {
				got, want := remaining(t, data, target, path), theirs(t, data, target, path)
				if got != want {
					t.Errorf("%+v %s:\n%s\nFlux leaves\n%s", target, path, got, want)
				}
				if want != string(data) {
					met++
				}
			}
		}
	}
	if met < 100 {
		t.Errorf("only %d rules met anything", met)
	}
}

// theirs is what Flux' code leaves of an object.
func theirs(t *testing.T, data []byte, target model.Target, path string) string {
	t.Helper()
	s, err := jsondiff.NewSelectorRegex(&jsondiff.Selector{Group: target.Group, Version: target.Version, Kind: target.Kind, Name: target.Name, Namespace: target.Namespace,
		LabelSelector: target.LabelSelector, AnnotationSelector: target.AnnotationSelector})
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	if s.MatchUnstructured(&o) {
		if err := jsondiff.ApplyPatchToUnstructured(&o, jsondiff.GenerateRemovePatch(path)); err != nil {
			t.Fatal(err)
		}
	}
	return canonical(t, o.Object)
}

// remaining is what is left of an object without the fields that Drover leaves to others.
func remaining(t *testing.T, data []byte, target model.Target, path string) string {
	t.Helper()
	made, _, err := ignore.Made(t.Context(), []model.IgnoreRule{{Target: target, Paths: []string{path}}}, "", []model.Rendered{{JSON: data}})
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		if slices.Contains(m.Paths, "") {
			t.Fatal("an empty pointer")
		}
		if err := jsondiff.ApplyPatchToUnstructured(&o, jsondiff.GenerateRemovePatch(m.Paths...)); err != nil {
			t.Fatal(err)
		}
	}
	return canonical(t, o.Object)
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
