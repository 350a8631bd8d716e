package contents

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func in(namespace, name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: namespace, Name: name}
}

// scene is a cluster and its apps, as a Check asks of them.
type scene struct {
	inside  []agent.Found
	more    bool
	err     error
	there   map[protocol.ObjectRef]string // uid by object
	owners  map[protocol.ObjectRef]string
	going   map[protocol.ObjectRef]bool // their app deletes them
	hooks   map[protocol.ObjectRef]bool
	wanted  map[protocol.ObjectRef]string
	depends map[protocol.ObjectRef]string
	lookups int
}

func (s *scene) Inside(context.Context, protocol.ObjectRef) ([]agent.Resource, []agent.Found, bool, error) {
	return nil, s.inside, s.more, s.err
}

func (s *scene) Resolve(_ context.Context, _, kind string) (agent.Resource, error) {
	return agent.Resource{Version: "v1", Kind: kind, Namespaced: true}, nil
}

func (s *scene) Get(_ context.Context, _ agent.Resource, ref protocol.ObjectRef) (agent.Live, error) {
	s.lookups++
	if uid, ok := s.there[ref]; ok {
		return agent.Live{Ref: ref, UID: uid}, nil
	}
	return agent.Live{}, &agent.Failure{Reason: agent.ReasonMissing}
}

func (s *scene) Owner(ref protocol.ObjectRef) string { return s.owners[ref] }

func (s *scene) Hooked(ref protocol.ObjectRef) bool { return s.hooks[ref] }

func (s *scene) Dependents(string) map[protocol.ObjectRef]string { return s.depends }

func (s *scene) EachWanted(do func(string, protocol.ObjectRef)) {
	for ref, app := range s.wanted {
		do(app, ref)
	}
}

func (s *scene) Staying(_ string, found []agent.Found) []agent.Found {
	return slices.DeleteFunc(found, func(f agent.Found) bool { return s.going[f.Ref] })
}

func (s *scene) check(approved ...string) Check {
	return Check{Cluster: s, Reader: s, Apps: s, Name: "prod",
		Protected: func(ref protocol.ObjectRef) bool { return ref.Name == "drover-agent" },
		Approved:  func(id string) bool { return slices.Contains(approved, id) }}
}

func TestWhatWouldBeLostWithANamespace(t *testing.T) {
	t.Parallel()
	a := in("shop", "a")
	live := func(f func(*agent.Live)) []agent.Found {
		l := agent.Live{Ref: a, UID: "1", App: "other"}
		f(&l)
		return []agent.Found{{Live: l}}
	}
	applied := func(l *agent.Live) { l.Fields = agent.SumOf([]byte("fields")) }
	plain := live(func(*agent.Live) {})
	for name, c := range map[string]struct {
		scene scene
		lost  bool
	}{
		"it is empty":           {scene{}, false},
		"an object of nobody's": {scene{inside: plain}, true},
		"an object that its app keeps": {scene{inside: plain,
			owners: map[protocol.ObjectRef]string{a: "web"}}, true},
		"an object that its app deletes": {scene{inside: plain, owners: map[protocol.ObjectRef]string{a: "web"},
			going: map[protocol.ObjectRef]bool{a: true}}, false},
		"an object that is kept": {scene{inside: live(func(l *agent.Live) { l.KeptBy = "annotation" }),
			owners: map[protocol.ObjectRef]string{a: "web"}, going: map[protocol.ObjectRef]bool{a: true}}, true},
		"an object of a hook":                      {scene{inside: live(func(l *agent.Live) { applied(l); l.HookRun = "1.Sync" }), there: map[protocol.ObjectRef]string{a: "1"}, hooks: map[protocol.ObjectRef]bool{a: true}}, true},
		"what a hook left that no app has":         {scene{inside: live(func(l *agent.Live) { applied(l); l.HookRun = "1.Sync" })}, false},
		"an applied object that was deleted since": {scene{inside: live(applied)}, false},
		"an applied object that was replaced since": {scene{inside: live(applied),
			there: map[protocol.ObjectRef]string{a: "2"}}, false},
		"an applied object that is there": {scene{inside: live(applied),
			there: map[protocol.ObjectRef]string{a: "1"}}, true},
		"an object whose controller is gone": {scene{inside: live(func(l *agent.Live) {
			l.Owners = []agent.Owner{{Kind: "ReplicaSet", Name: "r", UID: "9", Controller: true}}
		})}, false},
		"an object that is yet to be applied": {scene{wanted: map[protocol.ObjectRef]string{a: "web"}}, true},
		"an object of another namespace":      {scene{wanted: map[protocol.ObjectRef]string{in("else", "a"): "web"}}, false},
	} {
		held, err := c.scene.check().Lost(t.Context(), "web", agent.Live{Ref: protocol.ObjectRef{Kind: "Namespace",
			Name: "shop"}, UID: "ns"}, nil)
		if err != nil || (held != nil) != c.lost {
			t.Errorf("%s: held %v, %v", name, held, err)
		}
	}
}

