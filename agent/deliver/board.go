package deliver

import (
	"fmt"
	"slices"
	"sync"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// board is what apps may know of each other, and nothing else; beside it they share only who owns which object (package
// inventory). What is on it does not change: it is replaced. A bundle's orders for all apps are put there in one step,
// before any app is told, so that no app deletes anything by half a bundle. Whatever is old on it is old in the
// direction that keeps objects: an app tells that it no longer wants an object after it has ceased to.
type board struct {
	mu       sync.Mutex // guards what follows; nothing else is locked while it is held
	accepted orders.Accepted
	seq      uint64 // counts the orders
	apps     map[string]*entry
	names    []string // of apps, in their order
	awaited  map[protocol.ObjectRef]*awaited
}

// entry is one app's place on the board.
type entry struct {
	app    *app
	order  orders.Order // written for the bundle
	coming *plan.Plan   // from the bundle, until the app has taken it as its next; written for the bundle
	facts  summary      // written by the app
}

// summary is what an app tells of itself.
type summary struct {
	plan, next *plan.Plan
	phase      protocol.Phase
	fetching   bool // its blob is not here yet
	kindless   bool // objects of it wait for their kind to be served
	clashing   bool // another app has an object that it wants
	steers     *steers
	status     orders.Status
}

func newBoard() *board {
	return &board{apps: map[string]*entry{}, awaited: map[protocol.ObjectRef]*awaited{}}
}

// current is the accepted bundle, and the number of its orders.
func (b *board) current() (acc orders.Accepted, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted, b.seq
}

// raise makes what a part of the state was made from the least that is accepted.
func (b *board) raise(epoch, generation uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted.Raise(epoch, generation)
}

// add puts an app on the board. Its spec is what is known of it so far.
func (b *board) add(a *app, spec protocol.App) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.insert(a, orders.Order{Spec: spec})
}

// insert is add with the board locked.
func (b *board) insert(a *app, o orders.Order) {
	if b.apps[a.name] == nil {
		b.names = append(b.names, a.name)
		slices.Sort(b.names)
	}
	b.apps[a.name] = &entry{app: a, order: o}
}

// remove takes an app from the board that is gone, unless it came back.
func (b *board) remove(a *app) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.apps[a.name]
	if e == nil || e.app != a || !e.order.Leaving || b.seq != a.seq {
		return false
	}
	delete(b.apps, a.name)
	b.names = slices.DeleteFunc(b.names, func(n string) bool { return n == a.name })
	return true
}

// command puts a bundle into force with its orders. create makes the apps that are not there yet. It gives all apps
// with their orders, by name, and the number of the orders.
func (b *board) command(acc orders.Accepted, given map[string]orders.Order, create func(string) *app) (list []*app, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted = acc
	b.seq++
	for name, o := range given {
		switch e := b.apps[name]; {
		case e != nil:
			e.order = o
		case !o.Leaving: // or else it has gone meanwhile
			b.insert(create(name), o)
		}
	}
	for _, name := range b.names {
		list = append(list, b.apps[name].app)
	}
	return list, b.seq
}

// orders are all that were given last.
func (b *board) orders() map[string]orders.Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]orders.Order, len(b.apps))
	for name, e := range b.apps {
		out[name] = e.order
	}
	return out
}

// deliver puts plans for several apps on the board in one step, before any of the apps takes its own.
func (b *board) deliver(plans map[*app]*plan.Plan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for a, p := range plans {
		if e := b.apps[a.name]; e != nil && e.app == a {
			e.coming = p
		}
	}
}

// tell takes down what an app tells of itself.
func (b *board) tell(a *app, f summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.apps[a.name]
	if e == nil || e.app != a {
		return
	}
	e.facts = f
}

// taken is tell for an app that has taken what was coming.
func (b *board) taken(a *app, f summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.apps[a.name]; e != nil && e.app == a {
		e.facts, e.coming = f, nil
	}
}

// app finds an app; nil if there is none of that name.
func (b *board) app(name string) *app {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.apps[name]; e != nil {
		return e.app
	}
	return nil
}

// entry is what the board says of an app now.
func (b *board) entry(name string) (e entry, there bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.apps[name]; e != nil {
		return *e, true
	}
	return entry{}, false
}

// all are all apps, by name.
func (b *board) all() []*app {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*app, len(b.names))
	for i, name := range b.names {
		out[i] = b.apps[name].app
	}
	return out
}

