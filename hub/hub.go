package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// flushEvery is how many clusters are resolved before what they gave is stored and published: early
// clusters need not wait for late ones.
const flushEvery = 256

// Hub is the loop. Its exported fields are set before Run and not changed after.
type Hub struct {
	Repository string // for people: what Source reads, without credentials
	Source     Source
	Resolver   *Resolver
	Sources    *Follower // of what apps take from elsewhere; nil if there is to be nothing
	Store      Store
	Bus        Bus
	Identities Identities
	Signers    []ed25519.PrivateKey // every one signs every bundle
	Trust      *protocol.Trust      // what clusters are told to trust, in their bundles
	Grace      time.Duration        // how long a blob that nothing names stays on the bus; 0 is ten minutes
	Peers      Peers                // other hubs on the bus; nil if there can be none
	Leads      Leads                // remembers the epoch; nil if there is none
	TakeOver   bool                 // a person said that this hub takes the fleet over, whichever other there is
	Silence    time.Duration        // see the constant; 0 means that
	Log        *slog.Logger

	state    *State
	overdue  *overdue                         // set before anything is heard
	served   *served                          // what clusters' API servers serve
	late     sync.Map                         // by cluster: the agent process whose dropped reports the log has
	refusals sync.Map                         // by cluster: *refusals, what it said that is not taken
	tasks    chan func(context.Context) error // run by the loop, which alone touches what follows

	base      Snapshot                       // the revision that was resolved last
	revision  protocol.Revision              // of base
	resolved  map[string]*Resolution         // by cluster
	places    map[string]map[string]struct{} // path in the tree → clusters that depend on it
	listing   *listing                       // of the clusters that have a folder
	again     map[string]struct{}            // clusters to be looked at at the next revision, whatever it changes
	records   map[string]Record
	floors    map[string]uint64 // generations that agents are known to have seen
	proven    map[string]uint64 // generations that a hub of the fleet is seen to have published
	held      map[string]bool   // blobs that the bus has
	sealed    map[string]string // OpenKeyID that each cluster's bundle on the bus is sealed to
	unsent    map[string]bool   // clusters whose record the bus has yet to take
	garbage   garbage
	lost      lostLate
	rendering map[string]time.Time // clusters whose renders have not finished: since when

	left         map[string]time.Time // released clusters: since when their folder is gone
	holds        []query.Hold         // what is shown of them is never changed, only replaced
	holdsChanged bool                 // and not stored yet

	holding    map[string]struct{}          // clusters with deletions that are held
	waiting    []string                     // clusters that holds of deletions are shown for
	overclaims map[string]overclaim         // by cluster
	passes     map[string]*release.Decision // what a person approved and is not stored yet, by cluster
	later      map[string]struct{}          // clusters that wait until it is known what all lose by one commit; nil if none is to wait
	everywhere bool                         // too many clusters lose too much by one commit
	fence      fence                        // whether this hub publishes
	fresh      freshness                    // whether what it would publish is Git's word
	wake       <-chan time.Time             // when tick is due; nil for never
}

// New makes a Hub that is ready for its fields to be set.
func New(repository string) *Hub {
	return &Hub{
		Repository: repository, state: newState(repository), tasks: make(chan func(context.Context) error, 1024),
		served: newServed(), resolved: map[string]*Resolution{}, places: map[string]map[string]struct{}{}, floors: map[string]uint64{},
		held: map[string]bool{}, sealed: map[string]string{}, unsent: map[string]bool{},
		again: map[string]struct{}{}, left: map[string]time.Time{}, rendering: map[string]time.Time{}, passes: map[string]*release.Decision{}, holding: map[string]struct{}{},
		fresh: newFreshness(), proven: map[string]uint64{}, overclaims: map[string]overclaim{},
	}
}

// State is what the hub knows.
func (h *Hub) State() *State { return h.state }

// Run follows the repository until ctx is done. What fails is shown, and tried again.
func (h *Hub) Run(ctx context.Context) error {
	records, err := h.Store.Clusters()
	if err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	h.records = records
	if h.holds, err = h.Store.Holds(); err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	for i, hold := range h.holds { // those of an older release have no ids
		h.holds[i] = identify(hold)
	}
	h.Resolver.Kubernetes = h.kubernetes
	if h.Sources != nil {
		h.Resolver.Sources = h.Sources
	}
	h.Resolver.APIs = func(cluster string) []string {
		_, list := h.apis(cluster)
		return list
	}
	h.recall()
	if err := h.enter(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer h.garbage.stop()
	defer h.renderAside(ctx)()
	snapshots, heard := make(chan Snapshot), make(chan error, 1)
	go h.follow(ctx, snapshots)
	if h.Sources != nil {
		go h.track(ctx)
	}
	h.overdue = newOverdue(func(cluster string, times int) { h.urge(ctx, cluster, times) })
	defer h.overdue.stop()
	trails := newTrails(func(cluster string, from, to uint64) { h.inquire(ctx, cluster, from, to) })
	go func() { heard <- h.Bus.Listen(ctx, listener{h, trails}) }()
	h.retry(ctx, "compare with the bus", h.reconcile)
	h.arm()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-heard:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case snap := <-snapshots:
			h.retry(ctx, "follow the repository", func(ctx context.Context) error { return h.turn(ctx, snap) })
		case task := <-h.tasks:
			h.retry(ctx, "publish", task)
		case <-h.wake:
			h.retry(ctx, "look for other hubs", h.tick)
		}
	}
}

