package argo

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxListed is how many files of the repository are looked at for a pattern.
const maxListed = 200_000

// fixedPart is the folder that all that a pattern matches is in.
func fixedPart(pattern string) string {
	at := strings.IndexAny(pattern, `*?[{\`)
	if at < 0 {
		return path.Dir(pattern)
	}
	return path.Clean(path.Dir(pattern[:at] + "x"))
}

// filesBelow lists the files below a folder, or the folders, by their paths from the root, sorted. A folder that does
// not exist has none; hidden folders are not looked into where folders are listed.
func filesBelow(tree fs.FS, dir string, folders bool) ([]string, error) {
	var out []string
	err := fs.WalkDir(tree, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == dir && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case len(out) > maxListed:
			return errors.New("the repository has more files than are looked at for a pattern: begin the pattern with a folder")
		case folders && e.IsDir() && strings.HasPrefix(e.Name(), ".") && name != ".":
			return fs.SkipDir
		case e.IsDir() == folders && name != ".":
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// isGlob says whether a path is a pattern.
func isGlob(name string) bool { return strings.ContainsAny(name, "*?[") }
