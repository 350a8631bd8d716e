package nats

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// pairOf reads a key from its file.
func pairOf(k *keyring.Keys, file string) nkeys.KeyPair {
	return must(nkeys.FromSeed(must(os.ReadFile(filepath.Join(k.Dir(), file)))))
}

// payload is what an envelope holds.
func payload[M any](envelope []byte) (m M) {
	var e protocol.Envelope
	if json.Unmarshal(envelope, &e) == nil {
		_ = json.Unmarshal(e.Payload, &m)
	}
	return m
}

// formerAccount is the one account of a hub of c9a339c.
func formerAccount(k *keyring.Keys) string {
	c := jwt.NewAccountClaims(must(k.AgentsAccount()))
	c.Name = "AGENTS"
	l := &c.Limits.JetStreamLimits
	l.MemoryStorage, l.DiskStorage, l.Streams, l.Consumer = jwt.NoLimit, jwt.NoLimit, jwt.NoLimit, jwt.NoLimit
	return must(c.Encode(pairOf(k, "operator.nk")))
}

// formerConfig makes of a server's configuration that of c9a339c.
func formerConfig(k *keyring.Keys, text string) string {
	account, hub := must(k.AgentsAccount()), must(k.Claims(nil)).Hub
	text = regexp.MustCompile(`(?m)^  `+hub+`: .*\n`).ReplaceAllString(text, "")
	return regexp.MustCompile(`(?m)^  `+account+`: .*$`).ReplaceAllString(text, "  "+account+`: "`+formerAccount(k)+`"`)
}

// formerJWT is a credential of cluster a that c9a339c issued.
func formerJWT(k *keyring.Keys, user string, expires time.Time) string {
	u := jwt.NewUserClaims(user)
	u.Name = "a"
	publish, subscribe := protocol.AgentSubjects("a")
	u.Permissions.Pub.Allow.Add(publish...)
	u.Permissions.Sub.Allow.Add(subscribe...)
	u.Limits.Subs, u.Expires = 16, expires.Unix()
	return must(u.Encode(pairOf(k, "account.nk")))
}

// formerHub does as the hub of c9a339c: it makes the streams, and publishes for cluster a.
func formerHub(t *testing.T, k *keyring.Keys, url string, opts ...natsgo.Option) {
	t.Helper()
	token, seed, err := k.Credentials(keyring.LoginFormer, "drover-hub")
	if err != nil {
		t.Fatal(err)
	}
	c := must(natsgo.Connect(url, append(opts, natsgo.UserJWTAndSeed(token, string(seed)))...))
	defer c.Close()
	js := must(jetstream.New(c))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, bucket := range []string{protocol.BucketDesired, protocol.BucketBlobs, protocol.BucketReport} {
		_ = must(js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, History: 1,
			Storage: jetstream.FileStorage}))
	}
	for _, config := range []jetstream.StreamConfig{
		{Name: protocol.StreamJournal, Subjects: []string{protocol.JournalSubject("*")}, MaxAge: limits.JournalAge,
			Storage: jetstream.FileStorage},
		{Name: protocol.StreamHello, Subjects: []string{protocol.HelloSubject("*")}, MaxMsgsPerSubject: 1,
			MaxMsgSize: limits.MaxRequest,
			Storage:    jetstream.FileStorage},
	} {
		_ = must(js.CreateOrUpdateStream(ctx, config))
	}
	_ = must(js.PublishMsg(ctx, &natsgo.Msg{Subject: protocol.DesiredSubject("a"), Data: []byte("of before"),
		Header: natsgo.Header{protocol.HeaderGeneration: {"7"}}}))
	_ = must(js.Publish(ctx, protocol.JournalSubject("a"), []byte("an event of before")))
}

// before is a credential of cluster a that c9a339c issued.
type before struct {
	user userPair
	open []byte // its X25519 public key
	jwt  string
}

// signerOf is the key that a user signs with.
func signerOf(u userPair) (ed25519.PrivateKey, error) {
	_, raw, err := nkeys.DecodeSeed([]byte(u.seed))
	return ed25519.NewKeyFromSeed(raw), err
}

