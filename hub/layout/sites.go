package layout

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Clusters implements model.Layout. The name of a cluster is spec.name of its file, else it follows from its folder. Two
// folders with one name are wrong both: neither may say what the cluster is to be.
func (l *Layout) Clusters(tree model.Tree) (model.Sites, error) {
	found, err := l.Folders.Find(tree)
	if err != nil {
		return model.Sites{}, err
	}
	var out model.Sites
	at := map[string][]string{} // folders, by the name of their cluster
	names := l.names.reading(tree)
	for _, f := range found {
		name, err := names.of(f)
		if err != nil {
			out.Unknown = append(out.Unknown, model.Site{Folder: f.Path, Wrong: err.Error()})
			continue
		}
		at[name] = append(at[name], f.Path)
	}
	l.names.keep(names)
	for _, name := range slices.Sorted(maps.Keys(at)) {
		s := model.Site{Name: name, Folder: at[name][0]}
		if len(at[name]) > 1 {
			s.Wrong = fmt.Sprintf("%s are both the cluster %q, so neither is delivered: give one of them another spec.name in its %s",
				strings.Join(at[name], " and "), name, planning.ClusterFile)
		}
		out.Sites = append(out.Sites, s)
	}
	return out, nil
}

// fleet reads what all clusters say of themselves.
func (l *Layout) fleet(tree model.Tree) ([]model.Cluster, error) {
	sites, err := l.Clusters(tree)
	if err != nil {
		return nil, err
	}
	var out []model.Cluster
	for _, s := range slices.Concat(sites.Unknown, sites.Sites) {
		if s.Wrong != "" {
			return nil, errors.New(s.Wrong)
		}
		c, err := native.ReadCluster(tree, s)
		if err != nil {
			return nil, err
		}
		if c.Wrong != nil {
			return nil, c.Wrong
		}
		out = append(out, c.Cluster)
	}
	return out, nil
}

// names remembers what the files of clusters name them, by the files' contents: to list ten thousand clusters again,
// no file is read that did not change.
type names struct {
	mu    sync.Mutex
	known map[string]string // by the id of a file's content
}

// reading begins a listing.
func (n *names) reading(tree model.Tree) *namesRead {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &namesRead{tree: tree, known: n.known, read: map[string]string{}}
}

// keep remembers what a listing read, and nothing else.
func (n *names) keep(r *namesRead) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known = r.read
}

// namesRead is one listing's part of names.
type namesRead struct {
	tree  model.Tree
	known map[string]string // is not changed
	read  map[string]string
}

// of is the name of the cluster that a folder is for. An error says why it cannot be known.
func (r *namesRead) of(f folders.Folder) (string, error) {
	file := path.Join(f.Path, planning.ClusterFile)
	named, err := r.file(file, f)
	switch {
	case err != nil:
		return "", err
	case named == "":
		return f.Name, nil
	case f.Given && named != f.Name:
		return "", fmt.Errorf("%s: spec.name is %q, and --path %s=%s names the cluster otherwise: make them equal", file, named, f.Name, f.Path)
	}
	return named, nil
}

// file is what a cluster's file names it; "" if it does not.
func (r *namesRead) file(file string, f folders.Folder) (string, error) {
	by, knows := r.tree.(interface {
		ID(name string) (id string, is bool)
	})
	if !knows {
		return native.ReadName(r.tree, file, f.Name)
	}
	id, is := by.ID(file)
	if !is {
		return "", nil // what else is there, the folder's reading says
	}
	name, known := r.known[id]
	if !known {
		var err error
		if name, err = native.ReadName(r.tree, file, f.Name); err != nil {
			return "", err
		}
	}
	r.read[id] = name
	return name, nil
}
