package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/model"
)

// reader gathers what one folder says.
type reader struct {
	layout  *Layout
	site    model.Site
	tree    model.Tree
	dir     string
	folder  model.Folder
	apps    map[string]model.App
	places  map[string]string // of the apps, as file:line
	scanned map[string]bool   // plain files, whose documents were taken in with their lines
	foreign []model.Rendered  // what dialects read in plain files; it is used where the build fails
	claimed []model.Rendered  // what files that dialects claim stand for
	// projects are the Projects that stand in the folder.
	projects []model.Rendered
	files    []string // these files, and cluster.yaml if it describes the cluster
	unknown  string   // why cluster.yaml cannot be known, or ""
}

func newReader(l *Layout, tree model.Tree, site model.Site) *reader {
	return &reader{
		layout: l, site: site, dir: site.Folder, tree: tree,
		apps: map[string]model.App{}, places: map[string]string{}, scanned: map[string]bool{},
	}
}

func (r *reader) clusterFile() string { return path.Join(r.dir, planning.ClusterFile) }

// readCluster reads cluster.yaml. What is wrong with it is a problem of the folder; an error says that it could not be
// read.
func (r *reader) readCluster() error {
	c, err := native.ReadCluster(r.tree, r.site)
	if err != nil {
		return err
	}
	r.folder.Cluster = c.Cluster
	if !c.Ordinary {
		r.files = append(r.files, r.clusterFile())
	}
	r.notKnown(c.Wrong)
	return nil
}

// notKnown takes note of what is wrong with cluster.yaml.
func (r *reader) notKnown(err error) {
	if err != nil {
		r.unknown = err.Error()
		r.folder.Cluster.Unclear = true
		r.problem("%v", err)
	}
}

func (r *reader) problem(format string, args ...any) {
	p := fmt.Sprintf(format, args...)
	if c := &r.folder.Cluster; !slices.Contains(c.Problems, p) {
		c.Problems = append(c.Problems, p)
	}
}

// scan looks for Apps in the plain files of a folder, each file by itself, so that a broken one
// takes no App of another file with it. It says whether the folder is plain through and through, that is: without a
// kustomization anywhere below, so that every App in it was found.
func (r *reader) scan(dir string) (plain bool, err error) {
	entries, err := r.tree.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("%s cannot be read: %w", dir, err)
	}
	if dir != r.dir && r.layout.claimsFolder(entries) {
		r.leave(dir, entries)
		return true, nil
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return document.IsKustomization(e.Name()) }) {
		return false, nil
	}
	plain = true
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			below, err := r.scan(file)
			if err != nil {
				r.problem("%v", err)
			}
			plain = plain && below
		case dir == r.dir && e.Name() != planning.ClusterFile && strings.EqualFold(e.Name(), planning.ClusterFile):
			r.notKnown(fmt.Errorf("%s is not read, because of its name: rename it to %s", file, planning.ClusterFile))
		case slices.Contains(r.files, file):
		case r.claim(file):
		case document.IsYAML(e.Name()):
			r.scanFile(file)
		default:
			if says := r.layout.misnamed(r.tree, file); says != "" {
				r.problem("%s", says)
			}
		}
	}
	return plain, nil
}

// leave leaves a folder out that a dialect delivers; the file that says how is the dialect's.
func (r *reader) leave(dir string, entries []fs.DirEntry) {
	r.files = append(r.files, dir)
	for _, e := range entries {
		if !e.IsDir() {
			r.claim(path.Join(dir, e.Name()))
		}
	}
}

// claim gives a file that is no Kubernetes object to the dialect whose it is; false if it is none's.
func (r *reader) claim(file string) bool {
	c := r.layout.claimer(file)
	if c == nil {
		return false
	}
	r.files = append(r.files, file)
	objects, err := readClaimed(c, r.tree, file)
	if err != nil {
		r.problem("%v", err)
	}
	r.claimed = append(r.claimed, objects...)
	return true
}

func (r *reader) scanFile(file string) {
	data, err := r.tree.ReadFile(file)
	if err != nil {
		r.problem("%s cannot be read: %v", file, err)
		return
	}
	docs, err := document.Parse(file, data)
	if err != nil {
		r.problem("%v", err)
	}
	r.scanned[file] = true
	for _, d := range docs {
		for _, item := range d.Items() {
			r.take(item)
		}
	}
}

// take takes in a document if it is one of ours.
func (r *reader) take(d document.Document) {
	kind := document.Field(d.Node, "kind")
	switch {
	case r.layout.dialectOf(d) != nil:
		r.takeForeign(d)
	case !d.IsOurs():
	case document.Scalar(kind) == model.KindApp:
		r.takeApp(d)
	case document.Scalar(kind) == native.KindProject:
		r.takeProject(d)
	case document.Scalar(kind) == native.KindRolloutPolicy:
		r.problem("%v", d.Errorf(kind, "a RolloutPolicy is for many clusters: move it below %s", planning.FleetRoot))
	case isAccess(d):
		r.problem("%v", rights.Misplaced(d))
	case document.Scalar(kind) == model.KindCluster:
		r.problem("%v", d.Errorf(kind, "a Cluster belongs in %s: move it there", r.clusterFile()))
	default:
		r.problem("%v", d.Errorf(kind, "%s %s is not known to this release of Drover: it knows %s %s, %s and %s",
			document.Scalar(document.Field(d.Node,
				"apiVersion")), document.Scalar(kind), model.APIVersion, model.KindApp, model.KindCluster, native.KindProject))
	}
}

