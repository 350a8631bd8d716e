package deliver

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// A session goes on with what is stored: the bundle, the apps, and who owns which object. Nothing is written.
func TestASessionBeginsWithWhatIsStored(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		shop, web := s.app("shop", "a", "b"), s.app("web", "c")
		s.store.apps = map[string]agent.AppState{"shop": s.stored(shop, 7, "a", "b"), "web": s.stored(web, 5, "c")}
		for name, st := range s.store.apps {
			none := uint64(0)
			st.Deleted = &none
			s.store.apps[name] = st
		}
		b := bundle(7, shop, web)
		b.Deletions = &protocol.Deletions{}
		s.store.envelope, s.cluster.silent = s.signed(b), true
		x := s.restored()
		if in := x.InForce(); in.Bundle.Generation != 7 || in.Digest != b.Digest() || in.Floor != 7 || in.Epoch != 2 ||
			!in.Known {
			t.Errorf("in force is %+v", in)
		}
		if got := s.id.Epoch(); got != 2 {
			t.Errorf("the epoch is %d", got)
		}
		same(t, "apps", x.names(), []string{"shop", "web"})
		for object, want := range map[string]string{"a": "shop", "b": "shop", "c": "web", "d": ""} {
			if owner := x.Objects.Owner(mapRef(object)); owner != want {
				t.Errorf("%s is of %q, want %q", object, owner, want)
			}
		}
		same(t, "watched kinds", s.cluster.kinds(), []string{"ConfigMap"})
		same(t, "written", s.store.did.since(), nil)
		if x.search != nil || x.Damaged || x.message() != "" {
			t.Errorf("searching: %t, damaged: %t, and the report says %q", x.search != nil, x.Damaged, x.message())
		}
		s.receive(x, bundle(6))
		if r := x.refused(); r == nil || !strings.Contains(r.Reason, "generation 6, and 7 was accepted") {
			t.Errorf("an older bundle: %+v", r)
		}
	})
}

// An API server that does not answer has not said that it no longer serves a kind: nothing is concluded of its objects,
// and they are watched as soon as it answers.
func TestKindsAreWatchedWhenTheAPIServerAnswers(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "a")
		s.store.apps = map[string]agent.AppState{"web": s.stored(web, 7, "a")}
		s.store.envelope, s.cluster.deaf = s.signed(bundle(7, web)), 3
		x := s.restored()
		s.settle()
		same(t, "watched kinds", s.cluster.kinds(), []string{"ConfigMap"})
		if !x.Watches.AllSynced() {
			t.Error("the watch has not listed")
		}
	})
}

// With nothing stored it is not known what was applied before: that is looked for, and nothing else is concluded.
func TestASessionThatBeginsWithNothingSearches(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.restored()
		if x.search == nil {
			t.Fatal("nothing is searched for")
		}
		same(t, "written", s.store.did.since(), []string{"search"})
		told := s.bus.told(protocol.EventStarted)
		if len(told) != 1 || !strings.HasSuffix(told[0], "with generation 0 and 0 objects") {
			t.Errorf("told: %q", told)
		}
		var r protocol.Report
		for _, said := range s.bus.said() {
			r = said
		}
		if !strings.Contains(r.Searching, "nothing is stored of what was applied before") || !strings.Contains(r.Message,
			r.Searching) {
			t.Errorf("it reports %q, searching %q", r.Message, r.Searching)
		}
		s.receive(x, bundle(1))
		s.settle()
		if searching, _, held := x.search.Says(); searching != "" || held != nil {
			t.Errorf("with all known and nothing found it searches %q and holds %v", searching, held)
		}
	})
}

