package agenttest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Hub is what an agent sees of a hub.
type Hub struct {
	Cluster    string
	NATS       *testenv.NATS
	Credential protocol.Credential
	Key        ed25519.PrivateKey // signs bundles
	OpenKey    []byte             // public; bundles are sealed to it
	Generation uint64             // of the last bundle

	nc     *nats.Conn
	js     nats.JetStreamContext
	secret []byte

	mu      sync.Mutex // guards what follows
	moved   chan struct{}
	reports []protocol.Report
	events  []protocol.Event
}

// NewHub starts a nats-server with the buckets of a hub, and makes a credential for cluster.
func NewHub(t testing.TB, cluster string) *Hub {
	t.Helper()
	h := &Hub{Cluster: cluster, NATS: testenv.NATST(t, "jetstream {}"), secret: []byte(rand.Text() + rand.Text()), moved: make(chan struct{})}
	h.credentials(t)
	h.connect(t)
	for _, bucket := range [...]string{protocol.BucketDesired, protocol.BucketBlobs, protocol.BucketReport} {
		_, err := h.js.AddStream(&nats.StreamConfig{Name: "KV_" + bucket, Subjects: []string{"$KV." + bucket + ".>"},
			MaxMsgsPerSubject: 1, AllowDirect: true, AllowRollup: true, Discard: nats.DiscardNew})
		if err != nil {
			t.Fatalf("make bucket %s: %v", bucket, err)
		}
	}
	h.listen(t)
	return h
}

func (h *Hub) credentials(t testing.TB) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	open, openPublic, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	h.Key, h.OpenKey = private, openPublic
	h.Credential = protocol.Credential{Version: protocol.Version, Cluster: h.Cluster,
		Trust: protocol.Trust{Servers: []string{h.NATS.URL}, HubKeys: [][]byte{public}},
		JWT:   "not asked for", Seed: string(seed), OpenKey: open}
}

func (h *Hub) connect(t testing.TB) {
	nc, err := nats.Connect(h.NATS.URL, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	h.nc, h.js = nc, js
}

func (h *Hub) listen(t testing.TB) {
	_, err := h.nc.Subscribe(protocol.ReportSubject(h.Cluster), func(m *nats.Msg) {
		r, err := protocol.DecodeReport(m.Data, h.Cluster)
		if err != nil {
			t.Errorf("the agent's report: %v", err)
		}
		h.note(func() { h.reports = append(h.reports, r) })
	})
	if err == nil {
		_, err = h.nc.Subscribe(protocol.JournalSubject(h.Cluster), func(m *nats.Msg) {
			e, err := protocol.DecodeEvent(m.Data, h.Cluster)
			if err != nil {
				t.Errorf("the agent's event: %v", err)
			}
			h.note(func() { h.events = append(h.events, e) })
		})
	}
	if err == nil {
		err = h.nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
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

// Publish signs, seals and publishes a bundle.
func (h *Hub) Publish(t testing.TB, b protocol.Bundle) {
	t.Helper()
	envelope, err := protocol.SignBundle(b, h.Key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := protocol.Seal(h.OpenKey, h.Cluster, envelope)
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

// Apply publishes the next bundle of apps and waits until all of them are healthy in it.
func (h *Hub) Apply(t testing.TB, apps ...protocol.App) protocol.Report {
	t.Helper()
	b := h.Bundle(apps...)
	h.Publish(t, b)
	return h.Healthy(t, b)
}

// Healthy waits until everything in a bundle is healthy.
func (h *Hub) Healthy(t testing.TB, b protocol.Bundle) protocol.Report {
	t.Helper()
	return h.Report(t, "all apps healthy", func(r protocol.Report) bool {
		if r.Generation != b.Generation || len(r.Apps) != len(b.Apps) {
			return false
		}
		for i, a := range r.Apps {
			if a.Phase != protocol.PhaseHealthy || find(b.Apps, a.Name).Blob.Digest != r.Apps[i].Digest {
				return false
			}
		}
		return true
	})
}

func find(apps []protocol.App, name string) protocol.App {
	for _, a := range apps {
		if a.Name == name {
			return a
		}
	}
	return protocol.App{Blob: &protocol.Blob{}}
}

// patience is how long tests wait for anything.
const patience = 60 * time.Second

// Report waits for a report for which cond holds, the last one included.
func (h *Hub) Report(t testing.TB, what string, cond func(protocol.Report) bool) protocol.Report {
	t.Helper()
	var found protocol.Report
	h.wait(t, "a report with "+what, func() bool {
		if n := len(h.reports); n > 0 && cond(h.reports[n-1]) {
			found = h.reports[n-1]
			return true
		}
		return false
	})
	return found
}

// Event waits for an event for which cond holds, past ones included.
func (h *Hub) Event(t testing.TB, what string, cond func(protocol.Event) bool) protocol.Event {
	t.Helper()
	var found protocol.Event
	h.wait(t, "an event of "+what, func() bool {
		for _, e := range h.events {
			if cond(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// Nth waits for the n-th event of a kind, from 0.
func (h *Hub) Nth(t testing.TB, kind protocol.EventKind, n int) protocol.Event {
	t.Helper()
	var found protocol.Event
	h.wait(t, fmt.Sprintf("event %d of kind %s", n, kind), func() bool {
		left := n
		for _, e := range h.events {
			if e.Kind == kind {
				if found = e; left == 0 {
					return true
				}
				left--
			}
		}
		return false
	})
	return found
}

// Events are all events so far.
func (h *Hub) Events(kinds ...protocol.EventKind) (out []protocol.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
	}
	return out
}

// wait returns once cond, called with mu held, holds.
func (h *Hub) wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		h.mu.Lock()
		done, moved := cond(), h.moved
		h.mu.Unlock()
		if done {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s; last:\n%s", patience, what, h.tail())
		}
	}
}

// tail is the last report and the last events, for messages.
func (h *Hub) tail() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetIndent("", " ")
	if n := len(h.reports); n > 0 {
		_ = enc.Encode(h.reports[n-1])
	}
	enc.SetIndent("", "")
	for _, e := range h.events[max(0, len(h.events)-20):] {
		_ = enc.Encode(e)
	}
	return out.String()
}

// PhaseOf is the phase of an app in a report.
func PhaseOf(r protocol.Report, app string) protocol.Phase {
	return AppOf(r, app).Phase
}

// AppOf is an app in a report.
func AppOf(r protocol.Report, app string) protocol.AppReport {
	for _, a := range r.Apps {
		if a.Name == app {
			return a
		}
	}
	return protocol.AppReport{}
}
