package sourceignore

import (
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// hollow is a view in which submodules are empty folders, as they are for Flux where nothing asks for them
// (GitRepository.spec.recurseSubmodules).
type hollow struct{ model.View }

// hollowTree is a tree of the same kind.
type hollowTree struct{ model.Tree }

// empty says whether an error is that of a submodule itself; the error of what would be in it becomes that nothing is
// there.
func empty(op, name string, err error) (bool, error) {
	sub, ok := errors.AsType[*model.SubmoduleError](err)
	if !ok {
		return false, err
	}
	if sub.Path == name {
		return true, nil
	}
	return false, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// Lookup implements model.View.
func (h hollow) Lookup(name string) (model.Entry, error) {
	e, err := h.View.Lookup(name)
	is, err := empty("lookup", name, err)
	if is {
		e.Mode = fs.ModeDir | 0o755
	}
	return e, err
}

// Stat implements fs.StatFS.
func (h hollow) Stat(name string) (fs.FileInfo, error) { return hollowTree{h.View}.Stat(name) }

// ReadFile implements fs.ReadFileFS.
func (h hollow) ReadFile(name string) ([]byte, error) { return hollowTree{h.View}.ReadFile(name) }

// ReadDir implements fs.ReadDirFS.
func (h hollow) ReadDir(name string) ([]fs.DirEntry, error) { return hollowTree{h.View}.ReadDir(name) }

// Open implements fs.FS.
func (h hollow) Open(name string) (fs.File, error) { return hollowTree{h.View}.Open(name) }

// Stat implements fs.StatFS.
func (h hollowTree) Stat(name string) (fs.FileInfo, error) {
	info, err := h.Tree.Stat(name)
	is, err := empty("stat", name, err)
	if is {
		info = emptyFolder(path.Base(name))
	}
	return info, err
}

// ReadFile implements fs.ReadFileFS.
func (h hollowTree) ReadFile(name string) ([]byte, error) {
	data, err := h.Tree.ReadFile(name)
	if is, other := empty("read", name, err); is {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("this is a folder, not a file")}
	} else if err != nil {
		return nil, other
	}
	return data, nil
}

// ReadDir implements fs.ReadDirFS.
func (h hollowTree) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := h.Tree.ReadDir(name)
	_, err = empty("readdir", name, err)
	return entries, err
}

// Open implements fs.FS.
func (h hollowTree) Open(name string) (fs.File, error) {
	f, err := h.Tree.Open(name)
	if is, other := empty("open", name, err); is {
		return &listing{openEmpty(name), nil}, nil
	} else if err != nil {
		return nil, other
	}
	return f, nil
}

// emptyFolder is a folder with nothing in it.
type emptyFolder string

// Name and the others implement fs.FileInfo.
func (f emptyFolder) Name() string       { return string(f) }
func (f emptyFolder) Size() int64        { return 0 }
func (f emptyFolder) Mode() fs.FileMode  { return fs.ModeDir | 0o755 }
func (f emptyFolder) ModTime() time.Time { return time.Time{} }
func (f emptyFolder) IsDir() bool        { return true }
func (f emptyFolder) Sys() any           { return nil }

// openEmpty is such a folder, by its path, when it is open.
type openEmpty string

// Stat and the others implement fs.File.
func (f openEmpty) Stat() (fs.FileInfo, error) { return emptyFolder(path.Base(string(f))), nil }
func (f openEmpty) Close() error               { return nil }
func (f openEmpty) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: string(f), Err: errors.New("this is a folder, not a file")}
}
