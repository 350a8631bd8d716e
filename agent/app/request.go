package app

import (
	"context"
)

// End ends what the app has others do.
func (a *App) End() {
	a.Timing.Stop()
	a.fetch.Stop()
	a.checks.Stop()
}

// Publish puts what others may know of the app on the board, and then tells them.
func (a *App) Publish() {
	if a.Took {
		a.env.Board.Taken(a, a.Summarize())
		a.Took = false
	} else {
		a.env.Board.Tell(a, a.Summarize())
	}
	a.beside.Reveal()
	a.TellNow()
}

// Turns takes turns at an app until there is nothing left to do at once.
func (a *App) Turns(ctx context.Context) {
	for a.TurnDue && ctx.Err() == nil && !a.Gone {
		a.TurnDue = false
		a.turn(ctx)
		a.Publish()
	}
	a.Running = a.TurnDue
	for _, o := range a.Own {
		if o.Look == nil {
			a.seer.Inquire(ctx, o)
		}
	}
	a.assess(ctx)
	a.schedule(ctx)
	a.Publish()
}
