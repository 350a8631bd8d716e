package argo

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/layout/argo/appproject"
	"github.com/drover-dev/drover/hub/layout/argo/appset"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/argo/repository"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Dialect reads what was written for Argo CD.
type Dialect struct {
	Templates model.Templates // executes the Go templates of ApplicationSets; nil if nothing does
	Plugins   *cmplugin.Set   // the config management plugins that the operator configured
}

var _ planning.Dialect = Dialect{}

var kinds = planning.Kinds{
	Tool: "Argo CD", Home: fields.Home, Namespace: fields.Home, Central: true, Fields: fields.Table,
	Groups: []planning.Group{{Name: fields.Group, Version: "v1alpha1", Apps: []string{fields.Application},
		Others: []string{fields.ApplicationSet, fields.AppProject}, Resembles: resemblesArgo}},
}

// Kinds implements Dialect.
func (Dialect) Kinds() planning.Kinds { return kinds }

// resemblesArgo recognises groups that are a slip away from Argo CD's.
func resemblesArgo(group string) bool {
	first, _, _ := strings.Cut(group, ".")
	return strings.Contains(group, "argoproj") || first == "argocd" || first == "argo"
}

// Sort implements Dialect. Its group is also that of Rollouts and Workflows.
func (Dialect) Sort(_ string, h document.Head) planning.Use {
	switch {
	case kinds.Declares(h.Group(), string(h.Kind)):
		return planning.Declares
	case h.Group() == fields.Group && h.Kind == kindPlugin:
		return planning.Declares // nothing: Advise says what to do
	case h.Metadata.Labels["app.kubernetes.io/part-of"] == "argocd": // of its install manifests
		return planning.Component
	}
	return planning.NotMine
}

// Targets implements Dialect: of an ApplicationSet only its generators tell.
func (Dialect) Targets(o model.Rendered, cluster model.Cluster) bool {
	var a struct {
		Kind string
		Spec applicationSpec
	}
	if json.Unmarshal(o.JSON, &a) != nil || a.Kind != fields.Application {
		return true
	}
	return a.Spec.Destination.Is(cluster)
}

// Fields lists every field that Drover knows of Argo CD's kinds, see fields.List.
func Fields() []planning.Field { return fields.List() }

// Open implements Dialect.
func (d Dialect) Open(p *planning.Plan) planning.Reader {
	return &reader{plan: p, templates: d.Templates, plugins: d.Plugins, windows: map[string]*appproject.Windows{},
		steps: map[string]*appset.Steps{}}
}

// reader reads the objects of Argo CD for one plan.
type reader struct {
	plan      *planning.Plan
	templates model.Templates
	plugins   *cmplugin.Set
	// claims are addresses of repositories that are to have what is in this one, each repository once.
	claims  []string
	windows map[string]*appproject.Windows // by the name of the project
	steps   map[string]*appset.Steps       // by the key of the set
}

// Learn takes the address of an Application that delivers the cluster's own folder for one of this repository, and
// looks which addresses there are.
func (r *reader) Learn(o *planning.Object) {
	p := r.plan
	r.claims = repository.Claimed(p.Tree, o.Spec, r.claims)
	r.learnPace(o)
	var a struct {
		Source struct{ RepoURL, Path, TargetRevision string }
	}
	if o.Kind != fields.Application || o.Decode(&a) != nil || a.Source.Path == "" || !p.Own(a.Source.Path) {
		return
	}
	p.Known = append(p.Known, a.Source.RepoURL)
	if p.Branch == "" {
		p.Branch = repository.BranchOf(a.Source.TargetRevision)
	}
}

// Expand gives the Applications of all ApplicationSets.
func (r *reader) Expand(ctx context.Context) ([]model.Declaration, error) {
	if len(r.claims) > 1 {
		r.plan.Doubted = r.claims
	}
	return appset.Expand(ctx, r.plan, r.templates)
}

// Read implements Reader.
func (r *reader) Read(o *planning.Object, app *model.App) (bool, error) {
	p := r.plan
	switch o.Kind {
	case fields.AppProject:
		for _, each := range append([]*planning.Object{o}, o.Rivals...) {
			appproject.Read(p, each)
		}
	case fields.Application:
		for _, either := range append([]*planning.Object{o}, o.Rivals...) {
			if destined(p, either) {
				err := readApplication(p, o, r.plugins, app)
				r.pace(o, app)
				return true, err
			}
		}
	}
	return false, nil
}

// Conclude implements Reader: no app waits for what others wait for.
func (r *reader) Conclude() {}
