package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// repository is where a tree is mounted. It is not "/", so that a path that climbs out of the
// repository is noticed: a rooted path cannot climb above "/", and would silently mean
// something else.
const repository = "/repository"

var (
	errReadOnly = errors.New("the repository is read-only to a build")
	errClosed   = errors.New("the build was given up")
	errOutside  = errors.New("is outside the repository")
)

// mount shows a tree, read-only, to kustomize as a file system, and watches what it is asked for:
// every kustomization is inspected at the moment it is served, so that nothing remote is
// ever loaded.
type mount struct {
	dir       string            // the folder that is built
	synthetic []byte            // content of the synthetic kustomization beside the repository; nil if there is none
	amended   map[string][]byte // files that are served otherwise than the repository has them

	mu     sync.Mutex // held over every use of tree, so that none outlives close
	closed bool
	tree   model.Tree

	cold      bool // the build began with an unparsed schema, as a fresh process does
	ownSchema bool // a kustomization brings its own schema, so the build must begin cold

	refusal  *BuildError // the first thing that was refused; whatever else happens, it is the outcome
	budget   budget
	missed   string // the last file that was looked for and not found
	read     []file // what was read, in order
	reads    map[string]int
	kusts    []kustomization // the kustomizations that were served, in order
	declares map[string]bool // files that were named as resources
}

// file is one file that a build read.
type file struct {
	path string // in the repository
	data []byte
}

func newMount(tree model.Tree, dir string) *mount {
	return &mount{tree: tree, dir: dir, reads: map[string]int{}, declares: map[string]bool{}}
}

// close makes every later use of the tree an error. It waits for one that is under way.
func (m *mount) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
}

// absolute gives the mounted path of a repository path.
func absolute(name string) string { return path.Join(repository, name) }

// relative gives a repository path as seen from the synthetic kustomization.
func relative(name string) string { return path.Join(repository[1:], name) }

// inside gives the repository path of a mounted path.
func inside(name string) (string, error) {
	name = path.Clean(name)
	if name == repository {
		return ".", nil
	}
	rest, ok := strings.CutPrefix(name, repository+"/")
	if !ok {
		return "", fmt.Errorf("%s %w", name, errOutside)
	}
	return rest, nil
}

func (m *mount) stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	return m.tree.Stat(name)
}

func (m *mount) readDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	return m.tree.ReadDir(name)
}

func (m *mount) readFile(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	return m.tree.ReadFile(name)
}

// lookup follows symbolic links where the tree can tell of them.
func (m *mount) lookup(name string) (real string, dir bool, err error) {
	links, ok := m.tree.(interface {
		Lookup(path string) (model.Entry, error)
	})
	if !ok {
		info, err := m.stat(name)
		return name, err == nil && info.IsDir(), err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return "", false, errClosed
	}
	e, err := links.Lookup(name)
	return e.Path, e.Mode.IsDir(), err
}

// ReadFile serves a file, after inspecting it if it is a kustomization.
func (m *mount) ReadFile(name string) ([]byte, error) {
	if path.Clean(name) == synthetic && m.synthetic != nil {
		return m.inspect(synthetic, m.synthetic)
	}
	rel, err := inside(name)
	if err != nil {
		return nil, err
	}
	if m.ownSchema && !m.cold {
		return nil, errOwnSchema
	}
	data, err := m.readFile(rel)
	if err != nil {
		if !isKustomization(rel) {
			m.missed = rel
		}
		return nil, err
	}
	if e := m.budget.admit(rel, data); e != nil {
		return nil, m.refuse(e)
	}
	m.note(rel, data)
	if amended, ok := m.amended[rel]; ok {
		data = amended
	}
	if isKustomization(rel) {
		return m.inspect(rel, data)
	}
	if e := inspectPlugins(rel, data); e != nil {
		return nil, m.refuse(e)
	}
	return data, nil
}

// refuse remembers the first refusal, which decides the build's outcome.
func (m *mount) refuse(e *BuildError) error {
	if m.refusal == nil {
		m.refusal = e
	}
	return e
}

func (m *mount) note(name string, data []byte) {
	if _, ok := m.reads[name]; ok {
		return
	}
	m.reads[name] = len(m.read)
	m.read = append(m.read, file{name, data})
}

// content gives a file that was read during the build.
func (m *mount) content(name string) ([]byte, bool) {
	i, ok := m.reads[name]
	if !ok {
		return nil, false
	}
	return m.read[i].data, true
}

// rewind forgets what was read, so that the build can start over.
func (m *mount) rewind() {
	m.read, m.kusts = nil, nil
	m.reads, m.declares = map[string]int{}, map[string]bool{}
	m.budget = budget{}
	m.refusal = nil
}

// CleanedAbs splits a path into a folder and a file, with symbolic links followed.
func (m *mount) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	switch path.Clean(name) {
	case "/":
		return "/", "", nil
	case synthetic:
		return "/", path.Base(synthetic), nil
	}
	rel, err := inside(name)
	if err != nil {
		return "", "", err
	}
	real, dir, err := m.lookup(rel)
	if err != nil {
		return "", "", err
	}
	if dir {
		return filesys.ConfirmedDir(absolute(real)), "", nil
	}
	return filesys.ConfirmedDir(absolute(path.Dir(real))), path.Base(real), nil
}

// IsDir says whether a folder is at the path.
func (m *mount) IsDir(name string) bool {
	rel, err := inside(name)
	if err != nil {
		return path.Clean(name) == "/"
	}
	info, err := m.stat(rel)
	return err == nil && info.IsDir()
}

// Exists says whether anything is at the path.
func (m *mount) Exists(name string) bool {
	rel, err := inside(name)
	if err != nil {
		return path.Clean(name) == "/" || path.Clean(name) == synthetic && m.synthetic != nil
	}
	_, err = m.stat(rel)
	return err == nil
}

// ReadDir lists the names in a folder.
func (m *mount) ReadDir(name string) ([]string, error) {
	rel, err := inside(name)
	if err != nil {
		return nil, err
	}
	entries, err := m.readDir(rel)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Glob lists the paths that match a pattern.
func (m *mount) Glob(pattern string) ([]string, error) {
	rel, err := inside(pattern)
	if err != nil {
		return nil, err
	}
	found, err := fs.Glob(opener{m}, rel)
	for i := range found {
		found[i] = absolute(found[i])
	}
	return found, err
}

// Walk visits everything below a path.
func (m *mount) Walk(name string, visit filepath.WalkFunc) error {
	rel, err := inside(name)
	if err != nil {
		return visit(name, nil, err)
	}
	return fs.WalkDir(opener{m}, rel, func(p string, e fs.DirEntry, err error) error {
		var info fs.FileInfo
		if e != nil && err == nil {
			info, err = e.Info()
		}
		return visit(absolute(p), info, err)
	})
}

// Open is not offered: kustomize reads whole files.
func (m *mount) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Create is refused.
func (m *mount) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (m *mount) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (m *mount) MkdirAll(string) error { return errReadOnly }

// RemoveAll is refused.
func (m *mount) RemoveAll(string) error { return errReadOnly }

// WriteFile is refused.
func (m *mount) WriteFile(string, []byte) error { return errReadOnly }

var _ filesys.FileSystem = (*mount)(nil)

// opener lets io/fs walk and match over a mount's tree.
type opener struct{ m *mount }

func (o opener) Open(string) (fs.File, error)               { return nil, os.ErrInvalid }
func (o opener) Stat(name string) (fs.FileInfo, error)      { return o.m.stat(name) }
func (o opener) ReadDir(name string) ([]fs.DirEntry, error) { return o.m.readDir(name) }
