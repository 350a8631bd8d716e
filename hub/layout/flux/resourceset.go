package flux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// resourceSet is what Drover takes from the spec of a ResourceSet (fluxcd.controlplane.io/v1,
// https://fluxcd.control-plane.io/operator/resourceset/).
type resourceSet struct {
	CommonMetadata     model.Metadata
	Inputs             []map[string]any
	InputStrategy      inputStrategy
	InputsFrom         []inputsFrom
	DependsOn          []setDependency
	ServiceAccountName string
	Wait               bool
	Steps              []setResources
	setResources
}

// setResources are the templates of a ResourceSet, or of one of its steps.
type setResources struct {
	Resources         []json.RawMessage
	ResourcesTemplate string
}

// setDependency is an object that a ResourceSet waits for.
type setDependency struct {
	planning.HealthRef
	Ready     bool
	ReadyExpr string
}

// setFields are the fields of a ResourceSet's spec that are done.
var setFields = []string{"commonMetadata", "inputs", "inputStrategy", "inputsFrom", "dependsOn", "serviceAccountName", "wait", "steps", "resources",
	"resourcesTemplate"}

// Annotations of the Flux Operator.
const (
	annotationReconcile   = "fluxcd.controlplane.io/reconcile"
	annotationCopyFrom    = "fluxcd.controlplane.io/copyFrom"
	annotationConvertFrom = "fluxcd.controlplane.io/convertKubeConfigFrom"
)

// maxSetObjects is how many objects a ResourceSet may make.
const maxSetObjects = 20_000

// made is what a ResourceSet makes.
type made struct {
	objects []json.RawMessage
	notes   []fleet.Note
	err     error
}

// expandSets makes the objects of all ResourceSets. The error is that of one that another try may not have.
func (r *reader) expandSets(ctx context.Context) (transient error) {
	for _, o := range r.plan.Objects() {
		if o.Group != operatorGroup || o.Kind != kindResourceSet {
			continue
		}
		m := r.expandSet(ctx, o)
		if t, is := errors.AsType[*model.TransientError](m.err); is {
			transient = t
		}
		r.made[o.Key()] = m
	}
	return transient
}

func (r *reader) expandSet(ctx context.Context, o *planning.Object) (out made) {
	var set resourceSet
	if out.err = decodeSet(o, &set); out.err != nil {
		out.err = r.plan.Undecodable(o, out.err)
		return out
	}
	inputs, err := r.inputs(o, set)
	if err != nil {
		out.err = err
		return out
	}
	seen := map[string]bool{}
	for i, part := range append(slices.Clone(set.Steps), set.setResources) {
		at := "spec"
		if i < len(set.Steps) {
			at = fmt.Sprintf("spec.steps[%d]", i)
		}
		docs, err := r.execute(ctx, o, at, part, inputs)
		if err != nil {
			out.err = err
			return out
		}
		for _, d := range docs {
			if out.err = r.take(o, d, seen, &out); out.err != nil {
				return out
			}
		}
	}
	return out
}

// decodeSet reads a spec with its fields as they are written: what is in its templates is no field of a kind.
func decodeSet(o *planning.Object, to any) error {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(o.JSON, &top); err != nil || top["spec"] == nil {
		return err
	}
	return json.Unmarshal(top["spec"], to)
}

// execute gives what the templates make with each set of inputs: those under resources first.
func (r *reader) execute(ctx context.Context, o *planning.Object, at string, part setResources,
	inputs []map[string]any) ([]document.Document, error) {
	var texts []string
	for i, raw := range part.Resources {
		text, err := yaml.JSONToYAML(raw)
		if err != nil {
			return nil, r.plan.Errorf(o, fmt.Sprintf("%s.resources[%d]", at, i), "it cannot be written as YAML: %v", err)
		}
		texts = append(texts, string(text))
	}
	if part.ResourcesTemplate != "" {
		texts = append(texts, part.ResourcesTemplate)
	}
	if len(texts)*len(inputs) > maxSetObjects {
		return nil, r.plan.Errorf(o, at, "it makes more than %d objects: divide it into several ResourceSets", maxSetObjects)
	}
	results, err := r.results(ctx, o, texts, inputs)
	if err != nil {
		if _, transient := errors.AsType[*model.TransientError](err); transient {
			return nil, err
		}
		return nil, r.plan.Errorf(o, at, "its templates cannot be executed: %v", err)
	}
	var out []document.Document
	for i := range texts { // as the operator has it: every template with all inputs, then the next
		for j := range results {
			docs, err := document.Parse(o.Where(), []byte(results[j][i]))
			if err != nil {
				return nil, r.plan.Errorf(o, templateAt(at, part, i), "what the template gives with %s is no YAML: %v", inputsNamed(inputs[j]), err)
			}
			for _, d := range docs {
				d.Rendered = true
				out = append(out, d.Items()...)
			}
		}
	}
	return out, nil
}

// templateAt is the field that a template stands in.
func templateAt(at string, part setResources, i int) string {
	if i < len(part.Resources) {
		return fmt.Sprintf("%s.resources[%d]", at, i)
	}
	return at + ".resourcesTemplate"
}

