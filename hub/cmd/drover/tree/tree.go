// Package tree is a Git repository on this machine, and what resolves its revisions without a hub. The commands that
// need no hub share it, and the hub the flags that say how a repository is read.
package tree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/sourceignore"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/ignore"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/renderers"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Usage is a mistake in how a command was called.
type Usage struct{ error }

// Unwrap gives what is wrong.
func (u Usage) Unwrap() error { return u.error }

// Options choose a revision of a repository on this machine.
type Options struct {
	Repo, Revision string
	Layout
	Sources Sources
}

// Layout says how a repository is read.
type Layout struct {
	Path, Alias        []string
	HelmWorker         string
	DeliverUnautomated bool
	Flux               model.FluxLockdown
	AsProject          string
	RendererPlugins    string
}

// AddTo adds the flags.
func (o *Options) AddTo(f *pflag.FlagSet) {
	f.StringVar(&o.Revision, "revision", "HEAD", "branch, tag or commit; what is not committed is not seen")
	o.AddReading(f)
}

// AddReading adds the flags but for the one that chooses a revision.
func (o *Options) AddReading(f *pflag.FlagSet) {
	f.StringVar(&o.Repo, "repo", ".", "path of the Git repository")
	o.Layout.AddTo(f)
	o.Sources.AddTo(f)
}

// AddTo adds the flags.
func (o *Layout) AddTo(f *pflag.FlagSet) {
	PathFlag(f, &o.Path)
	f.StringArrayVar(&o.Alias, "alias", nil, "another address of the repository, by which a GitRepository in it may "+
		"name it (may be repeated)")
	f.BoolVar(&o.DeliverUnautomated, "deliver-unautomated", false, "deliver Applications of Argo CD without automated "+
		"sync like all others, "+
		"instead of when a person approves it")
	f.StringVar(&o.Flux.DefaultServiceAccount, "flux-default-service-account", "",
		"the service account, in the namespace of each, of Kustomizations and HelmReleases "+
			"that name none, as --default-service-account of Flux' controllers; a cluster.yaml may say it for one cluster "+
			"(flux.defaultServiceAccount)")
	f.BoolVar(&o.Flux.NoCrossNamespaceRefs, "flux-no-cross-namespace-refs", false,
		"Kustomizations and HelmReleases may not name a source of another namespace, as "+
			"--no-cross-namespace-refs of Flux' controllers; a cluster.yaml may say it for one cluster "+
			"(flux.noCrossNamespaceRefs)")
	f.StringVar(&o.RendererPlugins, "renderer-plugins", "", "a folder of this machine with ConfigManagementPlugins of "+
		"Argo CD "+
		"(*.yaml) and programs "+cmplugin.Prefix+"NAME, by which sources that name them, or that they discover, are rendered")
	f.StringVar(&o.HelmWorker, "helm-worker", "", "the program that renders Helm charts (default: "+helmWorker+" "+
		"beside drover)")
}

// PathFlag adds --path, which says which folders are clusters'.
func PathFlag(f *pflag.FlagSet, to *[]string) {
	f.StringSliceVar(to, "path", []string{folders.DefaultRoot}, "which folders of the repository are clusters': a "+
		"folder that holds them, "+
		"a pattern of theirs as clusters/*/*, one as NAME=FOLDER, and what is not as !repositories (may be repeated)")
}

// helmWorker is the program that renders charts.
const helmWorker = "drover-helm-worker"

// rendererHost is the program that starts renderer plugins, and commandPlugin the plugin that runs commands.
const (
	rendererHost  = "drover-renderers"
	commandPlugin = cmplugin.Prefix + "command"
)

// beside is the path of a program in the folder of this one. Whether it is there matters only where it is needed.
func beside(program string) string {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self) // it may be linked into a folder of the PATH
	}
	if err != nil {
		return program
	}
	return filepath.Join(filepath.Dir(self), program)
}

// Opened is a revision of a repository with what resolves it.
type Opened struct {
	Snap     model.Snapshot
	Resolver *resolve.Resolver
	sources  *fetch.Together
	kept     *memory
	done     func() // ends what it takes to render
}

// Open opens the repository, and resolves like the hub, but for waiting for sources, which is told on stderr. Close
// ends what it began.
func (o *Options) Open(ctx context.Context, stderr io.Writer) (*Opened, error) {
	snap, err := git.At(ctx, o.Repo, o.Revision)
	if err != nil {
		return nil, err
	}
	return o.open(snap, stderr)
}

