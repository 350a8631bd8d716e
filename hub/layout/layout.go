package layout

import (
	"context"
	"errors"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/layout/argo"
	"github.com/drover-dev/drover/hub/layout/flux"
	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/layout/rancher"
	"github.com/drover-dev/drover/hub/model"
)

// Layout reads the folders of clusters with the help of a Renderer. It is safe for concurrent use.
type Layout struct {
	Folders   folders.Patterns // which folders are clusters'
	Renderer  model.Renderer
	Templates model.Templates // executes the Go templates of ApplicationSets; nil if nothing does
	Plugins   *cmplugin.Set   // that the operator configured

	more  []planning.Dialect // beside those of Argo CD, Flux and Rancher Fleet
	names names              // of clusters, by their files
}

var _ model.Layout = (*Layout)(nil)

// dialects are those that are read, beside Drover's own.
func (l *Layout) dialects() []planning.Dialect {
	return append([]planning.Dialect{argo.Dialect{Templates: l.Templates, Plugins: l.Plugins},
		flux.Dialect{Templates: l.Templates},
		rancher.Dialect{Templates: l.Templates}}, l.more...)
}

// Read implements model.Layout.
func (l *Layout) Read(ctx context.Context, tree model.Tree, site model.Site) (model.Folder, error) {
	if site.Wrong != "" {
		return model.Folder{}, errors.New(site.Wrong)
	}
	r := newReader(l, tree, site)
	if err := r.readCluster(); err != nil {
		return model.Folder{}, err
	}
	plain, err := r.scan(r.dir)
	if err != nil {
		return model.Folder{}, err
	}
	objects, err := l.Renderer.Build(ctx, tree, r.dir, model.BuildOptions{Skip: r.files})
	if ctx.Err() != nil {
		return model.Folder{}, ctx.Err()
	}
	if _, transient := errors.AsType[*model.TransientError](err); transient {
		return model.Folder{}, err
	}
	if err != nil && !plain {
		r.problem("%v", err) // Apps may be behind it: those that seem to be gone may only be out of sight
	}
	r.takeRoot(objects, err)
	r.conclude()
	if needed, ok := errors.AsType[*model.NeededError](err); ok {
		return r.folder, needed
	}
	return r.folder, nil
}
