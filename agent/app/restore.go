package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/protocol"
)

// Restore takes up what is stored of the app.
func (a *App) Restore(ctx context.Context, st agent.AppState) {
	a.pruner.Deletions = budget.Restored(st.Deleted, st.Granted)
	if err := a.saver.Restore(ctx, st, &a.env.Plans); err != nil {
		a.Fetcher.Unusable(st, err)
	}
	a.hooks.Resume(st.Run)
	a.fresh = st.Run != nil && st.Run.Entered && !st.Run.Applied
}

// AdoptMissing has the app claim what its plan in force wants and it does not have.
func (a *App) AdoptMissing() { a.mover.AdoptMissing() }

// SteerAsPlanned has the app steer what its plan in force says, as nothing else is known of it.
func (a *App) SteerAsPlanned() { a.beside.SteerAsPlanned() }

// Resume is for when all apps are restored and every object has one owner.
func (a *App) Resume() {
	a.beside.Resteer()
	a.assessor.Restored()
	a.Kick()
}

// Succeed begins to count what is deleted, for an app whose stored state is that of an agent which did not.
func (a *App) Succeed(d *protocol.Deletions) { a.pruner.Succeed(d) }
