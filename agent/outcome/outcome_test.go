package outcome

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine does not run: the test is it.
type scene struct {
	Outcomes
	set      owned.Set
	act      actor.Actor
	progress hook.Progress
	told     []string
	awaited  bool // what is applied is waited for
	judged   bool // a watch says how healthy objects are
}

// rest takes down what the rest of the app and the session are told.
type rest struct{ s *scene }

func (r rest) tell(format string, args ...any) {
	r.s.told = append(r.s.told, fmt.Sprintf(format, args...))
}

func (r rest) Notice(ref protocol.ObjectRef)   { r.tell("%s changed", ref.Name) }
func (r rest) Awaited(protocol.ObjectRef) bool { return r.s.awaited }
func (r rest) Judged(protocol.ObjectRef) bool  { return r.s.judged }
func (r rest) Renew(served []agent.Resource)   { r.tell("renew %s", kinds(served)) }
func (r rest) Learn(served []agent.Resource)   { r.tell("learn %s", kinds(served)) }
func (r rest) Kinds(served []agent.Resource)   { r.tell("try %s", kinds(served)) }
func (r rest) Namespace(name string)           { r.tell("try namespace %s", name) }
func (r rest) Emit(e protocol.Event) {
	r.tell("%s %s of %s, %v: %s", e.Kind, e.Object.Name, e.App, e.Fields, e.Message)
}

func kinds(served []agent.Resource) string {
	var out []string
	for _, r := range served {
		out = append(out, r.Kind)
	}
	return strings.Join(out, ", ")
}

func begin() *scene {
	s := &scene{set: owned.NewSet("web"), judged: true}
	s.act = actor.New(&mailbox.Crew{}, nil)
	s.set.Plan = &plan.Plan{}
	r := rest{s}
	s.Outcomes = New(Config{Set: &s.set, Actor: &s.act, Progress: &s.progress, Relations: r, Journal: r, Retrier: r,
		Env: Env{Watches: r, Kinds: r}})
	return s
}

var (
	content = agent.SumOf([]byte("content"))
	old     = agent.SumOf([]byte("old content"))
	fields  = agent.SumOf([]byte("fields"))
)

// has gives the app an object that was applied with old content at version 5.
func (s *scene) has(group, kind string, changes ...func(*owned.Object)) *owned.Object {
	ref := protocol.ObjectRef{Group: group, Kind: kind, Namespace: "shop", Name: "x"}
	o := owned.New(ref, 1)
	o.Want = &plan.Want{Ref: ref, Line: content}
	o.Item.Line, o.Item.Fields = old, agent.SumOf([]byte("old fields"))
	o.Version, o.Present, o.Busy = 5, true, true
	o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is ready"}
	for _, c := range changes {
		c(o)
	}
	s.Insert(o)
	return o
}

func failed(o *owned.Object) {
	o.Trouble = owned.NewTrouble()
	o.Trouble.Note(errors.New("earlier"), time.Now())
}

// live is the answer to an apply, with changes.
func live(changes ...func(*agent.Live)) agent.Live {
	l := agent.Live{Version: 6, Fields: fields, App: "web"}
	for _, c := range changes {
		c(&l)
	}
	return l
}

func TestAFailureIsTakenDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*owned.Object)
		ended   bool
		again   bool
		trouble string // "" for none
		line    agent.Sum
	}{
		"for the first time": {func(*owned.Object) {}, false, true, "refused", content},
		"once more":          {failed, false, true, "refused", content},
		"of an older content": {func(o *owned.Object) { o.Want = &plan.Want{Line: agent.SumOf([]byte("newer"))} },
			false, false, "", agent.Sum{}},
		"of what is another app's by now": {func(o *owned.Object) { o.Gone = true }, false, false, "", agent.Sum{}},
		"of what Git no longer has":       {func(o *owned.Object) { o.Want = nil }, false, true, "refused", content},
		"because the session is over":     {func(*owned.Object) {}, true, false, "", agent.Sum{}},
	} {
		s := begin()
		o := s.has("", "ConfigMap")
		w := o.Want
		c.change(o)
		if again := s.Take(o, w, agent.Live{}, errors.New("refused"), c.ended); again != c.again || o.Busy {
			t.Errorf("%s: to be tried again: %v, busy %v", name, again, o.Busy)
		}
		switch {
		case (o.Trouble != nil) != (c.trouble != ""):
			t.Errorf("%s: %+v", name, o.Trouble)
		case o.Trouble != nil && (o.Trouble.Err.Error() != c.trouble || o.Trouble.Line != c.line):
			t.Errorf("%s: %+v", name, o.Trouble)
		}
		if o.Item.Line != old || s.Dirty {
			t.Errorf("%s: it counts as applied", name)
		}
	}
}

