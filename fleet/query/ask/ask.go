// Package ask answers questions over a whole fleet: which clusters are in a state, where an app runs, which clusters
// run an image, a version of a chart or a kind of object, and which objects failed with the same cause.
//
// Like query it is pure. It imports query, facts, identity, protocol and the standard library. Every question visits
// each cluster once, and makes rows only for what it answers.
package ask

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/query"
)

// Fleet is what is asked.
type Fleet struct {
	Clusters []query.Cluster // sorted by name
	Rollouts []query.Rollout
	// Former finds the facts of content that was published before, by the digest of its blob; nil finds none.
	Former func(digest string) *facts.Facts
	Now    time.Time
}

// Paging chooses a part of an answer.
type Paging struct {
	Limit int    // rows; 0 for all. Rows of one cluster are not separated, so there may be some more
	After string // Page.Continue of the part before; "" for the first
}

// Page is a part of an answer.
type Page[R any] struct {
	Time     time.Time `json:"time"` // when the question was asked, by the hub's clock
	Items    []R       `json:"items"`
	Total    int       `json:"total"`              // items on all pages
	Continue string    `json:"continue,omitempty"` // see Paging.After; "" on the last page
}

// byCluster makes a page of rows that belong to clusters. rows gives those of one cluster: all of them if make is set,
// otherwise only their number.
func byCluster[R any](f Fleet, p Paging, rows func(c *query.Cluster, make bool) (int, []R)) Page[R] {
	page := Page[R]{Time: f.Now, Items: []R{}}
	last, full := "", false
	for i := range f.Clusters {
		c := &f.Clusters[i]
		wanted := c.Name > p.After && !full
		n, made := rows(c, wanted)
		page.Total += n
		switch {
		case wanted:
			page.Items = append(page.Items, made...)
			last, full = c.Name, p.Limit > 0 && len(page.Items) >= p.Limit
		case full && n > 0:
			page.Continue = last
		}
	}
	return page
}

// byKey makes a page of rows, sorted by a key.
func byKey[R any](f Fleet, p Paging, rows []R, key func(R) string) Page[R] {
	slices.SortFunc(rows, func(a, b R) int { return cmp.Compare(key(a), key(b)) })
	page := Page[R]{Time: f.Now, Items: []R{}, Total: len(rows)}
	from, found := slices.BinarySearchFunc(rows, p.After, func(r R, k string) int { return cmp.Compare(key(r), k) })
	if found {
		from++
	}
	to := len(rows)
	if p.Limit > 0 && to-from > p.Limit {
		to = from + p.Limit
		page.Continue = key(rows[to-1])
	}
	page.Items = append(page.Items, rows[from:to]...)
	return page
}

// paged makes a page by position, of rows that are sorted by more than a name.
func paged[R any](f Fleet, p Paging, sorted []R) Page[R] {
	page := Page[R]{Time: f.Now, Items: []R{}, Total: len(sorted)}
	from, _ := strconv.Atoi(p.After)
	from = min(max(from, 0), len(sorted))
	to := len(sorted)
	if p.Limit > 0 && to-from > p.Limit {
		to = from + p.Limit
		page.Continue = strconv.Itoa(to)
	}
	page.Items = append(page.Items, sorted[from:to]...)
	return page
}

// Place is where something is.
type Place struct {
	Cluster string `json:"cluster"`
	App     string `json:"app"`
	// Applied: the agent has applied it. Otherwise Git asks for it, and the cluster has not got so far.
	Applied bool `json:"applied"`
}

// maxSample is how many clusters are named where not all places are wanted.
const maxSample = 5

// Uses says where something is in the fleet.
type Uses struct {
	Clusters int      `json:"clusters"`
	Apps     int      `json:"apps"`              // counted in each cluster
	Pending  int      `json:"pending,omitempty"` // of them, those that have not applied it
	Sample   []string `json:"sample"`            // the first clusters
	Places   []Place  `json:"places,omitempty"`  // all, if they were asked for
	last     string
	objects  int
}

// add counts a place. Clusters come in order.
func (u *Uses) add(cluster, app string, applied, places bool) {
	u.Apps++
	if !applied {
		u.Pending++
	}
	if u.last != cluster {
		u.last = cluster
		if u.Clusters++; len(u.Sample) < maxSample {
			u.Sample = append(u.Sample, cluster)
		}
	}
	if places {
		u.Places = append(u.Places, Place{cluster, app, applied})
	}
}
