// Package assess says at every moment in which phase an app is, and when time alone will make another one of it. What
// the phase follows from is the matter of package status. An Assessor keeps what was found last, and tells of every
// change: people, by the journal and the report; and the apps that wait for this one.
//
// An Assessor belongs to the goroutine of its app. It may import agent, the packages actor, checks, orders, owned and
// status in agent/, fleet and protocol.
package assess

import (
	"context"
	"errors"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/status"
	"github.com/drover-dev/drover/protocol"
)

// Config is what an assessor works with.
type Config struct {
	*owned.Set
	*orders.Current
	*actor.Actor
	App
	Checks  checks.Checks // the objects of others that must be healthy
	Retrier Retrier
	Env
}

// App is what the app does for its assessor.
type App interface {
	// Progress adds to a view how far the app has come with what the bundle asks for.
	Progress(v *status.View)
	// Emit puts an event into the journal.
	Emit(e protocol.Event)
}

// Retrier has what failed tried again, for all apps.
type Retrier interface {
	Webhooks() // which may answer from now on
}

// Env is what the assessors of all apps reach and share.
type Env struct {
	Neighbours
	Scope       agent.Scope
	News        func(urgent bool) // tells that the report is another
	FollowKinds func()            // has the kinds watched that come, as long as an app waits for one
	End         func(error)       // ends the session
}

// Neighbours are the other apps.
type Neighbours interface {
	Reconsider(app string) // has those look again that have a condition on an app
	Release(app string)    // has those begin that wait for an app
	Announce()             // tells that an app is in another phase
}

// Assessor knows in which phase an app is.
type Assessor struct {
	Config
	status.Condition
	actor.Timing
	Kindless bool           // objects of it wait for their kind to be served
	fault    *owned.Trouble // what concerns the whole app
}

// New makes one that knows nothing.
func New(c Config) Assessor { return Assessor{Config: c} }

// View is what there is to know of the app.
func (a *Assessor) View() status.View {
	v := status.View{Set: a.Set, Current: a.Config.Current, Fault: a.fault, Checks: a.Checks.Ill(), Scope: a.Scope}
	a.Progress(&v)
	return v
}

// Assess finds out in which phase the app is, and tells if that changed.
func (a *Assessor) Assess(ctx context.Context) {
	now := time.Now()
	a.check(ctx)
	s := a.Judge(a.View(), now)
	changed, news := a.Take(s, now)
	if news {
		a.TellLater(func() { a.Reconsider(a.Name) })
	}
	a.News(changed && (s.Phase == protocol.PhaseHealthy || s.Phase == protocol.PhaseFailed ||
		s.Phase == protocol.PhaseDegraded))
	if !changed {
		return
	}
	if kind := a.Event(s); kind != "" {
		a.Emit(protocol.Event{Kind: kind, App: a.Name, Message: s.Message})
	}
	a.TellLater(a.Announce)
	if s.Phase == protocol.PhaseHealthy {
		a.TellLater(func() { a.Release(a.Name) })
		a.Retrier.Webhooks()
	}
	if s.Phase == protocol.PhaseWaiting && !a.Running {
		a.Schedule(ctx)
	}
}

// AssessIdle is Assess for an app of which no turn is due. A turn does that by itself.
func (a *Assessor) AssessIdle(ctx context.Context) {
	if !a.Running {
		a.Assess(ctx)
	}
}

// Schedule has a turn taken when the next thing is due that nobody tells of, if any.
func (a *Assessor) Schedule(ctx context.Context) {
	v, now := a.View(), time.Now()
	a.Kindless = kindless(v)
	at := next(v, now)
	if until := a.Until(a.Timeout()); !until.IsZero() {
		at = sooner(at, until, now)
	}
	a.Alarm(ctx, at, a.Post, a.Kick)
	a.TellLater(a.FollowKinds)
}

// Fault takes down what keeps the whole app from going on.
func (a *Assessor) Fault(ctx context.Context, err error) {
	if errors.Is(err, agent.ErrLost) {
		a.End(err)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if a.fault == nil {
		a.fault = owned.NewTrouble()
	}
	a.fault.Note(err, time.Now())
	a.Assess(ctx)
}

// Recovered is for an app that can go on.
func (a *Assessor) Recovered() { a.fault = nil }

// Resting says whether what keeps the whole app from going on is not to be tried again yet.
func (a *Assessor) Resting() bool { return a.fault != nil && time.Now().Before(a.fault.Next) }

// Restored is for an app that another agent left.
func (a *Assessor) Restored() { a.Condition = status.Restored(time.Now()) }

// Stop ends what is waited for.
func (a *Assessor) Stop() {
	a.Timing.Stop()
	a.Checks.Stop()
}
