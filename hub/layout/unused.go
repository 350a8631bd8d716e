package layout

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// Unused names the folders with manifests that no cluster reads: overlays that nobody renders, and plain folders that
// nobody reaches. read says which paths the clusters depend on. Of nested folders the outermost is named.
func Unused(tree model.Tree, read func(path string) bool) ([]fleet.Note, error) {
	var out []fleet.Note
	err := fs.WalkDir(tree, ".", func(dir string, e fs.DirEntry, err error) error {
		switch {
		case model.InSubmodule(err):
			return fs.SkipDir
		case err != nil:
			return fmt.Errorf("%s cannot be read: %w", dir, err)
		case !e.IsDir():
			return nil
		case dir != "." && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		}
		note, err := unused(tree, dir, read)
		if note != nil || model.InSubmodule(err) { // what is in another repository is no matter of this one
			if note != nil {
				out = append(out, *note)
			}
			return fs.SkipDir
		}
		return err
	})
	return out, err
}

// unused says whether a folder itself, without those in it, has something that is not read and nothing that is.
func unused(tree model.Tree, dir string, read func(string) bool) (*fleet.Note, error) {
	entries, err := tree.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", dir, err)
	}
	manifest := ""
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
		case read(name):
			return nil, nil
		case document.IsKustomization(e.Name()):
			return &fleet.Note{File: name, Object: "overlay",
				Text: "no cluster renders it: name it in an app or in another kustomization, or remove it"}, nil
		case manifest == "" && document.IsYAML(e.Name()) && isManifest(tree, name):
			manifest = name
		}
	}
	if manifest == "" {
		return nil, nil
	}
	return &fleet.Note{File: dir, Object: "folder",
		Text: fmt.Sprintf("no cluster reads it, although it has manifests (%s): name it in an app, or remove it",
			path.Base(manifest))}, nil
}

func isManifest(tree model.Tree, file string) bool {
	data, err := tree.ReadFile(file)
	if err != nil {
		return false
	}
	docs, _ := document.Parse(file, data)
	for _, d := range docs {
		if document.Scalar(document.Field(d.Node, "apiVersion")) != "" && document.Scalar(document.Field(d.Node,
			"kind")) != "" {
			return true
		}
	}
	return false
}
