package simulate

import (
	"bufio"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// NoteKind says what a Note tells of.
type NoteKind string

// The kinds of notes.
const (
	NoteOnline   NoteKind = "online"   // the session holds
	NoteOffline  NoteKind = "offline"  // it was lost, or closed
	NoteAccepted NoteKind = "accepted" // a bundle was verified and taken
	NoteRefused  NoteKind = "refused"  // a bundle was not, and why
	NoteSettled  NoteKind = "settled"  // it is about to be reported that nothing is on its way
	NoteOrder    NoteKind = "order"    // an order is in force
)

// Note is something that a simulated agent did or saw, as a line of JSON.
type Note struct {
	Time       time.Time         `json:"time"`
	Kind       NoteKind          `json:"kind"`
	Cluster    string            `json:"cluster,omitempty"`
	Epoch      uint64            `json:"epoch,omitempty"`
	Generation uint64            `json:"generation,omitempty"`
	Revision   string            `json:"revision,omitempty"` // commit of the bundle
	Apps       map[string]string `json:"apps,omitempty"`     // of an accepted bundle: their digests
	Bytes      int               `json:"bytes,omitempty"`    // of it, as it came
	Bad        string            `json:"bad,omitempty"`      // of a settled one: apps that are not healthy
	Message    string            `json:"message,omitempty"`  // of an order: the order; of a refusal: why
}

// flushGap is how long a note may wait for others before it is written.
const flushGap = 20 * time.Millisecond

// notes writes notes. It is safe for concurrent use; one without a writer writes none.
type notes struct {
	mu    sync.Mutex // guards what follows
	w     *bufio.Writer
	timer *time.Timer // runs while there is something to flush
}

func newNotes(w io.Writer) *notes {
	if w == nil {
		return &notes{}
	}
	return &notes{w: bufio.NewWriterSize(w, 64<<10)}
}

func (n *notes) write(note Note) {
	if n.w == nil {
		return
	}
	data, err := json.Marshal(note)
	if err != nil {
		return // plain data: cannot happen
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = n.w.Write(append(data, '\n')) // a reader that has gone needs none
	if n.timer == nil {
		n.timer = time.AfterFunc(flushGap, n.flush)
	}
}

func (n *notes) flush() {
	if n.w == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timer = nil
	_ = n.w.Flush() // as above
}
