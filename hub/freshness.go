package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

const (
	// refreshGap is the least time between two looks at the repository that agents' reports ask for.
	refreshGap = 5 * time.Second
	// floodCount generations in floodTime without a new commit are too many: then a cluster gets none for floodPause,
	// which doubles up to maxFloodPause while it goes on.
	floodCount    = 10
	floodTime     = time.Minute
	floodPause    = time.Minute
	maxFloodPause = 15 * time.Minute
)

// freshness is what the hub knows of how its view of Git stands to what was published before, and what it has put off
// because of it. The loop alone touches it.
type freshness struct {
	bus       map[string]string          // the commit of each cluster's bundle on the bus
	stale     *query.Withheld            // the mirror is too old for anything to be published
	unsure    map[string]unsure          // clusters that have a commit which this hub does not know
	settled   map[string]string          // clusters → such a commit, where Git was looked at since
	delayed   map[string]bool            // clusters that were to get a generation and did not
	brakes    map[string]*brake          // by cluster
	refreshed time.Time                  // when a look was asked for last
	shown     map[string]*query.Withheld // what is shown of clusters
	departing bool                       // which folders are gone is to be looked at
}

// unsure is a commit that an agent or the bus has and the hub does not know.
type unsure struct {
	revision string
	since    time.Time
}

// brake counts the generations of a cluster since the last commit.
type brake struct {
	commit string
	times  []time.Time // of the last ones
	until  time.Time   // none before
	pause  time.Duration
}

func newFreshness() freshness {
	return freshness{bus: map[string]string{}, unsure: map[string]unsure{}, settled: map[string]string{},
		delayed: map[string]bool{}, brakes: map[string]*brake{}, shown: map[string]*query.Withheld{}}
}

// note takes in one more generation, and says whether it is one too many.
func (b *brake) note(commit string, now time.Time) (tooMany bool) {
	if commit != b.commit {
		*b = brake{commit: commit}
	}
	if now.Before(b.until) {
		return true
	}
	b.times = slices.DeleteFunc(b.times, func(t time.Time) bool { return now.Sub(t) >= floodTime })
	if len(b.times) >= floodCount {
		b.pause = min(max(2*b.pause, floodPause), maxFloodPause)
		b.until, b.times = now.Add(b.pause), nil
		return true
	}
	b.times = append(b.times, now)
	return false
}

// due is when the first pause ends that a brake makes; zero if there is none.
func (f *freshness) due() (first time.Time) {
	for name := range f.delayed {
		if b := f.brakes[name]; b != nil && time.Now().Before(b.until) && (first.IsZero() || b.until.Before(first)) {
			first = b.until
		}
	}
	return first
}

// inspect compares the revision that the hub is about to follow with what was published before.
func (h *Hub) inspect(ctx context.Context, snap model.Snapshot) error {
	f := &h.fresh
	stale, err := h.stale(ctx, snap)
	if err != nil {
		return err
	}
	if stale != nil && f.stale == nil {
		h.Log.Warn("the mirror of the repository is too old, nothing is published", "revision", snap.Revision().Hash,
			"reason", stale.Reason, "why", stale.Message)
	}
	if f.stale = stale; !h.withheldFromAll().Same(h.state.Source().Withheld) {
		h.state.edit(func(_ *query.Index, s *SourceStatus) { s.Withheld = h.withheldFromAll() })
	}
	for name, u := range f.unsure {
		lacks, err := snap.Lacks(ctx, []string{u.revision})
		switch {
		case err != nil:
			return err
		case len(lacks) == 0:
			delete(f.unsure, name)
		case snap.Fetched().After(u.since):
			h.Log.Warn("the agent has a commit that is not in the branch's history; the branch, fetched since, decides",
				"cluster", name, "commit", u.revision, "revision", snap.Revision().Hash)
			f.settled[name] = u.revision
			delete(f.unsure, name)
		default:
			h.withhold(name)
		}
	}
	if len(f.unsure) > 0 {
		h.refresh()
	}
	return nil
}

