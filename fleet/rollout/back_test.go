package rollout

import (
	"slices"
	"testing"
	"time"
)

func rollsBack(p *Policy) { p.OnFailure = Rollback }

const nothing = ": it changes no cluster of the wave"

// What is taken back is the app that failed, wherever its content is, whatever target brought it; the rest goes on.
func TestWhatFailedIsTakenBackEverywhere(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, rollsBack), rings()).had("web=1 db=1")
	s.commit("A", "web=2 db=1").healthy().step().after(30 * time.Minute)
	s.commit("B", "web=2 db=2").healthy().step().want("taken canary A", "release db=1 web=2 to a (its wave is at this "+
		"target)",
		"passed canary A", "taken rest A", "release db=1 web=2 to b c (its wave is at this target)",
		"taken canary B", "release db=2 web=2 to a (its wave is at this target)")
	s.app("b", "web", Bad).step().want("failed  A: 1 of 2 clusters of the wave rest failed, and 0 may: web fell back in 1",
		"release db=1 web=1 to b c (what it had is bad) back web",
		"release db=2 web=1 to a (what it had is bad) back web")
	s.healthy().step().after(30*time.Minute).want("passed canary B", "taken rest B",
		"release db=2 web=1 to b c (its wave is at this target)") // without web
	s.healthy().step().after(time.Hour).want("passed rest B")
	s.commit("C", "web=1 db=2").want("passed canary C"+nothing, "passed rest C"+nothing) // the revert: nothing is sent
	s.commit("D", "web=2 db=2").want("passed canary D"+nothing, "passed rest D"+nothing) // the same content is bad
	s.commit("E", "web=3 db=2").want("taken canary E", "release db=2 web=3 to a (its wave is at this target)")
}

func TestWhatHaltsStopsThere(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1 db=1")
	s.join("d", "1")
	s.in.Released["d"] = Released{Generation: 1, Time: epoch, Content: content("web=0 db=1")}
	s.healthy("d").online(false, "d")
	s.after(time.Hour).commit("A", "web=2 db=1").healthy().step().after(30 * time.Minute)
	s.log = nil
	s.app("b", "web", Bad).step().want("failed  A: 1 of 3 clusters of the wave rest failed, and 0 may: web regressed in 1")
	s.after(24 * time.Hour).want()
	s.in.Members["d"] = Member{Labels: map[string]string{"ring": "0"}, Online: true, Since: s.in.Now}
	s.step().want() // its wave has passed A, and A is bad
	s.commit("B", "web=3 db=1").want("taken canary B", "release db=1 web=3 to a d (its wave is at this target)")
}

// Where what failed was kept, the commit that reverts it goes to all of them at once: it is what they had.
func TestARevertOfWhatWasKeptGoesToAllAtOnce(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1 db=1")
	s.commit("A", "web=2 db=1").healthy().step().after(30 * time.Minute)
	s.app("b", "web", Bad).step().log = nil
	s.commit("B", "web=1 db=2").want("taken canary B", "release db=1 web=1 to b c (what it had is bad, and Git has what "+
		"it had before) back web",
		"release db=2 web=1 to a (its wave is at this target) back web")
	s.healthy().step().after(30*time.Minute).want("passed canary B", "taken rest B",
		"release db=2 web=1 to b c (its wave is at this target)")
}

// A cluster that had the content before the target that failed keeps it.
func TestWhatWasThereBeforeIsKept(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, rollsBack), rings()).had("web=1")
	s.in.Released["c"] = Released{Generation: 50, Time: epoch.Add(-time.Hour), Content: content("web=2")}
	s.healthy().commit("A", "web=2").want("taken canary A", "release web=2 to a (its wave is at this target)")
	s.app("a", "web", Bad).step().want("failed  A: 1 of 1 clusters of the wave canary failed, and 0 may: web regressed "+
		"in 1",
		"release web=1 to a (what it had is bad) back web")
}

const stays = "not taken back  A: nothing is taken back in a: db may not be, by its annotation " +
	"drover.dev/rollback: never"

