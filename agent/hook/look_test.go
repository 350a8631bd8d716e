package hook

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	mine  = "7.PreSync"
	other = "6.PreSync"

	replacedText = "somebody put another one in its place before it ended"
	deletedText  = "it was deleted before it ended, by somebody or with its namespace"
)

func TestHowAHookStands(t *testing.T) {
	t.Parallel()
	wait := func(text string) string { return "wait HookRunning: PreSync: Job/shop/h: " + text }
	explain := func(text string) []string { return []string{"explain Job/shop/h: " + text} }
	is := func(mark string, h protocol.Health, change ...func(*Seen)) Seen {
		s := runs(mark, h, "so")
		for _, f := range change {
			f(&s)
		}
		return s
	}
	deleting := func(s *Seen) { s.Deleting = true }
	gone := func(s *Seen) { s.There, s.Gone = false, true }
	succeeded := func(after string) []string {
		return []string{"event hook Job/shop/h PreSync: succeeded after " + after,
			"hook Job/shop/h 7.PreSync succeeded over", "changed", "done"}
	}
	soon := func(list []string) []string { // before the timeout
		list = append([]string{}, list...)
		i := len(list)
		for list[i-1] == "changed" || list[i-1] == "done" {
			i--
		}
		return append(list[:i:i], append([]string{"until 5m0s"}, list[i:]...)...)
	}
	for name, c := range map[string]struct {
		seen  Seen
		after time.Duration
		want  []string
	}{
		"not looked at yet": {Seen{Verdict: fleet.Verdict{Message: "not yet"}}, 0, []string{wait("not yet"),
			"until 5m0s"}},
		"not looked at, and late": {Seen{Verdict: fleet.Verdict{Message: "not yet"}}, 5 * minute,
			explain("it has not ended after 5m: not yet (hung)")},
		"runs":    {is(mine, protocol.HealthProgressing), 5*minute - 1, []string{wait("so"), "until 5m0s"}},
		"unknown": {is(mine, protocol.HealthUnknown), 0, []string{wait("so"), "until 5m0s"}},
		"runs too long": {is(mine, protocol.HealthProgressing), 5 * minute,
			explain("it has not ended after 5m: so (hung)")},
		"succeeded":           {is(mine, protocol.HealthCurrent), 2 * time.Second, soon(succeeded("2000ms"))},
		"succeeded late":      {is(mine, protocol.HealthCurrent), 6 * minute, succeeded("360000ms")},
		"succeeded, deleting": {is(mine, protocol.HealthCurrent, deleting), 0, soon(succeeded("0ms"))},
		"failed":              {is(mine, protocol.HealthDegraded), 0, soon(explain("so"))},
		"failed late":         {is(mine, protocol.HealthDegraded), 6 * minute, explain("so")},
		"failed, deleting":    {is(mine, protocol.HealthDegraded, deleting), 0, soon(explain("so"))},
		"replaced": {is(other, protocol.HealthCurrent), 0,
			soon(explain(replacedText))},
		"replaced, deleting": {is(other, protocol.HealthProgressing, deleting), 0,
			soon(explain(replacedText))},
		"gone": {is(mine, protocol.HealthCurrent, gone), 0,
			soon(explain("it is gone, and nobody saw how it ended: see whether it has done its work"))},
		"gone, late": {is(mine, protocol.HealthProgressing, gone), 6 * minute,
			explain("it is gone, and nobody saw how it ended: see whether it has done its work")},
		"deleted": {is(mine, protocol.HealthProgressing, deleting), 0,
			soon(explain(deletedText))},
		"deleted late": {is(mine, protocol.HealthProgressing, deleting), 6 * minute,
			explain(deletedText)},
		"paused": {is(mine, protocol.HealthPaused), time.Hour,
			[]string{"wait Paused: PreSync: Job/shop/h: so"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, Prepare, planOf([]plan.Hook{hookOf("h", fleet.PreSync)}, 0),
				runOf(withHooks(stateIn("h", fleet.PreSync, agent.HookRunning)))).at(c.after)
			s.sees("h", c.seen).next(c.want...)
		})
	}
}

