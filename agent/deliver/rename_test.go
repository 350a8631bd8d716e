package deliver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

var (
	plexID = identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}
	plex   = plexID.Key()
)

const plexOnce = "media-plex"

// keyed is an app as a hub of this release names it, which was called plexOnce.
func keyed(a protocol.App) protocol.App {
	a.Name, a.Declared, a.Formerly = plex, plexID.String(), []string{plexOnce}
	return a
}

func TestStoredStateUnderAnotherName(t *testing.T) {
	t.Parallel()
	to := map[string]string{plexOnce: plex}
	st := agent.AppState{Spec: protocol.App{Name: plexOnce, DependsOn: []string{"db"}}, Generation: 7,
		Items: []agent.Item{{Ref: mapRef("a")}, {Ref: mapRef("b"), Former: []string{"older"}}}}
	for name, c := range map[string]struct {
		former []string
		want   []string
	}{
		"for the first time": {nil, []string{plexOnce}},
		"again":              {[]string{"older"}, []string{"older", plexOnce}},
		"back":               {[]string{plex}, []string{plexOnce}},
		"to and fro":         {[]string{plexOnce, plex}, []string{plexOnce}},
	} {
		st := st
		st.Former = c.former
		before := slices.Clone(c.former)
		got := renamedState(st, to)
		if got.Spec.Name != plex || got.Generation != 7 || len(got.Items) != 2 {
			t.Errorf("%s: it is %+v", name, got)
		}
		same(t, name+": names that it had", got.Former, c.want)
		same(t, name+": names that a has the label of", got.Items[0].Former, []string{plexOnce})
		same(t, name+": names that b has the label of", got.Items[1].Former, []string{"older", plexOnce})
		same(t, name+": what was stored had", st.Former, before)
	}
	if st.Items[0].Former != nil || len(st.Items[1].Former) != 1 {
		t.Errorf("what was stored was changed: %+v", st.Items)
	}
	dependent := agent.AppState{Spec: protocol.App{Name: "web", DependsOn: []string{plexOnce}},
		Items: []agent.Item{{Ref: mapRef("w")}}}
	got := renamedState(dependent, to)
	same(t, "web depends on", got.Spec.DependsOn, []string{plex})
	if got.Spec.Name != "web" || got.Former != nil || got.Items[0].Former != nil {
		t.Errorf("an app that keeps its name is %+v", got)
	}
}

// renamedStore is a store with an app whose bundle has another name for it, and one that depends on it.
func (s *scene) renamedStore() {
	app := s.app(plexOnce, "a", "b")
	web := s.app("web", "w")
	web.DependsOn = []string{plexOnce}
	s.store.apps = map[string]agent.AppState{plexOnce: s.stored(app, 7, "a", "b"), "web": s.stored(web, 7, "w")}
	now := web
	now.DependsOn = []string{plex}
	s.store.envelope = s.signed(bundle(8, keyed(app), now))
}

// renamed fails the test unless all that was stored goes on under the new name.
func (s *scene) renamed(x *term) {
	s.t.Helper()
	same(s.t, "apps", x.names(), []string{plex, "web"})
	if order, _ := x.entry(s.t, "web"); !slices.Equal(order.Spec.DependsOn, []string{plex}) {
		s.t.Errorf("web depends on %q", order.Spec.DependsOn)
	}
	for _, name := range []string{"a", "b"} {
		if owner := x.Objects.Owner(mapRef(name)); owner != plex {
			s.t.Errorf("%s is of %q", name, owner)
		}
	}
	same(s.t, "stored", s.store.names(), []string{plex, "web"})
	st := s.store.apps[plex]
	if st.Moving != "" || len(st.Items) != 2 || !slices.Equal(st.Former, []string{plexOnce}) ||
		st.Spec.Declared != plexID.String() || !slices.Equal(st.Items[0].Former, []string{plexOnce}) {
		s.t.Errorf("stored is %+v", st)
	}
}

// A state is written under its new name before it is dropped under the old one.
func TestAStateIsNeverMissingWhileItMoves(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.renamedStore()
		x := s.restored()
		s.renamed(x)
		same(t, "written", s.store.did.since(), []string{"app " + plex, "drop " + plexOnce, "app " + plex})
		told := s.bus.told(protocol.EventStarted)
		if len(told) != 1 || !strings.HasSuffix(told[0], " with generation 8 and 3 objects; 1 app under other names than "+
			"before, with all that was stored of them") {
			t.Errorf("told: %q", told)
		}
		s.restored()
		same(t, "written by the next session", s.store.did.since(), []string{"app web"}) // which depends on another name
		s.restored()
		same(t, "written by the one after it", s.store.did.since(), nil)
	})
}

// Wherever an agent dies while states move, the next one goes on from there, and loses nothing.
func TestAStateMovesWhereverTheAgentDies(t *testing.T) {
	t.Parallel()
	for step := range 4 {
		t.Run(fmt.Sprint("at step ", step), func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.renamedStore()
				x := s.session()
				stored, err := s.store.Load(x.ctx)
				if err != nil {
					t.Fatal(err)
				}
				s.store.refuse(append(make([]error, step), agent.ErrLost, agent.ErrLost, agent.ErrLost)...)
				x.restore(x.ctx, stored)
				s.settle()
				if x.ctx.Err() == nil && step < 3 {
					t.Error("the session goes on although another agent leads")
				}
				x.end(nil)
				x.close()
				s.store.refuse()
				s.renamed(s.restored())
			})
		})
	}
}

// A store that is away for a while is waited for.
func TestAStateMovesWhenTheStoreIsBack(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.renamedStore()
		away := errors.New("the API server is away")
		s.restart()
		x := s.session()
		stored, err := s.store.Load(x.ctx)
		if err != nil {
			t.Fatal(err)
		}
		s.store.refuse(away, nil, away, nil, away)
		x.restore(x.ctx, stored)
		s.settle()
		s.renamed(x)
		if !s.log.has("the state of an app cannot be stored under its new name; retrying") {
			t.Error("it is not logged")
		}
	})
}

// Without a bundle nobody knows new names; what was begun is ended all the same.
func TestWhatWasBegunIsEndedWithoutABundle(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		app := s.app(plexOnce, "a")
		old := s.stored(app, 7, "a")
		moving := renamedState(old, map[string]string{plexOnce: plex})
		moving.Moving = plexOnce
		s.store.apps = map[string]agent.AppState{plexOnce: old, plex: moving, "web": s.stored(s.app("web", "w"), 7, "w")}
		x := s.restored()
		same(t, "apps", x.names(), []string{plex, "web"})
		same(t, "stored", s.store.names(), []string{plex, "web"})
		if owner := x.Objects.Owner(mapRef("a")); owner != plex {
			t.Errorf("a is of %q", owner)
		}
	})
}
