package app

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// saveDelay gathers what heals change in the inventory, which is nothing as a rule.
const saveDelay = 2 * time.Second

// schedule sets the app's timer for the next thing that is due by itself, if any.
func (a *App) schedule(ctx context.Context) {
	var next time.Time
	now := time.Now()
	sooner := func(t time.Time) {
		if !t.After(now) { // it was due and not done: it waits for something else
			t = now.Add(time.Second)
		}
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	a.kindless = false
	if !a.Suspended() {
		for _, o := range a.Own {
			a.kindless = a.kindless || o.Kindless()
			if o.Unnoticed.Open() {
				sooner(o.Unnoticed.Until)
			}
			if o.Trouble != nil && !o.Trouble.Final {
				sooner(o.Trouble.Next)
			}
			if o.Want == nil && o.Hold != nil && a.pruner.Held == "" {
				sooner(o.Hold.Next)
			}
		}
		if a.fault != nil {
			sooner(a.fault.Next)
		}
		if !a.hooks.Until.IsZero() {
			sooner(a.hooks.Until)
		}
		if a.Dirty {
			sooner(now.Add(saveDelay))
		}
	}
	if until := a.is.Until(a.Timeout()); !until.IsZero() {
		sooner(until)
	}
	a.Alarm(ctx, next, a.Post, a.Kick)
	a.TellLater(func() { a.env.Kinds.Follow(a.env.waitsForKinds) })
}

// retry makes what failed due at once, where the reason may be gone.
func (a *App) retry(why func(*owned.Object) bool) {
	for _, o := range a.Own {
		if o.Trouble != nil && why(o) {
			o.Trouble.Next = time.Time{}
			a.Kick()
		}
	}
}

// retryAll is retry for all apps.
func (a *App) retryAll(why func(*owned.Object) bool) {
	a.retry(why)
	a.TellLater(func() {
		for _, other := range a.env.Board.All() {
			if other != a {
				other.Post(func() { other.retry(why) })
			}
		}
	})
}

// assess finds out in which phase an app is, and tells if that changed.
func (a *App) assess(ctx context.Context) {
	now := time.Now()
	a.recheck(ctx)
	v := a.is.Judge(a.view(), now)
	changed, news := a.is.Take(v, now)
	if news {
		a.TellLater(func() { a.env.reconsider(a.Name) })
	}
	a.env.Out.Changed(changed && (v.Phase == protocol.PhaseHealthy || v.Phase == protocol.PhaseFailed || v.Phase == protocol.PhaseDegraded))
	if !changed {
		return
	}
	if kind := a.is.Event(v); kind != "" {
		a.Emit(protocol.Event{Kind: kind, App: a.Name, Message: v.Message})
	}
	a.TellLater(a.env.Moved.Announce)
	if v.Phase == protocol.PhaseHealthy {
		a.TellLater(func() { a.env.release(a.Name) })
		// it may be what answers
		a.retryAll(func(o *owned.Object) bool { return agent.ReasonOf(o.Trouble.Err) == agent.ReasonWebhook })
	}
	if v.Phase == protocol.PhaseWaiting && !a.Running {
		a.schedule(ctx)
	}
}

// assessIdle is assess for an app of which no turn is due. A turn does that by itself.
func (a *App) assessIdle(ctx context.Context) {
	if !a.Running {
		a.assess(ctx)
	}
}

// Emit puts an event of the app into the journal.
func (a *App) Emit(e protocol.Event) {
	e.Generation = a.Accepted.Bundle.Generation
	if a.Plan != nil && e.Revision == "" {
		e.Revision = a.Settings.Revision
	}
	a.env.Out.Record(e)
}

// Summarize is what others may know of the app.
func (a *App) Summarize() board.Summary {
	return board.Summary{Plan: a.Plan, Next: a.Next, Phase: a.is.Phase, Fetching: a.fetch.Fetching != "",
		Kindless: a.kindless, Clashing: len(a.Clashes) > 0, Steers: a.beside.Steers, Status: a.is.Status(a.view())}
}

// Quiet is told that an object is healed at once again.
func (a *App) Quiet(ctx context.Context) { a.assess(ctx) }

// Healed has the time until the app must be healthy count from now.
func (a *App) Healed(now time.Time) { a.is.Applied(now) }
