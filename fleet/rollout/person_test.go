package rollout

import (
	"maps"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
)

var denied = schedule.Window{Deny: true, From: epoch.Add(-time.Hour)}

func TestHalts(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1")
	s.in.Decisions.Halts = []HaltOrder{{Wave: "rest", By: "ann", Reason: "look"}, {Until: epoch.Add(time.Hour)}}
	s.commit("A", "web=2").want()
	s.after(time.Hour).want("taken canary A", "release web=2 to a (its wave is at this target)")
	s.healthy().step().after(30 * time.Minute).want("passed canary A")
	s.shows("canary A passed: 1/1 0/0 0", "rest A halted by ann: look; : 0/2 0/0 0")
	s.in.Decisions.Halts = nil
	s.step().want("taken rest A", "release web=2 to b c (its wave is at this target)")
	s.in.Decisions.Halts = []HaltOrder{{By: "ann", Reason: "look"}}
	s.join("d", "1")
	s.in.Released["d"] = Released{Generation: 1, Time: s.in.Now, Content: content("web=1")}
	s.healthy().after(time.Hour).want("passed rest A") // what is in flight ends
	s.in.Members["b"] = Member{Labels: map[string]string{"ring": "0"}, Online: true}
	s.commit("B", "web=3").want()
}

func TestASkipPasses(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[1].Approval = &Approval{}
		p.Waves[1].AtOnce = Amount{Count: 1}
	}), rings()).had("web=1")
	s.in.Decisions.Skips = []Skip{{"canary", "B"}, {"rest", "A"}}
	s.commit("A", "web=2").want("taken canary A", "release web=2 to a (its wave is at this target)")
	s.in.Decisions.Skips = append(s.in.Decisions.Skips, Skip{"canary", "A"})
	s.step().want("passed canary A: a person skipped what it waits for", "passed rest A: a person skipped what it waits "+
		"for",
		"release web=2 to c (its wave has passed this target)") // within atOnce
	s.healthy().step().want("release web=2 to b (its wave has passed this target)")
}

func TestAllWavesTakeWhatIsExpedited(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[1].Approval = &Approval{}
		p.Windows = schedule.Windows{denied}
	}), rings()).had("web=1")
	s.commit("A", "web=2").commit("B", "web=3").want("superseded  A")
	s.in.Decisions.Expedites = []string{"B", "A"}
	const line = " (a person had all waves take this target at once)"
	s.step().want("taken canary B", "taken rest B", "release web=3 to a b c"+line)
	s.commit("C", "web=4").want()
	s.in.Decisions.Expedites = []string{"B", "C"}
	s.step().want("taken canary C", "taken rest C", "release web=4 to a b c"+line)
	s.healthy().step().after(time.Hour).want("passed canary C", "passed rest C")
	s.step().want()
	s.commit("D", "web=5").in.Decisions.Expedites = []string{"D"}
	s.in.Decisions.Halts = []HaltOrder{{By: "ann"}}
	s.step().want()
	s.in.Decisions.Halts = nil
	s.step().app("b", "web", Bad).step().want("taken canary D", "taken rest D", "release web=5 to a b c"+line,
		"failed  D: 1 of 2 clusters of the wave rest failed, and 0 may: web regressed in 1")
	s.step().want() // what is bad is not expedited
}

func TestAPersonTakesATargetBack(t *testing.T) {
	t.Parallel()
	start := func() *sim {
		s := newSim(t, twoWaves(t, nil), rings()).had("web=1 db=1")
		s.commit("A", "web=2 db=2").healthy().step().after(30 * time.Minute).log = nil
		return s
	}
	s := start()
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "X"}, {Target: "A", Apps: []string{"web"}, Time: s.in.Now,
		By:     "ann",
		Reason: "slow"}}
	s.step().want("failed  A: ann took it back: slow", "release db=2 web=1 to a b c (what it had is bad) back web")
	s.step().want()

	s = start()
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "A", Time: s.in.Now, By: "ann", Reason: "slow"}}
	s.step().want("failed  A: ann took it back: slow", "release db=1 web=1 to a b c (what it had is bad) back db,web")
	s.in.Now = s.in.Now.Add(time.Minute)
	s.in.Decisions.Resumes = []Resume{{"A", s.in.Now}}
	s.healthy().step().want("resumed  A: a person takes it for good again", "taken rest A",
		"release db=2 web=2 to a (its wave has passed this target)", "release db=2 web=2 to b c (its wave is at this target)")

	s = start() // what was halted first
	s.app("b", "db", Bad).step().want("failed  A: 1 of 2 clusters of the wave rest failed, and 0 may: db regressed in 1")
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "A", Apps: []string{"web"}, Time: s.in.Now}}
	s.step().want()
	s.in.Decisions.Rollbacks[0].Apps = nil
	s.step().want("release db=1 web=2 to a b c (what it had is bad) back db")
}