// takeForeign keeps an object of a dialect as the build would give it.
func (r *reader) takeForeign(d document.Document) {
	var object map[string]any
	err := d.Node.Decode(&object)
	data, notJSON := json.Marshal(object)
	if err = errors.Join(err, notJSON); err != nil {
		r.problem("%v", d.Errorf(d.Node, "an object that cannot be read: %s", fleet.YAMLRule(err)))
		return
	}
	r.foreign = append(r.foreign, model.Rendered{JSON: data, File: d.File})
}

// takeProject keeps a Project for the plan.
func (r *reader) takeProject(d document.Document) {
	made, err := d.Rendering()
	if err != nil {
		r.problem("%v", err)
		return
	}
	r.projects = append(r.projects, made)
}

// takeApp takes an App in. Two of one name are both wrong: nobody can say which was meant.
func (r *reader) takeApp(d document.Document) {
	app, err := native.ReadApp(r.tree, d)
	if err != nil && d.Rendered {
		err = native.InSource(r.tree, d, err)
	}
	if app.Name == "" {
		r.problem("%v", err)
		return
	}
	if err != nil {
		app.Err = err.Error()
	}
	at := d.Place(document.Field(document.Field(d.Node, "metadata"), "name"))
	if prev, ok := r.places[app.Name]; ok {
		app.Err = fmt.Sprintf("the app %s is declared in %s and in %s: rename or remove one", app.Name, prev, at)
	}
	r.apps[app.Name], r.places[app.Name] = app, at
}

// takeRoot splits what the folder rendered to into Apps and the root app.
func (r *reader) takeRoot(objects []model.Rendered, err error) {
	root := model.App{Name: model.RootApp, File: r.dir, Part: model.Part{Path: r.dir}, Prune: true}
	root.Handling.Decrypt = r.folder.Cluster.Decrypt
	if err != nil {
		root.Err = err.Error()
	}
	sorted, unfit := r.layout.Sort(objects)
	if err == nil && unfit != nil {
		root.Err = unfit.Error()
	}
	r.folder.Root, r.folder.Declared = sorted.Objects, nil
	r.folder.Encrypted, r.folder.Ciphertext = sorted.Encrypted, sorted.Ciphertext
	r.folder.Cluster.Notes = append(r.folder.Cluster.Notes, sorted.Notes...)
	if r.unknown != "" && sorted.Encrypted != "" && root.Err == "" {
		root.Err = "how it is decrypted cannot be known, so the app is kept as last published: " + r.unknown
	}
	for _, o := range sorted.Declared {
		if native.DeclaredIn(o) {
			r.takeRendered(o)
		} else {
			r.folder.Declared = append(r.folder.Declared, o)
		}
	}
	if root.Err != "" {
		r.folder.Root, r.folder.Declared = nil, r.foreign
	}
	r.folder.Declared = slices.Concat(r.folder.Declared, r.claimed, r.projects)
	if app, taken := r.apps[root.Name]; taken {
		app.Err = fmt.Sprintf("%s: the name %q is kept for what the folder holds beside its Apps: choose another",
			r.places[root.Name], model.RootApp)
		r.apps[root.Name] = app
		return
	}
	if len(r.folder.Root) > 0 || root.Err != "" {
		r.apps[root.Name] = root
	}
}

// takeRendered takes in an object of ours that came out of the build; those of plain files are known already, with
// their lines.
func (r *reader) takeRendered(o model.Rendered) {
	if r.scanned[o.File] {
		return
	}
	file := o.File
	if file == "" {
		file = r.dir
	}
	docs, err := document.Parse(file, o.JSON)
	if err != nil || len(docs) != 1 {
		r.problem("%s: an object that cannot be read: %v", file, err)
		return
	}
	d := docs[0]
	d.Rendered = true
	if _, known := r.apps[d.Name()]; known && o.File == "" {
		return
	}
	r.take(d)
}

// conclude says which apps can never be applied as they are declared.
func (r *reader) conclude() {
	c := &r.folder.Cluster
	for _, a := range r.apps {
		if r.unknown != "" && a.Substitute && a.Err == "" {
			a.Err = "the cluster's vars cannot be known, so the app is kept as last published: " + r.unknown
		}
		c.Apps = append(c.Apps, a)
	}
	slices.SortFunc(c.Apps, model.CompareApps)
	slices.Sort(c.Problems)
}
