package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/protocol"
)

// App is one app of the cluster.
type App struct {
	parts
	turns turns
	env   *Env
}

// Turns takes turns at an app until there is nothing left to do at once.
func (a *App) Turns(ctx context.Context) {
	for a.TurnDue && ctx.Err() == nil && !a.Gone {
		a.TurnDue = false
		a.turns.take(ctx)
		a.Publish()
	}
	a.Running = a.TurnDue
	for _, o := range a.Own {
		if o.Look == nil {
			a.seer.Inquire(ctx, o)
		}
	}
	a.assessor.Assess(ctx)
	a.assessor.Schedule(ctx)
	a.Publish()
}

// Sight takes what a watch tells of an object.
func (a *App) Sight(ctx context.Context, sg agent.Sighting) {
	if ctx.Err() != nil {
		return
	}
	hooked, o := a.hooks.Sight(sg), a.ByRef[sg.Live.Ref]
	if o != nil {
		a.seer.See(ctx, o, sg)
	}
	if owner := a.env.Objects.Owner(sg.Live.Ref); !hooked && o == nil && owner != "" && owner != a.Name {
		if other := a.env.Board.App(owner); other != nil { // it was handed over meanwhile
			other.Box.Sight(sg)
		}
	}
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

// End ends what the app has others do.
func (a *App) End() {
	a.Fetcher.Stop()
	a.assessor.Stop()
}

// Summarize is what others may know of the app.
func (a *App) Summarize() board.Summary {
	return board.Summary{Plan: a.Plan, Next: a.Next, Phase: a.assessor.Phase, Fetching: a.Fetcher.Fetching != "",
		Kindless: a.assessor.Kindless, Clashing: len(a.Clashes) > 0, Steers: a.beside.Steers,
		Status: a.assessor.Status(a.assessor.View())}
}

// Report is the app's part of a report, and what of it waits for a person.
func (a *App) Report() (protocol.AppReport, []protocol.Held) {
	return a.assessor.Report(a.assessor.View()), a.pruner.AwaitsPerson()
}

// Staying leaves out those of the app's objects that it deletes.
func (a *App) Staying(found []agent.Found) []agent.Found { return a.pruner.Staying(found) }

// checked has the app looked at when an object of others that it checks is another.
func (a *App) checked() {
	if a.hooks.Run.Open() {
		a.Kick()
	}
	a.assessor.AssessIdle(a.env.Life)
}
