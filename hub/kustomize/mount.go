package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/inflate"
	"github.com/drover-dev/drover/hub/kustomize/vet"
	"github.com/drover-dev/drover/hub/model"
)

var (
	errReadOnly = errors.New("the repository is read-only to a build")
	errClosed   = errors.New("the build was given up")
	errOutside  = errors.New("is outside the repository")
)

// mount shows a tree, read-only, to kustomize as a file system, and watches what it is asked for:
// every kustomization is inspected at the moment it is served, so that nothing remote is
// ever loaded.
type mount struct {
	*diagnose.Build                   // what was read
	gate            *gate             // to the tree
	synthetic       []byte            // content of the synthetic kustomization beside the repository; nil if there is none
	amended         map[string][]byte // files that are served otherwise than the repository has them

	cold      bool // the build began with an unparsed schema, as a fresh process does
	ownSchema bool // a kustomization brings its own schema, so the build must begin cold

	charts  *inflate.Charts
	fetched fetched
	plugins map[string]bool      // folders whose kustomizations configure plugins
	refusal *diagnose.BuildError // the first thing that was refused; whatever else happens, it is the outcome
	denied  error                // the last of errNetwork, errOutside and errReadOnly that kustomize met
	budget  vet.Budget
}

func newMount(tree model.Tree, dir string) *mount {
	g := &gate{tree: tree}
	return &mount{Build: diagnose.NewBuild(g, dir), gate: g, charts: inflate.New(nil, nil),
		fetched: fetched{names: map[string]string{}}, plugins: map[string]bool{}}
}

// again gives a mount of the same tree for a further build, in which some files are served otherwise.
func (m *mount) again(changed map[string][]byte) *mount {
	more := &mount{Build: diagnose.NewBuild(m.gate, m.Dir), gate: m.gate, synthetic: m.synthetic,
		amended: maps.Clone(m.amended), charts: m.charts.Again(),
		fetched: fetched{names: m.fetched.names}, plugins: map[string]bool{}}
	for name, data := range changed {
		if name == synthetic {
			more.synthetic = data
			continue
		}
		if more.amended == nil {
			more.amended = map[string][]byte{}
		}
		more.amended[name] = data
	}
	return more
}

// close makes every later use of the tree an error. It waits for one that is under way.
func (m *mount) close() { m.gate.close() }

// gate is the only way to a tree, and can be closed.
type gate struct {
	mu     sync.Mutex // held over every use of tree, so that none outlives close
	closed bool
	tree   model.Tree
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// Stat implements Tree.
func (g *gate) Stat(name string) (fs.FileInfo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed
	}
	return g.tree.Stat(name)
}

// ReadDir implements Tree.
func (g *gate) ReadDir(name string) ([]fs.DirEntry, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed
	}
	return g.tree.ReadDir(name)
}

// ReadFile implements Tree.
func (g *gate) ReadFile(name string) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed
	}
	return g.tree.ReadFile(name)
}

// absolute gives the mounted path of a repository path.
func absolute(name string) string { return path.Join(diagnose.Repository, name) }

// relative gives a repository path as seen from the synthetic kustomization.
func relative(name string) string { return path.Join(diagnose.Repository[1:], name) }

// inside gives the repository path of a mounted path.
func inside(name string) (string, error) {
	name = path.Clean(name)
	if name == diagnose.Repository {
		return ".", nil
	}
	rest, ok := strings.CutPrefix(name, diagnose.Repository+"/")
	if !ok {
		return "", fmt.Errorf("%s %w", name, errOutside)
	}
	return rest, nil
}

// deny remembers what kustomize may not do: its own error may not say so.
func (m *mount) deny(err error) error {
	m.denied = err
	return err
}

