package query

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet/selector"
)

// Index holds the clusters. It is not safe for concurrent use: its owner guards it.
type Index struct {
	clusters map[string]*Cluster
	sorted   []*Cluster // by name; nil if that is to be made
}

// NewIndex makes an empty index.
func NewIndex() *Index { return &Index{clusters: map[string]*Cluster{}} }

// Edit gives the cluster of a name for changing, and makes it if there is none.
func (x *Index) Edit(name string) *Cluster {
	c, ok := x.clusters[name]
	if !ok {
		c = &Cluster{Name: name}
		x.clusters[name], x.sorted = c, nil
	}
	return c
}

// Remove forgets a cluster.
func (x *Index) Remove(name string) {
	delete(x.clusters, name)
	x.sorted = nil
}

// Get gives a copy of a cluster. What its fields point to is shared and is not to be changed: an editor
// replaces, it never alters.
func (x *Index) Get(name string) (Cluster, bool) {
	c, ok := x.clusters[name]
	if !ok {
		return Cluster{}, false
	}
	return *c, true
}

// All gives every cluster, in no order. What it gives is not to be changed: Edit is for that.
func (x *Index) All() iter.Seq[*Cluster] { return maps.Values(x.clusters) }

// Reported are the holds that agents reported, by cluster.
func (x *Index) Reported() (out []Hold) {
	for _, c := range x.clusters {
		out = append(out, c.reported()...)
	}
	slices.SortStableFunc(out, func(a, b Hold) int { return cmp.Compare(a.Clusters[0], b.Clusters[0]) })
	return out
}

// Select gives copies of the clusters that a selector chooses, sorted by name.
func (x *Index) Select(s selector.Selector) []Cluster {
	if x.sorted == nil {
		x.sorted = slices.SortedFunc(x.All(), func(a, b *Cluster) int { return cmp.Compare(a.Name, b.Name) })
	}
	out := make([]Cluster, 0, len(x.sorted))
	for _, c := range x.sorted {
		if s.Matches(c.Labels) {
			out = append(out, *c)
		}
	}
	return out
}
