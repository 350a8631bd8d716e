package hub

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

// ErrNotHeld says that there is nothing to approve under a name.
var ErrNotHeld = query.ErrNotHeld

// approvals are the deletions that are held in clusters, and what a person has approved and is not stored yet. The loop
// alone touches them.
type approvals struct {
	state      *State
	identities Credentials
	ledger     *ledger     // only asked
	departures *departures // only asked
	log        *slog.Logger

	holding map[string]struct{}          // clusters with deletions or newer content that are held
	waiting []string                     // clusters that such holds are shown for
	passes  map[string]*release.Decision // what a person approved and is not stored yet, by cluster
}

func newApprovals(s Settings, state *State, l *ledger, d *departures) *approvals {
	a := &approvals{state: state, identities: s.Identities, ledger: l, departures: d, log: s.Log,
		holding: map[string]struct{}{}, passes: map[string]*release.Decision{}}
	for name, r := range l.all() {
		a.note(name, Record{}, r)
	}
	return a
}

// deletionHolds are the holds of deletions, one for everything that began to be held at the same revision, the oldest
// first.
func (x *approvals) deletionHolds() []query.Hold {
	byRevision := map[string]*query.Hold{}
	lines := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(x.holding)) {
		if _, joined := x.identities.OpenKey(name); !joined || !x.departures.since(name).IsZero() {
			continue // nobody is there who could delete
		}
		apps := x.ledger.of(name).Deletions.Apps
		for _, app := range slices.Sorted(maps.Keys(apps)) {
			held := apps[app].Hold
			if held == nil {
				continue
			}
			g := byRevision[held.Revision.Hash]
			if g == nil {
				g = &query.Hold{Kind: protocol.HoldDeletions, Revision: held.Revision, Since: held.Since}
				byRevision[held.Revision.Hash] = g
			}
			held.AddTo(g, name, app)
			lines[held.Revision.Hash] = append(lines[held.Revision.Hash], name+"/"+app+" "+held.ID)
		}
	}
	out := make([]query.Hold, 0, len(byRevision))
	for hash, g := range byRevision {
		if g.ID = lines[hash][0][strings.LastIndexByte(lines[hash][0], ' ')+1:]; len(lines[hash]) > 1 {
			g.ID = protocol.HoldID(protocol.HoldDeletions, "", lines[hash]...)
		}
		slices.Sort(g.Apps)
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b query.Hold) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return out
}

// show brings what is shown of holds up to date, for the clusters of a hold of removed folders that began, changed or
// ended. overclaimed are the holds of generations that are not believed.
func (x *approvals) show(names []string, overclaimed []query.Hold) {
	deletions := slices.Concat(x.deletionHolds(), overclaimed)
	releases, parts := x.releaseHolds()
	shown := x.state.Source().Held
	for _, hold := range deletions {
		if !slices.ContainsFunc(shown, func(h query.Hold) bool { return h.ID == hold.ID }) {
			if hold.Kind != protocol.HoldDeletions {
				continue // logged where it began
			}
			x.log.Warn("deletions are held until a person approves", "revision", hold.Revision.Short(),
				"clusters", len(hold.Clusters), "apps", hold.Apps, "objects", hold.Count, "why", hold.Reason,
				"approve", "drover approve "+hold.ID)
		}
	}
	for _, hold := range releases {
		if !slices.ContainsFunc(shown, func(h query.Hold) bool { return h.ID == hold.ID }) {
			x.log.Info("newer content waits until a person approves it", "revision", hold.Revision.Short(),
				"clusters", len(hold.Clusters), "apps", hold.Apps, "approve", "drover approve "+hold.ID)
		}
	}
	x.state.edit(func(index *query.Index, s *SourceStatus) {
		s.Held = slices.Concat(x.departures.held(), deletions, releases)
		for _, name := range names {
			index.Edit(name).Held = nil
		}
		for _, hold := range x.departures.held() {
			for _, name := range hold.Clusters {
				index.Edit(name).Held = &hold
			}
		}
		for _, name := range x.waiting {
			if _, known := index.Get(name); known {
				c := index.Edit(name)
				c.Waiting, c.Guarded = nil, nil
			}
		}
		for _, hold := range deletions {
			for _, name := range hold.Clusters {
				c := index.Edit(name)
				c.Waiting = append(c.Waiting, hold)
				c.Guarded = x.ledger.of(name).Deletions.Held()
			}
		}
		for name, holds := range parts {
			c := index.Edit(name)
			c.Waiting = append(c.Waiting, holds...)
		}
	})
	x.waiting = slices.AppendSeq(x.waiting[:0], maps.Keys(parts))
	for _, hold := range deletions {
		x.waiting = append(x.waiting, hold.Clusters...)
	}
}

