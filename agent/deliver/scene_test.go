package deliver

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/protocol"
)

// scene is an agent whose hub, store and cluster are in memory. Time is that of a bubble of synctest.
type scene struct {
	t *testing.T
	hub
	vault   *vault
	store   *store
	bus     *bus
	cluster *cluster
	log     *logged
	id      *credential.Identity
}

// one bubble is at work at a time: the coders of zstd are kept for the next who needs one (see agent.Pack), and one
// that was made in a bubble can be used in that alone.
var one sync.Mutex

// play runs a test on a scene in a bubble, and has what it made for others collected.
func play(t *testing.T, test func(s *scene)) {
	t.Helper()
	one.Lock()
	defer one.Unlock()
	defer func() { // also of a test that failed
		runtime.GC()
		runtime.GC() // what a sync.Pool keeps is gone after the second one
	}()
	synctest.Test(t, func(t *testing.T) { test(begin(t)) })
}

func begin(t *testing.T) *scene {
	t.Helper()
	did := &diary{}
	s := &scene{t: t, hub: newHub(t), log: &logged{}, store: &store{did: did, apps: map[string]agent.AppState{}},
		bus: &bus{online: true, chunks: map[string][]byte{}, lost: make(chan error, 1)}, cluster: &cluster{uid: "here"}}
	s.vault = &vault{did: did, credential: s.credential()}
	s.id = credential.NewIdentity(s.vault, s.logger())
	if err := s.id.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.log, nil)) }

func (s *scene) config() Config {
	return Config{Identity: s.id, Namespace: "drover", Name: "pod-1", Cluster: s.cluster, Store: s.store, Bus: s.bus,
		Objects: func(agent.Access) agent.Objects { return objects{} }, Log: s.logger(), Shown: shown.New()}
}

// term is a session that is under way, and how it ends.
type term struct {
	*session
	ctx context.Context
	end context.CancelCauseFunc
}

// session begins one whose outbox sends. It ends with the test.
func (s *scene) session(edit ...func(*Config)) *term {
	c := s.config()
	for _, e := range edit {
		e(&c)
	}
	ctx, end := context.WithCancelCause(s.t.Context())
	out := report.New(c.outbox(end), time.Now())
	x := &term{newSession(ctx, c, out, end), ctx, end}
	x.connected(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		out.Run(ctx, func() []byte { return x.report(protocol.Agent{}, 1) })
	}()
	s.t.Cleanup(func() {
		end(nil)
		x.close()
		<-done
	})
	return x
}

// receive has a session receive a bundle, and waits until nothing moves any more.
func (s *scene) receive(x *term, b protocol.Bundle) {
	s.t.Helper()
	x.receive(x.ctx, s.sealed(b))
	s.settle()
}

// settle waits until what happened has been reported, and nothing moves any more.
func (s *scene) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// restart is what the next process of the agent has: the same vault, store and hub.
func (s *scene) restart() {
	s.id = credential.NewIdentity(s.vault, s.logger())
	if err := s.id.Load(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// restored is a session that begins with what is stored.
func (s *scene) restored() *term {
	s.t.Helper()
	s.restart()
	x := s.session()
	stored, err := s.store.Load(x.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	x.restore(x.ctx, stored)
	s.settle()
	return x
}

// run runs an agent until the test stops it.
func (s *scene) run(edit ...func(*Config)) (stop func()) {
	c := s.config()
	for _, e := range edit {
		e(&c)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- New(c).Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("the agent ended with %v", err)
		}
	}
}

// hub signs, seals and renders.
type hub struct {
	t      *testing.T
	trust  protocol.Trust
	signer ed25519.PrivateKey
	key    []byte // X25519, private, of the cluster
}

func newHub(t *testing.T) hub {
	t.Helper()
	public, signer, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, open, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	trust := protocol.Trust{Servers: []string{"tls://hub.example:4222"}, HubKeys: [][]byte{public}, HubOpen: open}
	return hub{t, trust, signer, key}
}

// credential is that of the cluster, as it is stored.
func (h hub) credential() []byte {
	data, err := json.Marshal(protocol.Credential{Version: protocol.Version, Cluster: "east-1", Trust: h.trust, JWT: "jwt",
		Seed: "seed", OpenKey: h.key})
	if err != nil {
		h.t.Fatal(err)
	}
	return data
}

func (h hub) signed(b protocol.Bundle) []byte {
	envelope, err := protocol.SignBundle(b, h.signer)
	if err != nil {
		h.t.Fatal(err)
	}
	return envelope
}

func (h hub) sealed(b protocol.Bundle) []byte {
	public, err := protocol.OpenPublic(h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	sealed, err := protocol.Seal(public, b.Cluster, h.signed(b))
	if err != nil {
		h.t.Fatal(err)
	}
	return sealed
}

// bundle is one of the cluster, of epoch 2.
func bundle(generation uint64, apps ...protocol.App) protocol.Bundle {
	return protocol.Bundle{Version: protocol.Version, Cluster: "east-1", Epoch: 2, Generation: generation,
		Revision: protocol.Revision{Hash: fmt.Sprintf("c0ffee%034d", generation)}, Apps: apps}
}

// app is a suspended app with a blob of ConfigMaps of these names, which the hub has. Nothing is applied of it.
func (s *scene) app(name string, maps ...string) protocol.App {
	s.t.Helper()
	return protocol.App{Name: name, Namespace: "shop", Suspend: true, Prune: true, Blob: s.blob(maps...)}
}

// line is a ConfigMap as the hub renders it.
func line(name string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":"shop"}}`, name)
}

func lines(maps []string) []byte {
	var out strings.Builder
	for _, name := range maps {
		out.WriteString(line(name) + "\n")
	}
	return []byte(out.String())
}

func (s *scene) blob(maps ...string) *protocol.Blob {
	text := lines(maps)
	key, sealed, err := protocol.SealBlob([]byte(strings.Repeat("s", 32)), protocol.BlobDigest(text), agent.Pack(text))
	if err != nil {
		s.t.Fatal(err)
	}
	ref := protocol.Blob{Digest: protocol.BlobDigest(text), Key: key, Size: int64(len(text)), Chunks: 1,
		Objects: len(maps)}
	s.bus.set(func() { s.bus.chunks[ref.ID()] = sealed })
	return &ref
}

// stored is what an agent stored of an app that has applied ConfigMaps of these names.
func (s *scene) stored(spec protocol.App, generation uint64, maps ...string) agent.AppState {
	st := agent.AppState{Spec: spec, Epoch: 2, Generation: generation, Packed: agent.Pack(lines(maps))}
	if spec.Blob != nil {
		blob := *spec.Blob
		blob.Key = nil
		st.Spec.Blob = &blob
	}
	for _, name := range maps {
		st.Items = append(st.Items, agent.Item{Ref: mapRef(name), APIVersion: "v1", Line: agent.SumOf([]byte(line(name)))})
	}
	return st
}

func mapRef(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}
}

// diary is what was written, in its order.
type diary struct {
	mu   sync.Mutex // guards what follows
	done []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, fmt.Sprintf(format, args...))
}

// since gives what was written since it was asked last.
func (d *diary) since() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.done
	d.done = nil
	return out
}

