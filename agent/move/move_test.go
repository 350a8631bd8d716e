package move

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// scene is what some apps share.
type scene struct {
	ctx     context.Context
	crew    *mailbox.Crew
	index   *inventory.Index
	peers   map[string]*peer
	keeping atomic.Bool // owners may still want what they have

	mu      sync.Mutex // guards tracked
	tracked map[protocol.ObjectRef]int
}

func begin(t *testing.T) *scene {
	t.Helper()
	return &scene{ctx: t.Context(), crew: &mailbox.Crew{}, index: inventory.New(), peers: map[string]*peer{},
		tracked: map[protocol.ObjectRef]int{}}
}

func (s *scene) Track(ref protocol.ObjectRef)   { s.track(ref, 1) }
func (s *scene) Untrack(ref protocol.ObjectRef) { s.track(ref, -1) }

func (s *scene) track(ref protocol.ObjectRef, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracked[ref] += n
}

// peer is an app that does nothing but to move objects.
type peer struct {
	*Mover
	set     owned.Set
	act     actor.Actor
	began   []protocol.ObjectRef
	gave    []protocol.ObjectRef
	steered int
}

func (p *peer) Turns(context.Context)                 { p.act.TurnDue, p.act.Running = false, false }
func (p *peer) Sight(context.Context, agent.Sighting) {}
func (p *peer) Publish()                              { p.act.TellNow() }
func (p *peer) End()                                  {}
func (p *peer) Begun(ref protocol.ObjectRef)          { p.began = append(p.began, ref) }
func (p *peer) Gave(ref protocol.ObjectRef)           { p.gave = append(p.gave, ref) }
func (p *peer) ResteerAll()                           { p.steered++ }

// resting makes apps whose goroutines run and which do nothing by themselves.
func (s *scene) resting(names ...string) (out []*peer) {
	for _, name := range names {
		p := &peer{set: owned.NewSet(name)}
		p.act = actor.New(s.crew, p)
		m := New(Config{Set: &p.set, Actor: &p.act, Relations: p, JudgeStash: func(context.Context, *owned.Object) {},
			Env: Env{Life: s.ctx, Objects: s.index, Watches: s, RefOf: func(w *plan.Want) protocol.ObjectRef { return w.Ref },
				Keeps: func(string, protocol.ObjectRef) bool { return s.keeping.Load() },
				Peer: func(name string) *Mover {
					if p := s.peers[name]; p != nil {
						return p.Mover
					}
					return nil
				}}})
		p.Mover = &m
		s.peers[name] = p
		out = append(out, p)
	}
	for _, p := range out {
		p.act.Start(s.ctx)
	}
	return out
}

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}
}

// owns gives an app an object that is in the cluster.
func owns(a *peer, name string) {
	a.Do(func() {
		o := owned.New(mapOf(name), 0)
		o.Item.Line, o.Item.Fields = agent.SumOf([]byte("line")), agent.SumOf([]byte("fields"))
		o.Version, o.Present = 7, true
		o.Claim = a.Objects.Claim(a.Name, o.Item.Ref, nil).Number
		a.Watches.Track(o.Item.Ref)
		a.Insert(o)
	})
}

// claims has an app claim an object.
func claims(a *peer, name string) {
	a.Do(func() {
		a.Adopt(&plan.Want{Ref: mapOf(name), Line: agent.SumOf([]byte("line"))})
	})
}

// becomes waits until something is so of an app.
func becomes(t *testing.T, a *peer, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
		done := false
		if a.Do(func() { done = is() }); done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("app %s: not so after 10 seconds: %s", a.Name, what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatWaitsForABusyObjectTakesTurns(t *testing.T) {
	t.Parallel()
	s := begin(t)
	a := s.resting("web")[0]
	owns(a, "x")
	var o *owned.Object
	a.Do(func() { o = a.ByRef[mapOf("x")] })
	var at, most atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			owned.WhenFree(a.Do, o, func() { o.Busy = true })
			if n := at.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Millisecond)
			at.Add(-1)
			a.Do(func() {
				o.Busy = false
				o.Proceed()
			})
		})
	}
	if wg.Wait(); most.Load() != 1 {
		t.Errorf("%d requests for one object were under way at once", most.Load())
	}
}

