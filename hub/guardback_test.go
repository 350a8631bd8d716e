package hub_test

import (
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// What is still missing when fleet/ is back left Git by itself: it is judged as any other deletion.
func TestAHoldBecauseFleetIsGoneEndsWithFleetBeingBack(t *testing.T) {
	t.Parallel()
	r := newGuarded(t)
	before := r.await("a", "published", published)
	r.accept("a", before, appNames(before)...)
	r.until("it is heard", func() bool { return r.row("a").Synced })
	r.write(map[string]string{"fleet": ""})
	r.push("fleet is gone", map[string]string{"README.md": "x\n"})
	r.until("agent is held", func() bool { return len(r.hub.State().Source().Held) == 1 })
	r.push("fleet is back with less", map[string]string{"fleet/agent.yaml": fleetApp("prod", ""), "apps/prod/config.yaml": configMapsOf("agent", 0, 4)})
	b := r.await("a", "the app is back", func(b protocol.Bundle) bool { return appOf(b, "agent") != nil })
	if held := r.hub.State().Source().Held; len(held) != 0 {
		t.Errorf("held are %+v", held)
	}
	if got := b.Deletions.Permitted("agent"); got != 1 {
		t.Errorf("%d deletions of the app are permitted, want 1", got)
	}
}
