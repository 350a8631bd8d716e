package nats_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// held is a session and what it was told.
type held struct {
	*nats.Session
	id        *credential.Identity
	vault     *vault
	bundles   chan []byte
	connected chan bool
	asks      chan protocol.Ask
	stop      func()
}

// hold has a session join and run until the test ends.
func hold(t *testing.T, hub *agenttest.Hub) *held {
	t.Helper()
	return resume(t, &vault{}, hub.TokenFile(t))
}

// resume has a session run with what is in a vault, until the test ends or it is stopped.
func resume(t *testing.T, v *vault, token string) *held {
	t.Helper()
	log := agenttest.Log(t)
	h := &held{id: credential.NewIdentity(v, log), vault: v, bundles: make(chan []byte, 100), connected: make(chan bool, 100), asks: make(chan protocol.Ask, 100)}
	if err := h.id.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Session = nats.New(nats.Config{Identity: h.id, TokenFile: token, Look: 20 * time.Millisecond, Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := h.Join(ctx)
		if err == nil {
			err = h.Run(ctx, func(b []byte) { h.bundles <- b }, func(yes bool) { h.connected <- yes }, func(a protocol.Ask) { h.asks <- a })
		}
		done <- err
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the session ended with %v", err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// vault keeps an identity in memory.
type vault struct {
	mu                  sync.Mutex // guards what follows
	credential, pending []byte
	saves               int
	fail                func(saves int) error // told how many saves there were before
}

func (v *vault) Load(context.Context) (credential, pending []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.credential, v.pending, nil
}

func (v *vault) Save(_ context.Context, credential, pending []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail != nil {
		if err := v.fail(v.saves); err != nil {
			return err
		}
	}
	v.credential, v.pending = credential, pending
	v.saves++
	return nil
}

// copy is a vault with the same in it.
func (v *vault) copy() *vault {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &vault{credential: v.credential, pending: v.pending}
}

func (h *held) bundle(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-h.bundles:
		if string(got) != want {
			t.Fatalf("got bundle %q, want %q", got, want)
		}
	case <-time.After(race.Patience(90 * time.Second)):
		t.Fatalf("timed out waiting for bundle %q", want)
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
		case <-time.After(race.Patience(90 * time.Second)):
			t.Fatalf("timed out waiting for the session to hold: %t", want)
		}
	}
}

func TestBundlesArriveAtOnceAndAfterConnecting(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHubWithServer(t, "east-1")
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
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	hub.PublishRaw(t, []byte("first"))
	h.bundle(t, "first")
}

func TestWhatIsAwayIsOffline(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHubWithServer(t, "east-1")
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
