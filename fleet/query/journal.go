package query

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// Enter gives recent, the newest events of a journal, newest first, with e where it belongs by its number, and at most
// limit of them. An event that is there already is not entered twice. recent itself is not changed.
func Enter(recent []protocol.Event, e protocol.Event, limit int) []protocol.Event {
	at, there := slices.BinarySearchFunc(recent, e.Seq, func(known protocol.Event, seq uint64) int { return cmp.Compare(seq, known.Seq) })
	if there || at == limit {
		return recent
	}
	out := slices.Insert(slices.Clone(recent), at, e)
	return out[:min(len(out), limit)]
}

// Journal is Recent for people: with a line wherever events are missing between two that are there.
func (c Cluster) Journal() []protocol.Event {
	out := make([]protocol.Event, 0, len(c.Recent))
	now := c.keys()
	for i, e := range c.Recent {
		e.App = cmp.Or(now[e.App], e.App)
		out = append(out, e)
		if i+1 < len(c.Recent) && e.Prev > c.Recent[i+1].Seq {
			out = append(out, missing(c.Recent[i+1], e))
		}
	}
	return out
}

// manyMissing is more than an agent keeps: such a step between two numbers is not made by events, but by another agent
// that began to count from 1 again.
const manyMissing = 100_000

// missing tells of what is not known of between two events.
func missing(before, after protocol.Event) protocol.Event {
	what := "events are"
	switch n := after.Prev - before.Seq; {
	case n == 1:
		what = "1 event is"
	case n < manyMissing:
		what = fmt.Sprintf("%d events are", n)
	}
	return protocol.Event{Version: protocol.Version, Cluster: after.Cluster, Seq: after.Prev, Prev: before.Seq, Time: after.Time, Kind: protocol.EventMissing,
		Message: what + " missing here: the hub asks the agent for them when it is connected; the journal refuses " +
			"events of more than 64 KiB, which agents of older releases send"}
}
