package saving

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine is the test's, and the store that it is stored in.
type scene struct {
	Saver
	set       owned.Set
	current   orders.Current
	act       actor.Actor
	progress  hook.Progress
	deletions budget.Budget
	saved     []agent.AppState
	dropped   []string
	err       error
	during    func() // what happens to the app while it is stored

	restored *plan.Plan // what is made of what is stored
	former   []*plan.Plan
}

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

func begin() *scene {
	s := &scene{set: owned.NewSet("web")}
	s.act = actor.New(&mailbox.Crew{}, worker{})
	s.Saver = New(Config{Set: &s.set, Current: &s.current, Actor: &s.act, Progress: &s.progress, Deletions: &s.deletions,
		Store: s})
	s.Dirty, s.Intent = true, true
	return s
}

func (s *scene) SaveApp(_ context.Context, st agent.AppState) error {
	s.saved = append(s.saved, st)
	if s.during != nil {
		s.Do(s.during)
	}
	return s.err
}

func (s *scene) DropApp(_ context.Context, name string) error {
	s.dropped = append(s.dropped, name)
	return s.err
}

func (s *scene) Restore(context.Context, agent.AppState) (*plan.Plan, error) {
	return s.restored, s.err
}

func (s *scene) RestoreFormer(context.Context, agent.AppState) []*plan.Plan { return s.former }

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}
}

// has gives the app an object.
func (s *scene) has(name string) *owned.Object {
	o := owned.New(mapOf(name), 1)
	s.Insert(o)
	return o
}

func TestWhichPlanIsStored(t *testing.T) {
	t.Parallel()
	inForce, next, last := &plan.Plan{Digest: "a"}, &plan.Plan{Digest: "b"}, &plan.Plan{Digest: "c"}
	for name, c := range map[string]struct {
		plans   owned.Plans
		leaving bool
		run     *agent.Run
		want    *plan.Plan
	}{
		"nothing is known":                    {owned.Plans{}, false, nil, nil},
		"the one in force":                    {owned.Plans{Plan: inForce, Next: next, Last: last}, false, nil, inForce},
		"the next has not begun":              {owned.Plans{Next: next}, false, nil, nil},
		"the hooks before the next have":      {owned.Plans{Next: next}, false, &agent.Run{Digest: "b"}, next},
		"hooks of another plan have":          {owned.Plans{Next: next}, false, &agent.Run{Digest: "a"}, nil},
		"the app leaves, with hooks for that": {owned.Plans{Last: last}, true, nil, last},
		"the app leaves, without":             {owned.Plans{Next: next}, true, &agent.Run{Digest: "b"}, nil},
	} {
		s := begin()
		s.Plans, s.Leaving, s.progress.Run = c.plans, c.leaving, c.run
		if got := s.Stored(); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAnAppIsStored(t *testing.T) {
	t.Parallel()
	s := begin()
	s.Plan = &plan.Plan{Digest: "a", Epoch: 2, Generation: 7}
	s.Settings = owned.SettingsOf(protocol.App{Name: "web", Revision: "r2"})
	s.progress.Run = &agent.Run{ID: "7", Hooks: []agent.HookState{{Ref: mapOf("h")}}}
	n := uint64(5)
	s.deletions = budget.Restored(&n, 9)
	x, y := s.has("x"), s.has("y")
	s.Given[mapOf("z")] = agent.Item{Ref: mapOf("z")}
	s.during = func() { s.Disown(y); s.progress.Run.Hooks[0].Stage = agent.HookRunning }
	own, done, err := s.Save(t.Context())
	if err != nil || !done || !slices.Equal(own, []*owned.Object{x}) || s.Intent || s.Dirty {
		t.Fatalf("stored %v with %v: %v", done, own, err)
	}
	want := agent.AppState{Spec: protocol.App{Name: "web", Revision: "r2"}, Epoch: 2, Generation: 7, Deleted: &n,
		Granted: 9,
		Items:   []agent.Item{{Ref: mapOf("x")}, {Ref: mapOf("y")}, {Ref: mapOf("z")}},
		Run:     &agent.Run{ID: "7", Hooks: []agent.HookState{{Ref: mapOf("h")}}}}
	if len(s.saved) != 1 || !reflect.DeepEqual(s.saved[0], want) {
		t.Errorf("stored is %+v", s.saved)
	}
}

// What changes while the app is stored is stored the next time.
func TestWhatChangesWhileItIsStoredIsStoredAgain(t *testing.T) {
	t.Parallel()
	s := begin()
	s.Plan = &plan.Plan{}
	s.during = func() { s.Dirty = true }
	if _, done, err := s.Save(t.Context()); !done || err != nil || !s.Dirty {
		t.Errorf("stored %v, to be stored again %v: %v", done, s.Dirty, err)
	}
}

func TestAStoreThatFails(t *testing.T) {
	t.Parallel()
	s := begin()
	s.Plan, s.err = &plan.Plan{}, errors.New("no answer")
	s.has("x")
	if own, done, err := s.Save(t.Context()); done || own != nil || err != s.err || !s.Dirty || !s.Intent {
		t.Errorf("stored %v, to be stored again %v: %v", done, s.Dirty, err)
	}
	if err := s.Drop(t.Context()); err != s.err || !s.Dirty {
		t.Errorf("dropped: %v", err)
	}
	s.err = nil
	if err := s.Drop(t.Context()); err != nil || s.Dirty || !slices.Equal(s.dropped, []string{"web", "web"}) {
		t.Errorf("dropped is %q: %v", s.dropped, err)
	}
}

// Of an app that leaves, what was stored before stays until nothing is left of it.
func TestThereMayBeNothingToStore(t *testing.T) {
	t.Parallel()
	s := begin()
	s.Leaving = true
	if _, done, err := s.Save(t.Context()); done || err != nil || s.Dirty || !s.Intent || len(s.saved) > 0 {
		t.Errorf("stored %v: %v", s.saved, err)
	}
	s = begin()
	s.Plan, s.Coming = &plan.Plan{}, 1
	s.Post(func() { s.Plan, s.Leaving, s.Coming = nil, true, 0 })
	if _, done, err := s.Save(t.Context()); done || err != nil || len(s.saved) > 0 {
		t.Errorf("an app that left meanwhile is stored as %v: %v", s.saved, err)
	}
}

// Nothing is stored while objects are yet to be handed over: they would be in no inventory after a crash.
func TestWhatIsYetToBeHandedOverIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := begin()
	s.Plan, s.Coming = &plan.Plan{}, 2
	go func() {
		s.Do(func() { s.Coming-- })
		s.Do(func() { s.has("x"); s.Coming-- })
	}()
	if own, done, err := s.Save(t.Context()); !done || err != nil || len(own) != 1 || len(s.saved[0].Items) != 1 {
		t.Errorf("stored is %+v: %v", s.saved, err)
	}
	s = begin()
	s.Plan, s.Coming = &plan.Plan{}, 1
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, done, err := s.Save(ctx); done || !errors.Is(err, context.Canceled) || !s.Dirty || len(s.saved) > 0 {
		t.Errorf("a session that is over stores %+v: %v", s.saved, err)
	}
}

func TestAnAppIsRestored(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Digest: "d", Home: "shop", Wants: []plan.Want{{Ref: mapOf("x")}},
		Hooks: []plan.Hook{{Want: plan.Want{Ref: mapOf("hook")}, Hook: fleet.Hook{}}}}
	run := func(change func(*agent.Run)) *agent.Run {
		r := &agent.Run{Digest: "d", Home: "shop"}
		change(r)
		return r
	}
	as := func(*agent.Run) {}
	for name, c := range map[string]struct {
		run           *agent.Run
		inForce, next bool
	}{
		"it has no hooks":             {nil, true, false},
		"its hooks before go on":      {run(as), true, true},
		"those of its first delivery": {run(func(r *agent.Run) { r.Install = true }), false, true},
		"its plan is in force":        {run(func(r *agent.Run) { r.Entered = true }), true, false},
		"it leaves":                   {run(func(r *agent.Run) { r.Leaving = true }), true, false},
		"a run of another plan":       {run(func(r *agent.Run) { r.Digest = "e" }), true, false},
	} {
		s := begin()
		s.restored, s.former, s.Dirty = p, []*plan.Plan{{}}, false
		st := agent.AppState{Spec: protocol.App{Name: "web", Revision: "r1"}, Run: c.run,
			Items: []agent.Item{{Ref: mapOf("x")}, {Ref: mapOf("y")}}}
		if err := s.Saver.Restore(t.Context(), st, s); err != nil {
			t.Fatal(err)
		}
		if (s.Plan == p) != c.inForce || (s.Next == p) != c.next || s.Spec.Revision != "r1" || len(s.Lasts) != 1 {
			t.Errorf("%s: in force is %v, next %v", name, s.Plan, s.Next)
		}
		x, y := s.ByRef[mapOf("x")], s.ByRef[mapOf("y")]
		if x == nil || x.Want != &p.Wants[0] || y == nil || y.Want != nil || x.Verdict != owned.Unseen || s.Dirty {
			t.Errorf("%s: the objects are %v", name, s.Own)
		}
	}
}

