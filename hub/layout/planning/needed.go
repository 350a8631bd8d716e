package planning

import (
	"errors"
	"io/fs"
	"path"

	"github.com/drover-dev/drover/hub/model"
)

// TreeOf gives the tree of another source, as the plan's own tree has it. If it has not, the plan is to be made again
// with it: the error says so, in the words of a *model.NeededError for this source alone, until it is known why it
// cannot be fetched.
func (p *Plan) TreeOf(s model.Source) (model.Tree, error) {
	at := model.RemoteFolder("", s)
	if info, err := p.Tree.Stat(at); err == nil && info.IsDir() {
		return within{p.Tree, at}, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	n := model.Needed{Source: s, At: at}
	p.Needs = append(p.Needs, n)
	return nil, &model.NeededError{Sources: []model.Needed{n}}
}

// within is what is in a folder of a tree, as a tree.
type within struct {
	tree model.Tree
	at   string
}

func (w within) name(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(w.at, name), nil
}

// Open implements fs.FS.
func (w within) Open(name string) (fs.File, error) {
	full, err := w.name("open", name)
	if err != nil {
		return nil, err
	}
	return w.tree.Open(full)
}

// Stat implements fs.StatFS.
func (w within) Stat(name string) (fs.FileInfo, error) {
	full, err := w.name("stat", name)
	if err != nil {
		return nil, err
	}
	return w.tree.Stat(full)
}

// ReadFile implements fs.ReadFileFS.
func (w within) ReadFile(name string) ([]byte, error) {
	full, err := w.name("read", name)
	if err != nil {
		return nil, err
	}
	return w.tree.ReadFile(full)
}

// ReadDir implements fs.ReadDirFS.
func (w within) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := w.name("readdir", name)
	if err != nil {
		return nil, err
	}
	return w.tree.ReadDir(full)
}
