package rollout

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
)

func TestATargetTravelsFromWaveToWave(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1")
	s.commit("A", "web=2").want("taken canary A", "release web=2 to a (its wave is at this target)")
	s.shows("canary A 0 of 1 settled: 0/1 0/0 0", "rest  waits for the wave before it: 0/0 0/0 0")
	s.step().want()
	s.in.Now = s.in.Now.Add(time.Minute)
	s.healthy().step().want()
	s.shows("canary A soaks until 2026-12-01T09:31:00Z: 1/1 0/0 0", "rest  waits for the wave before it: 0/0 0/0 0")
	s.after(29*time.Minute + 59*time.Second).want()
	s.after(time.Second).want("passed canary A", "taken rest A", "release web=2 to b c (its wave is at this target)")
	s.healthy("b").step().want()
	s.shows("canary A passed: 1/1 0/0 0", "rest A 1 of 2 settled: 1/2 0/0 0")
	s.healthy().step().want()
	s.after(time.Hour).want("passed rest A")
	s.shows("canary A passed: 1/1 0/0 0", "rest A passed: 2/2 0/0 0")
	s.after(24 * time.Hour).want()
	if !s.out.Wake.IsZero() {
		t.Errorf("at rest it wakes at %s", s.out.Wake)
	}
}

// A target that changes nothing in a wave has passed it at once: no approval, no window, no soak.
func TestAWaveWithNothingToDoPasses(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[0].Approval = &Approval{}
		p.Windows = schedule.Windows{{Deny: true, From: epoch.Add(-time.Hour)}}
	}), rings()).had("web=1")
	s.commit("A", "web=1").want("passed canary A: it changes no cluster of the wave",
		"passed rest A: it changes no cluster of the wave")
	s = newSim(t, twoWaves(t, nil), map[string]string{"b": "1"}).had("web=1")
	s.commit("A", "web=2").want("passed canary A: it changes no cluster of the wave", "taken rest A",
		"release web=2 to b (its wave is at this target)")
	s.shows("canary A no clusters: 0/0 0/0 0", "rest A 0 of 1 settled: 0/1 0/0 0")
}

func TestNewerTargetsComeBehind(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, nil), rings()).had("web=1")
	s.commit("A", "web=2").healthy().after(30 * time.Minute)
	s.want("taken canary A", "release web=2 to a (its wave is at this target)",
		"passed canary A", "taken rest A", "release web=2 to b c (its wave is at this target)")
	s.healthy().commit("B", "web=3").want("taken canary B", "release web=3 to a (its wave is at this target)")
	s.commit("C", "web=4").commit("D", "web=5").want("superseded  C")
	s.heals(30*time.Minute).want("passed canary B", "taken canary D",
		"release web=5 to a (its wave is at this target)")
	s.after(time.Minute).heals(29*time.Minute).want("passed rest A", "taken rest B",
		"release web=3 to b c (its wave is at this target)")
	s.heals(time.Minute).want("passed canary D")
	s.heals(59*time.Minute).want("passed rest B", "taken rest D", "release web=5 to b c (its wave is at this target)")
	s.heals(time.Hour).want("passed rest D")
}

// steps is a wave of ten clusters in slices.
func steps(t *testing.T, edit func(*Policy)) *sim {
	p := Policy{Name: "production", Waves: []Wave{{Name: "all", Steps: []Amount{{Count: 2}, {Share: 5000}, All},
		Soak: 10 * time.Minute, AtOnce: Amount{Count: 2}, Failures: Amount{Share: 2000}}}}
	if edit != nil {
		edit(&p)
	}
	members := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		members[name] = "0"
	}
	return newSim(t, p, members).had("web=1")
}

