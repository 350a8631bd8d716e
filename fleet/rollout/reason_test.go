package rollout

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
)

var reasons = []Reason{Passed, NoClusters, HeldBack, AwaitingWave, AwaitingApproval, AwaitingWindow, Beginning, Settling,
	AwaitingPaused, AwaitingQuorum, Unproven, AwaitingGate, Soaking, Halted, Frozen, Unreadable}

func TestReasonsOfWavesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/rollouts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons {
		if !strings.Contains(string(page), "| `"+string(r)+"` |") {
			t.Errorf("docs/rollouts.md does not say what %s is", r)
		}
	}
}

// TestWhatWavesWaitFor: programs are told by a word, whatever the text.
func TestWhatWavesWaitFor(t *testing.T) {
	t.Parallel()
	s := newSim(t, twoWaves(t, func(p *Policy) {
		p.Waves[0].Gates, p.Waves[0].Soak = []string{"errors"}, time.Minute
		p.Waves[1].Approval = &Approval{}
		p.OnFailure = Rollback
	}), rings()).had("web=1")
	is := func(when string, want ...Reason) {
		t.Helper()
		var got []Reason
		for _, w := range s.out.Why {
			got = append(got, w.Reason)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s it is %q, want %q", when, got, want)
		}
	}
	s.step()
	is("before any target", AwaitingWave, AwaitingWave)
	s.commit("A", "web=2")
	is("at first", Settling, AwaitingWave)
	s.app("a", "web", Paused).step()
	is("with something paused", AwaitingPaused, AwaitingWave)
	s.healthy().step()
	is("without an answer", AwaitingGate, AwaitingWave)
	s.in.Gates = []GateResult{{Gate: "errors", Wave: "canary", Target: "A", Passed: true, At: s.in.Now}}
	s.step()
	is("when the gate has passed", Soaking, AwaitingWave)
	s.in.Decisions.Halts = []HaltOrder{{Wave: "canary"}}
	s.step()
	is("with a halt", Halted, AwaitingWave)
	s.in.Decisions.Halts = []HaltOrder{{All: true}}
	s.step()
	is("with a freeze", Frozen, Frozen)
	s.in.Decisions.Halts = nil
	s.after(time.Minute)
	is("after the soak", Passed, AwaitingApproval)
	s.in.Policy.Waves[1].Approval = nil
	s.in.Policy.Windows = schedule.Windows{{Deny: true, From: epoch, Until: epoch.Add(time.Hour)}}
	s.step()
	is("outside of windows", Passed, AwaitingWindow)
	s.in.Policy.Windows = nil
	s.online(false, "b", "c")
	s.after(time.Hour)
	is("with nobody online", Passed, AwaitingQuorum)
	s.online(true, "b", "c")
	s.app("b", "web", Bad).step()
	is("when it has failed", HeldBack, AwaitingWave)
	s.commit("B", "web=3")
	s.app("a", "web", Bad).step()
	is("when the newest has failed", HeldBack, AwaitingWave)

	s = newSim(t, twoWaves(t, nil), map[string]string{"a": "0"}).had("web=1")
	s.app("a", "web", Bad).step().commit("A", "web=2").app("a", "web", Bad).step()
	is("with what was bad before", Unproven, NoClusters)
}