// What cannot be read is not taken for absent, and what is known of the rest bounds what is accepted.
func TestDamagedStateConcludesNothing(t *testing.T) {
	t.Parallel()
	stranger := newHub(t)
	for name, c := range map[string]struct {
		damage func(s *scene, b protocol.Bundle)
		says   string
		known  bool // the bundle is
		apps   []string
	}{
		"the bundle is of another key": {func(s *scene, b protocol.Bundle) { s.store.envelope = stranger.signed(b) },
			"the accepted bundle: ", false, []string{"shop", "web"}},
		"the bundle is cut off": {func(s *scene, _ protocol.Bundle) { s.store.envelope = s.store.envelope[:40] },
			"the accepted bundle: ", false, []string{"shop", "web"}},
		"the bundle cannot be read": {func(s *scene, _ protocol.Bundle) {
			s.store.envelope, s.store.damaged = nil, []agent.Damage{{Err: errors.New("the Secret has no data")}}
		}, "the Secret has no data; ", false, []string{"shop", "web"}},
		"an app cannot be read": {func(s *scene, _ protocol.Bundle) {
			delete(s.store.apps, "web")
			s.store.damaged = []agent.Damage{{App: "web", Err: errors.New("the Secret drover-app-web: no JSON")}}
		}, "the Secret drover-app-web: no JSON; ", true, []string{"shop", "web"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				shop, web := s.app("shop", "a"), s.app("web", "c")
				s.store.apps = map[string]agent.AppState{"shop": s.stored(shop, 7, "a"), "web": s.stored(web, 7, "c")}
				b := bundle(7, shop, web)
				s.store.envelope = s.signed(b)
				c.damage(s, b)
				x := s.restored()
				if text := x.message(); !strings.HasPrefix(text, c.says) || !strings.HasSuffix(text, "so nothing of it is "+
					"taken back or deleted: the next bundle replaces it, and what nothing wants is searched for") {
					t.Errorf("the report says %q", text)
				}
				if !x.Damaged || x.search == nil || x.InForce().Known != c.known {
					t.Errorf("damaged: %t, searching: %t, bundle known: %t", x.Damaged, x.search != nil, x.InForce().Known)
				}
				same(t, "apps", x.names(), c.apps)
				if owner := x.Objects.Owner(mapRef("a")); owner != "shop" {
					t.Errorf("a is of %q", owner)
				}
				if did := s.store.did.since(); slices.ContainsFunc(did, func(d string) bool {
					return strings.HasPrefix(d,
						"drop")
				}) {
					t.Errorf("written: %q", did)
				}
				s.receive(x, bundle(6))
				if r := x.refused(); r == nil {
					t.Error("a bundle that is older than the apps is accepted")
				}
				s.receive(x, bundle(8, shop, web))
				if got := x.InForce().Bundle.Generation; got != 8 || x.message() != "" {
					t.Errorf("generation %d is in force, and the report says %q", got, x.message())
				}
			})
		})
	}
}

// An agent that died while an object moved left it in two inventories. One app has it from then on.
func TestAnObjectInTwoInventoriesGetsOneOwner(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		from, to := s.app("from", "b"), s.app("to", "a")
		st := s.stored(from, 7, "b")
		st.Items = append(st.Items, agent.Item{Ref: mapRef("a"), APIVersion: "v1"}) // no longer in its content
		s.store.apps = map[string]agent.AppState{"from": st, "to": s.stored(to, 8, "a")}
		s.store.envelope = s.signed(bundle(8, from, to))
		x := s.restored()
		if owner := x.Objects.Owner(mapRef("a")); owner != "to" {
			t.Errorf("a is of %q", owner)
		}
		for name, want := range map[string]int{"from": 1, "to": 1} {
			a := x.Board.App(name)
			a.Do(func() {
				if len(a.Own) != want {
					t.Errorf("%s has %d objects", name, len(a.Own))
				}
			})
		}
		x.Board.App("to").Do(func() {
			o := x.Board.App("to").ByRef[mapRef("a")]
			if o == nil || !slices.Equal(o.Item.Former, []string{"from"}) {
				t.Errorf("a is %+v", o)
			}
		})
	})
}

