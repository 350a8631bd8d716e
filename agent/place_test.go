package agent_test

import (
	"context"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/protocol"
)

// elsewhere is the API server of a test as another cluster, into which etcd or a backup was restored with all that it
// holds.
type elsewhere struct {
	agent.Cluster
	uid string
}

func (e elsewhere) UID(context.Context) (string, error) { return e.uid, nil }

// in has an agent find itself in another cluster.
func in(uid string) func(*deliver.Config) {
	return func(c *deliver.Config) { c.Cluster = elsewhere{c.Cluster, uid} }
}

// holds waits until an agent reports that it holds, in the cluster with this uid.
func holds(t *testing.T, hub *agenttest.Hub, uid string) protocol.Report {
	t.Helper()
	return hub.Report(t, "an agent that holds in "+uid, func(r protocol.Report) bool {
		return r.Agent.ClusterUID == uid && len(r.Held) == 1 && r.Held[0].Kind == protocol.HoldIdentity
	})
}

// heldAgain asks an agent that holds for a fetch, twice, and waits for its reports: by then it has seen what was
// published before.
func heldAgain(t *testing.T, hub *agenttest.Hub) {
	t.Helper()
	for range 2 {
		before := hub.Report(t, "anything", func(protocol.Report) bool { return true }).Seq
		hub.Ask(t, protocol.AskFetch)
		hub.Report(t, "an agent that still holds", func(r protocol.Report) bool {
			return r.Seq > before &&
				len(r.Held) == 1
		})
	}
}

// A copy of the cluster, with its credential and the agent's state, applies nothing until the hub says that it is the
// cluster now. Then the first one does not.
func TestACopiedCredentialAppliesNothing(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	uid := r.Agent.ClusterUID
	if uid == "" || hub.Asked()[0].ClusterUID != uid {
		t.Fatalf("the cluster's uid is %q, and was %q when it joined", uid, hub.Asked()[0].ClusterUID)
	}
	first.Stop(t)

	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"drifted"}}`)
	unchanged := func(why string) {
		t.Helper()
		if o, err := cp.Kube().Get(t.Context(), mapRef(ns, "a")); err != nil || o.Field("data", "key") != "drifted" {
			t.Errorf("%s: %v, %v", why, o.Field("data", "key"), err)
		}
	}
	copied := agenttest.Start(t, cp, ns, hub, in("copy"))
	held := holds(t, hub, "copy").Held[0]
	for _, want := range []string{"uid copy here", "had " + uid, "drover cluster accept east-1",
		"drover cluster rotate east-1"} {
		if !strings.Contains(held.Message, want) {
			t.Errorf("%q does not say %q", held.Message, want)
		}
	}
	next := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "2")))
	next.ClusterUID = uid
	hub.Publish(t, next)
	hub.Ask(t, protocol.AskRenew) // which would end the credential of the first
	asked := len(hub.Asked())
	heldAgain(t, hub)
	unchanged("the copy applies")
	if got := len(hub.Asked()); got != asked {
		t.Error("the copy renews the credential")
	}

	accepted := hub.Bundle(next.Apps...) // the same apps
	accepted.ClusterUID = "copy"
	hub.Publish(t, accepted)
	hub.Healthy(t, accepted)
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "applied", is("2", "data", "key")); err != nil {
		t.Error(err)
	}
	copied.Stop(t)

	// The first one has not heard of it: its credential is in its own cluster, and says that it belongs there.
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"drifted"}}`)
	again := agenttest.Start(t, cp, ns, hub) // from the state of the copy: it holds at once
	holds(t, hub, uid)
	unchanged("the first one applies")
	again.Stop(t)
}

// An agent that runs when the hub decides for another cluster stops applying.
func TestABundleForAnotherClusterStopsTheAgent(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	b := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "2")))
	b.ClusterUID = "another"
	hub.Publish(t, b)
	holds(t, hub, r.Agent.ClusterUID)
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"drifted"}}`)
	old := hub.Bundle(b.Apps...)
	old.ClusterUID, old.Generation = r.Agent.ClusterUID, b.Generation // said again by whoever runs the bus: not newer
	hub.Publish(t, old)
	heldAgain(t, hub)
	if o, err := cp.Kube().Get(t.Context(), mapRef(ns, "a")); err != nil || o.Field("data", "key") != "drifted" {
		t.Fatalf("the agent applies: %v, %v", o.Field("data", "key"), err)
	}
	back := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "3")))
	back.ClusterUID = r.Agent.ClusterUID
	hub.Publish(t, back)
	hub.Healthy(t, back)
}
