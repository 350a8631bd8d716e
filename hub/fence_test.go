package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/backup"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// newGuest is a hub on a NATS server that outlives it, and follows a repository over http that is looked at when it
// is poked or told to.
func newGuest(t *testing.T, files map[string]string) (*rig, *elsewhere) {
	t.Helper()
	e := newElsewhere(t)
	r := &rig{t: t, repo: t.TempDir(), data: t.TempDir(), addr: freeAddr(t), creds: map[string]protocol.Credential{}, agents: map[string]*natsgo.Conn{},
		remote: true, guest: true, poll: 50 * time.Millisecond}
	r.keys = must(keyring.Open(filepath.Join(r.data, "keys")))
	r.ids = must(identity.Open(r.data, r.keys))
	r.git("init", "-q", "-b", "main")
	r.write(files)
	r.commit("first")
	r.url = e.push("fleet.git", "", nil)
	r.git("remote", "add", "origin", filepath.Join(e.dir, "fleet.git"))
	r.upload()
	home := r.data
	r.data = t.TempDir() // where the server keeps its streams: not in the hub's directory
	server := r.serve(quietLog(t))
	r.data = home
	t.Cleanup(server.Close)
	r.start()
	t.Cleanup(func() { r.stop() })
	return r, e
}

// upload pushes what is committed.
func (r *rig) upload(args ...string) {
	r.t.Helper()
	r.git(append([]string{"push", "-q", "-f", "origin", "main"}, args...)...)
}

// beside is another hub of the same fleet on the same server, with another data directory.
func (r *rig) beside(data string) *rig {
	r.t.Helper()
	other := &rig{t: r.t, repo: r.repo, url: r.url, poll: time.Hour, data: data, addr: r.addr, server: r.server, remote: true, guest: true,
		creds: r.creds, agents: map[string]*natsgo.Conn{}}
	r.t.Cleanup(func() {
		if other.stop != nil {
			other.stop()
		}
	})
	return other
}

// backedUp gives a backup of the hub, as `drover hub backup` makes it while the hub runs.
func (r *rig) backedUp() *bytes.Buffer {
	r.t.Helper()
	store := filepath.Join(r.t.TempDir(), "hub.db")
	f := must(os.Create(store))
	must(r.store.WriteTo(f))
	must(0, f.Close())
	var file bytes.Buffer
	must(0, backup.Write(&file, r.data, store, "test"))
	return &file
}

// copyOfData copies the hub's data directory while it runs: its store consistently, the rest as it is.
func (r *rig) copyOfData() string {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "copy")
	must(0, os.CopyFS(dir, os.DirFS(r.data)))
	must(0, os.Remove(filepath.Join(dir, "hub.db")))
	f := must(os.Create(filepath.Join(dir, "hub.db")))
	must(r.store.WriteTo(f))
	must(0, f.Close())
	return dir
}

func restored(t *testing.T, file *bytes.Buffer) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	must(backup.Read(bytes.NewReader(file.Bytes()), dir, func(dir string) error {
		return bolt.Restored(filepath.Join(dir, "hub.db"), must(keyring.Open(filepath.Join(dir, "keys"))).Secret)
	}))
	return dir
}

// obedient is an agent that accepts bundles as agents do, and reports. It counts apps that it had to delete.
type obedient struct {
	r       *rig
	name    string
	conn    *natsgo.Conn
	cred    protocol.Credential
	ignores bool // epochs, like c9a339c

	mu       sync.Mutex
	accepted []protocol.Bundle
	refused  int
	deleted  int
	seq      uint64
	started  time.Time
}

func (r *rig) obey(name string, edit ...func(*obedient)) *obedient {
	r.t.Helper()
	o := &obedient{r: r, name: name, cred: r.creds[name], started: time.Now()}
	for _, f := range edit {
		f(o)
	}
	o.conn = must(r.dial(o.cred.Trust, o.cred.JWT, o.cred.Seed, name, natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond),
		natsgo.ReconnectHandler(func(*natsgo.Conn) { o.connected() })))
	r.t.Cleanup(o.conn.Close)
	must(o.conn.Subscribe(protocol.DesiredSubject(name), func(m *natsgo.Msg) { o.take(m.Data) }))
	o.connected()
	return o
}

// connected says Hello, and asks for the bundle.
func (o *obedient) connected() {
	o.hello()
	o.ask()
}

func (o *obedient) ask() {
	if m, err := get(o.conn, protocol.DesiredGet(o.name)); err == nil && len(m.Data) > 0 {
		o.take(m.Data)
	}
}

func (o *obedient) hello() {
	h := protocol.Hello{Version: protocol.Version, Cluster: o.name, Time: time.Now(), JWT: o.cred.JWT, OpenKey: must(protocol.OpenPublic(o.cred.OpenKey))}
	must(0, o.conn.Publish(protocol.HelloSubject(o.name), must(protocol.SignMessage(h, signer(o.cred.Seed)))))
	o.report()
}

