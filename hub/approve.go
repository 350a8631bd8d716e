package hub

import (
	"cmp"
	"context"
	"fmt"
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

// deletionHolds are the holds of deletions, one for everything that began to be held at the same revision, the oldest
// first.
func (h *Hub) deletionHolds() []query.Hold {
	byRevision := map[string]*query.Hold{}
	lines := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(h.holding)) {
		if _, joined := h.Identities.OpenKey(name); !joined || !h.left[name].IsZero() {
			continue // nobody is there who could delete
		}
		apps := h.records[name].Deletions.Apps
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
			addTo(g, name, app, held)
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

// addTo adds an app's held deletions to those of the same revision.
func addTo(g *query.Hold, cluster, app string, held *release.AppHold) {
	g.Count += held.Count
	if held.Since.Before(g.Since) {
		g.Since = held.Since
	}
	if n := len(g.Clusters); n == 0 || g.Clusters[n-1] != cluster { // they come in order
		g.Clusters = append(g.Clusters, cluster)
	}
	if !slices.Contains(g.Apps, app) {
		g.Apps = append(g.Apps, app)
	}
	for _, ref := range held.Objects {
		if text := ref.String(); len(g.Objects) < protocol.MaxHeldObjects && !slices.Contains(g.Objects, text) {
			g.Objects = append(g.Objects, text)
		}
	}
	for _, r := range held.Reasons {
		if text := r.Text(); !strings.Contains(g.Reason, text) {
			g.Reason = strings.TrimPrefix(g.Reason+", and "+text, ", and ")
		}
	}
}

// identify gives a hold of removed folders its id.
func identify(hold query.Hold) query.Hold {
	hold.Kind = protocol.HoldClusters
	hold.ID = protocol.HoldID(hold.Kind, hold.Revision.Hash, hold.Clusters...)
	return hold
}

// showHolds brings what is shown of holds up to date, for the clusters of a hold of removed folders that began,
// changed or ended.
func (h *Hub) showHolds(names []string) {
	deletions := slices.Concat(h.deletionHolds(), h.overclaimed())
	shown := h.state.Source().Held
	for _, hold := range deletions {
		if !slices.ContainsFunc(shown, func(x query.Hold) bool { return x.ID == hold.ID }) {
			if hold.Kind != protocol.HoldDeletions {
				continue // logged where it began
			}
			h.Log.Warn("deletions are held until a person approves", "revision", hold.Revision.Short(),
				"clusters", len(hold.Clusters), "apps", hold.Apps, "objects", hold.Count, "why", hold.Reason,
				"approve", "drover approve "+hold.ID)
		}
	}
	h.state.edit(func(x *query.Index, s *SourceStatus) {
		s.Held = slices.Concat(h.holds, deletions)
		for _, name := range names {
			x.Edit(name).Held = nil
		}
		for _, hold := range h.holds {
			for _, name := range hold.Clusters {
				x.Edit(name).Held = &hold
			}
		}
		for _, name := range h.waiting {
			if _, known := x.Get(name); known {
				c := x.Edit(name)
				c.Waiting, c.Guarded = nil, nil
			}
		}
		for _, hold := range deletions {
			for _, name := range hold.Clusters {
				c := x.Edit(name)
				c.Waiting = append(c.Waiting, hold)
				c.Guarded = guarded(h.records[name].Deletions)
			}
		}
	})
	h.waiting = h.waiting[:0]
	for _, hold := range deletions {
		h.waiting = append(h.waiting, hold.Clusters...)
	}
}

// noteHolds notes whether deletions of a cluster are held, and says whether others are than by the record before.
func (h *Hub) noteHolds(name string, before, now release.Deletions) (changed bool) {
	if len(guarded(now)) > 0 {
		h.holding[name] = struct{}{}
	} else {
		delete(h.holding, name)
	}
	return !sameHolds(before, now)
}

// guarded are the apps of a cluster whose deletions are held.
func guarded(d release.Deletions) (out []string) {
	for name, a := range d.Apps {
		if a.Hold != nil {
			out = append(out, name)
		}
	}
	return out
}

// sameHolds says whether two records hold the same.
func sameHolds(a, b release.Deletions) bool {
	ids := func(d release.Deletions) map[string]string {
		out := map[string]string{}
		for name, app := range d.Apps {
			if app.Hold != nil {
				out[name] = app.Hold.ID
			}
		}
		return out
	}
	return maps.Equal(ids(a), ids(b))
}

// Approve lets through what is held under an id, or since a revision where that is one thing alone; the revision may
// be cut to query.MinRevision characters. It returns when that is stored. An error that wraps ErrNotHeld says that
// there is nothing to approve.
func (h *Hub) Approve(ctx context.Context, name string) (query.Hold, error) {
	var approved *query.Hold
	var names []string
	return ask(ctx, h, func(loop context.Context, reply func(query.Hold, error)) error {
		if approved == nil { // else it was found before, and could not be stored
			hold, err := h.heldAs(name)
			if err == nil && hold.Kind != protocol.HoldClusters {
				hold.Clusters, err = h.ready(hold.Clusters)
			}
			if err != nil {
				reply(query.Hold{}, err)
				return nil
			}
			approved = &hold
			if names = hold.Clusters; hold.Kind == protocol.HoldClusters {
				h.holds = slices.DeleteFunc(slices.Clone(h.holds), func(x query.Hold) bool { return x.ID == hold.ID })
				h.holdsChanged = true
				names = h.leave(hold.Clusters)
			}
		}
		h.let(*approved)
		if approved.Kind == protocol.HoldGeneration {
			for _, name := range names {
				if err := h.surpass(name); err != nil {
					reply(query.Hold{}, err)
					return nil
				}
			}
		}
		if err := h.save(names); err != nil {
			return err
		}
		h.Log.Info("a person approved what was held", "id", approved.ID, "kind", approved.Kind,
			"revision", approved.Revision.Short(), "clusters", approved.Clusters, "apps", approved.Apps,
			"count", approved.Count)
		h.showHolds(nil)
		h.show(names)
		h.cutOff()
		reply(*approved, nil)
		if _, err := h.send(loop); err != nil || approved.Kind != protocol.HoldGeneration {
			return err
		}
		return h.catchUp(loop) // the epoch may be a new one, for all
	})
}

// Held gives what is held under a name, as Approve takes it.
func (h *Hub) Held(ctx context.Context, name string) (query.Hold, error) {
	return ask(ctx, h, func(_ context.Context, reply func(query.Hold, error)) error {
		reply(h.heldAs(name))
		return nil
	})
}

// heldAs gives what is held under a name: a hold that is shown, or what one of its apps loses in one of its clusters, by
// the id that the agent there tells of it.
func (h *Hub) heldAs(name string) (query.Hold, error) {
	hold, err := query.FindHold(h.state.Source().Held, name)
	if err == nil {
		return hold, nil
	}
	for cluster := range h.holding {
		for app, a := range h.records[cluster].Deletions.Apps {
			if a.Hold != nil && a.Hold.ID == strings.ToLower(name) && h.left[cluster].IsZero() {
				part := query.Hold{ID: a.Hold.ID, Kind: protocol.HoldDeletions, Revision: a.Hold.Revision, Since: a.Hold.Since}
				addTo(&part, cluster, app, a.Hold)
				return part, nil
			}
		}
	}
	return query.Hold{}, err
}

// ready gives those of clusters that can be told of an approval now. An error says why none can.
func (h *Hub) ready(clusters []string) (ready []string, err error) {
	for _, name := range clusters {
		_, joined := h.Identities.OpenKey(name)
		switch {
		case !joined:
			err = fmt.Errorf("the agent of cluster %s has no credential, so it cannot be told: see `drover status %[1]s`",
				name)
		case h.resolved[name] == nil && !h.pruning(name):
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
func (h *Hub) let(hold query.Hold) {
	now := time.Now()
	for _, name := range hold.Clusters {
		p := &release.Decision{Approval: release.Approval{ID: hold.ID, Kind: hold.Kind, Time: now, Apps: hold.Apps, Count: hold.Count}}
		switch {
		case hold.Kind == protocol.HoldDeletions && hold.Reported:
			p.Totals = map[string]uint64{}
			for _, a := range h.reportOf(name).Apps {
				if slices.Contains(hold.Apps, a.Name) {
					p.Totals[a.Name] = a.Deleted
				}
			}
			for _, app := range hold.Apps {
				p.Totals[app] += uint64(hold.Count)
			}
		case hold.Kind == protocol.HoldDeletions:
			p.Apps = map[string]string{}
			for app, a := range h.records[name].Deletions.Apps {
				if a.Hold != nil && a.Hold.Revision.Hash == hold.Revision.Hash && slices.Contains(hold.Apps, app) {
					p.Apps[app] = a.Hold.ID
				}
			}
		case hold.Kind != protocol.HoldClusters && hold.Kind != protocol.HoldGeneration:
			p.ID = hold.ID
		}
		if _, known := h.records[name]; known {
			h.passes[name] = p
		}
	}
}
