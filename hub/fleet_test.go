package hub_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/sourceignore"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/nats"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// patience is how long a test waits for something that takes milliseconds.
var patience = race.Patience(90 * time.Second)

// silence is how long no other hub may answer before one takes over: much less than the ten seconds of a real one.
const silence = 500 * time.Millisecond

// rig is a hub as `drover hub` puts it together: real Git, kustomize, NATS and bbolt.
type rig struct {
	renderer model.Renderer // nil for one that all tests share
	t        *testing.T
	repo     string // a work tree
	data     string
	ttl      time.Duration // of credentials; 0 means the default
	// grace and maxStore are those of the hub and of the server; 0 means the default.
	grace    time.Duration
	maxStore int64
	// remote: the hub connects to its server over the network, as to an external one.
	remote bool
	// guest: the server outlives the hub.
	guest bool
	// url is the repository that the hub follows, looked at every poll; repo, if it is empty.
	url  string
	poll time.Duration
	// old: the hub knows no epochs, like c9a339c.
	old      bool
	takeOver bool
	// hasty: the hub publishes what is still being rendered as soon as it does elsewhere. Otherwise it waits, so that a
	// commit is one bundle on a busy machine, too.
	hasty bool
	// unautomated: Applications without automated sync are delivered like all others.
	unautomated bool
	// elsewhere are the sources that files in the repository may name; nil for none.
	elsewhere *elsewhere
	addresses []string // of the repository, by which files in it name it
	gates     gate.Metrics
	keysOf    model.Keys // of the hub
	logged    io.Writer  // beside the test's own log, with all that the hub says; nil for none
	reverts   rollouts.Reverting
	// resolver, unless nil, gives what stands in front of the hub's resolver.
	resolver func(hub.Resolving) hub.Resolving
	plugins  string // text of ConfigManagementPlugins; "" for none

	hub     *hub.Hub
	roles   *roles.Keeper
	sources *fetch.Follower // nil without elsewhere
	ids     *identity.Identities
	keys    *keyring.Keys
	server  *server.Server
	store   *bolt.Store
	addr    string
	stop    func()
	agents  map[string]*natsgo.Conn
	creds   map[string]protocol.Credential
}

func newRig(t *testing.T, files map[string]string) *rig { return newRigWith(t, nil, files) }

func newRigWith(t *testing.T, sources *elsewhere, files map[string]string, edits ...func(*rig)) *rig {
	return newRigAs(t, sources, nil, files, edits...)
}

// newRigAs is for files that name the repository by an address.
func newRigAs(t *testing.T, sources *elsewhere, addresses []string, files map[string]string, edits ...func(*rig)) *rig {
	r := &rig{t: t, elsewhere: sources, addresses: addresses, repo: t.TempDir(), data: t.TempDir(), addr: freeAddr(t),
		creds: map[string]protocol.Credential{}, agents: map[string]*natsgo.Conn{}}
	for _, edit := range edits {
		edit(r)
	}
	r.git("init", "-q", "-b", "main")
	r.write(files)
	r.commit("first")
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// freeAddr is an address that is free now and will be when the hub is started again: nobody else takes one of a random
// loopback network, and the port is none that the kernel hands out (32768 and above).
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		ip := net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254)))
		ln, err := net.Listen("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(10000+rand.IntN(20000))))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no address is free")
	return ""
}

