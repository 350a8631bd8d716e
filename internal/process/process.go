// Package process starts a program that does work for this one and speaks gob with it over its standard input and
// output. What may not end, or may take all memory, runs in such a process, because nothing inside a Go program can stop
// it. The program begins with a greeting, so that another program of the same name is found out.
//
// It imports the standard library only.
package process

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// Process is one running program. Its Send and Recv are for one goroutine at a time; Kill, and Said, for any.
type Process struct {
	Send *gob.Encoder
	Recv *gob.Decoder

	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr head
}

// Start starts command with nothing of this program's environment, and waits for its greeting.
func Start(command []string, greeting string) (*Process, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"GOTRACEBACK=none"} // what it says last is told to people, and stack traces are not
	p := &Process{cmd: cmd}
	cmd.Stderr = &p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	said := make([]byte, len(greeting))
	if _, err := io.ReadFull(out, said); err != nil || string(said) != greeting {
		p.Kill()
		p.End()
		return nil, fmt.Errorf("it does not greet as one: %q %s", bytes.TrimRight(said, "\x00"), FirstLine(p.Said()))
	}
	p.Send, p.Recv = gob.NewEncoder(p.in), gob.NewDecoder(out)
	return p, nil
}

// Kill stops the process at once.
func (p *Process) Kill() { _ = p.cmd.Process.Kill() } // an error says that it has ended

// End lets the process end and waits for it.
func (p *Process) End() {
	_ = p.in.Close()
	_ = p.cmd.Wait() // how it ended was of interest earlier, or is not
}

// Said is the beginning of what the process wrote to its standard error, which is where the Go runtime says what went
// wrong; at most 4 KiB.
func (p *Process) Said() string { return p.stderr.String() }

// FirstLine is the first line of a text, without the space around the text.
func FirstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return first
}

// maxSaid is how much is kept of what a process writes to its standard error.
const maxSaid = 4096

// head keeps the beginning of what is written.
type head struct {
	mu   sync.Mutex // guards text
	text []byte
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, p[:min(len(p), maxSaid-len(h.text))]...)
	return len(p), nil
}

// String gives what was written first.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}
