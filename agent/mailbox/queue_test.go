package mailbox

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func TestSightingsOfOneObjectAreGathered(t *testing.T) {
	t.Parallel()
	sighting := func(kind agent.SightingKind, uid string, version uint64, outcome agent.Outcome) agent.Sighting {
		return agent.Sighting{Kind: kind, Live: agent.Live{Ref: protocol.ObjectRef{Kind: "Job", Name: "a"}, UID: uid, Version: version, Outcome: outcome}}
	}
	seen, gone := agent.SightObject, agent.SightGone
	for name, c := range map[string]struct {
		in   []agent.Sighting
		want []uint64 // versions that are told
	}{
		"the newest of many":            {[]agent.Sighting{sighting(seen, "1", 1, 0), sighting(seen, "1", 2, 0), sighting(seen, "1", 3, 0)}, []uint64{3}},
		"what came before it is gone":   {[]agent.Sighting{sighting(seen, "1", 1, 0), sighting(gone, "1", 2, 0)}, []uint64{1, 2}},
		"another one of the name":       {[]agent.Sighting{sighting(seen, "1", 1, 0), sighting(seen, "2", 2, 0)}, []uint64{1, 2}},
		"how it ended":                  {[]agent.Sighting{sighting(seen, "1", 1, 0), sighting(seen, "1", 2, agent.OutcomeCompleted), sighting(gone, "1", 3, 0)}, []uint64{2, 3}},
		"how it ended, though it is on": {[]agent.Sighting{sighting(seen, "1", 1, agent.OutcomeCompleted), sighting(seen, "1", 2, 0)}, []uint64{1, 2}},
		"an older one":                  {[]agent.Sighting{sighting(seen, "1", 2, 0), sighting(seen, "1", 1, 0)}, []uint64{2, 1}},
	} {
		q := NewQueue()
		for _, sg := range c.in {
			q.Sight(sg)
		}
		var got []uint64
		for _, m := range q.Take() {
			got = append(got, m.Sighting.Live.Version)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestMessagesKeepTheirOrderAndBound(t *testing.T) {
	t.Parallel()
	q := NewQueue()
	var got []int
	q.Put(func() { got = append(got, 1) })
	for i := range 1000 {
		q.Sight(agent.Sighting{Kind: agent.SightObject, Live: agent.Live{Version: uint64(i)}})
	}
	q.Put(func() { got = append(got, 2) })
	list := q.Take()
	if len(list) != 3 {
		t.Errorf("%d messages wait after a flood of sightings of one object", len(list))
	}
	if q.Close(); q.Put(func() {}) {
		t.Error("a closed queue takes a message")
	}
	for _, m := range list {
		if m.Do != nil {
			m.Do()
		}
	}
	if len(got) != 2 || got[0] != 1 {
		t.Errorf("done in the order %v", got)
	}
}

func TestAQueueIsNotClosedOverAMessage(t *testing.T) {
	t.Parallel()
	q := NewQueue()
	q.Put(func() {})
	if q.Close() {
		t.Error("a message was lost")
	}
	if q.Take(); !q.Close() {
		t.Error("it could not be closed")
	}
}
