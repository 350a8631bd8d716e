package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// DefaultRoot is the folder that holds the folders of the clusters.
const DefaultRoot = "clusters"

// ClusterFile is the file in a cluster's folder that describes the cluster itself.
const ClusterFile = "cluster.yaml"

// Layout reads the folders below Root with the help of a Renderer. It is safe for concurrent use.
type Layout struct {
	Root     string // repository path; DefaultRoot if empty
	Renderer hub.Renderer
}

var _ hub.Layout = (*Layout)(nil)

func (l *Layout) root() string {
	if l.Root == "" {
		return DefaultRoot
	}
	return path.Clean(l.Root)
}

// Clusters implements hub.Layout.
func (l *Layout) Clusters(tree hub.Tree) (names, problems []string, err error) {
	entries, err := tree.ReadDir(l.root())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s/ does not exist at this revision: add a folder %s/<name>/ for each cluster, "+
			"or say with --path where they are", l.root(), l.root())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s/ cannot be read: %w", l.root(), err)
	}
	for _, e := range entries {
		folder := path.Join(l.root(), e.Name())
		info, err := tree.Stat(folder) // a cluster's folder may be a link to another's
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s cannot be read (%v): mend or remove it", folder, err))
		case !info.IsDir() || strings.HasPrefix(e.Name(), "."):
		default:
			if err := fleet.CheckCluster(folder, e.Name()); err != nil {
				problems = append(problems, err.Error())
				continue
			}
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, problems, nil
}

// Read implements hub.Layout.
func (l *Layout) Read(ctx context.Context, tree hub.Tree, name string) (hub.Folder, error) {
	dir := path.Join(l.root(), name)
	r := &reader{tree: tree, folder: hub.Folder{Cluster: fleet.Cluster{Name: name}}, apps: map[string]fleet.App{}}
	clusterFile := path.Join(dir, ClusterFile)
	if err := r.readCluster(clusterFile); err != nil {
		return hub.Folder{}, err
	}
	plain, err := r.scan(dir)
	if err != nil {
		return hub.Folder{}, err
	}
	objects, err := l.Renderer.Build(ctx, tree, dir, hub.BuildOptions{Skip: []string{clusterFile}})
	if ctx.Err() != nil {
		return hub.Folder{}, ctx.Err()
	}
	r.takeRoot(dir, objects, err, plain)
	r.conclude()
	return r.folder, nil
}

// reader gathers what one folder says.
type reader struct {
	tree   hub.Tree
	folder hub.Folder
	apps   map[string]fleet.App
}

func (r *reader) problem(format string, args ...any) {
	p := fmt.Sprintf(format, args...)
	if c := &r.folder.Cluster; !slices.Contains(c.Problems, p) {
		c.Problems = append(c.Problems, p)
	}
}

// scan looks for Apps in the plain files of a folder, each file by itself, so that a broken one
// takes no App of another file with it. It says whether the folder is plain, that is: without a kustomization.
func (r *reader) scan(dir string) (plain bool, err error) {
	entries, err := r.tree.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("%s cannot be read: %w", dir, err)
	}
	for _, k := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == k }) {
			return false, nil
		}
	}
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			if _, err := r.scan(file); err != nil {
				r.problem("%v", err)
			}
		case isYAML(e.Name()) && e.Name() != ClusterFile:
			r.scanFile(file)
		}
	}
	return true, nil
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func (r *reader) scanFile(file string) {
	data, err := r.tree.ReadFile(file)
	if err != nil {
		r.problem("%s cannot be read: %v", file, err)
		return
	}
	docs, err := parse(file, data)
	if err != nil {
		r.problem("%v", err)
	}
	for _, d := range docs {
		if d.isOurs(fleet.KindApp) {
			r.add(readApp(r.tree, d))
		}
	}
}

// add takes an App in. Two of one name are both wrong: nobody can say which was meant.
func (r *reader) add(app fleet.App, err error) {
	if app.Name == "" {
		r.problem("%v", err)
		return
	}
	if err != nil {
		app.Err = err.Error()
	}
	if prev, ok := r.apps[app.Name]; ok && prev.File != app.File {
		app.Err = fmt.Sprintf("the app %s is declared in %s and in %s: rename or remove one", app.Name, prev.File, app.File)
	}
	r.apps[app.Name] = app
}

// takeRoot splits what the folder rendered to into Apps and the root app.
func (r *reader) takeRoot(dir string, objects []hub.Rendered, err error, plain bool) {
	root := fleet.App{Name: fleet.RootApp, File: dir, Path: dir, Prune: true}
	if err != nil {
		root.Err = err.Error()
		if !plain {
			r.problem("%v", err) // Apps may be behind it
		}
		r.apps[root.Name] = root
		return
	}
	for _, o := range objects {
		var head struct{ APIVersion, Kind string }
		if err := json.Unmarshal(o.JSON, &head); err != nil {
			r.problem("%s: %v", dir, err)
			continue
		}
		switch {
		case fleet.GroupOf(head.APIVersion) != fleet.GroupOf(fleet.APIVersion):
			r.folder.Root = append(r.folder.Root, o)
		case head.APIVersion == fleet.APIVersion && head.Kind == fleet.KindApp:
			r.takeApp(dir, o)
		case head.Kind == fleet.KindCluster:
			r.problem("%s: a Cluster belongs in %s/%s", orDir(o.File, dir), dir, ClusterFile)
		default:
			r.problem("%s: %s %s is not known to this release of Drover: it knows %s %s and %s", orDir(o.File, dir),
				head.APIVersion, head.Kind, fleet.APIVersion, fleet.KindApp, fleet.KindCluster)
		}
	}
	if app, taken := r.apps[root.Name]; taken {
		app.Err = fmt.Sprintf("%s: the name %q is kept for what the folder holds beside its Apps: choose another", app.File, fleet.RootApp)
		r.apps[root.Name] = app
		return
	}
	if len(r.folder.Root) > 0 {
		r.apps[root.Name] = root
	}
}

// takeApp takes in an App that came out of a kustomization; those of plain files are known already, with
// their lines.
func (r *reader) takeApp(dir string, o hub.Rendered) {
	docs, err := parse(orDir(o.File, dir), o.JSON)
	if err != nil || len(docs) != 1 {
		r.problem("%s: an App that cannot be read: %v", dir, err)
		return
	}
	d := docs[0]
	d.rendered = true
	if known, ok := r.apps[d.name()]; ok && (o.File == "" || known.File == o.File) {
		return
	}
	r.add(readApp(r.tree, d))
}

func orDir(file, dir string) string {
	if file == "" {
		return dir
	}
	return file
}

func (r *reader) conclude() {
	c := &r.folder.Cluster
	deps := map[string][]string{}
	for name, a := range r.apps {
		deps[name] = a.DependsOn
	}
	if len(c.Problems) == 0 { // otherwise an app that seems missing may only be unreadable
		for _, b := range fleet.CheckDependencies(deps) {
			if a := r.apps[b.App]; a.Err == "" {
				a.Err = a.File + ": the app " + b.App + " " + b.Reason
				r.apps[b.App] = a
			}
		}
	}
	for _, a := range r.apps {
		c.Apps = append(c.Apps, a)
	}
	slices.SortFunc(c.Apps, fleet.CompareApps)
	slices.Sort(c.Problems)
}
