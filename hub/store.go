package hub

import (
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Store is what the hub remembers from one run to the next. Losing it costs time, never
// correctness: everything in it follows from Git, from the bus and from what agents report. What it
// keeps is a secret at rest; an implementation encrypts it. What was decided on rollouts alone follows from nothing else:
// without it a change begins with the first wave again.
type Store interface {
	resolve.Memos
	Records

	// Save writes all of a batch, or nothing.
	Save(Batch) error
	// Collect removes every memo and every blob that is not to be kept, and says how many that were.
	Collect(keepMemo, keepBlob func(string) bool) (removed int, err error)
}

// Records gives what was published, and what is held, see Store.
type Records interface {
	// Clusters gives the last published record of every cluster.
	Clusters() (map[string]Record, error)
	// Holds gives the removals that wait for a person's approval.
	Holds() ([]query.Hold, error)
	// Rollouts gives what was decided on rollouts, by key; nil where it cannot be read, which is never left out.
	Rollouts() (map[string][]byte, error)
}

// Batch is what one turn of the loop has to remember.
type Batch struct {
	Memos   map[string][]byte
	Blobs   []model.Packed
	Records map[string]Record
	Forget  []string      // clusters whose Record is dropped
	Holds   *[]query.Hold // all there are; nil if nothing changed
	// Rollouts is what was decided on rollouts, by key; nil is a key that is dropped.
	Rollouts map[string][]byte
}

func (b *Batch) empty() bool {
	return len(b.Memos) == 0 && len(b.Blobs) == 0 && len(b.Records) == 0 && len(b.Forget) == 0 && b.Holds == nil && len(b.Rollouts) == 0
}

// Record is what was published for a cluster, and what was before. Of a cluster that nothing was published for since
// the store was lost, Bundle is empty.
type Record struct {
	Bundle  protocol.Bundle `json:"bundle"`
	Digest  string          `json:"digest"`
	Time    time.Time       `json:"time"`
	History []Past          `json:"history,omitempty"` // newest first, at most MaxHistory
	Retired []Retired       `json:"retired,omitempty"` // blobs that former bundles named, oldest first
	// PruneOnRemove is what the last cluster.yaml that could be read says is to be done when the folder goes.
	PruneOnRemove bool      `json:"pruneOnRemove,omitempty"`
	Released      time.Time `json:"released,omitzero"` // when the folder was seen to be gone; zero while it is there
	// Kubernetes is the version that the cluster's charts were rendered for; "" if none was reported, or there are no
	// charts. It spares them a render for another one while a hub that starts has not heard of the cluster yet.
	Kubernetes string `json:"kubernetes,omitempty"`
	APIs       string `json:"apis,omitempty"` // the same of what the API server serves: its APIsDigest
	// Deletions bounds what the agent may delete.
	Deletions release.Deletions `json:"deletions,omitzero"`
	// Waiting is newer content that waits for a person.
	Waiting release.Waiting `json:"waiting,omitzero"`
}

// released is what the gate has to know of a record.
func (r Record) released() release.Released {
	return release.Released{Bundle: r.Bundle, Digest: r.Digest, Deletions: r.Deletions, Waiting: r.Waiting}
}

// with is the record with what the gate has to know of it.
func (r Record) with(x release.Released) Record {
	r.Bundle, r.Deletions, r.Waiting = x.Bundle, x.Deletions, x.Waiting
	return r
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

// Retired is a blob that left a cluster's bundle. It is kept for keepGenerations more.
type Retired struct {
	Blob       string `json:"blob"`       // its id
	Generation uint64 `json:"generation"` // the last one that named it
}
