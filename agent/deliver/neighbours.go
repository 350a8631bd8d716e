package deliver

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/contents"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/orphans"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// neighbours is what the packages contents and orphans ask of all apps. It asks the apps, so no app's goroutine may use
// it.
type neighbours struct{ *shared }

// Owner is the app that owns an object; "" if there is none.
func (n neighbours) Owner(ref protocol.ObjectRef) string { return n.objects.Owner(ref) }

// Hooked says whether an object is a hook of any app.
func (n neighbours) Hooked(ref protocol.ObjectRef) bool { return n.board.Hooked(ref) }

// Known says whether there is an app of a name.
func (n neighbours) Known(name string) bool { return n.board.App(name) != nil }

// Wanted says whether an app has an object, or a plan of an app does.
func (n neighbours) Wanted(ref protocol.ObjectRef) bool {
	return n.objects.Owner(ref) != "" || n.board.WantedBeside("", ref)
}

// Unsure says why it is not known what all apps want; "" if it is.
func (n neighbours) Unsure() string { return n.board.Unsure() }

// Accepted is the bundle in force.
func (n neighbours) Accepted() orders.Accepted { return n.inForce() }

// Moved gives what is closed when something moves.
func (n neighbours) Moved() <-chan struct{} { return n.moved.Wait() }

// approved says whether a person approved what is held under an id.
func (n neighbours) approved(id string) bool {
	d := n.Accepted().Bundle.Deletions
	return d != nil && slices.Contains(d.Approved, id)
}

// EachWanted calls do with every object that a plan of an app has.
func (n neighbours) EachWanted(do func(app string, ref protocol.ObjectRef)) {
	for app, plans := range n.board.PlansBeside("") {
		for _, p := range plans {
			if p == nil {
				continue
			}
			for i := range p.Wants {
				do(app, n.refOf(&p.Wants[i]))
			}
		}
	}
}

// refOf is the object that a want is for, as far as it is known whether it has a namespace.
func (n neighbours) refOf(w *plan.Want) protocol.ObjectRef {
	if bare := w.WithoutNamespace(); w.KindUnknown && n.objects.Owner(bare) != "" {
		return bare
	}
	return w.Ref
}

// Dependents are the objects, by their app, that an app wants and that belong to the object with a uid.
func (n neighbours) Dependents(uid string) map[protocol.ObjectRef]string {
	out := map[protocol.ObjectRef]string{}
	for _, a := range n.board.All() {
		a.Do(func() {
			for _, o := range a.Own {
				if o.Want != nil && slices.Contains(o.Owners, uid) {
					out[o.Item.Ref] = a.Name
				}
			}
		})
	}
	return out
}

// Staying leaves out those of an app's objects that the app deletes.
func (n neighbours) Staying(app string, found []agent.Found) []agent.Found {
	if a := n.board.App(app); a != nil {
		a.Do(func() { found = a.staying(found) })
	}
	return found
}

// staying leaves out those of the app's objects that it deletes.
func (a *app) staying(found []agent.Found) (out []agent.Found) {
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
func (a *app) releases() bool {
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

// unrestricted is the cluster with the agent's own rights, as the search for orphans needs it.
type unrestricted struct {
	agent.Searcher
	agent.Objects
	contents.Check
	protected func(protocol.ObjectRef) bool
}

// Protected says of an object whether the agent never deletes it.
func (u unrestricted) Protected(ref protocol.ObjectRef) bool { return u.protected(ref) }

// check finds out what would be lost with an object.
func (s *session) check() contents.Check {
	n := s.neighbours()
	return contents.Check{Cluster: s.cluster, Reader: s.reach(agent.Access{}), Apps: n, Name: s.name,
		Protected: s.protected, Approved: n.approved}
}

// neighbours are what is asked of all apps.
func (s *shared) neighbours() neighbours { return neighbours{s} }

// resumeSearch prepares a search for objects that no inventory has; nil if there is none to be made.
func (s *session) resumeSearch(ctx context.Context, st agent.Stored, bundle *protocol.Bundle) *orphans.Search {
	c := orphans.Config{Cluster: unrestricted{s.cluster, s.reach(agent.Access{}), s.check(), s.protected}, Store: s.store,
		Apps: s.neighbours(), Journal: s.journal, Name: s.name, Namespace: s.namespace, Scope: s.scope, Log: s.log,
		Insist: s.accept.insist}
	return orphans.Resume(ctx, c, st, bundle)
}