// An object that the content in force wants is claimed, also where an agent died before it had stored that.
func TestWhatThePlanWantsHasAnOwner(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "a", "b")
		st := s.stored(web, 7, "a", "b")
		st.Items = st.Items[:1]
		s.store.apps = map[string]agent.AppState{"web": st}
		s.store.envelope = s.signed(bundle(7, web))
		x := s.restored()
		if owner := x.Objects.Owner(mapRef("b")); owner != "web" {
			t.Errorf("b is of %q", owner)
		}
	})
}

// What stayed in force beside the bundle, because the hub did not know better, does so in the next session.
func TestWhatStayedInForceBesideTheBundleIsRestored(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		first := bundle(7, s.app("shop", "a"), s.app("web", "c"))
		first.Suspend, first.AgentImage = true, "agent:2"
		s.receive(x, first)
		doubt := bundle(8, s.app("shop", "a"))
		doubt.Incomplete, doubt.FlagsUnknown = "a folder cannot be read", "cluster.yaml cannot be read"
		s.receive(x, doubt)
		kept := func(x *term, when string) {
			t.Helper()
			same(t, when+": apps", x.names(), []string{"shop", "web"})
			if order, _ := x.entry(t, "web"); !order.Kept {
				t.Errorf("%s: the order of web is %+v", when, order)
			}
			if in := x.InForce().Bundle; !in.Suspend || in.AgentImage != "agent:2" || in.Generation != 8 {
				t.Errorf("%s: in force is %+v", when, in)
			}
		}
		kept(x, "before")
		x.end(nil)
		x.close()
		kept(s.restored(), "after")
	})
}

// An agent of a release that did not count deletions has left over what it was permitted to delete: that is still
// permitted, and nothing beyond it.
func TestDeletionsAreCountedFromWhatTheBundleSays(t *testing.T) {
	t.Parallel()
	one := uint64(1)
	for name, c := range map[string]struct {
		deleted *uint64
		bundle  bool
		counts  bool
		want    uint64 // deleted so far, of three that are permitted and with two left over
	}{
		"it counted":                      {&one, true, true, 1},
		"it did not":                      {nil, true, true, 1},
		"it did not, and has no bundle":   {nil, false, false, 0},
		"it counted, and lost its bundle": {&one, false, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				web := s.app("web", "a")
				st := s.stored(web, 7, "a", "b", "c")
				st.Packed, st.Deleted = agent.Pack(lines([]string{"a"})), c.deleted
				s.store.apps = map[string]agent.AppState{"web": st}
				if c.bundle {
					b := bundle(7, web)
					b.Deletions = &protocol.Deletions{Apps: map[string]uint64{"web": 3}}
					s.store.envelope = s.signed(b)
				}
				x := s.restored()
				if counts := len(x.Uncounted()) == 0; counts != c.counts {
					t.Errorf("it counts: %t", counts)
				}
				if r := s.reported(x); len(r.Apps) != 1 || r.Apps[0].Deleted != c.want {
					t.Errorf("it reports %+v, want %d deleted", r.Apps, c.want)
				}
			})
		})
	}
}

// What is stored of an app may be of a blob that the bundle no longer asks for: the app goes on with what it has, and
// gets the other from the hub.
func TestAStoredAppGetsWhatTheBundleAsksFor(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		old, now := s.app("web", "a"), s.app("web", "a", "b")
		s.store.apps = map[string]agent.AppState{"web": s.stored(old, 6, "a")}
		s.store.envelope = s.signed(bundle(7, now, s.app("shop", "c")))
		x := s.restored()
		_, wants := x.entry(t, "web")
		same(t, "web is to want", wants, []string{"a", "b"})
		_, wants = x.entry(t, "shop")
		same(t, "shop is to want", wants, []string{"c"})
		if e, _ := x.Board.Entry("web"); e.Facts.Plan == nil || !e.Facts.Plan.Same(old) {
			t.Error("what was stored is not in force")
		}
	})
}
