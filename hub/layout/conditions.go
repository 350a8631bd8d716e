package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// healthCheck is a health rule as Flux writes it, and as Drover does, which adds the message.
type healthCheck struct{ APIVersion, Kind, InProgress, Failed, Paused, Current, Message string }

// rule compiles the check. With an error it says at which field that is.
func (h healthCheck) rule() (r protocol.HealthRule, at string, err error) {
	r.Group, r.Kind = fleet.GroupOf(h.APIVersion), h.Kind
	switch {
	case h.APIVersion == "" || h.Kind == "" && r.Group == "":
		return r, "kind", errors.New("a health rule names what it is for: give it apiVersion and kind")
	case r.Group == "" && h.Kind == "Secret":
		return r, "kind", errors.New("a Secret is never read back from the cluster, so that no rule can judge it: take the rule out")
	case h.Current == "":
		return r, "current", errors.New("a health rule without current calls nothing healthy: write when an object is")
	}
	for _, e := range []struct {
		at, text string
		to       **protocol.Expression
		compile  func(string, ...string) (protocol.Expression, error)
	}{
		{"inProgress", h.InProgress, &r.InProgress, CompileExpr}, {"failed", h.Failed, &r.Failed, CompileExpr},
		{"paused", h.Paused, &r.Paused, CompileExpr},
		{"current", h.Current, &r.Current, CompileExpr}, {"message", h.Message, &r.Message, CompileText},
	} {
		if e.text == "" {
			continue
		}
		compiled, err := e.compile(e.text)
		if err != nil {
			return r, e.at, fmt.Errorf("%s is no CEL expression over the object's fields: %w", e.text, err)
		}
		*e.to = &compiled
	}
	return r, "", nil
}

// healthShapes are the fields of a rule in spec.health of an App.
var healthShapes = []shape{
	{name: "apiVersion", must: true, kind: aText, says: "Of the objects; the rule is for every version of the group.", example: "example.com/v1"},
	{name: "kind", kind: aText, says: "Of the objects; every kind of the group, if it is not said.", example: "Widget"},
	{name: "inProgress", kind: aText, says: "CEL over the object's fields: it is on its way. Asked first.", example: "status.phase == 'Pending'"},
	{name: "failed", kind: aText, says: "CEL: it failed.", example: "status.phase == 'Failed'"},
	{name: "paused", kind: aText, says: "CEL: it waits for a person or a time, so that no timeout counts.", example: "status.phase == 'Paused'"},
	{name: "current", must: true, kind: aText, says: "CEL: it is as it should be. What is none of these is on its way.", example: "status.phase == 'Ready'"},
	{name: "message", kind: aText, says: "CEL: why it is not as it should be. Its conditions say it, if this is not said, or empty.", example: "status.message"},
}

// readHealthRules takes spec.health of an App.
func readHealthRules(d document, spec *yaml.Node, app *fleet.App) error {
	return d.each(spec, "health", func(item *yaml.Node) error {
		var h healthCheck
		if err := d.record(item, "health", namesOf(healthShapes), &h.APIVersion, &h.Kind, &h.InProgress, &h.Failed, &h.Paused, &h.Current, &h.Message); err != nil {
			return err
		}
		r, at, err := h.rule()
		if err != nil {
			place := field(item, at)
			if place == nil {
				place = item
			}
			return d.errorf(place, "health: %v", err)
		}
		app.Handling.Health = append(app.Handling.Health, r)
		return nil
	})
}

// dependencyShapes are the fields of a dependency that is not just a name.
var dependencyShapes = []shape{
	{name: "name", must: true, kind: aText, example: "database"},
	{name: "ready", kind: aText, says: "CEL over self and dep, the two apps: what must be true beside the other's health.", example: "dep.status.lastAppliedRevision != ''"},
}