func TestWhatCannotGoBack(t *testing.T) {
	t.Parallel()
	one := map[string]string{"a": "0"}
	s := newSim(t, twoWaves(t, rollsBack), one).had("web=1 db=1")
	s.commit("A", "web=2 db=2!").want("taken canary A", "release db=2 web=2 to a (its wave is at this target)")
	s.app("a", "web", Bad).app("a", "db", Bad).step()
	const failed = "failed  A: 1 of 1 clusters of the wave canary failed, and 0 may: db, web regressed in 1"
	s.want(failed, stays)
	s.step().want() // which is told once
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "A", Apps: []string{"web"}, Time: s.in.Now, By: "ann"}}
	s.step().want("release db=2 web=1 to a (what it had is bad) back web")

	s = newSim(t, twoWaves(t, rollsBack), one).had("web=1 db=1") // Git says so since
	s.commit("A", "web=2 db=2").want("taken canary A", "release db=2 web=2 to a (its wave is at this target)")
	s.in.Members["a"] = Member{Labels: s.in.Members["a"].Labels, Online: true, Since: epoch, Stays: []string{"db"}}
	s.app("a", "web", Bad).app("a", "db", Bad).step().want(failed, stays)
	if got := s.m.Clusters["a"].Stays; !slices.Equal(got, []string{"db"}) {
		t.Errorf("because of %v nothing goes back", got)
	}
	s.in.Members["a"] = Member{Labels: s.in.Members["a"].Labels, Online: true, Since: epoch} // and now it does not
	s.step().want("release db=1 web=1 to a (what it had is bad) back db,web")
	if got := s.m.Clusters["a"].Stays; got != nil {
		t.Errorf("because of %v nothing goes back", got)
	}

	s = newSim(t, twoWaves(t, rollsBack), one) // the first that the cluster ever got
	s.commit("A", "web=1").app("a", "web", Bad).step().want("taken canary A",
		"release web=1 to a (its wave is at this target)",
		"failed  A: 1 of 1 clusters of the wave canary failed, and 0 may: web regressed in 1")

	s = newSim(t, twoWaves(t, rollsBack), one).had("web=1") // an app that was not there before goes
	s.commit("A", "web=1 db=1").app("a", "db", Bad).step().want("taken canary A",
		"release db=1 web=1 to a (its wave is at this target)",
		"failed  A: 1 of 1 clusters of the wave canary failed, and 0 may: db regressed in 1",
		"release web=1 to a (what it had is bad) back db")

	s = newSim(t, twoWaves(t, rollsBack), one).had("web=1 db=1") // and one that went comes back
	s.commit("A", "web=1").want("taken canary A", "release web=1 to a (its wave is at this target)")
	s.in.Reports["a"] = Report{Generation: 1, Refused: s.generation}
	s.step().want("failed  A: 1 of 1 clusters of the wave canary failed, and 0 may: db refused in 1",
		"release db=1 web=1 to a (what it had is bad)")
}

// More clusters go back at once than went there, and a cluster that is offline finds it when it comes back.
func TestHowManyGoBackAtOnce(t *testing.T) {
	t.Parallel()
	s := steps(t, func(p *Policy) {
		p.Waves[0].Steps, p.Waves[0].AtOnce, p.Waves[0].Failures = nil, Amount{Count: 1}, Amount{}
		p.Waves[0].Soak = time.Hour
		p.OnFailure = Rollback
	})
	s.commit("A", "web=2")
	for range 9 {
		s.healthy().step()
	}
	s.online(false, "a", "b")
	s.after(3 * time.Minute).log = nil
	s.app("i", "web", Bad).step().want("failed  A: 1 of 10 clusters of the wave all failed, and 0 may: web regressed in 1",
		"release web=1 to a b c d e f (what it had is bad) back web")
	s.step().want()
	s.healthy("c").step().want("release web=1 to g (what it had is bad) back web")
	s.healthy().step().want("release web=1 to h i j (what it had is bad) back web")
}

// On the way back nothing counts as a failure of anything, and the windows and halts do not matter.
func TestNothingHoldsUpTheWayBack(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, rollsBack), rings()).had("web=1")
	s.commit("A", "web=2").want("taken canary A", "release web=2 to a (its wave is at this target)")
	s.in.Decisions.Halts = []HaltOrder{{By: "ann", Reason: "holidays"}}
	s.in.Policy.Windows = append(s.in.Policy.Windows, denied)
	s.app("a", "web", Bad).step().want("failed  A: 1 of 1 clusters of the wave canary failed, and 0 may: web regressed "+
		"in 1",
		"release web=1 to a (what it had is bad) back web")
	s.app("a", "web", Bad).after(24 * time.Hour).want()
	s.shows("canary A halted by ann: holidays; held back from Git: 1 of 1 clusters of the wave canary failed, and 0 may: "+
		"web regressed in 1: 0/1 1/0 0", "rest  halted by ann: holidays; waits for the wave before it: 0/0 0/0 0")
}

