package deliver

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// resting makes apps whose goroutines run and which do nothing by themselves.
func resting(ctx context.Context, s *session, names ...string) (out []*app) {
	for _, name := range names {
		a := s.newApp(name)
		a.spec, a.plan = protocol.App{Name: name, Suspend: true}, &plan.Plan{}
		s.board.Add(a, a.spec)
		a.Start(ctx)
		out = append(out, a)
	}
	return out
}

// owned gives an app an object that is in the cluster.
func owned(a *app, name string) {
	a.Do(func() {
		o := &object{item: agent.Item{Ref: mapOf(name), Line: agent.SumOf([]byte("line")), Fields: agent.SumOf([]byte("fields"))}, sighted: sighted{version: 7, present: true}}
		o.claim = a.env.objects.Claim(a.name, o.item.Ref, nil).Number
		a.env.watches.Track(o.item.Ref)
		a.add(o)
	})
}

// claims has an app claim an object.
func claims(a *app, name string) {
	a.Do(func() {
		a.claim(&plan.Want{Ref: mapOf(name), Line: agent.SumOf([]byte("line"))})
	})
}

// becomes waits until something is so of an app.
func becomes(t *testing.T, a *app, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
		done := false
		if a.Do(func() { done = is() }); done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("app %s: not so after 10 seconds: %s", a.name, what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatWaitsForABusyObjectTakesTurns(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	a := resting(ctx, s, "web")[0]
	owned(a, "x")
	var o *object
	a.Do(func() { o = a.byRef[mapOf("x")] })
	var at, most atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			request{app: a}.whenFree(o, func() { o.busy = true })
			if n := at.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Millisecond)
			at.Add(-1)
			a.Do(func() {
				o.busy = false
				o.proceed()
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
	owned(from, "x")
	ref := mapOf("x")
	from.Do(func() { from.byRef[ref].busy = true }) // a request is under way
	claims(to, "x")
	if got := s.objects.Owner(ref); got != "to" {
		t.Fatalf("it belongs to %q", got)
	}
	to.Do(func() {
		if o := to.byRef[ref]; !o.busy || to.coming != 1 || o.present {
			t.Errorf("it was taken while a request for it was under way: %+v", o)
		}
	})
	from.Do(func() {
		if o := from.byRef[ref]; o == nil || len(from.given) != 0 || !from.wantedElsewhere(o) {
			t.Error("it was given, or may be deleted, while a request for it is under way")
		}
		o := from.byRef[ref]
		o.busy = false
		o.proceed()
	})
	becomes(t, to, "it is handed over", func() bool { return to.coming == 0 })
	to.Do(func() {
		o := to.byRef[ref]
		if o.busy || o.version != 7 || !o.present || o.item.Fields == (agent.Sum{}) || o.want == nil || o.app != to || !to.dirty {
			t.Errorf("it is not what it was: %+v", o)
		}
		if len(o.item.Former) != 1 || o.item.Former[0] != "from" || o.item.Line != (agent.Sum{}) {
			t.Errorf("it is not applied for the label: %+v", o.item)
		}
	})
	from.Do(func() {
		if _, kept := from.given[ref]; !kept || len(from.own) != 0 || len(from.state().Items) != 1 {
			t.Error("it is not stored any more before its new owner has stored it")
		}
	})
	to.Do(func() { to.releaseFormers(to.byRef[ref]) })
	becomes(t, from, "it is stored by its owner alone", func() bool { return len(from.given) == 0 && from.dirty })
}

// What went while it was claimed is taken as an object of which nothing is known.
func TestAnObjectThatWentIsNotHandedOver(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	apps := resting(ctx, s, "from", "to")
	from, to := apps[0], apps[1]
	owned(from, "x")
	from.Do(func() { from.byRef[mapOf("x")].busy = true })
	claims(to, "x")
	from.Do(func() {
		o := from.byRef[mapOf("x")]
		o.busy = false
		from.forget(o) // it was deleted
		o.proceed()
	})
	becomes(t, to, "it is known that there is none", func() bool {
		o := to.byRef[mapOf("x")]
		return to.coming == 0 && !o.busy && !o.present && o.want != nil
	})
	if got := s.objects.Owner(mapOf("x")); got != "to" {
		t.Errorf("it belongs to %q", got)
	}
}

// An object that is given up before it is handed over holds up nobody who waits for it, and is stored by nobody.
func TestAnObjectIsGivenUpBeforeItIsHandedOver(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	apps := resting(ctx, s, "from", "to")
	from, to := apps[0], apps[1]
	owned(from, "x")
	var given, waiting *object
	from.Do(func() { given = from.byRef[mapOf("x")]; given.busy = true })
	claims(to, "x")
	to.Do(func() { waiting = to.byRef[mapOf("x")] })
	gave := make(chan struct{})
	go func() {
		defer close(gave)
		request{app: to}.whenFree(waiting, func() {})
	}()
	to.Do(func() { to.forget(waiting) })
	<-gave
	from.Do(func() {
		given.busy = false
		given.proceed()
	})
	becomes(t, from, "nothing is stored of it", func() bool { return len(from.given) == 0 && len(from.own) == 0 })
	to.Do(func() {
		if to.coming != 0 || len(to.own) != 0 || s.objects.Owner(mapOf("x")) != "" {
			t.Errorf("%d objects are to come, and %d are there", to.coming, len(to.own))
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
		owned(apps[0], name)
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
		becomes(t, a, "all is handed over", func() bool { return a.coming == 0 })
	}
	for _, name := range names {
		owner := s.objects.Owner(mapOf(name))
		for _, a := range apps {
			a.Do(func() {
				o := a.byRef[mapOf(name)]
				switch {
				case (o != nil) != (owner == a.name):
					t.Errorf("%s belongs to %s, and app %s has it: %v", name, owner, a.name, o != nil)
				case o != nil && (o.version != 7 || o.item.Fields == (agent.Sum{})):
					t.Errorf("%s is not what it was: %+v", name, o)
				}
				for _, x := range a.own {
					if a.byRef[x.item.Ref] != x {
						t.Errorf("app %s has %s twice", a.name, x.item.Ref)
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
	a := s.newApp("web")
	a.plan, a.spec = &plan.Plan{}, spec
	s.board.Add(a, spec)
	o := &object{item: agent.Item{Ref: mapOf("x")}}
	o.claim = s.objects.Claim("web", mapOf("x"), nil).Number
	a.add(o)
	given := map[string]orders.Order{"web": {Spec: spec}}
	acc := orders.Accepted{Known: true, Digest: "1"}
	_, seq := s.board.Command(acc, given, s.newApp)
	if len(a.batch()) != 0 {
		t.Error("it is deleted before the app has its orders")
	}
	a.obey(acc, seq, given["web"])
	if a.Publish(); len(a.batch()) != 1 || !a.cleared() {
		t.Errorf("it is not deleted: %q", a.held)
	}
	s.board.Command(orders.Accepted{Known: true, Digest: "2"}, given, s.newApp)
	if len(a.batch()) != 0 || a.cleared() {
		t.Error("it is deleted by the orders of the bundle before")
	}
	a.obey(orders.Accepted{Known: true, Digest: "2"}, a.seq+1, given["web"])
	if c := s.objects.Claim("shop", mapOf("x"), func(string) bool { return false }); c.Claim != inventory.Taken || len(a.batch()) != 0 {
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
			all := orders.Of(next, s.board.Orders())
			acc := orders.Accepted{Bundle: next, Known: true}
			list, seq := s.board.Command(acc, all, s.newApp)
			for _, x := range list {
				x.Do(func() { x.obey(acc, seq, all[x.name]) })
			}
		}
	})
	for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); {
		a.Do(func() {
			a.Await(ctx, func() { a.Do(func() { _ = a.timeout() }) })
			_ = a.leaving || a.behind() || a.uncertain() != ""
		})
		s.board.Doubt("other")
	}
	close(done)
	bundles.Wait()
}

// What is coming for an app is known to all before the app takes it, and at every moment until then.
func TestWhatIsComingIsKnownUntilItIsTaken(t *testing.T) {
	t.Parallel()
	_, s := idle(t)
	a := s.newApp("web")
	s.board.Add(a, protocol.App{Name: "web"})
	p := &plan.Plan{Digest: "2", Wants: []plan.Want{{Ref: mapOf("a")}}}
	s.board.Deliver(map[*app]*plan.Plan{a: p})
	a.Publish()
	if !s.board.WantedBeside("", mapOf("a")) {
		t.Error("what the app told of itself before hid what is coming")
	}
	a.deliverTo(p)
	if a.Publish(); !s.board.WantedBeside("", mapOf("a")) || coming(s, "web") {
		t.Error("it was not taken")
	}
}

func coming(s *session, app string) bool {
	e, _ := s.board.Entry(app)
	return e.Coming != nil
}

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}
}
