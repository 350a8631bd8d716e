package nats

import (
	"context"
	"errors"
	"fmt"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/hub/nats/servers"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv/ports"
)

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// answered repeats a request until it is answered: while a stream has no leader, as after an election on a busy
// machine, no server answers, and one long request would wait until its deadline.
func answered[T any](t *testing.T, what string, request func(context.Context) (T, error)) (answer T) {
	t.Helper()
	until(t, what, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience/6)
		defer cancel()
		var err error
		answer, err = request(ctx)
		return err == nil
	})
	return answer
}

// stream is a stream of the hub.
func stream(t *testing.T, b *Bus, name string) jetstream.Stream {
	t.Helper()
	return answered(t, "the stream "+name, func(ctx context.Context) (jetstream.Stream, error) {
		return b.JetStream().Stream(ctx, name)
	})
}

// freePort is free now and will be when a server is started again: the ports that the kernel hands out may be
// anyone's by then.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// external are nats-servers that run with the configuration that Keys.Files gives, folder by folder.
type external struct {
	t       *testing.T
	dir     string
	keys    *keyring.Keys
	ids     *identity.Identities
	ports   map[string]int // by node: for clients
	running map[string]*natsserver.Server
	former  bool   // servers are configured as c9a339c did
	storage string // that servers have; as much as there is, if empty
}

func newExternal(t *testing.T, s server.Servers) *external {
	e := noServers(t)
	e.add(s)
	return e
}

// noServers has none yet.
func noServers(t *testing.T) *external {
	e := &external{t: t, dir: t.TempDir(), keys: must(keyring.Open(t.TempDir())), ports: map[string]int{},
		running: map[string]*natsserver.Server{}}
	e.ids = must(identity.Open(t.TempDir(), e.keys))
	t.Cleanup(func() {
		for name := range e.running {
			e.kill(name)
		}
	})
	return e
}

// add writes the configuration of servers, and starts them.
func (e *external) add(s server.Servers) {
	e.t.Helper()
	for _, f := range must(server.Files(e.keys, s)) {
		path := filepath.Join(e.dir, f.Path)
		if strings.HasSuffix(path, ".conf") { // the folder that the server is started in
			text := strings.ReplaceAll(string(f.Data), `"./`, `"`+filepath.Dir(path)+`/`)
			if e.former {
				text = formerConfig(e.keys, text)
			}
			if e.storage != "" {
				text = strings.Replace(text, "jetstream: {", "jetstream: { max_file_store: "+e.storage+",", 1)
			}
			f.Data = []byte(text)
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, f.Data, 0o600)); err != nil {
			e.t.Fatal(err)
		}
	}
	for _, n := range s.Nodes {
		e.ports[n.Name] = freePort(e.t)
		e.start(n.Name)
	}
}

// start starts a node, or starts it again.
func (e *external) start(name string) {
	e.t.Helper()
	opts, err := natsserver.ProcessConfigFile(filepath.Join(e.dir, name, "nats.conf"))
	if err != nil {
		e.t.Fatal(err)
	}
	opts.Host, opts.Port, opts.NoSigs, opts.SyncInterval = "127.0.0.1", e.ports[name], true, time.Minute
	s, err := natsserver.NewServer(opts)
	if err != nil {
		e.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		e.t.Fatalf("%s does not come up", name)
	}
	e.running[name] = s
}

func (e *external) kill(name string) {
	e.running[name].Shutdown()
	e.running[name].WaitForShutdown()
	delete(e.running, name)
}

// url is where clients reach nodes.
func (e *external) url(names ...string) string {
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf("tls://127.0.0.1:%d", e.ports[n]))
	}
	return strings.Join(out, ",")
}

// hub connects as the hub.
func (e *external) hub(replicas int, names ...string) *Bus {
	e.t.Helper()
	b := must(Connect(Options{URL: e.url(names...), CA: e.keys.CA(), Replicas: replicas, Keys: e.keys, IDs: e.ids,
		Log: testLog(e.t)}))
	e.t.Cleanup(b.Close)
	until(e.t, "the hub has its streams", func() bool {
		_, err := b.Holdings(e.t.Context())
		return err == nil
	})
	return b
}

