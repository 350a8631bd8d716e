package pass

import (
	"reflect"
	"slices"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// deployment is one with replicas.
var deployment = line("apps/v1", "Deployment", "a", `"spec":{"replicas":3}`)

func TestWhatIsLeftToOthers(t *testing.T) {
	t.Parallel()
	ref := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "a"}
	ignore := protocol.Ignored{Object: protocol.ObjectRef{Group: "apps", Kind: "Deployment", Name: "a"},
		Paths: []string{"/spec/template/x"}, Managers: []string{"istio"}}
	for name, c := range map[string]struct {
		before func(*scene)
		want   agent.Leave
		item   agent.Item // what is noted of it
		dirty  bool
	}{
		"nothing": {func(*scene) {}, agent.Leave{}, agent.Item{}, false},
		"replicas, that an autoscaler sets": {func(s *scene) { s.scaled = ref },
			agent.Leave{Paths: []string{"/spec/replicas"}}, agent.Item{Scaled: true}, true},
		"replicas, until it is known that no autoscaler sets them": {func(s *scene) {
			s.known, s.object("a").Item.Scaled = false, true
		}, agent.Leave{Paths: []string{"/spec/replicas"}}, agent.Item{Scaled: true}, false},
		"no replicas, when the autoscaler is gone": {func(s *scene) { s.object("a").Item.Scaled = true },
			agent.Leave{}, agent.Item{}, true},
		"what a controller steers": {func(s *scene) {
			s.steered = map[protocol.ObjectRef][]string{ref: {"/spec/selector"}}
		}, agent.Leave{Paths: []string{"/spec/selector"}}, agent.Item{Steered: []string{"/spec/selector"}}, true},
		"what an ignore rule names": {func(s *scene) {
			s.Settings = owned.SettingsOf(protocol.App{Handling: protocol.Handling{Ignored: []protocol.Ignored{ignore}}})
		}, agent.Leave{Paths: []string{"/spec/template/x"}, Managers: []string{"istio"}}, agent.Item{}, false},
		"all of what has one owner only": {func(s *scene) {
			s.Settings = owned.SettingsOf(protocol.App{Handling: protocol.Handling{Ignored: []protocol.Ignored{ignore}}})
			s.object("a").Item.Whole = []string{"/spec/template", "/spec/other"}
		}, agent.Leave{Paths: []string{"/spec/template/x", "/spec/template"}, Managers: []string{"istio"}},
			agent.Item{Whole: []string{"/spec/template", "/spec/other"}}, false},
	} {
		s := begin(t)
		p := s.enter(deployment)
		c.before(s)
		s.ApplyPart(t.Context(), p, all)
		if got := s.patches["a"].Leave; !slices.Equal(got.Paths, c.want.Paths) || !slices.Equal(got.Managers,
			c.want.Managers) {
			t.Errorf("%s: left is %+v", name, got)
		}
		item := s.object("a").Item
		if item.Scaled != c.item.Scaled || !slices.Equal(item.Steered, c.item.Steered) ||
			!slices.Equal(item.Whole, c.item.Whole) || s.Dirty != c.dirty {
			t.Errorf("%s: noted is %+v, to be stored: %v", name, item, s.Dirty)
		}
	}
}

// What an apply may do depends on what was applied before, and on whether there is a bundle.
func TestHowAnObjectIsApplied(t *testing.T) {
	t.Parallel()
	type how struct{ First, Heal, Recreate, Protected, Polite, Strings bool }
	recreate := func(s *scene) { s.Settings.Recreate = true }
	for name, c := range map[string]struct {
		line   string
		before func(*scene)
		want   how
	}{
		"for the first time": {configMap("a"), func(*scene) {}, how{First: true, Polite: true}},
		"again, as it was":   {configMap("a"), func(s *scene) { applied(s.object("a")) }, how{Heal: true}},
		"with other content": {configMap("a"), func(s *scene) {
			applied(s.object("a"))
			s.object("a").Item.Line = agent.SumOf([]byte("old"))
		}, how{Strings: true}},
		"the app recreates": {configMap("a"), recreate, how{First: true, Polite: true, Recreate: true}},
		"the app recreates, and nothing is known": {configMap("a"), func(s *scene) {
			recreate(s)
			s.current.Accepted.Known = false
		}, how{First: true, Polite: true}},
		"the app recreates, but not what has contents": {line("v1", "PersistentVolumeClaim", "a"), recreate,
			how{First: true, Polite: true}},
		"the object asks for it": {line("v1", "PersistentVolumeClaim", "a"), func(s *scene) {
			s.object("a").Want.Recreate = true
		}, how{First: true, Polite: true, Recreate: true}},
		"a part of the agent": {configMap("agent"), func(*scene) {}, how{First: true, Polite: true, Protected: true}},
	} {
		s := begin(t)
		p := s.enter(c.line)
		c.before(s)
		o := s.Own[0]
		lines, err := p.Lines()
		if err != nil {
			t.Fatal(err)
		}
		task := s.task(o, o.Want, agent.Resource{Kind: "x"}, lines, true)
		got := how{task.First, task.Heal, task.Recreate, task.Protected, task.Patch.Polite, task.Patch.Strings}
		if got != c.want || task.Ref != o.Item.Ref || task.Resource.Kind != "x" || string(task.Patch.Line) != c.line {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhatWasRecreatedIsTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(configMap("a"))
	o := s.object("a")
	lines, _ := p.Lines()
	task := s.task(o, o.Want, agent.Resource{}, lines, true)
	s.Await(t.Context(), func() { task.Recreated("deleted and recreated") })
	want := protocol.Event{Kind: protocol.EventRecreated, App: "web", Object: &o.Item.Ref,
		Message: "deleted and recreated"}
	if len(s.events) != 1 || !reflect.DeepEqual(s.events[0], want) {
		t.Errorf("events are %+v", s.events)
	}
}

func TestWhatCannotBeSentIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*scene)
		asked  []string
		says   string
	}{
		"its kind is not served": {func(s *scene) { s.unserved = "ConfigMap" }, nil, "a failed: ConfigMap is not served"},
		"it is beyond the scope": {func(s *scene) { s.Scope = agent.Scope{"other"} }, nil,
			"a failed: " + agent.Scope{"other"}.Failure().Text},
		"the agent has no role": {func(s *scene) {
			s.Scope = agent.Scope{"shop"}
			s.refuses["a"] = &agent.Failure{Reason: agent.ReasonForbidden, Text: "may not"}
		}, []string{"apply a"}, "a failed: the agent has no role in namespace shop, or not enough of one, or the namespace " +
			"is not there: create it, and apply the agent's manifest again (may not)"},
	} {
		s := begin(t)
		p := s.enter(configMap("a"))
		c.before(s)
		s.ApplyPart(t.Context(), p, all)
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.requests(c.asked...)
			s.hears(c.says)
		})
	}
}

