package rancher

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// isFleetFile says whether a file says how the folder that it is in is delivered, by its name.
func isFleetFile(name string) bool { return name == "fleet.yaml" || name == "fleet.yml" }

// isPattern says whether a path is one of several.
func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// foldersOf are the folders that a path of a GitRepo names, sorted.
func foldersOf(tree fs.FS, pattern string) ([]string, error) {
	pattern = planning.Cleaned(pattern)
	if !isPattern(pattern) {
		if info, err := fs.Stat(tree, pattern); err != nil || !info.IsDir() {
			return nil, ignoreAbsent(err)
		}
		return []string{pattern}, nil
	}
	dirs := []string{"."}
	for step := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, dir := range dirs {
			entries, err := fs.ReadDir(tree, dir)
			if ignoreAbsent(err) != nil {
				return nil, err
			}
			for _, e := range entries {
				is, err := path.Match(step, e.Name())
				if err != nil {
					return nil, fmt.Errorf("the pattern %q cannot be understood: are its brackets closed?", pattern)
				}
				if is && e.IsDir() {
					next = append(next, path.Join(dir, e.Name()))
				}
			}
		}
		dirs = next
	}
	slices.Sort(dirs)
	return dirs, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// bundlesIn are the folders at and below a path that are bundles (Fleet v0.12, cli/apply): every folder with a
// fleet.yaml, and the path itself if there are manifests that none of these has. leave says which folders are
// Drover's.
func bundlesIn(tree fs.FS, root string, leave func(string) bool) (out []string, err error) {
	err = fs.WalkDir(tree, root, func(dir string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || !e.IsDir():
			return err
		case dir != root && leave(dir):
			return fs.SkipDir
		}
		is, err := hasFleetFile(tree, dir)
		if err == nil && !is && dir == root {
			is, err = hasManifests(tree, dir, leave)
		}
		if is {
			out = append(out, dir)
		}
		return err
	})
	return out, err
}

// has says whether a folder has a file.
func has(tree fs.FS, dir string, is func(name string) bool) (bool, error) {
	entries, err := fs.ReadDir(tree, dir)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && is(e.Name()) }), err
}

func hasFleetFile(tree fs.FS, dir string) (bool, error) { return has(tree, dir, isFleetFile) }

func hasChart(tree fs.FS, dir string) (bool, error) {
	return has(tree, dir, func(name string) bool { return name == "Chart.yaml" })
}

func hasKustomization(tree fs.FS, dir string) (bool, error) {
	is, err := has(tree, dir, document.IsKustomization)
	return is, ignoreAbsent(err)
}

// hasManifests says whether there is a manifest in a folder or below it that no fleet.yaml is for.
func hasManifests(tree fs.FS, root string, leave func(string) bool) (bool, error) {
	found := false
	err := fs.WalkDir(tree, root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != root && leave(name):
			return fs.SkipDir
		case e.IsDir():
			if is, err := hasFleetFile(tree, name); is || err != nil {
				return cmp.Or(err, fs.SkipDir)
			}
		case document.IsYAML(name):
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found, err
}
