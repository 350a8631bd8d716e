package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/status"
	"github.com/drover-dev/drover/protocol"
)

// Restore takes up what is stored of the app.
func (a *App) Restore(ctx context.Context, st agent.AppState) {
	a.Spec, a.Names, a.pruner.Deletions = st.Spec, st.Former, budget.Restored(st.Deleted, st.Granted)
	p, err := a.env.Plans.Restore(ctx, st)
	unusable := protocol.ReasonContentUnusable
	if why := plan.Unmet(st.Spec); why != "" { // a newer agent stored it
		p, err, unusable = nil, errors.New(why), protocol.ReasonAgentTooOld
	}
	a.Lasts = a.env.Plans.RestoreFormer(ctx, st)
	wants := map[protocol.ObjectRef]*plan.Want{}
	if err != nil {
		a.fetch.Unfit = owned.Fact(unusable, fmt.Sprintf("what is stored of it cannot be used: %v", err))
		if errors.As(err, new(*input.Lacking)) {
			a.fetch.Spare = planning.Spare{Packed: st.Packed, Digest: st.Spec.Blob.Digest}
		}
		a.env.Log.Warn("the stored objects of an app cannot be used; downloading them from the hub again",
			"app", a.Name, "err", err)
	} else {
		if st.Run.Ahead() && p.DeliveredBy(st.Run) { // its hooks go on, before it comes into force
			a.Next = p
		}
		if a.Next == nil || !st.Run.Install {
			a.Plan, a.Settings = p, owned.SettingsOf(p.Spec())
		}
		for i := range p.Wants {
			wants[p.Wants[i].Ref] = &p.Wants[i]
		}
	}
	a.hooks.Resume(st.Run)
	a.fresh = st.Run != nil && st.Run.Entered && !st.Run.Applied
	for _, item := range st.Items {
		if a.Plan.Hooked(item.Ref) { // an agent that knew no hooks applied it
			a.Dirty = true
			continue
		}
		a.Insert(&owned.Object{Item: item, Want: wants[item.Ref], Sighted: owned.Sighted{Verdict: owned.Unseen}})
	}
}

// SteerAsPlanned has the app steer what its plan in force says, as nothing else is known of it.
func (a *App) SteerAsPlanned() { a.beside.SteerAsPlanned() }

// Resume is for when all apps are restored and every object has one owner.
func (a *App) Resume() {
	a.beside.Resteer()
	a.is = status.Restored(time.Now())
	a.Kick()
}

// Succeed begins to count what is deleted, for an app whose stored state is that of an agent which did not.
func (a *App) Succeed(d *protocol.Deletions) { a.pruner.Succeed(d) }

// counts says whether what the app deleted is counted.
func (a *App) counts() bool { return a.pruner.Deletions.Counts() }
