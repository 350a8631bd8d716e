package app

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/protocol"
)

// forBudget is what matters of the app for how much of it may be deleted.
func (a *App) forBudget() budget.App {
	f := budget.App{Name: a.Name, Cluster: a.env.ClusterName, Plan: a.Plan, Leaving: a.Leaving, Prunes: a.Prunes(),
		Objects:  len(a.Own),
		Leftover: a.LeftoverCount()}
	if a.Spec.Blob != nil {
		f.Blob = a.Spec.Blob.Digest
	}
	f.Deletes = func() (refs []protocol.ObjectRef, kept int) {
		for _, o := range a.Own {
			switch {
			case o.Want != nil || a.wantedElsewhere(o):
			case o.Item.Keep:
				kept++
			default:
				refs = append(refs, o.Item.Ref)
			}
		}
		return refs, kept
	}
	return f
}

// restrain says why nothing of what an app has left over is deleted, if that would be more than is permitted.
func (a *App) restrain() string {
	r := a.deletions.Rule(a.forBudget(), a.Accepted.Bundle.Deletions, a.point())
	if r.News != nil {
		a.Emit(protocol.Event{Kind: protocol.EventHeld, App: a.Name, Message: r.News.Message})
	}
	a.Dirty = a.Dirty || r.Dirty
	return r.Why
}

// spend counts an object that leaves the inventory because Git no longer has it.
func (a *App) spend() { a.deletions.Spend(a.forBudget(), a.Accepted.Bundle.Deletions) }

// point is what is in force.
func (a *App) point() budget.Point {
	return budget.Point{Plan: a.Plan, Generation: a.Accepted.Bundle.Generation, Digest: a.Accepted.Digest}
}

// cleared says whether it was found out for what is in force that what the app has left over may be deleted.
func (a *App) cleared() bool {
	acc, at := a.env.InForce(), a.point()
	return a.deletions.Cleared(at) && at.Generation == acc.Bundle.Generation && at.Digest == acc.Digest
}

// awaitsPerson is everything of the app that waits for a person.
func (a *App) awaitsPerson() (out []protocol.Held) {
	if over := a.deletions.Over(); over != nil && a.Leftover() {
		out = append(out, *over)
	}
	for _, o := range a.Own {
		if o.Want == nil && o.Hold != nil {
			out = append(out, o.Hold.Held)
		}
	}
	return out
}

// entitle has the budget follow an accepted bundle, and has what is held looked at again.
func (a *App) entitle() {
	if a.deletions.Accept(a.forBudget(), a.Accepted.Bundle.Deletions) {
		a.Dirty = true
	}
	for _, o := range a.Own {
		o.Hold.Due()
	}
}

// Staying leaves out those of the app's objects that it deletes.
func (a *App) Staying(found []agent.Found) (out []agent.Found) {
	releases := !a.behind() && a.releases()
	for _, f := range found {
		o := a.ByRef[f.Ref]
		if o == nil || o.Coming || o.Want != nil || o.Item.Keep || o.Hold != nil || !releases ||
			f.App != a.Name && !slices.Contains(o.Item.Former, f.App) || a.wantedElsewhere(o) {
			out = append(out, f)
		}
	}
	return out
}

// releases says whether nothing keeps an app from deleting what it has left over.
func (a *App) releases() bool {
	if !a.Prunes() || a.Suspended() || a.uncertain() != "" {
		return false
	}
	for _, o := range a.Own {
		if o.Want != nil && (o.Trouble != nil || o.Pending()) {
			return false
		}
	}
	return a.deletions.Permits(a.forBudget(), a.Accepted.Bundle.Deletions)
}