// An object is watched before it is applied, so that no change of it is missed.
func TestWhatIsAppliedIsWatched(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Scope = agent.Scope{"shop"}
	s.ApplyPart(t.Context(), s.enter(configMap("a")), all)
	if want := []agent.Watched{{Kind: "ConfigMap", Namespace: "shop"}}; !slices.Equal(s.watched, want) {
		t.Errorf("watched is %+v", s.watched)
	}
}

// What an apply would do is asked without doing it, and changes nothing of what is known.
func TestWhatAnApplyWouldDoIsAsked(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(deployment)
	o := s.object("a")
	lines, _ := p.Lines()
	var live agent.Live
	var err error
	s.Await(t.Context(), func() { live, err = s.Would(t.Context(), s.Request(), o, o.Want, lines) })
	if s.requests("try a"); err != nil || live.Version != 9 || !o.Pending() {
		t.Errorf("%+v: %v", live, err)
	}
	if got := s.patches["a"]; got.Polite || !got.Try || string(got.Line) != deployment {
		t.Errorf("asked is %+v", got)
	}
	s.unserved = "Deployment"
	s.Await(t.Context(), func() { _, err = s.Would(t.Context(), s.Request(), o, o.Want, lines) })
	if agent.ReasonOf(err) != agent.ReasonKind {
		t.Errorf("%v", err)
	}
}

// A guess at the namespace of an object is corrected when its kind is known, unless another app has that object.
func TestTheNameOfAnObjectIsSettled(t *testing.T) {
	t.Parallel()
	guess := protocol.ObjectRef{Group: "example.com", Kind: "Global", Namespace: "shop", Name: "a"}
	bare := guess
	bare.Namespace = ""
	begin := func(t *testing.T) (*scene, *owned.Object) {
		s := begin(t)
		s.unserved = "Global"
		s.enter(line("example.com/v1", "Global", "a"))
		s.unserved = ""
		return s, s.object("a")
	}
	for name, c := range map[string]struct {
		res    agent.Resource
		change func(s *scene, o *owned.Object)
		want   protocol.ObjectRef
		fails  bool
	}{
		"the kind has no namespaces": {agent.Resource{}, func(*scene, *owned.Object) {}, bare, false},
		"it has":                     {agent.Resource{Namespaced: true}, func(*scene, *owned.Object) {}, guess, false},
		"the kind was known": {agent.Resource{}, func(_ *scene, o *owned.Object) { o.Want.KindUnknown = false },
			guess, false},
		"it is another app's": {agent.Resource{}, func(_ *scene, o *owned.Object) { o.Gone = true }, guess, false},
		"another app has that object": {agent.Resource{}, func(s *scene, _ *owned.Object) {
			s.Objects.Claim("cart", bare, nil)
		}, guess, true},
	} {
		s, o := begin(t)
		c.change(s, o)
		ref, err := s.SettleName(o, o.Want, c.res)
		if ref != c.want || (err != nil) != c.fails || o.Item.Ref != c.want || s.ByRef[c.want] != o {
			t.Errorf("%s: it is called %s: %v", name, ref, err)
		}
		renamed := c.want == bare
		if tracked := s.tracked[bare] == 1 && s.tracked[guess] == -1; tracked != renamed || s.Dirty != renamed {
			t.Errorf("%s: tracked is %v", name, s.tracked)
		}
		if owner := s.Objects.Owner(guess); (owner == "") != renamed {
			t.Errorf("%s: the guess belongs to %q", name, owner)
		}
	}
}
