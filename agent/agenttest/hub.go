package agenttest

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Hub is what an agent sees of a hub.
type Hub struct {
	Cluster    string
	NATS       *testenv.NATS        // of a hub with a server of its own
	Keys       []ed25519.PrivateKey // sign bundles, grants and asks
	Generation uint64               // of the last bundle

	bus     *account
	nc      *nats.Conn
	js      nats.JetStreamContext
	secret  []byte
	private []byte // X25519, opens what agents say

	publishing sync.Mutex // held from reading or setting desired until it is published; taken before mu

	mu       sync.Mutex // guards what follows
	moved    chan struct{}
	reports  []protocol.Report
	reported []byte          // the last report as it came
	heard    map[string]bool // the events as they came
	events   []protocol.Event
	trust    protocol.Trust
	joining  joining
	desired  []byte // the last bundle's envelope
	epoch    uint64 // of the last bundle, and of asks and grants
}

// NewHub makes a hub in an account of its own of the nats-server that all tests share, with the buckets. The agents of
// cluster can join. A test that stops, restarts or reconfigures the server wants NewHubWithServer.
func NewHub(t testing.TB, cluster string) *Hub {
	t.Helper()
	return newHub(t, cluster, commonServer(t), nats.MemoryStorage)
}

// NewHubWithServer is NewHub with a nats-server of the hub's own.
func NewHubWithServer(t testing.TB, cluster string) *Hub {
	t.Helper()
	s := ownServer(t)
	h := newHub(t, cluster, s, nats.FileStorage)
	h.NATS = s.NATS
	return h
}

func newHub(t testing.TB, cluster string, s *server, storage nats.StorageType) *Hub {
	t.Helper()
	h := &Hub{Cluster: cluster, secret: []byte(rand.Text() + rand.Text()), moved: make(chan struct{}), heard: map[string]bool{},
		bus: s.newAccount(t), joining: newJoining()}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.Keys = []ed25519.PrivateKey{private}
	h.trust = protocol.Trust{CA: s.authority.PEM, HubKeys: [][]byte{public}, Servers: []string{s.url()}}
	if h.private, h.trust.HubOpen, err = protocol.HubOpenKey(h.secret); err != nil {
		t.Fatal(err)
	}
	h.connect(t)
	for _, bucket := range [...]string{protocol.BucketDesired, protocol.BucketBlobs, protocol.BucketReport} {
		_, err := h.js.AddStream(&nats.StreamConfig{Name: "KV_" + bucket, Subjects: []string{"$KV." + bucket + ".>"},
			Storage: storage, MaxMsgsPerSubject: 1, AllowDirect: true, AllowRollup: true, Discard: nats.DiscardNew})
		if err != nil {
			t.Fatalf("make bucket %s: %v", bucket, err)
		}
	}
	// As on the real bus the last Hello and the journal are kept: an agent may be back before whoever listens is.
	h.KeepHellos(t)
	if _, err := h.js.AddStream(&nats.StreamConfig{Name: protocol.StreamJournal, Storage: storage,
		Subjects: []string{protocol.JournalSubject(h.Cluster)}}); err != nil {
		t.Fatalf("make the journal: %v", err)
	}
	h.listen(t)
	h.nc.SetReconnectHandler(func(*nats.Conn) {
		if m, err := h.js.GetLastMsg(protocol.StreamHello, protocol.HelloSubject(h.Cluster)); err == nil {
			h.hello(t, &nats.Msg{Data: m.Data})
		}
		h.catchUp(t)
	})
	return h
}

// WebSocket opens a WebSocket listener on the hub's own server, and gives its URL.
func (h *Hub) WebSocket(t testing.TB) string {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	h.bus.reconfigure(t, func() { h.bus.socket = port })
	return fmt.Sprintf("wss://127.0.0.1:%d", port)
}

// ServeBy has the hub's own server show a certificate of another authority.
func (h *Hub) ServeBy(t testing.TB, a *Authority) {
	t.Helper()
	h.bus.reconfigure(t, func() {
		h.bus.authority = a
		h.bus.roots.AddCert(a.cert)
	})
}

// Trust is what tokens and grants say to trust; SetTrust changes it.
func (h *Hub) Trust() protocol.Trust {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trust
}

// SetTrust changes what later tokens and grants say to trust.
func (h *Hub) SetTrust(t protocol.Trust) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trust = t
}

func (h *Hub) connect(t testing.TB) {
	t.Helper()
	user := newKey(t, nkeys.CreateUser)
	h.nc = h.bus.connect(t, user, h.bus.user(t, public(t, user), nil, nil, time.Time{}))
	t.Cleanup(h.nc.Close)
	var err error
	if h.js, err = h.nc.JetStream(); err != nil {
		t.Fatal(err)
	}
}

