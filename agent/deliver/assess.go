package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/protocol"
)

// schedule sets the app's timer for the next thing that is due by itself, if any.
func (a *app) schedule(ctx context.Context) {
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
	if !a.suspended() {
		for _, o := range a.own {
			a.kindless = a.kindless || o.kindless()
			if o.unnoticed.open() {
				sooner(o.unnoticed.until)
			}
			if o.trouble != nil && !o.trouble.final {
				sooner(o.trouble.next)
			}
			if o.want == nil && o.hold != nil && a.held == "" {
				sooner(o.hold.next)
			}
		}
		if a.fault != nil {
			sooner(a.fault.next)
		}
		if !a.hooks.until.IsZero() {
			sooner(a.hooks.until)
		}
		if a.dirty {
			sooner(now.Add(saveDelay))
		}
	}
	switch {
	case a.reason == protocol.ReasonPaused: // which time does not end
	case a.phase == protocol.PhaseWaiting && a.wasHealthy:
		sooner(a.illSince.Add(grace))
	case a.phase == protocol.PhaseWaiting:
		sooner(a.appliedAt.Add(a.timeout()))
	}
	a.Alarm(ctx, next, a.Post, a.Kick)
	a.TellLater(func() { a.env.kinds.Follow(a.env.waitsForKinds) })
}

// retry makes what failed due at once, where the reason may be gone.
func (a *app) retry(why func(*object) bool) {
	for _, o := range a.own {
		if o.trouble != nil && why(o) {
			o.trouble.next = time.Time{}
			a.Kick()
		}
	}
}

// retryAll is retry for all apps.
func (a *app) retryAll(why func(*object) bool) {
	a.retry(why)
	a.TellLater(func() {
		for _, other := range a.env.board.All() {
			if other != a {
				other.Post(func() { other.retry(why) })
			}
		}
	})
}

// assess finds out in which phase an app is, and tells if that changed.
func (a *app) assess(ctx context.Context) {
	now := time.Now()
	a.recheck(ctx)
	v := a.judge(now, a.accepted.Bundle.Suspend)
	changed, news := a.condition.take(v, now)
	if news {
		a.TellLater(func() { a.env.reconsider(a.name) })
	}
	a.env.out.Changed(changed && (v.Phase == protocol.PhaseHealthy || v.Phase == protocol.PhaseFailed || v.Phase == protocol.PhaseDegraded))
	if !changed {
		return
	}
	if kind := a.event(v); kind != "" {
		a.emit(protocol.Event{Kind: kind, App: a.name, Message: v.Message})
	}
	a.TellLater(a.env.moved.Announce)
	if v.Phase == protocol.PhaseHealthy {
		a.TellLater(func() { a.env.release(a.name) })
		a.retryAll(func(o *object) bool { return agent.ReasonOf(o.trouble.err) == agent.ReasonWebhook }) // it may be what answers
	}
	if v.Phase == protocol.PhaseWaiting && !a.Running {
		a.schedule(ctx)
	}
}

// assessIdle is assess for an app of which no turn is due. A turn does that by itself.
func (a *app) assessIdle(ctx context.Context) {
	if !a.Running {
		a.assess(ctx)
	}
}

// emit puts an event of the app into the journal.
func (a *app) emit(e protocol.Event) {
	e.Generation = a.accepted.Bundle.Generation
	if a.plan != nil && e.Revision == "" {
		e.Revision = a.settings.Revision
	}
	a.env.out.Record(e)
}

// summarize is what others may know of the app.
func (a *app) summarize() board.Summary {
	return board.Summary{Plan: a.plan, Next: a.next, Phase: a.phase, Fetching: a.fetching != "", Kindless: a.kindless,
		Clashing: len(a.clashes) > 0, Steers: a.steers, Status: a.status()}
}
