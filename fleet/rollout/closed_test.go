package rollout

import (
	"testing"
	"time"
)

// A cluster that waits for windows of its own gets nothing new, and holds back the waves after its own, until they open;
// what goes back does not wait for them, and neither does what a person has all waves take.
func TestAClusterMayWaitForWindowsOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) { p.OnFailure = Rollback }), rings()).had("web=1")
	shut := func(is bool) {
		m := s.in.Members["b"]
		m.Closed = is
		s.in.Members["b"] = m
	}
	has := func(when, want string) {
		t.Helper()
		if got := s.in.Released["b"].Content["web"].Digest; got != want {
			t.Errorf("%s b has web=%s, want %s", when, got, want)
		}
	}
	shut(true)
	s.commit("A", "web=2").heals(time.Hour)
	has("while its windows are shut", "1")
	if got := s.in.Released["c"].Content["web"].Digest; got != "2" {
		t.Errorf("another cluster of the wave has web=%s", got)
	}
	if s.out.Why[1].Reason != Settling {
		t.Errorf("the wave says %+v", s.out.Why[1])
	}
	shut(false)
	s.step()
	has("when they open", "2")
	s.heals(2 * time.Hour)
	s.in.Now = s.in.Now.Add(time.Second)
	shut(true)
	s.in.Decisions.Rollbacks = []RollbackOrder{{Target: "A", Time: s.in.Now}}
	s.step()
	has("when a person takes it back", "1")
	s.heals(time.Minute)
	s.in.Decisions.Rollbacks, s.in.Decisions.Expedites = nil, []string{"B"}
	s.commit("B", "web=3")
	has("when a person has all waves take it", "3")
}