// note notes whether anything of a cluster is held, and says whether other things are than by the record before.
func (x *approvals) note(name string, before, now Record) (changed bool) {
	if len(now.Deletions.Holds())+len(now.Waiting.Holds()) > 0 {
		x.holding[name] = struct{}{}
	} else {
		delete(x.holding, name)
	}
	return !sameHolds(before, now)
}

// sameHolds says whether two records hold the same.
func sameHolds(a, b Record) bool {
	ids := func(r Record) map[string]string {
		out := map[string]string{}
		for _, hold := range r.Deletions.Holds() {
			out[hold.App] = hold.ID
		}
		for _, app := range r.Waiting.Holds() {
			hold := r.Waiting.Apps[app].Hold
			out["content of "+app] = hold.ID + strings.Join(hold.With, ",")
		}
		return out
	}
	return maps.Equal(ids(a), ids(b))
}

// heldAs gives what is held under a name: a hold that is shown, or what one of its apps loses in one of its clusters,
// by the id that the agent there tells of it.
func (x *approvals) heldAs(name string) (query.Hold, error) {
	hold, err := query.FindHold(x.state.Source().Held, name)
	if err == nil {
		return hold, nil
	}
	for cluster := range x.holding {
		for app, a := range x.ledger.of(cluster).Deletions.Apps {
			if a.Hold != nil && a.Hold.ID == strings.ToLower(name) && x.departures.since(cluster).IsZero() {
				part := query.Hold{ID: a.Hold.ID, Kind: protocol.HoldDeletions, Revision: a.Hold.Revision, Since: a.Hold.Since}
				a.Hold.AddTo(&part, cluster, app)
				return part, nil
			}
		}
	}
	if part, ok := x.releaseAs(strings.ToLower(name)); ok {
		return part, nil
	}
	return query.Hold{}, err
}

// ready gives those of clusters that can be told of an approval now. read says whether it is known what
// Git asks of a cluster. An error says why none can.
func (x *approvals) ready(clusters []string, read func(string) bool) (ready []string, err error) {
	for _, name := range clusters {
		_, joined := x.identities.OpenKey(name)
		switch {
		case !joined:
			err = fmt.Errorf("the agent of cluster %s has no credential, so it cannot be told: see `drover status %[1]s`",
				name)
		case !read(name) && !x.departures.pruning(name):
			err = fmt.Errorf("the hub has not read what Git asks of cluster %s: try again when `drover status` shows "+
				"the revision", name)
		default:
			ready = append(ready, name)
		}
	}
	if len(ready) > 0 {
		return ready, nil
	}
	return nil, err
}

// let has the next record of every cluster of a hold permit what is held.
func (x *approvals) let(hold query.Hold) {
	now := time.Now()
	for _, name := range hold.Clusters {
		p := &release.Decision{Approval: release.Approval{ID: hold.ID, Kind: hold.Kind, Time: now, Apps: hold.Apps, Count: hold.Count}}
		switch {
		case hold.Kind == protocol.HoldDeletions && hold.Reported:
			p.Totals = map[string]uint64{}
			for _, a := range x.state.report(name).Apps {
				if slices.Contains(hold.Apps, a.Name) {
					p.Totals[a.Name] = a.Deleted
				}
			}
			for _, app := range hold.Apps {
				p.Totals[app] += uint64(hold.Count)
			}
		case hold.Kind == protocol.HoldDeletions:
			p.Apps = map[string]string{}
			for app, a := range x.ledger.of(name).Deletions.Apps {
				if a.Hold != nil && a.Hold.Revision.Hash == hold.Revision.Hash && slices.Contains(hold.Apps, app) {
					p.Apps[app] = a.Hold.ID
				}
			}
		case hold.Kind == protocol.HoldRelease:
			p.Contents = x.released(name, hold)
		case hold.Kind != protocol.HoldClusters && hold.Kind != protocol.HoldGeneration:
			p.ID = hold.ID
		}
		if x.ledger.has(name) {
			x.passes[name] = p
		}
	}
}

// decision is what a person approved for a cluster and is not stored yet; nil if there is nothing.
func (x *approvals) decision(cluster string) *release.Decision { return x.passes[cluster] }

// settled is told that what a person approved for a cluster is stored.
func (x *approvals) settled(cluster string) { delete(x.passes, cluster) }

// holds says whether deletions of any of clusters are held.
func (x *approvals) holds(clusters []string) bool {
	return slices.ContainsFunc(clusters, func(name string) bool {
		_, holds := x.holding[name]
		return holds
	})
}

// forget is for a cluster that is no longer there.
func (x *approvals) forget(cluster string) { delete(x.holding, cluster) }
