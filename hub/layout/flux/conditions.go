package flux

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// dependency is what a Kustomization or a HelmRelease depends on.
type dependency struct{ Name, Namespace, ReadyExpr string }

// readDependsOn takes spec.dependsOn of an object of Flux. A condition there stands in the place of the other's
// health, as in Flux without
// the feature gate AdditiveCELDependencyCheck.
func readDependsOn(p *planning.Plan, o *planning.Object, on []dependency, app *model.App) error {
	var errs []error
	for i, d := range on {
		name := dependencyName(p, o, d.Namespace, d.Name)
		app.DependsOn = append(app.DependsOn, name)
		if says := absent(p, o, d); says != "" {
			if app.Absent == nil {
				app.Absent = map[string]string{}
			}
			app.Absent[name] = says
		}
		if d.ReadyExpr == "" {
			continue
		}
		compiled, err := cel.CompileExpr(d.ReadyExpr, "self", "dep")
		if err != nil {
			errs = append(errs, p.Errorf(o, fmt.Sprintf("spec.dependsOn[%d].readyExpr", i),
				"%s is no CEL expression over self and dep: %v", d.ReadyExpr, err))
			continue
		}
		namespace := d.Namespace
		if namespace == "" {
			namespace = o.Namespace
		}
		dep := p.Object(planning.ObjectKey(o.Kind, namespace, d.Name))
		if dep != nil && !p.Shows(o, dep) {
			errs = append(errs, p.Errorf(o, fmt.Sprintf("spec.dependsOn[%d].readyExpr", i), "it asks what %s says, which is declared with "+
				"the rights of %s, and this with those of %s: depend on it without a condition", dep, p.Party(dep.App), p.Party(o.App)))
			continue
		}
		app.Handling.Ready = append(app.Handling.Ready, protocol.Readiness{App: name, Expression: compiled, Instead: true,
			Self: shown(o, d.ReadyExpr), Dep: shown(dep, d.ReadyExpr)})
	}
	return errors.Join(errs...)
}

// absent says of a dependency that is not declared what it is called in Flux, and which one is probably meant;
// "" of one
// that is.
func absent(p *planning.Plan, o *planning.Object, d dependency) string {
	namespace := cmp.Or(d.Namespace, o.Namespace)
	key := planning.ObjectKey(o.Kind, namespace, d.Name)
	if p.Object(key) != nil {
		return ""
	}
	says := "the " + key + ", which is not in what this cluster's folder renders to: "
	for _, other := range p.Objects() {
		switch {
		case other.Kind != o.Kind || !other.IsApp:
		case other.Name == d.Name:
			return fmt.Sprintf("%sthere is %s/%s: write namespace: %s beside the name in spec.dependsOn", says, other.Namespace,
				other.Name, other.Namespace)
		case other.Namespace == namespace && document.Nearly(d.Name, other.Name):
			return fmt.Sprintf("%sthere is %s/%s: correct the name, or add the other, or take it out of spec.dependsOn", says,
				other.Namespace, other.Name)
		}
	}
	return says + "add it, or take it out of spec.dependsOn"
}

// shown is what an expression may see of an object in Git: its names, labels and annotations, and its spec if it
// asks for that.
func shown(o *planning.Object, expression string) json.RawMessage {
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
func readHealthCheckExprs(p *planning.Plan, o *planning.Object, list []cel.HealthCheck, app *model.App) error {
	var errs []error
	for i, h := range list {
		h.Message = "" // Flux has none
		r, at, err := h.Rule()
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