// readDependencies takes spec.dependsOn of an App: names, or names with a condition.
func readDependencies(d document, spec *yaml.Node, app *fleet.App) error {
	n := field(spec, "dependsOn")
	if n != nil && n.Kind != yaml.SequenceNode {
		return d.errorf(n, "dependsOn is to be a list of names")
	}
	return d.each(spec, "dependsOn", func(item *yaml.Node) error {
		name, ready := scalar(item), ""
		if item.Kind == yaml.MappingNode {
			if err := d.record(item, "dependsOn", namesOf(dependencyShapes), &name, &ready); err != nil {
				return err
			}
		}
		if name == "" {
			return d.errorf(item, "dependsOn is to be a list of names of apps")
		}
		app.DependsOn = append(app.DependsOn, name)
		if ready == "" {
			return nil
		}
		compiled, err := CompileExpr(ready, "self", "dep")
		if err != nil {
			return d.errorf(field(item, "ready"), "dependsOn: %s is no CEL expression over self and dep: %v", ready, err)
		}
		self, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": app.Name}})
		if err != nil {
			return err
		}
		dep, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": name}})
		app.Handling.Ready = append(app.Handling.Ready, protocol.Readiness{App: name, Expression: compiled, Self: self, Dep: dep})
		return err
	})
}

// dependency is what a Kustomization or a HelmRelease depends on.
type dependency struct{ Name, Namespace, ReadyExpr string }

// readDependsOn takes spec.dependsOn of an object of Flux. A condition there stands in the place of the other's health, as in Flux without
// the feature gate AdditiveCELDependencyCheck.
func readDependsOn(p *Plan, o *Object, on []dependency, app *fleet.App) error {
	var errs []error
	for i, d := range on {
		name := dependencyName(p, o, d.Namespace, d.Name)
		app.DependsOn = append(app.DependsOn, name)
		if d.ReadyExpr == "" {
			continue
		}
		compiled, err := CompileExpr(d.ReadyExpr, "self", "dep")
		if err != nil {
			errs = append(errs, p.Errorf(o, fmt.Sprintf("spec.dependsOn[%d].readyExpr", i), "%s is no CEL expression over self and dep: %v", d.ReadyExpr, err))
			continue
		}
		namespace := d.Namespace
		if namespace == "" {
			namespace = o.Namespace
		}
		app.Handling.Ready = append(app.Handling.Ready, protocol.Readiness{App: name, Expression: compiled, Instead: true,
			Self: shown(o, d.ReadyExpr), Dep: shown(p.Object(ObjectKey(o.Kind, namespace, d.Name)), d.ReadyExpr)})
	}
	return errors.Join(errs...)
}

// shown is what an expression may see of an object in Git: its names, labels and annotations, and its spec if it asks for that.
func shown(o *Object, expression string) json.RawMessage {
	if o == nil {
		return nil
	}
	var out struct {
		Metadata struct {
			Name        string            `json:"name,omitempty"`
			Namespace   string            `json:"namespace,omitempty"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec json.RawMessage `json:"spec,omitempty"`
	}
	if json.Unmarshal(o.JSON, &out) != nil {
		return nil // the API server would not have it either
	}
	out.Metadata.Name, out.Metadata.Namespace = o.Name, o.Namespace
	if !strings.Contains(expression, "spec") {
		out.Spec = nil
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return data
}

// readHealthCheckExprs takes spec.healthCheckExprs of an object of Flux.
func readHealthCheckExprs(p *Plan, o *Object, list []healthCheck, app *fleet.App) error {
	var errs []error
	for i, h := range list {
		h.Message = "" // Flux has none
		r, at, err := h.rule()
		same := func(other protocol.HealthRule) bool { return other.Group == r.Group && other.Kind == r.Kind }
		if err == nil && slices.ContainsFunc(app.Handling.Health, same) {
			at, err = "kind", errors.New("there are two rules for the same kind: keep one")
		}
		if err != nil {
			errs = append(errs, p.Errorf(o, fmt.Sprintf("spec.healthCheckExprs[%d].%s", i, at), "%v", err))
			continue
		}
		app.Handling.Health = append(app.Handling.Health, r)
	}
	return errors.Join(errs...)
}
