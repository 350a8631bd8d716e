package renderers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/model"
)

// run is the render of one folder.
type run struct {
	*Renderers
	tree model.Tree
	dir  string
	ask  *model.Plugin
	time time.Duration
	made *workspace // nil while there is none
}

// close takes away what was made for it.
func (r *run) close() {
	if r.made != nil {
		r.made.remove()
	}
}

// choose says which plugin renders the folder; nil for none.
func (r *run) choose(ctx context.Context) (*cmplugin.Plugin, error) {
	if r.ask.Name == "" {
		for _, p := range r.Plugins.Discovered() {
			if is, err := r.supports(ctx, p); is || err != nil {
				return p, err
			}
		}
		if r.ask.Required {
			return nil, fmt.Errorf("%s: the source asks for a plugin without a name, and of those that are configured none "+
				"is for the "+
				"folder: write plugin.name, or have the operator correct spec.discover of the ConfigManagementPlugin", r.dir)
		}
		return nil, nil
	}
	p := r.Plugins.Named(r.ask.Name)
	if p == nil {
		return nil, fmt.Errorf("%s: %w", r.dir, r.Plugins.Unknown(r.ask.Name))
	}
	if !p.Spec.Discover.IsSet() {
		return p, nil
	}
	is, err := r.supports(ctx, p)
	if err == nil && !is {
		err = fmt.Errorf("%s: the plugin %s is not for this folder, by spec.discover of its ConfigManagementPlugin: name "+
			"another "+
			"plugin, or have the operator correct that", r.dir, p.Name)
	}
	return p, err
}

// supports says whether the folder is one for a plugin.
func (r *run) supports(ctx context.Context, p *cmplugin.Plugin) (bool, error) {
	if !p.Spec.Discover.ByCommand() {
		return p.Matches(r.tree, r.dir)
	}
	a, err := r.do(ctx, p, true)
	if err != nil {
		return false, err
	}
	return a.Supported, nil
}

// do has a plugin work on the folder.
func (r *run) do(ctx context.Context, p *cmplugin.Plugin, discover bool) (*Answer, error) {
	if r.made == nil || !r.made.is(p) {
		r.close()
		r.made = nil
		made, err := newWorkspace(r.tree, r.dir, r.ask.Paths, p)
		if err != nil {
			return nil, err
		}
		r.made = made
	}
	j := Job{Root: r.made.root, Tree: r.made.tree, Path: r.dir, Program: p.Program, Runs: p.Runs, Config: p.Config,
		Env: r.env(), Discover: discover, Time: r.time}
	if j.Program == "" {
		j.Program = r.Command
	}
	a, err := started(ctx, r.Host, j, r.Plugins.Dir)
	switch {
	case errors.Is(context.Cause(ctx), errTime):
		err = fmt.Errorf("it did not end within %s: see what it waits for, or have it do less", r.time)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && a.Error != "":
		err = errors.New(concealed(a.Error))
	case err == nil && !p.Writable:
		err = r.made.unchanged()
	}
	if err != nil { // it may have waited for a network, or for memory
		return nil, &model.TransientError{Err: fmt.Errorf("%s: the plugin %s: %w", r.dir, p.Name, err)}
	}
	return a, nil
}

// env is what the plugin is told of the app and its cluster (argo-cd v3.6, reposerver/repository, getPluginEnvs).
func (r *run) env() []string {
	version, _, _ := strings.Cut(strings.TrimPrefix(r.ask.Kubernetes, "v"), "+")
	out := append([]string{}, r.ask.Env...)
	return append(out, "KUBE_VERSION="+version, "KUBE_API_VERSIONS="+strings.Join(r.ask.APIs, ","))
}
