package hub

import (
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Store is what the hub remembers from one run to the next. Losing it costs time, never
// correctness: everything in it follows from Git, from the bus and from what agents report. What it
// keeps is a secret at rest; an implementation encrypts it.
type Store interface {
	// Memo gives what was remembered under key, or nil.
	Memo(key string) ([]byte, error)
	// Blob gives the sealed blob of an id, or nil.
	Blob(id string) ([]byte, error)
	// Clusters gives the last published record of every cluster.
	Clusters() (map[string]Record, error)
	// Save writes all of a batch, or nothing.
	Save(Batch) error
}

// Batch is what one turn of the loop has to remember.
type Batch struct {
	Memos   map[string][]byte
	Blobs   []Packed
	Records map[string]Record
}

func (b *Batch) empty() bool { return len(b.Memos) == 0 && len(b.Blobs) == 0 && len(b.Records) == 0 }

// Record is what was published for a cluster, and what was before.
type Record struct {
	Bundle  protocol.Bundle `json:"bundle"`
	Digest  string          `json:"digest"`
	Time    time.Time       `json:"time"`
	History []Past          `json:"history,omitempty"` // newest first, at most MaxHistory
}

// MaxHistory is how many generations a Record remembers.
const MaxHistory = 50

// Past is one generation that was published.
type Past struct {
	Generation uint64            `json:"generation"`
	Revision   protocol.Revision `json:"revision"`
	Time       time.Time         `json:"time"`
	Digest     string            `json:"digest"`
}
