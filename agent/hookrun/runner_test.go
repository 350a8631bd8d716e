package hookrun

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestAPlanWithoutHooksNeedsNoRun(t *testing.T) {
	t.Parallel()
	s := begin(t)
	if p := s.planOf(configMap("a", "0")); !s.prepare(p) || s.Run != nil || s.Dirty() {
		t.Errorf("the run is %+v", s.Run)
	}
	s.did()
}

// Dirty says whether the app is to be stored.
func (s *scene) Dirty() bool { return s.set.Dirty }

// The way of a delivery: the intent is stored before anything is created, hooks of waves run with their waves, and
// what comes after a hook waits for its end.
func TestADeliveryGoesThroughItsHooksAndWaves(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(hookLine("before", "PreSync"), configMap("a", "0"), configMap("b", "1"), hookLine("after", "PostSync"))
	if s.prepare(p) {
		t.Fatal("the plan may come into force before its hook has run")
	}
	s.did("save", "create before", "hook before of web: PreSync: begun")
	if got := s.there[job("before")]; got.App != "web" || got.HookRun != s.Run.Mark(fleet.PreSync) ||
		!slices.Contains(got.Held, fleet.FinalizerHook) {
		t.Errorf("created is %+v", got)
	}
	if s.Step.Reason != protocol.ReasonHookRunning || s.Until.IsZero() {
		t.Errorf("it waits for %+v until %s", s.Step, s.Until)
	}
	if done, _ := s.through(hook.Prepare, p); done {
		t.Error("the plan may come into force while its hook runs")
	}
	s.did()
	s.sees("before", protocol.HealthCurrent, "it completed")
	if done, _ := s.through(hook.Prepare, p); !done || !s.act.TurnDue {
		t.Fatal("the plan may not come into force after its hook has run")
	}
	s.did("hook before of web: PreSync: succeeded")
	s.EnterPlan(p)
	s.set.Plan = p
	done, changed := s.through(hook.Deliver, p)
	if s.did("apply wave 0", "apply wave 1"); !done || changed != 4 {
		t.Errorf("done %v, %d changed", done, changed)
	}
	s.through(hook.Complete, p)
	s.did("save", "create after", "hook after of web: PostSync: begun")
	s.sees("after", protocol.HealthCurrent, "it completed")
	if done, _ := s.through(hook.Complete, p); !done || s.Run.Open() {
		t.Errorf("the run is %+v", s.Run)
	}
	if got := s.stages(); !slices.Equal(got, []string{"before succeeded over", "after succeeded over"}) {
		t.Errorf("the hooks are %q", got)
	}
}

// A run that was begun goes on, also after it was stored and another agent took it up.
func TestARunIsBegunOnce(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(hookLine("before", "PreSync"))
	s.prepare(p)
	run := s.Run
	s.Until = time.Unix(9, 0)
	if s.Start(p, true); s.Run != run || s.Until.IsZero() {
		t.Error("the run is begun again")
	}
	next := begin(t)
	next.Resume(run.Clone())
	if next.set.Dirty || next.tracked[job("before")] != 1 {
		t.Errorf("what was stored is to be stored; tracked is %v", next.tracked)
	}
	if next.Start(p, false); !reflect.DeepEqual(next.Run, run) {
		t.Error("the run is begun again by the next agent")
	}
	if next.Start(next.planOf(hookLine("other", "PreSync")), false); next.Run.ID == run.ID || !next.set.Dirty {
		t.Error("another plan goes on with the run of the one before")
	}
}

// What was created before it was stored that it was, is found.
func TestAnAgentThatTakesOverCreatesNothingTwice(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(hookLine("before", "PreSync"))
	s.prepare(p)
	begun := s.Run.Clone()
	begun.Hooks[0].Stage = agent.HookBegun // as the agent before stored it
	next := begin(t)
	next.there = s.there
	next.Resume(begun)
	next.through(hook.Prepare, p)
	if next.did("hook before of web: PreSync: begun"); next.Run.Hooks[0].Stage != agent.HookRunning {
		t.Errorf("the hooks are %q", next.stages())
	}
}