// What failed before a person resumed counts no more; what fails later does.
func TestResumes(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves[0].Failures = Amount{} }),
		map[string]string{"a": "0", "b": "0", "c": "0", "d": "0"}).had("web=1")
	s.commit("A", "web=2").healthy("c", "d").app("a", "web", Bad).step().log = nil
	s.in.Decisions.Resumes = []Resume{{"B", s.in.Now.Add(time.Hour)}, {"A", s.in.Now.Add(-1)}}
	s.step().want() // another target, and one of before it failed
	s.in.Decisions.Resumes = []Resume{{"A", s.in.Now}}
	s.step().want("resumed  A: a person takes it for good again", "taken canary A")
	s.in.Now = s.in.Now.Add(1)
	s.app("b", "web", Bad).step().want("failed  A: 1 of 4 clusters of the wave canary failed, and 0 may: web regressed " +
		"in 1")
}

func TestPins(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, rollsBack), rings()).had("web=1")
	s.in.Decisions.Pins["a"] = Pin{Until: epoch.Add(time.Hour)}
	s.in.Decisions.Pins["b"] = Pin{Until: epoch.Add(2 * time.Hour), Content: content("web=0")}
	s.commit("A", "web=2").want("passed canary A"+nothing, "taken rest A", "release web=0 to b (a person pinned it)",
		"release web=2 to c (its wave is at this target)")
	s.healthy().step().want()
	s.after(time.Hour).want("passed rest A", "release web=2 to a (its wave has passed this target)")
	s.heals(time.Hour).want("release web=2 to b (its wave has passed this target)")
	s.heals(time.Hour).want()
	s.in.Decisions.Pins = map[string]Pin{"a": {Until: epoch.Add(9 * time.Hour)}}
	s.app("a", "web", Bad).app("c", "web", Healthy).step().want()
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "A", Time: s.in.Now, By: "ann", Reason: "slow"}}
	s.step().want("failed  A: ann took it back: slow", "release web=1 to b c (what it had is bad) back web")
}

// A label never takes content back.
func TestLabelsMoveClusters(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1")
	s.commit("A", "web=2").healthy().step().want("taken canary A", "release web=2 to a (its wave is at this target)")
	ring := func(name, ring string) {
		m := s.in.Members[name]
		m.Labels = map[string]string{"ring": ring}
		s.in.Members[name] = m
	}
	ring("b", "0") // into the wave that is at it
	s.step().want("release web=2 to b (its wave is at this target)")
	ring("a", "1") // out of it: it keeps what it has
	s.healthy().step().after(30*time.Minute).want("passed canary A", "taken rest A",
		"release web=2 to c (its wave is at this target)")
	s.commit("B", "web=3").want("taken canary B", "release web=3 to b (its wave is at this target)")
	s.healthy().step().after(30 * time.Minute).want("passed canary B")
	ring("c", "0") // into one that has passed
	s.step().want("release web=3 to c (its wave has passed this target)")
	s.heals(time.Hour).want("passed rest A", "taken rest B", "release web=3 to a (its wave is at this target)")
}

func TestNewClusters(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings())
	s.commit("A", "web=1").want("taken canary A", "release web=1 to a (its wave is at this target)") // all are new
	s.healthy().step().after(30*time.Minute).healthy().step().want("passed canary A",
		"passed rest A: it changes no cluster of the wave", "release web=1 to b c (it is new, and gets what its wave has "+
			"passed)")
	s.join("d", "0")
	s.join("e", "1")
	s.join("f", "1")
	s.after(time.Minute).want() // nothing has been resolved for them
	known := s.m.Targets["A"]
	known.Content = maps.Clone(known.Content)
	known.Content["d"], known.Content["e"] = content("web=1 new=d"), content("web=1 new=e")
	s.m.Targets["A"] = known
	s.step().want("release new=d web=1 to d (it is new, and gets what its wave has passed)",
		"release new=e web=1 to e (it is new, and gets what its wave has passed)") // rest is at it, and canary has passed it
	s.commit("B", "web=2").want("taken canary B", "release web=2 to a d (its wave is at this target)")
}

// A new cluster gets what has passed, and not what is still being tried.
func TestANewClusterIsNoCanary(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1")
	s.join("d", "0")
	a := s.target("A", "web=1")
	a.Content["d"] = content("web=1")
	s.offer(a).want("taken canary A", "release web=1 to d (its wave is at this target)") // nothing has passed yet
	s.healthy().step().after(30*time.Minute).want("passed canary A", "passed rest A"+nothing)
	s.commit("B", "web=2").want("taken canary B", "release web=2 to a d (its wave is at this target)")
	s.join("e", "0")
	known := s.m.Targets["A"]
	known.Content["e"] = content("web=1")
	b := s.m.Targets["B"]
	b.Content["e"] = content("web=2")
	s.step().want("release web=1 to e (it is new, and gets what its wave has passed)")
	s.healthy().step().want()
	s.after(30*time.Minute).want("passed canary B", "taken rest B", "release web=2 to b c (its wave is at this target)",
		"release web=2 to e (its wave has passed this target)")
}

