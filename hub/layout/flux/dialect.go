package flux

import (
	"context"
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
type Dialect struct{}

var _ planning.Dialect = Dialect{}

var kinds = planning.Kinds{
	Tool: "Flux", Home: home, Fields: judged,
	Groups: []planning.Group{
		{Name: kustomizeGroup, Version: "v1", Apps: []string{kindKustomization}, Closed: true,
			Resembles: resembles(kustomizeGroup), Hint: migrate},
		{Name: helmGroup, Version: "v2", Apps: []string{kindHelmRelease}, Closed: true, Resembles: resembles(helmGroup),
			Hint: migrate},
		{Name: sourceGroup}, {Name: extensionsGroup}, {Name: operatorGroup},
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
func (Dialect) Open(p *planning.Plan) planning.Reader { return reader{p} }

// reader reads the objects of Flux for one plan.
type reader struct{ plan *planning.Plan }

// Learn finds out by which address the cluster's files name this repository: what delivers the cluster's own folder, as
// `flux bootstrap` sets it up, is of this repository. Where nobody says which branch is followed, it is of that branch
// too.
func (r reader) Learn(o *planning.Object) {
	p := r.plan
	if o.Group == operatorGroup && o.Kind == kindFluxInstance {
		learnInstance(p, o)
	}
	var k kustomization
	if o.Kind != kindKustomization || o.Decode(&k) != nil || !p.Own(k.Path) {
		return
	}
	var g gitRepository
	if s := p.Object(k.sourceKey(o)); s != nil && s.Kind == kindGitRepository && s.Decode(&g) == nil && g.URL != "" {
		p.Known = append(p.Known, g.URL)
		if p.Branch == "" {
			p.Branch = g.branch()
		}
	}
}

// Expand implements Reader: every app of Flux is an object of its own. By then it is known what delivers the cluster's
// own folder. Where nothing does, and the repository has no address of its own, the GitRepository that has the name of
// the one that `flux bootstrap` makes is of this repository.
func (r reader) Expand(context.Context) ([]model.Declaration, error) {
	p := r.plan
	s := p.Object(planning.ObjectKey(kindGitRepository, home, home))
	var g gitRepository
	if s == nil || slices.ContainsFunc(p.Known, planning.IsRemote) || s.Decode(&g) != nil || g.URL == "" {
		return nil, nil
	}
	p.Known = append(p.Known, g.URL)
	if p.Branch == "" {
		p.Branch = g.branch()
	}
	p.NoteOnce(p.Note(s, "spec.url", "it is taken to be this repository, as `flux bootstrap` makes it, because nothing "+
		"says which address this one has: name that with --alias if it is another"))
	return nil, nil
}

// Read implements Reader.
func (r reader) Read(o *planning.Object, app *model.App) (bool, error) {
	switch {
	case o.Kind == kindKustomization && o.Group == kustomizeGroup:
		return true, readKustomization(r.plan, o, app)
	case o.Kind == kindHelmRelease && o.Group == helmGroup:
		return true, readHelmRelease(r.plan, o, app)
	case o.Group == operatorGroup:
		noteOperator(r.plan, o)
	}
	return false, nil
}

// Conclude makes apps wait for the apps that others wait for.
func (r reader) Conclude() { awaitApps(r.plan) }
