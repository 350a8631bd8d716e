package hub

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/brake"
	"github.com/drover-dev/drover/hub/model"
)

const (
	// refreshGap is the least time between two looks at the repository that agents' reports ask for.
	refreshGap = 5 * time.Second
)

// freshness is what the hub knows of how its view of Git stands to what was published before, and which clusters get
// nothing now and why: because of that, of the fence, or of too many generations. The loop alone touches it.
type freshness struct {
	source model.Revisions
	state  *State
	log    *slog.Logger
	fence  *fence  // only asked
	ledger *ledger // only asked

	bus       map[string]string          // the commit of each cluster's bundle on the bus
	stale     *query.Withheld            // the mirror is too old for anything to be published
	unsure    map[string]unsure          // clusters that have a commit which this hub does not know
	settled   map[string]string          // clusters → such a commit, where Git was looked at since
	delayed   map[string]bool            // clusters that were to get a generation and did not
	brakes    map[string]*brake.Brake    // by cluster
	refreshed time.Time                  // when a look was asked for last
	shown     map[string]*query.Withheld // what is shown of clusters
	departing bool                       // which folders are gone is to be looked at
	held      map[string]time.Time       // clusters → when the gate is to decide again
}

// unsure is a commit that an agent or the bus has and the hub does not know.
type unsure struct {
	revision string
	since    time.Time
}

func newFreshness(s Settings, state *State, f *fence, l *ledger) *freshness {
	return &freshness{source: s.Source, state: state, log: s.Log, fence: f, ledger: l, bus: map[string]string{},
		unsure: map[string]unsure{}, settled: map[string]string{}, delayed: map[string]bool{},
		brakes: map[string]*brake.Brake{}, shown: map[string]*query.Withheld{}, held: map[string]time.Time{}}
}

