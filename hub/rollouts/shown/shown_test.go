package shown

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
)

// Lists that follow clusters one by one are those that are made of all, and a list that was given away stays.
func TestListsFollowOneCluster(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test repeats itself
	all, l := map[string]Cluster{}, Clusters{}
	for i := range 2000 {
		name := fmt.Sprintf("c%02d", random.IntN(40))
		c := Cluster{}
		if random.IntN(2) == 0 {
			c.Behind = []string{name}
		}
		if random.IntN(2) == 0 {
			c.Stays = []query.Staying{{Cluster: name, Apps: []string{fmt.Sprint(random.IntN(2))}}}
		}
		if random.IntN(2) == 0 {
			c.Failures = []query.RolloutFailure{{Cluster: name, Cause: fmt.Sprint(random.IntN(2))}}
		}
		given := l
		kept := Clusters{slices.Clone(l.Behind), slices.Clone(l.Stays), slices.Clone(l.Failures)}
		all[name] = c
		l.Set(name, c)
		var want Clusters
		for j := range 40 {
			want.Add(all[fmt.Sprintf("c%02d", j)])
		}
		if fmt.Sprint(l) != fmt.Sprint(want) {
			t.Fatalf("%d: got\n%v\nwant\n%v", i, l, want)
		}
		if !reflect.DeepEqual(given, kept) && fmt.Sprint(given) != fmt.Sprint(kept) {
			t.Fatalf("%d: a list that was given away was changed", i)
		}
	}
}
