package asks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

const (
	// maxStreams is how many containers are read at a time.
	maxStreams = 20
	// maxLogLine is how much of one line is told.
	maxLogLine = 16 << 10
	// flushPause is how often what was read is sent while more comes.
	flushPause = 250 * time.Millisecond
)

// output is one container whose output is asked for.
type output struct{ namespace, pod, container string }

// logs answers with what the containers of an app, or of one of its objects, write.
func (d *answers) logs(ctx context.Context, q protocol.Question, w *writer) error {
	outputs, err := d.outputs(ctx, q, w)
	if err != nil {
		return err
	}
	if len(outputs) > maxStreams {
		w.leaveOutOf(fmt.Sprintf("%d containers match, and the output of %d is shown: name an object or a container", len(
			outputs), maxStreams))
		outputs = outputs[:maxStreams]
	}
	if !q.Follow {
		for _, o := range outputs {
			if err := d.stream(ctx, q, o, w); err != nil {
				return err
			}
		}
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var streams sync.WaitGroup
	for _, o := range outputs {
		streams.Go(func() {
			if err := d.stream(ctx, q, o, w); err != nil {
				cancel(err)
			}
		})
	}
	flushing := make(chan struct{})
	go func() {
		defer close(flushing)
		tick := time.NewTicker(flushPause)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-tick.C:
				if err := w.Flush(); err != nil {
					cancel(err)
				}
			}
		}
	}()
	streams.Wait()
	err = context.Cause(ctx)
	cancel(nil)
	<-flushing
	if errors.Is(err, context.DeadlineExceeded) {
		w.leaveOutOf(fmt.Sprintf("output is followed for %s at most: ask again", protocol.MaxFollow))
		return nil
	}
	return err
}

// outputs are the containers that are meant.
func (d *answers) outputs(ctx context.Context, q protocol.Question, w *writer) (out []output, err error) {
	var kind agent.Resource
	if q.Resource != "" {
		if kind, err = d.reader.Find(ctx, q.Resource); err != nil {
			return nil, err
		}
	}
	f, err := d.forest(ctx, q.App, w)
	if err != nil {
		return nil, err
	}
	meant, within, pods := q.Name == "", -1, 0
	_ = f.walk(func(n protocol.TreeNode) error { // which cannot fail
		if q.Name != "" && (within < 0 || n.Depth <= within) {
			within = -1
			if n.Object.Name == q.Name && (kind.Kind == "" || n.Object.Kind == kind.Kind && n.Object.Group == kind.Group) {
				meant, within = true, n.Depth
			}
		}
		if n.Object.Group != "" || n.Object.Kind != "Pod" || q.Name != "" && within < 0 {
			return nil
		}
		pods++
		for _, name := range containers(f.pods[n.Object]) {
			if q.Container == "" || q.Container == name {
				out = append(out, output{n.Object.Namespace, n.Object.Name, name})
			}
		}
		return nil
	})
	switch {
	case !meant:
		return nil, refuse(protocol.AnswerNotFound, "app %s has no object %s: `drover tree` shows those that it has", q.App,
			strings.Trim(q.Resource+"/"+q.Name, "/"))
	case pods == 0:
		return nil, refuse(protocol.AnswerNotFound, "there are no pods of it: `drover tree` shows why")
	case len(out) == 0:
		return nil, refuse(protocol.AnswerNotFound, "none of its %d pods has a container %q", pods, q.Container)
	}
	return out, nil
}

// containers are the names of the containers of a Pod's spec.
func containers(of any) (out []string) {
	spec, _ := of.(object)
	for _, field := range [...]string{"initContainers", "containers"} {
		list, _ := spec[field].([]any)
		for _, c := range list {
			if m, ok := c.(object); ok {
				if name, ok := m["name"].(string); ok {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// stream tells what one container writes. That its output cannot be read is told, and ends nothing but this.
func (d *answers) stream(ctx context.Context, q protocol.Question, o output, w *writer) error {
	line := protocol.LogLine{Pod: o.pod, Container: o.container}
	body, err := d.reader.Logs(ctx, o.namespace, o.pod, LogOptions{Container: o.container, Tail: q.Tail, Follow: q.Follow,
		Previous: q.Previous})
	if agent.ReasonOf(err) == agent.ReasonForbidden {
		return err
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		_, line.Problem = reasoned(d.namespace, err, nil)
		line.Problem = brief(line.Problem)
		return w.line(line)
	}
	defer body.Close()
	r := bufio.NewReaderSize(body, maxLogLine)
	for {
		text, err := r.ReadSlice('\n')
		if len(text) > 0 {
			line.Text = strings.ToValidUTF8(strings.TrimRight(string(text), "\r\n"), "�")
			if err := w.line(line); err != nil {
				return err
			}
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull): // a long line comes in pieces
			continue
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		}
		return w.line(protocol.LogLine{Pod: o.pod, Container: o.container, Problem: brief(err.Error())})
	}
}
