package hub

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

const (
	// renderPatience is how long a cluster's bundle waits for a render that has not finished, firstPatience the same
	// of its first bundle. Then the bundle is published without it.
	renderPatience = 2 * time.Second
	firstPatience  = 10 * time.Second
)

// plans is what Git asks of every cluster at the newest revision: the candidates, before anything is released. The
// loop alone touches it.
type plans struct {
	resolver Resolving
	sources  Following // nil if there are none
	state    *State
	ledger   *ledger       // only asked
	serves   *capabilities // only asked
	log      *slog.Logger
	late     func(cluster string) // has the loop resolve a cluster whose renders have had their time

	base      model.Snapshot                 // the revision that was resolved last
	revision  protocol.Revision              // of base
	author    string                         // of revision, by mail address; "" if that is not known
	reviewed  string                         // why deletions that revision brings are meant; "" if no commit says so
	resolved  map[string]*resolve.Resolution // by cluster
	places    map[string]map[string]struct{} // path in the tree → clusters that depend on it
	listing   *listing                       // of the clusters that have a folder
	apps      *resolve.Fleet                 // the apps for many clusters, at the revision of base
	again     map[string]struct{}            // clusters to be looked at at the next revision, whatever it changes
	rendering map[string]time.Time           // clusters whose renders have not finished: since when
	reading   map[string]bool                // clusters whose folder is being built at a newer revision than resolved
}

func newPlans(s Settings, state *State, l *ledger, c *capabilities, late func(cluster string)) *plans {
	return &plans{resolver: s.Resolver, sources: s.Sources, state: state, ledger: l, serves: c, log: s.Log, late: late,
		resolved: map[string]*resolve.Resolution{}, places: map[string]map[string]struct{}{}, again: map[string]struct{}{},
		rendering: map[string]time.Time{}, reading: map[string]bool{}}
}

// of is what Git asks of a cluster; nil if that is not known.
func (p *plans) of(cluster string) *resolve.Resolution { return p.resolved[cluster] }

// begin is told which revision is resolved from now on, and end that all it changed is resolved.
func (p *plans) begin(revision protocol.Revision, author, reviewed string) {
	p.revision, p.author, p.reviewed = revision, author, reviewed
}

// reviews reads in the commits that came since the revision that was resolved last why the deletions that they bring
// are meant. What cannot be read means nothing.
func (p *plans) reviews(ctx context.Context, snap model.Snapshot) string {
	if p.base == nil || snap.Revision().Hash == p.base.Revision().Hash {
		return ""
	}
	trailers, err := snap.Trailers(ctx, p.base.Revision().Hash, release.TrailerDeletions)
	if err != nil && ctx.Err() == nil {
		p.log.Warn("the commits of this revision cannot be read: what they say of deletions does not count", "err", err)
	}
	for _, t := range trailers {
		if why := release.Reviewed(t.Commit, t.Author, t.Value); why != "" {
			return why
		}
	}
	return ""
}

func (p *plans) end(snap model.Snapshot) {
	p.base = snap
	p.showSources()
}

// known gives the clusters of which it is known what Git asks, in no order.
func (p *plans) known() []string {
	out := make([]string, 0, len(p.resolved))
	for name := range p.resolved {
		out = append(out, name)
	}
	return out
}

// lists says whether a cluster has a folder.
func (p *plans) lists(cluster string) bool {
	if p.listing == nil {
		return false
	}
	_, listed := slices.BinarySearch(p.listing.names, cluster)
	return listed
}

