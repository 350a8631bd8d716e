package app

import (
	"sync"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

// Journal is where events of the session are recorded.
type Journal struct {
	Out   *report.Outbox
	Board *board.Board[*App]
}

// Record puts an event into the journal.
func (j Journal) Record(e protocol.Event) {
	if e.Generation == 0 {
		acc, _ := j.Board.Current()
		e.Generation = acc.Bundle.Generation
	}
	if of, there := j.Board.Entry(e.App); there && e.Revision == "" {
		e.Revision = of.Facts.Status.Applied
	}
	j.Out.Record(e)
}

// Changed has a report made.
func (j Journal) Changed(urgent bool) { j.Out.Changed(urgent) }

// Notes are what is to be reported of the session beside its apps.
type Notes struct {
	mu      sync.Mutex // guards what follows
	Refused *protocol.Refusal
	Message string
	Drift   protocol.Drift
	Version string // what the report says of the agent's version
}

// With reads or changes them.
func (n *Notes) With(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// corrected counts a drift that was corrected, or takes down the last one that was.
func (n *Notes) corrected(last *protocol.Event) {
	n.With(func() {
		if last == nil {
			n.Drift.Corrected++
		} else {
			n.Drift.Last = last
		}
	})
}
