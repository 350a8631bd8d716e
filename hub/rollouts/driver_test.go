package rollouts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/protocol"
)

var start = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// fleet is a hub around a driver: it gives clusters what is staged, and stores what is to be stored.
type fleet struct {
	t       *testing.T
	d       *Driver
	now     time.Time
	asked   map[string][]protocol.App // by cluster: what Git asks for
	given   map[string]protocol.Bundle
	at      map[string]time.Time
	said    map[string]*protocol.Report
	store   map[string][]byte
	labels  map[string]map[string]string
	policy  rollout.Policy
	commit  int
	stays   map[string][]string // by cluster: apps that are never taken back
	unclear bool                // which these are
	until   int                 // writes until the hub is killed; 0 for never
	others  []rollout.Policy    // that Git has beside policy
	named   map[string][]string // by cluster/app: the policies of other tools' objects that it names
	hash    func(n int) string  // of the commit of a number; nil for the number itself
}

// killed is what a write panics with that the hub does not survive.
type killed struct{}

// write is one write of the hub: of its store, or of a cluster's record.
func (f *fleet) write() {
	if f.until == 1 {
		f.until = 0
		panic(killed{})
	}
	f.until = max(0, f.until-1)
}

// survives does something, and starts the hub again where that killed it.
func (f *fleet) survives(do func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(killed); !is {
				panic(r)
			}
			f.start()
			f.follow()
			f.turn()
		}
	}()
	do()
}

func newFleet(t *testing.T, p rollout.Policy, clusters ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, now: start, asked: map[string][]protocol.App{}, given: map[string]protocol.Bundle{},
		at: map[string]time.Time{}, said: map[string]*protocol.Report{}, store: map[string][]byte{},
		labels: map[string]map[string]string{}, policy: p}
	for _, name := range clusters {
		f.labels[name] = map[string]string{"ring": name[:1]}
	}
	f.start()
	return f
}

