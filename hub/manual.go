package hub

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

// releaseHolds are the holds of newer content, one for every declaration, the oldest first; and the parts that they
// have in each cluster, by cluster, one for every app.
func (x *approvals) releaseHolds() (holds []query.Hold, parts map[string][]query.Hold) {
	groups, lines := map[string]*query.Hold{}, map[string][]string{}
	parts = map[string][]query.Hold{}
	for _, cluster := range slices.Sorted(maps.Keys(x.holding)) {
		if _, joined := x.identities.OpenKey(cluster); !joined || !x.departures.since(cluster).IsZero() {
			continue
		}
		waiting := x.ledger.of(cluster).Waiting
		for _, app := range waiting.Holds() {
			held := waiting.Apps[app].Hold
			key := cmp.Or(held.Group, app)
			if groups[key] == nil {
				groups[key] = &query.Hold{Kind: protocol.HoldRelease, Group: held.Group, Revision: held.Revision, Since: held.Since, First: true}
			}
			addRelease(groups[key], cluster, app, held)
			lines[key] = append(lines[key], cluster+"/"+app+" "+held.ID)
			parts[cluster] = append(parts[cluster], partOf(cluster, app, held))
		}
	}
	for key, g := range groups {
		if g.ID = lines[key][0][strings.LastIndexByte(lines[key][0], ' ')+1:]; len(lines[key]) > 1 {
			g.ID = protocol.HoldID(protocol.HoldRelease, "", lines[key]...)
		}
		slices.Sort(g.Apps)
		holds = append(holds, *g)
	}
	slices.SortFunc(holds, func(a, b query.Hold) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return holds, parts
}

// partOf is what waits of one app in one cluster, as a hold of its own.
func partOf(cluster, app string, held *release.ContentHold) query.Hold {
	part := query.Hold{ID: held.ID, Kind: protocol.HoldRelease, Group: held.Group, Revision: held.Revision, Since: held.Since,
		First: true}
	addRelease(&part, cluster, app, held)
	return part
}

// addRelease adds what waits of one app to a hold. Its revision is the newest that brought any of it.
func addRelease(g *query.Hold, cluster, app string, held *release.ContentHold) {
	g.Added, g.Changed, g.Removed = g.Added+held.Added, g.Changed+held.Changed, g.Removed+held.Removed
	g.First = g.First && held.First
	if held.Since.Before(g.Since) {
		g.Since = held.Since
	}
	if held.Revision.Time.After(g.Revision.Time) {
		g.Revision = held.Revision
	}
	add := func(to *[]string, text string) {
		if !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	add(&g.Clusters, cluster)
	add(&g.Apps, app)
	for _, name := range held.With {
		add(&g.With, name)
	}
	for _, text := range held.Objects {
		if len(g.Objects) < protocol.MaxHeldObjects {
			add(&g.Objects, text)
		}
	}
}

// releaseAs gives what waits of one app in one cluster under an id.
func (x *approvals) releaseAs(id string) (query.Hold, bool) {
	for cluster := range x.holding {
		for app, a := range x.ledger.of(cluster).Waiting.Apps {
			if a.Hold != nil && a.Hold.ID == id && x.departures.since(cluster).IsZero() {
				return partOf(cluster, app, a.Hold), true
			}
		}
	}
	return query.Hold{}, false
}

// released is the decision that lets newer content of a cluster through.
func (x *approvals) released(cluster string, hold query.Hold) map[string]string {
	out := map[string]string{}
	for app, a := range x.ledger.of(cluster).Waiting.Apps {
		if a.Hold != nil && a.Hold.Group == hold.Group && slices.Contains(hold.Apps, app) {
			out[app] = a.Hold.ID
		}
	}
	return out
}
