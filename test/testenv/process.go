package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// launches carries the starts of child processes to the one thread that makes them.
var (
	launches   chan func()
	launchOnce sync.Once
)

// launch runs start on a thread that lives as long as this process. The kernel sends a child's parent-death
// signal when the *thread* that made the child ends, and the Go runtime ends threads as it likes, so a child
// started from any other goroutine might be killed in the middle of a test.
func launch(start func() error) error {
	launchOnce.Do(func() {
		launches = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range launches {
				f()
			}
		}()
	})
	result := make(chan error, 1)
	launches <- func() { result <- start() }
	return <-result
}

// process is one running program whose output goes to a log file.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended
	err  error         // why it ended; read only after done
}

// startProcess runs path with args; its output is appended to the file log.
func startProcess(name, path, log string, args ...string) (*process, error) {
	return startWith(childAttr(), name, path, log, args...)
}

// startWith is startProcess with attributes of the caller's choice.
func startWith(attr *syscall.SysProcAttr, name, path, log string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", name, err)
	}
	defer out.Close() // the child has its own copy
	p := &process{name: name, log: log, cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = attr
	if err := launch(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop asks the program to end, and ends it by force when it has not done so after grace.
func (p *process) stop(grace time.Duration) {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already, which is what we want
	select {
	case <-p.done:
		return
	case <-time.After(grace):
	}
	p.kill()
}

// kill ends the program at once, as a crash of its machine would.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended already, which is what we want
	<-p.done
}

// await polls ready until it returns no error, the program ends, or limit has passed. The error holds the end of the log.
func (p *process) await(ctx context.Context, limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-p.done: // nothing that is still asked for will be answered
			cancel()
		case <-over:
		}
	}()
	var last error
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
		last = ready(ctx)
		return last == nil, nil
	})
	select {
	case <-p.done:
		return &exitError{p}
	default:
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is not ready after %s: %w (%v); its log ends with:\n%s", p.name, limit, err, last, p.tail())
}

// exitError reports a program that ended while it was waited for.
type exitError struct{ p *process }

// Error says how the program ended and what it last said.
func (e *exitError) Error() string {
	return fmt.Sprintf("%s ended while starting (%v); its log ends with:\n%s", e.p.name, e.p.err, e.p.tail())
}

// portTaken reports whether err is a program that ended because somebody else had taken its port meanwhile.
func portTaken(err error) bool {
	var ended *exitError
	return errors.As(err, &ended) && strings.Contains(ended.p.tail(), "address already in use")
}

// tail returns the last lines of the program's log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
}

// poll calls f now and then every interval until it reports true or an error, or ctx ends.
func poll(ctx context.Context, interval time.Duration, f func() (bool, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