func TestClustersGo(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), map[string]string{"a": "0", "b": "0"}).had("web=1")
	s.commit("A", "web=2").healthy("a").step().want("taken canary A", "release web=2 to a b (its wave is at this target)")
	delete(s.in.Members, "b") // it does not count any more
	s.step().after(30*time.Minute).want("passed canary A", "passed rest A"+nothing)
	if _, known := s.m.Clusters["b"]; !known {
		t.Error("it is forgotten while there is a record of it")
	}
	delete(s.in.Released, "b")
	if s.step(); len(s.m.Clusters) != 1 {
		t.Errorf("left: %v", s.m.Clusters)
	}
	s.commit("B", "web=3").want("taken canary B", "release web=3 to a (its wave is at this target)")
	delete(s.in.Members, "a")
	s.step().want("passed canary B", "passed rest B"+nothing)
}

// What the branch has no more goes no further, and what is at it ends.
func TestAForcePush(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1")
	s.commit("A", "web=2").want("taken canary A", "release web=2 to a (its wave is at this target)")
	s.in.Gone["A"] = true
	s.healthy().step().after(30 * time.Minute).want("passed canary A")
	s.commit("B", "web=1").want("taken canary B", "release web=1 to a (its wave is at this target)")
	s.in.Gone["B"] = true
	s.healthy().commit("C", "web=3").in.Gone["C"] = true
	s.after(30 * time.Minute).want("passed canary B")
}

func TestThePolicyChanges(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves[0].Failures = Amount{Count: 1} }),
		map[string]string{"a": "0", "b": "0", "c": "1"}).had("web=1")
	s.commit("A", "web=2").healthy("b").app("a", "web", Bad).step().want("taken canary A",
		"release web=2 to a b (its wave is at this target)")
	s.in.Policy.Waves[0].Failures = Amount{} // fewer than there are
	s.step().want("failed  A: 1 of 2 clusters of the wave canary failed, and 0 may: web regressed in 1")
	s.in.Policy.Waves = s.in.Policy.Waves[1:] // its canaries are part of the rest now
	if s.step(); len(s.m.Waves) > 1 {
		t.Errorf("waves that are remembered: %v", s.m.Waves)
	}
	s.commit("B", "web=3").want("taken rest B", "release web=3 to a b c (its wave is at this target)")
	s.in.Policy.Waves = nil
	s.step().commit("C", "web=4").want()
	if len(s.out.Why) > 0 {
		t.Errorf("it shows %v", s.out.Why)
	}
}

// A cluster in no wave gets nothing, and an app that comes to the policy is known with what it was.
func TestClustersInNoWave(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves = p.Waves[:1] }), map[string]string{"a": "0",
		"b": "1"}).had("web=1")
	s.commit("A", "web=2").healthy().step().after(30*time.Minute).want("taken canary A",
		"release web=2 to a (its wave is at this target)", "passed canary A")
	s.in.Released["b"] = Released{Generation: 99, Time: s.in.Now, Content: content("web=1 db=7")}
	s.step().want()
	if got := s.m.Clusters["b"].given().String(); got != "db=7 web=1" {
		t.Errorf("it is to have %s", got)
	}
}

// The failures of all waves together are bounded by the largest budget.
func TestTheBudgetOfAllWaves(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[0].Failures, p.Waves[1].Failures = Amount{Count: 1},
			Amount{Count: 1}
	}),
		map[string]string{"a": "0", "b": "0", "c": "1", "d": "1"}).had("web=1")
	s.commit("A", "web=2").healthy("a").app("b", "web", Bad).step().after(30*time.Minute).healthy("c").app("d", "web",
		Bad).step()
	s.want("taken canary A", "release web=2 to a b (its wave is at this target)", "passed canary A", "taken rest A",
		"release web=2 to c d (its wave is at this target)", "failed  A: 2 clusters failed in all waves together, and 1 may")
}

// A cluster that falls back during the soak, within the budget, begins the soak again.
func TestAFailureWithinTheBudgetBeginsTheSoakAgain(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves[0].Failures = Amount{Count: 1} }),
		map[string]string{"a": "0", "b": "0", "c": "0"}).had("web=1")
	s.commit("A", "web=2").healthy().step().after(20*time.Minute).app("a", "web", Bad).step()
	s.shows("canary A soaks until 2026-12-01T09:50:00Z: 2/3 1/1 0", "rest  no clusters: 0/0 0/0 0")
	s.after(30*time.Minute-1).want("taken canary A", "release web=2 to a b c (its wave is at this target)")
	s.after(1).want("passed canary A", "passed rest A"+nothing)
}