func (o *Options) open(snap model.Snapshot, stderr io.Writer) (*Opened, error) {
	sources, err := o.Sources.once(o.Repo, stderr)
	if err != nil {
		return nil, err
	}
	kept := &memory{}
	r, done, err := o.reading(sources, kept)
	if err != nil {
		return nil, err
	}
	return &Opened{snap, r, sources, kept, done}, nil
}

// Close ends what it takes to render.
func (o *Opened) Close() { o.done() }

// Settled is what clusters are to run, in their order, with nothing for those whose site is wrong, and the apps for
// many clusters. They are resolved again until all sources that they name were asked for: those that cannot be reached
// are waited for at the same time. last gives the apps that a cluster has, see resolve.Request; nil if that is not
// known.
func (o *Opened) Settled(ctx context.Context, sites []model.Site,
	last func(name string) []protocol.App) (*resolve.Fleet,
	[]resolve.Resolution, error) {
	if last == nil {
		last = func(string) []protocol.App { return nil }
	}
	for {
		apps, err := o.Resolver.Refresh(ctx, o.Snap, nil)
		if err != nil {
			return nil, nil, err
		}
		all := make([]resolve.Resolution, len(sites))
		for i, site := range sites {
			if site.Wrong != "" {
				continue
			}
			if all[i], err = o.Resolver.Resolve(ctx, o.Snap, resolve.Request{Site: site, Fleet: apps,
				Last: last(site.Name)}); err != nil {
				return nil, nil, err
			}
			if err := o.Resolver.Flush(o.kept.save); err != nil {
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

// Reading resolves like the hub, with nothing kept but in memory. done ends what it takes to render.
func (o *Options) Reading(sources resolve.Sources) (r *resolve.Resolver, done func(), err error) {
	return o.reading(sources, resolve.Volatile{})
}

func (o *Options) reading(sources resolve.Sources, store resolve.Memos) (*resolve.Resolver, func(), error) {
	return o.Resolver(resolve.Config{Renderer: kustomize.New(), Repository: git.Addresses(o.Repo), Sources: sources,
		Store: store, Secret: make([]byte, 32), NoRemoteBases: o.Sources.NoBases})
}

// Resolver makes a resolver that reads folders as the options say. done ends what it takes to render charts.
func (o *Layout) Resolver(cfg resolve.Config) (r *resolve.Resolver, done func(), err error) {
	patterns, err := folders.Parse(o.Path)
	if err != nil {
		return nil, nil, Usage{err}
	}
	plugins, err := cmplugin.Load(o.RendererPlugins)
	if err != nil {
		return nil, nil, Usage{err}
	}
	charts := helm.New(cmp.Or(o.HelmWorker, beside(helmWorker)))
	charts.Kustomize = cfg.Renderer
	plugged := renderers.New(plugins, beside(rendererHost), beside(commandPlugin))
	plugged.Builder, plugged.Charts = &helm.Inflater{Builder: cfg.Renderer, Charts: charts}, charts
	cfg.Renderer, cfg.Charts, cfg.Plugins = plugged, plugged, plugins.Digest()
	cfg.Layout = &layout.Layout{Folders: patterns, Renderer: cfg.Renderer, Templates: charts, Plugins: plugins}
	cfg.Repository = append(cfg.Repository, o.Alias...)
	cfg.Substitute, cfg.Ignored = envsubst.Replace, ignore.Made
	cfg.Ignore, cfg.Hide = sourceignore.Filter, sourceignore.Hide
	if account := o.Flux.DefaultServiceAccount; account != "" && planning.CheckSubdomain(account) != nil {
		return nil, nil, Usage{fmt.Errorf("--flux-default-service-account %.80q is no name of a service account: write "+
			"the name alone", account)}
	}
	cfg.Unautomated, cfg.Flux, cfg.AsProject = o.DeliverUnautomated, o.Flux, o.AsProject
	return resolve.New(cfg), charts.Close, nil
}

// Among finds a cluster; the error says that there is none.
func Among(found resolve.Listing, name, revision string) (model.Site, error) {
	site, is := found.Site(name)
	switch {
	case is && site.Wrong != "":
		return site, errors.New(site.Wrong)
	case is:
		return site, nil
	case len(found.Unknown) > 0:
		return site, fmt.Errorf("there is no cluster %q at %s: there are %v, and folders of which it is not known: %s", name,
			revision, found.Names(),
			strings.Join(found.Problems(), "; "))
	}
	return site, fmt.Errorf("there is no cluster %q at %s: there are %v", name, revision, found.Names())
}
