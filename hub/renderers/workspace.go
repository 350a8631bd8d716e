package renderers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/model"
)

// workspace is what is made on this machine for one render, and taken away after it.
type workspace struct {
	root, tree string
	preserve   bool // executable files are
	writable   bool
	entries    map[string]stamp // of the copy, by path
	size       int64
}

// stamp tells whether a file of the copy was changed.
type stamp struct {
	mode fs.FileMode
	size int64
	time time.Time
}

// newWorkspace copies what a plugin is shown of a tree.
func newWorkspace(tree model.Tree, dir string, paths []string, p *cmplugin.Plugin) (_ *workspace, err error) {
	root, err := os.MkdirTemp("", "drover-render-")
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, &model.TransientError{Err: fmt.Errorf("%s: no place for a copy of the source: %w", dir, err)}
	}
	w := &workspace{root: root, preserve: p.Spec.PreserveFileMode, writable: p.Writable, entries: map[string]stamp{}}
	defer func() {
		if err != nil {
			w.remove()
		}
	}()
	w.tree = filepath.Join(root, TreeFolder)
	if w.writable {
		w.tree = filepath.Join(root, WorkFolder, TreeFolder)
	}
	for _, at := range []string{filepath.Join(root, WorkFolder), w.tree} {
		if err := os.MkdirAll(at, 0o700); err != nil {
			return nil, &model.TransientError{Err: err}
		}
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, name := range paths {
		info, err := tree.Stat(name)
		if errors.Is(err, fs.ErrNotExist) && name != dir {
			continue
		}
		if err == nil {
			err = w.copy(tree, name, info.IsDir(), 0, false)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	if info, err := os.Stat(filepath.Join(w.tree, filepath.FromSlash(dir))); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: there is no such folder in the source", dir)
	}
	return w, w.seal()
}

// is says whether the workspace is as a plugin wants it.
func (w *workspace) is(p *cmplugin.Plugin) bool {
	return w.preserve == p.Spec.PreserveFileMode && w.writable == p.Writable
}

// copy copies a file or a folder. A link to a folder is copied as that folder, but for what is linked in that.
func (w *workspace) copy(tree model.Tree, name string, folder bool, depth int, linked bool) error {
	at := filepath.Join(w.tree, filepath.FromSlash(name))
	if !folder {
		return w.file(tree, name, at)
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: folders are nested more than %d deep: have the plugin shown less", name, maxDepth)
	}
	entries, err := tree.ReadDir(name)
	if _, hollow := errors.AsType[*model.SubmoduleError](err); hollow && depth > 0 {
		return os.MkdirAll(at, 0o700)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		below, folder, link := path.Join(name, e.Name()), e.IsDir(), linked
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := tree.Stat(below)
			if err != nil || info.IsDir() && linked {
				continue // it leads nowhere, or out, or around in a circle
			}
			folder, link = info.IsDir(), true
		}
		if err := w.copy(tree, below, folder, depth+1, link); err != nil {
			return err
		}
	}
	return nil
}

func (w *workspace) file(tree model.Tree, name, at string) error {
	data, err := tree.ReadFile(name)
	if err != nil {
		return err
	}
	w.entries[at] = stamp{}
	if w.size += int64(len(data)); w.size > maxTree || len(w.entries) > maxFiles {
		return fmt.Errorf("the source has more than %d MiB or %d files, which are all copied for the plugin: name those "+
			"that it "+
			"needs in the annotation argocd.argoproj.io/manifest-generate-paths of the Application", maxTree>>20, maxFiles)
	}
	mode := fs.FileMode(0o600)
	if info, err := tree.Stat(name); err == nil && w.preserve && info.Mode()&0o111 != 0 {
		mode = 0o700
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	return os.WriteFile(at, data, mode)
}

// seal has the copy not be written to, and notes how it is.
func (w *workspace) seal() error {
	clear(w.entries)
	if w.writable {
		return nil
	}
	return filepath.WalkDir(w.tree, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			err = os.Chmod(name, info.Mode().Perm()&0o500)
		}
		if err == nil {
			info, err = os.Lstat(name)
		}
		if err == nil {
			w.entries[name] = stampOf(info)
		}
		return err
	})
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{mode: info.Mode(), time: info.ModTime()}
	if info.Mode().IsRegular() {
		s.size = info.Size()
	}
	return s
}

// unchanged is an error if the plugin wrote to the copy all the same, as root may.
func (w *workspace) unchanged() error {
	seen := 0
	err := filepath.WalkDir(w.tree, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if was, is := w.entries[name]; !is || was != stampOf(info) {
			return w.written(name)
		}
		seen++
		return nil
	})
	if err == nil && seen != len(w.entries) {
		err = w.written(w.tree)
	}
	return err
}

func (w *workspace) written(name string) error {
	at, err := filepath.Rel(w.tree, name)
	if err != nil {
		at = name
	}
	return fmt.Errorf("it wrote to the source (%s), which is there to be read: have it write below $TMPDIR, or have "+
		"the operator "+
		"annotate its ConfigManagementPlugin with drover.dev/writable: \"true\"", filepath.ToSlash(at))
}

// remove takes it away, whatever a plugin did to it.
func (w *workspace) remove() {
	if os.RemoveAll(w.root) == nil {
		return
	}
	_ = filepath.WalkDir(w.root, func(name string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(w.root) // what is left of it is in the folder for temporary files
}