// using gives the clusters that use a source, sorted.
func (p *plans) using(source string) []string {
	names := make([]string, 0, len(p.places[resolve.SourcePlace(source)]))
	for name := range p.places[resolve.SourcePlace(source)] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// blobs adds the blobs that resolutions need to ids.
func (p *plans) blobs(ids map[string]bool) {
	for _, res := range p.resolved {
		for _, a := range res.Apps {
			for _, blob := range []*protocol.Blob{a.Ref, a.Kept} {
				if blob != nil {
					ids[blob.ID()] = true
				}
			}
		}
	}
}

// listing is which clusters have a folder, and on what in the tree that depends.
type listing struct {
	resolve.Listing
	names  []string // sorted
	places map[string]struct{}
	// sure: every folder's cluster is known. Else a cluster that has no folder may have one of which that is not known.
	sure bool
}

// newListing is what was found at a revision. A folder of which it is not known any more which cluster it is for keeps the
// one that it had before, which is wrong then.
func newListing(found resolve.Listing, before *listing) *listing {
	l := &listing{Listing: found, places: map[string]struct{}{}, sure: len(found.Unknown) == 0}
	for _, place := range found.Places {
		l.places[place] = struct{}{}
	}
	if before != nil && !l.sure {
		for _, s := range before.Sites.Sites {
			at := slices.IndexFunc(l.Unknown, func(u model.Site) bool { return u.Folder == s.Folder })
			if _, taken := l.Site(s.Name); at < 0 || taken {
				continue
			}
			s.Wrong = l.Unknown[at].Wrong
			l.Sites.Sites = append(slices.Clone(l.Sites.Sites), s)
			slices.SortFunc(l.Sites.Sites, func(a, b model.Site) int { return strings.Compare(a.Name, b.Name) })
		}
	}
	l.names = l.Names()
	return l
}

// affected are the clusters that a revision may have changed, sorted, and whether the clusters were listed again. Its
// cost follows what changed, not how many clusters there are.
func (p *plans) affected(ctx context.Context, snap model.Snapshot) (names []string, listed bool, err error) {
	reselect, err := p.refresh(ctx, snap)
	if err != nil {
		return nil, false, err
	}
	if p.base == nil {
		names, err := p.list(snap)
		return names, true, err
	}
	changed, err := snap.Changes(p.base)
	if err != nil {
		return nil, false, err
	}
	todo := maps.Clone(p.again)
	if reselect {
		for _, name := range p.reselected() {
			todo[name] = struct{}{}
		}
	}
	for _, path := range changed {
		for name := range p.places[path] {
			todo[name] = struct{}{}
		}
		if _, is := p.listing.places[path]; is {
			listed = true
		}
	}
	if listed {
		before := p.listing
		names, err := p.list(snap)
		if err != nil {
			return nil, false, err
		}
		for _, name := range names {
			was, _ := before.Site(name)
			if now, _ := p.listing.Site(name); p.resolved[name] == nil || now != was {
				todo[name] = struct{}{}
			}
		}
	}
	maps.DeleteFunc(todo, func(name string, _ struct{}) bool {
		_, listed := slices.BinarySearch(p.listing.names, name)
		return !listed
	})
	return slices.Sorted(maps.Keys(todo)), listed, nil
}

// reselected are the clusters that apps for many clusters have come to or gone from, or that waited for a doubt about
// them.
func (p *plans) reselected() (names []string) {
	for name, res := range p.resolved {
		last := p.ledger.of(name).Bundle
		// what waited for the doubt
		keeps := res.Doubt != "" && (last.Incomplete != "" || len(last.Apps) > len(res.Apps))
		if keeps || res.Selecting || p.resolver.Reselected(p.apps, res) {
			names = append(names, name)
		}
	}
	return names
}

// problems are what is wrong with the tree beyond any one cluster.
func (p *plans) problems() []string {
	return slices.Concat(p.listing.Problems(), p.apps.Problems())
}

// showProblems shows what is wrong with what concerns many clusters.
func (p *plans) showProblems() {
	p.state.edit(func(_ *query.Index, s *SourceStatus) {
		s.Problems = p.problems()
	})
}

// list finds out which clusters have a folder.
func (p *plans) list(snap model.Snapshot) ([]string, error) {
	found, err := p.resolver.Clusters(snap)
	if err != nil {
		return nil, err
	}
	p.listing = newListing(found, p.listing)
	return p.listing.names, nil
}

// refresh reads the apps for many clusters, and says whether they are others than before.
func (p *plans) refresh(ctx context.Context, snap model.Snapshot) (changed bool, err error) {
	now, err := p.resolver.Refresh(ctx, snap, p.apps)
	if err != nil {
		return false, err
	}
	changed, p.apps = now.Differs(p.apps), now
	return changed, nil
}

// reselect reads the apps for many clusters again, at the same revision, and gives the clusters to which any came or
// from which any went.
func (p *plans) reselect(ctx context.Context) ([]string, error) {
	changed, err := p.refresh(ctx, p.base)
	if err != nil || !changed {
		return nil, err
	}
	p.showProblems()
	return p.reselected(), nil
}

// resolve resolves one cluster and notes on what that depends.
func (p *plans) resolve(ctx context.Context, snap model.Snapshot, name string, patience *resolve.Patience) error {
	site, _ := p.listing.Site(name)
	_, apis := p.serves.apis(name)
	res, err := p.resolver.Resolve(ctx, snap, resolve.Request{Site: site, Fleet: p.apps,
		Facts: resolve.Facts{Kubernetes: p.serves.kubernetes(name), APIs: apis}, Last: p.ledger.of(name).Bundle.Apps,
		Patience: patience})
	if errors.Is(err, resolve.ErrPending) {
		p.putOff(name)
		return nil
	}
	if err != nil {
		return err
	}
	p.forget(name)
	for _, place := range res.Places() {
		if p.places[place] == nil {
			p.places[place] = map[string]struct{}{}
		}
		p.places[place][name] = struct{}{}
	}
	p.resolved[name] = &res
	if res.Transient {
		p.again[name] = struct{}{}
	} else {
		delete(p.again, name)
	}
	return nil
}

func (p *plans) forget(names ...string) {
	for _, name := range names {
		old := p.resolved[name]
		if old == nil {
			continue
		}
		for _, place := range old.Places() {
			delete(p.places[place], name)
			if len(p.places[place]) == 0 {
				delete(p.places, place)
			}
		}
		delete(p.resolved, name)
		delete(p.reading, name)
		delete(p.again, name)
	}
}

// unreadable notes that a cluster's part of the tree could not be read. It keeps its bundle, says so, and is read again
// at the next revision.
func (p *plans) unreadable(name string, err error) {
	p.log.Error("the cluster's folder cannot be read; keeping its last bundle", "cluster", name, "err", err)
	p.again[name] = struct{}{}
	if res := p.resolved[name]; res != nil {
		res.Cluster.Problems = []string{err.Error()}
		delete(p.reading, name)
		return
	}
	p.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(name).Problems = []string{err.Error()} })
}

