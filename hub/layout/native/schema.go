package native

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/model"
)

// Kinds lists the kinds that people write for Drover.
func Kinds() []string {
	return []string{model.KindApp, model.KindCluster, KindProject, KindRolloutPolicy, rights.KindRole,
		rights.KindRoleBinding}
}

// Schema gives the JSON Schema (2020-12) of a kind, indented. An error says that there is no such kind.
func Schema(kind string) ([]byte, error) {
	spec := shape{name: "spec", fields: appShapes, must: true, says: "What to deliver, and how."}
	named := slices.Clone(metaShapes)
	switch kind {
	case model.KindApp:
		named[0].must = true
	case model.KindCluster:
		spec = shape{name: "spec", fields: clusterShapes, says: "How the cluster is to be treated."}
	case KindProject:
		named[0].must = true
		spec = shape{name: "spec", fields: projectShapes, must: true, says: "What the apps of the project may use."}
	case KindRolloutPolicy:
		named[0].must = true
		spec = shape{name: "spec", fields: rolloutShapes, must: true, says: "How changes reach the clusters."}
	case rights.KindRole:
		named[0].must = true
		spec = shape{name: "spec", fields: roleShapes, must: true, says: "What the role allows."}
	case rights.KindRoleBinding:
		named[0].must = true
		spec = shape{name: "spec", fields: bindingShapes, must: true, says: "Who is given which role, and where."}
	default:
		return nil, fmt.Errorf("there is no kind %q: there are %v", kind, Kinds())
	}
	out := mapping([]shape{
		{name: "apiVersion", must: true, kind: map[string]any{"const": model.APIVersion}},
		{name: "kind", must: true, kind: map[string]any{"const": kind}},
		{name: "metadata", must: kind != model.KindCluster, fields: named},
		spec,
	})
	if kind == model.KindApp {
		oneOf(out)
	}
	out["$schema"], out["title"] = "https://json-schema.org/draft/2020-12/schema", kind+" ("+model.APIVersion+")"
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}

// oneOf demands a path or a chart in an App's spec, and not both; with a source there need be neither.
func oneOf(object map[string]any) {
	has := func(name string) map[string]any { return map[string]any{"required": []string{name}} }
	properties, _ := object["properties"].(map[string]any)
	if spec, ok := properties["spec"].(map[string]any); ok {
		spec["anyOf"] = []any{has("path"), has("helm"), has("source")}
		spec["not"] = map[string]any{"required": []string{"path", "helm"}}
	}
}