// vault keeps the identity.
type vault struct {
	did        *diary
	mu         sync.Mutex // guards what follows
	credential []byte
	pending    []byte
	fail       error
}

func (v *vault) Load(context.Context) (credential, pending []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.credential, v.pending, v.fail
}

func (v *vault) Save(_ context.Context, credential, pending []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail != nil {
		return v.fail
	}
	v.credential, v.pending = credential, pending
	v.did.note("identity")
	return nil
}

// store keeps the agent's state, and says no when it is told to.
type store struct {
	did      *diary
	mu       sync.Mutex // guards what follows
	envelope []byte
	apps     map[string]agent.AppState
	damaged  []agent.Damage
	journal  []byte
	search   []byte
	fails    []error // answers of the next requests; nil lets one pass
	loads    int
}

// request is what every request begins with. The lock is held.
func (s *store) request() error {
	if len(s.fails) == 0 {
		return nil
	}
	err := s.fails[0]
	s.fails = s.fails[1:]
	return err
}

// refuse has the next requests fail.
func (s *store) refuse(errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = errs
}

func (s *store) Load(context.Context) (agent.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	if err := s.request(); err != nil {
		return agent.Stored{}, err
	}
	out := agent.Stored{Envelope: s.envelope, Damaged: slices.Clone(s.damaged), Journal: s.journal, Search: s.search}
	for _, name := range slices.Sorted(maps.Keys(s.apps)) {
		out.Apps = append(out.Apps, s.apps[name])
	}
	return out, nil
}

// save does one request that writes.
func (s *store) save(what string, write func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.request(); err != nil {
		return err
	}
	write()
	s.did.note("%s", what)
	return nil
}

func (s *store) SaveBundle(_ context.Context, envelope []byte, generation uint64) error {
	return s.save(fmt.Sprintf("bundle %d", generation), func() { s.envelope = envelope })
}

func (s *store) SaveApp(_ context.Context, a agent.AppState) error {
	return s.save("app "+a.Spec.Name, func() { s.apps[a.Spec.Name] = a })
}

func (s *store) DropApp(_ context.Context, name string) error {
	return s.save("drop "+name, func() { delete(s.apps, name) })
}

func (s *store) SaveJournal(_ context.Context, journal []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = journal
	return nil
}

func (s *store) SaveSearch(_ context.Context, search []byte) error {
	return s.save("search", func() { s.search = search })
}

// names are the apps that are stored.
func (s *store) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.apps))
}

// bus is the session with the hub.
type bus struct {
	mu      sync.Mutex // guards what follows
	online  bool
	joins   int
	joinErr error
	runs    int
	renews  int
	chunks  map[string][]byte
	reports []protocol.Report
	events  []protocol.Event
	deliver func([]byte)
	connect func(bool)
	ask     func(protocol.Ask)
	lost    chan error // ends a run
}

func (b *bus) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *bus) Join(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.joins++
	return b.joinErr
}

