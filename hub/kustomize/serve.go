package kustomize

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/wire"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/memory"
)

// Serve is the life of a worker: it builds what it is asked on in, reads the tree by asking on out, and ends the
// process when in ends. It bounds the memory of the whole process, so a program calls it instead of anything else. An
// error says that the messages could not be understood.
func Serve(in io.Reader, out io.Writer) error { return serve(in, out, maxMemory) }

// serve is Serve with so many bytes of memory.
func serve(in io.Reader, out io.Writer, most uint64) error {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(int64(most / 4 * 3))
	if err := memory.Limit(most); err != nil {
		return fmt.Errorf("bound the memory of the process that builds with kustomize: %w", err)
	}
	var r Renderer
	r.Warm()
	if _, err := io.WriteString(out, wire.Greeting); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	jobs, readings := make(chan *wire.Job), make(chan *wire.Reading)
	go func() {
		defer os.Exit(0) // the hub is gone, and a build may be under way that never ends
		for recv := gob.NewDecoder(in); ; {
			var m wire.Request
			switch err := recv.Decode(&m); {
			case err != nil:
				return
			case m.Job != nil:
				jobs <- m.Job
			case m.Read != nil:
				readings <- m.Read
			}
		}
	}()
	send := gob.NewEncoder(out)
	var told wire.Answers
	tree := wire.Asking{Ask: func(a wire.Ask) *wire.Reading {
		if r := told.Of(a); r != nil {
			return r
		}
		if err := send.Encode(wire.Reply{Ask: &a}); err != nil {
			return &wire.Reading{Err: &wire.ReadError{Text: "ask for a file: " + err.Error()}}
		}
		return <-readings
	}}
	for j := range jobs {
		var opts model.BuildOptions
		if err := json.Unmarshal(j.Options, &opts); err != nil {
			return fmt.Errorf("read what a build is asked for: %w", err)
		}
		told = wire.NewAnswers(j.Known)
		slow := time.AfterFunc(slowAfter, stepBack)
		d := wire.DoneOf(r.Build(context.Background(), tree, j.Dir, opts))
		d.Used, d.Tired = told.Used(), !slow.Stop()
		if err := send.Encode(wire.Reply{Done: d}); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		time.AfterFunc(restTime, debug.FreeOSMemory)
	}
	return nil
}
