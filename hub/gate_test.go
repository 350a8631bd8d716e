package hub

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// What the gate holds until a time is decided again then, without anything else that happens.
func TestTheGateDecidesAgainWhenItIsTime(t *testing.T) {
	t.Parallel()
	f := newFreshness(Settings{Log: slog.New(slog.DiscardHandler)}, newState(""), &fence{self: protocol.Presence{State: protocol.HubActive}},
		&ledger{map[string]Record{}})
	f.hold("never", time.Time{})
	if at := f.due(); !at.IsZero() || len(f.ready()) > 0 {
		t.Errorf("with nothing to wait for it is due at %s", at)
	}
	soon, later := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	f.hold("a", later)
	f.hold("b", soon)
	if at := f.due(); !at.Equal(soon) {
		t.Errorf("it is due at %s, want %s", at, soon)
	}
	if got := f.ready(); len(got) > 0 {
		t.Errorf("an hour before it is decided for %q", got)
	}
	f.hold("c", time.Now())
	if got := f.ready(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("it is decided for %q", got)
	}
	if at := f.due(); !at.Equal(soon) {
		t.Errorf("then it is due at %s, want %s", at, soon)
	}
}
