package native

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/model"
)

// errorsOf reads an object, and gives what is wrong with it.
func errorsOf(t *testing.T, kind string, object map[string]any) string {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	const file = "clusters/staging/cluster.yaml"
	repository := fstest.MapFS{file: {Data: data}, "apps/payment/README.md": {Data: []byte("x\n")}}
	if kind == model.KindCluster {
		c, err := ReadCluster(repository, model.Site{Name: "staging", Folder: "clusters/staging"})
		if err != nil || c.Ordinary {
			t.Fatal(c, err)
		}
		return message(c.Wrong)
	}
	docs, err := document.Parse(file, data)
	if err != nil || len(docs) != 1 {
		t.Fatal(docs, err)
	}
	switch kind {
	case KindProject:
		_, err = ReadProject(docs[0])
		return message(err)
	case KindRolloutPolicy:
		_, err = ReadRolloutPolicy(docs[0])
		return message(err)
	case rights.KindRole:
		_, err = rights.ReadRole(docs[0])
		return message(err)
	case rights.KindRoleBinding:
		_, err = rights.ReadRoleBinding(docs[0])
		return message(err)
	}
	_, err = ReadApp(repository, docs[0])
	return message(err)
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// object is a valid object with some fields.
func object(kind string, spec, meta map[string]any) map[string]any {
	out := map[string]any{"apiVersion": model.APIVersion, "kind": kind, "metadata": map[string]any{"name": "staging"},
		"spec": map[string]any{}}
	if kind == model.KindApp {
		out["spec"] = map[string]any{"path": "apps/payment"}
	}
	if kind == KindProject {
		out["spec"] = map[string]any{"sources": []any{"*"}, "namespaces": []any{"*"}}
	}
	if kind == KindRolloutPolicy {
		out["spec"] = map[string]any{"waves": []any{map[string]any{"name": "all"}}}
	}
	if kind == rights.KindRole {
		out["spec"] = map[string]any{"rules": roleShapes[0].example}
	}
	if kind == rights.KindRoleBinding {
		out["spec"] = map[string]any{"role": "viewer", "subjects": bindingShapes[1].example}
	}
	if spec["createNamespace"] != nil { // which one
		out["spec"].(map[string]any)["namespace"] = "payment"
	}
	if spec["helm"] != nil { // instead of a path
		delete(out["spec"].(map[string]any), "path")
	}
	for k, v := range spec {
		out["spec"].(map[string]any)[k] = v
	}
	for k, v := range meta {
		out["metadata"].(map[string]any)[k] = v
	}
	return out
}

// TestTheReaderTakesWhatTheSchemaAllows: every field of the schema is read with its example, refused with a value of
// another type, and what is not in the schema is refused.
func TestTheReaderTakesWhatTheSchemaAllows(t *testing.T) {
	shapes := map[string][]shape{model.KindApp: appShapes, model.KindCluster: clusterShapes, KindProject: projectShapes,
		KindRolloutPolicy: rolloutShapes, rights.KindRole: roleShapes, rights.KindRoleBinding: bindingShapes}
	for kind, fields := range shapes {
		for _, f := range fields {
			if kind == model.KindApp && f.name == "clusterSelector" { // TestFleetwideApps
				continue
			}
			if got := errorsOf(t, kind, object(kind, map[string]any{f.name: f.example}, nil)); got != "" {
				t.Errorf("%s: %s: %v is in the schema and not accepted: %s", kind, f.name, f.example, got)
			}
			if got := errorsOf(t, kind, object(kind, map[string]any{f.name: wrong(f)}, nil)); got == "" {
				t.Errorf("%s: %s: %v is not in the schema and accepted", kind, f.name, wrong(f))
			}
		}
		for _, f := range metaShapes[1:] {
			if got := errorsOf(t, kind, object(kind, nil, map[string]any{f.name: f.example})); got != "" {
				t.Errorf("%s: metadata.%s: %s", kind, f.name, got)
			}
		}
		for place, o := range map[string]map[string]any{
			"spec": object(kind, map[string]any{"nonsense": "x"}, nil), "metadata": object(kind, nil,
				map[string]any{"nonsense": "x"}),
		} {
			if got := errorsOf(t, kind, o); !strings.Contains(got, `no field "nonsense"`) {
				t.Errorf("%s: an unknown field of %s gives %q", kind, place, got)
			}
		}
	}
}

// wrong is a value of a type that the field does not have.
func wrong(f shape) any {
	if f.list || f.fields != nil || f.kind["type"] == "array" || f.kind["type"] == "object" {
		return "text"
	}
	return []any{"a", map[string]any{}}
}

// TestNestedFieldsAreReadAndNoOthers: below the top as well.
func TestNestedFieldsAreReadAndNoOthers(t *testing.T) {
	item := func(list, name string, value any) map[string]any {
		base := map[string]any{
			"patches": map[string]any{"patch": "x"}, "images": map[string]any{"name": "x"}, "ignore": map[string]any{"paths": []any{"/x"}},
			"healthChecks": map[string]any{"apiVersion": "v1", "kind": "Pod", "name": "x"},
		}[list].(map[string]any)
		base[name] = value
		return map[string]any{list: []any{base}}
	}
	for list, fields := range map[string][]shape{"patches": patchShapes, "images": imageShapes, "ignore": ignoreShapes,
		"healthChecks": checkShapes} {
		for _, f := range fields {
			if got := errorsOf(t, model.KindApp, object(model.KindApp, item(list, f.name, f.example), nil)); got != "" {
				t.Errorf("%s.%s: %s", list, f.name, got)
			}
			if got := errorsOf(t, model.KindApp, object(model.KindApp, item(list, f.name, wrong(f)), nil)); got == "" {
				t.Errorf("%s.%s takes %v", list, f.name, wrong(f))
			}
		}
		if got := errorsOf(t, model.KindApp, object(model.KindApp, item(list, "nonsense", "x"),
			nil)); !strings.Contains(got, "nonsense") {
			t.Errorf("%s takes any field: %s", list, got)
		}
	}
	for _, f := range patchShapes[1].fields {
		if got := errorsOf(t, model.KindApp, object(model.KindApp, item("patches", "target",
			map[string]any{f.name: f.example}), nil)); got != "" {
			t.Errorf("patches.target.%s: %s", f.name, got)
		}
	}
	for _, f := range append(helmShapes, shape{name: "nonsense", kind: aText}) {
		chart := func(v any) string {
			helm := map[string]any{"path": "apps/payment", f.name: v}
			if f.name == "repo" || f.name == "chart" || f.name == "version" || f.name == "credentials" || f.name == "interval" {
				helm = map[string]any{"repo": "https://charts.example.com", "chart": "web"}
				helm[f.name] = v
			}
			return errorsOf(t, model.KindApp, object(model.KindApp, map[string]any{"helm": helm}, nil))
		}
		if got := chart(f.example); got != "" && f.name != "nonsense" {
			t.Errorf("helm.%s: %s", f.name, got)
		}
		if got := chart(wrong(f)); !strings.Contains(got, f.name) {
			t.Errorf("helm.%s takes %v: %q", f.name, wrong(f), got)
		}
	}
	for kind, fields := range map[string][]shape{"git": sourceShapes[0].fields, "oci": sourceShapes[1].fields} {
		for _, f := range append(fields, shape{name: "nonsense", kind: aText}) {
			from := func(v any) string {
				source := map[string]any{"url": "https://git.example.com/x"}
				source[f.name] = v
				return errorsOf(t, model.KindApp, object(model.KindApp, map[string]any{"source": map[string]any{kind: source}},
					nil))
			}
			if got := from(f.example); got != "" && f.name != "nonsense" {
				t.Errorf("source.%s.%s: %s", kind, f.name, got)
			}
			if got := from(wrong(f)); !strings.Contains(got, f.name) {
				t.Errorf("source.%s.%s takes %v: %q", kind, f.name, wrong(f), got)
			}
		}
	}
	for _, common := range []string{"nonsense", "patch"} {
		if got := errorsOf(t, model.KindApp, object(model.KindApp,
			map[string]any{"commonMetadata": map[string]any{common: "x"}}, nil)); !strings.Contains(got, common) {
			t.Errorf("commonMetadata takes %s: %s", common, got)
		}
	}
}

func TestTheSchemaSaysWhatTheShapesSay(t *testing.T) {
	for _, kind := range Kinds() {
		data, err := Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			AdditionalProperties *bool
			Required             []string
			Properties           map[string]struct {
				Const                string
				AdditionalProperties *bool
				Required             []string
				Properties           map[string]map[string]any
			}
		}
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		spec := s.Properties["spec"]
		if s.AdditionalProperties == nil || *s.AdditionalProperties || spec.AdditionalProperties == nil || *spec.AdditionalProperties {
			t.Errorf("the schema of %s allows any field", kind)
		}
		if got := s.Properties["kind"].Const; got != kind {
			t.Errorf("the schema of %s is for the kind %q", kind, got)
		}
		fields := map[string][]shape{model.KindApp: appShapes, model.KindCluster: clusterShapes, KindProject: projectShapes,
			KindRolloutPolicy: rolloutShapes, rights.KindRole: roleShapes, rights.KindRoleBinding: bindingShapes}[kind]
		if len(spec.Properties) != len(fields) {
			t.Errorf("the schema of %s has %d fields in spec, the reader %d", kind, len(spec.Properties), len(fields))
		}
		for _, f := range fields {
			if spec.Properties[f.name]["description"] != f.says {
				t.Errorf("%s: %s is described as %v", kind, f.name, spec.Properties[f.name]["description"])
			}
		}
	}
	if _, err := Schema("Fleet"); err == nil || !strings.Contains(err.Error(), "App") {
		t.Errorf("a kind that does not exist: %v", err)
	}
}
