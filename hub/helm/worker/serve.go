// Package worker is the process in which charts are rendered, with Helm's SDK:
//
//	helm.Renderer ═ Serve ─ render ─ helm.sh/helm/v4/pkg/{chart,engine,release}
//
// It is a package of its own so that a program may render charts without linking the SDK, which brings every typed Kubernetes
// API with it: 30 MB of program, 38 MB of memory and 15 ms at each start, measured on drover with Helm 4.3.1.
//
// It may import hub/model, hub/helm, internal/memory, Helm's SDK and what comes with it.
package worker

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/internal/memory"
)

// Serve is the life of a worker: it renders what it is asked on in, answers on out, and ends the process when in ends. It
// bounds the memory of the whole process and takes its log, so a program calls it instead of anything else. An error says that
// the messages could not be understood.
func Serve(in io.Reader, out io.Writer) error {
	if err := bound(); err != nil {
		return fmt.Errorf("bound the memory of the process that renders charts: %w", err)
	}
	notes := &notes{}
	slog.SetDefault(slog.New(notes))
	if _, err := io.WriteString(out, helm.Greeting); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	jobs, results := make(chan *helm.Job), make(chan helm.Message)
	go func() {
		defer os.Exit(0) // the hub is gone, and a render may be under way that never ends
		for recv := gob.NewDecoder(in); ; {
			var m helm.Message
			switch err := recv.Decode(&m); {
			case err != nil:
				return
			case m.Job != nil:
				jobs <- m.Job
			default:
				results <- m
			}
		}
	}()
	send := gob.NewEncoder(out)
	for j := range jobs {
		notes.clear()
		r := &render{job: j, post: func(stream []byte) ([]byte, error) {
			if err := send.Encode(helm.Answer{PostRender: true, Stream: stream}); err != nil {
				return nil, err
			}
			m := <-results
			if m.Posted == nil {
				return nil, errors.New("the hub answered something else than it was asked")
			}
			return m.Posted.Stream, nil
		}, find: func(from, name string) (*helm.Imported, error) {
			if err := send.Encode(helm.Answer{Import: &helm.Import{From: from, Name: name}}); err != nil {
				return nil, err
			}
			m := <-results
			if m.Imported == nil {
				return nil, errors.New("the hub answered something else than it was asked")
			}
			return m.Imported, nil
		}}
		a := safely(r)
		a.Warnings = append(a.Warnings, notes.warnings()...)
		if err := send.Encode(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

// safely makes an answer of whatever happens.
func safely(r *render) (a helm.Answer) {
	defer func() {
		if v := recover(); v != nil {
			a = helm.Answer{Err: &helm.Error{Chart: r.job.Chart, Reason: fmt.Sprintf("Helm panicked: %v", v), Hint: "is the chart damaged? Try helm template on it"}}
		}
	}()
	if r.job.Templates != nil {
		return executed(r.job)
	}
	if r.job.Jsonnet != nil {
		return evaluated(r.job, r.find)
	}
	objects, err := r.run()
	if err != nil {
		var known *helm.Error
		if !errors.As(err, &known) {
			known = r.explain(err)
		}
		return helm.Answer{Err: known, AsksAPIs: r.asked()}
	}
	return helm.Answer{Objects: objects, Warnings: r.warnings, AsksAPIs: r.asked()}
}

const (
	maxStack = 32 << 20 // bytes of stack of one goroutine
	maxNotes = 100      // lines of log that are told for one chart
)

// bound keeps this process within helm.MaxMemory. What is beyond it ends the process, which is what it is for.
func bound() error {
	debug.SetMaxStack(maxStack)
	debug.SetGCPercent(400)                      // charts are short-lived and memory is bounded: collect rarely …
	debug.SetMemoryLimit(helm.MaxMemory / 4 * 3) // … and hard before it runs out
	return memory.Limit(helm.MaxMemory)
}

// notes keeps what Helm logs during a render: it tells there what it left out or took otherwise than asked.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = nil
}

func (n *notes) warnings() []helm.Warning {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []helm.Warning
	for _, line := range n.lines {
		out = append(out, helm.Warning{Text: line})
	}
	return out
}

// Enabled implements slog.Handler.
func (n *notes) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. Values stay out of it: they may be secret.
func (n *notes) Handle(_ context.Context, r slog.Record) error {
	text, _, _ := strings.Cut(r.Message, " (")
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(", %s: %v", a.Key, a.Value)
		return true
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	if text = "Helm says: " + text; len(n.lines) < maxNotes {
		n.lines = append(n.lines, text)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (n *notes) WithAttrs([]slog.Attr) slog.Handler { return n }

// WithGroup implements slog.Handler.
func (n *notes) WithGroup(string) slog.Handler { return n }
