package demo

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// starter makes all child processes. It is one thread that lives as long as we do, because the kernel ends a child when
// the thread that made it ends, and the Go runtime ends threads as it likes.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// process is a program that runs beside us, its output in a file.
type process struct {
	name string
	log  string
	args []string // with the program's path, to start it once more

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu    sync.Mutex // guards what follows
	asked bool       // to end
	err   error      // why it ended
}

// start starts a program. ended is called when it ends without having been asked to.
func start(name, log string, ended func(*process), args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", name, err)
	}
	defer out.Close() // the child has its own copy
	p := &process{name: name, log: log, args: args, cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = childAttr()
	result := make(chan error, 1)
	starter() <- func() { result <- p.cmd.Start() }
	if err := <-result; err != nil {
		return nil, fmt.Errorf("start %s: %w: build it with `make build`", name, err)
	}
	go p.wait(ended)
	return p, nil
}

func (p *process) wait(ended func(*process)) {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	asked := p.asked
	p.mu.Unlock()
	close(p.done)
	if !asked {
		ended(p)
	}
}

// stop asks the program to end, and ends it by force when it has not done so after grace.
func (p *process) stop(grace time.Duration) {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.kill()
	}
}

// kill ends the program as a crash would.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) signal(s os.Signal) {
	p.mu.Lock()
	p.asked = true
	p.mu.Unlock()
	_ = p.cmd.Process.Signal(s) // it may have ended already, which is what we want
}

// ending says how a program ended.
func (p *process) ending() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return "exit status 0"
	}
	return p.err.Error()
}

// tail returns the last n lines of the program's log.
func (p *process) tail(n int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