// denial explains what was denied; nil if nothing was.
func (m *mount) denial() *diagnose.BuildError {
	e := &diagnose.BuildError{File: m.Outermost()}
	switch {
	case m.denied == nil:
		return nil
	case errors.Is(m.denied, errNetwork):
		e.Reason, e.Hint = "something in this build leads to an address on the network, and a build reads nothing "+
			"outside the repository", diagnose.InHint
	case errors.Is(m.denied, errOutside):
		e.Reason, e.Hint = "something in this build leads outside the repository", diagnose.InHint
	default:
		e.Reason, e.Hint = "something in this build would write a file", "a build only reads"
	}
	return e
}

func (m *mount) stat(name string) (fs.FileInfo, error)      { return m.gate.Stat(name) }
func (m *mount) readDir(name string) ([]fs.DirEntry, error) { return m.gate.ReadDir(name) }
func (m *mount) readFile(name string) ([]byte, error)       { return m.gate.ReadFile(name) }

// lookup follows symbolic links where the tree can tell of them.
func (m *mount) lookup(name string) (real string, dir bool, err error) {
	links, ok := m.gate.tree.(interface {
		Lookup(path string) (model.Entry, error)
	})
	if !ok {
		info, err := m.stat(name)
		return name, err == nil && info.IsDir(), err
	}
	m.gate.mu.Lock()
	defer m.gate.mu.Unlock()
	if m.gate.closed {
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
	if err != nil && diagnose.IsKustomization(name) {
		return nil, err // kustomize looks for each of the names beside the repository
	}
	if err != nil {
		return nil, m.deny(err)
	}
	if m.ownSchema && !m.cold {
		return nil, errOwnSchema
	}
	if text, ok := m.charts.File(rel); ok {
		return text, nil
	}
	data, err := m.readFile(rel)
	if err != nil {
		if !diagnose.IsKustomization(rel) {
			m.Missed = rel
		}
		return nil, err
	}
	if e := m.budget.Admit(rel, data); e != nil {
		return nil, m.refuse(e)
	}
	m.Note(rel, data)
	if amended, ok := m.amended[rel]; ok {
		data = amended
	}
	if diagnose.IsKustomization(rel) {
		return m.inspect(rel, data)
	}
	if e := vet.Plugins(rel, data); e != nil {
		return nil, m.refuse(e)
	}
	return data, nil
}

// refuse remembers the first refusal, which decides the build's outcome.
func (m *mount) refuse(e *diagnose.BuildError) error {
	if m.refusal == nil {
		m.refusal = e
	}
	return e
}

// rewind forgets what was read, so that the build can start over.
func (m *mount) rewind() {
	m.Build = diagnose.NewBuild(m.gate, m.Dir)
	m.budget = vet.Budget{}
	m.refusal, m.denied, m.charts, m.fetched.needs = nil, nil, m.charts.Again(), nil
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
		return "", "", err // kustomize tries some that nobody wrote
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
func (m *mount) Open(string) (filesys.File, error) { return nil, m.deny(errReadOnly) }

// Create is refused.
func (m *mount) Create(string) (filesys.File, error) { return nil, m.deny(errReadOnly) }

// Mkdir is refused.
func (m *mount) Mkdir(string) error { return m.deny(errReadOnly) }

// MkdirAll is refused.
func (m *mount) MkdirAll(string) error { return m.deny(errReadOnly) }

// RemoveAll is refused.
func (m *mount) RemoveAll(string) error { return m.deny(errReadOnly) }

// WriteFile is refused.
func (m *mount) WriteFile(string, []byte) error { return m.deny(errReadOnly) }

var _ filesys.FileSystem = (*mount)(nil)

// opener lets io/fs walk and match over a mount's tree.
type opener struct{ m *mount }

func (o opener) Open(string) (fs.File, error)               { return nil, os.ErrInvalid }
func (o opener) Stat(name string) (fs.FileInfo, error)      { return o.m.stat(name) }
func (o opener) ReadDir(name string) ([]fs.DirEntry, error) { return o.m.readDir(name) }
