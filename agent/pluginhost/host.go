package pluginhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
)

// Program is the file name of the plugin host. It is in the folder of the agent.
const Program = "drover-plugins"

const (
	idleTime   = 30 * time.Second // after which the program is ended
	answerTime = 30 * time.Second // within which it has to answer; starting a plugin takes a part of it
	partTime   = 2 * time.Second  // that it has to end by itself
)

// Host is the plugin host as the agent sees it: it starts and stops the program, and asks it. It is safe for concurrent
// use.
type Host struct {
	Path   string        // of drover-plugins
	Folder string        // with the plugins; "" for the folder plugins beside the program
	Idle   time.Duration // after which it is ended; 0 for half a minute
	Answer time.Duration // within which it has to answer; 0 for half a minute
	Log    *slog.Logger

	mu      sync.Mutex // held over a question
	running *running   // nil while it does not run
	timer   *time.Timer
}

var _ agent.PluginHost = (*Host)(nil)

// running is the program while it runs.
type running struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	exited chan struct{}
}

// Transform implements agent.PluginHost.
func (h *Host) Transform(ctx context.Context, plugin string, object []byte, secrets map[string][]byte) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	if h.running == nil {
		r, err := h.start()
		if err != nil {
			return nil, err
		}
		h.running = r
	}
	defer h.rest()
	a, err := h.ask(ctx, Question{Plugin: plugin, Object: object, Secrets: secrets})
	if err != nil {
		h.stop(0)
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Object, nil
}

// ask puts a question and waits for its answer, as long as it may take.
func (h *Host) ask(ctx context.Context, q Question) (Answer, error) {
	limit := h.Answer
	if limit == 0 {
		limit = answerTime
	}
	late := fmt.Errorf("the plugin %s did not answer within %s, and was ended", q.Plugin, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	var a Answer
	done := make(chan error, 1)
	r := h.running
	go func() {
		err := Write(r.in, q)
		if err == nil {
			err = Read(r.out, &a)
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return Answer{}, fmt.Errorf("%s ended while the plugin %s was at work (%w)", Program, q.Plugin, err)
		}
		return a, nil
	case <-ctx.Done():
		h.stop(0)
		return Answer{}, cmp.Or(context.Cause(ctx), <-done) // which comes as its pipes are closed
	}
}

func (h *Host) start() (*running, error) {
	cmd := exec.Command(h.Path)
	if h.Folder != "" {
		cmd.Args = append(cmd.Args, h.Folder)
	}
	// What stands in the agent's environment is no business of plugins.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GOMAXPROCS=1"}
	alone(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s, which hosts plugins, is not at %s: use the agent's image, or put it beside the agent",
				Program, h.Path)
		}
		return nil, fmt.Errorf("start %s: %w", Program, err)
	}
	r := &running{cmd: cmd, in: in, out: out, exited: make(chan struct{})}
	go func() {
		defer close(r.exited)
		_, _ = cmd.Process.Wait() // how it ended does not matter: whoever asked it something is told
	}()
	h.Log.Debug("the plugin host is started", "program", h.Path)
	return r, nil
}

// rest ends the program when nothing was asked of it for a while. h.mu is held.
func (h *Host) rest() {
	if h.running == nil {
		return
	}
	idle := h.Idle
	if idle == 0 {
		idle = idleTime
	}
	h.timer = time.AfterFunc(idle, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stop(partTime)
	})
}

// stop ends the program with all plugins, at once if it does not end by itself in the time that it is given. h.mu is
// held.
func (h *Host) stop(grace time.Duration) {
	r := h.running
	if r == nil {
		return
	}
	h.running = nil
	_ = r.in.Close() // that is how it is told
	if grace > 0 {
		limit := time.NewTimer(grace)
		defer limit.Stop()
		select {
		case <-r.exited:
		case <-limit.C:
		}
	}
	kill(r.cmd)
	<-r.exited
	if c, ok := r.out.(io.Closer); ok {
		_ = c.Close()
	}
}

// Close ends the program, if it runs.
func (h *Host) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	h.stop(partTime)
}
