package hookrun

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// What is seen of a hook's object, in its order.
func TestWhatIsSeenOfAHook(t *testing.T) {
	t.Parallel()
	ready := fleet.Verdict{Health: protocol.HealthCurrent, Message: "it completed"}
	object := func(version uint64, change ...func(*agent.Sighting)) agent.Sighting {
		sg := agent.Sighting{Kind: agent.SightObject, Verdict: ready,
			Live: agent.Live{Ref: job("x"), Version: version, HookRun: "7.PreSync"}}
		for _, c := range change {
			c(&sg)
		}
		return sg
	}
	gone := func(sg *agent.Sighting) { sg.Kind = agent.SightGone }
	seen := hook.Seen{There: true, Mark: "7.PreSync", Verdict: ready}
	for name, c := range map[string]struct {
		sightings []agent.Sighting
		want      hook.Seen
		kicked    bool
	}{
		"nothing":     {nil, hook.Seen{Verdict: owned.Unseen}, false},
		"it is there": {[]agent.Sighting{object(3)}, seen, true},
		"it is gone": {[]agent.Sighting{object(3), object(4, gone)}, hook.Seen{Gone: true, Mark: "7.PreSync",
			Verdict: ready}, true},
		"it is back":    {[]agent.Sighting{object(3, gone), object(4)}, seen, true},
		"an older look": {[]agent.Sighting{object(4), object(3, gone)}, seen, true},
		"it is being deleted": {[]agent.Sighting{object(3, func(sg *agent.Sighting) { sg.Live.Deleting = true })},
			hook.Seen{There: true, Deleting: true, Mark: "7.PreSync", Verdict: ready}, true},
	} {
		s := begin(t)
		s.lookOut(job("x"), "batch/v1")
		for _, sg := range c.sightings {
			if !s.Sight(sg) {
				t.Errorf("%s: it is not looked at", name)
			}
		}
		if got := s.lookouts.seen()[job("x")]; !reflect.DeepEqual(got, c.want) || s.act.TurnDue != c.kicked {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhatFailedIsSeen(t *testing.T) {
	t.Parallel()
	s, now := begin(t), time.Now()
	l := s.lookOut(job("x"), "batch/v1")
	l.noteTrouble(&agent.Failure{Reason: agent.ReasonScope, Text: "beyond"}, now)
	l.failed = "7.PreSync"
	got := l.seen()
	if got.Trouble == nil || got.Trouble.Text != "beyond" || !got.Trouble.Final || !got.Trouble.Next.After(now) ||
		got.Failed != "7.PreSync" {
		t.Errorf("%+v, %+v", got, got.Trouble)
	}
	l.noteTrouble(errors.New("no answer"), now)
	if got := l.seen(); got.Trouble.Text != "no answer" || got.Trouble.Final {
		t.Errorf("%+v", got.Trouble)
	}
	s.Sight(agent.Sighting{Kind: agent.SightGone, Live: agent.Live{Ref: job("x"), Version: 3}})
	if got := l.seen(); !got.Trouble.Next.IsZero() { // what was in the way may be gone
		t.Errorf("%+v", got.Trouble)
	}
}

func TestObjectsOfOthersAreNotLookedAt(t *testing.T) {
	t.Parallel()
	s := begin(t)
	if s.Sight(agent.Sighting{Live: agent.Live{Ref: job("x")}}) || s.act.TurnDue {
		t.Error("the object of nobody's hook is looked at")
	}
}

// A hook's object is tracked once, by the app that claimed it, and no longer than there is something left to do.
func TestHooksAreFollowedWhileTheyAreOpen(t *testing.T) {
	t.Parallel()
	s := begin(t)
	state := func(name string, tidy bool) agent.HookState {
		return agent.HookState{Ref: job(name), APIVersion: "batch/v1", Tidy: tidy}
	}
	s.Resume(&agent.Run{Hooks: []agent.HookState{state("a", false), state("b", true)},
		Past: []agent.HookState{state("c", false)}})
	want := map[protocol.ObjectRef]string{job("a"): "batch/v1", job("c"): "batch/v1"}
	if got := s.Followed(); !reflect.DeepEqual(got, want) || s.tracked[job("a")] != 1 || s.tracked[job("b")] != 0 {
		t.Errorf("followed is %v, tracked %v", got, s.tracked)
	}
	s.lookOut(job("a"), "batch/v1")
	if s.tracked[job("a")] != 1 {
		t.Errorf("tracked is %v", s.tracked)
	}
	s.Resume(&agent.Run{Hooks: []agent.HookState{state("a", true)}})
	if len(s.Followed()) != 0 || s.tracked[job("a")] != 0 || s.tracked[job("c")] != 0 ||
		s.c.Env.Claims.Owner(job("a")) != "" {
		t.Errorf("followed is %v, tracked %v", s.Followed(), s.tracked)
	}
	s.lookOut(job("d"), "batch/v1")
	if s.Drop(); len(s.Followed()) != 0 || s.tracked[job("d")] != 0 {
		t.Errorf("followed is %v, tracked %v", s.Followed(), s.tracked)
	}
}

// A hook of a name that another app's hook has is tracked by that one.
func TestAHookOfAnotherAppIsNotTracked(t *testing.T) {
	t.Parallel()
	s := begin(t)
	other := s.c.Env.Claims.Claim("cart", job("x"), nil)
	if l := s.lookOut(job("x"), "batch/v1"); l.claim != 0 || s.tracked[job("x")] != 0 {
		t.Fatalf("claim %d, tracked %v", l.claim, s.tracked)
	}
	s.drop(job("x"))
	if s.c.Env.Claims.Owner(job("x")) != "cart" || s.tracked[job("x")] != 0 {
		t.Errorf("the other app's claim is released; tracked is %v", s.tracked)
	}
	s.lookOut(job("x"), "batch/v1")
	s.c.Env.Claims.Release(job("x"), other.Number)
	if l := s.lookOut(job("x"), "batch/v1"); l.claim == 0 || s.tracked[job("x")] != 1 {
		t.Errorf("claim %d, tracked %v", l.claim, s.tracked)
	}
}
