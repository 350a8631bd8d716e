package ask

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// ErrUnknown says that there is nothing of a name in the fleet.
var ErrUnknown = errors.New("not found")

// AppRow is an app in one cluster.
type AppRow struct {
	Cluster  string          `json:"cluster"`
	State    query.State     `json:"state"` // of the cluster
	App      string          `json:"app"`
	Key      string          `json:"key"`
	Declared string          `json:"declared,omitempty"`
	Phase    protocol.Phase  `json:"phase"`
	Health   protocol.Health `json:"health"`
	Reason   protocol.Reason `json:"reason,omitempty"`
	Message  string          `json:"message,omitempty"`
	Revision string          `json:"revision,omitempty"` // commit id of what is applied
	Charts   []facts.Chart   `json:"charts,omitempty"`
	// Applied: the agent has applied Charts and what else was published last. Otherwise they are what Git asks for.
	Applied bool        `json:"applied"`
	Objects query.Count `json:"objects"`
	Since   time.Time   `json:"since,omitzero"` // in this phase since
}

// AppGroup is an app over all clusters.
type AppGroup struct {
	App      string `json:"app"`
	Key      string `json:"key"`
	Declared string `json:"declared,omitempty"`
	Uses
	Healthy int            `json:"healthy"`
	Phases  map[string]int `json:"phases"`
	// Versions counts clusters by what they have applied: versions of charts, or the commit of an app that has none.
	Versions map[string]int `json:"versions"`
	at       map[at]int
}

// at is what an app is at in a cluster: a content, and the commit where that matters.
type at struct {
	content  *facts.Facts
	revision string
}

// revisionOf is the commit of an app that has no chart, or several.
func revisionOf(a query.App, of *facts.Facts) string {
	if a.Reported == nil || of != nil && len(of.Charts) == 1 {
		return ""
	}
	return a.Reported.Revision
}

// version names it: the version of its chart, or the commit; "" for nothing yet.
func (x at) version() string {
	if x.content != nil && len(x.content.Charts) == 1 {
		return x.content.Charts[0].Name + " " + x.content.Charts[0].Version
	}
	return protocol.Revision{Hash: x.revision}.Short()
}

// named finds the apps that a person means anywhere in the fleet, by their keys.
func (f Fleet) named(asked string) ([]string, error) {
	known := map[string]identity.Named{}
	var last []string // most clusters have the apps of the one before, in the same order
	for i := range f.Clusters {
		at := -1
		for a := range f.Clusters[i].Each() {
			if at++; at < len(last) && last[at] == a.Name {
				continue
			}
			last = append(last[:min(at, len(last))], a.Name)
			if _, there := known[a.Name]; there {
				continue
			}
			n := identity.Named{Key: a.Name, Declared: a.Declared()}
			if a.Desired != nil {
				n.Formerly = a.Desired.Formerly
			}
			known[a.Name] = n
		}
	}
	for _, means := range []func(identity.Named) bool{
		func(n identity.Named) bool { return n.Key == asked || n.DeclaredAs(asked) },
		func(n identity.Named) bool { return n.ID().Name == asked },
		func(n identity.Named) bool { return slices.Contains(n.Formerly, asked) },
	} {
		var found []string
		for key, n := range known {
			if means(n) {
				found = append(found, key)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	var titles []string
	for _, n := range known {
		titles = append(titles, n.ID().Title())
	}
	return nil, fmt.Errorf("app %.80q is %w in any of the chosen clusters: %s", asked, ErrUnknown, Nearest(titles, asked,
		"see `drover apps` for all"))
}

// Where gives the clusters in which an app is, and how it is there. Only those in one of some phases, if any are given.
func (f Fleet) Where(app string, phases []protocol.Phase, p Paging) (Page[AppRow], error) {
	wanted, err := f.named(app)
	if err != nil {
		return Page[AppRow]{}, err
	}
	return byCluster(f, p, func(c *query.Cluster, make bool) (n int, out []AppRow) {
		for a := range c.Each() {
			if !slices.Contains(wanted, a.Name) {
				continue
			}
			if phase, _, _ := a.State(); len(phases) > 0 && !slices.Contains(phases, phase) {
				continue
			}
			if n++; make {
				out = append(out, f.appRow(c, a))
			}
		}
		return n, out
	}), nil
}

func (f Fleet) appRow(c *query.Cluster, a query.App) AppRow {
	full := a.Row()
	row := AppRow{Cluster: c.Name, State: c.Standing().State, App: full.Name, Key: full.Key, Declared: full.Declared,
		Phase: full.Phase, Health: full.Health, Reason: full.Reason, Message: full.Message, Revision: full.Revision,
		Objects: a.Objects(), Since: full.Since}
	var of *facts.Facts
	if of, row.Applied = a.Facts(f.Former); of != nil {
		row.Charts = of.Charts
	}
	return row
}

// Apps gives all apps of the fleet, with in how many clusters they are and how.
func (f Fleet) Apps(p Paging) Page[AppGroup] {
	groups := map[string]*AppGroup{}
	for i := range f.Clusters {
		c := &f.Clusters[i]
		for a := range c.Each() {
			g := groups[a.Name]
			if g == nil {
				g = &AppGroup{App: a.Name, Key: a.Name, Declared: a.Declared(), Phases: map[string]int{},
					Versions: map[string]int{}, at: map[at]int{}}
				groups[a.Name] = g
			}
			of, applied := a.Facts(f.Former)
			g.add(c.Name, a.Name, applied, false)
			phase, _, _ := a.State()
			if g.Phases[string(phase)]++; phase == protocol.PhaseHealthy {
				g.Healthy++
			}
			g.at[at{of, revisionOf(a, of)}]++
		}
	}
	sorted := make([]AppGroup, 0, len(groups))
	for _, g := range groups {
		for x, n := range g.at {
			g.Versions[x.version()] += n
		}
		sorted = append(sorted, *g)
	}
	slices.SortFunc(sorted, func(a, b AppGroup) int { return cmp.Compare(a.Key, b.Key) })
	return paged(f, p, sorted) // people are shown other names than keys, so none is told as a cursor
}

// Nearest says which of some names a person may mean; otherwise, if none is near.
func Nearest(names []string, asked, otherwise string) string {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for _, name := range names {
		limit := 1 + min(len(asked), len(name))/4
		d := distance(strings.ToLower(name), strings.ToLower(asked), limit)
		if d > limit && len(asked) >= 3 && strings.Contains(strings.ToLower(name), strings.ToLower(asked)) {
			d = limit
		}
		if d <= limit {
			near = append(near, candidate{name, d})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	near = slices.Compact(near)
	if len(near) == 0 {
		return otherwise
	}
	out := make([]string, 0, 3)
	for _, c := range near[:min(len(near), 3)] {
		out = append(out, c.name)
	}
	return "did you mean " + strings.Join(out, ", ") + "?"
}

// distance is how many letters have to be added, removed or replaced to make b of a; more than limit if it is more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > maxNamed || len(b) > maxNamed {
		return limit + 1
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range before {
		before[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		best := row[0]
		for j := range len(b) {
			change := before[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, before[j+1]+1, row[j]+1)
			best = min(best, row[j+1])
		}
		if best > limit {
			return limit + 1
		}
		before, row = row, before
	}
	return before[len(b)]
}

// maxNamed is the longest name that is compared.
const maxNamed = 200
