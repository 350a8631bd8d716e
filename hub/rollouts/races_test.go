package rollouts

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/protocol"
)

// Two hubs: the second takes over what the first stored, in the middle of a wave, and goes on where that was. The
// first, which does not know of it yet, decides nothing else than it.
func TestASecondHubGoesOnWhereTheFirstWas(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("web=2")
	f.want("a: web=2", "b: web=1")
	first := f.d
	f.start()
	f.follow()
	f.turn()
	f.want("a: web=2", "b: web=1")
	if generation := f.given["a"].Generation; generation != 2 {
		t.Errorf("the second hub published generation %d again", generation)
	}
	f.now = f.now.Add(time.Second)
	f.said["a"] = f.healthy("a")
	Touch(first, "a") // it has heard the report as well
	ofFirst := first.Step(f.now, f)
	f.roll()
	f.want("a: web=2", "b: web=2")
	if !slices.Equal(ofFirst, []string{"b"}) {
		t.Errorf("the first hub would release to %q", ofFirst)
	}
	s := first.Stage(f.now, f.labels["b"], true, protocol.Bundle{Cluster: "b", Apps: f.asked["b"]}, f.given["b"],
		func(string) Said { return Said{} })
	if textOf(s.Apps) != "web=2" || f.given["b"].Generation != 2 {
		t.Errorf("to b the first would give %s after generation %d", textOf(s.Apps), f.given["b"].Generation)
	}
}

// Two hubs: the second has a store that is older than what the first decided. It releases nothing until a person has
// looked, and takes nothing back.
func TestASecondHubWithAnOlderStoreHalts(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	older := maps.Clone(f.store)
	f.asks("web=2")
	f.reports(protocol.PhaseHealthy, "a")
	f.reports(protocol.PhaseHealthy, "b")
	f.asks("web=3")
	f.want("a: web=3", "b: web=2")
	f.said["a"] = f.healthy("a") // what was given since is what the agents have
	f.store = older
	for name, b := range f.given { // as that store has them
		b.Generation, b.Apps = 1, appsOf("web=1")
		f.given[name] = b
	}
	f.start()
	Expect(f.d, f, []string{"a", "b"}, func() uint64 { return 2 })
	f.follow()
	f.turn()
	if halts := f.d.Show()[0].Halts; len(halts) != 1 || !strings.Contains(halts[0].Reason, "cannot prove") {
		t.Fatalf("it goes on: %+v", f.d.Show()[0])
	}
	f.want("a: web=1", "b: web=1") // as the store has them: nothing was published
	f.orders(Order{Action: Resume})
	f.want("a: web=3", "b: web=3") // a has it already, and is healthy
}

// healthy is the report of a cluster that has all that it was given.
func (f *fleet) healthy(name string) *protocol.Report {
	b := f.given[name]
	r := &protocol.Report{Generation: b.Generation, Epoch: b.Epoch}
	for _, a := range b.Apps {
		r.Apps = append(r.Apps, protocol.AppReport{Name: a.Name, Phase: protocol.PhaseHealthy, Digest: a.Blob.Digest,
			Since: f.now})
	}
	return r
}

// A forced push takes a target out of the branch: clusters that have it keep it, no wave takes it, and what the branch
// has now travels.
func TestAForcedPushTakesATargetOut(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Waves[1].Approval = &rollout.Approval{Count: 1}
	f := begun(t, p)
	f.asks("web=2")
	gone := f.head()
	f.reports(protocol.PhaseHealthy, "a")
	f.d.Lost(map[string]bool{gone: true})
	f.orders(Order{Action: Approve, Wave: "rest", Target: gone})
	f.want("a: web=2", "b: web=1")
	if !slices.Contains(f.d.Commits(), gone) {
		t.Errorf("the commit is not kept any more: %q", f.d.Commits())
	}
	f.asks("web=3") // what was pushed in its place
	f.d.Lost(map[string]bool{gone: true})
	f.want("a: web=3", "b: web=1")
	f.reports(protocol.PhaseHealthy, "a")
	f.orders(Order{Action: Approve, Wave: "rest", Target: f.head()})
	f.want("a: web=3", "b: web=3")
}