// join gives the user that cluster a has.
func (e *external) join() userPair {
	user := newUser()
	enrol(e.t, e.keys, e.ids, "a", user)
	return user
}

// enrol has a hub know a credential of a cluster that it has issued, which is its JWT: its agent says hello.
func enrol(t *testing.T, keys *keyring.Keys, ids *identity.Identities, cluster string, user userPair) string {
	t.Helper()
	_, open, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	jwt := must(keys.AgentJWT(cluster, user.public, time.Now().Add(time.Hour)))
	hello := must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: cluster, Time: time.Now(),
		JWT: jwt, OpenKey: open}, must(signerOf(user))))
	if h, err := ids.Hello(cluster, hello); err != nil || h.Learned != user.public {
		t.Fatalf("the credential of %s is not known: %+v, %v", cluster, h, err)
	}
	return jwt
}

// agent connects as the agent of cluster a, and comes again by itself.
func (e *external) agent(user userPair, names ...string) *natsgo.Conn {
	e.t.Helper()
	c, err := dialAs(e.keys, user, e.url(names...), trusting(e.keys.CA()), natsgo.MaxReconnects(-1),
		natsgo.ReconnectWait(50*time.Millisecond),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(c.Close)
	return c
}

// publish publishes text as the bundle of cluster a, as often as it takes.
func publish(t *testing.T, b *Bus, generation uint64, text string) {
	t.Helper()
	until(t, "the bus takes the bundle", func() bool {
		return b.Put(t.Context(), nil, []hub.Delivery{{Cluster: "a", Generation: generation, Sealed: []byte(text)}}) == nil
	})
}

// sees waits until an agent is answered with text.
func sees(t *testing.T, c *natsgo.Conn, text string) {
	t.Helper()
	until(t, "the agent gets "+text, func() bool {
		m, err := c.Request(protocol.DesiredGet("a"), nil, time.Second)
		return err == nil && string(m.Data) == text
	})
}

func threeNodes(t *testing.T) server.Servers {
	s := server.Servers{Cluster: "main"}
	for i := range 3 {
		s.Nodes = append(s.Nodes, server.Node{Name: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: freePort(t)})
	}
	return s
}

func TestAClusterOfServersSurvivesTheLossOfAny(t *testing.T) {
	t.Parallel()
	names := []string{"n0", "n1", "n2"}
	e := newExternal(t, threeNodes(t))
	b := e.hub(3, names...)
	agent := e.agent(newUser(), names...)
	publish(t, b, 1, "generation 1")
	sees(t, agent, "generation 1")

	for generation := uint64(2); generation < 5; generation++ {
		leader := ""
		until(t, "the stream has a leader and all replicas", func() bool {
			leader = e.leader(b)
			return leader != ""
		})
		e.kill(leader)
		text := fmt.Sprintf("generation %d", generation)
		publish(t, b, generation, text)
		sees(t, agent, text)
		until(t, "the hub sees that after "+leader+" was lost", func() bool {
			has, err := b.Holdings(t.Context())
			return err == nil && has.Generations["a"] == generation
		})
		e.start(leader)
	}
}

// leader is the node that leads the stream of bundles, as soon as all others follow it.
func (e *external) leader(b *Bus) string {
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Second)
	defer cancel()
	s, err := b.JetStream().Stream(ctx, "KV_"+protocol.BucketDesired)
	if err != nil {
		return ""
	}
	c := s.CachedInfo().Cluster
	if len(c.Replicas) != 2 || slices.ContainsFunc(c.Replicas,
		func(p *jetstream.PeerInfo) bool { return p.Offline || !p.Current }) {
		return ""
	}
	return c.Leader
}

