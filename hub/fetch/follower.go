package fetch

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/backoff"
)

// Remote is one source as a room of the hub fetches it. Fetch is called by one goroutine at a time, and Kept before
// the first Fetch.
type Remote interface {
	// Fetch asks the network for the newest state, and keeps it. The error says what happened and what to do; another
	// call is another try.
	Fetch(ctx context.Context) (model.View, error)
	// Kept gives what an earlier Fetch kept, maybe before a restart, without asking the network; nil if there is
	// nothing.
	Kept() model.View
	Close() error
}

// Opener prepares a Remote that keeps what it fetches below dir, which it makes if need be. It asks nobody yet: an
// error says that the source, as it is written, can never be fetched.
type Opener func(s model.Source, dir string) (Remote, error)

// What sources may take.
const (
	maxSources  = 2000 // of a hub, since each has a folder and a timer
	maxFetches  = 8    // at once
	retryFirst  = 2 * time.Second
	retryMost   = 5 * time.Minute
	gitInterval = time.Minute
	interval    = 5 * time.Minute // of everything else
	minInterval = 10 * time.Second
)

// Follower keeps sources up to date beside the hub's loop, each one once, whatever many clusters use it. What it
// fetched stays on the disk, so that a hub that starts while a source is away goes on with what there is. It is safe
// for concurrent use.
type Follower struct {
	dir     string
	open    Opener
	log     *slog.Logger
	ctx     context.Context
	stop    context.CancelFunc
	ended   sync.WaitGroup
	slots   chan struct{} // one is held while the network is asked
	moved   chan string   // keys of sources that moved
	fastest time.Duration

	mu       sync.Mutex
	followed map[string]*followed
}

// followed is one source. Follower.mu guards what follows poked.
type followed struct {
	key    string
	source model.Source
	dir    string
	remote Remote // nil if it cannot be opened
	stop   context.CancelFunc
	ended  chan struct{}
	poked  chan struct{} // holds at most one hint

	interval time.Duration
	view     model.View // nil before the first
	err      error
	since    time.Time // of err
	ending   bool      // nobody uses it any more
}

// NewFollower makes a Follower that keeps what it fetches below dir, where nobody else may write. fastest bounds how
// often a source is asked for, whatever it wants itself; 0 is ten seconds.
func NewFollower(dir string, open Opener, fastest time.Duration, log *slog.Logger) *Follower {
	if fastest <= 0 {
		fastest = minInterval
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Follower{dir: dir, open: open, log: log, ctx: ctx, stop: stop, fastest: fastest, slots: make(chan struct{}, maxFetches),
		moved: make(chan string), followed: map[string]*followed{}}
}

// Close ends everything that runs.
func (f *Follower) Close() {
	f.stop()
	f.ended.Wait()
}

// View implements Sources. It never waits for the network: a source that is new is fetched beside, and Moved tells
// when it is there.
func (f *Follower) View(_ context.Context, s model.Source) (model.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := s.Key()
	x, ok := f.followed[key]
	if !ok {
		if len(f.followed) >= maxSources {
			return nil, fmt.Errorf("%s: there are %d other sources already, which is the most: let apps share them", s, maxSources)
		}
		x = f.begin(key, s)
		f.followed[key] = x
	}
	if wants := max(s.Interval, f.fastest); s.Interval > 0 && wants < x.interval {
		x.interval = wants
	}
	switch {
	case x.ending: // Moved will tell when it can start again
	case x.view != nil:
		return x.view, nil
	case x.err != nil:
		return nil, x.err
	}
	return nil, &model.FetchingError{Source: s}
}

// begin starts to follow a source. f.mu is held.
func (f *Follower) begin(key string, s model.Source) *followed {
	ctx, stop := context.WithCancel(f.ctx)
	x := &followed{key: key, source: s.Fetched(), dir: filepath.Join(f.dir, key), stop: stop, ended: make(chan struct{}), poked: make(chan struct{}, 1)}
	if x.interval = interval; s.Kind == model.SourceGit {
		x.interval = gitInterval
	}
	x.interval = max(x.interval, f.fastest)
	if x.remote, x.err = f.open(x.source, x.dir); x.err != nil {
		x.since = time.Now()
		close(x.ended)
		return x
	}
	x.view = x.remote.Kept()
	f.ended.Go(func() {
		defer close(x.ended)
		f.follow(ctx, x)
		_ = x.remote.Close()
	})
	return x
}

// follow fetches a source until ctx is done.
func (f *Follower) follow(ctx context.Context, x *followed) {
	pause := backoff.Backoff{Min: retryFirst, Max: retryMost}
	for {
		view, err := f.fetch(ctx, x)
		if ctx.Err() != nil {
			return
		}
		if f.settle(x, view, err) {
			select {
			case f.moved <- x.key:
			case <-ctx.Done():
				return
			}
		}
		switch {
		case err != nil:
			pause.Max = min(retryMost, max(f.every(x), retryFirst))
			err = pause.Wait(ctx, x.poked)
		case x.source.Fixed():
			pause.Reset()
			err = wait(ctx, nil, x.poked)
		default:
			pause.Reset()
			timer := time.NewTimer(spread(f.every(x)))
			err = wait(ctx, timer.C, x.poked)
			timer.Stop()
		}
		if err != nil {
			return
		}
	}
}

func wait(ctx context.Context, timer <-chan time.Time, poked <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer:
	case <-poked:
	}
	return nil
}

