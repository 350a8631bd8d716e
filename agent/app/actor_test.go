package app

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// resting makes apps whose goroutines run and which do nothing by themselves.
func resting(ctx context.Context, s *Env, names ...string) (out []*App) {
	for _, name := range names {
		a := s.NewApp(name)
		a.Spec, a.Plan = protocol.App{Name: name, Suspend: true}, &plan.Plan{}
		s.Board.Add(a, a.Spec)
		a.Start(ctx)
		out = append(out, a)
	}
	return out
}

// owns gives an app an object that is in the cluster.
func owns(a *App, name string) {
	a.Do(func() {
		o := &owned.Object{Item: agent.Item{Ref: mapOf(name), Line: agent.SumOf([]byte("line")), Fields: agent.SumOf([]byte("fields"))}, Sighted: owned.Sighted{Version: 7, Present: true}}
		o.Claim = a.env.Objects.Claim(a.Name, o.Item.Ref, nil).Number
		a.env.Watches.Track(o.Item.Ref)
		a.Insert(o)
	})
}

// claims has an app claim an object.
func claims(a *App, name string) {
	a.Do(func() {
		a.mover.Adopt(&plan.Want{Ref: mapOf(name), Line: agent.SumOf([]byte("line"))})
	})
}

// becomes waits until something is so of an app.
func becomes(t *testing.T, a *App, what string, is func() bool) {
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
	ctx, s := idle(t)
	a := resting(ctx, s, "web")[0]
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
	ctx, s := idle(t)
	apps := resting(ctx, s, "from", "to")
	from, to := apps[0], apps[1]
	owns(from, "x")
	ref := mapOf("x")
	from.Do(func() { from.ByRef[ref].Busy = true }) // a request is under way
	claims(to, "x")
	if got := s.Objects.Owner(ref); got != "to" {
		t.Fatalf("it belongs to %q", got)
	}
	to.Do(func() {
		if o := to.ByRef[ref]; !o.Busy || to.Coming != 1 || o.Present {
			t.Errorf("it was taken while a request for it was under way: %+v", o)
		}
	})
	from.Do(func() {
		if o := from.ByRef[ref]; o == nil || len(from.Given) != 0 || !from.pruner.WantedElsewhere(o) {
			t.Error("it was given, or may be deleted, while a request for it is under way")
		}
		o := from.ByRef[ref]
		o.Busy = false
		o.Proceed()
	})
	becomes(t, to, "it is handed over", func() bool { return to.Coming == 0 })
	to.Do(func() {
		o := to.ByRef[ref]
		if o.Busy || o.Version != 7 || !o.Present || o.Item.Fields == (agent.Sum{}) || o.Want == nil || to.ByRef[o.Item.Ref] != o || !to.Dirty {
			t.Errorf("it is not what it was: %+v", o)
		}
		if len(o.Item.Former) != 1 || o.Item.Former[0] != "from" || o.Item.Line != (agent.Sum{}) {
			t.Errorf("it is not applied for the label: %+v", o.Item)
		}
	})
	from.Do(func() {
		if _, kept := from.Given[ref]; !kept || len(from.Own) != 0 || len(from.state().Items) != 1 {
			t.Error("it is not stored any more before its new owner has stored it")
		}
	})
	to.Do(func() { to.mover.ReleaseFormers(to.ByRef[ref]) })
	becomes(t, from, "it is stored by its owner alone", func() bool { return len(from.Given) == 0 && from.Dirty })
}

// What went while it was claimed is taken as an object of which nothing is known.
func TestAnObjectThatWentIsNotHandedOver(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	apps := resting(ctx, s, "from", "to")
	from, to := apps[0], apps[1]
	owns(from, "x")
	from.Do(func() { from.ByRef[mapOf("x")].Busy = true })
	claims(to, "x")
	from.Do(func() {
		o := from.ByRef[mapOf("x")]
		o.Busy = false
		from.mover.Forget(o) // it was deleted
		o.Proceed()
	})
	becomes(t, to, "it is known that there is none", func() bool {
		o := to.ByRef[mapOf("x")]
		return to.Coming == 0 && !o.Busy && !o.Present && o.Want != nil
	})
	if got := s.Objects.Owner(mapOf("x")); got != "to" {
		t.Errorf("it belongs to %q", got)
	}
}

