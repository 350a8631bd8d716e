package budget

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

func refs(n int) (out []protocol.ObjectRef) {
	for i := range n {
		out = append(out, protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: fmt.Sprint("x", i)})
	}
	return out
}

// web is an app with objects left over, of which some would be deleted, and some kept.
func web(leftover, deleted, kept int) App {
	return App{Name: "web", Cluster: "prod", Plan: &plan.Plan{Digest: "1"}, Blob: "1", Prunes: true, Objects: 10,
		Leftover: leftover,
		Deletes:  func() ([]protocol.ObjectRef, int) { return refs(deleted), kept }}
}

func permit(n uint64, approved ...string) *protocol.Deletions {
	return &protocol.Deletions{Apps: map[string]uint64{"web": n}, Approved: approved}
}

func counted(n, granted uint64) Budget { return Restored(&n, granted) }

func TestNoMoreIsDeletedThanIsPermitted(t *testing.T) {
	t.Parallel()
	doesNotPrune := web(3, 3, 0)
	doesNotPrune.Prunes = false
	for name, c := range map[string]struct {
		budget Budget
		app    App
		d      *protocol.Deletions
		held   int // objects
	}{
		"nothing bounds it":                        {Budget{}, web(5, 5, 0), nil, 0},
		"all of it is permitted":                   {counted(2, 0), web(3, 3, 0), permit(5), 0},
		"a part is: all of it or nothing":          {counted(2, 0), web(3, 3, 0), permit(4), 3},
		"nothing is":                               {counted(0, 0), web(1, 1, 0), permit(0), 1},
		"nothing is left over":                     {counted(9, 0), web(0, 0, 0), permit(0), 0},
		"a person permitted it before":             {counted(2, 5), web(3, 3, 0), permit(0), 0},
		"other apps want it":                       {counted(0, 0), web(3, 0, 0), permit(0), 0},
		"other apps want a part":                   {counted(0, 0), web(3, 2, 0), permit(2), 0},
		"all of it is kept":                        {counted(0, 0), web(3, 0, 3), permit(0), 0},
		"a part is kept, and counts":               {counted(0, 0), web(3, 2, 1), permit(2), 2},
		"the app does not prune":                   {counted(0, 0), doesNotPrune, permit(0), 0},
		"an app that the bundle says nothing of":   {counted(0, 0), web(1, 1, 0), &protocol.Deletions{}, 1},
		"an agent that counts, and a hub that not": {counted(0, 0), web(1, 1, 0), nil, 0},
	} {
		r := c.budget.Rule(c.app, c.d, Point{})
		over := c.budget.Over()
		if (r.Why != "") != (c.held > 0) || (over != nil) != (c.held > 0) || over != nil && over.Count != c.held ||
			c.budget.Permits(c.app, c.d) != (c.held == 0) {
			t.Errorf("%s: %+v, held %+v", name, r, over)
		}
		if over != nil && (!strings.Contains(r.Why, "drover approve "+over.ID) || !strings.Contains(over.Message,
			"of app web not deleted, because Git takes away more than is permitted")) {
			t.Errorf("%s: %q, %q", name, r.Why, over.Message)
		}
	}
}

func TestAHoldIsToldOnceAndEndsWhenItIsApproved(t *testing.T) {
	t.Parallel()
	b, at := counted(1, 0), Point{Generation: 7, Digest: "7"}
	first := b.Rule(web(2, 2, 0), permit(1), at)
	if first.News == nil || first.Dirty || b.Cleared(at) {
		t.Fatalf("%+v", first)
	}
	if again := b.Rule(web(2, 2, 0), permit(1), at); again.News != nil {
		t.Error("it is told again")
	}
	if more := b.Rule(web(3, 3, 0), permit(1), at); more.News == nil || more.News.ID == first.News.ID {
		t.Error("other objects are held under the same id")
	}
	approved := permit(1, first.News.ID)
	if !b.Permits(web(2, 2, 0), approved) {
		t.Error("it is not permitted")
	}
	if r := b.Rule(web(2, 2, 0), approved, at); r.Why != "" || !r.Dirty || b.Over() != nil || !b.Cleared(at) {
		t.Errorf("%+v", r)
	}
	if deleted, granted := b.Stored(); *deleted != 1 || granted != 3 {
		t.Errorf("stored are %d and %d", *deleted, granted)
	}
	if b.Cleared(Point{Generation: 8, Digest: "8"}) {
		t.Error("it is permitted for another bundle")
	}
	if r := b.Rule(web(3, 3, 0), approved, at); r.Why == "" {
		t.Error("more than what was approved is deleted")
	}
}

func TestANewAppMayDeleteNothing(t *testing.T) {
	t.Parallel()
	var b Budget
	if !b.Accept(web(0, 0, 0), permit(4)) || b.Deleted() != 4 || !b.Counts() {
		t.Errorf("%+v", b)
	}
	if b.Accept(web(0, 0, 0), permit(9)) || b.Deleted() != 4 {
		t.Error("it began to count again")
	}
	if r := b.Rule(web(1, 1, 0), permit(4), Point{}); r.Why == "" {
		t.Error("it deletes what was counted for an app of the same name before")
	}
	if !b.Accept(web(0, 0, 0), nil) || b.Counts() || b.Deleted() != 0 {
		t.Error("it counts for a hub that does not")
	}
}