// inputsNamed says which inputs were meant, without values that may be long.
func inputsNamed(inputs map[string]any) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(inputs)) {
		if text, is := inputs[key].(string); is && len(text) < 40 {
			out = append(out, key+"="+text)
		}
	}
	if len(out) == 0 {
		return "its inputs"
	}
	return strings.Join(out, ", ")
}

// results executes templates with each set of inputs.
func (r *reader) results(ctx context.Context, o *planning.Object, texts []string, inputs []map[string]any) ([][]string, error) {
	if !strings.Contains(strings.Join(texts, ""), "<<") {
		out := make([][]string, len(inputs))
		for i := range out {
			out[i] = texts
		}
		return out, nil
	}
	if r.templates == nil {
		return nil, errors.New("nothing here executes Go templates")
	}
	groups := make([]model.Templated, len(inputs))
	for i, set := range inputs {
		params, err := json.Marshal(set)
		if err != nil {
			return nil, err
		}
		groups[i] = model.Templated{Params: params, Texts: texts}
	}
	return r.templates.Execute(ctx, o.String(), []string{"missingkey=error", model.TemplatesOfInputs}, groups)
}

// take takes in an object that a template gave, each once.
func (r *reader) take(o *planning.Object, d document.Document, seen map[string]bool, out *made) error {
	object, err := d.Rendering()
	if err != nil {
		return r.plan.Errorf(o, "spec.resources", "it makes %v", err)
	}
	var h document.Head
	if json.Unmarshal(object.JSON, &h) != nil || h.Kind == "" || h.APIVersion == "" || h.Metadata.Name == "" {
		return r.plan.Errorf(o, "spec.resources", "it makes an object without apiVersion, kind or metadata.name")
	}
	key := h.Group() + " " + h.String()
	annotations := h.Annotations()
	if seen[key] || strings.EqualFold(annotations[annotationReconcile], "disabled") {
		return nil
	}
	seen[key] = true
	for _, from := range []string{annotationCopyFrom, annotationConvertFrom} {
		if annotations[from] != "" {
			out.notes = append(out.notes, r.plan.Note(o, "", fmt.Sprintf("the %s that it makes is not delivered: %s has the Flux Operator fill it with what "+
				"%s holds in the cluster; bring it there otherwise, as encrypted with SOPS", h, from, annotations[from])))
			return nil
		}
	}
	if len(out.objects) >= maxSetObjects {
		return r.plan.Errorf(o, "spec", "it makes more than %d objects: divide it into several ResourceSets", maxSetObjects)
	}
	out.objects = append(out.objects, object.JSON)
	return nil
}

// readSet reads a ResourceSet: an app of the objects that it makes.
func (r *reader) readSet(o *planning.Object, app *model.App) error {
	p, m := r.plan, r.made[o.Key()]
	var set resourceSet
	if err := decodeSet(o, &set); err != nil {
		return m.err
	}
	app.Objects, app.Notes = m.objects, m.notes
	if app.Objects == nil {
		app.Objects = []json.RawMessage{}
	}
	app.Metadata, app.Prune, app.Namespace = set.CommonMetadata, true, o.Namespace
	app.Handling.ServiceAccount = accountOf(p, o, set.ServiceAccountName)
	if h := headOf(o); strings.EqualFold(h.Annotations()[annotationReconcile], "disabled") {
		app.Suspend = true
	}
	for _, field := range slices.Sorted(maps.Keys(o.Spec)) {
		if !slices.Contains(setFields, field) {
			app.Notes = append(app.Notes, p.Note(o, "spec."+field, "no field that Drover knows: nothing is done with it"))
		}
	}
	errs := []error{m.err}
	for i, d := range set.DependsOn {
		errs = append(errs, r.readSetDependency(o, fmt.Sprintf("spec.dependsOn[%d]", i), d, app))
	}
	return errors.Join(errs...)
}

// headOf is what an object says of itself.
func headOf(o *planning.Object) (h document.Head) {
	_ = json.Unmarshal(o.JSON, &h) // what could not be read was no object of the plan
	return h
}

// readSetDependency takes an object that a ResourceSet waits for: another app, or an object of the cluster,
// which must be
// there and healthy.
func (r *reader) readSetDependency(o *planning.Object, at string, d setDependency, app *model.App) error {
	p := r.plan
	if d.Kind == "" || d.Name == "" {
		return p.Errorf(o, at, "it is to have apiVersion, kind and name")
	}
	if d.ReadyExpr != "" {
		app.Notes = append(app.Notes, p.Note(o, at+".readyExpr", "not done: Drover waits until it is healthy by its own rules"))
	}
	ref := d.Ref()
	if !isOwn(ref.Group) && ref.Group != operatorGroup {
		app.Handling.Checks = append(app.Handling.Checks, ref)
		return nil
	}
	if on := checkedApp(p, d.HealthRef); on != nil {
		app.DependsOn = append(app.DependsOn, on.AppName)
		return nil
	}
	if ref.Group == kustomizeGroup || ref.Group == helmGroup || d.Kind == kindResourceSet {
		return p.Errorf(o, at, "the %s is not in what this cluster's folder renders to, so it would be waited for for ever: correct namespace and name, or take it out",
			planning.ObjectKey(d.Kind, d.Namespace, d.Name))
	}
	return nil // a source: it is fetched before anything is rendered
}
