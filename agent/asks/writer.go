package asks

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/drover-dev/drover/protocol"
)

// writer makes parts of what is written to it. It is safe for concurrent use.
type writer struct {
	cluster, id string
	send        func(part []byte) error

	mu    sync.Mutex // guards what follows
	part  int
	bytes int
	data  []byte
	cut   string
	full  bool
	ended bool
}

// Write implements io.Writer. A write that would make the answer too large is left out, and so is all after it.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full = w.full || w.bytes+len(p) > protocol.MaxAnswer; w.full {
		w.leaveOut(fmt.Sprintf("an answer has %d MiB at most, and the rest was left out: ask for less",
			protocol.MaxAnswer>>20))
		return 0, errFull
	}
	w.bytes += len(p)
	for rest := p; len(rest) > 0; {
		n := min(len(rest), protocol.MaxAnswerPart-len(w.data))
		w.data, rest = append(w.data, rest[:n]...), rest[n:]
		if len(w.data) == protocol.MaxAnswerPart {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

// line writes a value as a line of JSON.
func (w *writer) line(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// Flush sends what was written.
func (w *writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.data) == 0 {
		return nil
	}
	return w.flush()
}

// flush sends what was written. w.mu is held.
func (w *writer) flush() error {
	return w.sendPart(protocol.Answer{Data: w.data})
}

// sendPart sends the next part. w.mu is held.
func (w *writer) sendPart(a protocol.Answer) error {
	if w.ended {
		return errFull
	}
	a.Version, a.Cluster, a.ID, a.Part = protocol.Version, w.cluster, w.id, w.part
	payload, err := json.Marshal(a)
	if err != nil {
		return err
	}
	w.part++
	w.data, w.ended = w.data[:0], a.Last
	return w.send(payload)
}

// begin sends a part without data: the hub then knows that the question was heard, however long reading takes.
func (w *writer) begin() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// leaveOutOf says that something was left out of the answer.
func (w *writer) leaveOutOf(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leaveOut(text)
}

// leaveOut is leaveOutOf. w.mu is held.
func (w *writer) leaveOut(text string) {
	if w.cut == "" {
		w.cut = text
	}
}

// end sends the last part.
func (w *writer) end(reason protocol.AnswerReason, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sendPart(protocol.Answer{Data: w.data, Last: true, Reason: reason, Message: brief(message), Cut: brief(
		w.cut)})
}