// take accepts a bundle, or refuses it.
func (o *obedient) take(sealed []byte) {
	envelope, err := protocol.Unseal(o.cred.OpenKey, o.name, sealed)
	if err != nil {
		return
	}
	b, err := protocol.VerifyBundle(envelope, o.name, o.cred.SigningKeys())
	if err != nil {
		o.r.t.Error(err)
		return
	}
	o.mu.Lock()
	last := protocol.Bundle{}
	if len(o.accepted) > 0 {
		last = o.accepted[len(o.accepted)-1]
	}
	epoch, lastEpoch := b.Epoch, last.Epoch
	if o.ignores {
		epoch, lastEpoch = 0, 0
	}
	newer := epoch > lastEpoch || epoch == lastEpoch && b.Generation > last.Generation
	if newer {
		for _, a := range last.Apps {
			if appOf(b, a.Name) == nil && b.Incomplete == "" {
				o.deleted++
			}
		}
		o.accepted = append(o.accepted, b)
	} else if b.Digest() != last.Digest() {
		o.refused++
	}
	o.mu.Unlock()
	if newer {
		o.report()
	}
}

func (o *obedient) report() {
	o.mu.Lock()
	o.seq++
	rep := protocol.Report{Version: protocol.Version, Cluster: o.name, Seq: o.seq, Time: time.Now(), Agent: protocol.Agent{Identity: "obedient", Started: o.started, Term: 1}}
	if len(o.accepted) > 0 {
		b := o.accepted[len(o.accepted)-1]
		rep.Generation, rep.Digest, rep.Revision = b.Generation, b.Digest(), b.Revision
		if !o.ignores {
			rep.Epoch = b.Epoch
		}
	}
	o.mu.Unlock()
	spoken := must(protocol.Speak(protocol.SpeechReport, o.name, signer(o.cred.Seed), o.cred.HubOpen, must(json.Marshal(rep))))
	if err := errors.Join(o.conn.Publish(protocol.ReportSubject(o.name), spoken), o.conn.Flush()); err != nil && !o.conn.IsClosed() && o.conn.IsConnected() {
		o.r.t.Error(err)
	}
}

func (o *obedient) last() (b protocol.Bundle, count, deleted int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.accepted) > 0 {
		b = o.accepted[len(o.accepted)-1]
	}
	return b, len(o.accepted), o.deleted
}

// has waits until the agent has accepted a bundle.
func (o *obedient) has(what string, cond func(protocol.Bundle) bool) protocol.Bundle {
	o.r.t.Helper()
	var b protocol.Bundle
	o.r.until(o.name+" accepts "+what, func() bool {
		var count int
		if b, count, _ = o.last(); count == 0 { // a message may be routed before it is stored, and be missed both ways
			o.ask()
		}
		return b.Generation > 0 && cond(b)
	})
	return b
}

// withApp is a commit that only adds an app.
func withApp(name string) map[string]string {
	return map[string]string{"apps/" + name + "/config.yaml": configMap(name, "1"), "clusters/a/" + name + ".yaml": app(name, "apps/"+name, "")}
}

func hasApp(name string) func(protocol.Bundle) bool {
	return func(b protocol.Bundle) bool { return appOf(b, name) != nil }
}

func (r *rig) stands(state protocol.HubState, reason query.Reason) {
	r.t.Helper()
	r.until("the hub is "+string(state)+" because of "+string(reason), func() bool {
		s := r.hub.State().Source()
		if s.Hub.State != state {
			return false
		}
		return reason == "" && s.Withheld == nil || s.Withheld != nil && s.Withheld.Reason == reason
	})
}

