package rancher

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Dialect reads what was written for Rancher Fleet.
type Dialect struct {
	Templates model.Templates // executes the templates in values; nil if nothing does
}

var (
	_ planning.Dialect       = Dialect{}
	_ planning.FileClaimer   = Dialect{}
	_ planning.FolderClaimer = Dialect{}
)

// Kinds implements Dialect.
func (Dialect) Kinds() planning.Kinds { return kinds }

// Sort implements Dialect: only GitRepos lead to apps, by way of the groups that they name. All else of the API
// group is for Fleet's controllers.
func (Dialect) Sort(_ string, h document.Head) planning.Use {
	switch {
	case h.Group() != apiGroup:
		return planning.NotMine
	case h.Kind == kindGitRepo, h.Kind == kindClusterGroup:
		return planning.Declares
	}
	return planning.LeftOut
}

// Targets implements Dialect: a fleet.yaml may name clusters that its GitRepo does not, and groups stand in other
// objects.
func (Dialect) Targets(model.Rendered, model.Cluster) bool { return true }

// Claims implements FileClaimer.
func (Dialect) Claims(file string) bool { return isFleetFile(path.Base(file)) }

// ClaimsFolder implements FolderClaimer: a folder with a fleet.yaml is a bundle.
func (Dialect) ClaimsFolder(files []string) bool { return slices.ContainsFunc(files, isFleetFile) }

// Declares implements FileClaimer. A fleet.yaml is read with the GitRepo that delivers its folder; the object makes
// it possible to name those that no GitRepo delivers.
func (Dialect) Declares(file string, _ []document.Document) ([]model.Rendered, error) {
	data, err := json.Marshal(map[string]any{"apiVersion": apiGroup + "/v1alpha1", "kind": kindFile,
		"metadata": map[string]any{"name": file}})
	return []model.Rendered{{JSON: data, File: file}}, err
}

// Open implements Dialect.
func (d Dialect) Open(p *planning.Plan) planning.Reader {
	return &reader{plan: p, templates: d.Templates, bundles: map[string]*bundle{}, read: map[string]bool{}}
}

// Learn implements Reader.
func (r *reader) Learn(*planning.Object) {}

// Expand gives an object for each bundle of each GitRepo that is for the cluster.
func (r *reader) Expand(ctx context.Context) (out []model.Declaration, transient error) {
	for _, o := range r.plan.Objects() {
		if o.Group != apiGroup || o.Kind != kindGitRepo {
			continue
		}
		bundles, err := r.expandRepo(ctx, o)
		if err != nil {
			transient = err
		}
		for _, b := range bundles {
			d, err := b.declaration()
			if err != nil {
				r.plan.Fault(o.App, "%v", r.plan.Errorf(o, "", "%v", err))
				continue
			}
			r.bundles[d.App+" "+b.key()] = b
			out = append(out, d)
		}
	}
	return out, transient
}

// Read implements Reader.
func (r *reader) Read(o *planning.Object, app *model.App) (bool, error) {
	p := r.plan
	switch b := r.bundles[o.App+" "+o.Key()]; {
	case o.Kind == kindGitRepo, o.Kind == kindClusterGroup:
	case o.Kind == kindFile:
		if !r.read[o.File] {
			p.NoteOnce(fleet.Note{File: o.File, Object: "fleet.yaml",
				Text: "no GitRepo delivers its folder to this " +
					"cluster, so nothing of it is delivered: name the folder in spec.paths of a GitRepo"})
		}
	case b != nil:
		return true, r.readBundle(b, app)
	default:
		p.NoteOnce(p.Note(o, "",
			fmt.Sprintf("left out: a %s is for the controllers of Rancher Fleet; a GitRepo says what is "+
				"delivered, and cluster.yaml has the labels of a cluster", o.Kind)))
	}
	return false, nil
}

// Conclude implements Reader: no app waits for what others wait for.
func (r *reader) Conclude() {}