func (h *Hub) listen(t testing.TB) {
	report := func(m *nats.Msg) { h.report(t, m.Data) }
	event := func(m *nats.Msg) { h.event(t, m.Data) }
	for subject, f := range map[string]nats.MsgHandler{
		protocol.ReportSubject(h.Cluster): report, protocol.JournalSubject(h.Cluster): event, protocol.HelloSubject(h.Cluster): func(m *nats.Msg) { h.hello(t, m) },
		protocol.JoinSubject("*"): func(m *nats.Msg) { h.joins(t, m) }, protocol.RenewSubject("*"): func(m *nats.Msg) { h.renews(t, m) },
	} {
		if _, err := h.nc.Subscribe(subject, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// report takes what the agent reports.
func (h *Hub) report(t testing.TB, sealed []byte) {
	data, err := h.hear(protocol.SpeechReport, sealed)
	var r protocol.Report
	if err == nil {
		r, err = protocol.DecodeReport(data, h.Cluster)
	}
	if err != nil {
		t.Errorf("the agent's report: %v", err)
	}
	h.note(func() { h.reports, h.reported = append(h.reports, r), sealed })
}

// event takes an event of the agent's, unless this very message was heard before.
func (h *Hub) event(t testing.TB, sealed []byte) {
	data, err := h.hear(protocol.SpeechEvent, sealed)
	var e protocol.Event
	if err == nil {
		e, err = protocol.DecodeEvent(data, h.Cluster)
	}
	if err != nil {
		t.Errorf("the agent's event: %v", err)
	}
	h.note(func() {
		if !h.heard[string(sealed)] {
			h.heard[string(sealed)] = true
			h.events = append(h.events, e)
			slices.SortStableFunc(h.events, func(a, b protocol.Event) int { return cmp.Compare(a.Seq, b.Seq) })
		}
	})
}

// catchUp hears what the agent said after its server was there again, and before the hub listened again.
func (h *Hub) catchUp(t testing.TB) {
	info, err := h.js.StreamInfo(protocol.StreamJournal)
	if err != nil {
		return // the server has gone again, and this is called when it is back
	}
	for n := info.State.FirstSeq; n <= info.State.LastSeq; n++ {
		if m, err := h.js.GetMsg(protocol.StreamJournal, n); err == nil {
			h.event(t, m.Data)
		}
	}
	m, err := h.js.GetLastMsg("KV_"+protocol.BucketReport, protocol.ReportSubject(h.Cluster))
	h.mu.Lock()
	heard := err != nil || bytes.Equal(m.Data, h.reported)
	h.mu.Unlock()
	if !heard {
		h.report(t, m.Data)
	}
}

func (h *Hub) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.moved)
	h.moved = make(chan struct{})
}

// App makes an app of objects, one JSON or YAML document each, and stores its blob. It prunes.
func (h *Hub) App(t testing.TB, name string, objects ...string) protocol.App {
	t.Helper()
	blob := h.Blob(t, objects...)
	return protocol.App{Name: name, Prune: true, Revision: "0123456789abcdef", Blob: &blob}
}

// Blob stores objects and refers to them.
func (h *Hub) Blob(t testing.TB, objects ...string) protocol.Blob {
	t.Helper()
	ref, chunks := h.Seal(t, Lines(t, objects...), len(objects))
	for i, c := range chunks {
		if _, err := h.js.Publish(protocol.BlobSubject(ref.ID(), i), c); err != nil {
			t.Fatalf("store blob: %v", err)
		}
	}
	return ref
}

// Seal compresses, encrypts and cuts lines, and stores nothing.
func (h *Hub) Seal(t testing.TB, lines []byte, objects int) (protocol.Blob, [][]byte) {
	t.Helper()
	packed, digest := agent.Pack(lines), protocol.BlobDigest(lines)
	key, sealed, err := protocol.SealBlob(h.secret, digest, packed)
	if err != nil {
		t.Fatal(err)
	}
	chunks := protocol.Chunks(sealed)
	return protocol.Blob{Digest: digest, Key: key, Size: int64(len(lines)), Chunks: len(chunks), Objects: objects}, chunks
}

// Lines makes the lines of a blob of objects.
func Lines(t testing.TB, objects ...string) []byte {
	t.Helper()
	var lines bytes.Buffer
	for _, text := range objects {
		list, err := testenv.Objects(text)
		if err != nil || len(list) != 1 {
			t.Fatalf("not one object (%v):\n%s", err, text)
		}
		lines.WriteString(list[0].String() + "\n")
	}
	return lines.Bytes()
}

// Bundle makes the next bundle of apps.
func (h *Hub) Bundle(apps ...protocol.App) protocol.Bundle {
	h.Generation++
	return protocol.Bundle{Version: protocol.Version, Cluster: h.Cluster, Generation: h.Generation,
		Revision: protocol.Revision{Hash: fmt.Sprintf("%040x", h.Generation), Branch: "main"}, Apps: apps}
}

// Publish signs, seals and publishes a bundle: at once if the agent has said to which key, or when it does.
func (h *Hub) Publish(t testing.TB, b protocol.Bundle) {
	t.Helper()
	envelope, err := protocol.SignBundle(b, h.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	h.publishing.Lock()
	defer h.publishing.Unlock()
	h.mu.Lock()
	h.desired, h.epoch = envelope, b.Epoch
	open := h.joining.open
	h.mu.Unlock()
	if open != nil {
		h.PublishTo(t, open, envelope)
	}
}

// PublishTo seals an envelope to a key and publishes it.
func (h *Hub) PublishTo(t testing.TB, open, envelope []byte) {
	t.Helper()
	sealed, err := protocol.Seal(open, h.Cluster, envelope)
	if err != nil {
		t.Fatal(err)
	}
	h.PublishRaw(t, sealed)
}

// PublishRaw publishes anything where bundles are expected.
func (h *Hub) PublishRaw(t testing.TB, data []byte) {
	t.Helper()
	if _, err := h.js.Publish(protocol.DesiredSubject(h.Cluster), data); err != nil {
		t.Fatal(err)
	}
}

// DeleteBundle leaves a marker that says that the bundle was deleted.
func (h *Hub) DeleteBundle(t testing.TB) {
	t.Helper()
	m := nats.NewMsg(protocol.DesiredSubject(h.Cluster))
	m.Header.Set("KV-Operation", "DEL")
	if _, err := h.js.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
}