// formerIdentities are those of a hub that knows cluster a, and was upgraded.
func formerIdentities(t *testing.T, k *keyring.Keys) (*identity.Identities, before) {
	t.Helper()
	user, dir := newUser(), t.TempDir()
	_, open, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	expires := begin.Add(time.Hour).UTC()
	was := before{user, open, formerJWT(k, user.public, expires)}
	file := filepath.Join(dir, "clusters", "a.json")
	known := must(json.Marshal(map[string]any{"cluster": "a", "credentials": []any{map[string]any{"user": user.public,
		"openKey": open, "issued": begin.Add(-time.Hour).UTC(), "expires": expires}}}))
	err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, known, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the credential is older than the upgrade, in whole seconds",
		func() bool { return time.Since(begin) > 2*time.Second })
	_ = os.Remove(filepath.Join(k.Dir(), "bounded.json")) // of identities that were opened for the servers
	ids := must(identity.Open(dir, k))
	ids.Log = testLog(t)
	return ids, was
}

// moves asserts that an agent with a credential of before goes on, and gets one of now over the connection that it has;
// and that those of before can be ended then.
func (s site) moves(t *testing.T, was before, agent *natsgo.Conn) {
	t.Helper()
	s.ids.Advertise(must(s.keys.Trust([]string{s.url}, s.keys.CA())), s.bus.Revoke)
	links := &linked{said: said{}, at: make(chan bool, 64)}
	go func() { _ = s.bus.Listen(t.Context(), links) }()
	publish(t, s.bus, 8, "generation 8")
	sees(t, agent, "generation 8")
	if left, err := s.ids.EndFormer(false); err != nil || fmt.Sprint(left) != "[a]" ||
		fmt.Sprint(s.ids.Joins().Former) != "[a]" {
		t.Errorf("left with a credential of before: %v %v; status %v", left, err, s.ids.Joins().Former)
	}
	asked := must(agent.SubscribeSync(protocol.AskSubject("a")))
	key := must(signerOf(was.user))
	hello := must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: "a", Time: time.Now(),
		JWT: was.jwt, OpenKey: was.open}, key))
	until(t, "the hub acknowledges the hello", func() bool {
		m, err := agent.Request(protocol.HelloSubject("a"), hello, time.Second)
		var ack struct{ Stream string }
		return err == nil && json.Unmarshal(m.Data, &ack) == nil && ack.Stream == protocol.StreamHello
	})
	if _, err := asked.NextMsg(patience); err != nil {
		t.Errorf("the agent is not asked to renew: %v", err)
	}
	next := newUser()
	req := protocol.KeyRequest{Version: protocol.Version, Cluster: "a", User: next.public, OpenKey: was.open}
	var grant protocol.Grant
	until(t, "the hub grants the next credential", func() bool {
		m, err := agent.Request(protocol.RenewSubject("a"), must(protocol.SignMessage(req, key)), time.Second)
		grant = protocol.Grant{}
		if err == nil {
			grant = payload[protocol.Grant](m.Data)
		}
		return grant.JWT != ""
	})
	if u := must(jwt.DecodeUserClaims(grant.JWT)); u.Limits.Payload <= 0 {
		t.Error("the next credential does not bound what is sent")
	}
	now := s.dial(t, grant.JWT, next.seed, "a")
	sees(t, now, "generation 8")
	hello = must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: "a", Time: time.Now(),
		JWT:     grant.JWT,
		OpenKey: was.open}, must(signerOf(next))))
	until(t, "nobody is left", func() bool {
		_, _ = now.Request(protocol.HelloSubject("a"), hello, time.Second)
		left, err := s.ids.EndFormer(false)
		return err == nil && len(left) == 0
	})
	until(t, "the credential of before is cut", func() bool { return !agent.IsConnected() })
	sees(t, s.dial(t, grant.JWT, next.seed, "a"), "generation 8")
	if now.Reconnects > 0 {
		t.Error("the new credential was cut, too")
	}
	until(t, "the credential of before connects no more", func() bool {
		c, err := natsgo.Connect(s.url, natsgo.UserJWTAndSeed(was.jwt, was.user.seed), trusting(s.keys.CA()))
		if err == nil {
			c.Close()
		}
		return errors.Is(err, natsgo.ErrAuthorization) || errors.Is(err, natsgo.ErrAuthRevoked)
	})
}