func TestSlicesOfAWave(t *testing.T) {
	t.Parallel()
	s := steps(t, nil)
	s.commit("A", "web=2").want("taken all A", "release web=2 to c d (its wave is at this target)")
	s.shows("all A slice 1 of 3, 0 of 2 settled: 0/2 0/0 0")
	s.healthy().step().after(10 * time.Minute).want("release web=2 to g h (its wave is at this target)")
	s.shows("all A slice 2 of 3, 2 of 5 settled: 2/5 0/1 0")
	s.healthy("g").step().want("release web=2 to j (its wave is at this target)")
	s.healthy().step().want()
	s.shows("all A slice 2 of 3, soaks until 2026-12-01T09:20:00Z: 5/5 0/1 0")
	s.after(10 * time.Minute).want("release web=2 to a b (its wave is at this target)")
	s.healthy().step().want("release web=2 to e f (its wave is at this target)")
	s.healthy().step().want("release web=2 to i (its wave is at this target)")
	s.healthy().after(10 * time.Minute).want("passed all A")
}

func TestTheBudgetOfFailures(t *testing.T) {
	t.Parallel()
	s := steps(t, func(p *Policy) { p.Waves[0].AtOnce = Amount{} })
	s.commit("A", "web=2").healthy().step().after(10*time.Minute).healthy().app("g", "web", Bad).step()
	s.want("taken all A", "release web=2 to c d (its wave is at this target)",
		"release web=2 to g h j (its wave is at this target)")
	s.shows("all A slice 2 of 3, soaks until 2026-12-01T09:20:00Z: 4/5 1/1 0")
	s.app("h", "web", Bad).step().want("failed  A: 2 of 5 clusters of the wave all failed, and 1 may: " +
		"web fell back in 1; web regressed in 1")
	s.shows("all A held back from Git: 2 of 5 clusters of the wave all failed, and 1 may: web fell back in 1; " +
		"web regressed in 1: 3/5 2/1 0")
	s.after(24 * time.Hour).want()
	s.commit("B", "web=2 db=1").want("taken all B", "release db=1 web=2 to c d (its wave is at this target)")
}

func TestWhatCountsAsAFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(s *sim)
		want string
	}{
		{"refused", func(s *sim) { s.in.Reports["a"] = Report{Generation: 1, Refused: s.generation}; s.step() },
			"web refused in 1"},
		{"an older one refused", func(s *sim) {
			s.in.Reports["a"] = Report{Generation: 1,
				Refused: s.generation - 1}
			s.step()
		},
			""},
		{"refused, and taken then", func(s *sim) {
			s.healthy("a")
			rep := s.in.Reports["a"]
			rep.Refused = rep.Generation
			s.in.Reports["a"] = rep
			s.step()
		}, ""},
		{"an app turns bad", func(s *sim) { s.app("a", "web", Bad).step() }, "web regressed in 1"},
		{"another app turns bad", func(s *sim) { s.app("a", "db", Bad).step() }, "db regressed in 1"},
		{"bad with the content of before", func(s *sim) {
			s.app("a", "web", Bad)
			s.says("a", AppReport{App: "web", Digest: "1", State: Bad})
			s.step()
		}, ""},
		{"bad in the report of before", func(s *sim) {
			s.app("a", "web", Bad)
			rep := s.in.Reports["a"]
			rep.Generation--
			s.in.Reports["a"] = rep
			s.step()
		}, ""},
		{"not settled just in time", func(s *sim) { s.after(24*time.Minute + 59*time.Second) }, ""},
		{"not settled in time", func(s *sim) { s.after(25 * time.Minute) }, "web not settled in 1"},
		{"progressing for too long", func(s *sim) { s.app("a", "web", Progressing).after(25 * time.Minute) },
			"web not settled in 1"},
		{"paused for long", func(s *sim) { s.app("a", "web", Paused).after(time.Hour) }, ""},
		{"suspended", func(s *sim) { s.app("a", "web", Suspended).after(29 * time.Minute) }, ""},
		{"it came online again", func(s *sim) {
			s.online(false, "a")
			s.after(5 * time.Minute)
			s.online(true, "a")
			s.step().after(24 * time.Minute)
		}, ""},
		{"it came online again, and does not settle", func(s *sim) {
			s.online(false, "a")
			s.after(5 * time.Minute)
			s.online(true, "a")
			s.step().after(25 * time.Minute)
		}, "web not settled in 1"},
		{"silent", func(s *sim) { s.after(time.Minute); s.online(false, "a"); s.step().after(10 * time.Minute) },
			"web silent in 1"},
		{"silent for less", func(s *sim) { s.online(false, "a"); s.after(10*time.Minute - 1) }, ""},
		{"silent after it settled", func(s *sim) {
			s.healthy("a").step()
			s.online(false, "a")
			s.after(10 * time.Minute)
		}, "web silent in 1"},
		{"bad after it settled", func(s *sim) { s.healthy("a").step().app("a", "web", Bad).step() }, "web fell back in 1"},
		{"progressing after it settled", func(s *sim) {
			s.healthy("a").step().app("a", "web",
				Progressing).after(29 * time.Minute)
		},
			""},
		{"bad after the wave has passed", func(s *sim) {
			s.healthy("a").step().after(30*time.Minute).app("a", "web", Bad).step()
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t, twoWaves(t, nil), map[string]string{"a": "0"}).had("web=1 db=1")
			s.says("a", AppReport{App: "db", Digest: "1", State: Healthy, Since: epoch})
			target := s.target("A", "web=2@20m db=1")
			s.offer(target)
			c.do(s)
			got := ""
			if f := s.m.Targets["A"].Failed; f != nil {
				got = f.Why
			}
			want := ""
			if c.want != "" {
				want = "1 of 1 clusters of the wave canary failed, and 0 may: " + c.want
			}
			if got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// A wave that can neither pass nor fail does not keep newer targets waiting: one of them may be the fix.
func TestAWaveWithoutProofTakesTheNextTarget(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves[0].Failures = Amount{Count: 1} }), map[string]string{"a": "0",
		"b": "0"})
	s.had("web=1").app("a", "web", Bad)
	s.commit("A", "web=2").app("a", "web", Bad).app("b", "web", Bad).after(24 * time.Hour)
	s.want("taken canary A", "release web=2 to a b (its wave is at this target)")
	s.shows("canary A waits: none of its 2 clusters shows whether it works (1 had something bad before, 1 failed): 0/2 "+
		"1/1 0",
		"rest  no clusters: 0/0 0/0 0")
	s.commit("B", "web=3").want("taken canary B", "release web=3 to a b (its wave is at this target)")
	s.healthy().step().after(30*time.Minute).want("passed canary B", "passed rest B"+nothing)
}

