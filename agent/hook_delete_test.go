package agent_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

func TestDeleteHooksFrameTheEndOfAnApp(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
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
		return strings.Contains(agenttest.AppOf(r, "shop").Message, "removed from Git: PreDelete: Job/"+ns+"/backup: ")
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

// TestAnAppThatGoesOnUnderAnotherNameDoesNoDeleteHooks: nothing of it is deleted, so nothing is to be done before or after that.
func TestAnAppThatGoesOnUnderAnotherNameDoesNoDeleteHooks(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	all := []string{hookJob(ns, "backup", "PreDelete", works), hookJob(ns, "goodbye", "PostDelete", works), configMap(ns, "settings", "1"), configMap(ns, "more", "1")}
	other := hub.App(t, "other", configMap(ns, "other", "1"))
	hub.Apply(t, hub.App(t, "shop", all...), other)
	before := still(t, cp, mapRef(ns, "settings"))
	renamed := hub.App(t, "shop-4f1d", all...)
	hub.Apply(t, renamed, other)
	hub.Report(t, "two apps", func(r protocol.Report) bool { return len(r.Apps) == 2 })
	if now := still(t, cp, mapRef(ns, "settings")); now.Text("metadata", "uid") != before.Text("metadata", "uid") {
		t.Error("the object was made again")
	}
	// All objects are taken over without the hooks, and then the hooks without one of the objects.
	plain := hub.App(t, "plain", all[2:]...)
	hub.Apply(t, plain, other)
	hub.Report(t, "the plain app", func(r protocol.Report) bool {
		return len(r.Apps) == 2 && agenttest.PhaseOf(r, "plain") == protocol.PhaseHealthy
	})
	hub.Apply(t, hub.App(t, "shop", all...), other)
	hub.Apply(t, hub.App(t, "less", all[:3]...), other)
	gone(t, cp, mapRef(ns, "more"))
	hub.Report(t, "less", func(r protocol.Report) bool {
		return len(r.Apps) == 2 && agenttest.PhaseOf(r, "less") == protocol.PhaseHealthy
	})
	if n := starts(hub, "backup") + starts(hub, "goodbye"); n != 0 {
		t.Errorf("%d hooks for deletes were done", n)
	}
	hub.Apply(t, other)
	gone(t, cp, mapRef(ns, "settings"))
	hub.Report(t, "one app", func(r protocol.Report) bool { return len(r.Apps) == 1 })
	if starts(hub, "backup") != 1 || starts(hub, "goodbye") != 1 {
		t.Errorf("when it was removed, the hooks were begun %d and %d times", starts(hub, "backup"), starts(hub, "goodbye"))
	}
}

// TestAppComesBackWhileAHookOfItsRemovalRuns: nothing of it is deleted, whenever it comes back, and it goes on as before.
func TestAppComesBackWhileAHookOfItsRemovalRuns(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	shop := hub.App(t, "shop", hookJob(ns, "backup", "PreDelete", hangs), hookJob(ns, "goodbye", "PostDelete", works), configMap(ns, "settings", "1"))
	other := hub.App(t, "other", configMap(ns, "other", "1"))
	hub.Apply(t, shop, other)
	before := still(t, cp, mapRef(ns, "settings"))
	for range 3 {
		hub.Publish(t, hub.Bundle(other))
		hub.Report(t, "the wait for the hook", func(r protocol.Report) bool {
			return strings.Contains(agenttest.AppOf(r, "shop").Message, "removed from Git: PreDelete: Job/"+ns+"/backup: ")
		})
		hub.Apply(t, shop, other)
	}
	if now := still(t, cp, mapRef(ns, "settings")); now.Text("metadata", "uid") != before.Text("metadata", "uid") {
		t.Error("the object was deleted and created again")
	}
	if n := len(hub.Events(protocol.EventPruned)); n != 0 || starts(hub, "goodbye") != 0 {
		t.Errorf("%d objects were deleted, and the last hook was begun %d times", n, starts(hub, "goodbye"))
	}
}
