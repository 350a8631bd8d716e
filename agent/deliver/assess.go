package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// suspended says whether an app is left as it is.
func (a *app) suspended() bool {
	return a.accepted.Bundle.Suspend || a.spec.Suspend
}

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
	a.alarm(ctx, next)
	a.tellLater(func() { a.env.kinds.Follow(a.env.waitsForKinds) })
}

// alarm has an app kicked at a time; never, if it is zero.
func (a *app) alarm(ctx context.Context, at time.Time) {
	if a.timer != nil {
		if a.wakeAt.Equal(at) {
			return
		}
		a.timer.Stop()
		a.timer = nil
	}
	if a.wakeAt = at; at.IsZero() || ctx.Err() != nil {
		return
	}
	a.timer = time.AfterFunc(time.Until(at), func() {
		a.post(func() {
			if a.wakeAt.Equal(at) && ctx.Err() == nil {
				a.timer = nil
				a.kick()
			}
		})
	})
}

// retry makes what failed due at once, where the reason may be gone.
func (a *app) retry(why func(*object) bool) {
	for _, o := range a.own {
		if o.trouble != nil && why(o) {
			o.trouble.next = time.Time{}
			a.kick()
		}
	}
}

// retryAll is retry for all apps.
func (a *app) retryAll(why func(*object) bool) {
	a.retry(why)
	a.tellLater(func() {
		for _, other := range a.env.board.all() {
			if other != a {
				other.post(func() { other.retry(why) })
			}
		}
	})
}

// assess finds out in which phase an app is, and tells if that changed.
func (a *app) assess(ctx context.Context) {
	now := time.Now()
	a.recheck(ctx)
	v := a.judge(now, a.accepted.Bundle.Suspend)
	if v.Phase == protocol.PhaseHealthy {
		a.wasHealthy = true
	}
	changed := v.Phase != a.phase
	if changed || v.Message != a.message || v.Reason != a.reason {
		a.tellLater(a.reconsider)
	}
	if changed {
		a.since = now
	}
	a.phase, a.health, a.reason, a.message = v.Phase, v.Health, v.Reason, v.Message
	a.env.out.Changed(changed && (v.Phase == protocol.PhaseHealthy || v.Phase == protocol.PhaseFailed || v.Phase == protocol.PhaseDegraded))
	if !changed {
		return
	}
	a.tell(v)
	a.tellLater(a.env.moved.Announce)
	if v.Phase == protocol.PhaseHealthy {
		a.tellLater(a.release)
		a.retryAll(func(o *object) bool { return agent.ReasonOf(o.trouble.err) == agent.ReasonWebhook }) // it may be what answers
	}
	if v.Phase == protocol.PhaseWaiting && !a.running {
		a.schedule(ctx)
	}
}

// assessIdle is assess for an app of which no turn is due. A turn does that by itself.
func (a *app) assessIdle(ctx context.Context) {
	if !a.running {
		a.assess(ctx)
	}
}

// tell puts a change of phase into the journal, if it is one that people wait for.
func (a *app) tell(v fleet.AppStatus) {
	kinds := map[protocol.Phase]protocol.EventKind{
		protocol.PhaseHealthy: protocol.EventHealthy, protocol.PhaseDegraded: protocol.EventDegraded, protocol.PhaseFailed: protocol.EventFailed,
	}
	kind, ok := kinds[v.Phase]
	if !ok || kind == a.told && kind == protocol.EventHealthy {
		return
	}
	a.told = kind
	a.emit(protocol.Event{Kind: kind, App: a.name, Message: v.Message})
}

// release lets the apps begin that wait for the app.
func (a *app) release() {
	name := a.name
	for _, other := range a.env.board.where(func(e *entry) bool {
		if e.next() == nil {
			return false
		}
		for _, d := range e.order.Spec.DependsOn {
			if d == name {
				return true
			}
		}
		return false
	}) {
		other.post(other.kick)
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
func (a *app) summarize() summary {
	return summary{plan: a.plan, next: a.next, phase: a.phase, fetching: a.fetching != "", kindless: a.kindless,
		clashing: len(a.clashes) > 0, steers: a.steers, status: a.status()}
}