func TestGates(t *testing.T) {
	t.Parallel()
	gated := func(p *Policy) { p.Waves[0].Gates = []string{"errors", "latency"}; p.OnFailure = Rollback }
	say := func(s *sim, gate string, edit func(*GateResult)) {
		g := GateResult{Gate: gate, Wave: "canary", Target: "A", At: s.in.Now}
		edit(&g)
		s.in.Gates = append(s.in.Gates, g)
	}
	passed := func(g *GateResult) { g.Passed = true }
	start := func() *sim {
		s := newSim(t, twoWaves(t, gated), map[string]string{"a": "0"}).had("web=1 db=1")
		s.commit("A", "web=2 db=1").healthy().step().log = nil
		return s
	}
	s := start()
	say(s, "errors", passed)
	s.after(24 * time.Hour).want()
	s.shows("canary A waits for the gate latency: 1/1 0/0 0", "rest  no clusters: 0/0 0/0 0")
	say(s, "latency", func(g *GateResult) { g.Text = "no data" })
	s.step().shows("canary A waits for the gate latency: no data: 1/1 0/0 0", "rest  no clusters: 0/0 0/0 0")
	for _, edit := range []func(*GateResult){func(g *GateResult) { g.Target = "B" },
		func(g *GateResult) { g.Wave = "rest" },
		func(g *GateResult) { g.Slice = 1 }} {
		say(s, "latency", func(g *GateResult) { passed(g); edit(g) })
		s.step().want()
	}
	s.in.Now = s.in.Now.Add(time.Second)
	say(s, "latency", passed)
	s.step().want("passed canary A", "passed rest A"+nothing)

	s = start() // all that the target changed goes back
	say(s, "errors", func(g *GateResult) { g.Failed, g.Text = true, "0.07 ≥ 0.05" })
	s.step().want("failed  A: the gate errors failed in the wave canary: 0.07 ≥ 0.05",
		"release db=1 web=1 to a (what it had is bad) back web")

	s = start()
	say(s, "errors", func(g *GateResult) { g.Failed = true })
	s.in.Decisions.Resumes = []Resume{{"A", s.in.Now.Add(time.Second)}} // a person saw that one
	s.step().want()

	s = start() // they pass before the soak is over
	say(s, "errors", passed)
	say(s, "latency", passed)
	s.after(30*time.Minute - 1).want()
	s.after(1).want("passed canary A", "passed rest A"+nothing)
}

// A cluster goes back from all that was given after what it gets, however long ago, and from nothing else.
func TestWhatAClusterGoesBackFrom(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, rollsBack), map[string]string{"a": "0"}).had("web=1")
	from := func(digest string, want ...string) {
		t.Helper()
		got, from, known := s.m.Clusters["a"].Wanted("web", nil)
		if got != digest || !slices.Equal(from, want) || !known {
			t.Errorf("web is to be %q, back from %q, want %q from %q", got, from, digest, want)
		}
	}
	s.commit("A", "web=2")
	from("2")
	s.app("a", "web", Bad).step()
	from("1", "2")
	s.commit("B", "web=1") // the revert changes nothing
	from("1", "2")
	s.healthy().step().commit("C", "web=3")
	from("3")
	s.app("a", "web", Bad).step()
	from("1", "3", "2") // it may have been away since it had 2

	pin := &Pin{Content: content("web=1")}
	s.healthy().step().commit("D", "web=4").healthy().step().after(time.Hour).commit("E", "web=5")
	from("5")
	if got, from, known := s.m.Clusters["a"].Wanted("web", pin); got != "1" || !known ||
		!slices.Equal(from, []string{"5", "4", "3", "2"}) {
		t.Errorf("where it is pinned to 1 it is to be %q, back from %q", got, from)
	}
	if got, from, known := s.m.Clusters["a"].Wanted("db", pin); got != "" || from != nil || !known {
		t.Errorf("an app that the pin has not is to be %q, back from %q", got, from)
	}
	if _, _, known := s.m.Clusters["a"].Wanted("web", &Pin{}); known {
		t.Error("what it has is kept, and it is said what it is to be")
	}
}

// A revert that comes by a wave is the way back, too: here to a cluster that was pinned when it went to all others.
func TestARevertByItsWaveGoesBack(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), map[string]string{"a": "0", "b": "0"}).had("web=1")
	s.commit("A", "web=2").app("a", "web", Bad).step()
	s.in.Decisions.Pins = map[string]Pin{"b": {Until: s.in.Now.Add(2 * time.Hour)}}
	s.commit("B", "web=1").healthy().step().after(time.Hour).healthy().step()
	s.in.Policy.Waves[0].Approval = &Approval{}
	s.commit("C", "web=3").log = nil
	s.after(time.Hour).want("release web=1 to b (its wave has passed this target) back web")
	for name, c := range s.m.Clusters {
		if e := c.Apps["web"]; len(e) != 1 || e[0].Digest != "1" || !slices.Equal(e[0].From, []string{"2"}) {
			t.Errorf("web of %s is %+v", name, e)
		}
	}
}

// What a person takes for good again comes back to the clusters of waves that had passed it, however long ago they went
// back.
func TestWhatIsGoodAgainComesBack(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), map[string]string{"a": "0"}).had("web=1")
	s.commit("A", "web=2").healthy().step().after(30 * time.Minute).log = nil
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "A", Time: s.in.Now, By: "ann", Reason: "it leaks"}}
	s.step().want("failed  A: ann took it back: it leaks", "release web=1 to a (what it had is bad) back web")
	s.healthy().step().after(time.Hour).want()
	s.in.Decisions.Resumes = []Resume{{"A", s.in.Now}}
	s.step().want("resumed  A: a person takes it for good again", "release web=2 to a (its wave has passed this target)")
}