// A window that closes during a wave ends what has not begun: what is on its way settles, and counts.
func TestAWindowClosesDuringAWave(t *testing.T) {
	t.Parallel()
	daily, err := schedule.ParseCron("0 9 * * *")
	if err != nil {
		t.Fatal(err)
	}
	p := rollout.Policy{Name: "production", OnFailure: rollout.Rollback, Waves: []rollout.Wave{{Name: "all",
		AtOnce: rollout.Amount{Count: 1}}}, Windows: schedule.Windows{{Cron: daily, Duration: time.Hour}}}
	f := newFleet(t, p, "a", "b")
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	f.asks("web=2")
	released := []string{"a", "b"}
	if textOf(f.given["b"].Apps) == "web=2" {
		slices.Reverse(released)
	}
	if textOf(f.given[released[0]].Apps) != "web=2" || textOf(f.given[released[1]].Apps) != "web=1" {
		t.Fatalf("one at once is released: %v", f.given)
	}
	if due := f.d.Due(); due.After(start.Add(time.Hour)) {
		t.Errorf("it looks again at %s, after the window has closed", due)
	}
	f.now = start.Add(time.Hour)
	f.reports(protocol.PhaseHealthy, released[0])
	if got := textOf(f.given[released[1]].Apps); got != "web=1" {
		t.Errorf("after the window %s is given %s", released[1], got)
	}
	w := f.d.Show()[0].Waves[0]
	if w.Settled != 1 || w.Reason != string(rollout.AwaitingWindow) || !strings.Contains(w.Text, "2026-12-02 09:00") {
		t.Errorf("the wave says %+v", w)
	}
	f.start() // the hub ends, and the window opens: it goes on
	f.follow()
	f.now = start.Add(24 * time.Hour)
	f.turn()
	f.want("a: web=2", "b: web=2")
}

// A label moves a cluster into a wave that has passed a target: it gets that at once. One that is moved out keeps it.
func TestALabelMovesAClusterBetweenWaves(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Waves[1].Approval = &rollout.Approval{Count: 1}
	f := newFleet(t, p, "a", "a2", "b", "b2")
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, "a", "a2", "b", "b2")
	f.follow()
	f.turn()
	f.asks("web=2")
	f.reports(protocol.PhaseHealthy, "a", "a2")
	f.want("a: web=2", "a2: web=2", "b: web=1", "b2: web=1")
	f.labels["b2"] = map[string]string{"ring": "a"}
	f.labels["a2"] = map[string]string{"ring": "b"}
	f.turn()
	f.want("a: web=2", "a2: web=2", "b: web=1", "b2: web=2")
	f.start()
	f.follow()
	f.turn()
	f.want("a: web=2", "a2: web=2", "b: web=1", "b2: web=2")

	f.asks("web=3") // what is still being tried does not come with a label
	f.want("a: web=3", "a2: web=2", "b: web=1", "b2: web=3")
	f.labels["b"] = map[string]string{"ring": "a"}
	f.turn()
	f.reports(protocol.PhaseFailed, "a")
	f.want("a: web=2", "a2: web=2", "b: web=2", "b2: web=2")
}

// A label takes a cluster out of the policy that held an app, and another one that it is with holds it from then on:
// what the cluster has counts as released, and is what the app goes back to.
func TestALabelMovesAnAppBetweenPolicies(t *testing.T) {
	t.Parallel()
	all := []rollout.Wave{{Name: "all"}}
	f := newFleet(t, rollout.Policy{Name: "first", Apps: []string{"web"}, Selector: *ring(t, "a"), Waves: all}, "a")
	f.others = []rollout.Policy{{Name: "second", OnFailure: rollout.Rollback,
		Waves: []rollout.Wave{{Name: "all", Approval: &rollout.Approval{Count: 1}}}}}
	f.asks("db=1 web=1")
	f.reports(protocol.PhaseHealthy, "a")
	f.follow()
	f.turn()
	f.asks("db=1 web=2")
	f.reports(protocol.PhaseHealthy, "a")
	f.labels["a"] = map[string]string{"ring": "b"}
	f.turn()
	f.want("a: db=1 web=2")
	if w := f.d.Show()[1].Waves[0]; w.Reason != string(rollout.Passed) {
		t.Errorf("what the cluster has is released again: %+v", w)
	}
	f.asks("db=1 web=3")
	f.want("a: db=1 web=2")
	if _, err := f.d.Decide(f.now, Order{Action: Approve, Policy: "second", Wave: "all"}); err != nil {
		t.Error(err)
	}
	f.roll()
	f.want("a: db=1 web=3")
	f.reports(protocol.PhaseFailed, "a")
	f.want("a: db=1 web=2")
}

