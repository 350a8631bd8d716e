package repository

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
)

func TestASnapshotKnowsItsHistory(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	r.Git("switch", "-q", "-c", "side")
	side := r.Commit("side", "1")
	r.Git("switch", "-q", "main")
	two := r.Commit("a", "2")
	r.Git("merge", "-q", "--no-edit", "side")
	merged := r.Git("rev-parse", "HEAD")
	later := r.Commit("a", "3")
	snap := at(r, merged)
	const unknown = "00000000000000000000000000000000000000aa"
	for range 2 { // what was read once is not read again
		for what, want := range map[string][]string{"newer": {later}, "unknown": {unknown}, "no id": {"main"}, "none": {}} {
			asked := append([]string{one, side, two, merged}, want...)
			got, err := snap.Lacks(t.Context(), append(asked, want...))
			if err != nil || !slices.Equal(got, want) && len(want)+len(got) > 0 {
				t.Errorf("%s: lacks %q, %v, want %q", what, got, err, want)
			}
		}
	}
	if got, err := at(r, one).Lacks(t.Context(), []string{two}); err != nil || len(got) != 1 {
		t.Errorf("the first commit knows a later one: %q, %v", got, err)
	}

	shallow := gittest.New(t)
	gittest.Git(t, "", "clone", "-q", "--depth", "1", "file://"+r.Dir, shallow.Dir+"/shallow")
	shallow.Dir += "/shallow"
	if got, err := at(shallow, later).Lacks(t.Context(), []string{later, one}); err != nil || !slices.Equal(got, []string{one}) {
		t.Errorf("a shallow clone lacks %q, %v, want what it does not have", got, err)
	}
}