// What was bad before counts for nothing, and does not pass for a proof either.
func TestWhatWasBadBefore(t *testing.T) {
	t.Parallel()
	two := map[string]string{"a": "0", "b": "0"}
	s := newSim(t, twoWaves(t, nil), two).had("web=1").app("a", "web", Bad)
	s.commit("A", "web=2").healthy("b").app("a", "web", Bad).step().after(30 * time.Minute)
	s.want("taken canary A", "release web=2 to a b (its wave is at this target)", "passed canary A",
		"passed rest A: it changes no cluster of the wave")

	s = newSim(t, twoWaves(t, nil), two).had("web=1").app("a", "web", Bad).app("b", "web", Bad)
	s.commit("A", "web=2").app("a", "web", Bad).app("b", "web", Progressing).step().after(24 * time.Hour)
	s.want("taken canary A", "release web=2 to a b (its wave is at this target)")
	s.shows("canary A waits: none of its 2 clusters shows whether it works (2 had something bad before, 0 failed): 0/2 "+
		"0/0 0",
		"rest  no clusters: 0/0 0/0 0")
	s.healthy("a").step().after(30*time.Minute).want("passed canary A", "passed rest A: it changes no cluster of the wave")

	s = newSim(t, twoWaves(t, nil), two).had("web=1 db=1").app("a", "db", Bad) // another app of it turns bad
	s.commit("A", "web=2 db=1").healthy("b").app("a", "db", Bad).app("a", "web", Bad).step()
	s.want("taken canary A", "release db=1 web=2 to a b (its wave is at this target)",
		"failed  A: 1 of 2 clusters of the wave canary failed, and 0 may: web regressed in 1")
}

