package confined

import (
	"fmt"
	"io/fs"
	"path"
	"sync"

	"github.com/drover-dev/drover/hub/model"
)

// Tree shows of a tree what may be read, and refuses the rest. Whether something exists is no secret, so that what is
// looked for and not found is looked for elsewhere.
type Tree struct {
	model.Tree
	real func(name string) string
	may  func(folder string) bool

	mu      sync.Mutex
	known   map[string]bool // by folder
	refused string          // the first path that was refused
}

var _ model.Tree = (*Tree)(nil)

// New shows of tree the folders that may be read. real follows symbolic links: what a link leads to is asked as well.
func New(tree model.Tree, real func(name string) string, may func(folder string) bool) *Tree {
	return &Tree{Tree: tree, real: real, may: may, known: map[string]bool{}}
}

// Refused is the first path that was asked for and is not shown; "" if there was none.
func (t *Tree) Refused() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

// check refuses a path: folder says how the folder follows from it that has to be permitted.
func (t *Tree) check(op, name string, folder func(string) string) error {
	if model.RemoteOf(name) != "" { // it was fetched, which was asked for before
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, at := range []string{name, t.real(name)} {
		dir := folder(at)
		is, asked := t.known[dir]
		if !asked {
			is = t.may(dir)
			t.known[dir] = is
		}
		if !is {
			if t.refused == "" {
				t.refused = at
			}
			return &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("the project does not permit %s: %w", at, fs.ErrPermission)}
		}
	}
	return nil
}

func itself(name string) string { return name }

// Open implements fs.FS.
func (t *Tree) Open(name string) (fs.File, error) {
	folder := path.Dir
	info, err := t.Tree.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		folder = itself
	}
	if err := t.check("open", name, folder); err != nil {
		return nil, err
	}
	return t.Tree.Open(name)
}

// ReadFile implements fs.ReadFileFS.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	if _, err := t.Tree.Stat(name); err != nil {
		return nil, err
	}
	if err := t.check("open", name, path.Dir); err != nil {
		return nil, err
	}
	return t.Tree.ReadFile(name)
}

// ReadDir implements fs.ReadDirFS.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	if _, err := t.Tree.Stat(name); err != nil {
		return nil, err
	}
	if err := t.check("readdir", name, itself); err != nil {
		return nil, err
	}
	return t.Tree.ReadDir(name)
}
