package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/process"
)

// Renderer renders charts in worker processes. It is safe for concurrent use: maxWorkers charts are rendered at once.
type Renderer struct {
	Kustomize model.Renderer // builds what post-renderers of a release ask for; set before the first chart is rendered

	command []string
	turns   chan struct{}

	mu     sync.Mutex
	idle   []*worker
	closed bool
}

// New returns a Renderer whose workers are started as the given command: a program that calls worker.Serve with its
// standard input and output. Nothing is started before there is a chart to render.
func New(command ...string) *Renderer {
	return &Renderer{command: command, turns: make(chan struct{}, maxWorkers())}
}

// maxWorkers is how many workers have work at once: as many as the hub renders beside its loop, and one for the loop
// itself.
func maxWorkers() int { return model.RendersAtOnce() + 1 }

// Close ends the workers that have no work. Those that have end with it.
func (r *Renderer) Close() {
	r.mu.Lock()
	idle := r.idle
	r.idle, r.closed = nil, true
	r.mu.Unlock()
	for _, w := range idle {
		w.expire.Stop()
		w.End()
	}
}

// run has a worker do the job.
func (r *Renderer) run(ctx context.Context, j Job) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, errTime)
	defer cancel()
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return nil, tooSlow(ctx, j.Chart)
	}
	j.PostRender = j.Options.PostRender != nil
	for {
		w, used, err := r.worker()
		if err != nil {
			return nil, &Error{Chart: j.Chart, Reason: "the program that renders charts cannot be started: " + err.Error(),
				Hint: "install drover-helm-worker of the same release beside drover, or say with --helm-worker where it is", Transient: true}
		}
		a, err := r.try(ctx, w, j)
		var failed postError
		switch {
		case err == nil:
			return a, nil
		case ctx.Err() != nil:
			return nil, tooSlow(ctx, j.Chart)
		case errors.As(err, &failed):
			return nil, fmt.Errorf("chart %s: post-render: %w", j.Chart, failed.error)
		case used && w.Said() == "":
			continue // it was ended from outside while it was idle
		}
		return nil, crashed(j.Chart, w.Said())
	}
}

// try has w do the job. After an error w has ended.
func (r *Renderer) try(ctx context.Context, w *worker, j Job) (*Answer, error) {
	stop := context.AfterFunc(ctx, w.Kill)
	a, err := w.ask(ctx, j)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		w.Kill()
		w.End()
		return nil, err
	}
	r.release(w)
	return a, nil
}

// postError is the failure of a PostRender.
type postError struct{ error }

// worker gives a worker that was used before and is idle, or a new one.
func (r *Renderer) worker() (w *worker, used bool, err error) {
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		w, r.idle = r.idle[n-1], r.idle[:n-1]
		w.expire.Stop()
	}
	r.mu.Unlock()
	if w != nil {
		return w, true, nil
	}
	w, err = start(r.command)
	return w, false, err
}

// release keeps a worker for the next chart, for a while.
func (r *Renderer) release(w *worker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		go w.End()
		return
	}
	r.idle = append(r.idle, w)
	w.expire = time.AfterFunc(idleTime, func() { r.expire(w) })
}

// expire ends a worker that is still idle.
func (r *Renderer) expire(w *worker) {
	r.mu.Lock()
	i := slices.Index(r.idle, w)
	if i >= 0 {
		r.idle = slices.Delete(r.idle, i, i+1)
	}
	r.mu.Unlock()
	if i >= 0 {
		w.End()
	}
}

// worker is one process.
type worker struct {
	*process.Process
	expire *time.Timer
}

// start starts a worker.
func start(command []string) (*worker, error) {
	p, err := process.Start(command, Greeting)
	if err != nil {
		return nil, err
	}
	return &worker{Process: p}, nil
}

// ask sends a job, and post-renders and finds files if the worker asks for it.
func (w *worker) ask(ctx context.Context, j Job) (*Answer, error) {
	if err := w.Send.Encode(Message{Job: &j}); err != nil {
		return nil, err
	}
	for {
		var a Answer
		if err := w.Recv.Decode(&a); err != nil {
			return nil, err
		}
		if a.Import != nil && j.imports != nil {
			found := j.imports(*a.Import)
			if err := w.Send.Encode(Message{Imported: &found}); err != nil {
				return nil, err
			}
			continue
		}
		if !a.PostRender {
			return &a, nil
		}
		stream, err := j.Options.PostRender(ctx, a.Stream)
		if err != nil {
			return nil, postError{err}
		}
		if err := w.Send.Encode(Message{Posted: &Posted{Stream: stream}}); err != nil {
			return nil, err
		}
	}
}
