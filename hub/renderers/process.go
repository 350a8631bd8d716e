package renderers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// maxAnswer is how much of what the host writes is read: manifests as base64, and what is around them.
const maxAnswer = MaxOutput/3*4 + 1<<20

// started has a host do a job, and ends it with all that it started. dir is a folder that plugins may read.
func started(ctx context.Context, program string, j Job, dir string) (*Answer, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, HostWord, j.Root, dir, j.Program)
	cmd.Dir = j.Root
	cmd.Env = []string{"GOTRACEBACK=none"}
	alone(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	said := &head{most: MaxSaid}
	cmd.Stderr, cmd.WaitDelay = said, graceful/2
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the program that starts it cannot be started: %w: install drover-renderers of the same "+
			"release beside drover", err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = in.Close() // it ends what it started, also what left its group
		time.AfterFunc(graceful/2, func() { kill(cmd) })
	})
	defer stop()
	go func() {
		_, _ = in.Write(append(data, '\n')) // an error says that it has ended, which is noticed below
	}()
	var a Answer
	err = json.NewDecoder(io.LimitReader(out, maxAnswer)).Decode(&a)
	kill(cmd)      // it has ended all that it started; whoever is left is of its group
	_ = cmd.Wait() // how it ended does not matter
	_ = in.Close()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the process that starts it ended: %s", cmp.Or(strings.TrimSpace(said.String()),
			"it said nothing; was it killed?"))
	case err != nil:
		return nil, fmt.Errorf("the answer of the process that starts it cannot be read: %w", err)
	}
	return &a, nil
}

// HostWord is the first argument of a host, which the folders follow that it may use: so it is not started by mistake.
const HostWord = "host"

// head keeps the beginning of what is written.
type head struct {
	most int
	text bytes.Buffer
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.text.Write(p[:min(len(p), max(0, h.most-h.text.Len()))])
	return len(p), nil
}

func (h *head) String() string { return strings.ToValidUTF8(h.text.String(), "") }
