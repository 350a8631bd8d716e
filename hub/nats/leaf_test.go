package nats

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// newSite is a hub with one server, and a leaf node of a far site that connects to it.
func newSite(t *testing.T) (e *external, b *Bus, upstream string) {
	port := freePort(t)
	upstream = fmt.Sprintf("tls://127.0.0.1:%d", port)
	e = newExternal(t, server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}},
		LeafNodes: fmt.Sprintf("127.0.0.1:%d", port)})
	b = e.hub(1, "main")
	e.ids.Advertise(must(e.keys.Trust([]string{e.url("main")}, e.keys.CA())), b.Revoke)
	e.add(server.Servers{Nodes: []server.Node{{Name: "leaf", Host: "127.0.0.1"}}, Upstreams: []string{upstream}})
	return e, b, upstream
}

// lastReport is the report of cluster a that the hub's stream holds.
func lastReport(t *testing.T, b *Bus) string {
	s, err := b.JetStream().Stream(t.Context(), "KV_"+protocol.BucketReport)
	if err != nil {
		return err.Error()
	}
	m, err := s.GetLastMsgForSubject(t.Context(), protocol.ReportSubject("a"))
	if err != nil {
		return err.Error()
	}
	return string(m.Data)
}

func TestAnAgentBehindALeafNode(t *testing.T) {
	t.Parallel()
	e, b, _ := newSite(t)
	links := &linked{said: said{}, at: make(chan bool, 64)}
	go func() { _ = b.Listen(t.Context(), links) }()
	agent := e.agent(e.join(), "leaf")
	pushed := make(chan string, 64)
	if _, err := agent.Subscribe(protocol.DesiredSubject("a"),
		func(m *natsgo.Msg) { pushed <- string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	converse := func(generation uint64) {
		t.Helper()
		text := fmt.Sprintf("generation %d", generation)
		publish(t, b, generation, text)
		sees(t, agent, text)
		until(t, "the hub hears a report", func() bool {
			_ = agent.Publish(protocol.ReportSubject("a"), []byte(text))
			return lastReport(t, b) == text
		})
	}
	converse(1)
	text := "generation 2"
	publish(t, b, 2, text)
	for deadline := time.After(patience); ; {
		select {
		case got := <-pushed:
			if got != text {
				continue // the first one, which may have come both ways
			}
		case <-deadline:
			t.Fatal("the bundle is not pushed through the leaf node")
		}
		break
	}
	select {
	case up := <-links.at:
		if !up {
			t.Error("the hub is told that the agent behind the leaf node is not connected")
		}
	case <-time.After(patience):
		t.Error("the hub is not told that the agent behind the leaf node is connected")
	}

	e.kill("main")
	e.start("main")
	converse(3)
	if !agent.IsConnected() || agent.Reconnects > 0 {
		t.Error("the agent's connection to the leaf node did not outlive the loss of the hub's server")
	}

	e.kill("main") // a revocation that the leaf node misses
	if err := e.ids.Revoke("a"); err == nil {
		t.Error("a revocation that no server heard of is no error")
	}
	e.start("main")
	until(t, "the leaf node cuts the revoked credential off", func() bool { return !agent.IsConnected() })
}

// linked hears whether cluster a is connected, as the hub is told.
type linked struct {
	said
	at chan bool
}

func (l *linked) Link(_ string, connected bool, _ time.Time) { l.at <- connected }

// hostileLeaf runs the leaf node as an attacker would who took it over, and gives the address where everything
// may be said.
func hostileLeaf(e *external, upstream string) string {
	e.kill("leaf")
	conf := filepath.Join(e.dir, "leaf", "nats.conf")
	hostile := fmt.Sprintf("leafnodes: { remotes: [{ urls: [%q], credentials: %q, tls: { ca_file: %q } }] "+
		"}\ndefault_js_domain: { $G: \"\" }\n", upstream,
		filepath.Join(e.dir, "leaf", "agents.creds"), filepath.Join(e.dir, "leaf", "ca.crt"))
	if err := os.WriteFile(conf, []byte(hostile), 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.start("leaf")
	return fmt.Sprintf("nats://127.0.0.1:%d", e.ports["leaf"])
}

// Who runs a leaf node, and has its credentials, can do what the agents behind it can and hear what is said to them.
func TestWhoHasALeafNodesCredentialsIsNoHub(t *testing.T) {
	t.Parallel()
	e, b, upstream := newSite(t)
	publish(t, b, 1, "generation 1")
	c := must(natsgo.Connect(hostileLeaf(e, upstream), natsgo.CustomInboxPrefix(protocol.InboxPrefix("a"))))
	defer c.Close()
	heard := must(c.SubscribeSync("_INBOX.>"))
	sees(t, c, "generation 1") // it is connected
	for _, subject := range []string{protocol.DesiredSubject("a"), protocol.BlobSubject("x", 0),
		"$JS.API.STREAM.PURGE.KV_desired",
		"$JS.API.STREAM.DELETE.KV_desired", protocol.AskSubject("a")} {
		if err := c.Publish(subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	asked := must(b.conn.SubscribeSync(protocol.AskSubject("a")))
	until(t, "what comes later has arrived", func() bool {
		_ = c.Publish(protocol.ReportSubject("a"), []byte("late"))
		return lastReport(t, b) == "late"
	})
	sees(t, c, "generation 1")
	if m, err := asked.NextMsg(time.Millisecond); err == nil {
		t.Errorf("an ask was forged: %s", m.Data)
	}
	if m, err := heard.NextMsg(time.Millisecond); err == nil {
		t.Errorf("what the hub is answered is heard: %s", m.Data)
	}
}
