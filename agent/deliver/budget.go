package deliver

import (
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/protocol"
)

// forBudget is what matters of the app for how much of it may be deleted.
func (a *app) forBudget() budget.App {
	f := budget.App{Name: a.name, Cluster: a.env.name, Plan: a.plan, Leaving: a.leaving, Prunes: a.prunes(),
		Objects:  len(a.own),
		Leftover: a.leftoverCount()}
	if a.spec.Blob != nil {
		f.Blob = a.spec.Blob.Digest
	}
	f.Deletes = func() (refs []protocol.ObjectRef, kept int) {
		for _, o := range a.own {
			switch {
			case o.want != nil || a.wantedElsewhere(o):
			case o.item.Keep:
				kept++
			default:
				refs = append(refs, o.item.Ref)
			}
		}
		return refs, kept
	}
	return f
}

// restrain says why nothing of what an app has left over is deleted, if that would be more than is permitted.
func (a *app) restrain() string {
	r := a.deletions.Rule(a.forBudget(), a.accepted.Bundle.Deletions, a.point())
	if r.News != nil {
		a.emit(protocol.Event{Kind: protocol.EventHeld, App: a.name, Message: r.News.Message})
	}
	a.dirty = a.dirty || r.Dirty
	return r.Why
}

// spend counts an object that leaves the inventory because Git no longer has it.
func (a *app) spend() { a.deletions.Spend(a.forBudget(), a.accepted.Bundle.Deletions) }

// point is what is in force.
func (a *app) point() budget.Point {
	return budget.Point{Plan: a.plan, Generation: a.accepted.Bundle.Generation, Digest: a.accepted.Digest}
}

// cleared says whether it was found out for what is in force that what the app has left over may be deleted.
func (a *app) cleared() bool {
	acc, at := a.env.inForce(), a.point()
	return a.deletions.Cleared(at) && at.Generation == acc.Bundle.Generation && at.Digest == acc.Digest
}

// awaitsPerson is everything of the app that waits for a person.
func (a *app) awaitsPerson() (out []protocol.Held) {
	if over := a.deletions.Over(); over != nil && a.leftover() {
		out = append(out, *over)
	}
	for _, o := range a.own {
		if o.want == nil && o.hold != nil {
			out = append(out, o.hold.held)
		}
	}
	return out
}

// entitle has the budget follow an accepted bundle, and has what is held looked at again.
func (a *app) entitle() {
	if a.deletions.Accept(a.forBudget(), a.accepted.Bundle.Deletions) {
		a.dirty = true
	}
	for _, o := range a.own {
		o.hold.due()
	}
}

// counted is an object as a quota matters to it.
func (o *object) counted() guard.Counted {
	c := guard.Counted{Ref: o.item.Ref, Wanted: o.want != nil, Removing: o.removing}
	if o.trouble != nil {
		c.Refused = o.trouble.quota()
		c.Failed = !c.Refused
	}
	if o.want != nil {
		c.After = o.want.After
	}
	return c
}
