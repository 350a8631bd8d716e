package difference

import (
	"cmp"
	"maps"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// Group is one change, and all clusters that have it.
type Group struct {
	Change
	Clusters []string `json:"clusters"` // sorted
	// Before and After are the app as one of the clusters has it, Example: that of the first.
	Example       string        `json:"-"`
	Before, After *protocol.App `json:"-"`
}

// Grouping collects changes of clusters, in any order, and puts equal ones together.
type Grouping struct{ groups map[string]*Group }

// NewGrouping has no groups yet.
func NewGrouping() *Grouping { return &Grouping{groups: map[string]*Group{}} }

// Add takes in the changes of a cluster.
func (g *Grouping) Add(cluster string, changes []ClusterChange) {
	for _, c := range changes {
		group := g.groups[c.digest]
		if group == nil {
			group = &Group{Change: c.Change}
			g.groups[c.digest] = group
		}
		if group.Example == "" || cluster < group.Example {
			group.Example, group.Before, group.After = cluster, c.before, c.after
		}
		group.Clusters = append(group.Clusters, cluster)
	}
}

// Groups are all groups: those of most clusters first, and then by app and first cluster.
func (g *Grouping) Groups() []Group {
	out := make([]Group, 0, len(g.groups))
	for _, digest := range slices.Sorted(maps.Keys(g.groups)) {
		group := *g.groups[digest]
		group.Clusters = slices.Sorted(slices.Values(group.Clusters))
		out = append(out, group)
	}
	slices.SortStableFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(a.App, b.App),
			cmp.Compare(a.Example, b.Example))
	})
	return out
}
