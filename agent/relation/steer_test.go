package relation

import (
	"reflect"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

func canaryOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Group: "flagger.app", Kind: "Canary", Namespace: "shop", Name: name}
}

// steer is a canary that leaves the selector of a service to its controller.
func steer(by, service string) plan.Steer {
	ref := protocol.ObjectRef{Kind: "Service", Namespace: "shop", Name: service}
	return plan.Steer{By: canaryOf(by), Fields: []protocol.Ignored{{Object: ref, Paths: []string{"/spec/selector"}}}}
}

func service(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "Service", Namespace: "shop", Name: name}
}

// rollout is the line of a Rollout that steers a service.
func rollout(name, service string) string {
	return `{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"` + name +
		`","namespace":"shop"},"spec":{"strategy":{"blueGreen":{"activeService":"` + service + `"}}}}`
}

func rolloutOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Group: "argoproj.io", Kind: "Rollout", Namespace: "shop", Name: name}
}

func TestWhatControllersSteer(t *testing.T) {
	t.Parallel()
	selector := map[protocol.ObjectRef][]string{service("s"): {"/spec/selector"}}
	for name, c := range map[string]struct {
		before func(s *scene, web, shop *app)
		want   map[protocol.ObjectRef][]string
	}{
		"nothing": {func(*scene, *app, *app) {}, map[protocol.ObjectRef][]string{}},
		"what an object of its own steers": {func(_ *scene, web, _ *app) {
			web.owns(canaryOf("c"))
			web.Steers = []plan.Steer{steer("c", "s")}
		}, selector},
		"not what an object steered that it no longer has": {func(_ *scene, web, _ *app) {
			web.Steers = []plan.Steer{steer("c", "s")}
		}, map[protocol.ObjectRef][]string{}},
		"what an object of another app steers": {func(_ *scene, _, shop *app) {
			shop.owns(canaryOf("c"))
			shop.Steers = []plan.Steer{steer("c", "s")}
		}, selector},
		"not what one steered that another app no longer has": {func(_ *scene, _, shop *app) {
			shop.Steers = []plan.Steer{steer("c", "s")}
		}, map[protocol.ObjectRef][]string{}},
		"not what one steered that moved to a third app": {func(s *scene, _, shop *app) {
			s.env.Objects.Claim("cart", canaryOf("c"), nil)
			shop.Steers = []plan.Steer{steer("c", "s")}
		}, map[protocol.ObjectRef][]string{}},
		"each field once, in order": {func(_ *scene, web, _ *app) {
			web.owns(canaryOf("c"))
			two := steer("c", "s")
			two.Fields[0].Paths = []string{"/spec/z", "/spec/selector", "/spec/a"}
			web.Steers = []plan.Steer{two, steer("c", "s")}
		}, map[protocol.ObjectRef][]string{service("s"): {"/spec/a", "/spec/selector", "/spec/z"}}},
	} {
		s := begin("web", "shop")
		c.before(s, s.apps["web"], s.apps["shop"])
		if got := s.apps["web"].AllSteered(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What is in a plan steers before its object is there, in its own app and in the eyes of others.
func TestWhatAPlanSteers(t *testing.T) {
	t.Parallel()
	s := begin("web", "shop")
	web, shop := s.apps["web"], s.apps["shop"]
	web.SteerAsPlanned()
	if len(web.Steers) > 0 {
		t.Error("an app without a plan steers")
	}
	web.Plan = planOf(t, rollout("r", "s"))
	web.SteerAsPlanned()
	if len(web.Steers) != 1 || web.Steers[0].By != rolloutOf("r") {
		t.Fatalf("it steers %v", web.Steers)
	}
	for _, a := range []*app{web, shop} {
		if got := a.AllSteered()[service("s")]; len(got) == 0 {
			t.Errorf("app %s does not leave the fields of the service to the rollout", a.Name)
		}
	}
}

// A controller that is yet to be pruned goes on steering until it is gone.
func TestWhatIsToGoSteersUntilItIsGone(t *testing.T) {
	t.Parallel()
	web := begin("web").apps["web"]
	web.Plan = planOf(t, rollout("old", "s"))
	web.Steer()
	o := web.owns(rolloutOf("old"))
	web.Plan = planOf(t, rollout("new", "t"))
	web.Steer()
	if got := []protocol.ObjectRef{web.Steers[0].By, web.Steers[1].By}; len(web.Steers) != 2 ||
		got[0] != rolloutOf("new") || got[1] != rolloutOf("old") {
		t.Fatalf("it steers %v", web.Steers)
	}
	web.Steer()
	if len(web.Steers) != 2 {
		t.Fatalf("entering a plan twice makes more of it: %v", web.Steers)
	}
	web.Disown(o)
	web.Steer()
	if len(web.Steers) != 1 || web.Steers[0].By != rolloutOf("new") {
		t.Errorf("what is gone steers: %v", web.Steers)
	}
}

// What was applied when other fields were left to controllers is applied again, in every app.
func TestObjectsAreAppliedAgainWhenOthersSteerThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*owned.Object)
		again  bool
	}{
		"fields are left that were not": {func(*owned.Object) {}, true},
		"the same fields were left": {func(o *owned.Object) {
			o.Item.Steered = []string{"/spec/selector"}
		}, false},
		"it was never applied":     {func(o *owned.Object) { o.Item.Fields = agent.Sum{} }, false},
		"it is to go":              {func(o *owned.Object) { o.Want = nil }, false},
		"it asks to be left alone": {func(o *owned.Object) { o.Item.Paused = true }, false},
	} {
		s := begin("web", "shop")
		web, shop := s.apps["web"], s.apps["shop"]
		mine, other := web.owns(service("s"), c.change), shop.owns(service("t"))
		other.Item.Steered = []string{"/spec/old"}
		web.owns(canaryOf("c"), func(o *owned.Object) { o.Item.Fields = agent.Sum{} })
		web.Steers = []plan.Steer{steer("c", "s")}
		web.ResteerAll()
		if again := mine.Item.Line == (agent.Sum{}); again != c.again || web.woken() != c.again {
			t.Errorf("%s: applied again: %v", name, again)
		}
		if other.Item.Line == (agent.Sum{}) {
			t.Errorf("%s: the other app is told before the board says it", name)
		}
		web.TellNow()
		if other.Item.Line != (agent.Sum{}) || !shop.woken() {
			t.Errorf("%s: the other app's object is not applied again, whose fields are no longer steered", name)
		}
	}
}

