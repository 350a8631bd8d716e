package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/analysis"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Fleet implements model.Layout: every App in the plain files below FleetRoot, and what dialects read there, also where a
// kustomization makes it. Whatever keeps an App from being read is a problem.
func (l *Layout) Fleet(ctx context.Context, tree model.Tree) (apps []model.Rendered, problems []string, transient error) {
	info, err := tree.Stat(planning.FleetRoot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err == nil && !info.IsDir():
		return nil, []string{fmt.Sprintf("%s is a file: it is to be a folder with the Apps that are for many "+
			"clusters", planning.FleetRoot)}, nil
	}
	w := fleetWalk{layout: l, tree: tree, at: map[string]string{}}
	err = fs.WalkDir(tree, planning.FleetRoot, func(file string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			return w.folder(ctx, file)
		}
		w.file(file, e, err)
		return nil
	})
	if err != nil {
		w.problem(err)
	}
	for i, o := range w.apps {
		if isPolicyObject(o) {
			w.apps[i] = w.expanded(o)
		}
	}
	_, wrong := policies(tree, w.apps)
	w.problems = append(w.problems, wrong...)
	_, wrong = accesses(tree, w.apps)
	w.problems = append(w.problems, wrong...)
	if len(w.needs) > 0 {
		return w.apps, w.problems, &model.NeededError{Sources: w.needs}
	}
	return w.apps, w.problems, w.transient
}

// fleetWalk gathers what is declared below FleetRoot.
type fleetWalk struct {
	layout    *Layout
	tree      model.Tree
	at        map[string]string // where each thing is declared
	apps      []model.Rendered
	templates []document.Document // of analyses, which gates may name
	problems  []string
	needs     []model.Needed
	transient error
}

func (w *fleetWalk) problem(err error) { w.problems = append(w.problems, err.Error()) }

// folder takes what a kustomization makes, if a folder has one: then it is not looked into further.
func (w *fleetWalk) folder(ctx context.Context, dir string) error {
	if entries, err := w.tree.ReadDir(dir); err == nil && w.layout.claimsFolder(entries) {
		return fs.SkipDir // it is delivered by what names it
	}
	made, err := w.layout.fleetBuild(ctx, w.tree, dir)
	if made == nil && err == nil {
		return nil
	}
	if t, is := errors.AsType[*model.TransientError](err); is {
		w.transient = t
	}
	if n, is := errors.AsType[*model.NeededError](err); is {
		w.needs = append(w.needs, n.Sources...)
		return fs.SkipDir
	}
	docs, wrong := fleetMade(dir, made, err)
	for _, d := range docs {
		w.add(d)
	}
	w.problems = append(w.problems, wrong...)
	return fs.SkipDir
}

func (w *fleetWalk) file(file string, e fs.DirEntry, err error) {
	var data []byte
	switch {
	case err != nil:
	case w.claim(file):
		return
	case document.IsYAML(e.Name()):
		data, err = w.tree.ReadFile(file)
	default:
		if says := w.layout.misnamed(w.tree, file); says != "" {
			w.problems = append(w.problems, says)
		}
		return
	}
	if err != nil {
		w.problem(fmt.Errorf("%s cannot be read: %w", file, err))
		return
	}
	docs, broken := document.Parse(file, data)
	if broken != nil {
		w.problem(broken)
	}
	for _, d := range docs {
		for _, item := range d.Items() {
			w.add(item)
		}
	}
}

// claim gives a file that is no Kubernetes object to the dialect whose it is; false if it is none's.
func (w *fleetWalk) claim(file string) bool {
	c := w.layout.claimer(file)
	if c == nil {
		return false
	}
	objects, err := readClaimed(c, w.tree, file)
	if err != nil {
		w.problem(err)
	}
	w.apps = append(w.apps, objects...)
	return true
}

// expanded is a policy with the questions of the templates that its gates name, or with what is wrong with them.
func (w *fleetWalk) expanded(o model.Rendered) model.Rendered {
	data, err := analysis.Expand(o.JSON, w.templates, w.tree)
	if o.JSON = data; err != nil {
		o.Err = fmt.Sprintf("%s: %v", o.File, err)
	}
	return o
}

// add takes in a document, once.
func (w *fleetWalk) add(d document.Document) {
	if analysis.Is(d) {
		w.templates = append(w.templates, d)
		return
	}
	app, err := w.layout.fleetApp(d)
	key := w.layout.fleetKey(d)
	if prev := w.at[key]; err == nil && prev != "" {
		err = d.Errorf(d.Node, "the %s is declared in %s already: rename or remove one", key, prev)
	}
	if err != nil {
		w.problem(err)
		return
	}
	w.at[key] = d.Place(d.Node)
	w.apps = append(w.apps, app)
}

