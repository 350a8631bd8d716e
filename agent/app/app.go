package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/heal"
	"github.com/drover-dev/drover/agent/move"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/pass"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/prune"
	"github.com/drover-dev/drover/agent/relation"
	"github.com/drover-dev/drover/agent/sight"
	"github.com/drover-dev/drover/agent/status"
	"github.com/drover-dev/drover/protocol"
)

// App is one app of the cluster.
type App struct {
	actor.Actor
	owned.Set
	orders.Current
	beside relation.Relations
	actor.Timing
	is       status.Condition
	fetch    planning.Fetch
	progress // through its hooks and waves
	pruner   prune.Pruner
	applier  pass.Applier
	seer     sight.Seer
	mover    move.Mover
	healer   heal.Healer
	saving
	env    *Env
	scope  agent.Scope
	checks checks.Checks

	kindless bool           // objects of it wait for their kind to be served
	fault    *owned.Trouble // what concerns the whole app
}

// saving is what of the app is to be stored.
type saving struct {
	unsaved bool // the intent must be stored before anything is applied
	fresh   bool // the plan in force has not been applied through yet
}

// view is what there is to know of the app.
func (a *App) view() status.View {
	return status.View{Set: &a.Set, Current: &a.Current, Fetch: &a.fetch, Progress: a.hooks.Progress,
		Fault: a.fault, Fresh: a.fresh, Held: a.pruner.Held, Over: a.pruner.Deletions.Over() != nil,
		Deleted: a.pruner.Deletions.Deleted(), Checks: a.checks.Ill(), Scope: a.scope}
}

// Report is the app's part of a report, and what of it waits for a person.
func (a *App) Report() (protocol.AppReport, []protocol.Held) {
	return a.is.Report(a.view()), a.pruner.AwaitsPerson()
}

// Staying leaves out those of the app's objects that it deletes.
func (a *App) Staying(found []agent.Found) []agent.Found { return a.pruner.Staying(found) }

// Forget takes an object out of the inventory.
func (a *App) Forget(o *owned.Object) { a.mover.Forget(o) }

// AdoptMissing has the app claim what its plan in force wants and it does not have.
func (a *App) AdoptMissing() { a.mover.AdoptMissing() }

// doing is what the app does about what was seen.
type doing struct {
	*prune.Pruner
	healer *heal.Healer
	app    *App
}

// Heal has drift undone.
func (d doing) Heal(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	d.healer.Heal(ctx, o, sg)
}

// Changed has the app follow up a change of an object's health.
func (d doing) Changed(ctx context.Context, o *owned.Object, before protocol.Health) {
	d.app.changed(ctx, o, before)
}

// steps is what the app does for its hooks and waves.
type steps struct {
	*App
	*pass.Applier
}

// Emit puts an event of the app into the journal.
func (s steps) Emit(e protocol.Event) { s.App.Emit(e) }

// Request begins one with the rights that the app has now.
func (s steps) Request() access.Request { return s.App.Request() }