func (b *bus) Run(ctx context.Context, deliver func([]byte), connected func(bool), asked func(protocol.Ask)) error {
	b.set(func() { b.runs, b.deliver, b.connect, b.ask = b.runs+1, deliver, connected, asked })
	connected(b.up())
	select {
	case <-ctx.Done():
		return nil
	case err := <-b.lost:
		return err
	}
}

func (b *bus) up() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}

// Answer is never called: these agents answer no questions.
func (b *bus) Answer(context.Context, string, []byte) error { return errors.ErrUnsupported }

func (b *bus) Renew() { b.set(func() { b.renews++ }) }

func (b *bus) Chunk(_ context.Context, id string, _ int) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.chunks[id]
	if !ok {
		return nil, errors.New("there is no such blob")
	}
	return data, nil
}

func (b *bus) Report(_ context.Context, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.online {
		return agent.ErrOffline
	}
	var r protocol.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	b.reports = append(b.reports, r)
	return nil
}

func (b *bus) Record(_ context.Context, events [][]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.online {
		return agent.ErrOffline
	}
	for _, data := range events {
		var e protocol.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		b.events = append(b.events, e)
	}
	return nil
}

// told are the events of a kind that the hub was told of.
func (b *bus) told(kind protocol.EventKind) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Kind == kind {
			out = append(out, e.Message)
		}
	}
	return out
}

// said are the reports since it was asked last.
func (b *bus) said() []protocol.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.reports
	b.reports = nil
	return out
}

// cluster serves ConfigMaps and lists none. What only watches is quiet until its context is done.
type cluster struct {
	mu       sync.Mutex // guards what follows
	uid      string
	version  error
	discover error
	watched  []string
	silent   bool // its watches do not list
	deaf     int  // how often it does not answer where a kind is served
}

func (c *cluster) Resolve(_ context.Context, apiVersion, kind string) (agent.Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deaf > 0 {
		c.deaf--
		return agent.Resource{}, errors.New("no answer")
	}
	return agent.Resource{Version: apiVersion, Kind: kind, Namespaced: true}, nil
}

func (c *cluster) Served(ctx context.Context, group, kind string) (agent.Resource, error) {
	return c.Resolve(ctx, group, kind)
}
func (c *cluster) Learn([]agent.Resource) {}

func (c *cluster) Discover(context.Context) error          { return c.discover }
func (c *cluster) APIs() []string                          { return []string{"v1 ConfigMap"} }
func (c *cluster) APIsDigest() string                      { return protocol.APIsDigest(c.APIs()) }
func (c *cluster) Version(context.Context) (string, error) { return "v1.33.1", c.version }
func (c *cluster) UID(context.Context) (string, error)     { return c.uid, nil }

func (c *cluster) Watch(ctx context.Context, res agent.Resource, _ string, _ agent.Rules, sight func(agent.Sighting)) {
	c.mu.Lock()
	c.watched = append(c.watched, res.Kind)
	c.mu.Unlock()
	if !c.silent {
		for _, kind := range [...]agent.SightingKind{agent.SightListing, agent.SightListed, agent.SightWatching} {
			sight(agent.Sighting{Kind: kind, Resource: res, At: time.Now()})
		}
	}
	<-ctx.Done()
}

func (c *cluster) kinds() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.watched)
}

func (c *cluster) Follow(ctx context.Context, _ agent.Resource, _, _ string, _ *health.Rule, _ func(agent.Sighting)) {
	<-ctx.Done()
}

func (c *cluster) Scalers(ctx context.Context, _ string, _ func(agent.SightingKind, agent.Scaler)) {
	<-ctx.Done()
}

func (c *cluster) Definitions(ctx context.Context, _ func(string)) { <-ctx.Done() }

func (c *cluster) Versions(ctx context.Context, _ protocol.VarsRef, _ func(uint64)) { <-ctx.Done() }

func (c *cluster) Explain(ctx context.Context, _ agent.Resource, _ protocol.ObjectRef, _ func(fleet.Cause)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (c *cluster) Completed(context.Context, protocol.ObjectRef, string) (bool, error) {
	return false, nil
}

func (c *cluster) Inside(context.Context, protocol.ObjectRef) ([]agent.Resource, []agent.Found, bool, error) {
	return nil, nil, false, nil
}

func (c *cluster) Labelled(context.Context, []string) ([]agent.Found, []string, []string, error) {
	return nil, nil, nil, nil
}

// objects may not be asked anything: no test has anything applied or deleted.
type objects struct{ agent.Objects }

// logged is a log that may be read while it is written.
type logged struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// has says whether a text was logged.
func (l *logged) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// names are those of the apps on the board of a session.
func (x *term) names() (out []string) {
	for _, a := range x.Board.All() {
		out = append(out, a.Name)
	}
	return out
}

// message is what the report says of the session.
func (x *term) message() (text string) {
	x.Notes.With(func() { text = x.Notes.Message })
	return text
}

// refused is the refusal that the report has.
func (x *term) refused() (r *protocol.Refusal) {
	x.Notes.With(func() { r = x.Notes.Refused })
	return r
}

// same fails the test if both lists differ.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
