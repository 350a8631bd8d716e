package repository

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/drover-dev/drover/hub/git/object"
)

// fileInfo describes a file, folder or link. Its time is the commit's.
type fileInfo struct {
	name string
	kind object.Kind
	size int64
	time time.Time
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.kind.Mode() }
func (i fileInfo) ModTime() time.Time { return i.time }
func (i fileInfo) IsDir() bool        { return i.Mode().IsDir() }
func (i fileInfo) Sys() any           { return nil }

func baseName(name string) string { return path.Base(name) }

// info describes an entry that was reached as name.
func (s *Snapshot) info(op, name string, e object.Entry) (fs.FileInfo, error) {
	i := fileInfo{baseName(name), e.Kind, 0, s.revision.Time}
	if e.Kind == object.KindFolder || e.Kind == object.KindSubmodule {
		return i, nil
	}
	_, size, err := s.objects.Stat(e.ID)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	i.size = size
	return i, nil
}

// dirEntry is a line of a folder's listing.
type dirEntry struct {
	snapshot *Snapshot
	entry    *object.Entry
}

func (d *dirEntry) Name() string      { return d.entry.Name }
func (d *dirEntry) IsDir() bool       { return d.entry.Kind.Mode().IsDir() }
func (d *dirEntry) Type() fs.FileMode { return d.entry.Kind.Mode().Type() }
func (d *dirEntry) String() string    { return fs.FormatDirEntry(d) }
func (d *dirEntry) Info() (fs.FileInfo, error) {
	return d.snapshot.info("lstat", d.entry.Name, *d.entry)
}

// openFile is an open file. It can be read, sought in and read at positions.
type openFile struct {
	*bytes.Reader
	info fileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// openFolder is an open folder.
type openFolder struct {
	snapshot *Snapshot
	node     node
	info     fs.FileInfo
	rest     []fs.DirEntry // what was not yet read
	listed   bool
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.node.path, Err: errFolder}
}

// ReadDir returns the next n entries, or all that remain if n is not positive.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if !f.listed {
		all, err := f.snapshot.list(f.node)
		if err != nil {
			return nil, err
		}
		f.rest, f.listed = all, true
	}
	if n <= 0 || n > len(f.rest) {
		if n > 0 && len(f.rest) == 0 {
			return nil, io.EOF
		}
		n = len(f.rest)
	}
	next := f.rest[:n:n]
	f.rest = f.rest[n:]
	return next, nil
}