func TestAnEmbeddedServerTakesOverFromC9a339c(t *testing.T) {
	t.Parallel()
	keys, dir := must(keyring.Open(t.TempDir())), t.TempDir()
	c := must(keys.Claims(nil))
	resolver := &natsserver.MemAccResolver{}
	if err := errors.Join(resolver.Store(c.Account, formerAccount(keys)), resolver.Store(c.System,
		c.SystemJWT)); err != nil {
		t.Fatal(err)
	}
	former := must(natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, JetStream: true,
		StoreDir:         dir,
		TrustedOperators: c.Operators, SystemAccount: c.System, AccountResolver: resolver}))
	former.Start()
	formerHub(t, keys, "", natsgo.InProcessServer(former))
	former.Shutdown()
	former.WaitForShutdown()

	s := must(server.Start(server.Options{Listen: "127.0.0.1:0", Dir: dir,
		Certificate: must(keys.Certificate([]string{"127.0.0.1"})),
		Keys:        keys, Log: testLog(t)}))
	t.Cleanup(s.Close)
	ids, was := formerIdentities(t, keys)
	b := must(Connect(Options{Server: s, Keys: keys, IDs: ids, Log: testLog(t)}))
	t.Cleanup(b.Close)
	if has := must(b.Holdings(t.Context())); has.Generations["a"] != 7 {
		t.Errorf("the streams of before hold %+v", has)
	}
	journal := must(b.JetStream().Stream(t.Context(), protocol.StreamJournal))
	if m, err := journal.GetLastMsgForSubject(t.Context(), protocol.JournalSubject("a")); err != nil ||
		string(m.Data) != "an event of before" {
		t.Errorf("the journal of before: %v", err)
	}
	url := "tls://" + s.Addr().String()
	here := site{b, keys, ids, url, url}
	here.moves(t, was, here.dial(t, was.jwt, was.user.seed, "a", natsgo.NoReconnect()))
}

func TestExternalServersAndLeafNodesTakeOverFromC9a339c(t *testing.T) {
	t.Parallel()
	for name, leaf := range map[string]bool{"external": false, "leaf node": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, port := noServers(t), freePort(t)
			e.former = true
			e.add(server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}, LeafNodes: fmt.Sprintf("127.0.0.1:%d", port)})
			at := "main"
			if leaf {
				e.add(server.Servers{Nodes: []server.Node{{Name: "leaf", Host: "127.0.0.1"}},
					Upstreams: []string{fmt.Sprintf("tls://127.0.0.1:%d", port)}})
				at = "leaf"
			}
			formerHub(t, e.keys, e.url("main"), trusting(e.keys.CA()))
			ids, was := formerIdentities(t, e.keys)
			e.ids = ids
			here := site{keys: e.keys, ids: ids, url: e.url(at), hub: e.url("main")}
			agent := here.dial(t, was.jwt, was.user.seed, "a", natsgo.NoReconnect())
			sees(t, agent, "of before")

			here.bus = e.hub(1, "main")
			here.moves(t, was, agent)
			if left := must(os.ReadDir(filepath.Join(e.dir, "main", "jetstream", "jetstream"))); len(left) > 0 {
				old := must(e.keys.AgentsAccount())
				if streams, _ := os.ReadDir(filepath.Join(e.dir, "main", "jetstream", "jetstream", old,
					"streams")); len(streams) > 0 {
					t.Errorf("streams of before are left: %v", streams)
				}
			}
			// With the configuration of before a server that is started again does not bring the account of before
			// back.
			e.kill("main")
			e.start("main")
			publish(t, here.bus, 9, "generation 9")
			next := newUser()
			sees(t, here.dial(t, must(e.keys.AgentJWT("a", next.public, time.Now().Add(time.Hour))), next.seed, "a",
				natsgo.MaxReconnects(-1)), "generation 9")
		})
	}
}
