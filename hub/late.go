package hub

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

const (
	// renderPatience is how long a cluster's bundle waits for a render that has not finished, firstPatience the same
	// of its first bundle. Then the bundle is published without it.
	renderPatience = 2 * time.Second
	firstPatience  = 10 * time.Second
)

// aside is what is known only after the turn of its commit, because it is rendered beside the loop.
type aside struct {
	lost      lostLate
	rendering map[string]time.Time // clusters whose renders have not finished: since when
	reading   map[string]bool      // clusters whose folder is being built at a newer revision than the one resolved
}

func newAside() aside {
	return aside{rendering: map[string]time.Time{}, reading: map[string]bool{}}
}

// rendered resolves the clusters whose renders have finished.
func (h *Hub) rendered(ctx context.Context) error {
	if h.base == nil {
		return nil // the first revision decides: it asks for everything again
	}
	names := h.Resolver.Take()
	if len(names) > 0 && names[0] == "" { // what concerns many clusters: it sorts first
		changed, err := h.refreshApps(ctx, h.base)
		if err != nil {
			return err
		}
		if names = names[1:]; changed {
			names = append(names, h.reselected()...)
			h.showProblems()
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		_, listed := slices.BinarySearch(h.listing.names, name)
		return !listed
	})
	slices.Sort(names)
	return h.resolveLate(ctx, slices.Compact(names))
}

// putOff keeps a cluster as it is while its folder is being built.
func (h *Hub) putOff(name string) {
	h.again[name] = struct{}{}
	if h.resolved[name] != nil {
		h.aside.reading[name] = true
		return
	}
	h.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(name).Problems = []string{query.FolderBuilding} })
}

// resolveLate resolves clusters whose bundles were put off in the turn of their commit, and ends as that turn does:
// what a cluster no longer uses or no longer waits for is known only now.
func (h *Hub) resolveLate(ctx context.Context, names []string) error {
	if h.base == nil || len(names) == 0 {
		return nil // the first revision decides
	}
	h.aside.lost.late = true
	_, err := h.resolveAll(ctx, h.base, names)
	h.aside.lost.late = false
	if err != nil {
		return err
	}
	h.showSources()
	return h.catchUp(ctx)
}

// lostLate remembers which clusters were to lose much by renders that finished after the turn of their commit: these
// come one after the other, and what the guard counts are all clusters that lose by one commit.
type lostLate struct {
	late bool // renders that have finished are taken in
	at   map[string]time.Time
}

// lateWindow is for how long they count together.
const lateWindow = 10 * time.Minute

// note adds clusters, if what they lose comes of renders that were late.
func (l *lostLate) note(names []string) {
	if !l.late {
		return
	}
	if l.at == nil {
		l.at = map[string]time.Time{}
	}
	for _, name := range names {
		l.at[name] = time.Now()
	}
}

// others counts those that are not among names.
func (l *lostLate) others(names []string) int {
	maps.DeleteFunc(l.at, func(_ string, at time.Time) bool { return time.Since(at) > lateWindow })
	n := len(l.at)
	for _, name := range names {
		if _, is := l.at[name]; is {
			n--
		}
	}
	return n
}

// patient says whether the next bundle of a cluster waits for renders, for a while. While it is not known which apps
// the cluster has it waits until that is known: what was so at another revision must not be published as if it was so
// at this one.
func (h *Hub) patient(name string) bool {
	res := h.resolved[name]
	if res != nil && (h.aside.reading[name] || res.Selecting) {
		return true
	}
	if res == nil || !res.Pending() {
		delete(h.aside.rendering, name)
		return false
	}
	patience := renderPatience
	if h.records[name].Bundle.Generation == 0 {
		patience = firstPatience
	}
	since, waits := h.aside.rendering[name]
	if !waits {
		since = time.Now()
		h.aside.rendering[name] = since
		time.AfterFunc(patience, func() {
			h.do(func(ctx context.Context) error {
				if _, waits := h.aside.rendering[name]; !waits {
					return nil
				}
				return h.resolveLate(ctx, []string{name})
			})
		})
	}
	return time.Since(since) < patience
}

// settled is a resolution's bundle as if what is being rendered, and all that depends on it, was as in prev: that a
// render takes long is not worth a generation of its own.
func settled(r *resolve.Resolution, b, prev protocol.Bundle) protocol.Bundle {
	if r == nil || !r.Pending() {
		return b
	}
	if r.Planning && len(r.Cluster.Problems) == 1 {
		b.Incomplete = prev.Incomplete
	}
	var apps []protocol.App
	for _, a := range b.Apps {
		i := slices.IndexFunc(r.Apps, func(x resolve.AppResult) bool { return x.App.Name == a.Name })
		last := find(prev.Apps, a.Name)
		switch {
		case i >= 0 && !r.Apps[i].Pending:
			apps = append(apps, a)
		case last != nil:
			apps = append(apps, *last)
		}
	}
	b.Apps = apps
	return b
}

// shown adds to what is shown of apps which of them are being rendered.
func shown(r *resolve.Resolution, apps []query.DesiredApp) []query.DesiredApp {
	for _, a := range r.Apps {
		if !a.Pending {
			continue
		}
		i := slices.IndexFunc(apps, func(x query.DesiredApp) bool { return x.Name == a.App.Name })
		if i < 0 {
			apps = append(apps, query.DesiredApp{Name: a.App.Name, Path: a.App.Path})
			i = len(apps) - 1
		}
		apps[i].Error, apps[i].Reason = a.Err, a.Reason
	}
	return apps
}
