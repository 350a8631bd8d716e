package folders

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// DefaultRoot is the folder that holds the folders of the clusters, where nothing else is said.
const DefaultRoot = "clusters"

// Patterns say which folders of a repository are clusters'. The zero value has the folders in DefaultRoot.
type Patterns struct {
	include []include
	exclude []exclude
}

// include is one pattern of folders.
type include struct {
	text string   // as it was written
	name string   // of the cluster, where the folder is given with it
	base string   // the folder that has no pattern in its path; "." for the repository's root
	rest []string // the patterns of the folders below it, one for each level
}

// exclude leaves folders out.
type exclude struct {
	text     string
	segments []string
	anywhere bool // the pattern is one name, which counts at every level
}

// Parse reads patterns, of which each is
//
//	clusters        every folder in clusters is a cluster
//	clusters/*/*    every folder that fits is a cluster; *, ? and [a-z] stand for parts of one name
//	home=k8s/flux   this folder is the cluster "home"
//	!repositories   folders of this name are left out, with all in them; with a slash it is seen from the root
//
// Where there are only patterns that leave out, they are about DefaultRoot.
func Parse(texts []string) (Patterns, error) {
	var p Patterns
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if rest, is := strings.CutPrefix(text, "!"); is {
			x, err := parseExclude(text, rest)
			if err != nil {
				return p, err
			}
			p.exclude = append(p.exclude, x)
			continue
		}
		i, err := parseInclude(text)
		if err != nil {
			return p, err
		}
		if !slices.ContainsFunc(p.include, func(have include) bool { return have.is(i) }) {
			p.include = append(p.include, i)
		}
	}
	return p, nil
}

func (i include) is(other include) bool {
	return i.name == other.name && i.base == other.base && slices.Equal(i.rest, other.rest)
}

func parseInclude(text string) (include, error) {
	name, folder, named := strings.Cut(text, "=")
	if !named {
		name, folder = "", text
	} else if err := protocol.CheckName(name); err != nil {
		return include{}, fmt.Errorf("--path %s: %w", text, err)
	}
	segments, err := segmentsOf(text, folder)
	if err != nil {
		return include{}, err
	}
	fixed := slices.IndexFunc(segments, hasPattern)
	switch {
	case named && fixed >= 0:
		return include{}, fmt.Errorf("--path %s: a name is for one folder: write the folder without %q, or leave the name out", text, segments[fixed])
	case named:
		return include{text: text, name: name, base: joined(segments)}, nil
	case fixed < 0:
		return include{text: text, base: joined(segments), rest: []string{"*"}}, nil
	}
	return include{text: text, base: joined(segments[:fixed]), rest: segments[fixed:]}, nil
}

func parseExclude(text, folder string) (exclude, error) {
	segments, err := segmentsOf(text, folder)
	if err == nil && len(segments) == 0 {
		err = fmt.Errorf("--path %s: it leaves out everything: name a folder", text)
	}
	return exclude{text: text, segments: segments, anywhere: len(segments) == 1 && !strings.HasPrefix(folder, "/")}, err
}

// segmentsOf takes the path of a folder apart; none are the repository's root.
func segmentsOf(text, folder string) ([]string, error) {
	name := path.Clean(strings.TrimLeft(folder, "/"))
	if folder == "" {
		return nil, fmt.Errorf("--path %s: it names no folder: write --path . for the root of the repository", text)
	}
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("--path %s: it leaves the repository: name a folder in it, seen from its root", text)
	}
	if name == "." {
		return nil, nil
	}
	segments := strings.Split(name, "/")
	for _, s := range segments {
		if strings.Contains(s, "**") {
			return nil, fmt.Errorf("--path %s: ** is not supported: write a * for each level, as clusters/*/*", text)
		}
		if _, err := path.Match(s, ""); errors.Is(err, path.ErrBadPattern) {
			return nil, fmt.Errorf("--path %s: the pattern %q is malformed: *, ? and [a-z] are supported", text, s)
		}
	}
	return segments, nil
}

func hasPattern(segment string) bool { return strings.ContainsAny(segment, `*?[\`) }

func joined(segments []string) string { return path.Join(append([]string{"."}, segments...)...) }

// includes are the patterns that name folders.
func (p Patterns) includes() []include {
	if len(p.include) == 0 {
		return []include{{text: DefaultRoot, base: DefaultRoot, rest: []string{"*"}}}
	}
	return p.include
}

// excluded says which pattern leaves a folder out; "" if none does.
func (p Patterns) excluded(folder string) string {
	segments := strings.Split(folder, "/")
	for _, x := range p.exclude {
		if x.fits(segments) {
			return x.text
		}
	}
	return ""
}

// fits says whether a pattern leaves out a folder, or one in which it is.
func (x exclude) fits(segments []string) bool {
	if x.anywhere {
		return slices.ContainsFunc(segments, func(s string) bool { return matches(x.segments[0], s) })
	}
	if len(x.segments) > len(segments) {
		return false
	}
	for i, s := range x.segments {
		if !matches(s, segments[i]) {
			return false
		}
	}
	return true
}

// matches says whether a name fits a pattern. A name that begins with a dot fits only a pattern that does, as in a shell.
func matches(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, _ := path.Match(pattern, name) // Parse has tried the pattern
	return ok
}

// String is what the flags say.
func (p Patterns) String() string {
	var out []string
	for _, i := range p.includes() {
		out = append(out, i.text)
	}
	for _, x := range p.exclude {
		out = append(out, x.text)
	}
	return strings.Join(out, ",")
}

// New is the folder that a new cluster of a name is to have; an error if the patterns do not say.
func (p Patterns) New(name string) (string, error) {
	for _, i := range p.includes() {
		folder := path.Join(i.base, name)
		if i.name == "" && len(i.rest) == 1 && matches(i.rest[0], name) && p.excluded(folder) == "" {
			return folder, nil
		}
	}
	return "", fmt.Errorf("--path %s does not say where the folder of a new cluster %q is to be: name it with --folder", p, name)
}

// Names says whether a folder would be the cluster of a name, where nothing in it says another.
func (p Patterns) Names(folder, name string) bool {
	for _, i := range p.includes() {
		if rel, fits := i.below(folder); fits {
			return i.name == name || i.name == "" && derived(rel) == name
		}
	}
	return false
}

// below are the names of the folders from the base of a pattern to one that fits it.
func (i include) below(folder string) (names []string, fits bool) {
	if i.name != "" {
		return nil, i.base == folder
	}
	rel, is := strings.CutPrefix(folder, i.base+"/")
	if i.base == "." {
		rel, is = folder, true
	}
	names = strings.Split(rel, "/")
	return names, is && slices.EqualFunc(i.rest, names, matches)
}

// Covers says whether a folder would be a cluster's.
func (p Patterns) Covers(folder string) bool {
	return p.excluded(folder) == "" && slices.ContainsFunc(p.includes(), func(i include) bool {
		_, fits := i.below(folder)
		return fits
	})
}
