package nats_test

import (
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
)

// A hub whose keys were lost has others. The agent that joined the one before says what that is, instead of only trying
// again.
func TestAHubWithOtherKeysIsNamed(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHubWithServer(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	hub.ServeBy(t, agenttest.NewAuthority(t))
	h.holds(t, false)
	h.troubled(t, "bring them back with `drover hub restore`")
}