// A hook that cannot be created is tried again until its time is over, unless it would fail for ever.
func TestHookThatCannotBeCreated(t *testing.T) {
	t.Parallel()
	create := "create Job/shop/h as Job/shop/h 7.PreSync begun"
	failed := func(text, after string) []string {
		return []string{"event hook-failed Job/shop/h PreSync: " + text + " after " + after,
			"hook Job/shop/h 7.PreSync failed over: " + text,
			"Failure PreSync: Job/shop/h failed: " + text +
				"; nothing of the app was applied: correct it in Git, and its next revision is tried", "changed"}
	}
	trouble := func(next time.Duration, final bool) Seen {
		return Seen{Failed: mine, Trouble: &Trouble{Text: "denied", Next: start.Add(next), Final: final}}
	}
	for name, c := range map[string]struct {
		seen  Seen
		after time.Duration
		tried bool
		want  []string
	}{
		"at once":      {Seen{}, 0, false, []string{create}},
		"however late": {Seen{}, time.Hour, false, []string{create}},
		"interrupted": {Seen{}, 0, true, []string{"wait HookRunning: PreSync: Job/shop/h: it is about to be made",
			"until 5m0s"}},
		"denied": {trouble(minute, false), 30 * time.Second, false,
			[]string{"wait HookRunning: PreSync: Job/shop/h: denied", "until 1m0s"}},
		"denied just now": {trouble(minute, false), 30 * time.Second, true,
			[]string{"wait HookRunning: PreSync: Job/shop/h: denied", "until 1m0s"}},
		"a long pause": {trouble(10*minute, false), minute, false,
			[]string{"wait HookRunning: PreSync: Job/shop/h: denied", "until 5m0s"}},
		"its pause is over": {trouble(minute, false), minute, false, []string{create}},
		"late": {trouble(6*minute, false), 5 * minute, false, failed("it could not be made: denied",
			"300000ms")},
		"late, and due":    {trouble(minute, false), 5 * minute, false, []string{create}},
		"late, just tried": {trouble(minute, false), 5 * minute, true, failed("it could not be made: denied", "300000ms")},
		"of another run": {Seen{Failed: other, Trouble: &Trouble{Text: "x", Next: start.Add(time.Hour), Final: true}},
			0, false, []string{create}},
		"the old one is gone": {trouble(-minute, false), 0, false, []string{create}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, Prepare, planOf([]plan.Hook{hookOf("h", fleet.PreSync)}, 0),
				runOf(withHooks(stateIn("h", fleet.PreSync, agent.HookBegun)))).at(c.after)
			if c.tried {
				s.Tried[Key{mine, jobNamed("h")}] = true
			}
			s.sees("h", c.seen).next(c.want...)
		})
	}
	for name, after := range map[string]time.Duration{"for ever": minute,
		"for ever, though its pause is over": 3 * minute} {
		s := begin(t, Prepare, planOf([]plan.Hook{hookOf("h", fleet.PreSync)}, 0),
			runOf(withHooks(stateIn("h", fleet.PreSync, agent.HookBegun)))).at(after)
		t.Log(name)
		want := failed("it could not be made: denied", map[time.Duration]string{minute: "60000ms",
			3 * minute: "180000ms"}[after])
		s.sees("h", trouble(2*minute, true)).next(append(want[:3:3], "until 5m0s", "changed")...)
	}
}

// The time in which a hook is paused does not count.
func TestPauseOfAHookDoesNotCount(t *testing.T) {
	t.Parallel()
	s := begin(t, Prepare, planOf([]plan.Hook{hookOf("h", fleet.PreSync)}, 0), runOf(withHooks(stateIn("h", fleet.PreSync,
		agent.HookRunning))))
	s.sees("h", runs(mine, protocol.HealthPaused, "asks")).at(time.Hour).next("wait Paused: PreSync: Job/shop/h: asks")
	s.at(2 * time.Hour).next()
	was := s.Progress
	s.sees("h", runs(mine, protocol.HealthProgressing, "soon")).next("hook Job/shop/h 7.PreSync running since 2h0m0s",
		"wait HookRunning: PreSync: Job/shop/h: soon", "until 2h5m0s", "changed")
	s.at(2*time.Hour + minute).next("until 2h5m0s")
	s.Progress = was // nothing wrote to it
	s.sees("h", runs(other, protocol.HealthPaused,
		"asks")).next("explain Job/shop/h: "+replacedText,
		"hook Job/shop/h 7.PreSync running since 2h1m0s", "until 2h6m0s", "changed")
}

// The run knows a hook by the name that it has in the cluster, the plan by the one that was guessed.
func TestHookOfAnUnknownKindIsFoundInItsRun(t *testing.T) {
	t.Parallel()
	for _, unknown := range []bool{true, false} {
		h := hookOf("h", fleet.PreSync)
		h.KindUnknown = unknown
		s := begin(t, Prepare, planOf([]plan.Hook{h}, 0), runOf(withHooks(stateIn("h", fleet.PreSync, agent.HookBegun))))
		s.Progress = s.Placed(Key{mine, jobNamed("h")})
		if unknown {
			s.next("create Job/shop/h as Job/h 7.PreSync begun")
		} else {
			s.next(storeOrPreSync, "create Job/shop/h as Job/shop/h 7.PreSync begun", "hook Job/shop/h 7.PreSync begun",
				"changed")
		}
		s = begin(t, Prepare, planOf([]plan.Hook{h}, 0), runOf(withHooks(stateIn("h", fleet.PreSync, agent.HookBegun))))
		s.next("create Job/shop/h as Job/shop/h 7.PreSync begun")
	}
}
