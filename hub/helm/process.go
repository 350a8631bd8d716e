package helm

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub"
)

// Renderer renders charts in worker processes. It is safe for concurrent use: maxWorkers charts are rendered at once.
type Renderer struct {
	Kustomize hub.Renderer // builds what post-renderers of a release ask for; set before the first chart is rendered

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
func maxWorkers() int { return hub.RendersAtOnce() + 1 }

// Close ends the workers that have no work. Those that have end with it.
func (r *Renderer) Close() {
	r.mu.Lock()
	idle := r.idle
	r.idle, r.closed = nil, true
	r.mu.Unlock()
	for _, w := range idle {
		w.expire.Stop()
		w.end()
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
		case used && w.stderr.String() == "":
			continue // it was ended from outside while it was idle
		}
		return nil, crashed(j.Chart, w.stderr.String())
	}
}

// try has w do the job. After an error w has ended.
func (r *Renderer) try(ctx context.Context, w *worker, j Job) (*Answer, error) {
	stop := context.AfterFunc(ctx, w.kill)
	a, err := w.ask(ctx, j)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		w.kill()
		w.end()
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
		go w.end()
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
		w.end()
	}
}

// worker is one process.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	send   *gob.Encoder
	recv   *gob.Decoder
	stderr *head
	expire *time.Timer
}

// start starts a worker with nothing of this process' environment.
func start(command []string) (*worker, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"GOTRACEBACK=none"} // what it says last is told to people, and stack traces are not
	w := &worker{cmd: cmd, stderr: &head{}}
	cmd.Stderr = w.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if w.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	said := make([]byte, len(Greeting))
	if _, err := io.ReadFull(out, said); err != nil || string(said) != Greeting {
		w.kill()
		w.end()
		return nil, fmt.Errorf("it does not greet as one: %q %s", bytes.TrimRight(said, "\x00"), oneLine(w.stderr.String()))
	}
	w.send, w.recv = gob.NewEncoder(w.in), gob.NewDecoder(out)
	return w, nil
}

// ask sends a job, and post-renders if the worker asks for it.
func (w *worker) ask(ctx context.Context, j Job) (*Answer, error) {
	if err := w.send.Encode(Message{Job: &j}); err != nil {
		return nil, err
	}
	for {
		var a Answer
		if err := w.recv.Decode(&a); err != nil {
			return nil, err
		}
		if !a.PostRender {
			return &a, nil
		}
		stream, err := j.Options.PostRender(ctx, a.Stream)
		if err != nil {
			return nil, postError{err}
		}
		if err := w.send.Encode(Message{Posted: &Posted{Stream: stream}}); err != nil {
			return nil, err
		}
	}
}

// kill stops the process at once.
func (w *worker) kill() { _ = w.cmd.Process.Kill() } // an error says that it has ended

// end lets the process end and waits for it.
func (w *worker) end() {
	_ = w.in.Close()
	_ = w.cmd.Wait() // how it ended was of interest earlier, or is not
}

// head keeps the first of what is written, which is where the Go runtime says what went wrong.
type head struct {
	mu   sync.Mutex
	text []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, p[:min(len(p), 4096-len(h.text))]...)
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}
