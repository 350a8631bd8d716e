package native

import (
	"encoding/json"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// healthShapes are the fields of a rule in spec.health of an App.
var healthShapes = []shape{
	{name: "apiVersion", must: true, kind: aText, says: "Of the objects; the rule is for every version of the group.",
		example: "example.com/v1"},
	{name: "kind", kind: aText, says: "Of the objects; every kind of the group, if it is not said.", example: "Widget"},
	{name: "inProgress", kind: aText, says: "CEL over the object's fields: it is on its way. Asked first.",
		example: "status.phase == 'Pending'"},
	{name: "failed", kind: aText, says: "CEL: it failed.", example: "status.phase == 'Failed'"},
	{name: "paused", kind: aText, says: "CEL: it waits for a person or a time, so that no timeout counts.",
		example: "status.phase == 'Paused'"},
	{name: "current", must: true, kind: aText, says: "CEL: it is as it should be. What is none of these is on its way.",
		example: "status.phase == 'Ready'"},
	{name: "message", kind: aText,
		says: "CEL: why it is not as it should be. Its conditions say it, if this is not said, or " +
			"empty.", example: "status.message"},
}

// readHealthRules takes spec.health of an App.
func readHealthRules(d document.Document, spec *yaml.Node, app *model.App) error {
	return d.Each(spec, "health", func(item *yaml.Node) error {
		var h cel.HealthCheck
		if err := d.Record(item, "health", namesOf(healthShapes), &h.APIVersion, &h.Kind, &h.InProgress, &h.Failed,
			&h.Paused, &h.Current, &h.Message); err != nil {
			return err
		}
		r, at, err := h.Rule()
		if err != nil {
			place := document.Field(item, at)
			if place == nil {
				place = item
			}
			return d.Errorf(place, "health: %v", err)
		}
		app.Handling.Health = append(app.Handling.Health, r)
		return nil
	})
}

// dependencyShapes are the fields of a dependency that is not just a name.
var dependencyShapes = []shape{
	{name: "name", must: true, kind: aText, example: "database"},
	{name: "ready", kind: aText,
		says: "CEL over self and dep, the two apps: what must be true beside the other's " +
			"health.", example: "dep.status.lastAppliedRevision != ''"},
}

// readDependencies takes spec.dependsOn of an App: names, or names with a condition.
func readDependencies(d document.Document, spec *yaml.Node, app *model.App) error {
	n := document.Field(spec, "dependsOn")
	if n != nil && n.Kind != yaml.SequenceNode {
		return d.Errorf(n, "dependsOn is to be a list of names")
	}
	return d.Each(spec, "dependsOn", func(item *yaml.Node) error {
		name, ready := document.Scalar(item), ""
		if item.Kind == yaml.MappingNode {
			if err := d.Record(item, "dependsOn", namesOf(dependencyShapes), &name, &ready); err != nil {
				return err
			}
		}
		if name == "" {
			return d.Errorf(item, "dependsOn is to be a list of names of apps")
		}
		app.DependsOn = append(app.DependsOn, name)
		if ready == "" {
			return nil
		}
		compiled, err := cel.CompileExpr(ready, "self", "dep")
		if err != nil {
			return d.Errorf(document.Field(item, "ready"), "dependsOn: %s is no CEL expression over self and dep: %v", ready,
				err)
		}
		self, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": app.Name}})
		if err != nil {
			return err
		}
		dep, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": name}})
		app.Handling.Ready = append(app.Handling.Ready, protocol.Readiness{App: name, Expression: compiled, Self: self,
			Dep: dep})
		return err
	})
}
