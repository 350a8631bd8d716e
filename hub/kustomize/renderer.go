package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/inflate"
	"github.com/drover-dev/drover/hub/kustomize/sealed"
	"github.com/drover-dev/drover/hub/model"
)

// Renderer builds folders with kustomize. All renderers of a process share one turn, because the
// library's state is global; they are safe for concurrent use.
type Renderer struct{}

var _ model.Renderer = (*Renderer)(nil)

// New returns a Renderer and starts to parse the Kubernetes schema in the background, so that
// the first build need not wait for it.
func New() *Renderer {
	r := &Renderer{}
	go r.Warm()
	return r
}

// Warm returns when the Kubernetes schema is parsed: some 50 ms the first time, at once afterwards.
func (r *Renderer) Warm() {
	turn <- struct{}{}
	defer func() { <-turn }()
	warmSchema()
}

// Build renders dir of tree. If dir has a kustomization the result is what `kustomize build` gives,
// with files allowed from anywhere in the tree. Otherwise dir is a plain folder: every manifest
// below it, a subfolder with a kustomization counting as one. A plain folder with no manifests
// gives no objects and no error.
//
// Errors about the content are *BuildError. When ctx ends, Build returns at once and touches tree
// no more.
func (r *Renderer) Build(ctx context.Context, tree model.Tree, dir string, opts model.BuildOptions) ([]model.Rendered, error) {
	m := newMount(tree, dir)
	m.charts = inflate.New(opts.Inflated, opts.Overlay.Edit)
	done := make(chan outcome, 1)
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("build %s: %w", dir, ctx.Err())
	}
	go func() {
		defer func() { <-turn }()
		done <- safely(m, opts)
	}()
	select {
	case o := <-done:
		return o.objects, o.err
	case <-ctx.Done():
		m.close()
		return nil, fmt.Errorf("build %s: %w", dir, ctx.Err())
	}
}

// outcome is what one build came to.
type outcome struct {
	objects []model.Rendered
	err     error
}

// safely keeps a panic from reaching beyond the build.
func safely(m *mount, opts model.BuildOptions) (o outcome) {
	defer func() {
		if v := recover(); v != nil {
			o = outcome{err: m.Unknown(diagnose.Panicked{Value: v})}
		}
	}()
	return told(m, build(m, opts))
}

// build prepares the mount for its folder, runs kustomize over it and explains what went wrong.
func build(m *mount, opts model.BuildOptions) outcome {
	if plain, err := isDirectory(m, m.Dir, opts.Directory); plain || err != nil {
		if err != nil {
			return outcome{err: err}
		}
		objects, err := directory(m, m.Dir, *opts.Directory)
		if missing := m.charts.Missing(); err == nil && missing != nil {
			return outcome{err: missing}
		}
		if err == nil && len(opts.Overlay.Patches) > 0 {
			objects, err = patched(m, objects, opts.Overlay)
		}
		return outcome{objects: objects, err: err}
	}
	target, err := prepare(m, m.Dir, opts)
	if err != nil || target == "" {
		return outcome{err: err}
	}
	began := time.Now()
	objects, err := run(m, target)
	if needs := missing(m); needs != nil && m.refusal == nil {
		return outcome{err: needs}
	}
	if err != nil {
		return outcome{err: failure(m, err, time.Since(began))}
	}
	if patches := diagnose.EncryptedPatches(m.Build); len(patches) > 0 {
		if objects, err = sealed.Merged(objects, patches); err != nil {
			return outcome{err: &model.CiphertextError{Err: err}}
		}
	}
	return outcome{objects: objects}
}

// prepare says which absolute path to hand to kustomize, after laying a synthetic kustomization
// over the mount where one is needed. "" means that there is nothing to build.
func prepare(m *mount, dir string, opts model.BuildOptions) (string, error) {
	if err := confirmFolder(m, dir); err != nil {
		return "", err
	}
	names, err := diagnose.KustomizationsIn(m.gate, dir)
	switch {
	case err != nil:
		return "", err
	case len(names) > 1:
		return "", diagnose.TwoKustomizations(dir, names)
	case len(names) == 1 && unchanged(opts.Overlay):
		return absolute(dir), nil
	case len(names) == 1:
		return absolute(dir), amend(m, path.Join(dir, names[0]), opts.Overlay)
	case opts.Overlay.Edit != nil && opts.Overlay.Edit.NeedsKustomization:
		return "", &diagnose.BuildError{File: dir,
			Reason: "the folder has no kustomization.yaml, and is to be built with kustomize",
			Hint:   "add one, or take out the kustomize options"}
	}
	return plain(m, dir, opts)
}

// unchanged says whether an overlay leaves a kustomization unchanged, so that it need not be written.
func unchanged(o model.Overlay) bool {
	if o.Edit != nil && o.Edit.IsZero() {
		o.Edit = nil
	}
	return o.IsZero()
}

func confirmFolder(m *mount, dir string) error {
	if !fs.ValidPath(dir) {
		return &diagnose.BuildError{File: dir, Reason: "is not a path in the repository",
			Hint: "write it relative to the root, with slashes and without . or .."}
	}
	info, err := m.stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &diagnose.BuildError{File: dir, Reason: "there is no such folder in the repository", Hint: m.DidYouMean(dir,
			"check the path")}
	case err != nil:
		return fmt.Errorf("look at %s: %w", dir, err)
	case !info.IsDir():
		return &diagnose.BuildError{File: dir, Reason: "is a file", Hint: "name the folder that holds it"}
	}
	return nil
}
