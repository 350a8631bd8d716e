package layout

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/flux"
	"github.com/drover-dev/drover/hub/model"
)

// TestHostileShapesOfFluxObjectsGiveErrorsOrNotes: every field with every kind of value, at its place and instead of
// what lies above it. Nothing panics, every object becomes an app or a problem, and what cannot be read stops its app
// alone.
func TestHostileShapesOfFluxObjectsGiveErrorsOrNotes(t *testing.T) {
	deep := any("x")
	for range 500 {
		deep = []any{map[string]any{"a": deep}}
	}
	values := []any{nil, true, -1, 1e300, "", "text", strings.Repeat("x", 1<<16), []any{}, []any{nil, 1, "x", []any{}},
		map[string]any{}, map[string]any{"a": 1, "kind": []any{}}, deep}
	groups := map[string]string{"Kustomization": "kustomize.toolkit.fluxcd.io/v1",
		"HelmRelease": "helm.toolkit.fluxcd.io/v2", "GitRepository": "source.toolkit.fluxcd.io/v1"}
	repository := tree("-- app/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n")
	for _, f := range flux.Fields() {
		group, ok := groups[f.Kind]
		if !ok {
			continue
		}
		for _, v := range values {
			spec := map[string]any{"path": "app", "sourceRef": map[string]any{"kind": "GitRepository", "name": "flux-system"}}
			put(spec, strings.Split(strings.TrimPrefix(f.Path, "spec."), "."), v)
			var declared []model.Declaration
			for _, o := range []any{
				map[string]any{"apiVersion": group, "kind": f.Kind, "metadata": map[string]any{"name": "x",
					"namespace": "flux-system"}, "spec": spec},
				map[string]any{"apiVersion": group, "kind": f.Kind, "metadata": map[string]any{"name": "y",
					"namespace": "flux-system"}, "spec": v},
				map[string]any{"apiVersion": groups["Kustomization"], "kind": "Kustomization",
					"metadata": map[string]any{"name": "good", "namespace": "flux-system"},
					"spec": map[string]any{"path": "app", "sourceRef": map[string]any{"kind": "GitRepository",
						"name": "flux-system"}}},
			} {
				data, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				declared = append(declared, model.Declaration{Rendered: model.Rendered{JSON: data, File: "clusters/staging/x.yaml"},
					App: model.RootApp})
			}
			c, err := (&Layout{}).Plan(t.Context(), repository, model.Declarations{Cluster: model.Cluster{Name: "staging"},
				Declared: declared, Branch: "main"})
			if err != nil {
				t.Fatalf("%s %s: %v", f.Kind, f.Path, err)
			}
			good, apps := false, len(c.Problems)
			for _, a := range c.Apps {
				apps++
				good = good || a.Declared == "Kustomization flux-system/good" && (a.Err == "" || f.Kind == "GitRepository")
			}
			if !good || apps < 2 && f.Kind != "GitRepository" {
				t.Errorf("%s %s as %.60v: apps %d, problems %.300q", f.Kind, f.Path, v, len(c.Apps), c.Problems)
			}
		}
	}
}

// put puts a value at a path, in which [] is the first item of a list.
func put(in map[string]any, path []string, v any) {
	name, isList := strings.CutSuffix(path[0], "[]")
	if len(path) == 1 {
		in[name] = v
		return
	}
	next := map[string]any{}
	put(next, path[1:], v)
	if isList {
		in[name] = []any{next}
		return
	}
	if have, ok := in[name].(map[string]any); ok {
		for k, v := range next {
			have[k] = v
		}
		return
	}
	in[name] = next
}
