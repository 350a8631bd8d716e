package appset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// setSpec is what Drover takes from the spec of an ApplicationSet. Generators and template are kept as they are
// written, because templates may stand anywhere in them.
type setSpec struct {
	GoTemplate        bool
	GoTemplateOptions []string
	Generators        []map[string]any
	Template          map[string]any
	TemplatePatch     string
	SyncPolicy        struct {
		PreserveResourcesOnDeletion bool
		ApplicationsSync            string
	}
}

// generation makes the Applications of an ApplicationSet.
//
// The rules are those of Argo CD (v3.6, applicationset/generators and applicationset/controllers/template): every
// generator gives sets of parameters, and the template is executed with each.
type generation struct {
	plan      *planning.Plan
	templates model.Templates
	ctx       context.Context
	o         *planning.Object
	setSpec
	table  planning.Table      // by which the set is read
	made   []model.Declaration // the Applications
	count  int                 // of the Applications
	wide   bool                // for the fleet as a whole, not for one cluster
	target string              // the parameter of the cluster generator that is the destination, verbatim; "" if none is
}

// Expand gives the Applications of all ApplicationSets of a plan. One that fails is a problem of the cluster: what it
// gave before is kept. A failure that another try may not have is returned as well.
func Expand(ctx context.Context, p *planning.Plan, templates model.Templates) (made []model.Declaration,
	transient error) {
	for _, o := range p.Objects() {
		if o.Group != fields.Group || o.Kind != fields.ApplicationSet {
			continue
		}
		g, err := open(ctx, p, templates, o)
		clash := p.Clashes(o)
		switch {
		case o.Err != "":
			err = errors.New(o.Err)
		case err != nil:
			err = p.Undecodable(o, err)
		case clash != nil:
			err = clash
		default:
			err = errors.Join(p.Weigh(g.table, o, &p.Cluster.Notes), g.run())
			p.Cluster.Notes = noteSteps(g, p.Cluster.Notes)
		}
		if once, ok := errors.AsType[*model.TransientError](err); ok {
			transient = once
		}
		if err != nil {
			p.Fault(o.App, "%v; keeping the Applications that it gave before", document.OneLine(err))
		}
		made = append(made, g.made...)
	}
	return made, transient
}

// Wide gives the Applications of an ApplicationSet for the fleet as a whole, as far as it can be executed.
func Wide(ctx context.Context, p *planning.Plan, templates model.Templates, o *planning.Object) []model.Declaration {
	g, err := open(ctx, p, templates, o)
	if g.wide = true; err == nil {
		_ = g.run() // the plans of the clusters say what is wrong
	}
	return g.made
}

// open reads a set.
func open(ctx context.Context, p *planning.Plan, templates model.Templates, o *planning.Object) (*generation, error) {
	g := &generation{plan: p, templates: templates, ctx: ctx, o: o, table: fields.TableOfSet(o.Spec)}
	known := *o
	known.Fields = g.table
	return g, known.Decode(&g.setSpec)
}

// placed puts an error at a field, unless it stands at one further in.
func (g *generation) placed(at string, err error) error {
	if _, transient := errors.AsType[*model.TransientError](err); transient {
		return err
	}
	if _, already := errors.AsType[placedError](err); already {
		return err
	}
	return placedError{g.plan.Errorf(g.o, at, "%v", err)}
}

// placedError is an error that says at which field it is.
type placedError struct{ error }

// run goes through the generators.
func (g *generation) run() error {
	if len(g.Template) == 0 {
		return g.plan.Errorf(g.o, "spec.template", "it is empty: write the Application that is wanted")
	}
	var errs []error
	for i, generator := range g.Generators {
		at := planning.FieldAt("spec.generators", i)
		if !g.wide {
			g.target = targetParameter(generator, g.setSpec)
		}
		given, err := g.params(at, generator, nil)
		errs = append(errs, err)
		for _, of := range given {
			errs = append(errs, g.applications(at, of))
		}
	}
	return errors.Join(errs...)
}

// applications executes the template with every set of parameters. If one of them cannot be made an Application of, the
// others are.
func (g *generation) applications(at string, of generated) error {
	if g.count += len(of.params); g.count > planning.MaxApps {
		return g.plan.Errorf(g.o, at, "it gives more than %d Applications", planning.MaxApps)
	}
	source := []any{of.template, g.TemplatePatch}
	made, err := g.executeEach(source, of.params)
	if _, transient := errors.AsType[*model.TransientError](err); transient {
		return err
	}
	if err == nil {
		return g.declareAll(at, made)
	}
	var errs []error
	for _, params := range of.params {
		made, err := g.executeEach(source, []map[string]any{params})
		if err != nil {
			errs = append(errs, g.placed("spec.template", err))
			continue
		}
		errs = append(errs, g.declareAll(at, made))
	}
	return errors.Join(errs...)
}