func TestWhatGoesAnywayIsNotLost(t *testing.T) {
	t.Parallel()
	s := &scene{inside: []agent.Found{{Live: agent.Live{Ref: in("shop", "a"), UID: "1"}}}}
	held, err := s.check().Lost(t.Context(), "web", agent.Live{Ref: protocol.ObjectRef{Kind: "Namespace", Name: "shop"}},
		func(f agent.Found) bool { return f.UID == "1" })
	if held != nil || err != nil {
		t.Error(held, err)
	}
}

func TestWhatIsUnknownIsNotDeleted(t *testing.T) {
	t.Parallel()
	s := &scene{err: errors.New("the API server does not answer")}
	if _, err := s.check().Lost(t.Context(), "web", agent.Live{Ref: protocol.ObjectRef{Kind: "Namespace",
		Name: "shop"}}, nil); err == nil {
		t.Error("there is no error")
	}
}

// An object that others belong to takes them along, whatever it is.
func TestDependentsAreLostUnlessThatIsApproved(t *testing.T) {
	t.Parallel()
	s := &scene{depends: map[protocol.ObjectRef]string{in("shop", "a"): "other"}}
	owner := agent.Live{Ref: in("shop", "owner"), UID: "1"}
	held, err := s.check().Lost(t.Context(), "web", owner, nil)
	if held == nil || err != nil || !strings.Contains(held.Message, "ConfigMap/shop/a (app other)") {
		t.Fatal(held, err)
	}
	if held, err := s.check(held.ID).Lost(t.Context(), "web", owner, nil); held != nil || err != nil {
		t.Error("it was approved:", held, err)
	}
	owner.UID = "" // nothing is known to belong to it
	if held, err := s.check().Lost(t.Context(), "web", owner, nil); held != nil || err != nil {
		t.Error(held, err)
	}
}

func TestAHoldNamesTheFirstObjectsAndCountsTheRest(t *testing.T) {
	t.Parallel()
	lost := map[protocol.ObjectRef]string{in("ns", "a"): "web", in("ns", "b"): "other", in("ns", "c"): "", in("ns",
		"d"): ""}
	ns := protocol.ObjectRef{Kind: "Namespace", Name: "ns"}
	h, more := held("prod", "web", ns, lost, false), held("prod", "web", ns, lost, true)
	if !strings.Contains(h.Message,
		"because 4 objects that Git does not delete would go with it: ConfigMap/ns/a, ConfigMap/ns/b (app other), "+
			"ConfigMap/ns/c (and 1 more)") {
		t.Error(h.Message)
	}
	if more.ID == h.ID || !strings.Contains(more.Message, "more than 4 objects") {
		t.Error("those that were not counted are approved with the rest:", more.Message)
	}
	fewer := maps.Clone(lost)
	delete(fewer, in("ns", "d"))
	if held("prod", "web", ns, fewer, false).ID == h.ID {
		t.Error("another set of objects has the same id")
	}
}

// A container with very many objects is not looked through one by one: what was not looked for counts as there.
func TestLookupsAreBounded(t *testing.T) {
	t.Parallel()
	s := &scene{}
	for i := range maxLookups + 20 {
		s.inside = append(s.inside, agent.Found{Live: agent.Live{Ref: in("shop", strings.Repeat("x", i+1)),
			UID: strings.Repeat("u", i+1), Fields: agent.SumOf([]byte("f"))}})
	}
	held, err := s.check().Lost(t.Context(), "web", agent.Live{Ref: protocol.ObjectRef{Kind: "Namespace",
		Name: "shop"}}, nil)
	if err != nil || held == nil || held.Count != 20 || s.lookups != maxLookups {
		t.Errorf("%d lookups, held %v, %v", s.lookups, held, err)
	}
}
