package relation

import (
	"testing"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestWhatAnObjectIsAppliedAfter(t *testing.T) {
	t.Parallel()
	unknown := "it waits for ConfigMap/shop/b, which is unknown: it was not looked at yet"
	nowhere := "it is to be applied after ConfigMap/shop/b, which no app of this cluster has: " +
		"add it to Git, or take the annotation away"
	for name, c := range map[string]struct {
		before  func(s *scene, a *app)
		held    string
		forGood bool
	}{
		"an object of its own that is current": {func(_ *scene, a *app) { a.has("b") }, "", false},
		"one that is not applied yet": {func(_ *scene, a *app) { a.has("b", pending) },
			"it waits for ConfigMap/shop/b, which is progressing: it is not applied yet", false},
		"one that is ill": {func(_ *scene, a *app) { a.has("b", ill("it crashes")) },
			"it waits for ConfigMap/shop/b, which is degraded: it crashes", false},
		"one that is yet to be handed over": {func(_ *scene, a *app) {
			a.has("b", func(o *owned.Object) { o.Coming = true })
		}, "it waits for ConfigMap/shop/b, which is current: ", false},
		"one of a later wave": {func(_ *scene, a *app) { a.has("b", inWave(2)) },
			"it is to be applied after ConfigMap/shop/b, which is in a later wave: change the wave of one of them", true},
		"one of its own that is to go": {func(_ *scene, a *app) {
			a.has("b", func(o *owned.Object) { o.Want = nil })
		}, nowhere, true},
		"one that no app has": {func(*scene, *app) {}, nowhere, true},
		"one of another app that has told nothing": {func(s *scene, _ *app) {
			s.apps["other"].has("b")
		}, unknown, false},
		"one of another app that is current": {func(s *scene, _ *app) {
			s.env.Stands.Await("web", mapOf("b"))
			s.apps["other"].has("b")
			s.apps["other"].Begun(mapOf("b"))
			s.apps["other"].publish()
		}, "", false},
		"one of another app, whatever its wave": {func(s *scene, _ *app) {
			s.env.Stands.Await("web", mapOf("b"))
			s.apps["other"].has("b", inWave(9))
			s.apps["other"].Begun(mapOf("b"))
			s.apps["other"].publish()
		}, "", false},
		"one that waits for the object itself": {func(_ *scene, a *app) { a.has("b", after("c")); a.has("c", after("a")) },
			"it is to be applied after itself (ConfigMap/shop/a → ConfigMap/shop/b → ConfigMap/shop/c → ConfigMap/shop/a)" +
				": take one of these annotations away", true},
	} {
		s := begin("web", "other")
		a := s.apps["web"]
		o := a.has("a", after("b"), inWave(1))
		c.before(s, a)
		if free := a.Free(o); free != (c.held == "") || o.Held != c.held || o.HeldForGood != c.forGood {
			t.Errorf("%s: free %v, for good %v: %q", name, free, o.HeldForGood, o.Held)
		}
	}
}

func TestWhatIsAppliedOnceIsNotHeldBackAgain(t *testing.T) {
	t.Parallel()
	a := begin("web").apps["web"]
	o := a.has("a", after("b"))
	if a.Free(o) || !o.HeldForGood {
		t.Fatal("it is not held back by an object that is nowhere")
	}
	o.Item.Line = content
	if !a.Free(o) || o.Held != "" || o.HeldForGood {
		t.Errorf("it was applied, and is held back: %q", o.Held)
	}
}

func TestTheFirstThatIsNotThereHoldsBack(t *testing.T) {
	t.Parallel()
	a := begin("web").apps["web"]
	a.has("b")
	a.has("c", ill("no"))
	o := a.has("a", after("b", "c", "d"))
	if a.Free(o) || o.Held != "it waits for ConfigMap/shop/c, which is degraded: no" || o.HeldForGood {
		t.Errorf("it is held back by %q", o.Held)
	}
}

// The app is woken once for what it waited for.
func TestAnAppIsToldOfWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	a := begin("web").apps["web"]
	a.has("b", ill("no"))
	if a.Awaited(mapOf("b")) {
		t.Error("an object is awaited before anything is held back")
	}
	a.Free(a.has("a", after("b")))
	if !a.Awaited(mapOf("b")) || a.Awaited(mapOf("b")) || a.Awaited(mapOf("c")) {
		t.Error("the object is not awaited, or more than once")
	}
}

func TestObjectsThatWaitAreFreeWhenOthersAreCurrent(t *testing.T) {
	t.Parallel()
	a := begin("web").apps["web"]
	b, o := a.has("b", ill("no")), a.has("a", after("b"))
	if a.Free(o); a.Holds(t.Context()) {
		t.Error("it is free of what is ill")
	}
	b.Verdict = fleet.Verdict{Health: protocol.HealthCurrent}
	if !a.Holds(t.Context()) {
		t.Error("it still waits for what is current")
	}
	if o.Held != "" || a.Holds(t.Context()) {
		t.Error("it is told twice that it is free")
	}
	a.Free(o)
	o.Held, o.Want = "it waits", nil
	if a.Holds(t.Context()) {
		t.Error("what is to go waits for something")
	}
}

// An app that waits for another one's object hears of it: how it is at first, and then every change, once for every
// time that it asks.
func TestAnotherAppTellsOfItsObject(t *testing.T) {
	t.Parallel()
	s := begin("web", "shop")
	web, shop := s.apps["web"], s.apps["shop"]
	b := shop.has("b", ill("it crashes"))
	o := web.has("a", after("b"))
	web.Free(o)
	if len(s.asked) > 0 {
		t.Error("the other app is asked before the board says what it is about")
	}
	web.publish()
	shop.publish()
	if !web.woken() || web.Free(o) || o.Held != "it waits for ConfigMap/shop/b, which is degraded: it crashes" {
		t.Fatalf("it is not known how the object of the other app is: %q", o.Held)
	}
	shop.publish()
	if web.woken() {
		t.Error("it is told of what did not change")
	}
	b.Verdict = fleet.Verdict{Health: protocol.HealthCurrent}
	shop.publish()
	if !web.woken() || !web.Free(o) {
		t.Errorf("it still waits for what is current: %q", o.Held)
	}
	shop.Disown(b)
	shop.publish()
	if !web.woken() {
		t.Error("it is not told that the object is no more")
	}
	shop.Objects.Release(mapOf("b"), b.Claim)
	if web.Free(o) || !o.HeldForGood {
		t.Errorf("an object that is gone is waited for: %q", o.Held)
	}
}

// The app that gives an object away does not tell of it any more: its new owner does.
func TestTheNewOwnerTellsOfAnObject(t *testing.T) {
	t.Parallel()
	s := begin("web", "shop", "cart")
	web, shop, cart := s.apps["web"], s.apps["shop"], s.apps["cart"]
	b := shop.has("b")
	o := web.has("a", after("b"))
	web.Free(o)
	web.publish()
	shop.publish()
	web.Free(o)
	web.woken()
	shop.Disown(b)
	shop.Gave(mapOf("b"))
	if shop.publish(); web.woken() {
		t.Error("the app that gave it tells of it")
	}
	cart.Objects.Release(mapOf("b"), b.Claim)
	cart.has("b", ill("it moves"))
	cart.Begun(mapOf("b"))
	if cart.publish(); !web.woken() || web.Free(o) {
		t.Error("the app that took it does not tell of it")
	}
	cart.has("x", ill("alone"))
	cart.Begun(mapOf("x"))
	if cart.publish(); web.woken() || len(cart.revealed) != 1 {
		t.Error("it tells of an object that nobody waits for")
	}
}
