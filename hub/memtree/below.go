package memtree

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// subView is what lies below a folder of a view, seen from it. A link that leads out of the folder leads to nothing:
// who is shown a part of a tree does not see the rest.
type subView struct {
	model.View
	dir string
}

// Below is the view of a folder; "" and "." are the view itself.
func Below(v model.View, dir string) (model.View, error) {
	if dir == "" || dir == "." {
		return v, nil
	}
	info, err := v.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is a file: name a folder", dir)
	}
	if err != nil {
		return nil, err
	}
	return &subView{v, dir}, nil
}

// within gives the path in the whole view.
func (s *subView) within(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	full := path.Join(s.dir, name)
	e, err := s.View.Lookup(full)
	if err == nil {
		base, baseErr := s.View.Lookup(s.dir)
		if baseErr != nil || e.Path != base.Path && !strings.HasPrefix(e.Path, base.Path+"/") {
			return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return full, nil
}

// Lookup implements View.
func (s *subView) Lookup(name string) (model.Entry, error) {
	full, err := s.within("lookup", name)
	if err != nil {
		return model.Entry{Path: name}, err
	}
	e, err := s.View.Lookup(full)
	e.Path, e.Via = name, nil // where links led is of no use to who sees a part; the id tells one content from another
	return e, err
}

// Open implements fs.FS.
func (s *subView) Open(name string) (fs.File, error) {
	full, err := s.within("open", name)
	if err != nil {
		return nil, err
	}
	return s.View.Open(full)
}

// ReadFile implements fs.ReadFileFS.
func (s *subView) ReadFile(name string) ([]byte, error) {
	full, err := s.within("read", name)
	if err != nil {
		return nil, err
	}
	return s.View.ReadFile(full)
}

// ReadDir implements fs.ReadDirFS.
func (s *subView) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := s.within("readdir", name)
	if err != nil {
		return nil, err
	}
	return s.View.ReadDir(full)
}

// Stat implements fs.StatFS.
func (s *subView) Stat(name string) (fs.FileInfo, error) {
	full, err := s.within("stat", name)
	if err != nil {
		return nil, err
	}
	return s.View.Stat(full)
}
