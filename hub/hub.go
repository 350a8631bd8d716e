package hub

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
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
	Store      Store
	Bus        Bus
	Identities Identities
	Signer     ed25519.PrivateKey
	Log        *slog.Logger

	state *State
	tasks chan func(context.Context) error // run by the loop, which alone touches what follows

	base     Snapshot                       // the revision that was resolved last
	revision protocol.Revision              // of base
	resolved map[string]*Resolution         // by cluster
	places   map[string]map[string]struct{} // path in the tree → clusters that depend on it
	names    []string                       // of the clusters with a folder
	records  map[string]Record
	floors   map[string]uint64 // generations that agents are known to have seen
	held     map[string]bool   // blobs that the bus has
	unsent   map[string]bool   // clusters whose record the bus has yet to take
}

// New makes a Hub that is ready for its fields to be set.
func New(repository string) *Hub {
	return &Hub{
		Repository: repository, state: newState(repository), tasks: make(chan func(context.Context) error, 1024),
		resolved: map[string]*Resolution{}, places: map[string]map[string]struct{}{}, floors: map[string]uint64{}, held: map[string]bool{}, unsent: map[string]bool{},
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
	h.recall()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	snapshots, heard := make(chan Snapshot), make(chan error, 1)
	go h.follow(ctx, snapshots)
	go func() { heard <- h.Bus.Listen(ctx, listener{h}) }()
	h.retry(ctx, "compare with the bus", h.reconcile)
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
		}
	}
}

// retry does something until it succeeds: the loop cannot go on without, and what fails here (the disk,
// the bus) is mended from outside.
func (h *Hub) retry(ctx context.Context, what string, do func(context.Context) error) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 10 * time.Second}
	for {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		h.Log.Error(what+": it is tried again", "err", err)
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
			h.Log.Warn("the repository cannot be read; everything stays as it is", "err", err)
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
	todo, names, problems, err := h.affected(snap)
	if err != nil {
		h.Log.Error("this revision cannot be followed; everything stays as it is", "revision", revision.Short(), "err", err)
		h.sourceError(err)
		return nil
	}
	h.release(names)
	h.names, h.revision = names, revision
	published := 0
	for chunk := range slices.Chunk(todo, flushEvery) {
		for _, name := range chunk {
			if err := h.resolve(ctx, snap, name); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				h.unreadable(name, err)
			}
		}
		n, err := h.publish(ctx, chunk)
		if err != nil {
			return err
		}
		published += n
	}
	h.base = snap
	h.state.edit(func(x *query.Index, s *SourceStatus) {
		s.Revision, s.Branch, s.Resolved, s.Problems = revision, rev.Branch, time.Now(), problems
		s.Error, s.ErrorSince = "", time.Time{}
		for _, name := range names {
			x.Edit(name).Desired.Revision = revision
		}
	})
	h.Log.Info("resolved", "revision", revision.Short(), "clusters", len(names), "affected", len(todo),
		"published", published, "took", time.Since(begin).Round(100*time.Microsecond))
	return nil
}

// unreadable notes that a cluster's part of the tree could not be read. It stays as it is, says so, and is looked at again
// at the next revision.
func (h *Hub) unreadable(name string, err error) {
	h.Log.Error("the cluster's folder cannot be read; it stays as it is", "cluster", name, "err", err)
	if res := h.resolved[name]; res != nil {
		res.Transient, res.Cluster.Problems = true, []string{err.Error()}
		return
	}
	h.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(name).Problems = []string{err.Error()} })
}

// affected are the clusters that a revision may have changed.
func (h *Hub) affected(snap Snapshot) (todo, names, problems []string, err error) {
	names, problems, err = h.Resolver.Clusters(snap)
	if err != nil {
		return nil, nil, nil, err
	}
	if h.base == nil {
		return names, names, problems, nil
	}
	changed, err := snap.Changes(h.base)
	if err != nil {
		return nil, nil, nil, err
	}
	hit := map[string]struct{}{}
	for _, path := range changed {
		for name := range h.places[path] {
			hit[name] = struct{}{}
		}
	}
	for _, name := range names {
		_, is := hit[name]
		if r := h.resolved[name]; is || r == nil || r.Transient {
			todo = append(todo, name)
		}
	}
	return todo, names, problems, nil
}

// resolve resolves one cluster and notes on what that depends.
func (h *Hub) resolve(ctx context.Context, snap Snapshot, name string) error {
	res, err := h.Resolver.Resolve(ctx, snap, name, h.records[name].Bundle.Apps)
	if err != nil {
		return err
	}
	h.forget(name)
	for _, p := range res.places {
		if h.places[p] == nil {
			h.places[p] = map[string]struct{}{}
		}
		h.places[p][name] = struct{}{}
	}
	h.resolved[name] = &res
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
}

// release notes clusters whose folder is gone. Nothing is published for them: what runs there is left running.
func (h *Hub) release(names []string) {
	gone := h.state.without(names)
	for _, name := range gone {
		h.forget(name)
	}
	if len(gone) == 0 {
		return
	}
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range gone {
			if c := x.Edit(name); c.Joined || c.Report != nil {
				c.Released = true
			} else {
				x.Remove(name)
			}
		}
	})
}