// spread moves a time by a tenth to either side, so that many sources are not asked for at once.
func spread(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }

func (f *Follower) every(x *followed) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return x.interval
}

// fetch asks the network when it is this source's turn.
func (f *Follower) fetch(ctx context.Context, x *followed) (model.View, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return x.remote.Fetch(ctx)
}

// settle takes what a fetch gave, and says whether anything is different now.
func (f *Follower) settle(x *followed, view model.View, err error) (moved bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := x.err
	if err != nil {
		if x.err == nil {
			x.since = time.Now()
			f.log.Warn("a source cannot be fetched; keeping the last version of the apps that use it", "source", x.source.String(), "err", err)
		}
		x.err = err
		return before == nil || before.Error() != err.Error()
	}
	moved = before != nil || x.view == nil || x.view.Revision().Hash != view.Revision().Hash
	x.view, x.err, x.since = view, nil, time.Time{}
	return moved
}

// Moved gives the keys of sources that are at another revision, or in another state, than View last said.
func (f *Follower) Moved() <-chan string { return f.moved }

// Poke has all sources looked at at once.
func (f *Follower) Poke() { f.PokeAt(func(string) bool { return true }) }

// PokeAt has the sources looked at at once whose address fits, and says how many they are.
func (f *Follower) PokeAt(fits func(address string) bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.followed {
		if !fits(x.source.URL) {
			continue
		}
		n++
		select {
		case x.poked <- struct{}{}:
		default:
		}
	}
	return n
}

// Retain ends the sources that are not used any more, and removes all that was kept of any that is not.
func (f *Follower) Retain(used func(key string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, x := range f.followed {
		if !used(key) && !x.ending {
			x.ending = true
			x.stop()
			f.ended.Go(func() { f.end(x) })
		}
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return // there is nothing yet
	}
	for _, e := range entries {
		if f.followed[e.Name()] == nil && e.IsDir() && len(e.Name()) == len((model.Source{}).Key()) {
			f.remove(e.Name())
		}
	}
}

// end forgets a source when what runs for it has ended, and tells, since it may be wanted again by now.
func (f *Follower) end(x *followed) {
	<-x.ended
	f.mu.Lock()
	delete(f.followed, x.key)
	f.remove(x.key)
	f.mu.Unlock()
	select {
	case f.moved <- x.key:
	case <-f.ctx.Done():
	}
}

// remove takes what was kept of a source away.
func (f *Follower) remove(key string) {
	if err := os.RemoveAll(filepath.Join(f.dir, key)); err != nil {
		f.log.Warn("what was kept of a source that is not used any more cannot be removed", "err", err)
	}
}

// SourceState is how the hub stands to one source beside its repository.
type SourceState struct {
	Source   string `json:"source"`             // address and what of it is wanted
	Revision string `json:"revision,omitempty"` // commit, version or digest that is used; "" if there is none yet
	// Error says why the newest cannot be fetched; since when is Since. It is tried again.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// States tells how all sources are, sorted.
func (f *Follower) States() []SourceState {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]SourceState, 0, len(f.followed))
	for _, x := range f.followed {
		s := SourceState{Source: x.source.String(), Since: x.since}
		if x.view != nil {
			s.Revision = x.view.Revision().Hash
		}
		if x.err != nil {
			s.Error = x.err.Error()
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b SourceState) int { return strings.Compare(a.Source, b.Source) })
	return out
}
