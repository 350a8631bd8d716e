package deliver

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/contents"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/protocol"
)

// neighbours is what the packages contents and orphans ask of all apps. It asks the apps, so no app's goroutine may use
// it.
type neighbours struct{ *app.Shared }

// Owner is the app that owns an object; "" if there is none.
func (n neighbours) Owner(ref protocol.ObjectRef) string { return n.Objects.Owner(ref) }

// Hooked says whether an object is a hook of any app.
func (n neighbours) Hooked(ref protocol.ObjectRef) bool { return n.Board.Hooked(ref) }

// Known says whether there is an app of a name.
func (n neighbours) Known(name string) bool { return n.Board.App(name) != nil }

// Wanted says whether an app has an object, or a plan of an app does.
func (n neighbours) Wanted(ref protocol.ObjectRef) bool {
	return n.Objects.Owner(ref) != "" || n.Board.WantedBeside("", ref)
}

// Unsure says why it is not known what all apps want; "" if it is.
func (n neighbours) Unsure() string { return n.Board.Unsure() }

// Accepted is the bundle in force.
func (n neighbours) Accepted() orders.Accepted { return n.InForce() }

// Moved gives what is closed when something moves.
func (n neighbours) Moved() <-chan struct{} { return n.Shared.Moved.Wait() }

// approved says whether a person approved what is held under an id.
func (n neighbours) approved(id string) bool {
	d := n.Accepted().Bundle.Deletions
	return d != nil && slices.Contains(d.Approved, id)
}

// EachWanted calls do with every object that a plan of an app has.
func (n neighbours) EachWanted(do func(app string, ref protocol.ObjectRef)) {
	for app, plans := range n.Board.PlansBeside("") {
		for _, p := range plans {
			if p == nil {
				continue
			}
			for i := range p.Wants {
				do(app, n.RefOf(&p.Wants[i]))
			}
		}
	}
}

// Dependents are the objects, by their app, that an app wants and that belong to the object with a uid.
func (n neighbours) Dependents(uid string) map[protocol.ObjectRef]string {
	out := map[protocol.ObjectRef]string{}
	for _, a := range n.Board.All() {
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
	if a := n.Board.App(app); a != nil {
		a.Do(func() { found = a.Staying(found) })
	}
	return found
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