// An object that moves is in what is stored of one app at least, at every moment, and nothing that is known of it is
// lost.
func TestObjectsAreHandedOver(t *testing.T) {
	t.Parallel()
	s := begin(t)
	apps := s.resting("from", "to")
	from, to := apps[0], apps[1]
	owns(from, "x")
	ref := mapOf("x")
	from.Do(func() { from.ByRef[ref].Busy = true }) // a request is under way
	claims(to, "x")
	if got := s.index.Owner(ref); got != "to" {
		t.Fatalf("it belongs to %q", got)
	}
	to.Do(func() {
		if o := to.ByRef[ref]; !o.Busy || to.Coming != 1 || o.Present {
			t.Errorf("it was taken while a request for it was under way: %+v", o)
		}
	})
	from.Do(func() {
		if o := from.ByRef[ref]; o == nil || len(from.Given) != 0 || s.index.Holds(ref, o.Claim) {
			t.Error("it was given, or may be deleted, while a request for it is under way")
		}
		o := from.ByRef[ref]
		o.Busy = false
		o.Proceed()
	})
	becomes(t, to, "it is handed over", func() bool { return to.Coming == 0 })
	to.Do(func() {
		o := to.ByRef[ref]
		if o.Busy || o.Version != 7 || !o.Present || o.Item.Fields == (agent.Sum{}) || o.Want == nil ||
			to.ByRef[o.Item.Ref] != o || !to.Dirty {
			t.Errorf("it is not what it was: %+v", o)
		}
		if len(o.Item.Former) != 1 || o.Item.Former[0] != "from" || o.Item.Line != (agent.Sum{}) {
			t.Errorf("it is not applied for the label: %+v", o.Item)
		}
	})
	from.Do(func() {
		if _, kept := from.Given[ref]; !kept || len(from.Own) != 0 || len(from.Items()) != 1 {
			t.Error("it is not stored any more before its new owner has stored it")
		}
	})
	to.Do(func() { to.ReleaseFormers(to.ByRef[ref]) })
	becomes(t, from, "it is stored by its owner alone", func() bool { return len(from.Given) == 0 && from.Dirty })
}

// What went while it was claimed is taken as an object of which nothing is known.
func TestAnObjectThatWentIsNotHandedOver(t *testing.T) {
	t.Parallel()
	s := begin(t)
	apps := s.resting("from", "to")
	from, to := apps[0], apps[1]
	owns(from, "x")
	from.Do(func() { from.ByRef[mapOf("x")].Busy = true })
	claims(to, "x")
	from.Do(func() {
		o := from.ByRef[mapOf("x")]
		o.Busy = false
		from.Forget(o) // it was deleted
		o.Proceed()
	})
	becomes(t, to, "it is known that there is none", func() bool {
		o := to.ByRef[mapOf("x")]
		return to.Coming == 0 && !o.Busy && !o.Present && o.Want != nil
	})
	if got := s.index.Owner(mapOf("x")); got != "to" {
		t.Errorf("it belongs to %q", got)
	}
}

// An object that is given up before it is handed over holds up nobody who waits for it, and is stored by nobody.
func TestAnObjectIsGivenUpBeforeItIsHandedOver(t *testing.T) {
	t.Parallel()
	s := begin(t)
	apps := s.resting("from", "to")
	from, to := apps[0], apps[1]
	owns(from, "x")
	var given, waiting *owned.Object
	from.Do(func() { given = from.ByRef[mapOf("x")]; given.Busy = true })
	claims(to, "x")
	to.Do(func() { waiting = to.ByRef[mapOf("x")] })
	gave := make(chan struct{})
	go func() {
		defer close(gave)
		owned.WhenFree(to.Do, waiting, func() {})
	}()
	to.Do(func() { to.Forget(waiting) })
	<-gave
	from.Do(func() {
		given.Busy = false
		given.Proceed()
	})
	becomes(t, from, "nothing is stored of it", func() bool { return len(from.Given) == 0 && len(from.Own) == 0 })
	to.Do(func() {
		if to.Coming != 0 || len(to.Own) != 0 || s.index.Owner(mapOf("x")) != "" {
			t.Errorf("%d objects are to come, and %d are there", to.Coming, len(to.Own))
		}
	})
}

