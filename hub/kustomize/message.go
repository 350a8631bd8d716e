package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
)

// greeting is the first thing that a worker writes. It changes whenever the messages do.
const greeting = "drover kustomize worker 2\n"

// request is what a worker is sent, as a gob stream: a job, or the answer to what it asked of the tree.
type request struct {
	Job  *job
	Read *reading
}

// reply is what a worker sends, as a gob stream: a question to the tree, or the outcome of its job.
type reply struct {
	Ask  *ask
	Done *done
}

// job is one build.
type job struct {
	Dir     string
	Options []byte // model.BuildOptions as JSON
}

// ask is a question to the tree.
type ask struct {
	Kind askKind
	Path string
}

type askKind byte

const (
	askStat askKind = iota + 1
	askDir
	askFile
)

// reading is the answer to an ask.
type reading struct {
	Data    []byte
	Entries []entry // of a folder, or the one that Stat asked for
	Err     *readError
}

// entry is a file or a folder of a tree. It is both fs.FileInfo and fs.DirEntry.
type entry struct {
	File  string
	Bytes int64
	Bits  fs.FileMode
}

func (e entry) Name() string               { return e.File }
func (e entry) Size() int64                { return e.Bytes }
func (e entry) Mode() fs.FileMode          { return e.Bits }
func (e entry) Type() fs.FileMode          { return e.Bits.Type() }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) IsDir() bool                { return e.Bits.IsDir() }
func (e entry) Sys() any                   { return nil }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }

// readError is an error of the tree: its text, and whether nothing is there.
type readError struct {
	Text   string
	Absent bool
}

// Error implements error.
func (e *readError) Error() string { return e.Text }

// Is implements errors.Is for fs.ErrNotExist.
func (e *readError) Is(target error) bool { return e.Absent && target == fs.ErrNotExist }

// done is how a build ended.
type done struct {
	Objects []model.Rendered
	Build   *diagnose.BuildError // an error about the content
	Err     string               // any other error
	Needed  []byte               // charts that the build needs, as JSON of []model.Needed
	Wanted  []byte               // charts that are to be rendered, as JSON of []model.Inflation
	Tired   bool                 // the process is not to be used again: it has a low priority, and may hold much memory
}

func (d *done) outcome() ([]model.Rendered, error) {
	switch {
	case d.Needed != nil:
		var charts []model.Needed
		if err := json.Unmarshal(d.Needed, &charts); err != nil || len(charts) == 0 {
			return nil, fmt.Errorf("read which charts a build needs: %w", err)
		}
		return nil, &model.NeededError{Sources: charts}
	case d.Wanted != nil:
		var charts []model.Inflation
		if err := json.Unmarshal(d.Wanted, &charts); err != nil || len(charts) == 0 {
			return nil, fmt.Errorf("read which charts a build wants rendered: %w", err)
		}
		return nil, &model.InflationError{Charts: charts}
	case d.Build != nil:
		return nil, d.Build
	case d.Err != "":
		return nil, errors.New(d.Err)
	}
	return d.Objects, nil
}

func doneOf(objects []model.Rendered, err error) *done {
	var failed *diagnose.BuildError
	needed, needs := errors.AsType[*model.NeededError](err)
	wanted, wants := errors.AsType[*model.InflationError](err)
	switch {
	case needs:
		data, _ := json.Marshal(needed.Sources) // texts alone: it cannot fail
		return &done{Needed: data}
	case wants:
		data, _ := json.Marshal(wanted.Charts)
		return &done{Wanted: data}
	case errors.As(err, &failed) && err == error(failed):
		return &done{Build: failed}
	case err != nil:
		return &done{Err: err.Error()}
	}
	return &done{Objects: objects}
}

func newJob(dir string, opts model.BuildOptions) (*job, error) {
	data, err := json.Marshal(opts)
	return &job{dir, data}, err
}

// answer reads from the tree what a worker asks for.
func answer(tree model.Tree, a ask) *reading {
	var out reading
	var err error
	switch a.Kind {
	case askStat:
		var info fs.FileInfo
		if info, err = tree.Stat(a.Path); err == nil {
			out.Entries = []entry{{info.Name(), info.Size(), info.Mode()}}
		}
	case askDir:
		var entries []fs.DirEntry
		entries, err = tree.ReadDir(a.Path)
		for _, e := range entries {
			out.Entries = append(out.Entries, entry{File: e.Name(), Bits: e.Type()})
		}
	case askFile:
		out.Data, err = tree.ReadFile(a.Path)
	default:
		err = fmt.Errorf("%s: a question that is not known: %d", a.Path, a.Kind)
	}
	if err != nil {
		out.Err = &readError{err.Error(), errors.Is(err, fs.ErrNotExist)}
	}
	return &out
}

// asking is a model.Tree whose content another process has.
type asking struct {
	ask func(ask) *reading
}

var _ model.Tree = asking{}

func (t asking) do(kind askKind, path string) (*reading, error) {
	r := t.ask(ask{kind, path})
	if r.Err != nil {
		return r, r.Err
	}
	return r, nil
}

// Open is not offered: a build reads whole files.
func (asking) Open(string) (fs.File, error) { return nil, fs.ErrInvalid }

// ReadFile implements fs.ReadFileFS.
func (t asking) ReadFile(name string) ([]byte, error) {
	r, err := t.do(askFile, name)
	return r.Data, err
}

// ReadDir implements fs.ReadDirFS.
func (t asking) ReadDir(name string) ([]fs.DirEntry, error) {
	r, err := t.do(askDir, name)
	out := make([]fs.DirEntry, len(r.Entries))
	for i, e := range r.Entries {
		out[i] = e
	}
	return out, err
}

// Stat implements fs.StatFS.
func (t asking) Stat(name string) (fs.FileInfo, error) {
	r, err := t.do(askStat, name)
	if err != nil || len(r.Entries) != 1 {
		return nil, err
	}
	return r.Entries[0], nil
}