// retry does something until it succeeds: the loop cannot go on without, and what fails here (the disk,
// the bus) is mended from outside. Meanwhile the state says so.
func (h *Hub) retry(ctx context.Context, what string, do func(context.Context) error) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 10 * time.Second}
	for {
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if pause.Tries() > 0 {
				h.stalled(nil)
			}
			return
		}
		h.Log.Error(what+": it is tried again", "err", err)
		h.stalled(err)
		_ = pause.Wait(ctx, nil)
	}
}

// follow hands on revisions as they appear.
func (h *Hub) follow(ctx context.Context, to chan<- Snapshot) {
	after := ""
	for ctx.Err() == nil {
		snap, err := h.Source.Next(ctx, after)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.Log.Warn("the repository cannot be read; keeping what was published last", "err", err)
			h.sourceError(err)
			continue // Source paces itself
		}
		after = snap.Revision().Hash
		select {
		case to <- snap:
		case <-ctx.Done():
		}
	}
}

// stalled shows what keeps the loop from going on; nil that it goes on.
func (h *Hub) stalled(err error) {
	h.state.edit(func(_ *query.Index, s *SourceStatus) {
		switch {
		case err == nil:
			s.Stalled, s.StalledSince = "", time.Time{}
		case s.Stalled == "":
			s.Stalled, s.StalledSince = err.Error(), time.Now()
		default:
			s.Stalled = err.Error()
		}
	})
}

func (h *Hub) sourceError(err error) {
	h.state.edit(func(_ *query.Index, s *SourceStatus) {
		if s.Error == "" {
			s.ErrorSince = time.Now()
		}
		s.Error = err.Error()
	})
}

// turn resolves what a revision changed, and publishes it.
func (h *Hub) turn(ctx context.Context, snap Snapshot) error {
	begin := time.Now()
	rev := snap.Revision()
	revision := protocol.Revision{Hash: rev.Hash, Branch: rev.Branch, Subject: rev.Subject, Time: rev.Time}
	todo, listed, err := h.affected(ctx, snap)
	if err != nil {
		h.Log.Error("this revision cannot be followed; keeping what was published last", "revision", revision.Short(), "err", err)
		h.sourceError(err)
		return nil
	}
	h.revision = revision
	if err := h.inspect(ctx, snap); err != nil {
		return err
	}
	if listed {
		if err := h.depart(ctx); err != nil {
			return err
		}
	} else {
		h.cutOff()
	}
	published, err := h.resolveAll(ctx, snap, todo)
	if err != nil {
		return err
	}
	h.base = snap
	h.showSources()
	h.state.edit(func(_ *query.Index, s *SourceStatus) {
		s.Revision, s.Branch, s.Resolved, s.Problems = revision, rev.Branch, time.Now(), slices.Concat(h.listing.problems, h.Resolver.FleetProblems())
		s.Error, s.ErrorSince = "", time.Time{}
	})
	h.Log.Info("resolved", "revision", revision.Short(), "clusters", len(h.listing.names), "affected", len(todo),
		"published", published, "took", time.Since(begin).Round(100*time.Microsecond))
	return h.catchUp(ctx)
}

// resolveAll resolves clusters and publishes what changed. It says how many bundles that were. What deletes much in a cluster
// waits until it is known in how many.
func (h *Hub) resolveAll(ctx context.Context, snap Snapshot, names []string) (published int, err error) {
	h.later = map[string]struct{}{}
	h.Resolver.renders.await()
	defer func() { h.later, h.everywhere = nil, false }()
	for chunk := range slices.Chunk(names, flushEvery) {
		for _, name := range chunk {
			if err := h.resolve(ctx, snap, name); err != nil {
				if ctx.Err() != nil {
					return published, ctx.Err()
				}
				h.unreadable(name, err)
			}
		}
		n, err := h.publish(ctx, chunk)
		if err != nil {
			return published, err
		}
		published += n
	}
	if len(h.later) == 0 {
		return published, nil
	}
	later := slices.Sorted(maps.Keys(h.later))
	h.everywhere, h.later = fleet.TooMany(h.losers(names)+h.lost.others(names), len(h.listing.names)), nil
	h.lost.note(later)
	n, err := h.publish(ctx, later)
	return published + n, err
}