func TestARevocationReachesEveryServer(t *testing.T) {
	t.Parallel()
	names := []string{"n0", "n1", "n2"}
	e := newExternal(t, threeNodes(t))
	b := e.hub(1, names...)
	user := e.join()
	e.ids.Advertise(must(e.keys.Trust([]string{e.url(names...)}, e.keys.CA())), b.Revoke)
	conns := map[string]*natsgo.Conn{}
	for _, n := range names {
		conns[n] = e.agent(user, n)
	}
	gone := b.servers.Conn().ConnectedServerName() // the hub has to find another one first
	e.kill(gone)
	if err := e.ids.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for _, n := range slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == gone }) {
		until(t, "the connection to "+n+" is cut", func() bool { return !conns[n].IsConnected() })
	}
	t.Logf("connections were cut %s after the revocation", time.Since(begin).Round(time.Millisecond))
	e.start(gone)
	until(t, "the server that was away knows", func() bool {
		c, err := dialAs(e.keys, user, e.url(gone), trusting(e.keys.CA()))
		if err == nil {
			c.Close()
		}
		return errors.Is(err, natsgo.ErrAuthorization) || errors.Is(err, natsgo.ErrAuthRevoked)
	})
	if c, err := dialAs(e.keys, newUser(), e.url(gone), trusting(e.keys.CA())); err != nil {
		t.Errorf("another credential does not connect: %v", err)
	} else {
		c.Close()
	}
}

func TestARevocationWaitsForAServerThatIsBackSoon(t *testing.T) {
	t.Parallel()
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
	b, user := e.hub(1, "main"), e.join()
	e.ids.Advertise(must(e.keys.Trust([]string{e.url("main")}, e.keys.CA())), b.Revoke)
	e.kill("main")
	until(t, "the hub has lost its connection", func() bool { return !b.servers.Conn().IsConnected() })
	revoked := make(chan error, 1)
	go func() { revoked <- e.ids.Revoke("a") }()
	e.start("main")
	if err := <-revoked; err != nil {
		t.Errorf("the revocation did not wait: %v", err)
	}
	until(t, "the credential that was revoked is refused", func() bool {
		c, err := dialAs(e.keys, user, e.url("main"), trusting(e.keys.CA()))
		if err == nil {
			c.Close()
		}
		return errors.Is(err, natsgo.ErrAuthorization) || errors.Is(err, natsgo.ErrAuthRevoked)
	})
}

// A hub finds another server only after some seconds where the machine is busy. A request that nothing was sent of
// meanwhile is no failure.
func TestARevocationWaitsLongerForAServerThanForAnAnswer(t *testing.T) {
	t.Parallel()
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
	b, user := e.hub(1, "main"), e.join()
	e.ids.Advertise(must(e.keys.Trust([]string{e.url("main")}, e.keys.CA())), b.Revoke)
	until(t, "the hub has told the servers once", b.servers.Told)
	e.kill("main")
	until(t, "the hub has lost its connection", func() bool { return !b.servers.Conn().IsConnected() })
	began, revoked := time.Now(), make(chan error, 1)
	go func() { revoked <- e.ids.Revoke("a") }()
	until(t, "the hub has waited longer than for an answer",
		func() bool { return time.Since(began) > servers.AnswerPatience+time.Second })
	e.start("main")
	if err := <-revoked; err != nil {
		t.Errorf("the revocation did not wait: %v", err)
	}
	until(t, "the credential that was revoked is refused", func() bool {
		c, err := dialAs(e.keys, user, e.url("main"), trusting(e.keys.CA()))
		if err == nil {
			c.Close()
		}
		return errors.Is(err, natsgo.ErrAuthorization) || errors.Is(err, natsgo.ErrAuthRevoked)
	})
}

func TestAServerThatTheHubCannotVerifyIsNotSpokenTo(t *testing.T) {
	t.Parallel()
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
	for name, ca := range map[string]string{"another authority": must(keyring.Open(t.TempDir())).CA(),
		"the system's authorities": ""} {
		b := must(Connect(Options{URL: e.url("main"), CA: ca, Keys: e.keys, IDs: e.ids, Log: slog.New(slog.DiscardHandler)}))
		t.Cleanup(b.Close)
		until(t, "with "+name+" the hub says why it does not connect", func() bool {
			err := b.Reach()
			return err != nil && strings.Contains(err.Error(), "unknown authority") && strings.Contains(err.Error(), "--nats-ca")
		})
	}
}