// An agent that knew no hooks applied them as objects: they are given up, and kept in the cluster.
func TestObjectsThatAreHooksAreGivenUp(t *testing.T) {
	t.Parallel()
	s := begin()
	s.restored, s.Dirty = &plan.Plan{Hooks: []plan.Hook{{Want: plan.Want{Ref: mapOf("hook")}}}}, false
	st := agent.AppState{Items: []agent.Item{{Ref: mapOf("hook")}, {Ref: mapOf("y")}}}
	if err := s.Saver.Restore(t.Context(), st, s); err != nil || len(s.Own) != 1 || !s.Dirty {
		t.Errorf("the objects are %v: %v", s.Own, err)
	}
}

// What cannot be read is no reason to forget what the app has.
func TestTheObjectsOfAPlanThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		needs []string
	}{
		"it is damaged":         {errors.New("no zstd"), nil},
		"a newer agent made it": {nil, []string{"magic"}},
	} {
		s := begin()
		s.restored, s.err = &plan.Plan{Wants: []plan.Want{{Ref: mapOf("x")}}}, c.err
		st := agent.AppState{Items: []agent.Item{{Ref: mapOf("x")}}}
		st.Spec.Needs = c.needs
		err := s.Saver.Restore(t.Context(), st, s)
		if err == nil || s.Plan != nil || s.Next != nil || len(s.Own) != 1 || s.Own[0].Want != nil {
			t.Errorf("%s: in force is %v, and the objects are %v: %v", name, s.Plan, s.Own, err)
		}
	}
}
