package streams

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/protocol"
)

func TestTheGuardKnowsWhatIsTheHubs(t *testing.T) {
	t.Parallel()
	const stream = "KV_" + protocol.BucketDesired
	g := NewGuard()
	if found, quiet := g.Compare(stream, 5, g.Writes()); !quiet || len(found) != 0 {
		t.Errorf("at the first look it finds %v, %t", found, quiet)
	}
	at := g.Writes()
	done := g.Begin()
	if _, quiet := g.Compare(stream, 6, at); quiet {
		t.Error("it looks while the hub writes")
	}
	g.Note(protocol.DesiredSubject("a"), &jetstream.PubAck{Stream: stream, Sequence: 6})
	done()
	if _, quiet := g.Compare(stream, 6, at); quiet {
		t.Error("it takes a look that began before the hub wrote")
	}
	if found, _ := g.Compare(stream, 8, g.Writes()); len(found) != 2 || found[0] != 7 || found[1] != 8 {
		t.Errorf("of 6, 7 and 8, of which 6 is the hub's, it finds %v", found)
	}
	if !g.Own(protocol.DesiredSubject("a"), 6) || g.Own(protocol.DesiredSubject("a"), 7) ||
		!g.Own(protocol.DesiredSubject("new"), 9) {
		t.Error("it does not know which bundle is the hub's")
	}
	g.Mark(protocol.DesiredSubject("a"))
	if g.Own(protocol.DesiredSubject("a"), 6) {
		t.Error("a subject that another client wrote to counts as the hub's")
	}
	g.Note(protocol.DesiredSubject("a"), &jetstream.PubAck{Stream: stream, Sequence: 9})
	if !g.Own(protocol.DesiredSubject("a"), 9) {
		t.Error("what the hub wrote there since is not its own")
	}
	g.Mark(protocol.BlobSubject("x", 1))
	if !g.Touched("x") || g.Touched("y") {
		t.Error("it does not know which blob was written to")
	}

	for _, c := range []struct {
		messages uint64
		drops    func()
		shrunk   bool
	}{
		{3, nil, false}, {3, nil, false}, {2, nil, true}, {2, nil, false},
		{1, func() { g.Dropping(); g.DropDone(stream, 1, nil) }, false},
		{1, nil, false},
	} {
		if c.drops != nil {
			c.drops()
		}
		if got := g.Shrunk(stream, c.messages, g.DropCount(), g.Writes()); got != c.shrunk {
			t.Errorf("with %d messages it has shrunk: %t", c.messages, got)
		}
	}
	if g.Shrunk(protocol.StreamJournal, 0, 0, 0) {
		t.Error("a stream of what agents say shrinks by itself")
	}
}

// Bundles that are written while messages are counted are not missing among those that were counted.
func TestBundlesThatAreWrittenMeanwhileAreNotMissing(t *testing.T) {
	t.Parallel()
	const stream = "KV_" + protocol.BucketDesired
	g := NewGuard()
	write := func(cluster string, sequence uint64) {
		done := g.Begin()
		g.Note(protocol.DesiredSubject(cluster), &jetstream.PubAck{Stream: stream, Sequence: sequence})
		done()
	}
	write("a", 1)
	at, drops, counted := g.Writes(), g.DropCount(), uint64(1)
	write("b", 2)
	if g.Shrunk(stream, counted, drops, at) {
		t.Error("a bundle that was written since is missing")
	}
	if done := g.Begin(); g.Shrunk(stream, counted, drops, g.Writes()) {
		t.Error("it is told while the hub writes")
	} else {
		done()
	}
	if !g.Shrunk(stream, counted, g.DropCount(), g.Writes()) {
		t.Error("a bundle that is missing is not told")
	}
}