// Two policies of one cluster exchange an app: what it has counts as released, the other policy decides from then on,
// and what the first one remembers of it never comes back.
func TestTwoPoliciesExchangeAnApp(t *testing.T) {
	t.Parallel()
	held := func(name, app string) rollout.Policy {
		return rollout.Policy{Name: name, Apps: []string{app}, OnFailure: rollout.Halt,
			Waves: []rollout.Wave{{Name: "all", Approval: &rollout.Approval{Count: 1}}}}
	}
	f := newFleet(t, held("one", "web"), "a")
	f.others = []rollout.Policy{held("two", "db")}
	follow := func(one, two string) {
		t.Helper()
		f.policy.Apps, f.others[0].Apps = []string{one}, []string{two}
		f.d.Follow([]Declared{{Policy: f.policy, JSON: []byte(`"one ` + one + `"`)}, {Policy: f.others[0], JSON: []byte(`"two ` + two + `"`)}}, true)
		f.turn()
	}
	lets := func(policy string) {
		t.Helper()
		if _, err := f.d.Decide(f.now, Order{Action: Approve, Policy: policy, Wave: "all"}); err != nil {
			t.Error(err)
		}
		f.roll()
	}
	f.asks("web=1 db=1")
	f.reports(protocol.PhaseHealthy, "a")
	follow("web", "db")
	f.asks("web=2 db=2")
	f.want("a: db=1 web=1")
	lets("one")
	f.want("a: db=1 web=2")
	f.reports(protocol.PhaseHealthy, "a")

	follow("db", "web")
	f.want("a: db=1 web=2")
	f.asks("web=3 db=3")
	f.want("a: db=1 web=2")
	lets("two")
	f.want("a: db=1 web=3")
	f.reports(protocol.PhaseHealthy, "a")
	for _, r := range f.d.Show() {
		if w := r.Waves[0]; r.Policy == "two" && w.Reason != string(rollout.Passed) {
			t.Errorf("two says %+v", w)
		}
	}

	follow("web", "db") // and back: web=2 is what the first policy released last
	f.want("a: db=1 web=3")
	f.asks("web=4 db=4")
	f.want("a: db=1 web=3")
	lets("one")
	f.want("a: db=1 web=4")
	f.reports(protocol.PhaseHealthy, "a")
	lets("two")
	f.want("a: db=4 web=4")
	if again := f.d.Step(f.now, f); len(again) > 0 {
		t.Errorf("with all that was decided published it would publish %q again", again)
	}
}

// A hub that is killed before any of its writes takes back once what a person had taken back, reverts once what failed,
// and goes on.
func TestAHubThatIsKilledTakesBackAndRevertsOnce(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Revert = true
	run := func(kill int) (f *fleet, branches map[string]bool, writes int) {
		f = newFleet(t, p, "a", "b")
		f.hash = rev
		f.asks("web=1")
		f.reports(protocol.PhaseHealthy, "a", "b")
		f.follow()
		f.turn()
		f.until, branches = kill, map[string]bool{}
		pushes := func() {
			for _, due := range f.due() {
				branches[due.Branch] = true // a second push of the same branch does nothing
				Reverts{f.d}.Done(f.now, due, Pushed{Commit: "c0ffee"}, nil)
				f.roll()
			}
		}
		bad := ""
		for _, do := range []func(){
			func() { f.asks("web=2") },
			func() { f.reports(protocol.PhaseHealthy, "a") },
			func() { f.reports(protocol.PhaseHealthy, "b") },
			func() { bad = f.head(); f.orders(Order{Action: Rollback, Target: bad}) },
			func() { // a person who got no answer says it again
				if f.d.rollouts["production"].memory.Targets[bad].Failed == nil {
					f.orders(Order{Action: Rollback, Target: bad})
				}
			},
			func() { f.reports(protocol.PhaseHealthy, "a", "b") },
			pushes,
			func() { f.asks("web=3") },
			func() { f.reports(protocol.PhaseFailed, "a") },
			func() { f.reports(protocol.PhaseHealthy, "a", "b") },
			pushes,
			func() { f.orders(Order{Action: Revert, To: rev(1), By: "ann"}) },
			func() { // as above
				if len(f.shown()) < 3 {
					f.orders(Order{Action: Revert, To: rev(1), By: "ann"})
				}
			},
			pushes, pushes, pushes,
		} {
			f.survives(do)
		}
		return f, branches, kill - f.until
	}
	_, _, writes := run(1000)
	if writes < 15 {
		t.Fatalf("only %d writes", writes)
	}
	for kill := 1; kill <= writes; kill++ {
		f, branches, _ := run(kill)
		f.want("a: web=1", "b: web=1")
		want := []string{BranchPrefix + rev(2)[:8], BranchPrefix + rev(3)[:8],
			BranchPrefix + rev(3)[:8] + "-to-" + rev(1)[:8]}
		if got := slices.Sorted(maps.Keys(branches)); !slices.Equal(got, want) {
			t.Errorf("it pushed %q, want %q", got, want)
		}
		if n := len(f.shown()); n != 3 {
			t.Errorf("%d reverts are shown", n)
		}
		for _, r := range f.shown() {
			if !r.Ended || r.Commit != "c0ffee" {
				t.Errorf("of a revert it says %+v", r)
			}
		}
		if bad := f.d.Show()[0].Bad; len(bad) == 0 || bad[len(bad)-1].Target != rev(3) {
			t.Errorf("what failed is %+v", bad)
		}
		if t.Failed() {
			t.Fatalf("killed before write %d", kill)
		}
		f.asks("web=4")
		f.reports(protocol.PhaseHealthy, "a")
		f.reports(protocol.PhaseHealthy, "b")
		f.want("a: web=4", "b: web=4")
	}
}
