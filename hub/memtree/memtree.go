package memtree

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// What an archive may hold, unpacked. These are far above what manifests and charts take.
const (
	MaxBytes = 64 << 20 // bytes
	MaxFiles = 20_000
	maxPath  = 1024 // bytes
)

// Unpack reads a tar archive compressed with gzip. Paths that lead out of it are refused; links and devices, which
// none of our renderers could use, are left out. strip is how many folders are taken off the front of every path.
// keep, unless nil, says which files are wanted.
func Unpack(archive []byte, strip int, revision model.Revision, keep func(path string) bool) (model.View, error) {
	zip, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("it is no archive that was compressed with gzip: %w", err)
	}
	files := map[string]File{}
	left := int64(MaxBytes)
	for in := tar.NewReader(io.LimitReader(zip, 2*MaxBytes)); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the archive cannot be read: %w", err)
		}
		name, ok, err := inside(head.Name, strip)
		switch {
		case err != nil:
			return nil, err
		case !ok, head.Typeflag != tar.TypeReg, keep != nil && !keep(name):
			continue
		}
		if left -= head.Size; left < 0 || len(files) >= MaxFiles {
			return nil, fmt.Errorf("it unpacks to more than %d MiB or %d files: is it what it should be?", MaxBytes>>20, MaxFiles)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, fmt.Errorf("the archive cannot be read: %w", err)
		}
		files[name] = File{Data: data, Program: head.Mode&0o111 != 0}
	}
	return New(files, revision)
}

// inside is a path of an archive seen from its root, without the folders that are taken off; ok is false if nothing
// is left of it.
func inside(name string, strip int) (_ string, ok bool, err error) {
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || len(clean) > maxPath {
		return "", false, fmt.Errorf("the archive has a file %.100q, which is outside of it: it is not unpacked", name)
	}
	for range strip {
		_, rest, found := strings.Cut(clean, "/")
		if !found {
			return "", false, nil
		}
		clean = rest
	}
	return clean, clean != "." && fs.ValidPath(clean), nil
}

// File is a file of a MemoryView.
type File struct {
	Data    []byte // never changed
	Program bool
}

// memoryView is a tree in memory. The paths of its folders follow from those of its files.
type memoryView struct {
	revision model.Revision
	nodes    map[string]*memoryNode
}

// memoryNode is a file, or a folder with its entries, sorted by name.
type memoryNode struct {
	name    string
	id      string // of a file's content
	data    []byte
	mode    fs.FileMode
	entries []fs.DirEntry
	time    time.Time
}

var _ model.View = (*memoryView)(nil)

// New is a tree of these files. An error says that one of them is a folder of another.
func New(files map[string]File, revision model.Revision) (model.View, error) {
	v := &memoryView{revision: revision, nodes: map[string]*memoryNode{".": {name: ".", mode: fs.ModeDir | 0o755, time: revision.Time}}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		sum := sha256.Sum256(f.Data)
		n := &memoryNode{name: path.Base(name), id: hex.EncodeToString(sum[:]), data: f.Data, mode: 0o644, time: revision.Time}
		if f.Program {
			n.mode = 0o755
		}
		if !fs.ValidPath(name) || v.nodes[name] != nil {
			return nil, fmt.Errorf("%s is both a file and a folder, or no path", name)
		}
		v.nodes[name] = n
		if err := v.hang(name, n); err != nil {
			return nil, err
		}
	}
	for _, n := range v.nodes {
		slices.SortFunc(n.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return v, nil
}

// hang puts a node into its folder, which is made if need be.
func (v *memoryView) hang(name string, n *memoryNode) error {
	for name != "." {
		dir := path.Dir(name)
		parent, known := v.nodes[dir]
		if !known {
			parent = &memoryNode{name: path.Base(dir), mode: fs.ModeDir | 0o755, time: n.time}
			v.nodes[dir] = parent
		}
		if !parent.mode.IsDir() {
			return fmt.Errorf("%s is both a file and a folder", dir)
		}
		parent.entries = append(parent.entries, n)
		if known {
			return nil
		}
		name, n = dir, parent
	}
	return nil
}

func (v *memoryView) Revision() model.Revision { return v.revision }

func (v *memoryView) find(op, name string) (*memoryNode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, ok := v.nodes[name]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Lookup implements View.
func (v *memoryView) Lookup(name string) (model.Entry, error) {
	n, err := v.find("lookup", name)
	if err != nil {
		return model.Entry{Path: name}, err
	}
	return model.Entry{Path: name, Mode: n.mode, ID: n.id}, nil
}

// Stat implements fs.StatFS.
func (v *memoryView) Stat(name string) (fs.FileInfo, error) {
	n, err := v.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// ReadFile implements fs.ReadFileFS.
func (v *memoryView) ReadFile(name string) ([]byte, error) {
	n, err := v.find("read", name)
	if err == nil && n.mode.IsDir() {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("this is a folder, not a file")}
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(n.data), nil
}

// ReadDir implements fs.ReadDirFS.
func (v *memoryView) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := v.find("readdir", name)
	if err == nil && !n.mode.IsDir() {
		err = &fs.PathError{Op: "readdir", Path: name, Err: errors.New("this is a file, not a folder")}
	}
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.entries), nil
}

// Open implements fs.FS.
func (v *memoryView) Open(name string) (fs.File, error) {
	n, err := v.find("open", name)
	if err != nil {
		return nil, err
	}
	return &memoryFile{memoryNode: n, reader: bytes.NewReader(n.data)}, nil
}

// The rest makes a node what io/fs wants to know of it.

func (n *memoryNode) Name() string               { return n.name }
func (n *memoryNode) Size() int64                { return int64(len(n.data)) }
func (n *memoryNode) Mode() fs.FileMode          { return n.mode }
func (n *memoryNode) ModTime() time.Time         { return n.time }
func (n *memoryNode) IsDir() bool                { return n.mode.IsDir() }
func (n *memoryNode) Sys() any                   { return nil }
func (n *memoryNode) Type() fs.FileMode          { return n.mode.Type() }
func (n *memoryNode) Info() (fs.FileInfo, error) { return n, nil }

// memoryFile is an open file or folder.
type memoryFile struct {
	*memoryNode
	reader *bytes.Reader
	read   int // entries
}

var _ fs.ReadDirFile = (*memoryFile)(nil)

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.memoryNode, nil }
func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Read(p []byte) (int, error) { return f.reader.Read(p) }
func (f *memoryFile) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := f.entries[f.read:]
	if n <= 0 {
		f.read = len(f.entries)
		return slices.Clone(rest), nil
	}
	if len(rest) == 0 {
		return nil, io.EOF
	}
	rest = rest[:min(n, len(rest))]
	f.read += len(rest)
	return slices.Clone(rest), nil
}
