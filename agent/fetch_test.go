package agent_test

import (
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// A hub that asks for a fetch may have missed the report: the agent reports again, though nothing changed, and takes
// what it missed.
func TestAnAgentThatIsAskedToFetchReports(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	before := hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	hub.Ask(t, protocol.AskFetch)
	after := hub.Report(t, "the same again", func(r protocol.Report) bool { return r.Seq > before.Seq })
	if after.Generation != before.Generation || after.Refused != nil {
		t.Errorf("it reports generation %d, refused %v", after.Generation, after.Refused)
	}
	missed := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "2")))
	hub.Store(t, missed)
	hub.Ask(t, protocol.AskFetch)
	hub.Healthy(t, missed)
}
