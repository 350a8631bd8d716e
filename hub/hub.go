package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// flushEvery is how many clusters are resolved before what they gave is stored and published: early
// clusters need not wait for late ones.
const flushEvery = 256

// Hub is the loop: follow → resolve → release → publish; and back: ingest → state. Its parts have one writer each. The
// loop alone touches them, but for the state and those that say that they are safe for concurrent use.
type Hub struct {
	Settings

	state *State
	tasks chan func(context.Context) error // run by the loop
	wake  <-chan time.Time                 // when tick is due; nil for never

	ledger       *ledger
	plans        *plans     // resolve
	publisher    *publisher // release and publish
	rounds       *rounds    // of releases in waves
	capabilities *capabilities
	overdue      *overdue
}

// New makes a Hub that is ready for its settings to be made.
func New(repository string) *Hub {
	return &Hub{Settings: Settings{Repository: repository}, state: newState(repository),
		tasks: make(chan func(context.Context) error, 1024)}
}

// State is what the hub knows.
func (h *Hub) State() *State { return h.state }

// Waiting is how much the loop has yet to do. It is safe for concurrent use.
func (h *Hub) Waiting() int { return len(h.tasks) }

// begin makes the parts of the hub from what it remembers.
func (h *Hub) begin(ctx context.Context) error {
	records, err := h.Store.Clusters()
	if err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	holds, err := h.Store.Holds()
	if err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	h.ledger = &ledger{records}
	h.capabilities = newCapabilities(h.Settings, h.state, h.ledger)
	h.plans = newPlans(h.Settings, h.state, h.ledger, h.capabilities, func(name string) {
		h.do(func(ctx context.Context) error {
			if !h.plans.waits(name) {
				return nil
			}
			return h.resolveLate(ctx, []string{name})
		})
	})
	h.overdue = newOverdue(func(cluster string, times int) { h.urge(ctx, cluster, times) })
	h.publisher, err = newPublisher(h.Settings, h.state, h.ledger, h.plans, h.capabilities, h.overdue, holds, h.do)
	if err != nil {
		return err
	}
	h.rounds = newRounds(h.Settings, h.publisher, h.plans, h.do)
	h.publisher.releasing.rolling.expect(h.publisher.fence)
	return nil
}

// Run follows the repository until ctx is done. What fails is shown, and tried again.
func (h *Hub) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := h.begin(ctx); err != nil {
		return err
	}
	defer h.publisher.collector.stop()
	defer h.rounds.stop()
	defer h.Resolver.Close()
	snapshots, heard := make(chan model.Snapshot), make(chan error, 1)
	go follow(ctx, h.Settings, h.state, snapshots)
	go h.state.contents.Read(ctx, h.Resolver.Objects, h.Log)
	if h.Sources != nil {
		go h.track(ctx)
	}
	defer h.overdue.stop()
	go h.Journal.Copy(ctx, h.Log)
	go func() { heard <- h.Bus.Listen(ctx, newListener(ctx, h)) }()
	h.retry(ctx, "compare with the bus", h.publisher.reconcile)
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
		case <-h.Resolver.Finished():
			h.retry(ctx, "publish", h.rendered)
		case <-h.wake:
			h.retry(ctx, "look for other hubs", h.tick)
		}
	}
}

// do has the loop do something.
func (h *Hub) do(task func(context.Context) error) { h.tasks <- task }

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
				h.state.stalled(nil)
			}
			return
		}
		h.Log.Error(what+": it is tried again", "err", err)
		h.state.stalled(err)
		_ = pause.Wait(ctx, nil)
	}
}

// follow hands on revisions as they appear.
func follow(ctx context.Context, s Settings, state *State, to chan<- model.Snapshot) {
	after := ""
	for ctx.Err() == nil {
		snap, err := s.Source.Next(ctx, after)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.Log.Warn("the repository cannot be read; keeping what was published last", "err", err)
			state.unfollowed(err)
			continue // Source paces itself
		}
		after = snap.Revision().Hash
		select {
		case to <- snap:
		case <-ctx.Done():
		}
	}
}

