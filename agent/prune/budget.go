package prune

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/protocol"
)

// forBudget is what matters of the app for how much of it may be deleted.
func (p *Pruner) forBudget() budget.App {
	f := budget.App{Name: p.Name, Cluster: p.ClusterName, Plan: p.Plan, Leaving: p.Leaving, Prunes: p.Prunes(),
		Objects:  len(p.Own),
		Leftover: p.LeftoverCount()}
	if p.Spec.Blob != nil {
		f.Blob = p.Spec.Blob.Digest
	}
	f.Deletes = func() (refs []protocol.ObjectRef, kept int) {
		for _, o := range p.Own {
			switch {
			case o.Want != nil || p.WantedElsewhere(o):
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

// Restrain says why nothing of what an app has left over is deleted, if that would be more than is permitted.
func (p *Pruner) Restrain() string {
	r := p.Deletions.Rule(p.forBudget(), p.Accepted.Bundle.Deletions, p.point())
	if r.News != nil {
		p.Emit(protocol.Event{Kind: protocol.EventHeld, App: p.Name, Message: r.News.Message})
	}
	p.Dirty = p.Dirty || r.Dirty
	return r.Why
}

// spend counts an object that leaves the inventory because Git no longer has it.
func (p *Pruner) spend() { p.Deletions.Spend(p.forBudget(), p.Accepted.Bundle.Deletions) }

// point is what is in force.
func (p *Pruner) point() budget.Point {
	return budget.Point{Plan: p.Plan, Generation: p.Accepted.Bundle.Generation, Digest: p.Accepted.Digest}
}

// Cleared says whether it was found out for what is in force that what the app has left over may be deleted.
func (p *Pruner) Cleared() bool {
	acc, _ := p.Board.Current()
	at := p.point()
	return p.Deletions.Cleared(at) && at.Generation == acc.Bundle.Generation && at.Digest == acc.Digest
}

// AwaitsPerson is everything of the app that waits for a person.
func (p *Pruner) AwaitsPerson() (out []protocol.Held) {
	if over := p.Deletions.Over(); over != nil && p.Leftover() {
		out = append(out, *over)
	}
	for _, o := range p.Own {
		if o.Want == nil && o.Hold != nil {
			out = append(out, o.Hold.Held)
		}
	}
	return out
}

// Entitle has the budget follow an accepted bundle, and has what is held looked at again.
func (p *Pruner) Entitle() {
	if p.Deletions.Accept(p.forBudget(), p.Accepted.Bundle.Deletions) {
		p.Dirty = true
	}
	for _, o := range p.Own {
		o.Hold.Due()
	}
}

// Staying leaves out those of the app's objects that it deletes.
func (p *Pruner) Staying(found []agent.Found) (out []agent.Found) {
	releases := !p.Behind() && p.releases()
	for _, f := range found {
		o := p.ByRef[f.Ref]
		if o == nil || o.Coming || o.Want != nil || o.Item.Keep || o.Hold != nil || !releases ||
			f.App != p.Name && !slices.Contains(o.Item.Former, f.App) || p.WantedElsewhere(o) {
			out = append(out, f)
		}
	}
	return out
}

// releases says whether nothing keeps an app from deleting what it has left over.
func (p *Pruner) releases() bool {
	if !p.Prunes() || p.Suspended() || p.Uncertain() != "" {
		return false
	}
	for _, o := range p.Own {
		if o.Want != nil && (o.Trouble != nil || o.Pending()) {
			return false
		}
	}
	return p.Deletions.Permits(p.forBudget(), p.Accepted.Bundle.Deletions)
}

// Succeed begins to count what is deleted, for an app whose stored state is that of an agent which did not.
func (p *Pruner) Succeed(d *protocol.Deletions) {
	if p.Deletions.Succeed(p.forBudget(), d) {
		p.Dirty = true
	}
}
