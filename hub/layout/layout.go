package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/argo"
	"github.com/drover-dev/drover/hub/layout/flux"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/layout/rancher"
	"github.com/drover-dev/drover/hub/model"
)

// DefaultRoot is the folder that holds the folders of the clusters.
const DefaultRoot = "clusters"

// Layout reads the folders below Root with the help of a Renderer. It is safe for concurrent use.
type Layout struct {
	Root      string // repository path; DefaultRoot if empty
	Renderer  model.Renderer
	Templates model.Templates // executes the Go templates of ApplicationSets; nil if nothing does

	more []planning.Dialect // beside those of Argo CD, Flux and Rancher Fleet
}

var _ model.Layout = (*Layout)(nil)

func (l *Layout) root() string {
	if l.Root == "" {
		return DefaultRoot
	}
	return path.Clean(l.Root)
}

// dialects are those that are read, beside Drover's own.
func (l *Layout) dialects() []planning.Dialect {
	return append([]planning.Dialect{argo.Dialect{Templates: l.Templates}, flux.Dialect{},
		rancher.Dialect{Templates: l.Templates}}, l.more...)
}

// folder is where a cluster is described.
func (l *Layout) folder(cluster string) string { return path.Join(l.root(), cluster) }

// Clusters implements model.Layout.
func (l *Layout) Clusters(tree model.Tree) (names, problems []string, err error) {
	entries, err := tree.ReadDir(l.root())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s/ does not exist at this revision: add a folder %s/<name>/ for each cluster, "+
			"or say with --path where they are", l.root(), l.root())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s/ cannot be read: %w", l.root(), err)
	}
	for _, e := range entries {
		folder := path.Join(l.root(), e.Name())
		if strings.HasPrefix(e.Name(), ".") || !mayBeFolder(tree, folder, e) {
			continue
		}
		if err := model.CheckCluster(folder, e.Name()); err != nil {
			problems = append(problems, err.Error())
			continue
		}
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, problems, nil
}

// mayBeFolder says whether an entry is a folder, or a link to one: a cluster's folder may be a link to another's. A link that
// cannot be followed counts: that cluster is still there, and reading it says what is wrong. For the folders themselves, of
// which there may be ten thousand at every revision, nothing is looked up.
func mayBeFolder(tree model.Tree, path string, e fs.DirEntry) bool {
	if e.IsDir() {
		return true
	}
	info, err := tree.Stat(path)
	return err != nil || info.IsDir()
}

// Read implements model.Layout.
func (l *Layout) Read(ctx context.Context, tree model.Tree, name string) (model.Folder, error) {
	r := newReader(l, tree, name)
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
	return r.folder, nil
}

// fleet reads what all clusters say of themselves.
func (l *Layout) fleet(tree model.Tree) ([]model.Cluster, error) {
	names, _, err := l.Clusters(tree)
	if err != nil {
		return nil, err
	}
	var out []model.Cluster
	for _, name := range names {
		c, err := native.ReadCluster(tree, path.Join(l.folder(name), planning.ClusterFile), name)
		if err != nil {
			return nil, err
		}
		if c.Wrong != nil {
			return nil, c.Wrong
		}
		out = append(out, c.Cluster)
	}
	return out, nil
}
