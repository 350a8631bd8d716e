package nats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/nats"
)

// held is a session and what it was told.
type held struct {
	*nats.Session
	bundles   chan []byte
	connected chan bool
}

func hold(t *testing.T, hub *agenttest.Hub) *held {
	t.Helper()
	h := &held{nats.New(hub.Credential, agenttest.Log(t)), make(chan []byte, 100), make(chan bool, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- h.Run(ctx, func(b []byte) { h.bundles <- b }, func(yes bool) { h.connected <- yes })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the session ended with %v", err)
		}
	})
	return h
}

func (h *held) bundle(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-h.bundles:
		if string(got) != want {
			t.Fatalf("got bundle %q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("waited in vain for bundle %q", want)
	}
}

func (h *held) holds(t *testing.T, want bool) {
	t.Helper()
	for {
		select {
		case got := <-h.connected:
			if got == want {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("waited in vain for the session to hold: %t", want)
		}
	}
}

func TestBundlesArriveAtOnceAndAfterConnecting(t *testing.T) {
	hub := agenttest.NewHub(t, "east-1")
	hub.PublishRaw(t, []byte("one"))
	h := hold(t, hub)
	h.holds(t, true)
	h.bundle(t, "one")
	hub.PublishRaw(t, []byte("two"))
	h.bundle(t, "two")
	hub.DeleteBundle(t)
	hub.PublishRaw(t, nil)
	hub.PublishRaw(t, []byte("three"))
	h.bundle(t, "three") // and nothing for what says only that something was deleted
	if err := hub.NATS.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.holds(t, false)
	h.holds(t, true)
	h.bundle(t, "three")
}

func TestNoBundleIsNoError(t *testing.T) {
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	hub.PublishRaw(t, []byte("first"))
	h.bundle(t, "first")
}

func TestWhatIsAwayIsOffline(t *testing.T) {
	hub := agenttest.NewHub(t, "east-1")
	blob := hub.Blob(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`)
	h := hold(t, hub)
	h.holds(t, true)
	if data, err := h.Chunk(t.Context(), blob.ID(), 0); err != nil || len(data) == 0 {
		t.Errorf("the blob is %d bytes (%v)", len(data), err)
	}
	if _, err := h.Chunk(t.Context(), blob.ID(), 1); err == nil || errors.Is(err, agent.ErrOffline) {
		t.Errorf("a chunk that nobody stored: %v", err)
	}
	if err := h.Record(t.Context(), nil); err != nil {
		t.Error(err)
	}
	hub.NATS.Kill()
	h.holds(t, false)
	if _, err := h.Chunk(t.Context(), blob.ID(), 0); !errors.Is(err, agent.ErrOffline) {
		t.Errorf("a chunk with the hub away: %v", err)
	}
	if err := h.Report(t.Context(), []byte("{}")); !errors.Is(err, agent.ErrOffline) {
		t.Errorf("a report with the hub away: %v", err)
	}
}