// stale says why nothing may be published from a snapshot: it was not fetched in this process, and lacks a commit
// that was published. nil if something may.
func (h *Hub) stale(ctx context.Context, snap model.Snapshot) (*query.Withheld, error) {
	if !snap.Fetched().IsZero() {
		return nil, nil
	}
	w := &query.Withheld{Reason: query.ReasonStaleMirror, Since: time.Now(),
		Command: "make the repository reachable; the cause stands above, and in the hub's log"}
	if h.fresh.stale != nil {
		w.Since = h.fresh.stale.Since
	}
	if !h.fence.took.IsZero() {
		w.Message = fmt.Sprintf("this hub has taken the fleet over with epoch %d, and has not reached the repository "+
			"since it started", h.fence.lead.Epoch)
		return w, nil
	}
	published := map[string]string{} // commit → a cluster that has it
	for name, r := range h.records {
		published[r.Bundle.Revision.Hash] = name
	}
	for name, commit := range h.fresh.bus {
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
// here, Git is looked at first: the hub may be the one that is behind.
func (h *Hub) vouch(ctx context.Context, cluster, commit string) (bool, error) {
	f := &h.fresh
	if commit == "" || commit == h.records[cluster].Bundle.Revision.Hash && f.unsure[cluster].revision == "" {
		return true, nil
	}
	if f.settled[cluster] != commit { // it may come back: then the branch is asked again
		delete(f.settled, cluster)
	}
	if h.base != nil {
		lacks, err := h.base.Lacks(ctx, []string{commit})
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
		if h.base != nil {
			h.Log.Warn("the agent has a commit that this hub does not know: nothing is published for its cluster "+
				"until the repository has been fetched", "cluster", cluster, "commit", commit)
			h.withhold(cluster)
		}
	}
	if h.base != nil {
		h.refresh()
	}
	return false, nil
}

// refresh asks for a look at the repository that begins now, or soon.
func (h *Hub) refresh() {
	f := &h.fresh
	wait := time.Until(f.refreshed.Add(refreshGap))
	switch {
	case wait <= 0:
		f.refreshed = time.Now()
		h.Source.Refresh()
	case wait < refreshGap: // one more is enough for all that ask meanwhile
		f.refreshed = f.refreshed.Add(refreshGap)
		time.AfterFunc(wait, h.Source.Refresh)
	}
}

// check takes in what an agent has accepted: an epoch and a commit that this hub may not know.
func (h *Hub) check(ctx context.Context, cluster string, r protocol.Report) error {
	if err := h.alien(ctx, cluster, r.Epoch); err != nil {
		return err
	}
	_, was := h.fresh.unsure[cluster]
	ok, err := h.vouch(ctx, cluster, r.Revision.Hash)
	if err != nil || !ok || !was {
		return err
	}
	return h.catchUp(ctx)
}

// barred says why nothing is planned or sent for a cluster now; nil if something is.
func (h *Hub) barred(cluster string) *query.Withheld {
	if w := h.withheldFromAll(); w != nil {
		return w
	}
	if epoch := h.fence.aliens[cluster]; epoch > h.fence.lead.Epoch {
		return &query.Withheld{Reason: query.ReasonAgentEpoch, Since: time.Now(), Command: takeOverCommand,
			Message: fmt.Sprintf("its agent has accepted a bundle of epoch %d from another hub, and this hub has epoch %d",
				epoch, h.fence.lead.Epoch)}
	}
	if u, is := h.fresh.unsure[cluster]; is {
		return &query.Withheld{Reason: query.ReasonUnknown, Since: u.since,
			Command: "make the repository reachable, or see which other hub publishes",
			Message: fmt.Sprintf("its agent has commit %.8s, which this hub does not know; it waits for a fetch of the repository",
				u.revision)}
	}
	return nil
}

// withheldFromAll says why nothing is published for any cluster; nil if that is not so.
func (h *Hub) withheldFromAll() *query.Withheld {
	if !h.open() {
		return h.fence.shown
	}
	return h.fresh.stale
}

// braked says whether a cluster has had too many generations without a new commit, counting one more.
func (h *Hub) braked(cluster, commit string) bool {
	b := h.fresh.brakes[cluster]
	if b == nil {
		b = &brake{commit: commit}
		h.fresh.brakes[cluster] = b
	}
	was := b.until
	if !b.note(commit, time.Now()) {
		return false
	}
	if b.until != was {
		h.Log.Error("too many generations without a new commit: the cluster gets none for a while",
			"cluster", cluster, "commit", commit, "generations", floodCount, "in", floodTime, "until", b.until)
	}
	h.delay(cluster)
	return true
}

// delays says whether a cluster's next generation, made from a commit, has to wait, and notes that it does.
func (h *Hub) delays(cluster, commit string) bool {
	if h.barred(cluster) != nil {
		h.delay(cluster)
		return true
	}
	return h.braked(cluster, commit)
}

// delay notes that a cluster was to get a generation and did not.
func (h *Hub) delay(cluster string) {
	h.fresh.delayed[cluster] = true
	h.withhold(cluster)
}

// delayAll has every cluster looked at when something may be published again.
func (h *Hub) delayAll() {
	for name := range h.resolved {
		h.fresh.delayed[name] = true
	}
	for name := range h.left {
		h.fresh.delayed[name] = true
	}
}

// catchUp gives clusters their generation that was put off, where that is over.
func (h *Hub) catchUp(ctx context.Context) error {
	if h.fresh.departing && h.listing != nil && h.withheldFromAll() == nil {
		if err := h.depart(ctx); err != nil {
			return err
		}
	}
	var names []string
	for name := range h.fresh.delayed {
		b := h.fresh.brakes[name]
		if h.barred(name) == nil && (b == nil || !time.Now().Before(b.until)) {
			names = append(names, name)
			delete(h.fresh.delayed, name)
		}
	}
	for name := range h.fresh.shown {
		h.withhold(name)
	}
	if len(names) == 0 && (len(h.unsent) == 0 || h.withheldFromAll() != nil) {
		return nil
	}
	slices.Sort(names)
	_, err := h.publish(ctx, names)
	return err
}

// withhold brings up to date what is shown of why a cluster gets nothing, beyond what concerns all.
func (h *Hub) withhold(cluster string) {
	var w *query.Withheld
	if h.withheldFromAll() == nil {
		w = h.barred(cluster)
	}
	if b := h.fresh.brakes[cluster]; w == nil && b != nil && time.Now().Before(b.until) {
		w = &query.Withheld{Reason: query.ReasonFlood, Since: b.until.Add(-b.pause),
			Command: "see whether another hub publishes; the next commit goes through",
			Message: fmt.Sprintf("it was given %d generations within %s without a new commit, so it gets none until %s",
				floodCount, floodTime, b.until.UTC().Format(time.RFC3339))}
	}
	if w.Same(h.fresh.shown[cluster]) {
		return
	}
	if h.fresh.shown[cluster] = w; w == nil {
		delete(h.fresh.shown, cluster)
	}
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		if _, known := x.Get(cluster); known {
			x.Edit(cluster).Withheld = w
		}
	})
}
