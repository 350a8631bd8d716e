// Package record knows what a render read of a tree: renders are remembered, and found again where all of that is
// as it was.
//
// It may import hub/model.
package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/drover-dev/drover/hub/model"
)

// Dep is one thing that a render learned from the tree: what was at a path, or that nothing was. A
// kustomize build depends on files that it looked for and did not find as much as on those it read.
type Dep struct {
	Path string   `json:"p"`           // as it was asked for
	Real string   `json:"r,omitempty"` // where links led, if elsewhere
	Via  []string `json:"v,omitempty"` // links on the way
	Kind Kind     `json:"k"`
	ID   string   `json:"i,omitempty"` // of a file's content, or of a listing
}

// Kind says what was learned about a path.
type Kind string

// The kinds of Dep.
const (
	Absent  Kind = "-" // nothing is there
	File    Kind = "f" // a file of this content
	Dir     Kind = "d" // a folder, whatever is in it
	Listing Kind = "l" // a folder with these names in it
)

// Recorder is a Tree that remembers what was asked of it. It is safe for concurrent use.
type Recorder struct {
	snap model.View

	mu     sync.Mutex
	deps   map[string]Dep // by kind and path
	failed bool           // something could not be read, which says nothing about what is there
	hollow bool           // submodules are not wanted
	needs  []model.Needed // submodules that were looked into
}

var _ model.Tree = (*Recorder)(nil)

// New records what is read from snap.
func New(snap model.View) *Recorder {
	return &Recorder{snap: snap, deps: map[string]Dep{}}
}

// Deps gives what was learned so far, sorted by path.
func (r *Recorder) Deps() []Dep {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Dep, 0, len(r.deps))
	for _, d := range r.deps {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Dep) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
	return out
}

// Open implements fs.FS. What is opened counts as read.
func (r *Recorder) Open(name string) (fs.File, error) {
	d := r.note(name, File)
	f, err := r.snap.Open(name)
	return f, r.check(err, d.Kind != Absent)
}

// ReadFile implements fs.ReadFileFS.
func (r *Recorder) ReadFile(name string) ([]byte, error) {
	d := r.note(name, File)
	data, err := r.snap.ReadFile(name)
	return data, r.check(err, d.Kind == File)
}

// ReadDir implements fs.ReadDirFS.
func (r *Recorder) ReadDir(name string) ([]fs.DirEntry, error) {
	d := r.note(name, Listing)
	entries, err := r.snap.ReadDir(name)
	return entries, r.check(err, d.Kind == Listing)
}

// Stat implements fs.StatFS.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) {
	d := r.note(name, Dir)
	info, err := r.snap.Stat(name)
	return info, r.check(err, d.Kind != Absent)
}

// Real follows the symbolic links of a path.
func (r *Recorder) Real(name string) string {
	if e, _ := r.snap.Lookup(name); e.Path != "" {
		return e.Path
	}
	return name
}

// ID identifies the content of a file; is says whether there is a file. What is asked counts as read.
func (r *Recorder) ID(name string) (id string, is bool) {
	d := r.note(name, File)
	return d.ID, d.Kind == File
}

// check notices failures to read what is there. That nothing is there, or a folder instead of a file, is an
// answer and no failure.
func (r *Recorder) check(err error, readable bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sub, ok := errors.AsType[*model.SubmoduleError](err); ok && !r.hollow {
		if n, ok := sub.Needed(); ok && !slices.ContainsFunc(r.needs, func(o model.Needed) bool { return o.At == n.At }) {
			r.needs = append(r.needs, n)
		}
	}
	r.failed = r.failed || err != nil && readable
	return err
}

// Failed says whether something could not be read. What was made of the rest must not be remembered.
func (r *Recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Needs are submodules that were looked into.
func (r *Recorder) Needs() []model.Needed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.needs
}

// Hollow has submodules be empty folders, or not.
func (r *Recorder) Hollow(is bool) { r.hollow = is }

// note remembers what is at name. A folder that is only asked for is a Dir; a file is a File
// however it was asked for, since to be a file of some content is all that can be told apart cheaply.
func (r *Recorder) note(name string, how Kind) Dep {
	if !fs.ValidPath(name) {
		return Dep{Path: name, Kind: Absent} // the snapshot refuses it, whatever the tree holds
	}
	d := learn(r.snap, name, how)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deps[string(d.Kind)+name] = d
	return d
}

// learn looks at path. how is Listing where the names in a folder matter.
func learn(snap model.View, path string, how Kind) Dep {
	d := Dep{Path: path, Kind: Absent}
	e, err := snap.Lookup(path)
	if e.Path != path {
		d.Real = e.Path
	}
	d.Via = e.Via
	sub, within := errors.AsType[*model.SubmoduleError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case within:
		d.ID, d.Via = "submodule "+sub.URL+" "+sub.Commit, append(slices.Clone(d.Via), sub.Path, ".gitmodules")
	case err != nil:
		d.ID = "error" // a link that leads out, a broken object: the reason stays while the path does
	case !e.Mode.IsDir():
		d.Kind, d.ID = File, e.ID
	case how == Listing:
		d.Kind, d.ID = Listing, listingID(snap, path)
	default:
		d.Kind = Dir
	}
	return d
}

func listingID(snap model.View, path string) string {
	entries, err := snap.ReadDir(path)
	if err != nil {
		return "error"
	}
	h := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(h, "%s\x00%t\x00", e.Name(), e.IsDir())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Holds says whether everything that was learned is still so.
func Holds(snap model.View, deps []Dep) bool {
	for _, d := range deps {
		now := learn(snap, d.Path, d.Kind)
		if now.Kind != d.Kind || now.ID != d.ID || now.Real != d.Real {
			return false
		}
	}
	return true
}

// Places are all paths in the tree at which a change could alter what d says.
func (d Dep) Places() []string {
	out := append([]string{d.Path}, d.Via...)
	if d.Real != "" {
		out = append(out, d.Real)
	}
	return out
}
