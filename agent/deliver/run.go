package deliver

import (
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
)

// progress is what an app knows of its way through its run, beside the run itself.
type progress struct {
	run     *agent.Run
	last    *plan.Plan // of an app that leaves: what it was, if it has hooks for that
	step    fleet.Fact // what is waited for
	stuck   bool       // and will not come by itself
	paused  bool       // the wave that was begun is paused
	until   time.Time  // when to look again without being told; zero for never
	changes int        // objects that were changed since the plan came into force
}

// deliverNext has the app's run be that of a plan which is about to be delivered.
func (a *app) deliverNext(p *plan.Plan) {
	if p.DeliveredBy(a.run) {
		return
	}
	past := a.run.Leftovers()
	a.step, a.stuck, a.until = fleet.Fact{}, false, time.Time{}
	if !p.Ordered() && len(past) == 0 {
		a.run = nil
		return
	}
	a.run = &agent.Run{ID: plan.RunID(p), Digest: p.Digest, Home: p.Home, Since: time.Now(), Past: past,
		Install: a.plan == nil && len(a.own) == 0 && !a.env.damaged}
	a.dirty = true
}

// depart has the app's run be the taking away of the app.
func (a *app) depart() {
	if a.run != nil && a.run.Leaving {
		return
	}
	past := a.run.Leftovers()
	var last []agent.HookState
	if a.run != nil && a.spec.Prune {
		for _, h := range a.run.Hooks {
			if h.Tidy && !h.Hung && !h.Doomed() {
				last = append(last, h)
			}
		}
	}
	a.step, a.stuck, a.until = fleet.Fact{}, false, time.Time{}
	if a.last == nil && len(past)+len(last) == 0 {
		a.run = nil
		return
	}
	a.run = &agent.Run{Leaving: true, Since: time.Now(), Past: past, Last: last}
	if a.last != nil {
		a.run.ID, a.run.Digest, a.run.Home = plan.RunID(a.last), a.last.Digest, a.last.Home
		a.dirty = true
	}
}

// resume takes up a run as it was stored.
func (a *app) resume(run *agent.Run) {
	a.run = run
	if run == nil {
		return
	}
	a.fresh = run.Entered && !run.Applied
	for _, list := range [...][]agent.HookState{run.Hooks, run.Past} {
		for i := range list {
			if h := &list[i]; !h.Tidy {
				a.lookOut(h.Ref, h.APIVersion)
			}
		}
	}
}