func TestWhoIsOffline(t *testing.T) {
	t.Parallel()
	four := map[string]string{"a": "0", "b": "0", "c": "0", "d": "0"}
	s := newSim(t, twoWaves(t, nil), four).had("web=1")
	s.online(false, "a", "b")
	s.after(3 * time.Minute)
	s.commit("A", "web=2").want("taken canary A", "release web=2 to a b c d (its wave is at this target)")
	s.healthy().step().shows("canary A soaks until 2026-12-01T09:33:00Z: 2/4 0/0 2", "rest  no clusters: 0/0 0/0 0")
	s.after(30*time.Minute).want("passed canary A", "passed rest A: it changes no cluster of the wave")
	s.online(true, "a") // and what it has on the bus makes it fail, late
	s.step().app("a", "web", Bad).step()
	s.want("failed  A: 1 of 4 clusters of the wave canary failed, and 0 may: web regressed in 1")

	s = newSim(t, twoWaves(t, nil), four).had("web=1")
	s.online(false, "a", "b", "c")
	s.after(3 * time.Minute)
	s.commit("A", "web=2").healthy().after(24 * time.Hour)
	s.want("taken canary A", "release web=2 to a b c d (its wave is at this target)")
	s.shows("canary A waits for clusters to come online: 1 of 4 settled, and 2 have to: 1/4 0/0 3",
		"rest  no clusters: 0/0 0/0 0")
	s.in.Decisions.Skips = []Skip{{"canary", "A"}}
	s.step().want("passed canary A: a person skipped what it waits for", "passed rest A: it changes no cluster of the "+
		"wave")

	s = newSim(t, twoWaves(t, func(p *Policy) { p.Offline.Quorum = Amount{Count: 1} }), four).had("web=1")
	s.online(false, "a", "b", "c", "d") // nobody is there
	s.after(3*time.Minute).commit("A", "web=2").after(24 * time.Hour)
	s.want("taken canary A", "release web=2 to a b c d (its wave is at this target)")
	s.shows("canary A waits for clusters to come online: 0 of 4 settled, and 1 have to: 0/4 0/0 4",
		"rest  no clusters: 0/0 0/0 0")
}

// Who is away does not take a place of those that may be in flight, and nobody waits for them.
func TestWhoIsOfflineIsNotInFlight(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[0].AtOnce = Amount{Count: 1}
		p.Offline = Offline{After: time.Minute, Quorum: Amount{Count: 1}}
	}), map[string]string{"a": "0", "b": "0", "c": "0"}).had("web=1")
	s.commit("A", "web=2").want("taken canary A", "release web=2 to c (its wave is at this target)")
	s.online(false, "c")
	s.step().after(time.Minute - 1).want()
	s.after(1).want("release web=2 to b (its wave is at this target)")
	s.online(true, "c") // two are in flight now, and no third
	s.step().want()
	s.healthy("b").step().want()
	s.healthy("c").step().want("release web=2 to a (its wave is at this target)")
}

