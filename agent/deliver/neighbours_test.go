package deliver

import (
	"fmt"
	"slices"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// What nothing owns may still be wanted: by a plan in force, by one that waits, or by one that is only coming.
func TestWhatAnyAppWantsIsWanted(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "has", "plans")
		st := s.stored(web, 6, "has", "plans")
		st.Items = append(st.Items, agent.Item{Ref: mapRef("left"), APIVersion: "v1"})
		s.store.apps = map[string]agent.AppState{"web": st}
		s.store.envelope = s.signed(bundle(6, web))
		x := s.restored()
		s.receive(x, bundle(7, s.app("web", "has", "next"), s.app("shop", "new")))
		n := neighbours{&x.Shared}
		for name, want := range map[string]bool{"has": true, "plans": true, "left": true, "next": true, "new": true,
			"none": false} {
			if got := n.Wanted(mapRef(name)); got != want {
				t.Errorf("%s is wanted: %t", name, got)
			}
		}
		for name, want := range map[string]string{"has": "web", "left": "web", "next": "", "new": ""} {
			if got := n.Owner(mapRef(name)); got != want {
				t.Errorf("%s is of %q", name, got)
			}
		}
		if !n.Known("web") || !n.Known("shop") || n.Known("none") {
			t.Error("the apps that are known are others")
		}
		if n.Hooked(mapRef("has")) {
			t.Error("an object that is no hook is one")
		}
		wanted := map[string][]string{}
		n.EachWanted(func(app string, ref protocol.ObjectRef) { wanted[app] = append(wanted[app], ref.Name) })
		for app, want := range map[string][]string{"web": {"has", "plans", "has", "next"}, "shop": {"new"}} {
			slices.Sort(wanted[app])
			slices.Sort(want)
			same(t, app+" wants", wanted[app], want)
		}
		if acc := n.Accepted(); acc.Bundle.Generation != 7 {
			t.Errorf("generation %d is in force", acc.Bundle.Generation)
		}
	})
}

// The search must not take for unwanted what an app wants of which nothing is known yet.
func TestItIsSaidWhenItIsNotKnownWhatAppsWant(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		n := neighbours{&x.Shared}
		if got := n.Unsure(); got != "no bundle has been read yet" {
			t.Errorf("before a bundle: %q", got)
		}
		moved := n.Moved()
		b := bundle(1) // no app of which could move anything
		b.Incomplete = "a folder cannot be read"
		s.receive(x, b)
		select {
		case <-moved:
		default:
			t.Error("a bundle moves nothing")
		}
		if got := n.Unsure(); got != "the bundle is not complete: a folder cannot be read" {
			t.Errorf("with an incomplete bundle: %q", got)
		}
		broken := s.app("web", "a")
		broken.Error = "render: no such file"
		s.receive(x, bundle(2, broken))
		if got := n.Unsure(); got != "app web cannot be rendered" {
			t.Errorf("with an app that cannot be rendered: %q", got)
		}
		s.receive(x, bundle(3, s.app("web", "a")))
		if got := n.Unsure(); got != "" {
			t.Errorf("with all known: %q", got)
		}
	})
}

func TestApprovalsAreThoseOfTheBundleInForce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		n := neighbours{&x.Shared}
		for i, c := range []struct {
			deletions *protocol.Deletions
			want      bool
		}{{nil, false}, {&protocol.Deletions{Approved: []string{"other"}}, false},
			{&protocol.Deletions{Approved: []string{"other", "id"}}, true},
			{&protocol.Deletions{}, false}} {
			b := bundle(uint64(i + 1))
			b.Deletions = c.deletions
			s.receive(x, b)
			if got := n.approved("id"); got != c.want {
				t.Errorf("with %+v it is approved: %t", c.deletions, got)
			}
		}
	})
}

// What an app wants and what belongs to an object goes with that object, and is made again: people are told of it.
func TestDependentsAreWhatAppsWantOfAnOwner(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "a", "b")
		st := s.stored(web, 7, "a", "b")
		st.Items = append(st.Items, agent.Item{Ref: mapRef("left"), APIVersion: "v1"})
		s.store.apps = map[string]agent.AppState{"web": st}
		s.store.envelope = s.signed(bundle(7, web))
		x := s.restored()
		a := x.Board.App("web")
		a.Do(func() {
			for name, uids := range map[string][]string{"a": {"1", "2"}, "b": {"3"}, "left": {"2"}} {
				a.ByRef[mapRef(name)].Owners = uids
			}
		})
		n := neighbours{&x.Shared}
		for uid, want := range map[string]string{"1": "map[ConfigMap/shop/a:web]", "2": "map[ConfigMap/shop/a:web]",
			"3": "map[ConfigMap/shop/b:web]", "4": "map[]"} {
			if got := fmt.Sprint(n.Dependents(uid)); got != want {
				t.Errorf("of the owner %s: %s, want %s", uid, got, want)
			}
		}
	})
}

// Of what is inside a Namespace that goes, the app's own objects that it deletes anyway are no loss.
func TestWhatAnAppDeletesAnywayIsNoLoss(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		a := x.NewApp("web")
		a.Spec = protocol.App{Name: "web", Prune: true}
		x.Board.Add(a, a.Spec)
		left := &owned.Object{Item: agent.Item{Ref: mapRef("left")}}
		left.Claim = x.Objects.Claim("web", mapRef("left"), nil).Number
		a.Insert(left)
		kept := &owned.Object{Item: agent.Item{Ref: mapRef("kept"), Keep: true}}
		kept.Claim = x.Objects.Claim("web", mapRef("kept"), nil).Number
		a.Insert(kept)
		a.Start(x.ctx)
		given := orders.Of(bundle(1), x.Board.Orders()) // without the app
		acc := orders.Accepted{Bundle: bundle(1), Known: true}
		_, seq := x.Board.Command(acc, given, x.NewApp)
		a.Do(func() { a.Obey(acc, seq, given["web"]) })
		var found []agent.Found
		for _, name := range []string{"kept", "left", "other"} {
			found = append(found, agent.Found{Live: agent.Live{Ref: mapRef(name), App: "web"}})
		}
		n := neighbours{&x.Shared}
		var names []string
		for _, f := range n.Staying("web", found) {
			names = append(names, f.Ref.Name)
		}
		same(t, "staying", names, []string{"kept", "other"})
		if got := n.Staying("none", found); len(got) != len(found) {
			t.Errorf("of an app that is not there %v stays", got)
		}
	})
}