func TestASuccessIsTakenDown(t *testing.T) {
	t.Parallel()
	progressing := fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was applied just now"}
	for name, c := range map[string]struct {
		change  func(s *scene, o *owned.Object)
		live    agent.Live
		verdict fleet.Verdict
		dirty   bool
		kicked  bool
		told    []string
	}{
		"it changed": {func(*scene, *owned.Object) {}, live(), progressing, true, false, []string{"x changed"}},
		"nothing changed but Git's content": {func(*scene, *owned.Object) {}, live(func(l *agent.Live) { l.Version = 5 }),
			fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is ready"}, true, false, nil},
		"it is as it was": {func(_ *scene, o *owned.Object) { o.Item.Line, o.Item.Fields = content, fields },
			live(func(l *agent.Live) { l.Version = 5 }),
			fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is ready"}, false, false, nil},
		"it was created": {func(_ *scene, o *owned.Object) {
			o.Item.Line, o.Item.Fields, o.Present = agent.Sum{}, agent.Sum{}, false
		}, live(func(l *agent.Live) { l.Created = true }), progressing, true, false, nil},
		"no watch tells of its kind": {func(s *scene, _ *owned.Object) { s.judged = false }, live(),
			fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}, true, false, []string{"x changed"}},
		"it was left as it is": {func(*scene, *owned.Object) {}, live(func(l *agent.Live) { l.Left = true }),
			fleet.Verdict{Health: protocol.HealthCurrent, Message: "it was there before, and is left as it is"}, true, false,
			[]string{"x changed"}},
		"others wait for it": {func(s *scene, _ *owned.Object) { s.awaited = true }, live(), progressing, true, true,
			[]string{"x changed"}},
		"a run goes on": {func(s *scene, _ *owned.Object) { s.progress.Run = &agent.Run{} }, live(), progressing, true, true,
			[]string{"x changed"}},
		"a run goes on, in this turn": {func(s *scene, _ *owned.Object) {
			s.progress.Run, s.Running = &agent.Run{}, true
		}, live(), progressing, true, false, []string{"x changed"}},
	} {
		s := begin()
		o := s.has("", "ConfigMap", failed, func(o *owned.Object) { o.Drifted, o.Item.Former = true, []string{"cart"} })
		c.change(s, o)
		if s.Take(o, o.Want, c.live, nil, false) {
			t.Errorf("%s: it is to be tried again", name)
		}
		if o.Verdict != c.verdict || s.Dirty != c.dirty || s.TurnDue != c.kicked || !slices.Equal(s.told, c.told) {
			t.Errorf("%s: %+v, to be stored %v, due %v, told %q", name, o.Verdict, s.Dirty, s.TurnDue, s.told)
		}
		if o.Trouble != nil || o.Drifted || !o.Ours || !o.Present || o.Version != c.live.Version || o.Item.Line != content ||
			o.Item.Fields != fields || o.Item.Former != nil || o.Busy {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// Newer content was refused while older content was applied again: that is still so.
func TestOlderContentIsAppliedAgain(t *testing.T) {
	t.Parallel()
	s := begin()
	o := s.has("", "ConfigMap", failed)
	s.Take(o, &plan.Want{Ref: o.Item.Ref, Line: old}, live(func(l *agent.Live) { l.App = "cart" }), nil, false)
	if o.Trouble == nil || o.Item.Line != old || len(s.told) > 0 {
		t.Errorf("%+v, told %q", o.Trouble, s.told)
	}
	o.Item.Former = []string{"cart"}
	s.Take(o, o.Want, live(func(l *agent.Live) { l.App = "cart" }), nil, false)
	if o.Item.Former == nil {
		t.Error("it is forgotten whose label the object has")
	}
}

// Of a Job it can be asked later whether it completed.
func TestAJobIsRemembered(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"Job": "u1", "CronJob": ""} {
		s := begin()
		o := s.has("batch", kind, func(o *owned.Object) { o.Item.Ended = &agent.Ended{Line: old} })
		s.Take(o, o.Want, live(func(l *agent.Live) { l.UID, l.Created = "u1", true }), nil, false)
		if o.Item.UID != want || o.Item.Ended != nil {
			t.Errorf("%s: %+v", kind, o.Item)
		}
	}
}

func TestWhatWaitedForANamespaceIsTried(t *testing.T) {
	t.Parallel()
	s := begin()
	o := s.has("", "Namespace")
	s.Take(o, o.Want, live(), nil, false)
	other := s.has("example.com", "Namespace")
	s.Take(other, other.Want, live(), nil, false)
	if want := []string{"x changed", "try namespace x", "x changed"}; !slices.Equal(s.told, want) {
		t.Errorf("told %q", s.told)
	}
}

// Which fields have one owner only is learned from an answer, and told where an ignore rule names a part of one.
func TestFieldsOfOneOwnerAreLearned(t *testing.T) {
	t.Parallel()
	s := begin()
	o := s.has("", "ConfigMap")
	s.Settings = owned.SettingsOf(protocol.App{Handling: protocol.Handling{Ignored: []protocol.Ignored{{Object: o.Item.Ref,
		Paths: []string{"/spec/list/0"}}}}})
	answer := live(func(l *agent.Live) { l.Whole = []string{"/spec/list", "/spec/other"} })
	s.Take(o, o.Want, answer, nil, false)
	event := "left x of web, [/spec/list]: " + owned.LeftWhole("/spec/list", "/spec/list/0")
	if !slices.Equal(s.told, []string{"x changed", event}) || !s.TurnDue ||
		!reflect.DeepEqual(o.Item.Whole, []string{"/spec/list", "/spec/other"}) {
		t.Errorf("told %q, learned %q", s.told, o.Item.Whole)
	}
	s.told, s.TurnDue = nil, false
	if s.Take(o, o.Want, answer, nil, false); len(s.told) > 0 || s.TurnDue {
		t.Errorf("it is told again: %q", s.told)
	}
}

func TestAnotherHealthIsFollowedUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before protocol.Health
		change func(*scene)
		kicked bool
	}{
		"nothing waits":              {protocol.HealthProgressing, func(*scene) {}, false},
		"objects wait":               {protocol.HealthProgressing, func(s *scene) { s.awaited = true }, true},
		"a run goes on":              {protocol.HealthProgressing, func(s *scene) { s.progress.Run = &agent.Run{} }, true},
		"a run, and the same health": {protocol.HealthCurrent, func(s *scene) { s.progress.Run = &agent.Run{} }, false},
		"a run that is done": {protocol.HealthProgressing,
			func(s *scene) { s.progress.Run = &agent.Run{Done: true} }, false},
	} {
		s := begin()
		c.change(s)
		if s.Changed(s.has("", "ConfigMap"), c.before); s.TurnDue != c.kicked || len(s.told) > 0 {
			t.Errorf("%s: due %v, told %q", name, s.TurnDue, s.told)
		}
	}
}

// When a definition is established, its kinds are known, watched and tried.
func TestTheKindsOfADefinitionAreTried(t *testing.T) {
	t.Parallel()
	text := []byte(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"x"},` +
		`"spec":{"group":"example.com","names":{"kind":"Thing","plural":"things"},"scope":"Namespaced",` +
		`"versions":[{"name":"v1","served":true,"storage":true}]}}`)
	p, err := plan.Read(t.Context(), plan.Source{Lines: text, Packed: agent.Pack(text), Spec: protocol.App{
		Blob: &protocol.Blob{Objects: 1, Size: int64(len(text))}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		plan        *plan.Plan
		kind        string
		before, now protocol.Health
		told        bool
	}{
		"it is established":   {p, "CustomResourceDefinition", protocol.HealthProgressing, protocol.HealthCurrent, true},
		"it was before":       {p, "CustomResourceDefinition", protocol.HealthCurrent, protocol.HealthCurrent, false},
		"it is not any more":  {p, "CustomResourceDefinition", protocol.HealthCurrent, protocol.HealthProgressing, false},
		"it is no definition": {p, "Other", protocol.HealthProgressing, protocol.HealthCurrent, false},
		"the app left":        {nil, "CustomResourceDefinition", protocol.HealthProgressing, protocol.HealthCurrent, false},
	} {
		s := begin()
		s.Plan = c.plan
		o := s.has("apiextensions.k8s.io", c.kind, func(o *owned.Object) { o.Verdict.Health = c.now })
		s.Changed(o, c.before)
		if want := []string{"learn Thing", "renew Thing", "try Thing"}; c.told != slices.Equal(s.told, want) {
			t.Errorf("%s: told %q", name, s.told)
		}
	}
}
