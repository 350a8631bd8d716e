package query

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func event(seq, prev uint64) protocol.Event {
	return protocol.Event{Seq: seq, Prev: prev, Kind: protocol.EventDrift, Message: fmt.Sprint(seq)}
}

func numbers(events []protocol.Event) string {
	var out []string
	for _, e := range events {
		if e.Kind == protocol.EventMissing {
			out = append(out, e.Message[:strings.Index(e.Message, " missing")])
			continue
		}
		out = append(out, fmt.Sprint(e.Seq))
	}
	return strings.Join(out, " ")
}

// In whatever order and however often they come, the newest are kept in order.
func TestEventsAreEnteredByTheirNumber(t *testing.T) {
	for range 100 {
		var recent []protocol.Event
		for range 3 {
			for _, i := range rand.Perm(9) {
				before := numbers(recent)
				next := Enter(recent, event(uint64(i+1), uint64(i)), 5)
				if numbers(recent) != before {
					t.Fatal("what was given to others was changed")
				}
				recent = next
			}
		}
		if got := numbers(recent); got != "9 8 7 6 5" {
			t.Fatalf("the newest are %s", got)
		}
	}
}

func TestWhatIsMissingIsALine(t *testing.T) {
	for name, c := range map[string]struct {
		events []protocol.Event
		want   string
	}{
		"nothing":                       {nil, ""},
		"all there":                     {[]protocol.Event{event(3, 2), event(2, 1), event(1, 0)}, "3 2 1"},
		"before the first":              {[]protocol.Event{event(9, 8)}, "9"},
		"one":                           {[]protocol.Event{event(3, 2), event(1, 0)}, "3 1 event is 1"},
		"three":                         {[]protocol.Event{event(9, 8), event(5, 4)}, "9 3 events are 5"},
		"nobody knows":                  {[]protocol.Event{event(9, 0), event(5, 4)}, "9 5"},
		"between two agents":            {[]protocol.Event{event(5_000_000, 4_999_999), event(5, 4)}, "5000000 events are 5"},
		"the second agent knew of less": {[]protocol.Event{event(100, 3), event(5, 4), event(4, 3)}, "100 5 4"},
	} {
		if got := numbers(Cluster{Recent: c.events}.Journal()); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
