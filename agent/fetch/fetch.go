// Package fetch gets an app the plan that the bundle asks for: it waits for the blob and for the inputs that the plan
// is made with, and has it made again when an input changes. Package planning makes plans; a Fetcher knows which one
// its app is waiting for, and why it is not there.
//
// A Fetcher belongs to the goroutine of its app, and makes plans beside it. It may import agent, the packages actor,
// input, orders, owned, plan and planning in agent/, fleet and protocol.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a fetcher works with.
type Config struct {
	*owned.Set
	*orders.Current
	*actor.Actor
	App
	Env
}

// App is what the app does for its fetcher.
type App interface {
	// Assess finds out in which phase the app is.
	Assess(ctx context.Context)
}

// Env is what the fetchers of all apps reach and share.
type Env struct {
	Life      context.Context // of the session
	Maker     Maker
	Namespace string // the agent's own
	Log       *slog.Logger
	Known     func(app string) // tells the other apps that it is known what one wants
}

// Maker makes plans.
type Maker interface {
	// Make makes one.
	Make(ctx context.Context, w planning.Want) (*plan.Plan, error)
	// Retry tries until a try is the last. before is why the try before failed; nil if there was none.
	Retry(ctx context.Context, before error, try func(context.Context) (last bool))
	// Outdated says whether an input of a plan changed since the plan was made.
	Outdated(p *plan.Plan) bool
	// Awaits says whether a failure is that an input is not there, which its watch will tell of.
	Awaits(err error) bool
}

// Fetcher gets an app its plans.
type Fetcher struct {
	Config
	planning.Fetch
}

// New makes one that waits for nothing.
func New(c Config) Fetcher { return Fetcher{Config: c} }

// Source is what a plan of the app is to be made of. received is when the bundle came; zero if that does not matter.
func (f *Fetcher) Source(generation uint64, received time.Time) planning.Want {
	return planning.Want{Spec: f.Spec, Had: f.Plan, Spare: f.Spare, Epoch: f.Accepted.Bundle.Epoch,
		Generation: generation, Received: received}
}

// Deliver has a plan that was made for the bundle be the app's next.
func (f *Fetcher) Deliver(p *plan.Plan) {
	f.Next, f.Took = p, true
	f.Arrived()
	if f.Maker.Outdated(p) {
		f.remake()
	}
}

// Obtain goes on trying to get the app's plan. err is why it was not made with the others; nil if that was not tried.
func (f *Fetcher) Obtain(generation uint64, err error) {
	if err != nil {
		f.Missing(err)
	}
	if f.Maker.Awaits(err) {
		return
	}
	getting, stop := f.Begin(f.Life)
	f.Spawn(func() {
		defer stop()
		f.Maker.Retry(getting, err, func(ctx context.Context) (last bool) {
			var w planning.Want
			f.Do(func() { w = f.Source(generation, time.Time{}) })
			p, err := f.Maker.Make(ctx, w)
			f.Do(func() { last = ctx.Err() != nil || f.obtained(p, err) })
			return last
		})
	})
}

// obtained takes the outcome of a try, and says whether it was the last.
func (f *Fetcher) obtained(p *plan.Plan, err error) (last bool) {
	if err != nil {
		f.Missing(err)
		f.Assess(f.Life)
		return f.Maker.Awaits(err)
	}
	if f.Maker.Outdated(p) {
		return false
	}
	f.Next = p
	f.Arrived()
	f.Kick()
	f.TellLater(func() { f.Known(f.Name) })
	return true
}

// Supplied has the plan made again if an input that the app takes something from is another than the one it took.
func (f *Fetcher) Supplied(ref protocol.VarsRef, version uint64) {
	if f.Leaving || !slices.Contains(input.Of(f.Spec.Handling, f.Namespace), ref) {
		return
	}
	p := f.Next
	if p == nil && f.Plan.Same(f.Spec) {
		p = f.Plan
	}
	if p == nil || p.InputVersion(ref) != version {
		f.remake()
	}
}

// remake reads the app's blob and its inputs again.
func (f *Fetcher) remake() {
	if f.Spec.Blob == nil || plan.Unmet(f.Spec) != "" {
		return
	}
	f.Stop()
	f.Obtain(f.Accepted.Bundle.Generation, nil)
}

// Unusable takes down why no plan could be made of what is stored of the app. What is stored is kept for when an input
// that was missing is there.
func (f *Fetcher) Unusable(st agent.AppState, err error) {
	code := protocol.ReasonContentUnusable
	if plan.Unmet(st.Spec) != "" {
		code = protocol.ReasonAgentTooOld
	}
	f.Unfit = owned.Fact(code, fmt.Sprintf("what is stored of it cannot be used: %v", err))
	if errors.As(err, new(*input.Lacking)) {
		f.Spare = planning.Spare{Packed: st.Packed, Digest: st.Spec.Blob.Digest}
	}
	f.Log.Warn("the stored objects of an app cannot be used; downloading them from the hub again",
		"app", f.Name, "err", err)
}