// Nothing is created before the intent is stored.
func TestNothingIsCreatedThatIsNotStored(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.unsaved = true
	if s.prepare(s.planOf(hookLine("before", "PreSync"))) {
		t.Error("the plan may come into force")
	}
	if s.did("save"); s.Step.Text != string(fleet.PreSync) {
		t.Errorf("it waits for %+v", s.Step)
	}
}

// The report says what is waited for, and is made when that is another thing.
func TestNewsAreTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(hookLine("before", "PreSync"))
	s.prepare(p)
	news := func() (n int) {
		for _, x := range s.log {
			if x == "news" {
				n++
			}
		}
		s.log = nil
		return n
	}
	news()
	if s.through(hook.Prepare, p); news() != 0 {
		t.Error("the same is told again")
	}
	s.sees("before", protocol.HealthProgressing, "another word")
	if s.through(hook.Prepare, p); news() != 1 {
		t.Error("what the hook says is not told")
	}
}

func TestHowAWaveIs(t *testing.T) {
	t.Parallel()
	ref := func(name string) protocol.ObjectRef {
		return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}
	}
	line := agent.SumOf([]byte("line"))
	object := func(name string, wave int, h protocol.Health, change ...func(*owned.Object)) *owned.Object {
		o := owned.New(ref(name), 1)
		o.Want, o.Item.Line = &plan.Want{Ref: ref(name), Line: line, Wave: wave}, line
		o.Verdict = fleet.Verdict{Health: h, Message: string(h)}
		for _, c := range change {
			c(o)
		}
		return o
	}
	failed := func(o *owned.Object) {
		o.Trouble = owned.NewTrouble()
		o.Trouble.Note(errors.New("refused"), time.Now())
	}
	problem := func(name string, h protocol.Health, text string) *protocol.Problem {
		return &protocol.Problem{Object: ref(name), Health: h, Message: text}
	}
	for name, c := range map[string]struct {
		objects []*owned.Object
		clash   bool
		want    hook.Wave
	}{
		"all is well": {[]*owned.Object{object("a", 1, protocol.HealthCurrent)}, false, hook.Wave{Number: 1}},
		"one is on its way": {[]*owned.Object{object("a", 1, protocol.HealthProgressing)}, false,
			hook.Wave{Number: 1, Worst: problem("a", protocol.HealthProgressing, "progressing")}},
		"one is ill": {[]*owned.Object{object("a", 1, protocol.HealthProgressing), object("b", 1, protocol.HealthDegraded)},
			false, hook.Wave{Number: 1, Ill: true, Worst: problem("b", protocol.HealthDegraded, "degraded")}},
		"one is refused": {[]*owned.Object{object("a", 1, protocol.HealthDegraded, failed)}, false,
			hook.Wave{Number: 1, Worst: problem("a", protocol.HealthDegraded, "refused")}},
		"another wave is ill": {[]*owned.Object{object("a", 2, protocol.HealthDegraded)}, false, hook.Wave{Number: 1}},
		"Git no longer has it": {[]*owned.Object{object("a", 1, protocol.HealthDegraded, func(o *owned.Object) {
			o.Want = nil
		})}, false, hook.Wave{Number: 1}},
		"another app has an object of it": {nil, true, hook.Wave{Number: 1, Clashing: true}},
	} {
		s := begin(t)
		for _, o := range c.objects {
			s.set.Insert(o)
		}
		if c.clash {
			s.set.Clashes = []owned.Clash{{Ref: ref("x"), With: "cart"}}
		}
		if got := s.wave(1); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, worst %+v", name, *got, got.Worst)
		}
	}
}