// Two hubs of one fleet: the second one, restored from a backup that is older, or a copy, sees later what is
// committed. It used to go 228 generations back and forth, and every other one deleted what the commit had added.
func TestAHubBesideTheFirstPublishesNothing(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]func(*rig) string{
		"restored from a backup": func(r *rig) string { return restored(r.t, r.backedUp()) },
		"a copy":                 (*rig).copyOfData,
	} {
		for agent, ignores := range map[string]bool{"an agent with epochs": false, "an agent without": true} {
			t.Run(name+" and "+agent, func(t *testing.T) {
				t.Parallel()
				first, _ := newGuest(t, twoClusters())
				first.join("a")
				o := first.obey("a", func(o *obedient) { o.ignores = ignores })
				before := o.has("the first bundle", func(protocol.Bundle) bool { return true })
				if before.Epoch != 1 || before.Generation != 1 {
					t.Errorf("a new fleet begins with epoch %d, generation %d", before.Epoch, before.Generation)
				}
				second := first.beside(dir(first))
				second.start()
				second.stands(protocol.HubStandby, query.ReasonOtherHub)
				if w := second.hub.State().Source().Withheld; !strings.Contains(w.Command, "drover hub --take-over") {
					t.Errorf("the way back is not said: %+v", w)
				}

				first.join("b") // the second hub refuses nobody either
				first.write(withApp("late"))
				first.commit("late")
				first.upload()
				o.has("the new app", hasApp("late"))
				time.Sleep(2 * silence) // in which the second hub would answer the agent's report
				b, count, deleted := o.last()
				if b.Generation != 2 || count != 2 || deleted != 0 || b.Epoch != 1 {
					t.Errorf("after one commit the agent has accepted %d bundles, up to %d/%d, and deleted %d apps", count, b.Epoch, b.Generation, deleted)
				}
				first.stands(protocol.HubActive, "")
				second.stands(protocol.HubStandby, query.ReasonOtherHub)

				first.stop()
				second.stands(protocol.HubActive, "")
				second.poll = 50 * time.Millisecond
				taken := o.has("a bundle of the second hub", func(b protocol.Bundle) bool { return b.Epoch == 2 })
				if taken.Generation <= b.Generation || taken.Digest() != b.Digest() {
					t.Errorf("the second hub took over with generation %d after %d, and content %t", taken.Generation, b.Generation, taken.Digest() == b.Digest())
				}
				if _, _, deleted := o.last(); deleted != 0 {
					t.Errorf("taking over deleted %d apps", deleted)
				}
			})
		}
	}
}

// When NATS comes back every hub asks who is there before it publishes.
func TestAfterNATSWasAwayOneHubPublishes(t *testing.T) {
	t.Parallel()
	first, _ := newGuest(t, twoClusters())
	first.join("a")
	o := first.obey("a")
	o.has("the first bundle", func(protocol.Bundle) bool { return true })
	second := first.beside(first.copyOfData())
	second.poll = first.poll // it may be the one that is back first, and quick to take over in a test
	second.start()
	second.stands(protocol.HubStandby, query.ReasonOtherHub)
	first.server.Close()
	first.write(withApp("late"))
	first.commit("late")
	first.upload()
	first.until("the hub waits for NATS", func() bool { return first.hub.State().Source().Stalled != "" })
	home := first.data
	first.data = t.TempDir() // all that was on the bus is lost
	server := first.serve(quietLog(t))
	first.data = home
	t.Cleanup(server.Close)
	o.has("the new app", hasApp("late"))
	first.until("one hub publishes", func() (one bool) {
		for _, r := range []*rig{first, second} {
			one = one != (r.hub.State().Source().Hub.State == protocol.HubActive)
		}
		return one
	})
	if b, _, deleted := o.last(); deleted != 0 || b.Epoch > 2 {
		t.Errorf("the agent is at %d/%d and deleted %d apps", b.Epoch, b.Generation, deleted)
	}
}

// Whom another hub has taken over from publishes nothing, until a person says that it shall.
func TestAHubThatWasReplacedIsFenced(t *testing.T) {
	t.Parallel()
	first, _ := newGuest(t, twoClusters())
	first.join("a", "b")
	o := first.obey("a")
	o.has("the first bundle", func(protocol.Bundle) bool { return true })
	file := first.backedUp()
	first.stop()
	second := first.beside(restored(t, file))
	second.start()
	o.r = second
	o.has("a bundle of epoch 2", func(b protocol.Bundle) bool { return b.Epoch == 2 })
	second.restart(nil)
	second.stands(protocol.HubActive, "")
	if s := second.hub.State().Source().Hub; s.Epoch != 2 {
		t.Errorf("after a restart the epoch is %d", s.Epoch)
	}

	first.start()
	first.stands(protocol.HubFenced, query.ReasonNewerEpoch)
	if err := first.ids.Revoke("b"); err != nil {
		t.Error(err)
	}
	second.stop() // and stays fenced: who took over may come back
	time.Sleep(2 * silence)
	first.stands(protocol.HubFenced, query.ReasonNewerEpoch)
	server := httptest.NewServer((&api.Server{State: first.hub.State(), Token: "token", Log: first.hub.Log,
		Trust: *first.hub.Trust}).Handler())
	defer server.Close()
	req := must(http.NewRequest(http.MethodPost, server.URL+"/api/v1/clusters/a/revoke", nil))
	req.Header.Set("Authorization", "Bearer token")
	answer := must(http.DefaultClient.Do(req))
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusConflict {
		t.Errorf("a fenced hub revokes: %s", answer.Status)
	}
	if b, _, _ := o.last(); b.Epoch != 2 {
		t.Errorf("the agent has epoch %d", b.Epoch)
	}

	first.stop()
	first.takeOver = true
	first.start()
	o.r = first
	o.has("a bundle of epoch 3", func(b protocol.Bundle) bool { return b.Epoch == 3 })
	second.start()
	second.stands(protocol.HubFenced, query.ReasonNewerEpoch)
	first.restart(nil) // with the flag, which nothing is in the way of now
	first.stands(protocol.HubActive, "")
	if s := first.hub.State().Source().Hub; s.Epoch != 3 {
		t.Errorf("a flag that was left there raised the epoch to %d", s.Epoch)
	}
	if _, _, deleted := o.last(); deleted != 0 {
		t.Errorf("the agent deleted %d apps", deleted)
	}
}

