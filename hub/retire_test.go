package hub

import (
	"log/slog"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// A hub that has yet to learn what somebody else published removes nothing from the bus.
func TestOnlyAHubThatKnowsAllBundlesRemovesBlobs(t *testing.T) {
	t.Parallel()
	l := &ledger{map[string]Record{"a": {Bundle: protocol.Bundle{Generation: 3}}}}
	for name, c := range map[string]struct {
		floors map[string]uint64
		want   bool
	}{
		"nothing else":              {nil, true},
		"published above it since":  {map[string]uint64{"a": 2}, true},
		"an unknown generation":     {map[string]uint64{"a": 4}, false},
		"a cluster that is unknown": {map[string]uint64{"b": 1}, false},
	} {
		n := newNumbers(l, slog.New(slog.DiscardHandler))
		for cluster, floor := range c.floors {
			n.raise(cluster, floor)
		}
		if n.complete() != c.want {
			t.Errorf("%s: %t", name, !c.want)
		}
	}
	if f := (&fence{}); f.open() {
		t.Error("a hub that has decided nothing publishes")
	}
}

// retire keeps what former bundles named for some generations, and nothing that is named again.
func TestRetiredBlobsAreKeptForSomeGenerations(t *testing.T) {
	t.Parallel()
	blob := func(key string) *protocol.Blob { return &protocol.Blob{Key: []byte(key)} }
	bundle := func(generation uint64, key string) protocol.Bundle {
		return protocol.Bundle{Generation: generation, Apps: []protocol.App{{Name: "web", Blob: blob(key)}}}
	}
	r := Record{Bundle: bundle(1, "one")}
	for i := range uint64(3 * keepGenerations) {
		next := bundle(i+2, string(rune('a'+i)))
		r.Retired = retire(r, next)
		r.Bundle = next
	}
	if n := len(r.Retired); n != keepGenerations {
		t.Errorf("%d are kept, want %d", n, keepGenerations)
	}
	again := r.Retired[0]
	for i := range uint64(3 * keepGenerations) {
		if key := string(rune('a' + i)); blob(key).ID() == again.Blob {
			for _, old := range retire(r, bundle(r.Bundle.Generation+1, key)) {
				if old.Blob == again.Blob {
					t.Error("what is named again is among those that are not")
				}
			}
			return
		}
	}
	t.Error("the oldest that is kept was never named")
}
