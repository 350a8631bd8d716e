package revert

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/utils/diff"
)

// merger takes what one tree has and another has not out of a third.
type merger struct {
	objects *overlay
	clashes []string // paths at which that cannot be done
}

// Limits of what is merged line by line.
const (
	maxMerged   = 1 << 20 // bytes of a file
	mergeTime   = 5 * time.Second
	maxConflict = 5 // paths that an error names
)

// trees gives the tree that ours becomes when what leads from one tree to another is done to it. Where a tree is not
// there its hash is zero; the result is zero, too, if nothing is left.
func (m *merger) trees(at string, from, to, ours plumbing.Hash) (plumbing.Hash, error) {
	if from == to {
		return ours, nil
	}
	if ours == from {
		return to, nil
	}
	all := map[string][3]object.TreeEntry{}
	for i, hash := range []plumbing.Hash{from, to, ours} {
		if hash.IsZero() {
			continue
		}
		tree, err := object.GetTree(m.objects, hash)
		if err != nil {
			return hash, fmt.Errorf("read the folder /%s: %w", at, err)
		}
		for _, e := range tree.Entries {
			entry := all[e.Name]
			entry[i] = e
			all[e.Name] = entry
		}
	}
	var out []object.TreeEntry
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		merged, err := m.entries(path.Join(at, name), e[0], e[1], e[2])
		if err != nil {
			return ours, err
		}
		if !merged.Hash.IsZero() {
			merged.Name = name
			out = append(out, merged)
		}
	}
	if len(out) == 0 {
		return plumbing.ZeroHash, nil
	}
	slices.SortFunc(out, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return m.objects.put(&object.Tree{Entries: out})
}

// sortName is by what the entries of a tree are sorted.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

// entries are the same for one entry; one that is not there has no hash.
func (m *merger) entries(at string, from, to, ours object.TreeEntry) (object.TreeEntry, error) {
	same := func(a, b object.TreeEntry) bool { return a.Hash == b.Hash && a.Mode == b.Mode }
	folder := func(e object.TreeEntry) bool { return e.Hash.IsZero() || e.Mode == filemode.Dir }
	switch {
	case same(from, to), same(ours, to):
		return ours, nil
	case same(ours, from):
		return to, nil
	case folder(from) && folder(to) && folder(ours):
		hash, err := m.trees(at, from.Hash, to.Hash, ours.Hash)
		return object.TreeEntry{Mode: filemode.Dir, Hash: hash}, err
	}
	regular := from.Mode.IsRegular() || from.Mode == filemode.Executable
	if regular && from.Mode == to.Mode && from.Mode == ours.Mode {
		hash, done, err := m.files(from.Hash, to.Hash, ours.Hash)
		if done || err != nil {
			return object.TreeEntry{Mode: ours.Mode, Hash: hash}, err
		}
	}
	m.clashes = append(m.clashes, at)
	return ours, nil
}

// files merges lines. done says whether that is possible.
func (m *merger) files(from, to, ours plumbing.Hash) (out plumbing.Hash, done bool, err error) {
	var texts [3]string
	for i, hash := range []plumbing.Hash{from, to, ours} {
		if texts[i], err = m.objects.text(hash); err != nil || texts[i] == "" {
			return ours, false, err
		}
	}
	merged, done := mergeLines(texts[0], texts[1], texts[2])
	if !done {
		return ours, false, nil
	}
	out, err = m.objects.blob(merged)
	return out, true, err
}

// edit replaces lines of a text: those from begin up to end.
type edit struct {
	begin, end int
	lines      []string
}

// mergeLines does to a text what leads from one to another. done is false where lines that differ, or that are next to
// them, differ in both.
func mergeLines(from, to, ours string) (out string, done bool) {
	a, b := editsOf(from, to), editsOf(from, ours)
	b = slices.DeleteFunc(b, func(y edit) bool { // done already
		return slices.ContainsFunc(a, func(x edit) bool {
			return x.begin == y.begin && x.end == y.end && slices.Equal(x.lines, y.lines)
		})
	})
	for _, x := range a {
		for _, y := range b {
			if x.begin <= y.end && y.begin <= x.end {
				return "", false
			}
		}
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y edit) int { return x.begin - y.begin })
	lines := strings.SplitAfter(from, "\n")
	at := 0
	var text strings.Builder
	write := func(lines []string) {
		for _, l := range lines {
			text.WriteString(l)
		}
	}
	for _, e := range all {
		write(lines[at:e.begin])
		write(e.lines)
		at = e.end
	}
	write(lines[at:])
	return text.String(), true
}

// editsOf are what leads from one text to another, in order.
func editsOf(from, to string) (out []edit) {
	line, open := 0, false
	for _, d := range diff.DoWithTimeout(from, to, mergeTime) {
		lines := strings.SplitAfter(d.Text, "\n")
		if n := len(lines); lines[n-1] == "" {
			lines = lines[:n-1]
		}
		if d.Type == 0 {
			line, open = line+len(lines), false
			continue
		}
		if !open {
			out, open = append(out, edit{begin: line, end: line}), true
		}
		e := &out[len(out)-1]
		if d.Type < 0 {
			line += len(lines)
			e.end = line
		} else {
			e.lines = append(e.lines, lines...)
		}
	}
	return out
}
