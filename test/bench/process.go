package bench

import (
	"bytes"
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
	name, log string
	cmd       *exec.Cmd
	done      chan struct{} // closed when it has ended
}

func startProcess(name, log string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", name, err)
	}
	defer out.Close() // the child has its own copy
	p := &process{name: name, log: log, cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = childAttr()
	result := make(chan error, 1)
	starter() <- func() { result <- p.cmd.Start() }
	if err := <-result; err != nil {
		return nil, fmt.Errorf("start %s: %w: build it with `make build`", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // that it ended is what matters; its log says why
		close(p.done)
	}()
	return p, nil
}

// stop asks the program to end, and ends it by force when it does not within seconds.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already, which is what we want
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ended is an error if the program has ended, which nobody asked it to.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended by itself; its log ends with:\n%s", p.name, p.tail())
	default:
		return nil
	}
}

// tail returns the last lines of the program's log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-12):], []byte("\n")))
}

// cpu is the processor time that the program has used so far. The kernel counts it in hundredths of a second.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("the processor time of %s: %w", p.name, err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name before it may hold spaces
	if len(fields) < 13 {
		return 0, errors.New("the kernel's account of a process is not as expected")
	}
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, fmt.Errorf("the processor time of %s: %w", p.name, err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// memory is how much of the program is in memory, in MiB: all of it, and without what is of files and could be read again.
func (p *process) memory() (all, anonymous float64, err error) {
	file := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	var kib [2]float64
	for i, key := range []string{"VmRSS", "RssAnon"} {
		if _, err := fmt.Sscan(colon(file, key), &kib[i]); err != nil {
			return 0, 0, fmt.Errorf("the memory of %s, %s: %w", p.name, key, err)
		}
	}
	return kib[0] / 1024, kib[1] / 1024, nil
}
