package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/confined"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/protocol"
)

// Substitute replaces ${var} in objects. If strict, a variable without a value and without a default is an error;
// otherwise it is empty.
type Substitute func(objects []model.Rendered, vars map[string]string, strict bool) ([]model.Rendered, error)

// ErrPending says that a cluster's folder is being built in the background.
var ErrPending = errors.New(query.FolderBuilding)

// Resolver turns a revision into what each cluster is to run. Everything it does is remembered by what
// it read, so that a revision costs what it changed. It is for one goroutine at a time.
type Resolver struct {
	cfg     Config
	renders *renders // nil without Background
	memo    *memo
	shown   map[string]model.View // what is seen of sources through their rules, by what is looked at; of each the newest
	// compositions are the composed sources as they were made last, by their keys.
	compositions map[string]*composition
	contents     contents
}

// New makes a Resolver. Close ends what it renders in the background.
func New(cfg Config) *Resolver {
	r := &Resolver{cfg: cfg, memo: newMemo(cfg.Store), shown: map[string]model.View{}, compositions: map[string]*composition{}}
	if cfg.Background {
		r.renders = newRenders(context.Background(), cmp.Or(cfg.Moment, loopPatience))
	}
	return r
}

// Close stops what is rendered in the background, and waits until it has ended.
func (r *Resolver) Close() {
	if r.renders != nil {
		r.renders.close()
	}
}

// Finished has a value when renders in the background have finished since the last call of Take.
func (r *Resolver) Finished() <-chan struct{} {
	if r.renders == nil {
		return nil
	}
	return r.renders.done
}

// Take gives the clusters whose renders have finished, once, sorted: they are to be resolved again. "" stands for the
// apps for many clusters, which are to be read again.
func (r *Resolver) Take() []string { return r.renders.take() }

// Resolution is what one cluster is to run at a revision.
type Resolution struct {
	Cluster model.Cluster
	Apps    []AppResult // sorted by name
	// Transient says that something could not be read: the cluster is to be resolved again at the next
	// revision, whatever that changes.
	Transient bool
	// Doubt says why apps that were wanted before may be wanted still, although they are not among Apps; "" if that
	// is certain.
	Doubt      string
	Kubernetes string // version that charts were rendered for; "" if it was not known
	APIs       string // APIsDigest of what they were rendered for; "" if it was not known
	AsksAPIs   bool   // a chart looks at what the API server serves
	Planning   bool   // the templates of an ApplicationSet are being executed
	Selecting  bool   // the apps for many clusters are being built
	FleetApps  bool   // something was selected of the apps for many clusters
	FleetGone  bool   // nothing declares apps for many clusters

	places    []string    // paths in the tree on which any of it depends
	selection string      // what was selected of the apps for many clusters
	questions []*question // that were asked of the memo
}

// AppResult is one app, rendered, or the reason why not.
type AppResult struct {
	App  model.App
	Ref  *protocol.Blob // nil if Err is set
	Refs []protocol.ObjectRef
	Err  string
	// Reason is Err for programs; "" where that is that it cannot be rendered.
	Reason protocol.Reason
	// Clashes are the objects that it goes on without, because other apps have them and declare them otherwise. They are
	// among the notes of App, too.
	Clashes []fleet.Note
	Left    []fleet.Note // the same for all that other apps have, however they declare them
	// Kept is what it stays at if Ref is nil, where that is not what was published last: without objects that other apps
	// have now. nil for what was published last.
	Kept *protocol.Blob
	// Pending: it is being rendered; Err says so.
	Pending bool

	// Declares is a digest of what it declares beside its objects; "" if that is nothing.
	Declares string

	declares bool           // it declares other apps, or what they need
	sealed   *protocol.Blob // the objects of its chart with the values that the hub decrypted, as they were rendered
	cluster  string
}

// sealedTo is the cluster that alone may have what follows from the objects of an app; "" if all may.
func (a *AppResult) sealedTo() string {
	if a.Ref.Secret {
		return a.cluster
	}
	return ""
}