func (g *generation) declareAll(at string, made []any) error {
	var errs []error
	for _, m := range made {
		if err := g.declare(m.([]any)); err != nil {
			errs = append(errs, g.placed(at, err))
		}
	}
	return errors.Join(errs...)
}

// declare adds an Application, of a template and a patch that were executed.
func (g *generation) declare(made []any) error {
	template, _ := made[0].(map[string]any)
	object := map[string]any{"apiVersion": fields.Group + "/v1alpha1", "kind": fields.Application}
	metadata, ok := template["metadata"].(map[string]any)
	if !ok {
		return errors.New("spec.template has no metadata: give it a name")
	}
	object["metadata"], object["spec"] = metadata, template["spec"]
	if finalizers, _ := metadata["finalizers"].([]any); len(finalizers) == 0 && !g.SyncPolicy.PreserveResourcesOnDeletion {
		metadata["finalizers"] = []any{fields.Finalizer}
	}
	patch, _ := made[1].(string)
	object, err := patched(object, patch)
	if err != nil {
		return fmt.Errorf("spec.templatePatch: %w", err)
	}
	if metadata, _ = object["metadata"].(map[string]any); metadata["name"] == "" || metadata["name"] == nil {
		return errors.New("an Application comes to have no name: see metadata.name of the template")
	}
	metadata["namespace"] = g.o.Namespace
	if sync := g.SyncPolicy.ApplicationsSync; sync == "create-only" ||
		sync == "create-update" { // Argo CD deletes none of them
		delete(metadata, "finalizers")
	}
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	g.made = append(g.made, model.Declaration{Rendered: model.Rendered{JSON: data, File: g.o.File}, App: g.o.App,
		Set: g.o.Key()})
	return nil
}

// patched lays a template's patch over an Application. The project is not patched.
func patched(object map[string]any, patch string) (map[string]any, error) {
	if strings.TrimSpace(patch) == "" {
		return object, nil
	}
	if strings.Contains(patch, "$patch") {
		return nil, errors.New("$patch is not supported: write what is to be there")
	}
	change, err := yaml.YAMLToJSON([]byte(patch))
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	after, err := jsonpatch.MergePatch(before, change)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(after, &out); err != nil {
		return nil, err
	}
	keepFinalizers(object, out, change)
	was, _ := object["spec"].(map[string]any)
	if spec, ok := out["spec"].(map[string]any); ok {
		if delete(spec, "project"); was["project"] != nil {
			spec["project"] = was["project"]
		}
	}
	return out, nil
}

// keepFinalizers adds the finalizers of a patch to those of the template: unlike other lists, a strategic merge patch,
// which this is in Argo CD, does not replace them.
func keepFinalizers(before, after map[string]any, patch []byte) {
	var of struct{ Metadata struct{ Finalizers []string } }
	if json.Unmarshal(patch, &of) != nil || len(of.Metadata.Finalizers) == 0 {
		return
	}
	metadata, _ := before["metadata"].(map[string]any)
	finalizers, _ := metadata["finalizers"].([]any)
	finalizers = slices.Clone(finalizers)
	for _, f := range of.Metadata.Finalizers {
		if !slices.Contains(finalizers, any(f)) {
			finalizers = append(finalizers, f)
		}
	}
	if metadata, ok := after["metadata"].(map[string]any); ok {
		metadata["finalizers"] = finalizers
	}
}

// clusters are those that the cluster generator knows: all of the fleet, unless each Application goes to the cluster
// whose parameters it is made of. Then a set costs a cluster what is in its own cluster.yaml, however many clusters
// there are.
func (g *generation) clusters(generator map[string]any) ([]model.Cluster, error) {
	if flat, _ := generator["flatList"].(bool); !flat && g.target != "" {
		if g.plan.Cluster.Unclear {
			return nil, errors.New("the cluster's labels cannot be known: " + strings.Join(g.plan.Cluster.Problems, "; "))
		}
		return []model.Cluster{g.plan.Cluster}, nil
	}
	return g.plan.Fleet()
}