// fleetApp takes a document below FleetRoot, which is to be an App with a name, or of a dialect that may stand there.
func (l *Layout) fleetApp(d document.Document) (model.Rendered, error) {
	if l.central(d) != nil {
		return d.Rendering()
	}
	if says := l.lookalike(document.Scalar(document.Field(d.Node, "apiVersion")),
		document.Scalar(document.Field(d.Node, "kind"))); says != "" {
		return model.Rendered{}, d.Errorf(d.Node, "%s", says)
	}
	if isProject(d) {
		return d.Rendering() // what is wrong with it, Plan says: its apps must not be without bounds
	}
	if isPolicy(d) || isAccess(d) {
		return d.Rendering() // what is wrong with it, Fleet says in the end
	}
	if !d.IsOurs() || document.Scalar(document.Field(d.Node, "kind")) != model.KindApp {
		return model.Rendered{}, d.Errorf(d.Node, "%s is for Apps (%s), and what %s reads, that are for many clusters: "+
			"move this elsewhere, and let an App name its folder", planning.FleetRoot, model.APIVersion, strings.Join(l.centralTools(), " or "))
	}
	if err := native.CheckFleetApp(d); err != nil {
		return model.Rendered{}, err
	}
	return d.Rendering()
}

// fleetKey is what a document below FleetRoot is known by: an App by its name alone.
func (l *Layout) fleetKey(d document.Document) string {
	if isProject(d) {
		return "project " + d.Name()
	}
	if isPolicy(d) {
		return "policy " + d.Name()
	}
	if isAccess(d) {
		return document.Scalar(document.Field(d.Node, "kind")) + " " + d.Name()
	}
	if l.central(d) == nil {
		return "app " + d.Name()
	}
	namespace := document.Scalar(document.Field(document.Field(d.Node, "metadata"), "namespace"))
	return document.Scalar(document.Field(d.Node, "kind")) + " " + namespace + "/" + d.Name()
}

// fleetBuild builds a folder below FleetRoot that has a kustomization; nil if it has none.
func (l *Layout) fleetBuild(ctx context.Context, tree model.Tree, dir string) ([]model.Rendered, error) {
	entries, err := tree.ReadDir(dir)
	if err != nil || !slices.ContainsFunc(entries,
		func(e fs.DirEntry) bool { return document.IsKustomization(e.Name()) }) {
		return nil, err
	}
	made, err := l.Renderer.Build(ctx, tree, dir, model.BuildOptions{})
	return append([]model.Rendered{}, made...), err
}

// fleetMade reads what a kustomization below FleetRoot gives.
func fleetMade(dir string, made []model.Rendered, err error) (docs []document.Document, problems []string) {
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, o := range made {
		if o.File == "" {
			o.File = dir
		}
		parsed, err := document.Parse(o.File, o.JSON)
		if err != nil {
			problems = append(problems, err.Error())
		}
		for _, d := range parsed {
			d.Rendered = true
			docs = append(docs, d)
		}
	}
	return docs, problems
}

// Untaken names what stands below FleetRoot and is for no cluster: each cluster leaves out what is for others, so that
// nobody else would say it. in are the objects that Fleet gave, and how the repository is known.
func (l *Layout) Untaken(ctx context.Context, tree model.Tree, in model.Declarations) []fleet.Note {
	var out []fleet.Note
	for _, d := range l.dialects() {
		if by, ok := d.(planning.Destined); ok {
			p := &planner{Plan: planning.NewPlan(tree, "", in, func() ([]model.Cluster, error) { return l.fleet(tree) }), layout: l}
			p.readers = []tongue{{d, d.Kinds(), d.Open(p.Plan)}}
			for _, o := range in.Declared {
				if !isPolicyObject(o.Rendered) {
					p.index(o)
				}
			}
			p.Sort()
			out = append(out, by.Untaken(ctx, p.Plan)...)
		}
	}
	return out
}

// Select implements model.Layout.
func (l *Layout) Select(apps []model.Rendered, cluster model.Cluster) (selected []model.Rendered, problems []string) {
	for _, a := range apps {
		docs, err := document.Parse(a.File, a.JSON)
		if err != nil || len(docs) != 1 {
			problems = append(problems, fmt.Sprintf("%s: an App that cannot be read: %v", a.File, err))
			continue
		}
		d := docs[0]
		d.Rendered = true
		if isPolicy(d) || isAccess(d) {
			continue // it is no app
		}
		if dialect := l.central(d); dialect != nil {
			if dialect.Targets(a, cluster) {
				selected = append(selected, a)
			}
			continue
		}
		if isProject(d) {
			selected = append(selected, a)
			continue
		}
		is, err := native.Selects(d, cluster)
		if err != nil {
			problems = append(problems, err.Error())
		}
		if is {
			selected = append(selected, native.Localized(a, cluster))
		}
	}
	return selected, problems
}
