package deliver

import (
	"sync"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

// journal is where events of the session are recorded.
type journal struct {
	out   *report.Outbox
	board *board.Board[*app]
}

// Record puts an event into the journal.
func (j journal) Record(e protocol.Event) {
	if e.Generation == 0 {
		acc, _ := j.board.Current()
		e.Generation = acc.Bundle.Generation
	}
	if of, there := j.board.Entry(e.App); there && e.Revision == "" {
		e.Revision = of.Facts.Status.Applied
	}
	j.out.Record(e)
}

// Changed has a report made.
func (j journal) Changed(urgent bool) { j.out.Changed(urgent) }

// notes are what is to be reported of the session beside its apps.
type notes struct {
	mu      sync.Mutex // guards what follows
	refused *protocol.Refusal
	message string
	drift   protocol.Drift
	version string // what the report says of the agent's version
}

// with reads or changes them.
func (n *notes) with(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}
