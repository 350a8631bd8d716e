package nats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// replyKinds are the subjects to which a client would like a server or the hub to answer: cluster b is the victim.
func replyKinds() []string {
	const token = "UBANYTOKENOFANOTHERCLUSTER"
	out := []string{"$JS.API.INFO", "$JS.API.ACCOUNT.INFO", "$JS.API.META.LEADER.STEPDOWN", "$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.LIST",
		"$JS.API.STREAM.CREATE.mine", "$JS.ACK.KV_report.x.1.1.1.1.1", "$JS.FC.KV_desired.x", "$JSC.R.x", "$SRV.PING",
		protocol.DesiredSubject("b"), protocol.DesiredSubject("a"), protocol.BlobSubject("x", 0), protocol.ReportSubject("b"),
		protocol.JournalSubject("b"), protocol.HelloSubject("b"), protocol.AskSubject("b"), protocol.AskSubject("a"),
		protocol.RenewSubject("b"), protocol.JoinSubject(token), protocol.InboxPrefix("b") + ".x", protocol.InboxPrefix(token) + ".x",
		"_INBOX.x.y", "_R_.x.y", protocol.HubSubject, protocol.DesiredGet("b"),
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.DELETE", "$SYS.ACCOUNT.x.CONNECT"}
	for _, stream := range []string{"KV_desired", "KV_blobs", "KV_report", "journal", "hello"} {
		for _, verb := range []string{"DELETE", "PURGE", "UPDATE", "INFO", "MSG.DELETE", "MSG.GET", "SNAPSHOT",
			"LEADER.STEPDOWN", "PEER.REMOVE"} {
			out = append(out, "$JS.API.STREAM."+verb+"."+stream)
		}
		out = append(out, "$JS.API.CONSUMER.CREATE."+stream+".x", "$JS.API.CONSUMER.DELETE."+stream+".x",
			"$JS.API.CONSUMER.MSG.NEXT."+stream+".x", "$JS.API.CONSUMER.DURABLE.CREATE."+stream+".x")
	}
	return out
}

// site is where agents connect, and the hub that serves them.
type site struct {
	bus  *Bus
	keys *keyring.Keys
	ids  *identity.Identities
	url  string // where the agents under test connect
	hub  string // where the hub does
}

func (s site) dial(t *testing.T, jwt, seed, inbox string, opts ...natsgo.Option) *natsgo.Conn {
	t.Helper()
	var c *natsgo.Conn
	login := []natsgo.Option{natsgo.UserJWTAndSeed(jwt, seed), trusting(s.keys.CA())}
	if strings.HasPrefix(s.url, "nats://") { // a hostile leaf node, which asks nobody who they are
		login = nil
	}
	until(t, "the server admits "+inbox, func() (ok bool) {
		var err error
		c, err = natsgo.Connect(s.url, append(append(login,
			natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}), // the server refuses some replies by itself
			natsgo.CustomInboxPrefix(protocol.InboxPrefix(inbox))), opts...)...)
		return err == nil
	})
	t.Cleanup(c.Close)
	return c
}

// isHubs says whether a message in the hub's account is a request of the hub itself, such as a look at its streams: an
// answer to another client has no inbox to reply to.
func isHubs(m *natsgo.Msg) bool {
	return strings.HasPrefix(m.Reply, "_INBOX.") && m.Reply != "_INBOX.x.y"
}

// observer hears everything in an account.
type observer struct {
	mu    sync.Mutex
	heard map[string][]*natsgo.Msg
}

