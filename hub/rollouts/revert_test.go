package rollouts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/evidence"
	"github.com/drover-dev/drover/protocol"
)

// revertible has a target fail in the canary, under a policy that wants it reverted.
func revertible(t *testing.T) *fleet {
	t.Helper()
	p := inTwo(t)
	p.Revert = true
	f := begun(t, p)
	f.asks("web=2")
	f.reports(protocol.PhaseFailed, "a")
	return f
}

func (f *fleet) due() []Proposal { return Reverts{f.d}.Due(f.now) }

func (f *fleet) shown() []query.Revert { return f.d.Show()[0].Reverts }

// A revert is decided on once, stored before it is pushed, and goes on where a hub ended.
func TestATargetThatFailedIsRevertedOnce(t *testing.T) {
	t.Parallel()
	f := revertible(t)
	if got := f.shown(); len(got) != 1 || got[0].Ended || got[0].Branch != "drover/revert-00000000" {
		t.Fatalf("it shows %+v", got)
	}
	first := f.due()
	if len(first) != 1 {
		t.Fatalf("%d are due", len(first))
	}
	p := first[0]
	if p.Last != fmt.Sprintf("%040d", 2) || p.After != fmt.Sprintf("%040d", 1) || p.Subject != `Revert "commit 2"` {
		t.Errorf("it proposes %+v", p)
	}
	for _, want := range []string{"The rollout of the RolloutPolicy production found 00000000 bad at 2026-12-01T",
		"1 of 1 clusters of the wave canary failed, and 0 may: web regressed in 1", "Apps: web",
		"- canary: given to 1, taken back in 1\n", "- rest: given to 0\n",
		"Clusters that had it get what they had before"} {
		if !strings.Contains(p.Evidence, want) {
			t.Errorf("the evidence lacks %q:\n%s", want, p.Evidence)
		}
	}
	if again := f.due(); len(again) > 0 {
		t.Errorf("while it is pushed it is due again: %+v", again)
	}
	f.start() // it is killed before it heard of the end
	f.follow()
	if again := f.due(); len(again) != 1 || again[0] != p {
		t.Errorf("after a restart %+v is due, and before %+v", again, p)
	}
	Reverts{f.d}.Done(f.now, p, Pushed{Commit: "c0ffee"}, nil)
	f.roll()
	f.start()
	f.follow()
	f.turn()
	if got := f.shown(); len(got) != 1 || got[0].Commit != "c0ffee" || !got[0].Ended || len(f.due()) > 0 {
		t.Errorf("when it is pushed it shows %+v", got)
	}
	if events, _ := f.d.History("production"); !strings.Contains(fmt.Sprint(events), "pushed to the branch "+p.Branch) {
		t.Errorf("the history is %+v", events)
	}
	f.now = f.now.Add(30 * 24 * time.Hour)
	f.roll()
	if got := f.shown(); len(got) != 1 || len(f.due()) > 0 {
		t.Errorf("much later it shows %+v", got)
	}
	f.reports(protocol.PhaseHealthy, "a")
	f.asks("web=3") // and now it does not matter any more
	f.reports(protocol.PhaseHealthy, "a")
	f.reports(protocol.PhaseHealthy, "b")
	f.roll()
	if got := f.shown(); len(got) > 0 {
		t.Errorf("when Git has moved on it shows %+v", got)
	}
}

func TestAPushThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := revertible(t)
	p := f.due()[0]
	for i, wait := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		Reverts{f.d}.Done(f.now, p, Pushed{}, errors.New("the server is\naway"))
		f.roll()
		if got := f.shown()[0]; got.Text != "the server is away" || got.Tries != i+1 || !got.Next.Equal(f.now.Add(wait)) ||
			got.Ended {
			t.Fatalf("after %d tries it shows %+v", i+1, got)
		}
		if due := f.d.Due(); due.After(f.now.Add(wait)) {
			t.Errorf("the next step is at %s, and was to be at %s", due, f.now.Add(wait))
		}
		if f.now = f.now.Add(wait - 1); len(f.due()) > 0 {
			t.Error("it is tried again too early")
		}
		if f.now = f.now.Add(1); len(f.due()) != 1 {
			t.Fatal("it is not tried again")
		}
	}
	for range 50 {
		Reverts{f.d}.Done(f.now, p, Pushed{}, errors.New("away"))
	}
	if got := f.shown()[0].Next; !got.Equal(f.now.Add(time.Hour)) {
		t.Errorf("at last it waits until %s", got)
	}
	Reverts{f.d}.Done(f.now, p, Pushed{}, fmt.Errorf("%w: web was changed", ErrNoRevert))
	f.now = f.now.Add(2 * time.Hour)
	if got := f.shown()[0]; !got.Ended || got.Text != "no revert was made: web was changed" || len(f.due()) > 0 {
		t.Errorf("a conflict shows %+v", got)
	}
}

// Nothing is reverted without need: not without the policy, not what a person takes for good, not what the branch lost.
func TestWhatIsNotReverted(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("web=2")
	f.reports(protocol.PhaseFailed, "a")
	if got := f.shown(); len(got) > 0 {
		t.Errorf("without the policy it shows %+v", got)
	}

	f = revertible(t)
	p := f.due()[0]
	Reverts{f.d}.Done(f.now, p, Pushed{}, errors.New("away"))
	if _, err := f.d.Decide(f.now.Add(time.Second), Order{Action: Resume, Policy: "production", Target: p.Target,
		Reason: "the network"}); err != nil {
		t.Fatal(err)
	}
	f.roll()
	if got := f.shown(); len(got) > 0 {
		t.Errorf("what is good again shows %+v", got)
	}

	f = begun(t, inTwo(t))
	f.policy.Revert = true
	f.follow()
	f.asks("web=2")
	lost := fmt.Sprintf("%040d", 2)
	f.d.Lost(map[string]bool{lost: true})
	f.reports(protocol.PhaseFailed, "a")
	if got := f.shown(); len(got) > 0 {
		t.Errorf("what the branch has not shows %+v", got)
	}

	f = begun(t, inTwo(t)) // a chart that moved, without a commit
	f.policy.Revert = true
	f.follow()
	for name := range f.labels {
		f.asked[name] = appsOf("web=2")
	}
	f.turn()
	f.reports(protocol.PhaseFailed, "a")
	if got := f.shown(); len(got) != 1 || !got[0].Ended || !strings.Contains(got[0].Text, "nothing to revert") {
		t.Errorf("what came without a commit shows %+v", got)
	}
}

// What others write is no line of the message of a commit.
func TestNothingForgesACommitsMessage(t *testing.T) {
	t.Parallel()
	evil := "web\n\nSigned-off-by: ann\x1b[31m\u202e"
	got := evidence.Subject(rollout.Target{Name: evil + strings.Repeat("x", 500)})
	if strings.ContainsAny(got, "\n\x1b\u202e") || len(got) > 200 {
		t.Errorf("the subject is %q", got)
	}
	f := revertible(t)
	r := f.d.rollouts["production"]
	for id, known := range r.memory.Targets {
		if known.Failed != nil {
			known.Failed.Why, known.Failed.Apps = evil, []string{evil, strings.Repeat("y", 100_000)}
			text := evidenceOf(r, known)
			if strings.Contains(text, "\nSigned-off-by") || len(text) > 8<<10 {
				t.Errorf("the evidence of %s is %q", id, text)
			}
		}
	}
}