// An object that is given up before it is handed over holds up nobody who waits for it, and is stored by nobody.
func TestAnObjectIsGivenUpBeforeItIsHandedOver(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	apps := resting(ctx, s, "from", "to")
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
	to.Do(func() { to.mover.Forget(waiting) })
	<-gave
	from.Do(func() {
		given.Busy = false
		given.Proceed()
	})
	becomes(t, from, "nothing is stored of it", func() bool { return len(from.Given) == 0 && len(from.Own) == 0 })
	to.Do(func() {
		if to.Coming != 0 || len(to.Own) != 0 || s.Objects.Owner(mapOf("x")) != "" {
			t.Errorf("%d objects are to come, and %d are there", to.Coming, len(to.Own))
		}
	})
}

// However often apps claim objects from each other, at the end each object is with the app that claimed it last, as it
// was.
func TestClaimsFromAllSides(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	apps := resting(ctx, s, "a", "b", "c", "d")
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
		owner := s.Objects.Owner(mapOf(name))
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

// A bundle may want what the one before took away. Until an app has its orders it deletes nothing.
func TestNothingIsDeletedByOldOrders(t *testing.T) {
	t.Parallel()
	_, s := idle(t)
	spec := protocol.App{Name: "web", Prune: true}
	a := s.NewApp("web")
	a.Plan, a.Spec = &plan.Plan{}, spec
	s.Board.Add(a, spec)
	o := &owned.Object{Item: agent.Item{Ref: mapOf("x")}}
	o.Claim = s.Objects.Claim("web", mapOf("x"), nil).Number
	a.Insert(o)
	given := map[string]orders.Order{"web": {Spec: spec}}
	acc := orders.Accepted{Known: true, Digest: "1"}
	_, seq := s.Board.Command(acc, given, s.NewApp)
	if len(a.pruner.Batch()) != 0 {
		t.Error("it is deleted before the app has its orders")
	}
	a.Obey(acc, seq, given["web"])
	if a.Publish(); len(a.pruner.Batch()) != 1 || !a.pruner.Cleared() {
		t.Errorf("it is not deleted: %q", a.pruner.Held)
	}
	s.Board.Command(orders.Accepted{Known: true, Digest: "2"}, given, s.NewApp)
	if len(a.pruner.Batch()) != 0 || a.pruner.Cleared() {
		t.Error("it is deleted by the orders of the bundle before")
	}
	a.Obey(orders.Accepted{Known: true, Digest: "2"}, a.Seq+1, given["web"])
	if c := s.Objects.Claim("shop", mapOf("x"), func(string) bool { return false }); c.Claim != inventory.Taken || len(a.pruner.Batch()) != 0 {
		t.Error("it is deleted although another app has claimed it")
	}
}

// A bundle that takes an app away and brings it back at any moment meets the app's own goroutine. The race detector
// judges (make race).
func TestAnAppIsTakenAwayAndBroughtBackWhileItWaits(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	a := resting(ctx, s, "web")[0]
	done := make(chan struct{})
	var bundles sync.WaitGroup
	bundles.Go(func() {
		b := protocol.Bundle{Apps: []protocol.App{{Name: "web", Suspend: true}}}
		for i := uint64(1); ; i++ {
			select {
			case <-done:
				return
			default:
			}
			b.Generation, b.Apps[0].Timeout = i, int(i%3)
			next := b
			if next.Suspend = true; i%2 == 0 {
				next.Apps = nil
			}
			all := orders.Of(next, s.Board.Orders())
			acc := orders.Accepted{Bundle: next, Known: true}
			list, seq := s.Board.Command(acc, all, s.NewApp)
			for _, x := range list {
				x.Do(func() { x.Obey(acc, seq, all[x.Name]) })
			}
		}
	})
	for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); {
		a.Do(func() {
			a.Await(ctx, func() { a.Do(func() { _ = a.Timeout() }) })
			_ = a.Leaving || a.pruner.Behind() || a.pruner.Uncertain() != ""
		})
		s.Board.Doubt("other")
	}
	close(done)
	bundles.Wait()
}

// What is coming for an app is known to all before the app takes it, and at every moment until then.
func TestWhatIsComingIsKnownUntilItIsTaken(t *testing.T) {
	t.Parallel()
	_, s := idle(t)
	a := s.NewApp("web")
	s.Board.Add(a, protocol.App{Name: "web"})
	p := &plan.Plan{Digest: "2", Wants: []plan.Want{{Ref: mapOf("a")}}}
	s.Board.Deliver(map[*App]*plan.Plan{a: p})
	a.Publish()
	if !s.Board.WantedBeside("", mapOf("a")) {
		t.Error("what the app told of itself before hid what is coming")
	}
	a.DeliverTo(p)
	if a.Publish(); !s.Board.WantedBeside("", mapOf("a")) || coming(s, "web") {
		t.Error("it was not taken")
	}
}

func coming(s *Env, app string) bool {
	e, _ := s.Board.Entry(app)
	return e.Coming != nil
}

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}
}
