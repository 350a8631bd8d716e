package flux

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// migrate is how files of another version are changed.
const migrate = " (`flux migrate -f` rewrites files)"

// Dialect reads what was written for Flux.
type Dialect struct {
	Templates model.Templates // executes the Go templates of ResourceSets; nil if nothing does
}

var _ planning.Dialect = Dialect{}

var kinds = planning.Kinds{
	Tool: "Flux", Home: home, Fields: judged,
	Groups: []planning.Group{
		{Name: kustomizeGroup, Version: "v1", Apps: []string{kindKustomization}, Closed: true,
			Resembles: resembles(kustomizeGroup), Hint: migrate},
		{Name: helmGroup, Version: "v2", Apps: []string{kindHelmRelease}, Closed: true, Resembles: resembles(helmGroup),
			Hint: migrate},
		{Name: sourceGroup}, {Name: extensionsGroup},
		{Name: operatorGroup, Version: "v1", Apps: []string{kindResourceSet}, Others: []string{kindFluxInstance, kindInputProvider, "FluxReport"}},
	},
}

// Kinds implements Dialect.
func (Dialect) Kinds() planning.Kinds { return kinds }

// resembles recognises groups of Flux, that of Flux 1 (helm.fluxcd.io) among them.
func resembles(own string) func(string) bool {
	return func(group string) bool {
		return strings.HasSuffix(group, "fluxcd.io") || strings.HasPrefix(group, strings.TrimSuffix(own, "fluxcd.io"))
	}
}

// isComponent says whether an object is a part of Flux itself: it came from what `flux install --export` writes.
func isComponent(file string, h document.Head) bool {
	labels := h.Metadata.Labels
	return path.Base(file) == "gotk-components.yaml" ||
		labels["app.kubernetes.io/part-of"] == "flux" && labels["app.kubernetes.io/instance"] == home
}

// Sort implements Dialect.
func (Dialect) Sort(file string, h document.Head) planning.Use {
	switch group := h.Group(); {
	case isComponent(file, h):
		return planning.Component
	case kinds.Declares(group, string(h.Kind)):
		return planning.Declares
	case isOwn(group):
		return planning.LeftOut
	}
	return planning.NotMine
}

// Targets implements Dialect: nothing of Flux stands below FleetRoot.
func (Dialect) Targets(model.Rendered, model.Cluster) bool { return false }

// Open implements Dialect.
func (d Dialect) Open(p *planning.Plan) planning.Reader {
	return &reader{plan: p, templates: d.Templates, made: map[string]made{}}
}

// reader reads the objects of Flux for one plan.
type reader struct {
	plan      *planning.Plan
	templates model.Templates
	made      map[string]made // of ResourceSets, by their keys
}

// Learn finds out by which address the cluster's files name this repository: what delivers the cluster's own folder, as
// `flux bootstrap` sets it up, is of this repository. Where nobody says which branch is followed, it is of that branch
// too.
func (r *reader) Learn(o *planning.Object) {
	p := r.plan
	if o.Group == operatorGroup && o.Kind == kindFluxInstance {
		learnInstance(p, o)
	}
	var k kustomization
	if o.Kind != kindKustomization || o.Decode(&k) != nil || !p.Own(k.Path) {
		return
	}
	learnArtifact(p, p.Visible(o, k.sourceKey(o)))
	var g gitRepository
	if s := p.Visible(o, k.sourceKey(o)); s != nil && s.Kind == kindGitRepository && s.Decode(&g) == nil && g.URL != "" {
		p.Known = append(p.Known, g.URL)
		if p.Branch == "" {
			p.Branch = g.branch()
		}
	}
}

// Expand implements Reader: every app of Flux is an object of its own. By then it is known what delivers the cluster's
// own folder. Where nothing does, and the repository has no address of its own, the GitRepository that has the name of
// the one that `flux bootstrap` makes is of this repository. What ResourceSets make is made then, too.
func (r *reader) Expand(ctx context.Context) ([]model.Declaration, error) {
	r.learnOwn()
	return nil, r.expandSets(ctx)
}

// learnOwn takes the GitRepository of bootstrap for this repository, where nothing else says which one is.
func (r *reader) learnOwn() {
	p := r.plan
	s := p.Object(planning.ObjectKey(kindGitRepository, home, home))
	var g gitRepository
	if s == nil || p.Party(s.App).Rank() > 0 || slices.ContainsFunc(p.Known, planning.IsRemote) || s.Decode(&g) != nil || g.URL == "" {
		return
	}
	p.Known = append(p.Known, g.URL)
	if p.Branch == "" {
		p.Branch = g.branch()
	}
	p.NoteOnce(p.Note(s, "spec.url", "it is taken to be this repository, as `flux bootstrap` makes it, because nothing "+
		"says which address this one has: name that with --alias if it is another"))
}

// Read implements Reader.
func (r *reader) Read(o *planning.Object, app *model.App) (bool, error) {
	read := map[string]func(*planning.Plan, *planning.Object, *model.App) error{
		kustomizeGroup + kindKustomization: readKustomization, helmGroup + kindHelmRelease: readHelmRelease}[o.Group+o.Kind]
	switch {
	case read != nil:
		elsewhere, err := remote(r.plan, o)
		if elsewhere {
			return false, nil
		}
		return true, errors.Join(err, read(r.plan, o, app))
	case o.Kind == kindResourceSet && o.Group == operatorGroup:
		return true, r.readSet(o, app)
	case o.Group == operatorGroup:
		noteOperator(r.plan, o)
	}
	return false, nil
}

// Conclude makes apps wait for the apps that others wait for.
func (r *reader) Conclude() { awaitApps(r.plan) }