func (r *rig) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.repo
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// write writes files; an empty one is removed.
func (r *rig) write(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		path := filepath.Join(r.repo, name)
		if text == "" {
			if err := os.RemoveAll(path); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) commit(message string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
}

// push commits files, and waits until the hub has resolved that commit or says why it does not.
func (r *rig) push(message string, files map[string]string) {
	r.t.Helper()
	r.write(files)
	r.commit(message)
	subject, _, _ := strings.Cut(message, "\n")
	r.until("the hub looked at "+subject, func() bool {
		s := r.hub.State().Source()
		return s.Revision.Subject == subject || s.Error != ""
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// start starts the hub.
func (r *rig) start() {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	if r.logged != nil {
		log = slog.New(slog.NewTextHandler(r.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	keys := must(keyring.Open(filepath.Join(r.data, "keys")))
	store := must(bolt.Open(filepath.Join(r.data, "hub.db"), keys.Secret, log, keys.Former))
	r.store = store
	r.ids = must(identity.Open(r.data, keys))
	r.ids.Log = log
	if r.ttl > 0 {
		r.ids.TTL = r.ttl
	}
	source := must(git.Open(git.Options{URL: cmp.Or(r.url, r.repo), Branch: "main", Dir: filepath.Join(r.data, "git"), PollInterval: r.poll, Log: log}))
	r.keys = keys
	if !r.guest {
		r.serve(log)
	}
	opts := nats.Options{Server: r.server, Standby: !r.old, Keys: keys, IDs: r.ids, Log: log}
	if r.remote {
		opts.Server, opts.URL, opts.CA = nil, "tls://"+r.addr, keys.CA()
	}
	bus := must(nats.Connect(opts))
	trust := must(keys.Trust([]string{"tls://" + r.addr}, keys.CA()))
	r.ids.Advertise(trust, bus.Revoke)
	renderer := r.renderer
	if renderer == nil {
		renderer = builds()
	}
	h := hub.New(r.repo)
	h.Source, h.Store, h.Bus, h.Identities, h.Signers, h.Trust, h.Log = source, store, bus, r.ids, keys.Signers, &trust, log
	if h.Silence, h.TakeOver = silence, r.takeOver; !r.old {
		h.Peers, h.Leads = bus, store
	}
	h.Journal = must(audit.Open(store.Table(bolt.TableDecisions), keys.Signers))
	h.Journal.Attach(nats.DecisionsOf(bus), must(audit.CoverOf(keys.Secret, keys.Former)))
	worker := charts(r.t)
	builds := &helm.Inflater{Builder: renderer, Charts: worker}
	cfg := resolve.Config{Layout: &layout.Layout{Renderer: builds, Templates: worker}, Renderer: builds,
		Substitute: envsubst.Replace, Store: store, Secret: keys.Secret, Charts: worker, Repository: r.addresses, Background: true,
		Unautomated: r.unautomated, Moment: 20 * time.Second}
	if r.hasty {
		cfg.Moment = 0
	}
	if r.plugins != "" {
		plugged(r.t, &cfg, r.plugins)
	}
	cfg.Keys = r.keysOf
	h.Grace, r.sources = r.grace, nil
	h.Policies, h.Gates = cfg.Layout.(*layout.Layout), gate.Asking{Metrics: r.gates, Condition: cel.Gate}
	h.Reverts = r.reverts
	if r.elsewhere != nil {
		r.sources = r.elsewhere.follow(r.data, log)
		h.Sources, cfg.Sources, cfg.Ignore = r.sources, r.sources, sourceignore.Filter
	}
	h.Resolver = resolve.New(cfg)
	if r.resolver != nil {
		h.Resolver = r.resolver(h.Resolver)
	}
	r.hub, r.roles = h, must(roles.Open(store.Table(bolt.TableAccess), layout.ReadAccess, log))
	h.State().Tell(r.roles.Follow)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("the hub ended with %v", err)
		}
		if r.sources != nil {
			r.sources.Close()
		}
		for name, c := range r.agents {
			c.Close()
			delete(r.agents, name)
		}
		bus.Close()
		if !r.guest {
			r.server.Close()
		}
		_ = source.Close()
		if err := store.Close(); err != nil {
			r.t.Error(err)
		}
		r.stop = func() {}
	}
	r.until("the hub has read the repository", func() bool {
		s := h.State().Source()
		return s.Revision.Hash != "" || s.Error != ""
	})
}

// serve starts the embedded server.
func (r *rig) serve(log *slog.Logger) *server.Server {
	host, _, err := net.SplitHostPort(r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = must(server.Start(server.Options{Listen: r.addr, Dir: filepath.Join(r.data, "nats"),
		Certificate: must(r.keys.Certificate([]string{host})), Keys: r.keys, Revoked: r.ids.Revoked(), MaxStore: r.maxStore,
		Distrusted: r.ids.Distrust, Log: log}))
	return r.server
}

// roots are what an agent verifies servers with.
func roots(t protocol.Trust) natsgo.Option {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(t.CA))
	return natsgo.Secure(&tls.Config{RootCAs: pool})
}

// restart stops the hub, does something to what it left behind, and starts it again.
func (r *rig) restart(meanwhile func()) {
	r.t.Helper()
	r.stop()
	if meanwhile != nil {
		meanwhile()
	}
	r.start()
}

func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		changed := r.hub.State().Changed()
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond): // what is not in the state, such as the bus
		case <-deadline:
			r.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// get reads what the hub's store has, and asks again as an agent does: a server that has just begun, or one that is
// told of new permissions, may lose a question.
func get(c *natsgo.Conn, subject string) (*natsgo.Msg, error) {
	deadline := time.Now().Add(patience)
	for {
		m, err := c.Request(subject, nil, patience/30)
		if !errors.Is(err, natsgo.ErrTimeout) || time.Now().After(deadline) {
			return m, err
		}
	}
}

// bundle reads a cluster's bundle as its agent would; ok is false if there is none.
func (r *rig) bundle(name string) (b protocol.Bundle, ok bool) {
	r.t.Helper()
	m, err := get(r.agent(name), protocol.DesiredGet(name))
	if errors.Is(err, natsgo.ErrNoResponders) {
		return b, false // the hub has not made its streams yet: an agent asks again, too
	}
	if err != nil {
		r.t.Fatalf("bundle of %s: %v", name, err)
	}
	if m.Header.Get("Status") == "404" {
		return b, false
	}
	cred := r.creds[name]
	envelope, err := protocol.Unseal(cred.OpenKey, name, m.Data)
	if err != nil {
		r.t.Fatalf("bundle of %s: %v", name, err)
	}
	if b, err = protocol.VerifyBundle(envelope, name, cred.SigningKeys()); err != nil {
		r.t.Fatalf("bundle of %s: %v", name, err)
	}
	return b, true
}

// await waits for a bundle that satisfies cond.
func (r *rig) await(name, what string, cond func(protocol.Bundle) bool) protocol.Bundle {
	r.t.Helper()
	var b protocol.Bundle
	r.until(fmt.Sprintf("the bundle of %s: %s", name, what), func() bool {
		got, ok := r.bundle(name)
		b = got
		return ok && cond(got)
	})
	return b
}

// settled says whether nothing of a bundle is still being rendered.
func settled(b protocol.Bundle) bool {
	return !slices.ContainsFunc(b.Apps, func(a protocol.App) bool { return a.Reason == protocol.ReasonRendering })
}

// lines reads the objects of an app as the agent would.
func (r *rig) lines(cluster string, b protocol.Bundle, app string) string {
	r.t.Helper()
	a := appOf(b, app)
	if a == nil || a.Blob == nil {
		return ""
	}
	var sealed []byte
	for i := range a.Blob.Chunks {
		m, err := get(r.agent(cluster), protocol.BlobGet(a.Blob.ID(), i))
		if err != nil || m.Header.Get("Status") == "404" {
			r.t.Fatalf("blob of %s: %v %v", app, err, m)
		}
		sealed = append(sealed, m.Data...)
	}
	compressed, err := protocol.OpenBlob(*a.Blob, sealed)
	if err != nil {
		r.t.Fatal(err)
	}
	dec := must(zstd.NewReader(nil))
	defer dec.Close()
	text, err := dec.DecodeAll(compressed, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := protocol.CheckBlob(*a.Blob, text); err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// appOf gives an app of a bundle, by its key, or by the name that releases without keys gave it.
func appOf(b protocol.Bundle, name string) *protocol.App {
	i := slices.IndexFunc(b.Apps, func(a protocol.App) bool { return a.Name == name })
	if i < 0 {
		i = slices.IndexFunc(b.Apps, func(a protocol.App) bool { return slices.Contains(a.Formerly, name) })
	}
	if i < 0 {
		return nil
	}
	return &b.Apps[i]
}

// shownApps is a text as people are shown it.
func (r *rig) shown(text string) string { return r.hub.State().Shown().Text(text) }

// report has a cluster's agent report.
func (r *rig) report(name string, edit func(*protocol.Report)) {
	r.t.Helper()
	rep := protocol.Report{Version: protocol.Version, Cluster: name, Seq: 1, Time: time.Now(), Agent: protocol.Agent{Identity: "test", Started: time.Now(), Term: 1}}
	edit(&rep)
	r.say(protocol.SpeechReport, r.creds[name], must(json.Marshal(rep)))
}

func (r *rig) row(name string) query.Row {
	r.t.Helper()
	c, ok := r.hub.State().Get(name)
	if !ok {
		r.t.Fatalf("the hub knows no cluster %s", name)
	}
	return c.Row()
}

func (r *rig) names() string {
	var out []string
	for _, c := range r.hub.State().Select(selector.Selector{}) {
		out = append(out, c.Name)
	}
	return strings.Join(out, " ")
}

// quietLog shows warnings.
func quietLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
