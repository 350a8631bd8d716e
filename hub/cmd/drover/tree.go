package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/ignore"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// treeOptions choose a revision of a repository on this machine.
type treeOptions struct {
	repo, revision string
	layoutOptions
	sources sourceOptions
}

// layoutOptions say how a repository is read. The hub and the commands without a hub share them.
type layoutOptions struct {
	path, helmWorker   string
	alias              []string
	deliverUnautomated bool
}

func (o *treeOptions) addTo(f *pflag.FlagSet) {
	f.StringVar(&o.repo, "repo", ".", "path of the Git repository")
	f.StringVar(&o.revision, "revision", "HEAD", "branch, tag or commit; what is not committed is not seen")
	o.layoutOptions.addTo(f)
	o.sources.addTo(f)
}

func (o *layoutOptions) addTo(f *pflag.FlagSet) {
	f.StringVar(&o.path, "path", layout.DefaultRoot, "folder of the repository that holds the clusters' folders")
	f.StringArrayVar(&o.alias, "alias", nil, "another address of the repository, by which a GitRepository in it may name it (may be repeated)")
	f.BoolVar(&o.deliverUnautomated, "deliver-unautomated", false, "deliver Applications of Argo CD without automated sync like all others, "+
		"instead of when a person approves it")
	f.StringVar(&o.helmWorker, "helm-worker", "", "the program that renders Helm charts (default: "+helmWorker+" beside drover)")
}

// helmWorker is the program that renders charts.
const helmWorker = "drover-helm-worker"

// worker is the path of the program that renders charts. Whether it is there matters only where there are charts.
func (o *layoutOptions) worker() string {
	if o.helmWorker != "" {
		return o.helmWorker
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self) // it may be linked into a folder of the PATH
	}
	if err != nil {
		return helmWorker
	}
	return filepath.Join(filepath.Dir(self), helmWorker)
}

// open opens the repository, and resolves like the hub, but for waiting for sources, which is told on stderr. done ends what it takes to
// render.
func (o *treeOptions) open(ctx context.Context, stderr io.Writer) (snap model.Snapshot, r *resolve.Resolver, done func(), err error) {
	if snap, err = git.At(ctx, o.repo, o.revision); err != nil {
		return nil, nil, nil, err
	}
	sources, err := o.sources.once(o.repo, stderr)
	if err != nil {
		return nil, nil, nil, err
	}
	r, done = o.resolver(resolve.Config{Renderer: kustomize.New(), Repository: git.Addresses(o.repo), Sources: sources,
		Store: resolve.Volatile{}, Secret: make([]byte, 32)})
	return snap, r, done, nil
}

// resolver makes a resolver that reads folders as the options say. done ends what it takes to render charts.
func (o *layoutOptions) resolver(cfg resolve.Config) (r *resolve.Resolver, done func()) {
	charts := helm.New(o.worker())
	charts.Kustomize = cfg.Renderer
	cfg.Renderer = &helm.Inflater{Builder: cfg.Renderer, Charts: charts}
	cfg.Layout = &layout.Layout{Root: o.path, Renderer: cfg.Renderer, Templates: charts}
	cfg.Repository, cfg.Charts = append(cfg.Repository, o.alias...), charts
	cfg.Substitute, cfg.Ignore, cfg.Hide, cfg.Ignored = envsubst.Replace, git.Ignore, git.Hide, ignore.Made
	cfg.Unautomated = o.deliverUnautomated
	return resolve.New(cfg), charts.Close
}

// among says that there is no such cluster, if so.
func among(names []string, name, revision string) error {
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("there is no cluster %q at %s: there are %v", name, revision, names)
}
