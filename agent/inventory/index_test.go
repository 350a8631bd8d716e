package inventory

import (
	"slices"
	"sync"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func ref(name string) protocol.ObjectRef { return protocol.ObjectRef{Kind: "ConfigMap", Name: name} }

func TestAClaimIsDecidedByWhoKeeps(t *testing.T) {
	keeps := func(yes bool) func(string) bool { return func(string) bool { return yes } }
	for name, c := range map[string]struct {
		owner string // before
		keeps bool
		want  Claim
		who   string // in the answer
		after string
	}{
		"nobody has it":                      {"", true, Free, "web", "web"},
		"the app has it":                     {"web", true, Mine, "web", "web"},
		"another app has it and keeps it":    {"shop", true, Kept, "shop", "shop"},
		"another app has it and gives it":    {"shop", false, Taken, "shop", "web"},
		"the app has it, and nobody keeps":   {"web", false, Mine, "web", "web"},
		"nobody has it, and nobody keeps it": {"", false, Free, "web", "web"},
	} {
		x := New()
		if c.owner != "" {
			x.Claim(c.owner, ref("a"), keeps(true))
		}
		answer := x.Claim("web", ref("a"), keeps(c.keeps))
		got, who := answer.Claim, answer.Owner
		if x.Holds(ref("a"), answer.Number) != (got != Kept) {
			t.Errorf("%s: the number of the claim is %+v", name, answer)
		}
		if got != c.want || who != c.who || x.Owner(ref("a")) != c.after {
			t.Errorf("%s: %d of %q, now of %q; want %d of %q, now of %q", name, got, who, x.Owner(ref("a")), c.want, c.who, c.after)
		}
	}
}

func TestAnObjectIsReleasedByTheClaimThatHasItAlone(t *testing.T) {
	x := New()
	gives := func(string) bool { return false }
	first := x.Claim("web", ref("a"), nil)
	second := x.Claim("shop", ref("a"), gives)
	third := x.Claim("web", ref("a"), gives)
	if second.Before != first.Number || third.Before != second.Number || third.Number <= first.Number {
		t.Errorf("the claims are %+v, %+v, %+v", first, second, third)
	}
	if x.Release(ref("a"), first.Number) || x.Release(ref("a"), second.Number) || x.Owner(ref("a")) != "web" {
		t.Error("it was released by a claim that has it no more")
	}
	if x.Holds(ref("a"), first.Number) || !x.Holds(ref("a"), third.Number) {
		t.Error("it is held by a claim that has it no more")
	}
	if !x.Release(ref("a"), third.Number) || x.Owner(ref("a")) != "" || x.Len() != 0 {
		t.Error("its owner did not release it")
	}
	if x.Release(ref("a"), third.Number) || x.Release(ref("a"), 0) || x.Holds(ref("a"), 0) {
		t.Error("an object that nobody owns was released")
	}
}

func TestARenamedObjectStaysItsOwners(t *testing.T) {
	x := New()
	x.Claim("web", ref("a"), nil)
	x.Claim("shop", ref("b"), nil)
	if owner, ok := x.Rename("web", ref("a"), ref("b")); ok || owner != "shop" || x.Owner(ref("a")) != "web" {
		t.Errorf("it took the name of an object of another app: %q", owner)
	}
	if _, ok := x.Rename("shop", ref("a"), ref("d")); ok || x.Owner(ref("a")) != "web" {
		t.Error("it was renamed by another app")
	}
	if _, ok := x.Rename("web", ref("a"), ref("c")); !ok || x.Owner(ref("c")) != "web" || x.Owner(ref("a")) != "" {
		t.Error("it was not renamed")
	}
}

// An object that was not in a complete list does not exist: its owner is told, also if it is another one by then.
func TestWhatAListDidNotHave(t *testing.T) {
	x := New()
	for _, name := range []string{"a", "b", "c"} {
		x.Claim("web", ref(name), nil)
		x.See(ref(name), 1)
	}
	x.Claim("web", protocol.ObjectRef{Kind: "Secret", Name: "other"}, nil)
	if owner := x.See(ref("a"), 2); owner != "web" {
		t.Errorf("it belongs to %q", owner)
	}
	x.Claim("shop", ref("a"), func(string) bool { return false })
	x.Claim("shop", ref("b"), func(string) bool { return false })
	if x.See(ref("unknown"), 2) != "" || x.Len() != 4 {
		t.Error("a sighting made an owner")
	}
	got := x.Unseen(2, func(r protocol.ObjectRef) bool { return r.Kind == "ConfigMap" })
	slices.SortFunc(got, func(a, b Owned) int { return a.Ref.Compare(b.Ref) })
	if want := []Owned{{ref("b"), "shop"}, {ref("c"), "web"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(x.All()) != 4 {
		t.Errorf("all are %v", x.All())
	}
}

func TestOneOfManyClaimersGetsIt(t *testing.T) {
	x := New()
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for _, app := range []string{"a", "b", "c", "d", "e", "f"} {
		wg.Go(func() {
			if x.Claim(app, ref("x"), func(string) bool { return true }).Claim == Free {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	if wg.Wait(); won != 1 {
		t.Errorf("%d apps got it", won)
	}
}