func (s site) observe(t *testing.T, as keyring.Login, urls ...string) *observer {
	t.Helper()
	token, seed, err := s.keys.Credentials(as, "observer")
	if err != nil {
		t.Fatal(err)
	}
	o := &observer{heard: map[string][]*natsgo.Msg{}}
	for _, url := range urls {
		s.url = url
		c := s.dial(t, token, string(seed), "observer")
		sub := must(c.Subscribe(">", func(m *natsgo.Msg) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.heard[m.Subject] = append(o.heard[m.Subject], m)
		}))
		if err := errors.Join(sub.SetPendingLimits(-1, -1), c.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (o *observer) on(subject string) []*natsgo.Msg {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.heard[subject]
}

// contents is what all streams of the hub hold, by stream and subject, but for what cluster a may say itself.
func contents(t *testing.T, b *Bus) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, info := range answered(t, "a list of streams", func(ctx context.Context) ([]*jetstream.StreamInfo, error) {
		list := b.JetStream().ListStreams(ctx)
		var all []*jetstream.StreamInfo
		for info := range list.Info() {
			all = append(all, info)
		}
		return all, list.Err()
	}) {
		name := info.Config.Name
		out[name] = fmt.Sprint("made ", info.Created, " consumers ", info.State.Consumers, " deleted ",
			info.State.NumDeleted > 0 && name == "KV_desired",
			" config ", info.Config.NoAck, info.Config.DenyDelete, info.Config.Subjects)
		s := stream(t, b, name)
		full := answered(t, "the state of "+name, func(ctx context.Context) (*jetstream.StreamInfo, error) {
			return s.Info(ctx, jetstream.WithSubjectFilter(">"))
		})
		for subject, n := range full.State.Subjects {
			if subject == protocol.ReportSubject("a") || subject == protocol.JournalSubject("a") {
				continue
			}
			m := answered(t, "the message on "+subject, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
				return s.GetLastMsgForSubject(ctx, subject)
			})
			out[name+" "+subject] = fmt.Sprint(n, " ", m.Sequence, " ", string(m.Data))
		}
	}
	return out
}

