package deliver

import (
	"testing"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

func blob(digest string) *protocol.Blob { return &protocol.Blob{Digest: digest} }

func planOf(digest string, names ...string) *plan.Plan {
	p := &plan.Plan{Digest: digest}
	for _, name := range names {
		p.Wants = append(p.Wants, plan.Want{Ref: mapOf(name)})
	}
	return p
}

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}
}

// What is on the board decides what is deleted. Whatever may be wanted is.
func TestWhatMayBeWantedIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order   orders.Order
		coming  *plan.Plan
		summary summary
		keeps   bool // does the app keep the object from one that claims it
		wanted  bool // is it kept from being deleted
		doubt   bool // is nothing deleted at all
	}{
		"nothing is known of the app":                {order: orders.Order{Spec: protocol.App{Blob: blob("1")}}, doubt: true},
		"it is in force":                             {order: orders.Order{Spec: protocol.App{Blob: blob("1")}}, summary: summary{plan: planOf("1", "a")}, keeps: true, wanted: true},
		"it is in force, and a newer one is unknown": {order: orders.Order{Spec: protocol.App{Blob: blob("2")}}, summary: summary{plan: planOf("1", "a")}, keeps: true, wanted: true, doubt: true},
		"it is in the next":                          {order: orders.Order{Spec: protocol.App{Blob: blob("2")}}, summary: summary{plan: planOf("1"), next: planOf("2", "a")}, keeps: true, wanted: true},
		"it is in what is coming":                    {order: orders.Order{Spec: protocol.App{Blob: blob("2")}}, coming: planOf("2", "a"), summary: summary{plan: planOf("1")}, keeps: true, wanted: true},
		"it is not in the next any more":             {order: orders.Order{Spec: protocol.App{Blob: blob("2")}}, summary: summary{plan: planOf("1", "a"), next: planOf("2")}, wanted: true},
		"it is not in what is coming":                {order: orders.Order{Spec: protocol.App{Blob: blob("3")}}, coming: planOf("3"), summary: summary{plan: planOf("1"), next: planOf("2", "a")}, wanted: true},
		"the app leaves":                             {order: orders.Order{Spec: protocol.App{Blob: blob("1")}, Leaving: true}, summary: summary{plan: planOf("1", "a")}},
		"the app cannot be rendered":                 {order: orders.Order{Spec: protocol.App{Error: "broken"}}, summary: summary{plan: planOf("1", "a")}, keeps: true, wanted: true, doubt: true},
	} {
		b := newBoard()
		a := &app{name: "web"}
		b.insert(a, c.order)
		b.tell(a, c.summary)
		if c.coming != nil {
			b.deliver(map[*app]*plan.Plan{a: c.coming})
		}
		if got := b.keeps("web", mapOf("a")); got != c.keeps {
			t.Errorf("%s: it keeps the object: %v", name, got)
		}
		if got := b.wantedBeside("other", mapOf("a")); got != c.wanted || b.wantedBeside("", mapOf("a")) != c.wanted {
			t.Errorf("%s: it is wanted: %v", name, got)
		}
		if got := b.doubt("other"); (got != "") != c.doubt {
			t.Errorf("%s: the doubt is %q", name, got)
		}
		if b.doubt("web") != "" {
			t.Errorf("%s: the app is kept from deleting by itself: %q", name, b.doubt("web"))
		}
	}
}

// An app is taken from the board only by the orders that took it away.
func TestAnAppThatCameBackStaysOnTheBoard(t *testing.T) {
	t.Parallel()
	_, s := idle(t)
	a := s.newApp("web")
	s.board.add(a, protocol.App{Name: "web"})
	give := func(o orders.Order) {
		_, a.seq = s.board.command(orders.Accepted{Known: true}, map[string]orders.Order{"web": o}, s.newApp)
	}
	give(orders.Order{})
	if s.board.remove(a) {
		t.Error("an app that is in the bundle was removed")
	}
	give(orders.Order{Leaving: true})
	seq := a.seq
	give(orders.Order{Leaving: true})
	if a.seq = seq; s.board.remove(a) {
		t.Error("an app was removed that had not read the newest orders")
	}
	a.seq++
	if !s.board.remove(a) || s.board.app("web") != nil {
		t.Error("an app that left was not removed")
	}
	if list, _ := s.board.command(orders.Accepted{}, map[string]orders.Order{"web": {Leaving: true}}, s.newApp); len(list) != 0 {
		t.Error("an app came back that is gone")
	}
}

// What is coming for an app is known to all before the app takes it, and at every moment until then.
func TestWhatIsComingIsKnownUntilItIsTaken(t *testing.T) {
	t.Parallel()
	_, s := idle(t)
	a := s.newApp("web")
	s.board.add(a, protocol.App{Name: "web"})
	p := planOf("2", "a")
	s.board.deliver(map[*app]*plan.Plan{a: p})
	a.publish()
	if !s.board.wantedBeside("", mapOf("a")) {
		t.Error("what the app told of itself before hid what is coming")
	}
	a.deliverTo(p)
	if a.publish(); !s.board.wantedBeside("", mapOf("a")) || s.board.apps["web"].coming != nil {
		t.Error("it was not taken")
	}
}
