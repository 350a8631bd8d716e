package deliver

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/protocol"
)

// entry is what the board says of an app.
func (x *term) entry(t *testing.T, name string) (order orders.Order, wants []string) {
	t.Helper()
	e, there := x.Board.Entry(name)
	if !there {
		t.Fatalf("there is no app %s among %q", name, x.names())
	}
	if p := e.Next(); p != nil {
		for _, w := range p.Wants {
			wants = append(wants, w.Ref.Name)
		}
	}
	return e.Order, wants
}

func TestABundlePutsItsAppsIntoForce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		b := bundle(1, s.app("shop", "a", "b"), s.app("web", "c"))
		b.AgentImage = "agent:2"
		s.receive(x, b)
		same(t, "apps", x.names(), []string{"shop", "web"})
		for name, want := range map[string][]string{"shop": {"a", "b"}, "web": {"c"}} {
			_, wants := x.entry(t, name)
			same(t, name+" is to want", wants, want)
		}
		in := x.InForce()
		if in.Digest != b.Digest() || in.Epoch != 2 || in.Floor != 1 || !in.Known || s.id.Epoch() != 2 {
			t.Errorf("in force is %+v, and the epoch is %d", in, s.id.Epoch())
		}
		if wanted, online := x.versionFacts(); wanted != "agent:2" || !online {
			t.Errorf("the agent is to run %q, online %t", wanted, online)
		}
		next := bundle(2, s.app("shop", "a", "d"), s.app("web", "c"))
		next.FlagsUnknown = "cluster.yaml cannot be read"
		s.receive(x, next)
		_, wants := x.entry(t, "shop")
		same(t, "shop is to want", wants, []string{"a", "d"})
		if wanted, _ := x.versionFacts(); wanted != "agent:2" {
			t.Errorf("flags that are not known make the agent run %q", wanted)
		}
	})
}

// One blob that the hub does not have keeps its own app from going on, and no other.
func TestABlobThatIsMissingStopsItsAppOnly(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		web := s.app("web", "c")
		late := s.bus.chunks[web.Blob.ID()]
		s.bus.set(func() { delete(s.bus.chunks, web.Blob.ID()) })
		s.receive(x, bundle(1, s.app("shop", "a"), web))
		_, wants := x.entry(t, "shop")
		same(t, "shop is to want", wants, []string{"a"})
		_, wants = x.entry(t, "web")
		same(t, "web is to want", wants, nil)
		if why := x.Board.Unsure(); why != "it is not known yet what app web wants" {
			t.Errorf("what all apps want is unsure: %q", why)
		}
		s.bus.set(func() { s.bus.chunks[web.Blob.ID()] = late })
		time.Sleep(2 * time.Minute) // it is tried less and less often
		s.settle()
		_, wants = x.entry(t, "web")
		same(t, "web is to want", wants, []string{"c"})
		if why := x.Board.Unsure(); why != "" {
			t.Errorf("what all apps want is unsure: %q", why)
		}
	})
}

// An app that a complete bundle lacks leaves. One that an incomplete bundle lacks stays: absence never deletes.
func TestOnlyACompleteBundleTakesAnAppAway(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		gone := protocol.App{Name: "gone", Namespace: "shop", Prune: true} // nothing was ever applied of it
		s.receive(x, bundle(1, s.app("web", "a"), gone))
		doubt := bundle(2, s.app("web", "a"))
		doubt.Incomplete = "a folder cannot be read"
		s.receive(x, doubt)
		same(t, "apps", x.names(), []string{"gone", "web"})
		if order, _ := x.entry(t, "gone"); !order.Kept || order.Leaving {
			t.Errorf("its order is %+v", order)
		}
		s.store.did.since()
		s.receive(x, bundle(3, s.app("web", "a")))
		same(t, "apps", x.names(), []string{"web"})
		same(t, "written", s.store.did.since(), []string{"bundle 3", "drop gone"})
	})
}

// Apps that go on under other names do so in the next session, which begins with their states.
func TestABundleWithOtherNamesEndsTheSession(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		once := s.app(plexOnce, "a")
		s.receive(x, bundle(1, once))
		s.receive(x, bundle(2, keyed(once)))
		if !errors.Is(context.Cause(x.ctx), errRenamed) {
			t.Errorf("the session ended with %v", context.Cause(x.ctx))
		}
		same(t, "apps", x.names(), []string{plexOnce})
		same(t, "written", s.store.did.since(), []string{"bundle 1", "bundle 2"})
		if got := x.InForce().Bundle.Generation; got != 1 {
			t.Errorf("generation %d is in force", got)
		}
	})
}

// Bundles that arrive while one is being taken are not taken one after the other: the newest is.
func TestTheNewestBundleIsServed(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		box := mailbox.NewNewest()
		for generation := uint64(1); generation <= 3; generation++ {
			box.Put(s.sealed(bundle(generation)))
		}
		done := make(chan error, 1)
		go func() { done <- x.serve(x.ctx, box) }()
		s.settle()
		same(t, "told", s.bus.told(protocol.EventAccepted), []string{"generation 3 with 0 apps"})
		over := errors.New("over")
		x.end(over)
		if err := <-done; !errors.Is(err, over) {
			t.Errorf("serving ended with %v", err)
		}
	})
}