// losers counts the clusters among names that lose much by the revision that is being resolved.
func (h *Hub) losers(names []string) (n int) {
	for _, name := range names {
		_, waits := h.later[name]
		count := 0
		for _, hold := range h.records[name].Deletions.Holds() {
			if hold.Revision.Hash == h.revision.Hash {
				count += hold.Count
			}
		}
		if waits || count >= fleet.GuardAtLeast {
			n++
		}
	}
	return n
}

// unreadable notes that a cluster's part of the tree could not be read. It keeps its bundle, says so, and is read again
// at the next revision.
func (h *Hub) unreadable(name string, err error) {
	h.Log.Error("the cluster's folder cannot be read; keeping its last bundle", "cluster", name, "err", err)
	h.again[name] = struct{}{}
	if res := h.resolved[name]; res != nil {
		res.Cluster.Problems, res.reading = []string{err.Error()}, false
		return
	}
	h.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(name).Problems = []string{err.Error()} })
}

// listing is which clusters have a folder, and on what in the tree that depends.
type listing struct {
	names, problems []string // sorted
	places          map[string]struct{}
}

// affected are the clusters that a revision may have changed, sorted, and whether the clusters were listed again. Its
// cost follows what changed, not how many clusters there are.
func (h *Hub) affected(ctx context.Context, snap Snapshot) (names []string, listed bool, err error) {
	reselect, err := h.Resolver.refresh(ctx, snap)
	if err != nil {
		return nil, false, err
	}
	if h.base == nil {
		names, err := h.list(snap)
		return names, true, err
	}
	changed, err := snap.Changes(h.base)
	if err != nil {
		return nil, false, err
	}
	todo := maps.Clone(h.again)
	if reselect {
		for _, name := range h.reselected() {
			todo[name] = struct{}{}
		}
	}
	for _, path := range changed {
		for name := range h.places[path] {
			todo[name] = struct{}{}
		}
		if _, is := h.listing.places[path]; is {
			listed = true
		}
	}
	if listed {
		names, err := h.list(snap)
		if err != nil {
			return nil, false, err
		}
		for _, name := range names {
			if h.resolved[name] == nil {
				todo[name] = struct{}{}
			}
		}
	}
	maps.DeleteFunc(todo, func(name string, _ struct{}) bool {
		_, listed := slices.BinarySearch(h.listing.names, name)
		return !listed
	})
	return slices.Sorted(maps.Keys(todo)), listed, nil
}

// reselected are the clusters that apps for many clusters have come to or gone from, or that waited for a doubt about
// them.
func (h *Hub) reselected() (names []string) {
	for name, res := range h.resolved {
		last := h.records[name].Bundle
		// what waited for the doubt
		keeps := res.Doubt != "" && (last.Incomplete != "" || len(last.Apps) > len(res.Apps))
		if keeps || res.selecting || h.Resolver.reselected(res) {
			names = append(names, name)
		}
	}
	return names
}

// showProblems shows what is wrong with what concerns many clusters.
func (h *Hub) showProblems() {
	h.state.edit(func(_ *query.Index, s *SourceStatus) {
		s.Problems = slices.Concat(h.listing.problems, h.Resolver.FleetProblems())
	})
}

// list finds out which clusters have a folder.
func (h *Hub) list(snap Snapshot) ([]string, error) {
	rec := NewRecorder(snap)
	names, problems, err := h.Resolver.Clusters(rec)
	if err != nil {
		return nil, err
	}
	l := &listing{names: names, problems: problems, places: map[string]struct{}{}}
	for _, place := range placesOf(rec.Deps()) {
		l.places[place] = struct{}{}
	}
	h.listing = l
	return names, nil
}

// resolve resolves one cluster and notes on what that depends.
func (h *Hub) resolve(ctx context.Context, snap Snapshot, name string) error {
	h.Resolver.memo.trace()
	h.Resolver.renders.begin(name)
	res, err := h.Resolver.Resolve(ctx, snap, name, h.records[name].Bundle.Apps)
	if h.Resolver.renders.end(); errors.Is(err, errBeingRead) {
		h.putOff(name)
		return nil
	}
	if err != nil {
		return err
	}
	h.forget(name)
	res.questions = h.Resolver.memo.traced()
	for _, p := range res.places {
		if h.places[p] == nil {
			h.places[p] = map[string]struct{}{}
		}
		h.places[p][name] = struct{}{}
	}
	h.resolved[name] = &res
	if h.Resolver.memo.crowded() {
		h.collect(ctx, h.grace())
	}
	if res.Transient {
		h.again[name] = struct{}{}
	} else {
		delete(h.again, name)
	}
	return nil
}

func (h *Hub) forget(name string) {
	old := h.resolved[name]
	if old == nil {
		return
	}
	for _, p := range old.places {
		delete(h.places[p], name)
		if len(h.places[p]) == 0 {
			delete(h.places, p)
		}
	}
	delete(h.resolved, name)
	delete(h.again, name)
}
