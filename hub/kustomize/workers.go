package kustomize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/vet"
	"github.com/drover-dev/drover/hub/kustomize/wire"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/process"
)

// Workers is a Renderer whose builds run in processes of their own, with bounded memory and time: nothing inside a Go
// process can stop a build that does not end. It is safe for concurrent use. Two processes are kept ready, since
// starting one takes longer than the usual build, and the second is for what comes while the first has a build that
// takes long.
type Workers struct {
	command []string
	turns   chan struct{}
	limit   time.Duration // of one build
	habits  wire.Habits

	mu       sync.Mutex
	idle     []*worker
	starting bool // a spare
	closed   bool
}

var _ model.Renderer = (*Workers)(nil)

// NewWorkers returns Workers that are started as the given command: a program that calls Serve with its standard input
// and output. The first one is started at once, in the background.
func NewWorkers(command ...string) *Workers {
	p := &Workers{command: command, turns: make(chan struct{}, model.RendersAtOnce()+1), limit: maxTime}
	go p.spare()
	return p
}

// Close ends the workers that have no work. Those that have end with it.
func (p *Workers) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, w := range idle {
		w.End()
	}
}

// Build implements model.Renderer. It is (*Renderer).Build in a worker.
func (p *Workers) Build(ctx context.Context, tree model.Tree, dir string, opts model.BuildOptions) ([]model.Rendered, error) {
	j, err := wire.NewJob(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, errTime)
	defer cancel()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return nil, p.stopped(ctx, dir)
	}
	for {
		w, used, err := p.take()
		if err != nil {
			return nil, &model.TransientError{Err: fmt.Errorf("%s: the process that builds with kustomize "+
				"cannot be started: %w", dir, err)}
		}
		j.Known = p.habits.Of(tree, dir)
		d, err := p.try(ctx, w, tree, j)
		switch {
		case err == nil:
			return d.Outcome()
		case ctx.Err() != nil:
			return nil, p.stopped(ctx, dir)
		case used && !w.began && w.Said() == "":
			continue // it was ended by something else while it had no work
		}
		return nil, crashed(dir, w.Said())
	}
}

// try has w do the job. After an error w has ended.
func (p *Workers) try(ctx context.Context, w *worker, tree model.Tree, j *wire.Job) (*wire.Done, error) {
	stop := context.AfterFunc(ctx, w.Kill)
	d, err := w.build(tree, j)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		w.Kill()
		w.End()
		return nil, err
	}
	p.habits.Note(j.Dir, w.asks(j, d))
	if d.Tired {
		go w.End()
	} else {
		p.release(w)
	}
	return d, nil
}

// take gives a worker that is idle, or a new one.
func (p *Workers) take() (w *worker, used bool, err error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		w, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if w == nil {
		w, err = start(p.command)
		return w, false, err
	}
	go p.spare()
	return w, true, nil
}

// spare starts a worker if none is idle. What is wrong with the command is told by the build that needs it.
func (p *Workers) spare() {
	p.mu.Lock()
	needed := len(p.idle) == 0 && !p.starting && !p.closed
	p.starting = p.starting || needed
	p.mu.Unlock()
	if !needed {
		return
	}
	w, err := start(p.command)
	p.mu.Lock()
	p.starting = false
	p.mu.Unlock()
	if err == nil {
		p.release(w)
	}
}

// release keeps a worker for the next build.
func (p *Workers) release(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go w.End()
		return
	}
	w.asked, w.began = nil, false
	p.idle = append(p.idle, w)
	time.AfterFunc(idleTime, p.rest)
}

// rest ends the workers that are idle, but for those that are kept ready.
func (p *Workers) rest() {
	p.mu.Lock()
	n := max(0, len(p.idle)-ready)
	end := slices.Clone(p.idle[:n])
	p.idle = slices.Clone(p.idle[n:])
	p.mu.Unlock()
	for _, w := range end {
		w.End()
	}
}

// worker is one process.
type worker struct {
	*process.Process
	asked []wire.Ask // what it has asked the tree for its job
	began bool       // it has done something of its job
}

// start starts a worker.
func start(command []string) (*worker, error) {
	p, err := process.Start(command, wire.Greeting)
	if err != nil {
		return nil, err
	}
	return &worker{Process: p}, nil
}

// build sends a job, and reads from the tree what the worker asks for.
func (w *worker) build(tree model.Tree, j *wire.Job) (*wire.Done, error) {
	if err := w.Send.Encode(wire.Request{Job: j}); err != nil {
		return nil, err
	}
	for {
		var r wire.Reply
		if err := w.Recv.Decode(&r); err != nil {
			return nil, err
		}
		w.began = true
		switch {
		case r.Done != nil:
			return r.Done, nil
		case r.Ask == nil:
			return nil, errors.New("a message of another release")
		}
		w.asked = append(w.asked, *r.Ask)
		if err := w.Send.Encode(wire.Request{Read: wire.Answer(tree, *r.Ask)}); err != nil {
			return nil, err
		}
	}
}

// asks are the questions that a job asked, each once: those whose answers came with it, and the others.
func (w *worker) asks(j *wire.Job, d *wire.Done) []wire.Ask {
	out := w.asked
	for _, i := range d.Used {
		if i >= 0 && i < len(j.Known) {
			out = append(out, j.Known[i].Ask)
		}
	}
	slices.SortFunc(out, func(a, b wire.Ask) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(out)
}

// crashed explains why a worker ended before it answered, from what the Go runtime wrote last.
func crashed(dir, stderr string) error {
	switch {
	case strings.Contains(stderr, "stack overflow"):
		return &diagnose.BuildError{File: dir, Reason: "the build calls itself without end",
			Hint: "does a value contain itself?"}
	case outOfMemory.MatchString(stderr):
		return &diagnose.BuildError{File: dir, Reason: fmt.Sprintf("the build takes more than the %d MiB of memory "+
			"that one build may take", maxMemory>>20),
			Hint: "does a base include itself many times over, or a replacement repeat a value? Otherwise " + vet.SplitHint}
	}
	said := process.FirstLine(stderr)
	if said == "" {
		said = "it said nothing"
	}
	return &model.TransientError{Err: fmt.Errorf("%s: the process that builds with kustomize ended: %s (was it "+
		"killed? The machine may be short of memory; "+
		"the next change builds again)", dir, said)}
}

var outOfMemory = regexp.MustCompile(`out of memory|cannot allocate memory|makeslice|` +
	`allocation size out of range|failed to create new OS thread|pthread_create failed`)

// stopped tells of a build that was stopped: by the bound on its time, or because nothing asks for it any more.
func (p *Workers) stopped(ctx context.Context, dir string) error {
	if errors.Is(context.Cause(ctx), errTime) {
		return &diagnose.BuildError{File: dir, Reason: fmt.Sprintf("the build did not end within %s", p.limit),
			Hint: "does a base include itself many times over, or a replacement or patch take very long? " +
				"Otherwise " + vet.SplitHint}
	}
	return fmt.Errorf("build %s: %w", dir, ctx.Err())
}

var errTime = errors.New("the time for one build is over")
