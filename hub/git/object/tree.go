package object

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is what an entry of a tree is.
type Kind uint8

// What an entry may be.
const (
	KindFile Kind = iota + 1
	KindProgram
	KindLink
	KindFolder
	KindSubmodule
)

// Mode returns what a file system shows for the kind. A submodule is shown as a folder,
// so that a walk of the tree returns the error of reading it, and does not take it for empty.
func (k Kind) Mode() fs.FileMode {
	switch k {
	case KindFile:
		return 0o644
	case KindProgram:
		return 0o755
	case KindLink:
		return fs.ModeSymlink | 0o777
	default:
		return fs.ModeDir | 0o755
	}
}

// Class is the kind without the difference between files that are programs and those that are not.
func (k Kind) Class() Kind {
	if k == KindProgram {
		return KindFile
	}
	return k
}

// Entry is a name in a tree.
type Entry struct {
	Name string
	ID   Hash
	Kind Kind
}

// Tree is a decoded tree object, sorted by name. It does not change.
type Tree struct {
	Entries []Entry
	size    int // bytes that it takes, about
}

// Find returns the entry of that name.
func (t *Tree) Find(name string) (Entry, bool) {
	lo, hi := 0, len(t.Entries) // by hand, because all reading goes through here
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch strings.Compare(t.Entries[mid].Name, name) {
		case 0:
			return t.Entries[mid], true
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return Entry{}, false
}

// DecodeTree decodes a tree object: "mode name", a zero byte and the id's bytes, for each entry.
// Entries with names that git refuses to check out are left out.
func DecodeTree(data []byte) (*Tree, error) {
	const entrySize = 48 // of an entry, in bytes
	names := make([]byte, 0, len(data))
	entries := make([]Entry, 0, bytes.Count(data, []byte{0}))
	ends := make([]int, 0, cap(entries))
	for len(data) > 0 {
		head, rest, found := bytes.Cut(data, []byte{0})
		mode, name, spaced := bytes.Cut(head, []byte{' '})
		if !found || !spaced || len(rest) < HashSize {
			return nil, errors.New("tree is cut off")
		}
		k, err := decodeMode(mode)
		if err != nil {
			return nil, err
		}
		data = rest[HashSize:]
		if !validName(name) {
			continue
		}
		names = append(names, name...)
		ends = append(ends, len(names))
		entries = append(entries, Entry{ID: Hash(rest[:HashSize]), Kind: k})
	}
	all, start := string(names), 0
	for i, end := range ends {
		entries[i].Name, start = all[start:end], end
	}
	byName := func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(entries, byName) { // git sorts folders as if their names ended in a slash
		slices.SortFunc(entries, byName)
	}
	for i := 1; i < len(entries); i++ {
		if entries[i-1].Name == entries[i].Name {
			return nil, fmt.Errorf("tree has %q twice", entries[i].Name)
		}
	}
	return &Tree{entries, len(entries)*entrySize + len(all)}, nil
}

// decodeMode decodes an entry's mode, octal digits.
func decodeMode(digits []byte) (Kind, error) {
	var mode uint32
	for _, d := range digits {
		if d < '0' || d > '7' || mode > 0o777777 {
			return 0, fmt.Errorf("tree has an entry of mode %q", digits)
		}
		mode = mode<<3 | uint32(d-'0')
	}
	switch mode & 0o170000 {
	case 0o040000:
		return KindFolder, nil
	case 0o100000:
		if mode&0o111 != 0 {
			return KindProgram, nil
		}
		return KindFile, nil
	case 0o120000:
		return KindLink, nil
	case 0o160000:
		return KindSubmodule, nil
	}
	return 0, fmt.Errorf("tree has an entry of mode %q", digits)
}

// validName reports whether a name may be part of a path. Git itself checks out none of the others,
// on one system or another.
func validName(name []byte) bool {
	switch {
	case len(name) == 0, string(name) == ".", string(name) == "..":
		return false
	case len(name) == 4 && bytes.EqualFold(name, []byte(".git")):
		return false
	}
	return !bytes.ContainsAny(name, "/\\") && utf8.Valid(name)
}

// MaxTree is the largest tree object that is read, in bytes.
const MaxTree = 100 << 20
