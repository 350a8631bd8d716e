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

// logLines is how much of a program's log goes with an error.
const logLines = 25

// Process is a program that runs beside us, its output in a log file.
type Process struct {
	Name string
	Log  string // path of the file

	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended
	err  error         // how it ended; read only after done
}

// StartProcess runs the program args[0] with the other args, in our environment and what env adds to it. Its output is
// appended to the file log. An interrupt at the terminal reaches only us, so that we can end things in order; on Linux
// the kernel kills the program when we die without having done so.
func StartProcess(name, log string, env []string, args ...string) (*Process, error) {
	return startWith(childAttr(), nil, name, log, env, args...)
}

// StartProcessReading is StartProcess for a program that reads in, of which it has its own copy.
func StartProcessReading(in *os.File, name, log string, env []string, args ...string) (*Process, error) {
	return startWith(childAttr(), in, name, log, env, args...)
}

// startWith is StartProcess with attributes of the caller's choice, and an input, if that is not nil.
func startWith(attr *syscall.SysProcAttr, in *os.File, name, log string, env []string,
	args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", name, err)
	}
	defer out.Close() // the child has its own copy
	p := &Process{Name: name, Log: log, cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if in != nil { // or it would read from a file that is none
		p.cmd.Stdin = in
	}
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

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns how the program ended: nil for exit code 0, and as long as it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop asks the program to end, and ends it by force when it has not done so after grace. On nil, a program that was not
// started, it does nothing.
func (p *Process) Stop(grace time.Duration) {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already, which is what we want
	select {
	case <-p.done:
		return
	case <-time.After(grace):
	}
	p.Kill()
}

// Kill ends the program at once, as a crash of its machine would. On nil it does nothing.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended already, which is what we want
	<-p.done
}

// await polls ready until it returns no error, the program ends, or limit has passed. The error holds the end of the log.
func (p *Process) await(ctx context.Context, limit time.Duration, ready func(context.Context) error) error {
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
	return fmt.Errorf("%s is not ready after %s: %w (%v); its log ends with:\n%s", p.Name, limit, err, last, p.Tail(logLines))
}

// exitError reports a program that ended while it was waited for.
type exitError struct{ p *Process }

// Error says how the program ended and what it last said.
func (e *exitError) Error() string {
	return fmt.Sprintf("%s ended while starting (%v); its log ends with:\n%s", e.p.Name, e.p.err, e.p.Tail(logLines))
}

// portTaken reports whether err is a program that ended because somebody else had taken its port meanwhile.
func portTaken(err error) bool {
	var ended *exitError
	return errors.As(err, &ended) && strings.Contains(ended.p.Tail(logLines), "address already in use")
}

// Tail returns the last lines of the program's log, at most so many, or why it cannot be read.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
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
