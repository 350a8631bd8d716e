package cmplugin

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/glob"
)

// maxLooked is how many files and folders are looked at for a pattern.
const maxLooked = 100_000

// Matches says whether a folder of a tree is one for the plugin, by the names of files alone; not of one that is
// discovered by a command.
func (p *Plugin) Matches(tree fs.StatFS, dir string) (bool, error) {
	pattern := p.Spec.Discover.FileName
	if pattern == "" {
		pattern = p.Spec.Discover.Find.Glob
	}
	pattern = path.Clean(strings.TrimPrefix(pattern, "/")) // seen from the folder
	if pattern == "." || !fs.ValidPath(pattern) {
		return false, nil // it leads out of the folder
	}
	if !strings.ContainsAny(pattern, `*?[{\`) {
		_, err := tree.Stat(path.Join(dir, pattern))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	match, err := glob.Stars.Compile(pattern)
	if err != nil {
		return false, fmt.Errorf("the plugin %s: discover: %w", p.Name, err)
	}
	found, looked := false, 0
	err = fs.WalkDir(tree, path.Join(dir, glob.FixedPart(pattern)), func(name string, _ fs.DirEntry, err error) error {
		switch looked++; {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case dir == "." && match.MatchString(name), match.MatchString(strings.TrimPrefix(name, dir+"/")):
			found = true
			return fs.SkipAll
		case looked > maxLooked:
			return fmt.Errorf("the plugin %s: discover: more than %d files are in question: begin the pattern with a folder",
				p.Name, maxLooked)
		}
		return nil
	})
	return found, err
}

// Discover says by which plugin a folder is rendered of which nothing else is said: by the one that it names; or, if
// ask
// is set, that has to be found out when it is rendered, because commands have to be run for that. "" and false is none.
func (s *Set) Discover(tree fs.StatFS, dir string) (of *Plugin, ask bool, err error) {
	for _, p := range s.Discovered() {
		if p.Spec.Discover.ByCommand() {
			return nil, true, nil
		}
		if is, err := p.Matches(tree, dir); is || err != nil {
			return p, false, err
		}
	}
	return nil, false, nil
}