func ring(t *testing.T, value string) *selector.Selector {
	t.Helper()
	s, err := selector.Parse("ring=" + value)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// inTwo are two waves: the clusters whose name begins with a, and the rest.
func inTwo(t *testing.T) rollout.Policy {
	return rollout.Policy{Name: "production", OnFailure: rollout.Rollback, Waves: []rollout.Wave{
		{Name: "canary", Selector: ring(t, "a")}, {Name: "rest"}}}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// start starts the hub again.
func (f *fleet) start() {
	f.d = New(f.store, func(o model.Rendered) ([]rollout.Policy, error) {
		for _, p := range append([]rollout.Policy{f.policy}, f.others...) {
			if string(o.JSON) == `"`+p.Name+`"` {
				return []rollout.Policy{p}, nil
			}
		}
		return nil, errors.New("another")
	}, quiet())
}

func (f *fleet) Given(cluster string) (protocol.Bundle, time.Time) {
	return f.given[cluster], f.at[cluster]
}

func (f *fleet) Heard(cluster string) (*protocol.Report, query.Link) {
	return f.said[cluster], query.Link{Connected: f.said[cluster] != nil, Since: start.Add(-time.Hour)}
}

func (f *fleet) follow() {
	var all []Declared
	for _, p := range append([]rollout.Policy{f.policy}, f.others...) {
		all = append(all, Declared{Policy: p, JSON: []byte(`"` + p.Name + `"`)})
	}
	f.d.Follow(all, true)
}

// appsOf reads "web=1 db=2".
func appsOf(text string) (out []protocol.App) {
	for pair := range strings.FieldsSeq(text) {
		name, digest, _ := strings.Cut(pair, "=")
		out = append(out, protocol.App{Name: name, Blob: &protocol.Blob{Digest: digest, Key: []byte(digest), Objects: 1},
			Revision: "at " + digest})
	}
	return out
}

func textOf(apps []protocol.App) string {
	var out []string
	for _, a := range apps {
		digest := ""
		if a.Blob != nil {
			digest = a.Blob.Digest
		}
		out = append(out, a.Name+"="+digest)
	}
	return strings.Join(out, " ")
}

// publish gives a cluster what is staged, if that is something else.
func (f *fleet) publish(name string) Staged {
	last := f.given[name]
	s := f.d.Stage(f.now, f.labels[name], true, protocol.Bundle{Cluster: name, Apps: f.asked[name]}, last,
		func(app string) Said {
			return Said{Free: app == "manual", Stays: slices.Contains(f.stays[name], app), Unclear: f.unclear,
				Policies: f.named[name+"/"+app]}
		})
	if textOf(s.Apps) != textOf(last.Apps) || last.Generation == 0 && !s.Absent {
		f.write()
		f.given[name] = protocol.Bundle{Cluster: name, Generation: last.Generation + 1, Epoch: 1, Apps: s.Apps}
		f.at[name] = f.now
	}
	return s
}

// save stores what is to be stored, as the hub does before it publishes.
func (f *fleet) save() {
	if len(f.d.Unsaved()) > 0 {
		f.write()
	}
	for key, v := range f.d.Unsaved() {
		if v == nil {
			delete(f.store, key)
			continue
		}
		f.store[key] = v
	}
	f.d.Saved()
	if again := f.d.Unsaved(); len(again) > 0 {
		f.t.Errorf("after all was stored there is more: %v", slices.Sorted(maps.Keys(again)))
	}
}

// asks is a commit that asks for apps of all clusters.
func (f *fleet) asks(text string) {
	f.t.Helper()
	f.commit++
	for name := range f.labels {
		f.asked[name] = appsOf(text)
	}
	f.turn()
}

// head is the hash of the newest commit.
func (f *fleet) head() string {
	if f.hash != nil {
		return f.hash(f.commit)
	}
	return fmt.Sprintf("%040d", f.commit)
}

// turn is what the hub does of a commit.
func (f *fleet) turn() {
	f.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(f.labels)) {
		f.publish(name)
	}
	rev := protocol.Revision{Hash: f.head(), Subject: fmt.Sprint("commit ", f.commit)}
	f.d.Offer(rev, Commit{Author: "ann@example.com"}, func(string) bool { return false })
	f.roll()
}

func (f *fleet) roll() {
	f.t.Helper()
	for range 3 {
		Touch(f.d, slices.Collect(maps.Keys(f.labels))...)
		names := f.d.Step(f.now, f)
		f.save()
		for _, name := range names {
			f.publish(name)
		}
		if len(names) == 0 {
			return
		}
	}
}

// reports has agents report what they were given, in a phase.
func (f *fleet) reports(phase protocol.Phase, names ...string) {
	f.t.Helper()
	f.now = f.now.Add(time.Second)
	for _, name := range names {
		b := f.given[name]
		r := &protocol.Report{Generation: b.Generation, Epoch: b.Epoch}
		for _, a := range b.Apps {
			r.Apps = append(r.Apps, protocol.AppReport{Name: a.Name, Phase: phase, Digest: a.Blob.Digest, Since: f.now})
		}
		f.said[name] = r
	}
	f.roll()
}

// want compares what clusters have.
func (f *fleet) want(lines ...string) {
	f.t.Helper()
	var got []string
	for _, name := range slices.Sorted(maps.Keys(f.labels)) {
		got = append(got, name+": "+textOf(f.given[name].Apps))
	}
	if !slices.Equal(got, lines) {
		f.t.Errorf("clusters have\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

// begun has two clusters with web=1.
func begun(t *testing.T, p rollout.Policy) *fleet {
	t.Helper()
	f := newFleet(t, p, "a", "b")
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	return f
}

func TestWavesHoldBack(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.want("a: web=1", "b: web=1")
	f.asks("web=2 new=1 manual=1")
	f.want("a: manual=1 new=1 web=2", "b: manual=1 web=1")
	f.start() // nothing of it is forgotten
	f.follow()
	f.turn()
	f.want("a: manual=1 new=1 web=2", "b: manual=1 web=1")
	if s := f.publish("b"); !s.Other["web"] || !s.Other["new"] || s.Other["manual"] || s.Absent {
		t.Errorf("of b it says %+v", s)
	}
	if r := f.d.Show()[0]; !slices.Equal(r.Behind, []string{"b"}) || r.Clusters != 2 {
		t.Errorf("it shows %+v", r)
	}
	f.reports(protocol.PhaseHealthy, "a")
	f.want("a: manual=1 new=1 web=2", "b: manual=1 new=1 web=2")
	f.reports(protocol.PhaseHealthy, "b")
	if r := f.d.Show()[0]; len(r.Behind) > 0 || r.Waves[1].Text != "passed" {
		t.Errorf("it shows %+v", r)
	}
}

func TestWhatFailedGoesBackAndStaysAway(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("web=2")
	f.reports(protocol.PhaseFailed, "a")
	f.want("a: web=1", "b: web=1")
	if a := f.given["a"].Apps[0]; string(a.Blob.Key) != "1" || a.Revision != "at 1" {
		t.Errorf("what it goes back to is %+v", a)
	}
	f.reports(protocol.PhaseHealthy, "a")
	f.asks("web=2 db=1")
	f.want("a: db=1 web=1", "b: web=1")
	f.start()
	f.follow()
	f.turn()
	f.want("a: db=1 web=1", "b: web=1")
	ids := map[string]bool{}
	f.d.Blobs(ids)
	for _, key := range []string{"1", "2"} {
		if !ids[(protocol.Blob{Key: []byte(key)}).ID()] {
			t.Errorf("the blob of web=%s is not kept", key)
		}
	}
}

// A hub that is killed before any of its writes comes to the same end.
func TestAHubThatIsKilledComesToTheSameEnd(t *testing.T) {
	t.Parallel()
	run := func(kill int) (f *fleet, writes int) {
		f = begun(t, inTwo(t))
		f.until = kill
		for _, do := range []func(){
			func() { f.asks("web=2") },
			func() { f.reports(protocol.PhaseHealthy, "a") },
			func() { f.reports(protocol.PhaseHealthy, "b") },
			func() { f.asks("web=3 db=1") },
			func() { f.reports(protocol.PhaseFailed, "a") },
			func() { f.reports(protocol.PhaseHealthy, "a", "b") },
			func() { f.asks("web=4 db=1") },
			func() { f.reports(protocol.PhaseHealthy, "a") },
			func() { f.reports(protocol.PhaseHealthy, "b") },
		} {
			f.survives(do)
		}
		return f, kill - f.until
	}
	_, writes := run(1000)
	if writes < 15 {
		t.Fatalf("only %d writes", writes)
	}
	for kill := 1; kill <= writes; kill++ {
		f, _ := run(kill)
		if f.want("a: web=4", "b: web=4"); t.Failed() {
			t.Fatalf("killed before write %d", kill)
		}
		if bad := f.d.Show()[0].Bad; len(bad) > 1 {
			t.Errorf("killed before write %d it has failed %d times: %+v", kill, len(bad), bad)
		}
		if r := f.d.rollouts["production"]; len(r.memory.Bad) == 0 {
			t.Errorf("killed before write %d it has forgotten what failed", kill)
		}
	}
}

// What is not known is not gone.
func TestWhatIsNotKnownStays(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("web=2")
	for key := range f.store {
		if strings.HasPrefix(key, keyEntry) {
			f.store[key] = []byte("{") // damaged
		}
	}
	f.start()
	f.follow()
	f.turn()
	f.want("a: web=2", "b: web=1")

	// A bundle that was never given, of a cluster that may have something.
	g := newFleet(t, inTwo(t), "a", "b")
	g.follow()
	g.asks("web=1")
	if s := g.publish("b"); !s.Absent || len(s.Apps) > 0 {
		t.Errorf("before its wave b is given %+v", s)
	}
	if g.given["b"].Generation > 0 {
		t.Error("b was told that it has no apps")
	}
}

func TestALabelThatIsNotKnownReleasesNothing(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Selector = *ring(t, "b")
	f := begun(t, p)
	f.policy.Waves[1].Approval = &rollout.Approval{}
	f.follow()
	f.asks("web=2")
	f.want("a: web=2", "b: web=1")
	f.start()
	s := f.d.Stage(f.now, nil, false, protocol.Bundle{Cluster: "b", Apps: appsOf("web=3")}, f.given["b"],
		func(string) Said { return Said{} })
	if textOf(s.Apps) != "web=1" {
		t.Errorf("a cluster.yaml that cannot be read releases %s", textOf(s.Apps))
	}
	s = f.d.Stage(f.now, map[string]string{"ring": "c"}, true, protocol.Bundle{Cluster: "b", Apps: appsOf("web=3")},
		f.given["b"],
		func(string) Said { return Said{} })
	if textOf(s.Apps) != "web=3" || f.d.rollouts["production"].members["b"] != nil {
		t.Errorf("out of the policy it has %s", textOf(s.Apps))
	}
}

// A policy ends when it is gone from Git and holds nothing back; what is missing because a file cannot be read is not
// gone.
func TestAPolicyThatIsGone(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("web=2")
	if f.d.Follow(nil, false) || f.d.Show()[0].Gone {
		t.Error("a policy that cannot be read is gone")
	}
	if !f.d.Follow(nil, true) || !f.d.Show()[0].Gone || f.d.Follow(nil, true) {
		t.Error("a policy that is gone goes on as if it was not")
	}
	f.turn()
	f.want("a: web=2", "b: web=1")
	f.reports(protocol.PhaseHealthy, "a")
	f.reports(protocol.PhaseHealthy, "b")
	f.d.Blobs(map[string]bool{})
	f.save()
	if f.d.Active() || len(f.store) > 0 {
		t.Errorf("it has not ended: %v", slices.Sorted(maps.Keys(f.store)))
	}
}

// A policy that loses its waves goes on with them, and is then what Git has of its name at that time: nothing, if that
// is gone by then.
func TestAPolicyThatLosesItsWaves(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		f := begun(t, inTwo(t))
		f.asks("web=2")
		bare := f.policy
		bare.Waves, bare.Deletions = nil, &deletions.Limits{App: 7}
		declared := []Declared{{Policy: bare, JSON: []byte(`"production"`)}}
		if !f.d.Follow(declared, true) || f.d.Follow(declared, true) {
			t.Error("that it ends is news, once")
		}
		f.turn()
		f.want("a: web=2", "b: web=1")
		if l := BudgetOf(f.d).Limits("b", "web"); l.App != 7 {
			t.Errorf("while it ends the limits are %+v", l)
		}
		f.start() // the store has the policy as it was, and that it ends
		if gone {
			declared = nil
		}
		f.d.Follow([]Declared{{Policy: bare, JSON: []byte(`"production"`)}}, true)
		f.d.Follow(declared, true)
		f.turn()
		f.want("a: web=2", "b: web=1")
		f.reports(protocol.PhaseHealthy, "a")
		f.reports(protocol.PhaseHealthy, "b")
		f.want("a: web=2", "b: web=2")
		r := f.d.rollouts["production"]
		if gone != (r == nil) || r != nil && (r.policy.HasWaves() || r.ends != nil) {
			t.Errorf("gone %v: in the end it is %+v", gone, r)
		}
	}
}

// What the limits on deletions hold waits for a person, and is no failure.
func TestHeldDeletionsAreNoFailure(t *testing.T) {
	t.Parallel()
	f := newFleet(t, inTwo(t), "a", "b")
	f.asks("web=1 db=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	f.asks("web=1")
	f.want("a: web=1", "b: db=1 web=1")
	f.now = f.now.Add(time.Hour)
	r := protocol.Report{Generation: f.given["a"].Generation, Epoch: 1, Held: []protocol.Held{{App: "db"}},
		Apps: []protocol.AppReport{{Name: "web", Phase: protocol.PhaseHealthy, Digest: "1"}, {Name: "db",
			Phase: protocol.PhaseHealthy, Leaving: true}}}
	f.said["a"] = &r
	f.roll()
	if w := f.d.Show()[0].Waves[0]; !strings.Contains(w.Text, "paused") || w.Failed > 0 {
		t.Errorf("while it is held the wave says %+v", w)
	}
	f.want("a: web=1", "b: db=1 web=1")
	approved := r
	approved.Held = nil
	f.said["a"] = &approved // it was approved, and takes too long
	f.roll()
	if w := f.d.Show()[0]; len(w.Bad) != 1 {
		t.Errorf("what takes too long does not fail: %+v", w)
	}
}

// A policy that holds nothing of a cluster leaves no doubt about it.
func TestAPolicyOfOtherAppsLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Apps = []string{"x*"}
	f := newFleet(t, p, "a", "b")
	f.follow()
	f.asks("web=1")
	f.want("a: web=1", "b: web=1")
	if s := f.publish("a"); s.Absent || len(s.Other) > 0 {
		t.Errorf("of a cluster of which it holds nothing it says %+v", s)
	}
	f.policy.Apps = []string{"web"} // what it held before counts as released
	f.d.Follow([]Declared{{Policy: f.policy, JSON: []byte("2")}}, true)
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.turn()
	f.asks("web=2")
	f.want("a: web=2", "b: web=1")
	f.reports(protocol.PhaseFailed, "a")
	f.want("a: web=1", "b: web=1")
}

// A cluster that comes later is one more of the newest target, and makes no new one.
func TestANewClusterGetsWhatHasPassed(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Waves[1].Approval = &rollout.Approval{}
	f := begun(t, p)
	f.labels["b2"] = map[string]string{"ring": "b"}
	f.asks("web=1")
	f.want("a: web=1", "b: web=1", "b2: web=1")
	if r := f.d.Show()[0]; r.Waves[1].Text != "passed" {
		t.Errorf("it shows %+v", r.Waves[1])
	}
}

func TestWhatStateAnAppIsIn(t *testing.T) {
	t.Parallel()
	b := protocol.Bundle{Epoch: 2, Apps: appsOf("web=1 db=2 cut=3")}
	b.Apps[2].Error = "it cannot be rendered"
	all := func(string) bool { return true }
	r := protocol.Report{Generation: 7, Epoch: 2, Refused: &protocol.Refusal{Generation: 8}, Apps: []protocol.AppReport{
		{Name: "web", Phase: protocol.PhaseWaiting, Health: protocol.HealthPaused, Digest: "1"},
		{Name: "db", Phase: protocol.PhaseDegraded, Digest: "1"},
		{Name: "cut", Phase: protocol.PhaseFailed, Digest: "2"},
		{Name: "gone", Phase: protocol.PhaseWaiting, Leaving: true}, {Name: "strange", Phase: protocol.PhaseHealthy}}}
	got := new(content.Digests).Report(r, b, all)
	if got.Generation != 7 || got.Refused != 8 || len(got.Apps) != 4 {
		t.Errorf("it is %+v", got)
	}
	for app, want := range map[string]rollout.AppReport{
		"web": {State: rollout.Paused, Digest: content.Digest(b.Apps[0])}, "db": {State: rollout.Bad},
		"cut": {State: rollout.Suspended, Digest: content.Digest(b.Apps[2])}, "gone": {State: rollout.Progressing}} {
		want.App = app
		if is, _ := got.Apps.Of(app); is != want {
			t.Errorf("%s is %+v, want %+v", app, is, want)
		}
	}
	r.Epoch = 1
	if got := new(content.Digests).Report(r, b, all); got.Generation != 0 {
		t.Errorf("a report of another epoch counts as %d", got.Generation)
	}
}

func TestWhatADigestIsOf(t *testing.T) {
	t.Parallel()
	a := appsOf("web=1")[0]
	same := func(edit func(*protocol.App)) bool {
		b := a
		blob := *a.Blob
		b.Blob = &blob
		edit(&b)
		return content.Digest(a) == content.Digest(b)
	}
	if !same(func(b *protocol.App) {
		b.Revision, b.Error, b.Reason, b.Suspend, b.Declared, b.Formerly = "x", "x", "x", true, "x", []string{"x"}
		b.Blob.Key, b.Blob.Chunks = []byte("other"), 7
	}) {
		t.Error("what is said of an app is content")
	}
	for name, edit := range map[string]func(*protocol.App){"blob": func(b *protocol.App) { b.Blob.Digest = "2" },
		"prune": func(b *protocol.App) { b.Prune = true }, "namespace": func(b *protocol.App) { b.Namespace = "x" },
		"timeout": func(b *protocol.App) { b.Timeout = 3 }, "no blob": func(b *protocol.App) { b.Blob = nil }} {
		if same(edit) {
			t.Errorf("%s does not count", name)
		}
	}
}

// Decisions that are refused say why, and change nothing.
func TestDecisionsThatAreRefused(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Waves[1].Approval = &rollout.Approval{Groups: []string{"sre"}}
	f := begun(t, p)
	f.asks("web=2")
	f.reports(protocol.PhaseHealthy, "a")
	target := fmt.Sprintf("%040d", f.commit)
	for _, c := range []struct {
		order Order
		want  string
	}{
		{Order{Action: Skip, Policy: "x"}, "no such RolloutPolicy"},
		{Order{Action: Skip, Wave: "x", Reason: "r"}, "it has canary, rest"},
		{Order{Action: Skip, Wave: "rest"}, "needs a reason"},
		{Order{Action: Skip, Reason: "r"}, "name the wave"},
		{Order{Action: Skip, Wave: "canary", Reason: "r"}, "waits for nothing"},
		{Order{Action: Skip, Wave: "rest", Target: "abc", Reason: "r"}, "knows no target"},
		{Order{Action: Skip, Wave: "rest", Target: "000", Reason: "r"}, "the beginning of"},
		{Order{Action: Approve, Wave: "canary", Target: target}, "waits for nothing"},
		{Order{Action: Approve, Wave: "rest"}, "a person of sre"},
		{Order{Action: Halt, Reason: "r", Until: start.Add(-time.Hour)}, "that time is over"},
		{Order{Action: Halt, Reason: strings.Repeat("r", 2000)}, "too long"},
		{Order{Action: Resume, Reason: "r"}, "nothing is halted"},
		{Order{Action: Resume, Target: target, Reason: "r"}, "has not failed"},
		{Order{Action: Expedite, Reason: "r"}, "name the target"},
		{Order{Action: Pin, Cluster: "a", Reason: "r"}, "needs an end"},
		{Order{Action: Pin, Cluster: "a", Reason: "r", Until: start.Add(1000 * 24 * time.Hour)}, "90 days"},
		{Order{Action: Unpin, Cluster: "a", Reason: "r"}, "is not pinned"},
		{Order{Action: "x", Reason: "r"}, "no action"},
	} {
		if c.order.Policy == "" {
			c.order.Policy = "production"
		}
		before, _ := json.Marshal(f.d.rollouts["production"].stored())
		_, err := f.d.Decide(f.now, c.order)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrRefused) && !errors.Is(err,
			ErrNoRollout) {
			t.Errorf("%+v: %v, want %q", c.order, err, c.want)
		}
		if after, _ := json.Marshal(f.d.rollouts["production"].stored()); string(after) != string(before) {
			t.Errorf("%+v changed something: %s", c.order, after)
		}
	}
	if _, err := f.d.Decide(f.now, Order{Action: Skip, Policy: "production", Wave: "rest", Reason: "r",
		By: "ann"}); err != nil {
		t.Error(err)
	}
	f.roll()
	f.want("a: web=2", "b: web=2") // its clusters are behind what it has passed
}
