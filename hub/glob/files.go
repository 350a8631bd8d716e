package glob

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxListed is how many files are looked at for a pattern.
const maxListed = 200_000

// IsPattern says whether a path is a pattern.
func IsPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// FixedPart is the folder that all that a pattern matches is in.
func FixedPart(pattern string) string {
	at := strings.IndexAny(pattern, `*?[{\`)
	if at < 0 {
		return path.Dir(pattern)
	}
	return path.Clean(path.Dir(pattern[:at] + "x"))
}

// Below lists the files below a folder by their paths from the root, sorted. A folder that does not exist has none. An
// error is that of reading a folder, or says that there are too many files.
func Below(tree fs.FS, dir string) ([]string, error) {
	var out []string
	err := fs.WalkDir(tree, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == dir && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case len(out) > maxListed:
			return errors.New("the repository has more files than are looked at for a pattern: begin the pattern with a folder")
		case !e.IsDir():
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}
