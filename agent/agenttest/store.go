package agenttest

import (
	"bytes"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
)

// StoreRaw stores anything where bundles are stored, and no subscriber hears of it: as with a message that the server
// routed before the agent subscribed, and stored after the agent asked.
func (h *Hub) StoreRaw(t testing.TB, data []byte) {
	t.Helper()
	const side = "unrouted"
	if _, err := h.js.StreamInfo(side); err != nil {
		if _, err := h.js.AddStream(&nats.StreamConfig{Name: side, Subjects: []string{side + ".*"}}); err != nil {
			t.Fatal(err)
		}
		info, err := h.js.StreamInfo("KV_" + protocol.BucketDesired)
		if err != nil {
			t.Fatal(err)
		}
		// What comes from another stream is stored and not routed.
		info.Config.Sources = []*nats.StreamSource{{Name: side, SubjectTransforms: []nats.SubjectTransformConfig{
			{Source: side + ".*", Destination: protocol.DesiredSubject("{{wildcard(1)}}")}}}}
		if _, err := h.js.UpdateStream(&info.Config); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.js.Publish(side+"."+h.Cluster, data); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := h.js.GetLastMsg("KV_"+protocol.BucketDesired, protocol.DesiredSubject(h.Cluster))
		if err == nil && bytes.Equal(m.Data, data) {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%q is not stored: %v", data, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Store signs and seals a bundle to the key that the agent has said, and stores it as StoreRaw does.
func (h *Hub) Store(t testing.TB, b protocol.Bundle) {
	t.Helper()
	envelope, err := protocol.SignBundle(b, h.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	open := h.joining.open
	h.mu.Unlock()
	sealed, err := protocol.Seal(open, h.Cluster, envelope)
	if err != nil {
		t.Fatal(err)
	}
	h.StoreRaw(t, sealed)
}

// Fetches counts how often the agent asks for its bundle from now on, on a channel.
func (h *Hub) Fetches(t testing.TB) <-chan *nats.Msg {
	t.Helper()
	c := make(chan *nats.Msg, 100)
	sub, err := h.nc.ChanSubscribe(protocol.DesiredGet(h.Cluster), c)
	if err == nil {
		err = h.nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	return c
}

// DropHellos deletes the stream that keeps the hellos, and KeepHellos makes it again.
func (h *Hub) DropHellos(t testing.TB) {
	t.Helper()
	if err := h.js.DeleteStream(protocol.StreamHello); err != nil {
		t.Fatal(err)
	}
}

// KeepHellos makes the stream that keeps the hellos.
func (h *Hub) KeepHellos(t testing.TB) {
	t.Helper()
	_, err := h.js.AddStream(&nats.StreamConfig{Name: protocol.StreamHello,
		Subjects: []string{protocol.HelloSubject(h.Cluster)}, MaxMsgsPerSubject: 1})
	if err != nil {
		t.Fatal(err)
	}
}

// KeptHello says whether the stream has a hello.
func (h *Hub) KeptHello() bool {
	_, err := h.js.GetLastMsg(protocol.StreamHello, protocol.HelloSubject(h.Cluster))
	return err == nil
}