// However often apps claim objects from each other, at the end each object is with the app that claimed it last, as it
// was.
func TestClaimsFromAllSides(t *testing.T) {
	t.Parallel()
	s := begin(t)
	apps := s.resting("a", "b", "c", "d")
	names := []string{"x", "y", "z"}
	for _, name := range names {
		owns(apps[0], name)
	}
	var wg sync.WaitGroup
	for i, a := range apps {
		wg.Go(func() {
			for round := range 200 {
				claims(a, names[(i+round)%len(names)])
			}
		})
	}
	wg.Wait()
	for _, a := range apps {
		becomes(t, a, "all is handed over", func() bool { return a.Coming == 0 })
	}
	for _, name := range names {
		owner := s.index.Owner(mapOf(name))
		for _, a := range apps {
			a.Do(func() {
				o := a.ByRef[mapOf(name)]
				switch {
				case (o != nil) != (owner == a.Name):
					t.Errorf("%s belongs to %s, and app %s has it: %v", name, owner, a.Name, o != nil)
				case o != nil && (o.Version != 7 || o.Item.Fields == (agent.Sum{})):
					t.Errorf("%s is not what it was: %+v", name, o)
				}
				for _, x := range a.Own {
					if a.ByRef[x.Item.Ref] != x {
						t.Errorf("app %s has %s twice", a.Name, x.Item.Ref)
					}
				}
			})
		}
	}
}

// What another app keeps is a clash until that app gives it up, and what is forgotten is nobody's and followed no more.
func TestWhatAnotherAppKeepsClashes(t *testing.T) {
	t.Parallel()
	s := begin(t)
	apps := s.resting("has", "wants")
	has, wants := apps[0], apps[1]
	owns(has, "x")
	s.keeping.Store(true)
	wants.Do(func() {
		wants.Plan = &plan.Plan{Wants: []plan.Want{{Ref: mapOf("x")}, {Ref: mapOf("y")}}}
		wants.AdoptMissing()
		if c := []owned.Clash{{Ref: mapOf("x"), With: "has"}}; !slices.Equal(wants.Clashes, c) || len(wants.Own) != 1 {
			t.Errorf("it has %d objects, and clashes %v", len(wants.Own), wants.Clashes)
		}
		if wants.Reclaim() || len(wants.Clashes) != 1 {
			t.Errorf("it is taken from an app that keeps it: %v", wants.Clashes)
		}
	})
	has.Do(func() { has.Forget(has.ByRef[mapOf("x")]) })
	wants.Do(func() {
		if !wants.Reclaim() || len(wants.Clashes) != 0 || len(wants.Own) != 2 || wants.Coming != 0 {
			t.Errorf("it is not taken although it is nobody's: %v", wants.Clashes)
		}
		if wants.Reclaim() {
			t.Error("there is nothing left to take")
		}
		if !slices.Equal(wants.began, []protocol.ObjectRef{mapOf("y"), mapOf("x")}) {
			t.Errorf("it began to have %v", wants.began)
		}
		for _, o := range slices.Clone(wants.Own) {
			wants.Forget(o)
		}
		if len(wants.Own) != 0 || !wants.Dirty || s.index.Owner(mapOf("x")) != "" {
			t.Error("what was forgotten is still there")
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, n := range s.tracked {
		if n != 0 {
			t.Errorf("%s is followed %d times", ref, n)
		}
	}
}

// What an app's hooks are now is no object of its inventory any more.
func TestHooksAreDropped(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.resting("web")[0]
	owns(p, "x")
	owns(p, "job")
	p.Do(func() {
		p.Plan = &plan.Plan{Hooks: []plan.Hook{{Want: plan.Want{Ref: mapOf("job")}}}}
		p.DropHooked()
		if len(p.Own) != 1 || p.ByRef[mapOf("job")] != nil {
			t.Errorf("it has %d objects", len(p.Own))
		}
	})
}
