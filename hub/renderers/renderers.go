package renderers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

// Renderers is a model.Renderer and model.Charts that has plugins render what is theirs, and others the rest. It is
// safe
// for concurrent use.
type Renderers struct {
	Builder model.Renderer // reads what plugins give, and builds all other folders
	Charts  model.Charts   // renders charts that are for no plugin
	Plugins *cmplugin.Set
	Host    string        // the program drover-renderers
	Command string        // the program drover-plugin-command
	Time    time.Duration // for one render; 0 for 90 seconds, as Argo CD has it

	turns chan struct{}
}

var (
	_ model.Renderer = (*Renderers)(nil)
	_ model.Charts   = (*Renderers)(nil)
)

// New returns Renderers with the programs that lie in a folder. Nothing is started before there is something to render.
func New(plugins *cmplugin.Set, host, command string) *Renderers {
	return &Renderers{Plugins: plugins, Host: host, Command: command, turns: make(chan struct{}, model.RendersAtOnce()+1)}
}

// Build implements model.Renderer.
func (r *Renderers) Build(ctx context.Context, tree model.Tree, dir string,
	opts model.BuildOptions) ([]model.Rendered, error) {
	p := opts.Plugin
	opts.Plugin = nil
	if p == nil {
		return r.Builder.Build(ctx, tree, dir, opts)
	}
	objects, done, err := r.try(ctx, tree, dir, p)
	if done || err != nil {
		return objects, err
	}
	return r.Builder.Build(ctx, tree, dir, opts)
}

// RenderChart implements model.Charts: plugins that are found by a command take precedence over Helm, as in Argo CD.
func (r *Renderers) RenderChart(ctx context.Context, tree model.Tree, app model.App, on model.Capabilities,
	replace func(model.Rendered) (model.Rendered, error)) ([]model.Rendered, []fleet.Note, error) {
	if app.Plugin != nil {
		objects, done, err := r.try(ctx, tree, app.Path, app.Plugin.On(on.Kubernetes, on.APIs, app.Path, true))
		if done || err != nil {
			return objects, nil, err
		}
	}
	return r.Charts.RenderChart(ctx, tree, app, on, replace)
}

// try has the plugin render a folder whose it is. done says that one did.
func (r *Renderers) try(ctx context.Context, tree model.Tree, dir string, p *model.Plugin) (_ []model.Rendered,
	done bool, _ error) {
	limit := r.Time
	if limit == 0 {
		limit = maxTime
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit+graceful, errTime)
	defer cancel()
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return nil, false, &model.TransientError{Err: fmt.Errorf("%s: %w", dir, context.Cause(ctx))}
	}
	run := &run{Renderers: r, tree: tree, dir: dir, ask: p, time: limit}
	defer run.close()
	of, err := run.choose(ctx)
	if of == nil || err != nil {
		return nil, false, err
	}
	a, err := run.do(ctx, of, false)
	if err != nil {
		return nil, false, err
	}
	objects, err := r.read(ctx, dir, of.Name, a.Manifests)
	return objects, err == nil, err
}

var errTime = errors.New("the time for one render is over")

// read reads what a plugin gave as if it was a file in the folder.
func (r *Renderers) read(ctx context.Context, dir, plugin string, manifests []byte) ([]model.Rendered, error) {
	if len(bytes.TrimSpace(manifests)) == 0 {
		return nil, nil
	}
	name := "output of plugin " + strings.ReplaceAll(plugin, "/", "-") + ".yaml"
	file := path.Join(dir, name)
	tree, err := memtree.New(map[string]memtree.File{file: {Data: manifests}}, model.Revision{})
	if err != nil {
		return nil, fmt.Errorf("%s: what the plugin %s gives cannot be read: %w", dir, plugin, err)
	}
	objects, err := r.Builder.Build(ctx, tree, dir, model.BuildOptions{Directory: &model.Directory{}})
	if err == nil && len(objects) == 0 && !onlyComments(manifests) {
		err = fmt.Errorf("%s: it holds no manifest: what the plugin %s writes to its standard output has to be YAML or JSON "+
			"with apiVersion, kind and metadata, and nothing else", file, plugin)
	}
	return objects, err
}

// onlyComments says whether a YAML text holds nothing.
func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.HasPrefix(line, []byte("---")) {
			return false
		}
	}
	return true
}
