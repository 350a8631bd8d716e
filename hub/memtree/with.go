package memtree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// stocked is a view with other views in some of its folders, which hide what is there.
type stocked struct {
	model.View
	revision model.Revision
	views    map[string]model.View      // by folder
	folders  map[string]map[string]bool // the names that are added to folders
}

var _ model.View = (*stocked)(nil)

// With gives a view with other views in some of its folders, by their paths. Those in folders of model.RemoteFolder are
// in no listing: who knows the path finds them.
func With(view model.View, views map[string]model.View) model.View {
	s := &stocked{View: view, revision: view.Revision(), views: views, folders: map[string]map[string]bool{}}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", s.revision.Hash)
	for _, at := range slices.Sorted(maps.Keys(views)) {
		fmt.Fprintf(h, "%s\x00%s\n", at, views[at].Revision().Hash)
		for name := at; name != "." && model.RemoteOf(name) != name; name = path.Dir(name) {
			dir := path.Dir(name)
			if s.folders[dir] == nil {
				s.folders[dir] = map[string]bool{}
			}
			s.folders[dir][path.Base(name)] = true
		}
	}
	if s.revision.Hash != "" {
		s.revision.Hash = hex.EncodeToString(h.Sum(nil)[:20])
	}
	return s
}

// Stock says where a view of With has other views in it.
func Stock(view model.View) []string {
	s, ok := view.(*stocked)
	if !ok {
		return nil
	}
	return append(Stock(s.View), slices.Sorted(maps.Keys(s.views))...)
}

// Revision implements View.
func (s *stocked) Revision() model.Revision { return s.revision }

// in gives the view that has a path, and the path in it.
func (s *stocked) in(name string) (chart model.View, at, rest string) {
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		if chart := s.views[at]; chart != nil {
			return chart, at, path.Join(".", strings.TrimPrefix(strings.TrimPrefix(name, at), "/"))
		}
	}
	return nil, "", ""
}

// placed is an error of a view that is in a folder.
func placed(at string, err error) error {
	if sub, ok := errors.AsType[*model.SubmoduleError](err); ok {
		return sub.Below(at)
	}
	return err
}

// Lookup implements View.
func (s *stocked) Lookup(name string) (model.Entry, error) {
	if chart, at, rest := s.in(name); chart != nil {
		e, err := chart.Lookup(rest)
		e.Path = path.Join(at, e.Path)
		e.Via = slices.Clone(e.Via)
		for i := range e.Via {
			e.Via[i] = path.Join(at, e.Via[i])
		}
		return e, placed(at, err)
	}
	e, err := s.View.Lookup(name)
	if errors.Is(err, fs.ErrNotExist) && s.folders[name] != nil {
		return model.Entry{Path: name, Mode: fs.ModeDir | 0o755}, nil
	}
	return e, err
}

// Stat implements fs.StatFS.
func (s *stocked) Stat(name string) (fs.FileInfo, error) {
	if chart, at, rest := s.in(name); chart != nil {
		if rest == "." {
			return folder(path.Base(at)), nil
		}
		info, err := chart.Stat(rest)
		return info, placed(at, err)
	}
	info, err := s.View.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && s.folders[name] != nil {
		return folder(path.Base(name)), nil
	}
	return info, err
}

// ReadFile implements fs.ReadFileFS.
func (s *stocked) ReadFile(name string) ([]byte, error) {
	if chart, at, rest := s.in(name); chart != nil {
		data, err := chart.ReadFile(rest)
		return data, placed(at, err)
	}
	return s.View.ReadFile(name)
}

// ReadDir implements fs.ReadDirFS.
func (s *stocked) ReadDir(name string) ([]fs.DirEntry, error) {
	if chart, at, rest := s.in(name); chart != nil {
		entries, err := chart.ReadDir(rest)
		return entries, placed(at, err)
	}
	entries, err := s.View.ReadDir(name)
	added := s.folders[name]
	if added == nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return entries, err
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e fs.DirEntry) bool { return added[e.Name()] })
	for name := range added {
		entries = append(entries, folder(name))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Open implements fs.FS.
func (s *stocked) Open(name string) (fs.File, error) {
	if chart, at, rest := s.in(name); chart != nil {
		f, err := chart.Open(rest)
		return f, placed(at, err)
	}
	f, err := s.View.Open(name)
	if errors.Is(err, fs.ErrNotExist) && s.folders[name] != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("this is a folder, not a file")}
	}
	return f, err
}

// folder is a folder that is there because another view is in it.
type folder string

// Name and the others implement fs.FileInfo and fs.DirEntry.
func (f folder) Name() string               { return string(f) }
func (f folder) Size() int64                { return 0 }
func (f folder) Mode() fs.FileMode          { return fs.ModeDir | 0o755 }
func (f folder) ModTime() time.Time         { return time.Time{} }
func (f folder) IsDir() bool                { return true }
func (f folder) Sys() any                   { return nil }
func (f folder) Type() fs.FileMode          { return fs.ModeDir }
func (f folder) Info() (fs.FileInfo, error) { return f, nil }
