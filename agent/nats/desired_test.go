package nats_test

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// The server routes a message before its stream stores it. A session that begins in between hears nothing, and is told
// that there is no bundle, or is given the one before.
func TestABundleThatWasRoutedBeforeTheSessionIsFound(t *testing.T) {
	t.Parallel()
	t.Run("the first one", func(t *testing.T) {
		t.Parallel()
		hub := agenttest.NewHub(t, "east-1")
		fetches := hub.Fetches(t)
		h := hold(t, hub)
		h.holds(t, true)
		for range 2 { // when it asks again, the first answer was that there is none
			select {
			case <-fetches:
			case <-time.After(race.Patience(90 * time.Second)):
				t.Fatal("the session does not ask again for its bundle")
			}
		}
		hub.StoreRaw(t, []byte("one"))
		h.bundle(t, "one")
	})
	t.Run("a newer one", func(t *testing.T) {
		t.Parallel()
		hub := agenttest.NewHub(t, "east-1")
		hub.PublishRaw(t, []byte("one"))
		h := hold(t, hub)
		h.holds(t, true)
		h.bundle(t, "one")
		hub.StoreRaw(t, []byte("two"))
		h.bundle(t, "two")
	})
}

// Whatever was lost, the hub notices, and asks for a fetch. It may have missed the report, so the agent is told as
// well.
func TestTheHubAsksForAFetch(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	hub.PublishRaw(t, []byte("one"))
	h.bundle(t, "one")
	hub.StoreRaw(t, []byte("two"))
	hub.Ask(t, protocol.AskFetch)
	h.bundle(t, "two")
	if a := <-h.asks; a.Kind != protocol.AskFetch {
		t.Errorf("the agent is asked for %q", a.Kind)
	}
	hub.Ask(t, protocol.AskFetch)
	h.bundle(t, "two") // the agent may have lost it
	hub.PublishRaw(t, []byte("three"))
	h.bundle(t, "three")
}

// A hello that no stream took is said again: a hub that was restored learns from there who speaks for the cluster.
func TestAHelloIsSaidUntilItIsKept(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	hub.DropHellos(t)
	h := hold(t, hub)
	h.holds(t, true)
	hub.KeepHellos(t)
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); !hub.KeptHello(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the hello is lost")
		}
	}
}
