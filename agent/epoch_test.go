package agent_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/protocol"
)

// A hub that another one has taken over from is refused, also after a restart; state without an epoch is that of before epochs.
func TestAnOlderEpochIsRefusedAndShown(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	if r := hub.Apply(t, hub.App(t, "web", configMap(ns, "web", "0"), configMap(ns, "more", "0"))); r.Epoch != 0 {
		t.Fatalf("a bundle without an epoch is reported as of epoch %d", r.Epoch)
	}
	running.Stop(t) // what is stored has no epoch
	running = agenttest.Start(t, cp, ns, hub)

	hub.Generation = 0 // of a hub that remembers nothing
	taken := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "1"), configMap(ns, "more", "1")))
	taken.Epoch = 2
	hub.Publish(t, taken)
	if r := hub.Healthy(t, taken); r.Epoch != 2 || r.Generation != 1 {
		t.Errorf("reported %d/%d", r.Epoch, r.Generation)
	}
	for _, restart := range []bool{false, true} {
		if restart {
			running.Stop(t)
			running = agenttest.Start(t, cp, ns, hub, func(c *deliver.Config) { c.Term = 7 })
		}
		hub.Generation = 99
		old := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "old")))
		old.Epoch = 1
		hub.Publish(t, old)
		r := hub.Report(t, "a refusal", func(r protocol.Report) bool {
			return r.Refused != nil && r.Refused.Generation == 100 && (r.Agent.Term == 7) == restart
		})
		if r.Epoch != 2 || r.Generation != 1 || !strings.Contains(r.Refused.Reason, "epoch 1") || !strings.Contains(r.Refused.Reason, "--take-over") {
			t.Errorf("restarted %t: at %d/%d refused with %q", restart, r.Epoch, r.Generation, r.Refused.Reason)
		}
		if got := still(t, cp, mapRef(ns, "web")).Text("data", "key"); got != "1" {
			t.Errorf("restarted %t: the cluster has %q", restart, got)
		}
		still(t, cp, mapRef(ns, "more"))
	}
	hub.Generation = 1
	next := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "2")))
	next.Epoch = 2
	hub.Publish(t, next)
	if r := hub.Healthy(t, next); r.Refused != nil {
		t.Errorf("a good bundle did not clear the refusal: %+v", r.Refused)
	}
	gone(t, cp, mapRef(ns, "more"))
}

// A bundle of an older epoch is signed and sealed as it should be: it is refused however it comes.
func TestABundleOfAnOlderEpochIsRefusedByPushAndByGet(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	taken := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "new")))
	taken.Epoch = 2
	hub.Publish(t, taken)
	hub.Healthy(t, taken)
	refused := func(how string, generation, term uint64) {
		t.Helper()
		r := hub.Report(t, "a refusal of what comes by "+how, func(r protocol.Report) bool {
			return r.Refused != nil && r.Refused.Generation == generation && r.Agent.Term == term
		})
		if r.Epoch != 2 || r.Generation != taken.Generation {
			t.Errorf("by %s: it is at %d/%d", how, r.Epoch, r.Generation)
		}
		if got := still(t, cp, mapRef(ns, "web")).Text("data", "key"); got != "new" {
			t.Errorf("by %s: the cluster has %q", how, got)
		}
	}
	hub.Generation = 500
	old := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "old")))
	old.Epoch = 1
	hub.Publish(t, old)
	refused("push", old.Generation, 0)
	running.Stop(t) // what it finds when it starts, it gets
	agenttest.Start(t, cp, ns, hub, func(c *deliver.Config) { c.Term = 9 })
	refused("Direct Get", old.Generation, 9)
}
