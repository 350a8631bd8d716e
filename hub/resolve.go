package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Substitute replaces ${var} in objects.
type Substitute func(objects []Rendered, vars map[string]string) ([]Rendered, error)

// Resolver turns a revision into what each cluster is to run. Everything it does is remembered by what
// it read, so that a revision costs what it changed. It is for one goroutine at a time.
type Resolver struct {
	layout     Layout
	renderer   Renderer
	substitute Substitute
	secret     []byte
	memo       *memo
	store      Store
}

// NewResolver makes a Resolver. secret is the fleet's, see protocol.SealBlob.
func NewResolver(l Layout, r Renderer, s Substitute, store Store, secret []byte) *Resolver {
	return &Resolver{layout: l, renderer: r, substitute: s, secret: secret, memo: newMemo(store), store: store}
}

// Resolution is what one cluster is to run at a revision.
type Resolution struct {
	Cluster fleet.Cluster
	Apps    []AppResult // sorted by name
	// Transient says that something could not be read: the cluster is to be resolved again at the next
	// revision, whatever that changes.
	Transient bool
	places    []string // paths in the tree on which any of it depends
}

// AppResult is one app, rendered, or the reason why not.
type AppResult struct {
	App  fleet.App
	Ref  *protocol.Blob // nil if Err is set
	Refs []protocol.ObjectRef
	Err  string
}

// Clusters lists the clusters of a revision, see Layout.
func (r *Resolver) Clusters(tree Tree) (names, problems []string, err error) {
	return r.layout.Clusters(tree)
}

// Resolve says what a cluster is to run. last are the apps that it was told to run before, for deciding
// between two that claim the same object; nil if that is not known. An error means that the tree could not be read
// or that ctx is done; what is wrong with its content is in the result.
func (r *Resolver) Resolve(ctx context.Context, snap Snapshot, name string, last []protocol.App) (Resolution, error) {
	// The key changes with what a folder may say: what an older release took for a mistake is read anew.
	folder, err := r.memo.do(ctx, snap, memoKey("folder-2", name), func(rec *Recorder) (Render, []Packed, error) {
		f, err := r.layout.Read(ctx, rec, name)
		if err != nil {
			return Render{}, nil, err
		}
		out, blobs, err := r.pack(f.Root)
		out.Cluster = &f.Cluster
		return out, blobs, err
	})
	if err != nil {
		return Resolution{}, err
	}
	if folder.Err != "" {
		return Resolution{}, fmt.Errorf("cluster %s: %s", name, folder.Err)
	}
	res := Resolution{Cluster: *folder.Cluster, places: placesOf(folder.Deps), Transient: folder.Transient}
	for _, app := range res.Cluster.Apps {
		a, err := r.app(ctx, snap, res.Cluster, app, folder)
		if err != nil {
			return Resolution{}, err
		}
		if a.render != nil {
			res.places = append(res.places, placesOf(a.render.Deps)...)
			res.Transient = res.Transient || a.render.Transient
		}
		res.Apps = append(res.Apps, a.AppResult)
	}
	slices.Sort(res.places)
	res.places = slices.Compact(res.places)
	r.settleClaims(&res, last)
	return res, nil
}

func placesOf(deps []Dep) []string {
	var out []string
	for _, d := range deps {
		out = append(out, d.places()...)
	}
	return out
}

// appRender is an AppResult with the render it rests on; the root app's is its folder's.
type appRender struct {
	AppResult
	render *Render
}

func (r *Resolver) app(ctx context.Context, snap Snapshot, c fleet.Cluster, app fleet.App, folder *Render) (appRender, error) {
	out := appRender{AppResult: AppResult{App: app, Err: app.Err}}
	if app.Err != "" {
		return out, nil
	}
	render := folder
	if app.Name != fleet.RootApp {
		var err error
		render, err = r.memo.do(ctx, snap, memoKey("build", app.Path), func(rec *Recorder) (Render, []Packed, error) {
			objects, err := r.renderer.Build(ctx, rec, app.Path, BuildOptions{})
			if err != nil {
				return Render{}, nil, err
			}
			return r.pack(objects)
		})
		if err != nil {
			return out, err
		}
		out.render = render
	}
	if app.Substitute && render.Err == "" {
		var err error
		if render, err = r.substituted(ctx, snap, render, app.Variables(c)); err != nil {
			return out, err
		}
	}
	if render.Err != "" {
		out.Err = appError(app, render.Err)
		return out, nil
	}
	out.Ref, out.Refs = &render.Ref, render.Refs
	return out, nil
}

// placed matches errors that begin with the file they are about.
var placed = regexp.MustCompile(`^[^ :]+\.[a-zA-Z]+(:\d+)?: `)

// appError says what was being rendered, unless the error's own words name a file.
func appError(app fleet.App, text string) string {
	if placed.MatchString(text) || strings.Contains(text, app.Path) {
		return text
	}
	return app.Path + ": " + text
}

// substituted is a render with the variables replaced. It reads nothing from the tree: it depends on the
// render and the values alone.
func (r *Resolver) substituted(ctx context.Context, snap Snapshot, from *Render, vars map[string]string) (*Render, error) {
	key := memoKey("substitute", struct {
		Digest string
		Vars   map[string]string
	}{from.Ref.Digest, vars})
	return r.memo.do(ctx, snap, key, func(*Recorder) (Render, []Packed, error) {
		objects, err := r.Objects(from.Ref)
		if err != nil {
			return Render{}, nil, err
		}
		objects, err = r.substitute(objects, vars)
		if err != nil {
			return Render{}, nil, err
		}
		return r.pack(objects)
	})
}

// Objects gives the objects of a blob that this resolver made, now or in an earlier run.
func (r *Resolver) Objects(ref protocol.Blob) ([]Rendered, error) {
	sealed, err := r.Sealed(ref)
	if err != nil {
		return nil, err
	}
	return Unpack(Packed{ref, sealed})
}

// Sealed gives a blob as it is published.
func (r *Resolver) Sealed(ref protocol.Blob) ([]byte, error) {
	if sealed := r.memo.pending(ref.ID()); sealed != nil {
		return sealed, nil
	}
	sealed, err := r.store.Blob(ref.ID())
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, fmt.Errorf("blob %s is not in the hub's store: it was damaged; stop the hub, remove its store file and "+
			"start it again: everything in it is made anew from Git", ref.ID())
	}
	return sealed, nil
}

func (r *Resolver) pack(objects []Rendered) (Render, []Packed, error) {
	var out Render
	for _, o := range objects {
		var m map[string]any
		if err := json.Unmarshal(o.JSON, &m); err != nil {
			return out, nil, fmt.Errorf("%s: a rendered object is no JSON object: %w", o.File, err)
		}
		ref := fleet.RefOf(m)
		if ref.Kind == "" || ref.Name == "" {
			return out, nil, fmt.Errorf("%s: an object without kind or metadata.name: give it both", o.File)
		}
		out.Refs = append(out.Refs, ref)
	}
	p, err := Pack(r.secret, objects)
	if err != nil {
		return out, nil, err
	}
	out.Ref = p.Ref
	return out, []Packed{p}, nil
}
