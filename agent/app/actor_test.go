package app

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
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
	if c := s.Objects.Claim("shop", mapOf("x"), func(string) bool { return false }); c.Claim != inventory.Taken ||
		len(a.pruner.Batch()) != 0 {
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
	a.Fetcher.Deliver(p)
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
