package nats

import (
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// standby connects a hub that does nothing for the fleet yet.
func (e *external) standby(name string) *Bus {
	e.t.Helper()
	b := must(Connect(Options{URL: e.url(name), CA: e.keys.CA(), Standby: true, Keys: e.keys, IDs: e.ids, Log: testLog(e.t)}))
	e.t.Cleanup(b.Close)
	until(e.t, "it is connected", func() bool { return b.conn.IsConnected() && b.peers.conn.IsConnected() })
	return b
}

func presence(instance string) protocol.Presence {
	return protocol.Presence{Instance: instance, Epoch: 3, State: protocol.HubActive, Started: time.Now()}
}

func TestHubsFindEachOther(t *testing.T) {
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "n0", Host: "127.0.0.1"}}})
	first := e.standby("n0")
	if err := first.Put(t.Context(), nil, nil); !errors.Is(err, hub.ErrUnmet) {
		t.Errorf("before it has asked for others it publishes: %v", err)
	}
	begin := time.Now()
	others, err := first.Meet(t.Context(), presence("first"))
	if err != nil || len(others) != 0 {
		t.Fatalf("alone it meets %+v, %v", others, err)
	}
	if took := time.Since(begin); took > peerTimeout/2 {
		t.Errorf("to find nobody takes %s", took)
	}

	var told []protocol.Presence
	heard := make(chan protocol.Presence, 10)
	first.peers.hear(func(p protocol.Presence) { heard <- p })
	second := e.standby("n0")
	if others, err = second.Meet(t.Context(), presence("second")); err != nil || len(others) != 1 {
		t.Fatalf("the second meets %+v, %v", others, err)
	}
	if o := others[0]; o.Instance != "first" || o.Epoch != 3 || o.State != protocol.HubActive {
		t.Errorf("the first says %+v", o)
	}
	told = append(told, <-heard)
	if told[0].Instance != "second" {
		t.Errorf("the first is told of %+v", told)
	}

	// What anybody else on the bus says is nothing.
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	forged := presence("forged")
	forged.Version, forged.Fleet, forged.Nonce = protocol.Version, first.account, "x"
	for _, data := range [][]byte{[]byte("noise"), must(protocol.SignMessage(forged, stranger)), must(protocol.SignMessage(forged, e.keys.Signers...))} {
		m, err := second.peers.conn.Request(protocol.HubSubject, data, 200*time.Millisecond)
		if err == nil {
			t.Errorf("a forged question is answered: %s", m.Data)
		}
	}
	select {
	case p := <-heard:
		t.Errorf("the first is told of %+v", p)
	default:
	}
	agent := e.agent(e.join(), "n0")
	if m, err := agent.Request(protocol.HubSubject, []byte("x"), 200*time.Millisecond); err == nil {
		t.Errorf("an agent is answered: %s", m.Data)
	}
}

// A hub that stands back leaves the servers as they are: its list of revoked credentials may be older, and its flags
// others.
func TestAHubThatStandsBackLeavesTheServersAsTheyAre(t *testing.T) {
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "n0", Host: "127.0.0.1"}}})
	b := e.standby("n0")
	has, err := b.Holdings(t.Context())
	if err != nil || len(has.Generations) != 0 {
		t.Errorf("on an empty server it has %+v, %v", has, err)
	}
	if _, err := b.JetStream().Stream(t.Context(), "KV_"+protocol.BucketDesired); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("it made a bucket: %v", err)
	}
	if err := b.Ask(t.Context(), "a", protocol.Ask{}); !errors.Is(err, hub.ErrStandsBack) {
		t.Errorf("it asks agents: %v", err)
	}
	user := e.join()
	c := e.agent(user, "n0")
	gone := make(chan struct{})
	c.SetDisconnectErrHandler(nil)
	go func() {
		for c.IsConnected() {
			time.Sleep(10 * time.Millisecond)
		}
		close(gone)
	}()
	if err := e.ids.Revoke("a"); err != nil { // which tells no server: nobody has said how
		t.Fatal(err)
	}
	if err := b.Revoke(e.ids.Revoked()); err != nil {
		t.Error(err)
	}
	select {
	case <-gone:
		t.Fatal("it cut off a credential")
	case <-time.After(300 * time.Millisecond):
	}
	b.Serve(true, 0)
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("when it acts it does not cut off what was revoked")
	}
	if _, err := b.Holdings(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := b.JetStream().Stream(t.Context(), "KV_"+protocol.BucketDesired); err != nil {
		t.Errorf("when it acts there is no bucket: %v", err)
	}
}
