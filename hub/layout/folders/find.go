package folders

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// Folder is one that is a cluster's.
type Folder struct {
	Path string
	// Name is the cluster's where nothing in the folder says another: it follows from the folder's place below the part of
	// the pattern that is fixed, so it stays when other folders come and go.
	Name  string
	Given bool // Name stands in the pattern, before the folder
}

// Find gives the folders that patterns name, sorted by their paths. An error means that nobody can say which there are:
// no pattern finds anything, or what one begins with is not there.
func (p Patterns) Find(tree model.Tree) ([]Folder, error) {
	s := search{patterns: p, tree: tree, seen: map[string]bool{}}
	for _, i := range p.includes() {
		if err := s.include(i); err != nil {
			return nil, err
		}
	}
	if len(s.found) == 0 && (len(p.include) > 0 && slices.ContainsFunc(p.include, include.isPattern) || len(s.excluded) > 0) {
		return nil, s.nothing()
	}
	slices.SortFunc(s.found, func(a, b Folder) int { return strings.Compare(a.Path, b.Path) })
	return s.found, nil
}

// isPattern says whether an include has more to it than the name of a folder.
func (i include) isPattern() bool { return i.name == "" && !slices.Equal(i.rest, []string{"*"}) }

// search is Find at work.
type search struct {
	patterns Patterns
	tree     model.Tree
	seen     map[string]bool
	found    []Folder
	excluded []string // folders that would fit, with the patterns that leave them out
	missed   []string // folders at which a pattern ended, since nothing in them fits
}

func (s *search) include(i include) error {
	if i.name != "" {
		info, err := s.tree.Stat(i.base)
		if err == nil && !info.IsDir() {
			err = errors.New("it is a file")
		}
		if err != nil {
			return unknown(i, err)
		}
		s.take(Folder{Path: i.base, Name: i.name, Given: true})
		return nil
	}
	entries, err := s.tree.ReadDir(i.base)
	if err != nil {
		return unknown(i, err)
	}
	return s.below(i, i.base, nil, entries)
}

// unknown is the error of a pattern whose fixed part cannot be read.
func unknown(i include, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s/ does not exist at this revision: add a folder %s for each cluster, or say with --path where they are", i.base,
			path.Join(i.base, "<name>")+"/")
	}
	return fmt.Errorf("%s/ cannot be read: %w", i.base, err)
}

// below looks into a folder for what fits the pattern of its level; names are those on the way from the base.
func (s *search) below(i include, dir string, names []string, entries []fs.DirEntry) error {
	pattern, last := i.rest[len(names)], len(names)+1 == len(i.rest)
	any := false
	for _, e := range entries {
		if !matches(pattern, e.Name()) || !s.mayBeFolder(path.Join(dir, e.Name()), e) {
			continue
		}
		any = true
		folder := path.Join(dir, e.Name())
		if by := s.patterns.excluded(folder); by != "" {
			s.excluded = append(s.excluded, folder+" ("+by+")")
			continue
		}
		way := append(slices.Clone(names), e.Name())
		if last {
			s.take(Folder{Path: folder, Name: derived(way)})
			continue
		}
		more, err := s.tree.ReadDir(folder)
		if err != nil {
			return fmt.Errorf("%s/ cannot be read: %w", folder, err)
		}
		if err := s.below(i, folder, way, more); err != nil {
			return err
		}
	}
	if !any {
		s.missed = append(s.missed, fmt.Sprintf("in %s/ no folder fits %q%s", dir, pattern, there(entries)))
	}
	return nil
}

// there says which folders there are instead.
func there(entries []fs.DirEntry) string {
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return ", it has only files"
	}
	return ", it has " + few(names)
}

// few lists at most five.
func few(names []string) string {
	if more := len(names) - 5; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), more)
	}
	return strings.Join(names, ", ")
}

func (s *search) take(f Folder) {
	if !s.seen[f.Path] {
		s.seen[f.Path] = true
		s.found = append(s.found, f)
	}
}

// nothing says that no folder is a cluster's, and what became of those that there are.
func (s *search) nothing() error {
	var why []string
	if len(s.missed) > 0 {
		why = append(why, few(s.missed))
	}
	if len(s.excluded) > 0 {
		why = append(why, "left out: "+few(s.excluded))
	}
	return fmt.Errorf("--path %s: no folder at this revision is a cluster's: %s", s.patterns, strings.Join(why, "; "))
}

// mayBeFolder says whether an entry is a folder, or a link to one: a cluster's folder may be a link to
// another's. A link that
// cannot be followed counts: that cluster is still there, and reading it says what is wrong. For the folders
// themselves, of
// which there may be ten thousand at every revision, nothing is looked up.
func (s *search) mayBeFolder(name string, e fs.DirEntry) bool {
	if e.IsDir() {
		return true
	}
	info, err := s.tree.Stat(name)
	return err != nil || info.IsDir()
}

// digestLength is how much of a digest is in a name that is derived, in characters.
const digestLength = 8

// derived is the name of a cluster by the names of its folder and of those on the way: they are joined by two hyphens,
// which none of them may hold. What is no DNS label is made one, with a digest. So what derives from other names is
// another name, but for the digest's strength, and where one folder has the very name that others derive to.
func derived(names []string) string {
	name := strings.Join(names, "--")
	plain := protocol.CheckName(name) == nil && (len(names) == 1 || !slices.ContainsFunc(names, func(n string) bool {
		return protocol.CheckName(n) != nil || strings.Contains(n, "--")
	}))
	if plain {
		return name
	}
	label := labelled(name)
	label = strings.Trim(label[:min(len(label), protocol.MaxName-digestLength-1)], "-")
	sum := sha256.Sum256([]byte(strings.Join(names, "/")))
	digest := hex.EncodeToString(sum[:])[:digestLength]
	return strings.TrimPrefix(label+"-"+digest, "-")
}

// labelled has a hyphen for everything that no DNS label may have.
func labelled(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '-'
	}, strings.ToLower(name))
}

// Label is a name as a DNS label that a person may choose; another name may give the same.
func Label(name string) string {
	name = strings.Trim(labelled(name), "-")
	return cmp.Or(strings.Trim(name[:min(len(name), protocol.MaxName)], "-"), "cluster")
}
