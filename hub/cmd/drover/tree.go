package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/sourceignore"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/ignore"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/layout/folders"
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
	path, alias        []string
	helmWorker         string
	deliverUnautomated bool
}

func (o *treeOptions) addTo(f *pflag.FlagSet) {
	f.StringVar(&o.repo, "repo", ".", "path of the Git repository")
	f.StringVar(&o.revision, "revision", "HEAD", "branch, tag or commit; what is not committed is not seen")
	o.layoutOptions.addTo(f)
	o.sources.addTo(f)
}

func (o *layoutOptions) addTo(f *pflag.FlagSet) {
	pathFlag(f, &o.path)
	f.StringArrayVar(&o.alias, "alias", nil, "another address of the repository, by which a GitRepository in it may name it (may be repeated)")
	f.BoolVar(&o.deliverUnautomated, "deliver-unautomated", false, "deliver Applications of Argo CD without automated sync like all others, "+
		"instead of when a person approves it")
	f.StringVar(&o.helmWorker, "helm-worker", "", "the program that renders Helm charts (default: "+helmWorker+" beside drover)")
}

// pathFlag adds --path, which says which folders are clusters'.
func pathFlag(f *pflag.FlagSet, to *[]string) {
	f.StringSliceVar(to, "path", []string{folders.DefaultRoot}, "which folders of the repository are clusters': a folder that holds them, "+
		"a pattern of theirs as clusters/*/*, one as NAME=FOLDER, and what is not as !repositories (may be repeated)")
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

// opened is a revision of a repository with what resolves it.
type opened struct {
	snap    model.Snapshot
	r       *resolve.Resolver
	sources *fetch.Together
	done    func() // ends what it takes to render
}

// open opens the repository, and resolves like the hub, but for waiting for sources, which is told on stderr.
func (o *treeOptions) open(ctx context.Context, stderr io.Writer) (*opened, error) {
	snap, err := git.At(ctx, o.repo, o.revision)
	if err != nil {
		return nil, err
	}
	sources, err := o.sources.once(o.repo, stderr)
	if err != nil {
		return nil, err
	}
	r, done, err := o.reading(sources)
	if err != nil {
		return nil, err
	}
	return &opened{snap, r, sources, done}, nil
}

// settled is what clusters are to run, in their order, with nothing for those whose site is wrong, and the apps for many clusters. They are resolved again until
// all sources that they name were asked for: those that cannot be reached are waited for at the same time.
func (o *opened) settled(ctx context.Context, sites []model.Site) (*resolve.Fleet, []resolve.Resolution, error) {
	for {
		apps, err := o.r.Refresh(ctx, o.snap, nil)
		if err != nil {
			return nil, nil, err
		}
		all := make([]resolve.Resolution, len(sites))
		for i, site := range sites {
			if site.Wrong != "" {
				continue
			}
			if all[i], err = o.r.Resolve(ctx, o.snap, resolve.Request{Site: site, Fleet: apps}); err != nil {
				return nil, nil, err
			}
		}
		if !o.sources.Wait() {
			return apps, all, nil
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
}

// reading resolves like the hub.
func (o *treeOptions) reading(sources resolve.Sources) (*resolve.Resolver, func(), error) {
	return o.resolver(resolve.Config{Renderer: kustomize.New(), Repository: git.Addresses(o.repo), Sources: sources,
		Store: resolve.Volatile{}, Secret: make([]byte, 32), NoRemoteBases: o.sources.noBases})
}

// resolver makes a resolver that reads folders as the options say. done ends what it takes to render charts.
func (o *layoutOptions) resolver(cfg resolve.Config) (r *resolve.Resolver, done func(), err error) {
	patterns, err := folders.Parse(o.path)
	if err != nil {
		return nil, nil, usageError{err}
	}
	charts := helm.New(o.worker())
	charts.Kustomize = cfg.Renderer
	cfg.Renderer = &helm.Inflater{Builder: cfg.Renderer, Charts: charts}
	cfg.Layout = &layout.Layout{Folders: patterns, Renderer: cfg.Renderer, Templates: charts}
	cfg.Repository, cfg.Charts = append(cfg.Repository, o.alias...), charts
	cfg.Substitute, cfg.Ignore, cfg.Hide, cfg.Ignored = envsubst.Replace, sourceignore.Filter, sourceignore.Hide, ignore.Made
	cfg.Unautomated = o.deliverUnautomated
	return resolve.New(cfg), charts.Close, nil
}

// among finds a cluster; the error says that there is none.
func among(found resolve.Listing, name, revision string) (model.Site, error) {
	site, is := found.Site(name)
	switch {
	case is && site.Wrong != "":
		return site, errors.New(site.Wrong)
	case is:
		return site, nil
	case len(found.Unknown) > 0:
		return site, fmt.Errorf("there is no cluster %q at %s: there are %v, and folders of which it is not known: %s", name, revision, found.Names(),
			strings.Join(found.Problems(), "; "))
	}
	return site, fmt.Errorf("there is no cluster %q at %s: there are %v", name, revision, found.Names())
}