func TestWindows(t *testing.T) {
	t.Parallel()
	nine, err := schedule.ParseCron("0 9 * * *")
	if err != nil {
		t.Fatal(err)
	}
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Windows = schedule.Windows{{Cron: nine, Duration: time.Hour}}
		p.Waves[0].AtOnce = Amount{Count: 1}
	}), map[string]string{"a": "0", "b": "0"}).had("web=1")
	s.commit("A", "web=2").want("taken canary A", "release web=2 to b (its wave is at this target)")
	s.app("b", "web", Paused).after(time.Hour).healthy().step().want()
	s.shows("canary A 1 of 2 settled; no window is open, next 2026-12-02 09:00 UTC: 1/2 0/0 0",
		"rest  no clusters: 0/0 0/0 0")
	s.after(23 * time.Hour).want("release web=2 to a (its wave is at this target)")
	s.after(9 * time.Minute).healthy().step().after(50 * time.Minute)
	s.want("passed canary A", "passed rest A: it changes no cluster of the wave") // the soak goes on while none is open
	s.after(time.Hour).commit("B", "web=3").want()
	s.shows("canary B no window is open, next 2026-12-03 09:00 UTC: 0/2 0/0 0", "rest A no clusters: 0/0 0/0 0")
	s.in.Policy.Windows = schedule.Windows{{Deny: true, From: epoch, Reason: "end of year"}}
	s.step().want()
	s.shows("canary B no window is open (end of year), and none will be: 0/2 0/0 0", "rest A no clusters: 0/0 0/0 0")
	s.in.Policy.Windows = nil
	s.step().want("taken canary B", "release web=3 to b (its wave is at this target)")
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[0].Approval = &Approval{Groups: []string{"sre", "dba"}, Count: 2, NotAuthor: true}
	}), map[string]string{"a": "0"}).had("web=1")
	s.commit("A", "web=2").want()
	s.shows("canary A waits for 2 approvals by dba or sre: 0/1 0/0 0", "rest  no clusters: 0/0 0/0 0")
	say := func(by, wave, target string, groups ...string) *sim {
		s.in.Decisions.Approvals = append(s.in.Decisions.Approvals, WaveApproval{wave, target, by, groups, by, ""})
		return s.step()
	}
	say("bob", "canary", "A", "sre").want()
	s.shows("canary A waits for approval by dba or sre (1 of 2): 0/1 0/0 0", "rest  no clusters: 0/0 0/0 0")
	say("bob", "canary", "A", "sre").want()      // twice is once
	say("ann", "canary", "A", "sre").want()      // the author
	say("cid", "canary", "A", "web").want()      // of no such group
	say("dan", "rest", "A", "sre").want()        // another wave
	say("eva", "canary", "B", "sre").want()      // another target
	say("fay", "canary", "A").want()             // of no group
	s.commit("B", "web=3").want("superseded  A") // the approvals of A are not for it
	say("gus", "canary", "B", "x", "dba").want("taken canary B", "release web=3 to a (its wave is at this target)")

	s = newSim(t, twoWaves(t, func(p *Policy) { p.Waves[0].Approval = &Approval{} }),
		map[string]string{"a": "0"}).had("web=1")
	s.commit("A", "web=2").shows("canary A waits for approval: 0/1 0/0 0", "rest  no clusters: 0/0 0/0 0")
	say("ann", "canary", "A").want("taken canary A", "release web=2 to a (its wave is at this target)")
}

// An approval counts by what the person was when it was given, and the token that all share counts once at most.
func TestWhoseApprovalCounts(t *testing.T) {
	t.Parallel()
	target := Target{ID: "A", Author: "Ann@example.com"}
	w := Wave{Name: "early", Approval: &Approval{Groups: []string{"sre"}, Count: 2, NotAuthor: true}}
	ok := WaveApproval{"early", "A", "bob", []string{"x", "sre"}, "bob", "bob@example.com"}
	with := func(edit func(*WaveApproval)) WaveApproval {
		a := ok
		edit(&a)
		return a
	}
	for name, c := range map[string]struct {
		a    WaveApproval
		want int
	}{
		"it counts":             {ok, 1},
		"another wave":          {with(func(a *WaveApproval) { a.Wave = "rest" }), 0},
		"another target":        {with(func(a *WaveApproval) { a.Target = "B" }), 0},
		"no group":              {with(func(a *WaveApproval) { a.Groups = nil }), 0},
		"another group":         {with(func(a *WaveApproval) { a.Groups = []string{"SRE"} }), 0},
		"the shared token":      {with(func(a *WaveApproval) { a.Person = "" }), 0},
		"the author":            {with(func(a *WaveApproval) { a.Email = "ann@EXAMPLE.com" }), 0},
		"who says the same":     {with(func(a *WaveApproval) { a.By = "Ann@example.com" }), 0},
		"nobody knows the mail": {with(func(a *WaveApproval) { a.Email = "" }), 1},
	} {
		if got := w.Approved([]WaveApproval{c.a}, target); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	second := with(func(a *WaveApproval) { a.Person, a.By, a.Email = "cid", "cid", "cid@example.com" })
	if got := w.Approved([]WaveApproval{ok, ok, second}, target); got != 2 {
		t.Errorf("two people are %d", got)
	}
	anyone := Wave{Name: "early", Approval: &Approval{Count: 3}}
	shared := []WaveApproval{{"early", "A", "ann", nil, "", ""}, {"early", "A", "bob", nil, "", ""}}
	if got := anyone.Approved(shared, target); got != 1 {
		t.Errorf("the shared token is %d people", got)
	}
	if n := (Wave{Name: "early"}).Approved(shared, target); n != 0 {
		t.Errorf("a wave that asks for none counts %d", n)
	}
}