// where are the apps that something is true for.
func (b *board) where(is func(e *entry) bool) (out []*app) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range b.names {
		if e := b.apps[name]; is(e) {
			out = append(out, e.app)
		}
	}
	return out
}

// next is the plan that is to come into force.
func (e *entry) next() *plan.Plan {
	if e.coming != nil {
		return e.coming
	}
	return e.facts.next
}

// plans are all plans of an app that stays.
func (e *entry) plans() []*plan.Plan {
	if e.order.Leaving {
		return nil
	}
	return []*plan.Plan{e.facts.plan, e.facts.next, e.coming}
}

// wanted says whether a plan of an app that stays has an object.
func (e *entry) wanted(ref protocol.ObjectRef) bool {
	return !e.order.Leaving && (e.facts.plan.Wanted(ref) || e.facts.next.Wanted(ref) || e.coming.Wanted(ref))
}

// unknown says whether it is not known what an app wants.
func (e *entry) unknown() bool {
	spec := e.order.Spec
	return spec.Blob != nil && !e.facts.plan.Same(spec) && !e.facts.next.Same(spec) && !e.coming.Same(spec)
}

// keeps says whether an app will want an object when all it waits for has come.
func (b *board) keeps(name string, ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.apps[name]
	switch {
	case e == nil || e.order.Leaving:
		return false
	case e.next() != nil:
		return e.next().Wanted(ref)
	}
	return e.facts.plan.Wanted(ref)
}

// wantedBeside says whether an app beside one wants an object, or a plan that is yet to come does.
func (b *board) wantedBeside(app string, ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.apps {
		if name == app {
			if !e.order.Leaving && e.coming.Wanted(ref) {
				return true
			}
		} else if e.wanted(ref) {
			return true
		}
	}
	return false
}

// hooked says whether an object is a hook of any app.
func (b *board) hooked(ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.apps {
		if slices.ContainsFunc(e.plans(), func(p *plan.Plan) bool { return p.Hooked(ref) }) {
			return true
		}
	}
	return false
}

// plansBeside are all plans of the other apps that stay, by app.
func (b *board) plansBeside(app string) map[string][]*plan.Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string][]*plan.Plan{}
	for name, e := range b.apps {
		if name != app {
			out[name] = e.plans()
		}
	}
	return out
}

// doubt says why nothing of an app may be deleted, because of what is not known of the others: an object that left one
// app may have moved to another one.
func (b *board) doubt(app string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if why := b.accepted.Bundle.Incomplete; why != "" {
		return "until the hub knows everything that the cluster is to run, because they may have moved: " + why
	}
	for _, name := range b.names {
		switch e := b.apps[name]; {
		case e.order.Leaving || name == app:
		case e.order.Spec.Error != "":
			return fmt.Sprintf("until app %s can be rendered again, because they may have moved there", name)
		case e.unknown():
			return fmt.Sprintf("until it is known what app %s wants, because they may have moved there", name)
		}
	}
	return ""
}

// unsure says why it is not known what all apps want.
func (b *board) unsure() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.accepted.Known {
		return "no bundle has been read yet"
	}
	if why := b.accepted.Bundle.Incomplete; why != "" {
		return "the bundle is not complete: " + why
	}
	for _, name := range b.names {
		e := b.apps[name]
		flawed := func(p *plan.Plan) bool { return p != nil && len(p.Invalid) > 0 }
		switch {
		case e.order.Leaving:
		case e.order.Spec.Error != "":
			return fmt.Sprintf("app %s cannot be rendered", name)
		case e.unknown():
			return fmt.Sprintf("it is not known yet what app %s wants", name)
		case slices.ContainsFunc(e.plans(), flawed):
			return fmt.Sprintf("it is not known what all objects of app %s are", name)
		}
	}
	return ""
}

// rules are the health rules that apps bring for a kind, by app. There are none for Secrets, which are never read back.
func (b *board) rules(group, kind string) map[string]protocol.HealthRule {
	out := map[string]protocol.HealthRule{}
	if group == "" && kind == "Secret" {
		return out
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.apps {
		for _, r := range e.order.Spec.Health {
			_, known := out[name]
			if r.Group == group && (r.Kind == kind || r.Kind == "" && !known) {
				out[name] = r
			}
		}
	}
	return out
}