// A person may have the second hub take over while the first runs: then that one stands back by itself.
func TestAHubThatIsTakenOverFromStandsBack(t *testing.T) {
	t.Parallel()
	first, _ := newGuest(t, twoClusters())
	first.join("a")
	o := first.obey("a")
	o.has("the first bundle", func(protocol.Bundle) bool { return true })
	second := first.beside(first.copyOfData())
	second.takeOver = true
	second.start()
	second.stands(protocol.HubActive, "")
	first.stands(protocol.HubFenced, query.ReasonNewerEpoch)
	o.has("a bundle of epoch 2", func(b protocol.Bundle) bool { return b.Epoch == 2 })
	first.write(withApp("late"))
	first.commit("late")
	first.upload()
	first.until("the fenced hub follows Git", func() bool { return first.hub.State().Source().Revision.Subject == "late" })
	if b, count, _ := o.last(); count != 2 || b.Epoch != 2 {
		t.Errorf("the agent has accepted %d bundles, the last of epoch %d", count, b.Epoch)
	}
}

// Directories and agents of c9a339c know no epochs: they go on as they did, in both directions.
func TestAStoreWithoutAnEpochGoesOn(t *testing.T) {
	t.Parallel()
	first, _ := newGuest(t, twoClusters())
	first.stop()
	keys := filepath.Join(first.data, "keys")
	first.data, first.old = t.TempDir(), true
	must(0, os.CopyFS(filepath.Join(first.data, "keys"), os.DirFS(keys)))
	first.start()
	first.join("a")
	o := first.obey("a")
	if b := o.has("the first bundle", func(protocol.Bundle) bool { return true }); b.Epoch != 0 {
		t.Fatalf("a hub of before has epoch %d", b.Epoch)
	}
	for i, old := range []bool{false, true, false} {
		first.stop()
		first.old = old
		first.start()
		app := string(rune('x' + i))
		first.write(withApp(app))
		first.commit(app)
		first.upload()
		b := o.has(app, hasApp(app))
		if b.Epoch != 0 || b.Generation != uint64(i)+2 {
			t.Errorf("step %d: epoch %d, generation %d", i, b.Epoch, b.Generation)
		}
	}
	// A hub that takes over from it has epoch 1, and the one before is fenced.
	file := first.backedUp()
	first.stop()
	second := first.beside(restored(t, file))
	second.start()
	o.r = second
	o.has("a bundle of epoch 1", func(b protocol.Bundle) bool { return b.Epoch == 1 })
	first.start()
	first.stands(protocol.HubFenced, query.ReasonNewerEpoch)
	if _, _, deleted := o.last(); deleted != 0 {
		t.Errorf("the agent deleted %d apps", deleted)
	}
}

// An agent's word stops nothing but what concerns its own cluster.
func TestANewerEpochThatAnAgentReportsHoldsItsClusterAlone(t *testing.T) {
	t.Parallel()
	r, _ := newGuest(t, twoClusters())
	r.join("a", "b")
	a, b := r.obey("a"), r.obey("b")
	a.has("a bundle", func(protocol.Bundle) bool { return true })
	b.has("a bundle", func(protocol.Bundle) bool { return true })
	r.restart(nil) // so that it has not taken over just now
	r.report("a", func(rep *protocol.Report) {
		rep.Epoch, rep.Generation, rep.Digest, rep.Agent.Identity = 1<<40, 7, "another hub's", "liar"
	})
	r.until("a is held", func() bool { w := r.row("a").Withheld; return w != nil && w.Reason == query.ReasonAgentEpoch })
	if m := r.row("a").Message; !strings.Contains(m, "--take-over") || !strings.Contains(m, string(query.ReasonAgentEpoch)) {
		t.Errorf("the row says %q", m)
	}
	r.write(map[string]string{"apps/extra/config.yaml": configMap("extra", "later")})
	r.commit("for both")
	r.upload()
	b.has("the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "for both" })
	r.stands(protocol.HubActive, "")
	if got, _, _ := a.last(); got.Revision.Subject == "for both" {
		t.Error("a was given a bundle")
	}
	a.report() // of what it has indeed
	a.has("the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "for both" })
	r.until("a is free", func() bool { return r.row("a").Withheld == nil })
}
