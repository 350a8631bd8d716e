package hub

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

var morning = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)

// Leaders on nodes whose clocks differ by hours: what counts is the term, not the time.
func TestReportsAreOrderedByTermAndNumber(t *testing.T) {
	t.Parallel()
	report := func(identity string, term, seq uint64, started, at time.Duration) protocol.Report {
		return protocol.Report{Seq: seq, Time: morning.Add(at), Agent: protocol.Agent{Identity: identity, Started: morning.Add(started), Term: term}}
	}
	ahead := report("ahead", 4, 9, 3*time.Hour, 3*time.Hour)
	oldAhead := report("ahead", 0, 9, 3*time.Hour, 3*time.Hour)
	for name, tt := range map[string]struct {
		last, next protocol.Report
		drop       bool
	}{
		"the next of the same process":         {ahead, report("ahead", 4, 10, 3*time.Hour, 3*time.Hour), false},
		"its clock was set back":               {ahead, report("ahead", 4, 10, 3*time.Hour, 0), false},
		"the same again":                       {ahead, ahead, false},
		"one before, said again":               {ahead, report("ahead", 4, 8, 3*time.Hour, 3*time.Hour), true},
		"a next leader whose clock is behind":  {ahead, report("behind", 5, 1, 0, 0), false},
		"the leader before, late":              {report("behind", 5, 1, 0, 0), ahead, true},
		"the same pod leads again":             {ahead, report("ahead", 6, 1, 0, 0), false},
		"an old agent, whose clock is behind":  {oldAhead, report("behind", 0, 1, 0, 0), false},
		"an old agent after one with terms":    {ahead, report("behind", 0, 1, 0, 0), false},
		"an agent with terms after an old one": {oldAhead, report("behind", 1, 1, 0, 0), false},
	} {
		if got := overtaken(&tt.last, tt.next); got != tt.drop {
			t.Errorf("%s: dropped is %t", name, got)
		}
	}
	if overtaken(nil, ahead) {
		t.Error("the first report is dropped")
	}
}