// turn resolves what a revision changed, and publishes it.
func (h *Hub) turn(ctx context.Context, snap model.Snapshot) error {
	begin := time.Now()
	rev := snap.Revision()
	revision := protocol.Revision{Hash: rev.Hash, Branch: rev.Branch, Subject: rev.Subject, Time: rev.Time}
	p := h.plans
	todo, listed, err := p.affected(ctx, snap)
	if err != nil {
		h.Log.Error("this revision cannot be followed; keeping what was published last", "revision", revision.Short(), "err", err)
		h.state.unfollowed(err)
		return nil
	}
	p.begin(revision, content.MailOf(rev.Author), p.reviews(ctx, snap))
	if err := h.publisher.fresh.inspect(ctx, snap); err != nil {
		return err
	}
	if listed {
		if err := h.publisher.depart(ctx); err != nil {
			return err
		}
	} else {
		h.publisher.cutOff()
	}
	others := h.publisher.releasing.rolling.follow()
	published, err := h.resolveAll(ctx, snap, todo)
	if err != nil {
		return err
	}
	if p.end(snap); others { // whom they hold is known when every cluster has been looked at
		if _, err := h.publisher.publish(ctx, p.known()); err != nil {
			return err
		}
	}
	if err := errors.Join(h.publisher.releasing.rolling.lost(ctx), h.rounds.roll(ctx)); err != nil {
		return err
	}
	h.state.edit(func(_ *query.Index, s *SourceStatus) {
		s.Revision, s.Branch, s.Resolved, s.Problems = revision, rev.Branch, time.Now(), p.problems()
		s.Error, s.ErrorSince = "", time.Time{}
	})
	if h.Meter != nil {
		h.Meter.Resolved(time.Since(begin), published)
	}
	h.Log.Info("resolved", "revision", revision.Short(), "clusters", len(p.listing.names), "affected", len(todo),
		"published", published, "took", time.Since(begin).Round(100*time.Microsecond))
	return h.publisher.catchUp(ctx)
}

// resolveAll resolves clusters and publishes what changed. It says how many bundles that were. What deletes much in a
// cluster waits until it is known in how many.
func (h *Hub) resolveAll(ctx context.Context, snap model.Snapshot, names []string) (published int, err error) {
	l := h.publisher.releasing.losses
	l.begin()
	patience := &resolve.Patience{}
	defer l.end()
	for chunk := range slices.Chunk(names, flushEvery) {
		for _, name := range chunk {
			if err := h.resolve(ctx, snap, name, patience); err != nil {
				return published, err
			}
		}
		n, err := h.publisher.publish(ctx, chunk)
		if err != nil {
			return published, err
		}
		published += n
	}
	later := l.collected(names, h.plans.revision.Hash, len(h.plans.listing.names))
	if len(later) == 0 {
		return published, nil
	}
	n, err := h.publisher.publish(ctx, later)
	return published + n, err
}

// resolve resolves one cluster. An error means that ctx is done.
func (h *Hub) resolve(ctx context.Context, snap model.Snapshot, name string, patience *resolve.Patience) error {
	if err := h.plans.resolve(ctx, snap, name, patience); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.plans.unreadable(name, err)
	}
	if h.Resolver.Crowded() {
		h.publisher.collect(ctx, h.publisher.collector.grace)
	}
	return nil
}

// tick looks for other hubs, and goes on with what waits for time to pass.
func (h *Hub) tick(ctx context.Context) error {
	defer h.arm()
	if err := h.publisher.convene(ctx, nil); err != nil {
		if ctx.Err() == nil {
			h.Log.Debug("other hubs cannot be asked for; they are when NATS is back", "err", err)
		}
		return nil
	}
	if h.publisher.fence.ripe {
		return errors.Join(h.publisher.reconcile(ctx), h.rounds.roll(ctx))
	}
	return h.publisher.catchUp(ctx)
}

// arm sets when tick is due next.
func (h *Hub) arm() {
	d := h.publisher.fence.pace()
	if at := h.publisher.fresh.due(); !at.IsZero() && (d == 0 || time.Until(at) < d) {
		d = max(time.Until(at), time.Millisecond)
	}
	if h.wake = nil; d > 0 {
		h.wake = time.After(d)
	}
}