// putOff keeps a cluster as it is while its folder is being built.
func (p *plans) putOff(name string) {
	p.again[name] = struct{}{}
	if p.resolved[name] != nil {
		p.reading[name] = true
		return
	}
	p.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(name).Problems = []string{query.FolderBuilding} })
}

// waits says whether renders of a cluster have not finished.
func (p *plans) waits(name string) bool {
	_, waits := p.rendering[name]
	return waits
}

// patient says whether the next bundle of a cluster waits for renders, for a while. While it is not known which apps
// the cluster has it waits until that is known: what was so at another revision must not be published as if it was so
// at this one.
func (p *plans) patient(name string) bool {
	res := p.resolved[name]
	if res != nil && (p.reading[name] || res.Selecting) {
		return true
	}
	if res == nil || !res.Pending() {
		delete(p.rendering, name)
		return false
	}
	patience := renderPatience
	if p.ledger.of(name).Bundle.Generation == 0 {
		patience = firstPatience
	}
	since, waits := p.rendering[name]
	if !waits {
		since = time.Now()
		p.rendering[name] = since
		time.AfterFunc(patience, func() { p.late(name) })
	}
	return time.Since(since) < patience
}

// showSources brings up to date what is shown of the sources, and ends those that nobody uses any more.
func (p *plans) showSources() {
	if p.sources == nil {
		return
	}
	if p.base != nil && len(p.again) == 0 { // else a cluster that was not read may use one
		shared := p.apps.Places()
		p.sources.Retain(func(key string) bool {
			place := resolve.SourcePlace(key)
			return len(p.places[place]) > 0 || slices.Contains(shared, place)
		})
	}
	states := p.sources.States()
	p.state.edit(func(_ *query.Index, s *SourceStatus) { s.Sources = states })
}
