package agent_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestDeleteHooksFrameTheEndOfAnApp(t *testing.T) {
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	first := agenttest.Start(t, cp, ns, hub)
	shop := func(command string) protocol.App {
		return hub.App(t, "shop", hookJob(ns, "backup", "PreDelete", command), hookJob(ns, "goodbye", "PostDelete", works), hookJob(ns, "warm", "PostSync", works),
			configMap(ns, "settings", "1"))
	}
	other := hub.App(t, "other", configMap(ns, "other", "1"))
	hub.Apply(t, shop(fails), other)
	if starts(hub, "backup")+starts(hub, "goodbye") != 0 {
		t.Error("hooks for deletes were done in a delivery")
	}
	hub.Publish(t, hub.Bundle(other))
	r := hub.Report(t, "the failed hook", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	if got := agenttest.AppOf(r, "shop").Message; !strings.Contains(got, "PreDelete: Job/"+ns+"/backup failed") || !strings.Contains(got, "put it back into Git") {
		t.Errorf("the app says %q", got)
	}
	still(t, cp, mapRef(ns, "settings"))
	hub.Apply(t, shop(hangs), other)
	hub.Publish(t, hub.Bundle(other))
	hub.Report(t, "the wait for the hook", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "shop").Message, "it left Git: PreDelete: Job/"+ns+"/backup: ")
	})
	first.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	hub.Nth(t, protocol.EventStarted, 1)
	still(t, cp, mapRef(ns, "settings"))
	hub.Apply(t, shop(works), other)
	hub.Apply(t, other)
	gone(t, cp, mapRef(ns, "settings"))
	hub.Report(t, "no shop", func(r protocol.Report) bool { return len(r.Apps) == 1 })
	for _, name := range []string{"backup", "goodbye", "warm"} {
		gone(t, cp, jobRef(ns, name))
	}
	if n := starts(hub, "goodbye"); n != 1 {
		t.Errorf("the last hook was begun %d times, want once", n)
	}
}
