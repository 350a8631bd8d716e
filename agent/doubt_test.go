package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// alive says that none of the ConfigMaps is gone or being deleted.
func alive(t *testing.T, cp *testenv.ControlPlane, ns string, names ...string) {
	t.Helper()
	for _, name := range names {
		if live := still(t, cp, mapRef(ns, name)); live.Text("metadata", "deletionTimestamp") != "" {
			t.Errorf("%s is being deleted", name)
		}
	}
}

// An incomplete bundle deletes nothing at all: what left one app may have moved into an app that nobody knows yet.
func TestAnIncompleteBundlePrunesNothing(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "stay", "1"), configMap(ns, "moving", "1")))

	b := hub.Bundle(hub.App(t, "web", configMap(ns, "stay", "2")))
	b.Incomplete = "fleet/new.yaml:3: not YAML"
	hub.Publish(t, b)
	hub.Report(t, "what waits", func(r protocol.Report) bool {
		return r.Generation == b.Generation && strings.Contains(agenttest.AppOf(r, "web").Message, "fleet/new.yaml:3")
	})
	alive(t, cp, ns, "stay", "moving")

	uid := still(t, cp, mapRef(ns, "moving")).Text("metadata", "uid")
	hub.Apply(t, hub.App(t, "web", configMap(ns, "stay", "2")), hub.App(t, "new", configMap(ns, "moving", "1")))
	if got := still(t, cp, mapRef(ns, "moving")).Text("metadata", "uid"); got != uid {
		t.Errorf("the object that moved has another uid: %s, was %s", got, uid)
	}
}

// A hub that lost its store knows of an app only that its declaration cannot be read, and nothing at all of what that app declared. The
// agent knows both.
func TestTheAgentKeepsWhatAHubWithoutItsStoreCannotKnow(t *testing.T) {
	t.Parallel()
	cp, ns, hub, a := scene(t)
	parent, child := hub.App(t, "parent", configMap(ns, "parent", "1")), hub.App(t, "child", configMap(ns, "child", "1"))
	child.Parent = "parent"
	hub.Apply(t, parent, child)
	parent.Suspend = true
	// The declaration of the parent is suspended: what it declares is kept, although the bundle is complete without it.
	hub.Publish(t, hub.Bundle(parent))
	hub.Report(t, "child in doubt", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "child").Message, "the app parent, which declared it, is suspended")
	})
	alive(t, cp, ns, "child")

	// Nothing is known of the parent but an error: it stays suspended, also after a restart.
	b := hub.Bundle(protocol.App{Name: "parent", Prune: true, Error: "clusters/east-1/parent.yaml:2: not YAML"})
	hub.Publish(t, b)
	var started time.Time
	for range 2 {
		r := hub.Report(t, "parent", func(r protocol.Report) bool {
			return r.Generation == b.Generation && len(r.Apps) == 2 && r.Agent.Started.After(started)
		})
		started = r.Agent.Started
		if got := agenttest.PhaseOf(r, "parent"); got != protocol.PhaseSuspended {
			t.Errorf("the parent is %s, want suspended", got)
		}
		alive(t, cp, ns, "child")
		a.Stop(t)
		a = agenttest.Start(t, cp, ns, hub)
	}
}

// A frozen cluster stays frozen while nobody can read its cluster.yaml, even if the hub has lost its store and the agent restarts.
func TestAClusterStaysFrozenWhileItsFlagsAreUnknown(t *testing.T) {
	t.Parallel()
	cp, ns, hub, a := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "x", "1"), configMap(ns, "y", "1")))
	frozen := hub.Bundle(hub.App(t, "web", configMap(ns, "x", "1"), configMap(ns, "y", "1")))
	frozen.Suspend = true
	hub.Publish(t, frozen)
	hub.Report(t, "frozen", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseSuspended })

	unclear := hub.Bundle(hub.App(t, "web", configMap(ns, "x", "2"), configMap(ns, "new", "1")))
	unclear.FlagsUnknown = "clusters/east-1/cluster.yaml:1: not YAML"
	hub.Publish(t, unclear)
	var started time.Time
	for range 2 {
		r := hub.Report(t, "still frozen", func(r protocol.Report) bool {
			return r.Generation == unclear.Generation && r.Agent.Started.After(started) && r.Suspended && agenttest.PhaseOf(r, "web") == protocol.PhaseSuspended
		})
		started = r.Agent.Started
		alive(t, cp, ns, "x", "y")
		if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "new")); err == nil {
			t.Error("an object was created in a frozen cluster")
		}
		a.Stop(t)
		a = agenttest.Start(t, cp, ns, hub)
	}
}