// The controller of a canary looks at its workload from time to time: until then what the canary says is old.
func TestWhatFollowsAChangedObjectIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := begin("web", "shop")
	web, shop := s.apps["web"], s.apps["shop"]
	mine, theirs := web.owns(canaryOf("mine")), shop.owns(canaryOf("theirs"))
	late := web.owns(canaryOf("late"))
	follow := func(by string, within time.Duration) plan.Steer {
		st := steer(by, "s")
		st.Target, st.Within = mapOf("target"), within
		return st
	}
	web.Steers = []plan.Steer{follow("mine", time.Minute), follow("late", 0)}
	shop.Steers = []plan.Steer{follow("theirs", time.Hour)}
	web.Notice(mapOf("another"))
	if mine.Unnoticed.Open() || web.woken() {
		t.Error("a change of another object holds it back")
	}
	before := time.Now()
	web.Notice(mapOf("target"))
	if u := mine.Unnoticed; !u.Open() || u.Of != mapOf("target") || u.Until.Before(before.Add(time.Minute)) ||
		!web.woken() {
		t.Errorf("what it says is believed at once: %+v", u)
	}
	if late.Unnoticed.Open() {
		t.Error("what its controller is told of is held back")
	}
	web.TellNow()
	if u := theirs.Unnoticed; !u.Open() || u.Until.Before(before.Add(time.Hour)) || !shop.woken() {
		t.Errorf("what the canary of the other app says is believed at once: %+v", u)
	}
}
