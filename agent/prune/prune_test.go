package prune

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// others is what is known of other apps.
type others struct {
	seq    uint64
	doubt  string
	wanted []protocol.ObjectRef
}

func (o *others) Current() (orders.Accepted, uint64) { return orders.Accepted{Known: true}, o.seq }
func (o *others) Doubt(string) string                { return o.doubt }
func (o *others) WantedBeside(_ string, ref protocol.ObjectRef) bool {
	return slices.Contains(o.wanted, ref)
}

// silent is an app that takes down what it is told.
type silent struct {
	App
	set    *owned.Set
	events []protocol.Event
}

func (s *silent) Emit(e protocol.Event)  { s.events = append(s.events, e) }
func (s *silent) Forget(o *owned.Object) { s.set.Disown(o) }

type scene struct {
	Pruner
	others
	app   silent
	index *inventory.Index
}

// begin is an app that has the config map x, which Git no longer has, and nothing else.
func begin() *scene {
	set := owned.NewSet("web")
	set.Plan = &plan.Plan{Digest: "new"}
	s := &scene{index: inventory.New(), others: others{seq: 7}}
	s.app.set = &set
	order := &orders.Current{Spec: protocol.App{Name: "web", Prune: true}, Seq: 7, Accepted: orders.Accepted{Known: true}}
	s.Pruner = New(Config{Set: &set, Current: order, App: &s.app,
		Env: Env{Board: &s.others, Objects: s.index, News: func() {}}})
	s.has("ConfigMap", "x")
	return s
}

func refTo(kind, name string) protocol.ObjectRef {
	ref := protocol.ObjectRef{Kind: kind, Namespace: "shop", Name: name}
	switch kind {
	case "CustomResourceDefinition":
		ref.Group, ref.Namespace = "apiextensions.k8s.io", ""
	case "Namespace":
		ref.Namespace = ""
	}
	return ref
}

// has gives the app an object, with changes.
func (s *scene) has(kind, name string, changes ...func(*owned.Object)) *owned.Object {
	ref := refTo(kind, name)
	o := owned.New(ref, s.index.Claim("web", ref, nil).Number)
	o.Present, o.Item.Line = true, agent.SumOf([]byte("line"))
	for _, c := range changes {
		c(o)
	}
	s.Insert(o)
	s.Sort()
	return o
}

func wanted(o *owned.Object) { o.Want = &plan.Want{Ref: o.Item.Ref, Line: o.Item.Line} }

func TestWhatMayBeDeletedNow(t *testing.T) {
	t.Parallel()
	x := refTo("ConfigMap", "x")
	for name, c := range map[string]struct {
		change func(*scene)
		batch  []string
		held   string
	}{
		"it left Git":              {func(*scene) {}, []string{"x"}, ""},
		"the orders are old":       {func(s *scene) { s.seq = 8 }, nil, ""},
		"another app is not known": {func(s *scene) { s.doubt = "until app b is known" }, nil, "until app b is known"},
		"another app wants it":     {func(s *scene) { s.wanted = []protocol.ObjectRef{x} }, nil, ""},
		"another app has it": {func(s *scene) {
			s.index.Claim("shop", x, func(string) bool { return false })
		}, nil, ""},
		"it comes back": {func(s *scene) {
			s.Next = &plan.Plan{Wants: []plan.Want{{Ref: x}}}
		}, nil, ""},
		"nothing is in force":        {func(s *scene) { s.Plan = nil }, nil, ""},
		"the app left":               {func(s *scene) { s.Plan, s.Leaving = nil, true }, []string{"x"}, ""},
		"objects are not understood": {func(s *scene) { s.Plan.Invalid = []string{"no name"} }, nil, "until it is known what all objects of the app are"},
		"something is not applied": {func(s *scene) {
			s.has("ConfigMap", "y", wanted, func(o *owned.Object) { o.Item.Line = agent.Sum{} })
		}, nil, "until everything else is applied"},
		"something is refused": {func(s *scene) {
			s.has("ConfigMap", "y", wanted, func(o *owned.Object) { o.Trouble = owned.NewTrouble() })
		}, nil, "until everything else is applied"},
		"everything is applied": {func(s *scene) { s.has("ConfigMap", "y", wanted) }, []string{"x"}, ""},
		"it is on its way":      {func(s *scene) { s.ByRef[x].Removing = true }, nil, ""},
		"a person is asked": {func(s *scene) {
			s.ByRef[x].HoldBack(protocol.Held{ID: "1"}, time.Now())
		}, nil, ""},
		"a person was asked a while ago": {func(s *scene) {
			s.ByRef[x].HoldBack(protocol.Held{ID: "1"}, time.Now().Add(-time.Hour))
		}, []string{"x"}, ""},
		"it failed just now": {func(s *scene) {
			s.ByRef[x].Trouble = owned.NewTrouble()
			s.ByRef[x].Trouble.Note(errors.New("no"), time.Now())
		}, nil, ""},
		"stage by stage": {func(s *scene) {
			s.has("CustomResourceDefinition", "things.example.com")
			s.has("Namespace", "shop")
		}, []string{"x"}, ""},
		"wave by wave": {func(s *scene) {
			s.has("ConfigMap", "late", func(o *owned.Object) { o.Item.Wave = 3 })
		}, []string{"late"}, ""},
		"all of a wave": {func(s *scene) { s.has("ConfigMap", "w") }, []string{"x", "w"}, ""},
		"a quota is used up": {func(s *scene) {
			s.has("ConfigMap", "y", wanted, func(o *owned.Object) {
				o.Item.Line, o.Trouble = agent.Sum{}, owned.NewTrouble()
				o.Trouble.Note(&agent.Failure{Reason: agent.ReasonQuota, Text: "no"}, time.Now())
			})
		}, []string{"x"}, ""},
	} {
		s := begin()
		c.change(s)
		var names []string
		for _, o := range s.Batch() {
			names = append(names, o.Item.Ref.Name)
		}
		if !slices.Equal(names, c.batch) || s.Held != c.held {
			t.Errorf("%s: %q would be deleted, held %q; want %q, %q", name, names, s.Held, c.batch, c.held)
		}
	}
}

func TestWhatBecomesOfADelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fate   fate
		events []protocol.EventKind
		left   func(o *owned.Object) bool // what is so of the object, which is still there
	}{
		"it is gone": {fate{gone: true}, []protocol.EventKind{protocol.EventPruned}, nil},
		"it is kept": {fate{kept: "it asks for that"}, []protocol.EventKind{protocol.EventKept}, nil},
		"a person is asked": {fate{held: &protocol.Held{ID: "1"}}, []protocol.EventKind{protocol.EventHeld},
			func(o *owned.Object) bool { return o.Hold != nil && !o.Removing }},
		"it lingers": {fate{}, nil, func(o *owned.Object) bool { return o.Removing && o.Trouble == nil }},
		"it fails": {fate{err: errors.New("no")}, nil,
			func(o *owned.Object) bool { return o.Trouble != nil && o.Trouble.Err.Error() == "delete: no" }},
	} {
		s := begin()
		kicks := actorOf(s)
		o := s.Own[0]
		s.decide(t.Context(), o, c.fate)
		var kinds []protocol.EventKind
		for _, e := range s.app.events {
			kinds = append(kinds, e.Kind)
		}
		if !slices.Equal(kinds, c.events) {
			t.Errorf("%s: it tells %v", name, kinds)
		}
		if c.left == nil != o.Gone || c.left != nil && !c.left(o) {
			t.Errorf("%s: the object is %+v", name, o)
		}
		if c.fate.gone != kicks.Running {
			t.Errorf("%s: the app goes on: %t", name, kicks.Running)
		}
	}
}

// What the app deletes goes, and everything else stays, in a Namespace that another part asks about.
func TestWhatStaysInANamespace(t *testing.T) {
	t.Parallel()
	found := func(name, app string) agent.Found {
		return agent.Found{Live: agent.Live{Ref: refTo("ConfigMap", name), App: app}}
	}
	for name, c := range map[string]struct {
		change func(*scene)
		stays  []string
	}{
		"it goes":                 {func(*scene) {}, []string{"strange", "other"}},
		"the app does not prune":  {func(s *scene) { s.Spec.Prune = false }, []string{"x", "strange", "other"}},
		"the app is suspended":    {func(s *scene) { s.Spec.Suspend = true }, []string{"x", "strange", "other"}},
		"the orders are old":      {func(s *scene) { s.seq = 8 }, []string{"x", "strange", "other"}},
		"it is kept":              {func(s *scene) { s.Own[0].Item.Keep = true }, []string{"x", "strange", "other"}},
		"it is wanted":            {func(s *scene) { wanted(s.Own[0]) }, []string{"x", "strange", "other"}},
		"its label is a former's": {func(s *scene) { s.Own[0].Item.Former = []string{"b"}; s.Own[0].Claim = 0 }, []string{"x", "strange", "other"}},
	} {
		s := begin()
		c.change(s)
		var names []string
		for _, f := range s.Staying([]agent.Found{found("x", "web"), found("strange", "web"), found("other", "b")}) {
			names = append(names, f.Ref.Name)
		}
		if !slices.Equal(names, c.stays) {
			t.Errorf("%s: %q stay", name, names)
		}
	}
}

// What a person has to approve is told until it is gone, and looked at again when a bundle comes.
func TestWhatAwaitsAPerson(t *testing.T) {
	t.Parallel()
	s := begin()
	o := s.Own[0]
	s.holdBack(o, protocol.Held{ID: "1", Message: "2 volumes would be lost"})
	s.holdBack(o, protocol.Held{ID: "1", Message: "2 volumes would be lost"})
	if got := s.AwaitsPerson(); len(got) != 1 || got[0].ID != "1" || len(s.app.events) != 1 {
		t.Errorf("%v; told %d times", got, len(s.app.events))
	}
	if len(s.Batch()) != 0 {
		t.Error("it is deleted before it is approved")
	}
	if s.Entitle(); len(s.Batch()) != 1 {
		t.Error("it is not looked at again for the bundle that may approve it")
	}
	s.ByRef[o.Item.Ref].Want = &plan.Want{}
	if got := s.AwaitsPerson(); len(got) != 0 {
		t.Errorf("what is wanted again waits for a person: %v", got)
	}
	if fleet.StageOf(o.Item.Ref) == fleet.StageOf(refTo("Namespace", "shop")) {
		t.Error("the stages of this test are one")
	}
}

// actorOf gives a scene an actor whose goroutine is this one.
func actorOf(s *scene) *actor.Actor {
	a := &actor.Actor{}
	s.Actor = a
	return a
}
