package order

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// pair is an element with a key that others share.
type pair struct{ key, place int }

func byKey(a, b pair) int { return cmp.Compare(a.key, b.key) }

func TestSortedAsPackageSlicesDoes(t *testing.T) {
	t.Parallel()
	for n := range 200 {
		list := make([]pair, n)
		for i := range list {
			list[i] = pair{rand.IntN(20), i}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, byKey)
		stable := slices.Clone(list)
		Stable(stable, byKey)
		if !slices.Equal(stable, want) {
			t.Fatalf("stable: %v, want %v", stable, want)
		}
		Sort(list, func(a, b pair) int { return cmp.Or(byKey(a, b), cmp.Compare(a.place, b.place)) })
		if !slices.Equal(list, want) {
			t.Fatalf("sorted: %v, want %v", list, want)
		}
	}
}