// Notes are what the cluster asks for and Drover does not do, each once.
func (r *Resolution) Notes() []fleet.Note {
	out := slices.Clone(r.Cluster.Notes)
	for _, a := range r.Apps {
		for _, n := range a.App.Notes {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// Places are the paths in the tree on which any of it depends, sorted: what was read, and what was looked for and not
// found.
func (r *Resolution) Places() []string { return r.places }

// Listing is which clusters have a folder at a revision.
type Listing struct {
	model.Sites
	Places []string // paths in the tree on which that depends
}

// Names are the clusters' names, sorted.
func (l Listing) Names() []string {
	names := make([]string, len(l.Sites.Sites))
	for i, s := range l.Sites.Sites {
		names[i] = s.Name
	}
	return names
}

// Problems are what is wrong with folders whose cluster cannot be known.
func (l Listing) Problems() []string {
	var out []string
	for _, s := range l.Unknown {
		out = append(out, s.Wrong)
	}
	return out
}

// Site is where a cluster of a name is described; false if no folder is its.
func (l Listing) Site(name string) (model.Site, bool) {
	i, is := slices.BinarySearchFunc(l.Sites.Sites, name, func(s model.Site, name string) int { return cmp.Compare(s.Name, name) })
	if !is {
		return model.Site{}, false
	}
	return l.Sites.Sites[i], true
}

// Clusters lists the clusters of a revision. An error means that nobody can say which there are.
func (r *Resolver) Clusters(snap model.View) (Listing, error) {
	rec := record.New(snap)
	sites, err := r.cfg.Layout.Clusters(rec)
	if err != nil {
		return Listing{}, err
	}
	return Listing{sites, placesOf(rec.Deps())}, nil
}

// Resolve says what a cluster is to run. An error means that the tree could not be read, that ctx is done, or
// ErrPending; what is wrong with the content of the tree is in the result.
func (r *Resolver) Resolve(ctx context.Context, snap model.Snapshot, ask Request) (Resolution, error) {
	if ask.Site.Wrong != "" {
		return Resolution{}, fmt.Errorf("cluster %s: %s", ask.Site.Name, ask.Site.Wrong)
	}
	r.memo.trace()
	r.renders.begin(ask.Site.Name, ask.Patience)
	res, err := r.resolve(ctx, snap, ask)
	r.renders.end()
	res.questions = r.memo.traced()
	return res, err
}

func (r *Resolver) resolve(ctx context.Context, snap model.Snapshot, ask Request) (Resolution, error) {
	name := ask.Site.Name
	e := expansion{r: r, snap: snap, made: map[string]made{}, turns: map[string]int{}, last: ask.Last,
		on: model.Capabilities{Kubernetes: ask.Facts.Kubernetes, APIs: ask.Facts.APIs}}
	folder, err := readFolder(ctx, &e, ask.Site)
	if err != nil {
		return Resolution{}, err
	}
	if folder.Pending {
		return Resolution{}, ErrPending
	}
	if folder.Err != "" {
		return Resolution{}, fmt.Errorf("cluster %s: %s", name, folder.Err)
	}
	apps := ask.Fleet.render
	selected, problems := r.cfg.Layout.Select(apps.Declared, *folder.Cluster)
	e.folder, e.selected = folder, selected
	res, err := e.run(ctx)
	if err != nil {
		return Resolution{}, err
	}
	res.selection = selection(selected, problems)
	res.FleetApps, res.FleetGone = len(selected) > 0, len(apps.Declared) == 0
	res.Cluster.Problems = slices.Concat(res.Cluster.Problems, problems)
	res.Selecting = apps.Pending
	res.Doubt = strings.Join(ask.Fleet.Problems(), "; ")
	res.Transient = res.Transient || apps.Transient
	res.block()
	ask.Last = moved(ask.Last, res.Cluster.Apps)
	if err := shareDefinitions(r, ctx, snap, &res, ask.Last); err != nil {
		return Resolution{}, err
	}
	stopRepeats(&res)
	refuseEmpty(r, &res, ask.Last)
	if err := settleClaims(r, ctx, snap, &res, ask.Last); err != nil {
		return Resolution{}, err
	}
	if err := unlocked(ctx, &e, &res); err != nil {
		return Resolution{}, err
	}
	return res, nil
}

// block stops the apps whose dependencies can never be satisfied as they are written.
func (r *Resolution) block() {
	if len(r.Cluster.Problems) > 0 || r.Pending() {
		return // an app that seems missing may only be unreadable, or be declared by what is being rendered
	}
	apps := make([]model.App, len(r.Apps))
	for i, a := range r.Apps {
		apps[i] = a.App
	}
	for name, why := range model.Unsatisfiable(apps) {
		at := slices.IndexFunc(apps, func(a model.App) bool { return a.Name == name })
		if a := &r.Apps[at]; a.Err == "" {
			a.Ref, a.Refs, a.Err, a.Reason = nil, nil, why, protocol.ReasonDependencyInvalid
		}
	}
}

func placesOf(deps []record.Dep) []string {
	var out []string
	for _, d := range deps {
		out = append(out, d.Places()...)
	}
	return out
}

// built is the render of an app's folder as the renderer and the layout give it.
func (r *Resolver) built(ctx context.Context, snap model.View, on model.Capabilities, app model.App) (*Render, error) {
	may := confined.ReadingOf(app)
	plugin := app.Plugin.On(on.Kubernetes, on.APIs, app.Path, may.Whole())
	key := memoKey("build-5", struct {
		Path      string
		Overlay   model.Overlay
		Directory *model.Directory `json:",omitempty"`
		Source    *model.Source    `json:",omitempty"`
		Hide      *model.Hide      `json:",omitempty"`
		Stock     []string         `json:",omitempty"`
		May       confined.Reading
		Plugin    *model.Plugin `json:",omitempty"`
	}{app.Path, app.Overlay, app.Directory, seen(app.Source), app.Hide, memtree.Stock(snap), may, plugin})
	return r.aside(ctx, snap, key, func(ctx context.Context, rec *record.Recorder) (Render, []model.Packed, error) {
		tree := hidden(r, rec, app.Hide)
		shown, judge := may.Shown(tree, rec.Real)
		objects, err := r.cfg.Renderer.Build(ctx, shown, app.Path, model.BuildOptions{Overlay: app.Overlay,
			Directory: app.Directory, Plugin: plugin})
		if needed, ok := errors.AsType[*model.NeededError](err); ok {
			return Render{Needs: needed.Sources}, nil, nil
		}
		if err = judge(err); err != nil {
			return Render{}, nil, cmp.Or(hiddenFolder(rec, tree, app), err)
		}
		out, blobs, err := r.packSorted(app.Source, objects)
		out.AsksAPIs = plugin != nil
		return out, blobs, err
	})
}

// placed matches errors that begin with the file they are about.
var placed = regexp.MustCompile(`^[^ :]+\.[a-zA-Z]+(:\d+)?: `)

// appError says what was being rendered, unless the error's own words name a file.
func appError(app model.App, text string) string {
	if !placed.MatchString(text) && !strings.Contains(text, app.Path) {
		text = app.Path + ": " + text
	}
	if strings.HasPrefix(text, app.Path+isHidden) {
		text = app.File + ": " + text
	}
	if app.Source != nil {
		text = fmt.Sprintf("%s: %s: %s", app.File, app.Source, text)
	}
	if o := app.Overlay; len(o.Patches)+len(o.Images)+len(o.Components) > 0 || o.Namespace != "" {
		text += " (with what " + app.File + " lays over it)"
	}
	return text
}

// finished is a render with the variables replaced, and with the metadata that every object gets. It reads nothing
// from the tree: it depends on the render and the values alone.
func (r *Resolver) finished(ctx context.Context, snap model.View, from *Render, vars map[string]string, app model.App) (*Render, error) {
	if from.Err != "" {
		return from, nil
	}
	replace := app.Substitute && app.Handling.Substitute == nil && !app.Charts() && (!app.Foreign || app.SubstituteEmpty || len(vars) > 0)
	if !replace && app.Metadata.IsZero() {
		return from, nil
	}
	key := memoKey("finish-3", struct {
		Digest          string
		Declared        []model.Rendered
		Vars            map[string]string
		Replace, Strict bool
		Metadata        model.Metadata
	}{from.Ref.Digest, from.Declared, vars, replace, !app.Foreign, app.Metadata})
	return r.memo.do(ctx, snap, key, func(*record.Recorder) (Render, []model.Packed, error) {
		objects, err := r.Objects(from.Ref)
		if err != nil {
			return Render{}, nil, err
		}
		for i, file := range from.Files {
			objects[i].File = file
		}
		objects = append(objects, from.Declared...)
		if replace {
			if objects, err = r.cfg.Substitute(objects, vars, !app.Foreign); err != nil {
				return Render{}, nil, err
			}
		}
		if objects, err = app.Metadata.On(objects); err != nil {
			return Render{}, nil, err
		}
		out, blobs, err := r.packSorted(nil, objects)
		out.Notes, out.Encrypted = from.Notes, from.Encrypted
		out.Ciphertext = cmp.Or(out.Ciphertext, from.Ciphertext)
		return out, blobs, err
	})
}

// merged is the render of several parts as one.
func (r *Resolver) merged(ctx context.Context, snap model.View, app model.App, parts []*Render) (*Render, error) {
	type part struct {
		Digest   string
		Declared []model.Rendered
	}
	var key []part
	for _, p := range parts {
		key = append(key, part{p.Ref.Digest, p.Declared})
	}
	return r.memo.do(ctx, snap, memoKey("merge-2", []any{app.File, app.Name, key}), func(*record.Recorder) (Render,
		[]model.Packed, error) {
		var objects []model.Rendered
		places := map[protocol.ObjectRef]int{}
		var out Render
		for _, p := range parts {
			more, err := r.Objects(p.Ref)
			if err != nil {
				return Render{}, nil, err
			}
			for i, file := range p.Files {
				more[i].File = file
			}
			for i, o := range more {
				if at, ok := places[p.Refs[i]]; ok && !unnamed(p.Refs[i]) {
					objects[at] = o
					out.Notes = append(out.Notes, fleet.Note{File: app.File, Object: p.Refs[i].String(),
						Text: fmt.Sprintf("it is in several sources of the app %s: that of the last one counts",
							app.Name)})
					continue
				}
				places[p.Refs[i]] = len(objects)
				objects = append(objects, o)
			}
			out.Declared, out.Notes = append(out.Declared, p.Declared...), append(out.Notes, p.Notes...)
			out.Encrypted, out.Ciphertext = cmp.Or(out.Encrypted, p.Encrypted), cmp.Or(out.Ciphertext, p.Ciphertext)
		}
		packed, blobs, err := r.pack(objects)
		out.Ref, out.Refs = packed.Ref, packed.Refs
		return out, blobs, err
	})
}

// Objects gives the objects of a blob that this resolver made, now or in an earlier run.
func (r *Resolver) Objects(ref protocol.Blob) ([]model.Rendered, error) {
	sealed, err := r.Blob(ref)
	if err != nil {
		return nil, err
	}
	return model.Unpack(model.Packed{Ref: ref, Sealed: sealed})
}

// Blob gives a blob as it is published.
func (r *Resolver) Blob(ref protocol.Blob) ([]byte, error) {
	if sealed := r.memo.pending(ref.ID()); sealed != nil {
		return sealed, nil
	}
	sealed, err := r.cfg.Store.Blob(ref.ID())
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, fmt.Errorf("blob %s is not in the hub's store: it was damaged; stop the hub, remove its store file and "+
			"start it again: everything in it is rendered again from Git", ref.ID())
	}
	return sealed, nil
}

// packSorted packs what is for the cluster, and keeps what is for Drover beside it. Objects that come from another
// source say so.
func (r *Resolver) packSorted(from *model.Source, objects []model.Rendered) (Render, []model.Packed, error) {
	if from != nil {
		for i := range objects {
			if !strings.Contains(objects[i].File, "://") { // else it was fetched for what is in the source
				objects[i].File = from.Place(objects[i].File)
			}
		}
	}
	sorted, err := r.cfg.Layout.Sort(objects)
	if err != nil {
		return Render{}, nil, err
	}
	out, blobs, err := r.pack(sorted.Objects)
	out.Declared, out.Notes, out.Encrypted, out.Ciphertext = sorted.Declared, sorted.Notes, sorted.Encrypted, sorted.Ciphertext
	return out, blobs, err
}

// Sources gives what apps take from outside of the repository that the hub follows.
type Sources interface {
	// View gives the newest state of a source that is at hand. The error says why there is none, and what to do.
	View(ctx context.Context, s model.Source) (model.View, error)
}
