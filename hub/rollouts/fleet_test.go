package rollouts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/hub/rollouts/journal"
	"github.com/drover-dev/drover/protocol"
)

// taken gives what the journal is to have, and takes it.
func (f *fleet) taken() []audit.Entry {
	out := Notes(f.d)
	Noted(f.d)
	return out
}

func TestAFreezeHoldsAppsOfNoPolicyToo(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Apps = []string{"web"}
	f := begun(t, p)
	f.asks("web=1 db=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.want("a: db=1 web=1", "b: db=1 web=1")
	freeze := func(action Action, until time.Time) {
		t.Helper()
		if _, err := f.d.Decide(f.now, Order{Action: action, Reason: "a fire", Until: until}); err != nil {
			t.Fatal(err)
		}
		f.save()
	}
	freeze(Freeze, f.now.Add(time.Hour))
	f.asks("web=2 db=2 new=1 manual=2")
	f.want("a: db=1 manual=2 web=1", "b: db=1 manual=2 web=1")
	f.asks("web=2") // nothing is taken away either
	f.want("a: db=1 web=1", "b: db=1 web=1")
	f.start() // it is not forgotten
	f.follow()
	f.turn()
	f.want("a: db=1 web=1", "b: db=1 web=1")
	if at := f.d.Due(); at.After(f.now.Add(time.Hour)) || Thaw(f.d, f.now.Add(time.Hour-1)) {
		t.Errorf("it looks again at %s", at)
	}
	f.now = f.now.Add(time.Hour)
	if !Thaw(f.d, f.now) || Thaw(f.d, f.now) || Frozen(f.d) != nil {
		t.Error("its end is not said once")
	}
	f.turn()
	f.want("a: web=2", "b: web=1")

	for _, o := range []Order{{Action: Unfreeze, Reason: "r"}, {Action: Freeze},
		{Action: Freeze, Reason: strings.Repeat("r", 2000)},
		{Action: Freeze, Reason: "r", Until: f.now}, {Action: Freeze, Reason: "r", Until: f.now.Add(1000 * 24 * time.Hour)},
		{Action: Freeze, Reason: "r", Policy: "production"}} {
		if _, err := f.d.Decide(f.now, o); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	freeze(Freeze, time.Time{})
	freeze(Unfreeze, time.Time{})
	if !Thaw(f.d, f.now) {
		t.Error("its end is not said")
	}
}

// What cannot be proven halts every policy that Git has, once, and none that comes later.
func TestADoubtHaltsEveryPolicyOnce(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	halts := func(policy string) (n int) {
		for _, r := range f.d.Show() {
			if r.Policy == policy {
				n = len(r.Halts)
			}
		}
		return n
	}
	other, third := f.policy, f.policy
	other.Name, third.Name = "other", "third"
	declare := func(sure bool, policies ...rollout.Policy) {
		var all []Declared
		for _, p := range policies {
			all = append(all, Declared{Policy: p, JSON: []byte(`"` + p.Name + `"`)})
		}
		f.d.Follow(all, sure)
	}
	declare(false, f.policy) // not all of Git can be read
	Distrust(f.d, f.now, "the store is old")
	f.asks("web=2")
	f.want("a: web=1", "b: web=1")
	declare(true, f.policy, other)
	declare(true, f.policy, other, third)
	if halts("production") != 1 || halts("other") != 1 || halts("third") != 0 {
		t.Errorf("there are %d, %d and %d halts", halts("production"), halts("other"), halts("third"))
	}
	if _, err := f.d.Decide(f.now, Order{Action: Resume, Policy: "production", Reason: "it is new"}); err != nil {
		t.Fatal(err)
	}
	Distrust(f.d, f.now, "the store is old") // as after a restart
	if halts("production") != 0 {
		t.Error("what a person let go on is halted again")
	}
	Distrust(f.d, f.now, "the store is older")
	if halts("production") != 1 {
		t.Error("another doubt does not halt")
	}
}

// The journal has what is released in entries of bounded size, each release once.
func TestReleasesAreNotedTogether(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range audit.MaxClusters + 3 {
		names = append(names, fmt.Sprintf("a%04d", i))
	}
	p := rollout.Policy{Name: "production", Waves: []rollout.Wave{{Name: "all"}}}
	f := newFleet(t, p, names...)
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, names...)
	f.follow()
	f.turn()
	f.reports(protocol.PhaseHealthy, names...)
	f.taken()
	f.asks("web=2 db=1")
	f.roll()
	var counts []int
	seen := map[string]bool{}
	for _, e := range f.taken() {
		if e.Kind != journal.KindRelease {
			continue
		}
		counts = append(counts, e.Count)
		if e.Rule != string(rollout.ByWave) || e.Wave != "all" || e.Policy != "production" || len(e.Clusters) != e.Count ||
			len(e.Apps) != 2 || e.Apps["web"] != content.Digest(appsOf("web=2")[0]) ||
			e.Target != fmt.Sprintf("%040d", f.commit) {
			t.Errorf("an entry is %+v", e)
		}
		for _, name := range e.Clusters {
			seen[name] = true
		}
	}
	if !slices.Equal(counts, []int{audit.MaxClusters, 3}) || len(seen) != len(names) {
		t.Errorf("entries have %v clusters, %d in all", counts, len(seen))
	}
	who := people.Who{Name: "ann", Groups: []string{"sre"}, From: "192.0.2.1:1"}
	o := Order{Action: Halt, Policy: "production", Reason: "a fire", Who: who, By: "bob"}
	if _, err := f.d.Decide(f.now, o); err != nil {
		t.Fatal(err)
	}
	if got := f.taken(); len(got) != 1 || got[0].By.Name != "ann" || got[0].By.Says != "" || got[0].Why != "a fire" {
		t.Errorf("of a halt it has %+v", got)
	}
	events, _ := f.d.History("production")
	if last := events[len(events)-1]; last.By != "ann" {
		t.Errorf("the history says that it was %s", last.By)
	}
}
