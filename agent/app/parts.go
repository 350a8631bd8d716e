package app

import (
	"context"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/assess"
	"github.com/drover-dev/drover/agent/fetch"
	"github.com/drover-dev/drover/agent/heal"
	"github.com/drover-dev/drover/agent/hookrun"
	"github.com/drover-dev/drover/agent/move"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/outcome"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/pass"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/prune"
	"github.com/drover-dev/drover/agent/relation"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/retry"
	"github.com/drover-dev/drover/agent/saving"
	"github.com/drover-dev/drover/agent/sight"
	"github.com/drover-dev/drover/agent/status"
	"github.com/drover-dev/drover/protocol"
)

// parts are what an app is made of: what it has and is to be, and for each duty the part that alone owns it. Its
// methods are what parts ask for that is the matter of others.
type parts struct {
	actor.Actor
	owned.Set
	orders.Current
	progress
	common
	beside   relation.Relations
	hooks    hookrun.Runner
	applier  pass.Applier
	seer     sight.Seer
	mover    move.Mover
	pruner   prune.Pruner
	healer   heal.Healer
	saver    saving.Saver
	assessor assess.Assessor
	outcomes outcome.Outcomes
	retrier  retry.Retrier
	Fetcher  fetch.Fetcher // of what the bundle asks for
}

// progress is how far an app has come with applying its plan.
type progress struct {
	fresh   bool // the plan in force has not been applied through yet
	changes int  // objects that were changed since it came into force
}

// common is what an app reaches for all of its parts.
type common struct {
	out   *report.Outbox
	reach func(agent.Access) agent.Objects
}

// Emit puts an event of the app into the journal.
func (p *parts) Emit(e protocol.Event) {
	e.Generation = p.Accepted.Bundle.Generation
	if p.Plan != nil && e.Revision == "" {
		e.Revision = p.Settings.Revision
	}
	p.out.Record(e)
}

// Request begins one with the rights that the app has now. There is no other way to the objects of an app: whatever is
// done for it is done with its rights.
func (p *parts) Request() access.Request {
	reach := p.reach
	at := reach(access.Of(p.Spec.Handling))
	return access.Request{Objects: at, Rights: access.Rights{App: p.Name, Names: p.Names, Account: p.Spec.ServiceAccount, At: at,
		Own: func() access.Reader { return reach(agent.Access{}) }}}
}

// Progress adds to a view how far the app has come with what the bundle asks for.
func (p *parts) Progress(v *status.View) {
	v.Fetch, v.Fresh = &p.Fetcher.Fetch, p.fresh
	v.Progress, v.Until = p.hooks.Progress, p.hooks.Until
	v.Held, v.Over, v.Deleted = p.pruner.Held, p.pruner.Deletions.Over() != nil, p.pruner.Deletions.Deleted()
}

// Assess finds out in which phase the app is.
func (p *parts) Assess(ctx context.Context) { p.assessor.Assess(ctx) }

// Fault takes down what keeps the whole app from going on.
func (p *parts) Fault(ctx context.Context, err error) { p.assessor.Fault(ctx, err) }

// Quiet is told that an object is healed at once again.
func (p *parts) Quiet(ctx context.Context) { p.assessor.Assess(ctx) }

// Healed has the time until the app must be healthy count from now.
func (p *parts) Healed(now time.Time) { p.assessor.Applied(now) }

// Settle takes down the answer to an apply.
func (p *parts) Settle(ctx context.Context, o *owned.Object, w *plan.Want, live agent.Live, err error) {
	if p.outcomes.Take(o, w, live, err, ctx.Err() != nil) {
		p.assessor.Schedule(ctx)
	}
	p.seer.JudgeStash(ctx, o)
	o.Proceed()
	p.assessor.AssessIdle(ctx)
}

// Apply applies what is due of the app up to a wave.
func (p *parts) Apply(ctx context.Context, pl *plan.Plan, wave int) (changed int) {
	return p.applier.Apply(ctx, pl, wave)
}

// Forget takes an object out of the inventory.
func (p *parts) Forget(o *owned.Object) { p.mover.Forget(o) }

// Save stores the app as it is now, and says whether that worked.
func (p *parts) Save(ctx context.Context) bool {
	if p.saver.Stored() != nil {
		p.healer.KeepLast(ctx)
	}
	own, done, err := p.saver.Save(ctx)
	if err != nil {
		p.Fault(ctx, fmt.Errorf("%w: %w", status.ErrStore, err))
		return false
	}
	if done {
		p.assessor.Recovered()
	}
	for _, o := range own {
		p.mover.ReleaseFormers(o)
	}
	return true
}

// seen is what the app does about what was seen of its objects.
type seen struct {
	*prune.Pruner
	*heal.Healer
	outcomes *outcome.Outcomes
	assessor *assess.Assessor
	synced   func(protocol.ObjectRef) bool
}

// Changed follows up a change of an object's health.
func (s seen) Changed(ctx context.Context, o *owned.Object, before protocol.Health) {
	s.outcomes.Changed(o, before)
	if s.synced(o.Item.Ref) { // or else a list or a turn does
		s.assessor.AssessIdle(ctx)
	}
}
