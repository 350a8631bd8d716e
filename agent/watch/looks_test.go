package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
)

// still has a session in which nothing that is started runs.
func still(ctx context.Context) *Session {
	return &Session{Life: ctx, Start: func(func()) bool { return true }}
}

// running counts the looks that have a turn.
func running(list []*Look) (n int) {
	for _, l := range list {
		if l.stop != nil {
			n++
		}
	}
	return n
}

func TestLooksTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewLooks(still(t.Context()))
		defer q.Stop()
		list := make([]*Look, lookSlots+2)
		for i := range list {
			list[i] = &Look{}
			q.Ask(list[i])
			q.Ask(list[i]) // which changes nothing
		}
		if running(list) != lookSlots || len(q.waiting) != 2 || !q.First(list[0]) || q.First(list[lookSlots]) {
			t.Fatalf("%d have a turn, and %d wait", running(list), len(q.waiting))
		}
		q.Told(list[0])
		time.Sleep(shortTurn + time.Second) // for one that has told something, another one has its turn
		if !q.First(list[lookSlots]) || q.First(list[0]) || running(list) != lookSlots {
			t.Error("nobody had the turn of the one that was done")
		}
		q.Forget(list[1])
		if running(list) != lookSlots || list[1].stop != nil {
			t.Error("nobody had the turn of the one that was ended")
		}
		q.Forget(list[1])
	})
}

func TestATurnThatIsOverTellsNothing(t *testing.T) {
	t.Parallel()
	q := NewLooks(still(t.Context()))
	l := &Look{}
	q.Ask(l)
	turn := l.turn
	if !q.Has(l, turn) {
		t.Error("it has no turn")
	}
	q.Forget(l)
	q.Ask(l)
	if q.Has(l, turn) || !q.Has(l, l.turn) {
		t.Error("the turn before is still one")
	}
	q.Stop()
}

func TestADefinedKindIsKnownBeforeItIsServed(t *testing.T) {
	t.Parallel()
	d := NewDefinitions(still(t.Context()), nil)
	d.Define(nil)
	want := agent.Resource{Group: "example.com", Version: "v1", Kind: "Thing", Plural: "things"}
	d.Define([]agent.Resource{want})
	if got, err := d.Resolve(t.Context(), "example.com/v1", "Thing"); got != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
