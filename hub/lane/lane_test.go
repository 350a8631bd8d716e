package lane

import (
	"slices"
	"strings"
	"testing"
)

func take(l *Lane[string], over, may func(string) bool) string {
	var out []string
	for {
		j, found := l.Next(over, may)
		if !found {
			return strings.Join(out, " ")
		}
		out = append(out, j)
	}
}

func all(string) bool  { return true }
func none(string) bool { return false }

func fill(owners ...string) *Lane[string] {
	l := New[string](2)
	for _, line := range owners {
		jobs := strings.Fields(line)
		for _, j := range jobs[1:] {
			l.Push(jobs[0], j)
		}
	}
	return l
}

func TestOwnersTakeTurns(t *testing.T) {
	t.Parallel()
	if got := take(fill("a a1 a2 a3", "b b1", "c c1 c2"), none, all); got != "a1 b1 c1 a2 c2 a3" {
		t.Errorf("the order is %s", got)
	}
}

func TestWhatIsOverWaitsNoMore(t *testing.T) {
	t.Parallel()
	l := fill("a a1 a2", "b b1 b2", "c c1")
	over := func(j string) bool { return j == "a1" || strings.HasPrefix(j, "b") }
	if got := take(l, over, all); got != "a2 c1" {
		t.Errorf("the order is %s", got)
	}
	if l.Waits(all) || len(l.turns) > 0 || len(l.queues) > 0 {
		t.Errorf("%v and %v are left", l.turns, l.queues)
	}
	l.Push("b", "b3")
	if got := take(l, none, all); got != "b3" {
		t.Errorf("an owner that had none left and comes again gets %q", got)
	}
}

func TestWhatMayNotRunKeepsItsTurn(t *testing.T) {
	t.Parallel()
	l := fill("a a1 a2", "b b1", "c c1")
	if got := take(l, none, func(j string) bool { return j[0] != 'a' }); got != "b1 c1" {
		t.Errorf("the order is %s", got)
	}
	if !l.Waits(func(j string) bool { return j == "a2" }) || l.Waits(func(j string) bool { return j[0] == 'b' }) {
		t.Errorf("%v wait", l.queues)
	}
	l.Push("d", "d1")
	if got := take(l, none, all); got != "a1 d1 a2" {
		t.Errorf("then the order is %s", got)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	l := New[string](2)
	for i, want := range []bool{true, true, false} {
		if l.Free() != want {
			t.Errorf("with %d taken a place is free: %v", i, !want)
		}
		l.Enter(string(rune('a' + i)))
	}
	l.Leave("nobody")
	l.Leave("b")
	if got := slices.Sorted(l.Running()); !slices.Equal(got, []string{"a", "c"}) || l.Free() || l.Places() != 2 {
		t.Errorf("%v run at %d places", got, l.Places())
	}
	l.Leave("a")
	if !l.Free() {
		t.Error("no place is free")
	}
}