// attack publishes to all that agents and tokens may, with every kind of reply.
func (s site) attack(t *testing.T) {
	user, token := newUser(), newUser()
	jwt := enrol(t, s.keys, s.ids, "a", user)
	publish(t, s.bus, 1, "bundle of a")
	until(t, "the bus takes the bundle of b", func() bool {
		return s.bus.Put(t.Context(), nil, []hub.Delivery{{Cluster: "b", Generation: 1,
			Sealed: []byte("bundle of b")}}) == nil
	})
	for subject, data := range map[string]string{protocol.ReportSubject("b"): "report of b",
		protocol.BlobSubject("x", 0): "a blob",
		protocol.JournalSubject("b"): "journal of b", protocol.HelloSubject("b"): "hello of b"} {
		if err := s.bus.conn.Publish(subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	agent := s.dial(t, jwt, user.seed, "a")
	holder := s.dial(t, must(s.keys.TokenJWT("a", token.public, time.Now().Add(time.Hour))), token.seed, token.public)
	sees(t, agent, "bundle of a")
	until(t, "the streams have what was said, and the hub reads it", func() bool {
		all := contents(t, s.bus)
		read := strings.Count(all["KV_report"]+all["journal"]+all["hello"], "consumers 1")
		return len(all) >= 11 && read == 3
	})
	before := contents(t, s.bus)
	neighbours, hubs := s.observe(t, keyring.LoginFormer, s.url, s.hub), s.observe(t, keyring.LoginHub, s.hub)

	publishAgent, _ := protocol.AgentSubjects("a")
	publishAgent = append(publishAgent, protocol.BlobGet("missing", 0), protocol.BlobGet("x", 0))
	publishToken, _ := protocol.JoinSubjects(token.public)
	for c, subjects := range map[*natsgo.Conn][]string{agent: publishAgent, holder: publishToken} {
		for _, subject := range subjects {
			subject = strings.ReplaceAll(subject, "*", "x")
			for _, reply := range replyKinds() {
				for _, data := range []string{"", "{}", `{"name":"mine","subjects":["mine"]}`} {
					m := &natsgo.Msg{Subject: subject, Reply: reply, Data: []byte(data)}
					if err := c.PublishMsg(m); err != nil {
						t.Fatal(err)
					}
				}
			}
			for header, value := range map[string]string{"Nats-Rollup": "all", "Nats-Trace-Dest": protocol.ReportSubject("a"),
				"Nats-TTL": "1s", "Nats-Schedule-Target": protocol.DesiredSubject("b"), "KV-Operation": "PURGE",
				"Nats-Required-Api-Level": "99", "Nats-Expected-Last-Sequence": "99999"} {
				m := &natsgo.Msg{Subject: subject, Reply: protocol.DesiredSubject("b"), Data: []byte("{}"),
					Header: natsgo.Header{header: {value}}}
				if err := c.PublishMsg(m); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	// What comes behind it over the same connection has arrived, and so have the answers to it.
	until(t, "what comes later has arrived", func() bool {
		_ = agent.Publish(protocol.ReportSubject("a"), []byte("late"))
		heard := hubs.on(protocol.ReportSubject("a"))
		return len(heard) > 0 && string(heard[len(heard)-1].Data) == "late"
	})
	sees(t, agent, "bundle of a")
	answered(t, "a blob", func(ctx context.Context) (*natsgo.Msg, error) {
		return agent.RequestWithContext(ctx, protocol.BlobGet("x", 0), nil)
	})
	until(t, "the last answers have arrived",
		func() bool { return len(neighbours.on(protocol.InboxPrefix("b")+".x")) > 0 })
	arrived := map[string][]*natsgo.Msg{}
	for _, reply := range replyKinds() {
		arrived[reply] = hubs.on(reply)
	}

	after := contents(t, s.bus)
	for key := range maps.Keys(after) {
		if before[key] != after[key] {
			t.Errorf("%s was %q, and is %q", key, before[key], after[key])
		}
		delete(before, key)
	}
	for key, was := range before {
		t.Errorf("%s is gone, and was %q", key, was)
	}
	for _, reply := range replyKinds() {
		for _, m := range arrived[reply] {
			if isHubs(m) {
				continue
			}
			t.Errorf("%s arrived in the hub's account: %q %v", reply, m.Data, m.Header)
			break
		}
		for _, m := range neighbours.on(reply) {
			// Noise of Direct Get, which says of itself what it is: agents do not take it for a bundle.
			if m.Header.Get("Nats-Stream") == "" && m.Header.Get("Status") == "" {
				t.Errorf("%s arrived at other agents: %q %v", reply, m.Data, m.Header)
				break
			}
		}
	}
}

// embedded is a hub with the server that it embeds.
func embedded(t *testing.T) site {
	s, keys := newServer(t, nil)
	ids := must(identity.Open(t.TempDir(), keys))
	b := must(Connect(Options{Server: s, Keys: keys, IDs: ids, Log: testLog(t)}))
	t.Cleanup(b.Close)
	_ = must(b.Holdings(t.Context()))
	url := "tls://" + s.Addr().String()
	return site{b, keys, ids, url, url}
}

func TestNoAnswerReachesWhatAnAgentMayNotReach(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) site{
		"embedded": embedded,
		"external cluster": func(t *testing.T) site {
			e := newExternal(t, threeNodes(t))
			return site{e.hub(3, "n0", "n1", "n2"), e.keys, e.ids, e.url("n1"), e.url("n0")}
		},
		"leaf node": func(t *testing.T) site {
			e, b, _ := newSite(t)
			return site{b, e.keys, e.ids, e.url("leaf"), e.url("main")}
		},
		"hostile leaf node": func(t *testing.T) site {
			e, b, upstream := newSite(t)
			url := hostileLeaf(e, upstream)
			return site{b, e.keys, e.ids, url, e.url("main")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			links := &linked{said: said{}, at: make(chan bool, 64)}
			go func() { _ = s.bus.Listen(t.Context(), links) }()
			s.attack(t)
		})
	}
}
