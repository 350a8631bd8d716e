package rollout

import (
	"fmt"
	"testing"
	"time"
)

// I5: a wave with clusters that are offline takes as long as without them.
func TestClustersThatAreOfflineTakeNoTime(t *testing.T) {
	t.Parallel()
	took := func(offline int) time.Duration {
		members := map[string]string{}
		for i := range 20 {
			members[fmt.Sprint("c", i)] = "0"
		}
		s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves[0].AtOnce = Amount{Count: 20} }), members).had("web=1")
		for i := range offline {
			s.online(false, fmt.Sprint("c", i))
		}
		s.after(time.Hour)
		begin := s.in.Now
		s.commit("A", "web=2").after(10 * time.Second).healthy().step()
		for s.m.Waves["canary"].Passed == "" {
			s.in.Now = s.out.Wake
			s.healthy().step()
		}
		return s.in.Now.Sub(begin)
	}
	if without, with := took(0), took(9); without != with || without != 30*time.Minute+10*time.Second {
		t.Errorf("it takes %s without, and %s with clusters that are offline", without, with)
	}
}

// TestTheWorkedExample is that of docs/rollouts.md, with its numbers: ten thousand clusters.
func TestTheWorkedExample(t *testing.T) {
	t.Parallel()
	s := newSim(t, Policy{OnFailure: Rollback, Waves: []Wave{
		{Name: "canary", Selector: labelled(t, "ring=0"), Soak: 30 * time.Minute},
		{Name: "early", Selector: labelled(t, "ring=1"), Approval: &Approval{Groups: []string{"sre"}, NotAuthor: true},
			AtOnce: Amount{Share: 1000}, Soak: 4 * time.Hour},
		{Name: "rest", Steps: []Amount{{Share: 100}, {Share: 1000}, All}, Soak: time.Hour, AtOnce: Amount{Count: 500},
			Failures: Amount{Share: 100}},
	}}, nil)
	for i := range 10_000 {
		ring := "2"
		if i < 10 {
			ring = "0"
		} else if i < 200 {
			ring = "1"
		}
		s.join(fmt.Sprintf("c%04d", i), ring)
	}
	s.had("web=1.4 db=1")
	r, _ := begin(s.m.clone(), s.in, nil)
	rest := r.in[2]
	s.online(false, rest[10], rest[20], rest[30])
	for i := range 297 {
		s.online(false, rest[9000+i])
	}
	s.in.Now = s.in.Now.Add(time.Hour)
	settle := func() { // until nothing is in flight
		for range 100 {
			n := len(s.out.Releases)
			s.in.Now = s.in.Now.Add(10 * time.Second)
			if s.healthy().step(); n == 0 && len(s.out.Releases) == 0 {
				return
			}
		}
		t.Fatal("it does not settle")
	}
	wave := func(i int) WaveState { return s.out.Why[i] }
	s.commit("1a2b", "web=1.5 db=1")
	settle()
	s.after(31 * time.Minute)
	if w := wave(1); w.Text != "waits for approval by sre" || w.Clusters != 190 {
		t.Fatalf("early: %+v", w)
	}
	s.in.Decisions.Approvals = []WaveApproval{{"early", "1a2b", "bob", []string{"sre"}, "bob", ""}}
	if s.step(); len(s.out.Releases) != 19 {
		t.Fatalf("%d at once", len(s.out.Releases))
	}
	settle()
	s.commit("3c4d", "web=1.5 db=2")
	settle()
	s.after(4 * time.Hour)
	if w := wave(2); w.Target != "1a2b" || w.Clusters != 98 || w.Offline != 3 {
		t.Fatalf("rest: %+v", w)
	}
	settle()
	if w := wave(2); w.Settled != 95 {
		t.Fatalf("rest: %+v", w)
	}
	s.after(time.Hour)
	settle()
	for i := range 5 {
		s.app(rest[200+i], "web", Bad)
	}
	if s.step(); wave(2).Failed != 5 || wave(2).Budget != 9 || wave(2).Target != "1a2b" {
		t.Fatalf("rest: %+v", wave(2))
	}
	s.in.Decisions.Approvals = append(s.in.Decisions.Approvals,
		WaveApproval{"early", "3c4d", "bob", []string{"sre"}, "bob", ""})
	s.step()
	settle()
	s.after(time.Hour)
	for range 4 {
		s.in.Now = s.in.Now.Add(10 * time.Second)
		s.healthy().step()
		for i := range 5 { // they stay bad
			s.app(rest[200+i], "web", Bad)
		}
	}
	for i := range 94 {
		s.app(rest[1000+i], "web", Bad)
	}
	s.log = nil
	s.in.Now = s.in.Now.Add(10 * time.Second)
	s.step()
	if f := s.m.Targets["1a2b"].Failed; f == nil || f.Why != "99 of 9800 clusters of the wave rest failed, and 98 may: "+
		"web fell back in 99" {
		t.Fatalf("it has not failed: %+v %+v", f, wave(2))
	}
	settle()
	for name, rel := range s.in.Released {
		if want, got := "db=1 web=1.4", rel.Content.String(); got != want && got != "db=2 web=1.4" {
			t.Fatalf("%s has %s", name, got)
		}
	}
	if got := s.in.Released["c0000"].Content.String(); got != "db=2 web=1.4" {
		t.Errorf("the canary has %s", got)
	}
}

func BenchmarkStepOf10000(b *testing.B) {
	t := &testing.T{}
	for _, what := range []string{"one report", "a commit for all"} {
		b.Run(what, func(b *testing.B) {
			s := newSim(t, twoWaves(t, nil), nil)
			for i := range 10_000 {
				s.join(fmt.Sprint("c", i), fmt.Sprint(i%10))
			}
			s.had("web=1 db=1")
			s.step()
			if what == "a commit for all" {
				s.in.Candidates = []Target{s.target("A", "web=2 db=1")}
			}
			b.ReportAllocs()
			for b.Loop() {
				Step(s.m, s.in)
			}
		})
	}
}
