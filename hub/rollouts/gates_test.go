package rollouts

import (
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/protocol"
)

// gated is a policy whose first wave has a gate.
func gated(t *testing.T) rollout.Policy {
	p := inTwo(t)
	p.Waves[0].Gates = []string{"errors"}
	p.Gates = []rollout.Gate{{Name: "errors", Query: `x{cluster=~"${wave.clusters}"} ${wave.name} ${target}`,
		Interval: time.Minute,
		Count:    3, FailureLimit: 1}}
	return p
}

// measures asks what is due, answers it, and steps.
func (f *fleet) measures(after time.Duration, v gate.Verdict) {
	f.t.Helper()
	f.now = f.now.Add(after)
	asked := f.d.Questions(f.now)
	if len(asked) != 1 {
		f.t.Fatalf("%d questions are due at %s: %+v", len(asked), f.now.Sub(start), f.d.rollouts["production"].gates)
	}
	if again := f.d.Questions(f.now); len(again) > 0 {
		f.t.Error("a question is asked twice")
	}
	f.d.Answer(f.now, asked[0], v, "result 1")
	f.roll()
}

func TestGatesAreAskedWhileASliceSoaks(t *testing.T) {
	t.Parallel()
	f := begun(t, gated(t))
	if asked := f.d.Questions(f.now); len(asked) > 0 {
		t.Errorf("without a rollout it asks %+v", asked)
	}
	f.asks("web=2")
	if asked := f.d.Questions(f.now); len(asked) > 0 {
		t.Errorf("before the slice has settled it asks %+v", asked)
	}
	f.reports(protocol.PhaseHealthy, "a")
	if due := f.d.Due(); due.After(f.now) {
		t.Errorf("it is asked at %s, want now", due.Sub(f.now))
	}
	q := f.d.rollouts["production"]
	at := gate.Place{Gate: "errors", Wave: "canary", Target: strings.Repeat("0", 39) + "2"}
	if got := gate.Ask(q.policy.Gates[0], at, q.clusters).Query; got != `x{cluster=~"a"} canary `+at.Target {
		t.Errorf("it asks %s", got)
	}
	f.measures(0, gate.Success)
	f.measures(time.Minute, gate.Success)
	f.measures(time.Minute, gate.Inconclusive) // three in a row: it begins again
	if due := f.d.Due(); !due.Equal(f.now.Add(time.Minute)) {
		t.Errorf("it is asked again after %s, want the interval", due.Sub(f.now))
	}
	f.measures(time.Minute, gate.Success)
	f.start() // what was measured is not lost
	f.follow()
	f.turn()
	f.measures(time.Minute, gate.Failure) // one may
	f.want("a: web=2", "b: web=1")
	f.measures(time.Minute, gate.Success)
	f.measures(time.Minute, gate.Success)
	f.want("a: web=2", "b: web=1")
	f.measures(time.Minute, gate.Success)
	f.want("a: web=2", "b: web=2")
	if asked := f.d.Questions(f.now.Add(time.Hour)); len(asked) > 0 {
		t.Errorf("after it has passed it asks %+v", asked)
	}
}

func TestAGateThatFailsTakesBack(t *testing.T) {
	t.Parallel()
	f := begun(t, gated(t))
	f.asks("web=2 db=1")
	f.reports(protocol.PhaseHealthy, "a")
	f.measures(0, gate.Failure)
	f.want("a: db=1 web=2", "b: web=1")
	f.now = f.now.Add(time.Minute)
	asked := f.d.Questions(f.now)
	f.d.Answer(f.now, asked[0], gate.Failure, "result 9")
	f.roll()
	f.want("a: web=1", "b: web=1")
	if bad := f.d.Show()[0].Bad; len(bad) != 1 || !strings.Contains(bad[0].Why, "result 9") {
		t.Errorf("it shows %+v", bad)
	}
	f.d.Answer(f.now, asked[0], gate.Success, "late") // nothing waits for it
	f.d.Answer(f.now, Question{Policy: "x"}, gate.Success, "of nobody")
	f.roll()
	f.want("a: web=1", "b: web=1")
}