// After an agent that did not count, what its bundle permitted is still permitted, and no more.
func TestAnAgentThatCountsSucceedsOneThatDidNot(t *testing.T) {
	t.Parallel()
	unknown := web(3, 3, 0)
	unknown.Plan = nil
	leaves := unknown
	leaves.Leaving = true
	for name, c := range map[string]struct {
		app      App
		accepted *protocol.Deletions
		counts   bool
		deleted  uint64
	}{
		"what was permitted is left to do":  {web(3, 3, 0), permit(5), true, 2},
		"less was permitted":                {web(3, 3, 0), permit(2), true, 0},
		"it is not known what is left over": {unknown, permit(5), true, 5},
		"the app leaves":                    {leaves, permit(5), true, 2},
		"the hub did not count either":      {web(3, 3, 0), nil, false, 0},
	} {
		var b Budget
		if dirty := b.Succeed(c.app, c.accepted); dirty != c.counts || b.Counts() != c.counts || b.Deleted() != c.deleted {
			t.Errorf("%s: %d, %+v", name, b.Deleted(), b)
		}
	}
}

// An agent that was stopped between accepting a bundle and taking up its content left over what that content shows.
func TestWhatWasAcceptedAndNotTakenUpIsStillPermitted(t *testing.T) {
	t.Parallel()
	before := web(0, 0, 0)
	before.Blob = "2"
	after := web(3, 3, 0)
	after.Blob, after.Plan = "2", &plan.Plan{Digest: "2"}
	begun := func() (b Budget) {
		b.Accept(before, permit(5)) // what was accepted before the agent started is taken up first
		if b.Succeed(before, permit(5)) || b.Counts() {
			t.Fatalf("it counts before it is known what is left over: %+v", b)
		}
		b.Accept(before, permit(5))
		return b
	}
	b := begun()
	if r := b.Rule(after, permit(5), Point{}); r.Why != "" || !r.Dirty || b.Deleted() != 2 {
		t.Errorf("what was accepted is held: %+v, %d counted", r, b.Deleted())
	}
	if b = begun(); b.Rule(after, permit(2), Point{}).Why == "" {
		t.Error("more is deleted than was ever permitted")
	}
}

// What neither the agent nor the hub before counted is not held, until other content is asked for.
func TestWhatWasNeverBoundedIsNotHeld(t *testing.T) {
	t.Parallel()
	var b Budget
	b.Succeed(web(3, 3, 0), nil)
	if b.Accept(web(3, 3, 0), permit(0)) {
		t.Fatal("it begins to count while objects are left over")
	}
	if r := b.Rule(web(3, 3, 0), permit(0), Point{}); r.Why != "" || b.Counts() {
		t.Fatalf("%+v", r)
	}
	newer := web(3, 3, 0)
	newer.Blob, newer.Plan = "2", &plan.Plan{Digest: "2"}
	b.Accept(newer, permit(0))
	if r := b.Rule(newer, permit(0), Point{}); r.Why == "" {
		t.Error("what another bundle takes away is deleted")
	}
	if r := b.Rule(newer, permit(4), Point{}); r.Why != "" || !r.Dirty || b.Deleted() != 1 {
		t.Errorf("the hub permitted it: %+v, %d counted", r, b.Deleted())
	}
	leaves := web(3, 3, 0)
	leaves.Leaving, leaves.Blob, leaves.Plan = true, "", nil
	var gone Budget
	gone.Succeed(leaves, nil)
	if r := gone.Rule(leaves, permit(0), Point{}); r.Why != "" {
		t.Errorf("an app that left before is held: %+v", r)
	}
}

func TestWhatIsDeletedIsCounted(t *testing.T) {
	t.Parallel()
	orphans := web(1, 1, 0)
	orphans.Prunes = false
	for name, c := range map[string]struct {
		budget Budget
		app    App
		d      *protocol.Deletions
		want   uint64
	}{
		"it is":                                   {counted(2, 0), web(1, 1, 0), permit(5), 3},
		"beyond what is permitted, too":           {counted(5, 0), web(1, 1, 0), permit(5), 6},
		"what is released is":                     {counted(2, 0), orphans, permit(5), 3},
		"but not beyond what is permitted":        {counted(5, 0), orphans, permit(5), 5},
		"what a person permitted counts":          {counted(5, 7), orphans, permit(5), 6},
		"nothing is counted while nothing bounds": {Budget{}, web(1, 1, 0), nil, 0},
	} {
		if c.budget.Spend(c.app, c.d); c.budget.Deleted() != c.want {
			t.Errorf("%s: %d, want %d", name, c.budget.Deleted(), c.want)
		}
	}
}

// A state that is being stored does not change when more is counted.
func TestWhatIsStoredIsACopy(t *testing.T) {
	t.Parallel()
	b := counted(2, 0)
	deleted, _ := b.Stored()
	if b.Spend(web(1, 1, 0), permit(9)); *deleted != 2 || b.Deleted() != 3 {
		t.Errorf("stored are %d, counted %d", *deleted, b.Deleted())
	}
}
