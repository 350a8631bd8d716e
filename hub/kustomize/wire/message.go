package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
)

// Greeting is the first thing that a worker writes. It changes whenever the messages do.
const Greeting = "drover kustomize worker 3\n"

// Request is what a worker is sent, as a gob stream: a job, or the answer to what it asked of the tree.
type Request struct {
	Job  *Job
	Read *Reading
}

// Reply is what a worker sends, as a gob stream: a question to the tree, or the outcome of its job.
type Reply struct {
	Ask  *Ask
	Done *Done
}

// Job is one build.
type Job struct {
	Dir     string
	Options []byte // model.BuildOptions as JSON
	Known   []Known
}

// Known is what a build will ask the tree, as far as the hub knows, and the answer.
type Known struct {
	Ask     Ask
	Reading Reading
}

// Ask is a question to the tree.
type Ask struct {
	Kind AskKind
	Path string
}

// AskKind says what is asked of a path.
type AskKind byte

// The questions are the methods of model.Tree.
const (
	AskStat AskKind = iota + 1
	AskDir
	AskFile
)

// Reading is the answer to an ask.
type Reading struct {
	Data    []byte
	Entries []Entry // of a folder, or the one that Stat asked for
	Err     *ReadError
}

// Entry is a file or a folder of a tree. It is both fs.FileInfo and fs.DirEntry.
type Entry struct {
	File  string
	Bytes int64
	Bits  fs.FileMode
}

// Name implements fs.FileInfo.
func (e Entry) Name() string { return e.File }

// Size implements fs.FileInfo.
func (e Entry) Size() int64 { return e.Bytes }

// Mode implements fs.FileInfo.
func (e Entry) Mode() fs.FileMode { return e.Bits }

// Type implements fs.DirEntry.
func (e Entry) Type() fs.FileMode { return e.Bits.Type() }

// ModTime implements fs.FileInfo.
func (e Entry) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (e Entry) IsDir() bool { return e.Bits.IsDir() }

// Sys implements fs.FileInfo.
func (e Entry) Sys() any { return nil }

// Info implements fs.DirEntry.
func (e Entry) Info() (fs.FileInfo, error) { return e, nil }

// ReadError is an error of the tree: its text, and whether nothing is there.
type ReadError struct {
	Text   string
	Absent bool
}

// Error implements error.
func (e *ReadError) Error() string { return e.Text }

// Is implements errors.Is for fs.ErrNotExist.
func (e *ReadError) Is(target error) bool { return e.Absent && target == fs.ErrNotExist }

// Done is how a build ended.
type Done struct {
	Objects []model.Rendered
	Build   *diagnose.BuildError // an error about the content
	Err     string               // any other error
	Needed  []byte               // charts that the build needs, as JSON of []model.Needed
	Wanted  []byte               // charts that are to be rendered, as JSON of []model.Inflation
	Used    []int                // which of Job.Known it has asked for
	Tired   bool                 // the process is not to be used again: it has a low priority, and may hold much memory
}

// Outcome is what the build gives.
func (d *Done) Outcome() ([]model.Rendered, error) {
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

// DoneOf tells how a build ended.
func DoneOf(objects []model.Rendered, err error) *Done {
	var failed *diagnose.BuildError
	needed, needs := errors.AsType[*model.NeededError](err)
	wanted, wants := errors.AsType[*model.InflationError](err)
	switch {
	case needs:
		data, _ := json.Marshal(needed.Sources) // texts alone: it cannot fail
		return &Done{Needed: data}
	case wants:
		data, _ := json.Marshal(wanted.Charts)
		return &Done{Wanted: data}
	case errors.As(err, &failed) && err == error(failed):
		return &Done{Build: failed}
	case err != nil:
		return &Done{Err: err.Error()}
	}
	return &Done{Objects: objects}
}

// NewJob is the build of a folder.
func NewJob(dir string, opts model.BuildOptions) (*Job, error) {
	data, err := json.Marshal(opts)
	return &Job{Dir: dir, Options: data}, err
}

// Answer reads from the tree what a worker asks for.
func Answer(tree model.Tree, a Ask) *Reading {
	var out Reading
	var err error
	switch a.Kind {
	case AskStat:
		var info fs.FileInfo
		if info, err = tree.Stat(a.Path); err == nil {
			out.Entries = []Entry{{info.Name(), info.Size(), info.Mode()}}
		}
	case AskDir:
		var entries []fs.DirEntry
		entries, err = tree.ReadDir(a.Path)
		for _, e := range entries {
			out.Entries = append(out.Entries, Entry{File: e.Name(), Bits: e.Type()})
		}
	case AskFile:
		out.Data, err = tree.ReadFile(a.Path)
	default:
		err = fmt.Errorf("%s: a question that is not known: %d", a.Path, a.Kind)
	}
	if err != nil {
		out.Err = &ReadError{err.Error(), errors.Is(err, fs.ErrNotExist)}
	}
	return &out
}

// Asking is a model.Tree whose content another process has.
type Asking struct {
	Ask func(Ask) *Reading
}

var _ model.Tree = Asking{}

func (t Asking) do(kind AskKind, path string) (*Reading, error) {
	r := t.Ask(Ask{kind, path})
	if r.Err != nil {
		return r, r.Err
	}
	return r, nil
}

// Open is not offered: a build reads whole files.
func (Asking) Open(string) (fs.File, error) { return nil, fs.ErrInvalid }

// ReadFile implements fs.ReadFileFS.
func (t Asking) ReadFile(name string) ([]byte, error) {
	r, err := t.do(AskFile, name)
	return r.Data, err
}

// ReadDir implements fs.ReadDirFS.
func (t Asking) ReadDir(name string) ([]fs.DirEntry, error) {
	r, err := t.do(AskDir, name)
	out := make([]fs.DirEntry, len(r.Entries))
	for i, e := range r.Entries {
		out[i] = e
	}
	return out, err
}

// Stat implements fs.StatFS.
func (t Asking) Stat(name string) (fs.FileInfo, error) {
	r, err := t.do(AskStat, name)
	if err != nil || len(r.Entries) != 1 {
		return nil, err
	}
	return r.Entries[0], nil
}