// due is when the first pause ends that a brake makes, or the gate is to decide again; zero if there is none.
func (f *freshness) due() (first time.Time) {
	for _, at := range f.held {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for name := range f.delayed {
		if b := f.brakes[name]; b != nil && time.Now().Before(b.Until) && (first.IsZero() || b.Until.Before(first)) {
			first = b.Until
		}
	}
	return first
}

// hold has the gate decide again for a cluster at a time; not, if that is zero.
func (f *freshness) hold(cluster string, until time.Time) {
	if until.IsZero() {
		delete(f.held, cluster)
		return
	}
	f.held[cluster] = until
}

// depart says whether it has to wait to look at which folders are gone, and whether it has waited before.
func (f *freshness) depart() (waited, waits bool) {
	waited = f.departing
	f.departing = f.fromAll() != nil
	return waited, f.departing
}

// onBus takes in the commits of the clusters' bundles on the bus.
func (f *freshness) onBus(commits map[string]string) { f.bus = commits }

// doubts says whether a cluster has a commit that this hub does not know.
func (f *freshness) doubts(cluster string) bool {
	_, is := f.unsure[cluster]
	return is
}

// later has clusters looked at when something may be published again.
func (f *freshness) later(clusters []string) {
	for _, name := range clusters {
		f.delayed[name] = true
	}
}

// inspect compares the revision that the hub is about to follow with what was published before.
func (f *freshness) inspect(ctx context.Context, snap model.Snapshot) error {
	stale, err := f.lag(ctx, snap)
	if err != nil {
		return err
	}
	if stale != nil && f.stale == nil {
		f.log.Warn("the mirror of the repository is too old, nothing is published", "revision", snap.Revision().Hash,
			"reason", stale.Reason, "why", stale.Message)
	}
	if f.stale = stale; !f.fromAll().Same(f.state.Source().Withheld) {
		f.state.edit(func(_ *query.Index, s *SourceStatus) { s.Withheld = f.fromAll() })
	}
	for name, u := range f.unsure {
		lacks, err := snap.Lacks(ctx, []string{u.revision})
		switch {
		case err != nil:
			return err
		case len(lacks) == 0:
			delete(f.unsure, name)
		case snap.Fetched().After(u.since):
			f.log.Warn("the agent has a commit that is not in the branch's history; the branch, fetched since, decides",
				"cluster", name, "commit", u.revision, "revision", snap.Revision().Hash)
			f.settled[name] = u.revision
			delete(f.unsure, name)
		default:
			f.withhold(name)
		}
	}
	if len(f.unsure) > 0 {
		f.refresh()
	}
	return nil
}

// lag says why nothing may be published from a snapshot: it was not fetched in this process, and lacks a commit
// that was published. nil if something may.
func (f *freshness) lag(ctx context.Context, snap model.Snapshot) (*query.Withheld, error) {
	if !snap.Fetched().IsZero() {
		return nil, nil
	}
	w := &query.Withheld{Reason: query.ReasonStaleMirror, Since: time.Now(),
		Command: "make the repository reachable; the cause stands above, and in the hub's log"}
	if f.stale != nil {
		w.Since = f.stale.Since
	}
	if f.fence.tookOver() {
		w.Message = fmt.Sprintf("this hub has taken the fleet over with epoch %d, and has not reached the repository "+
			"since it started", f.fence.epoch())
		return w, nil
	}
	published := map[string]string{} // commit → a cluster that has it
	for name, r := range f.ledger.all() {
		published[r.Bundle.Revision.Hash] = name
	}
	for name, commit := range f.bus {
		published[commit] = name
	}
	delete(published, "")
	lacks, err := snap.Lacks(ctx, slices.Sorted(maps.Keys(published)))
	if err != nil || len(lacks) == 0 {
		return nil, err
	}
	w.Message = fmt.Sprintf("the repository has not been reached since the hub started, and its mirror, at %.8s, "+
		"lacks commit %.8s, which was published for %s",
		snap.Revision().Hash, lacks[0], published[lacks[0]])
	return w, nil
}

// vouch says whether a cluster that has a commit may be given what the hub has resolved. If the commit is not known
// here, Git is looked at first: the hub may be the one that is behind. base is the revision that was resolved last, or
// nil.
func (f *freshness) vouch(ctx context.Context, base model.Snapshot, cluster, commit string) (bool, error) {
	if commit == "" || commit == f.ledger.of(cluster).Bundle.Revision.Hash && f.unsure[cluster].revision == "" {
		return true, nil
	}
	if f.settled[cluster] != commit { // it may come back: then the branch is asked again
		delete(f.settled, cluster)
	}
	if base != nil {
		lacks, err := base.Lacks(ctx, []string{commit})
		if err != nil {
			return false, err
		}
		if len(lacks) == 0 || f.settled[cluster] == commit {
			delete(f.unsure, cluster)
			return true, nil
		}
	}
	if f.unsure[cluster].revision != commit {
		f.unsure[cluster] = unsure{commit, time.Now()}
		if base != nil {
			f.log.Warn("the agent has a commit that this hub does not know: nothing is published for its cluster "+
				"until the repository has been fetched", "cluster", cluster, "commit", commit)
			f.withhold(cluster)
		}
	}
	if base != nil {
		f.refresh()
	}
	return false, nil
}

// refresh asks for a look at the repository that begins now, or soon.
func (f *freshness) refresh() {
	wait := time.Until(f.refreshed.Add(refreshGap))
	switch {
	case wait <= 0:
		f.refreshed = time.Now()
		f.source.Refresh()
	case wait < refreshGap: // one more is enough for all that ask meanwhile
		f.refreshed = f.refreshed.Add(refreshGap)
		time.AfterFunc(wait, f.source.Refresh)
	}
}

// barred says why nothing is planned or sent for a cluster now; nil if something is.
func (f *freshness) barred(cluster string) *query.Withheld {
	if w := f.fromAll(); w != nil {
		return w
	}
	if w := f.fence.foreign(cluster); w != nil {
		return w
	}
	if u, is := f.unsure[cluster]; is {
		return &query.Withheld{Reason: query.ReasonUnknown, Since: u.since,
			Command: "make the repository reachable, or see which other hub publishes",
			Message: fmt.Sprintf("its agent has commit %.8s, which this hub does not know; it waits for a fetch of the "+
				"repository",
				u.revision)}
	}
	return nil
}

// fromAll says why nothing is published for any cluster; nil if that is not so.
func (f *freshness) fromAll() *query.Withheld {
	if !f.fence.open() {
		return f.fence.shown
	}
	return f.stale
}

// braked says whether a cluster has had too many generations without a new commit, counting one more.
func (f *freshness) braked(cluster, commit string) bool {
	b := f.brakes[cluster]
	if b == nil {
		b = &brake.Brake{}
		f.brakes[cluster] = b
	}
	was := b.Until
	if !b.Note(commit, time.Now()) {
		return false
	}
	if b.Until != was {
		f.log.Error("too many generations without a new commit: the cluster gets none for a while",
			"cluster", cluster, "commit", commit, "generations", brake.Count, "in", brake.Window, "until", b.Until)
	}
	f.delay(cluster)
	return true
}

// delays says whether a cluster's next generation, made from a commit, has to wait, and notes that it does.
func (f *freshness) delays(cluster, commit string) bool {
	if f.barred(cluster) != nil {
		f.delay(cluster)
		return true
	}
	return f.braked(cluster, commit)
}

// delay notes that a cluster was to get a generation and did not.
func (f *freshness) delay(cluster string) {
	f.delayed[cluster] = true
	f.withhold(cluster)
}

// ready are the clusters whose generation was put off and need not wait any more, sorted. What is shown of the others
// is brought up to date.
func (f *freshness) ready() (names []string) {
	for name, until := range f.held {
		if !time.Now().Before(until) {
			f.delayed[name] = true
			delete(f.held, name)
		}
	}
	for name := range f.delayed {
		b := f.brakes[name]
		if f.barred(name) == nil && (b == nil || !time.Now().Before(b.Until)) {
			names = append(names, name)
			delete(f.delayed, name)
		}
	}
	for name := range f.shown {
		f.withhold(name)
	}
	slices.Sort(names)
	return names
}

// withhold brings up to date what is shown of why a cluster gets nothing, beyond what concerns all.
func (f *freshness) withhold(cluster string) {
	var w *query.Withheld
	if f.fromAll() == nil {
		w = f.barred(cluster)
	}
	if b := f.brakes[cluster]; w == nil && b != nil && time.Now().Before(b.Until) {
		w = &query.Withheld{Reason: query.ReasonFlood, Since: b.Until.Add(-b.Length),
			Command: "see whether another hub publishes; the next commit goes through",
			Message: fmt.Sprintf("it was given %d generations within %s without a new commit, so it gets none until %s",
				brake.Count, brake.Window, b.Until.UTC().Format(time.RFC3339))}
	}
	if w.Same(f.shown[cluster]) {
		return
	}
	if f.shown[cluster] = w; w == nil {
		delete(f.shown, cluster)
	}
	f.state.edit(func(x *query.Index, _ *SourceStatus) {
		if _, known := x.Get(cluster); known {
			x.Edit(cluster).Withheld = w
		}
	})
}
