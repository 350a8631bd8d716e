package git

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/repository"
	"github.com/drover-dev/drover/hub/model"
)

var _ model.Revisions = (*Source)(nil)

// firstBackoff is how long Next waits after a first error. It doubles with each further one,
// up to the poll interval.
const firstBackoff = time.Second

// Source watches one branch of one repository. It is safe for concurrent use; calls of Next
// take turns.
type Source struct {
	origin origin
	poll   time.Duration
	poked  chan struct{} // holds at most one hint
	fresh  atomic.Bool   // the next look is to be told whatever it finds
	turn   chan struct{} // held while Next runs; guards what follows

	last     string    // the commit that the origin was at when it was last looked at
	lookedAt time.Time // when that was
	failures int       // looks that failed since then
}

// origin is a repository that a Source watches.
type origin interface {
	// look finds out where the branch is, and makes sure that it can be read.
	look(ctx context.Context) (repository.Head, error)
	// Known is where the branch was when the origin was last reached, maybe before a restart.
	known() (repository.Head, bool)
	// open reads a commit that look or known named.
	open(h repository.Head) (*repository.Snapshot, error)
	// moved tells that a look is worth while, or is nil if nothing but polling does.
	moved() <-chan struct{}
	close() error
}

// Open prepares to watch a repository. It reads and writes nothing yet: what is wrong with
// the repository, Next says. An error of Open means that the options cannot work.
func Open(opts Options) (*Source, error) {
	at, err := access.Parse(opts.URL)
	if err != nil {
		return nil, err
	}
	opts.Branch = strings.TrimPrefix(opts.Branch, repository.BranchPrefix)
	switch {
	case opts.Branch != "" && !repository.ValidRef(repository.BranchPrefix+opts.Branch):
		return nil, fmt.Errorf("repository %s: %q cannot be the name of a branch: correct it", at.Name(), opts.Branch)
	case opts.PollInterval < 0:
		return nil, fmt.Errorf("repository %s: poll interval %s is negative: leave it out for %s", at.Name(), opts.PollInterval, defaultPoll)
	case opts.PollInterval == 0:
		opts.PollInterval = defaultPoll
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	var o origin = &local{path: at.Path, branch: opts.Branch, log: opts.Log}
	if at.Path == "" {
		if o, err = newRemote(at, opts); err != nil {
			return nil, err
		}
	}
	return newSource(o, opts.PollInterval), nil
}

func newSource(o origin, poll time.Duration) *Source {
	return &Source{origin: o, poll: poll, poked: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
}

// Poke makes Next look at once (model.Revisions). It never blocks; many pokes are one look.
func (s *Source) Poke() {
	select {
	case s.poked <- struct{}{}:
	default:
	}
}

// Refresh makes Next look at once and return what it finds (model.Revisions).
func (s *Source) Refresh() {
	s.fresh.Store(true)
	s.Poke()
}

// Close stops watching. Snapshots stay readable. A Next that waits still ends with its context.
func (s *Source) Close() error { return s.origin.close() }

// Next blocks until the branch is at another commit than after, or can be read again (model.Revisions). After an error
// the next call waits before it looks again: one second, then twice as long with each error, up to
// the poll interval. Poke cuts the wait short, and so does a change in a repository on this machine.
//
// If the first look after a start fails, and after is "", the revision that the mirror has from
// before is returned, which says that it was not fetched, and the error by the next call.
func (s *Source) Next(ctx context.Context, after string) (model.Snapshot, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		if err := s.wait(ctx, s.delay(after)); err != nil {
			return nil, err
		}
		known := after
		if s.fresh.Swap(false) || s.failures > 0 {
			known = "" // that it can be read again is to be told, also if nothing has changed
		}
		next, err := s.look(ctx, known)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return s.failed(after, err)
		}
		s.failures = 0
		if next != nil {
			return next, nil
		}
	}
}

// look returns the snapshot of the branch if it is not at after.
func (s *Source) look(ctx context.Context, after string) (*repository.Snapshot, error) {
	began := time.Now()
	h, err := s.origin.look(ctx)
	if err != nil {
		return nil, err
	}
	s.last, s.lookedAt = h.ID.String(), time.Now()
	if s.last == after {
		return nil, nil
	}
	snap, err := s.origin.open(h)
	if err == nil {
		snap.FetchedAt(began)
	}
	return snap, err
}

// failed counts an error and returns it. If it is the first thing that happens after a start,
// the revision from before is returned instead: a Git server that is away must not keep the hub from
// working with what it has. The error comes with the next call, then.
func (s *Source) failed(after string, err error) (model.Snapshot, error) {
	s.failures++
	if h, ok := s.origin.known(); ok && after == "" && s.failures == 1 && s.last == "" {
		if old, openErr := s.origin.open(h); openErr == nil {
			return old, nil
		}
	}
	return nil, err
}

// delay is how long to wait before the next look, if nobody hints at one.
func (s *Source) delay(after string) time.Duration {
	switch {
	case s.failures > 0:
		return jitter(min(firstBackoff<<min(s.failures-1, 20), s.poll))
	case s.last != after || s.lookedAt.IsZero():
		return 0
	default:
		return jitter(s.poll) - time.Since(s.lookedAt)
	}
}

// jitter spreads a time by a tenth to either side, so that many hubs do not ask one server at once.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// wait blocks for d, or until there is a hint at a change.
func (s *Source) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	case <-s.poked:
	case <-s.origin.moved():
	}
	return ctx.Err()
}