// A wave that is not healthy holds the next one back.
func TestTheNextWaveWaits(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(configMap("a", "0"), configMap("b", "1"))
	s.Start(p, false)
	s.EnterPlan(p)
	s.set.Plan = p
	w := &p.Wants[0]
	o := owned.New(w.Ref, 1)
	o.Want, o.Item.Line = w, w.Line
	o.Verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it starts"}
	s.set.Insert(o)
	if done, changed := s.through(hook.Deliver, p); done || changed != 2 {
		t.Errorf("done %v, %d changed", done, changed)
	}
	if s.did("apply wave 0"); !strings.Contains(s.Step.Text, "wave 0: waits for ConfigMap/shop/a: it starts") {
		t.Errorf("it waits for %+v", s.Step)
	}
	o.Verdict.Health = protocol.HealthCurrent
	if done, _ := s.through(hook.Deliver, p); !done {
		t.Error("it still waits for what is well")
	}
	s.did("apply wave 0", "apply wave 1")
}

func TestTheHooksOfARemovedApp(t *testing.T) {
	t.Parallel()
	s := begin(t)
	last := s.planOf(hookLine("goodbye", "PreDelete"))
	s.set.Last = last
	s.Remove()
	run := s.Run
	if s.Remove(); s.Run != run || !run.Leaving || !s.set.Dirty {
		t.Fatalf("the run is %+v", s.Run)
	}
	stays := func(*plan.Plan) bool { return false }
	if !s.DeleteHooks(t.Context(), fleet.PostDelete, stays) {
		t.Error("hooks are waited for that there are none of")
	}
	if s.DeleteHooks(t.Context(), fleet.PreDelete, stays) {
		t.Error("its objects are deleted although its hook has not run")
	}
	s.did("save", "create goodbye", "hook goodbye of web: PreDelete: begun")
	s.sees("goodbye", protocol.HealthCurrent, "it completed")
	if !s.DeleteHooks(t.Context(), fleet.PreDelete, stays) {
		t.Error("its objects may not go after its hook has run")
	}
	moved := begin(t)
	moved.set.Last = last
	moved.Remove()
	if !moved.DeleteHooks(t.Context(), fleet.PreDelete, func(p *plan.Plan) bool { return p == last }) {
		t.Error("an app that goes on under another name runs its delete hooks")
	}
	moved.did()
}

// The objects of hooks are released when it is stored how they ended, and not before.
func TestHooksAreTidiedUp(t *testing.T) {
	t.Parallel()
	s := begin(t)
	if !s.Tidy(t.Context()) {
		t.Error("an app without hooks cannot go on")
	}
	p := s.planOf(hookLine("before", "PreSync", "hook-delete-policy", "HookSucceeded"))
	s.prepare(p)
	s.sees("before", protocol.HealthCurrent, "it completed")
	s.through(hook.Prepare, p)
	s.log = nil
	if !s.Tidy(t.Context()) {
		t.Error("it waits for what goes by itself")
	}
	s.did("save", "delete before")
	if got := s.stages(); !slices.Equal(got, []string{"before succeeded tidy"}) || s.tracked[job("before")] != 0 {
		t.Errorf("the hooks are %q, tracked is %v", got, s.tracked)
	}
	if s.Tidy(t.Context()); len(s.log) > 0 {
		t.Errorf("it is tidied up again: %q", s.log)
	}
	s.unsaved = true
	s.Runner.Run.Hooks[0].Tidy = false
	s.set.Dirty = true
	if s.Tidy(t.Context()) {
		t.Error("it goes on without having stored how its hooks ended")
	}
	s.did("save")
}

func TestASessionThatIsOverDoesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := s.planOf(hookLine("before", "PreSync"))
	s.Start(p, false)
	if done, _ := s.TakeThrough(ctx, hook.View{Moment: hook.Prepare, Plan: p}); done || s.Tidy(ctx) {
		t.Error("a session that is over goes on")
	}
	s.did()
}
