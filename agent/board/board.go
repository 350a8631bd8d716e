package board

import (
	"fmt"
	"slices"
	"sync"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Board is what apps may know of each other. A is how an app is reached.
type Board[A comparable] struct {
	nameOf   func(A) string
	mu       sync.Mutex // guards what follows
	accepted orders.Accepted
	seq      uint64 // counts the orders
	roster   roster[A]
}

// New makes an empty board. nameOf gives the name of an app.
func New[A comparable](nameOf func(A) string) *Board[A] {
	return &Board[A]{nameOf: nameOf, roster: roster[A]{apps: map[string]*Entry[A]{}}}
}

// roster is the list of apps.
type roster[A comparable] struct {
	apps  map[string]*Entry[A]
	names []string // of apps, in their order
}

// put adds an app, or replaces the one of its name.
func (r *roster[A]) put(name string, e *Entry[A]) {
	if r.apps[name] == nil {
		r.names = append(r.names, name)
		slices.Sort(r.names)
	}
	r.apps[name] = e
}

// drop removes the app of a name.
func (r *roster[A]) drop(name string) {
	delete(r.apps, name)
	r.names = slices.DeleteFunc(r.names, func(n string) bool { return n == name })
}

// list are all apps, by name.
func (r *roster[A]) list() []A {
	out := make([]A, len(r.names))
	for i, name := range r.names {
		out[i] = r.apps[name].App
	}
	return out
}

// Current is the accepted bundle, and the number of its orders.
func (b *Board[A]) Current() (acc orders.Accepted, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted, b.seq
}

// Raise makes what a part of the state was made from the least that is accepted.
func (b *Board[A]) Raise(epoch, generation uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted.Raise(epoch, generation)
}

// Add puts an app on the board. Its spec is what is known of it so far.
func (b *Board[A]) Add(a A, spec protocol.App) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roster.put(b.nameOf(a), &Entry[A]{App: a, Order: orders.Order{Spec: spec}})
}

// Remove takes an app from the board that is gone, unless it came back. seq is the number of the orders that the app
// has.
func (b *Board[A]) Remove(a A, seq uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := b.nameOf(a)
	if e := b.roster.apps[name]; e == nil || e.App != a || !e.Order.Leaving || b.seq != seq {
		return false
	}
	b.roster.drop(name)
	return true
}

// Command puts a bundle into force with its orders. create makes the apps that are not there yet. It gives all apps
// with their orders, by name, and the number of the orders.
func (b *Board[A]) Command(acc orders.Accepted, given map[string]orders.Order, create func(string) A) (list []A,
	seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted = acc
	b.seq++
	for name, o := range given {
		switch e := b.roster.apps[name]; {
		case e != nil:
			e.Order = o
		case !o.Leaving: // or else it has gone meanwhile
			b.roster.put(name, &Entry[A]{App: create(name), Order: o})
		}
	}
	return b.roster.list(), b.seq
}

// Orders are all that were given last.
func (b *Board[A]) Orders() map[string]orders.Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]orders.Order, len(b.roster.apps))
	for name, e := range b.roster.apps {
		out[name] = e.Order
	}
	return out
}

// Deliver puts plans for several apps on the board in one step, before any of the apps takes its own.
func (b *Board[A]) Deliver(plans map[A]*plan.Plan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for a, p := range plans {
		if e := b.roster.apps[b.nameOf(a)]; e != nil && e.App == a {
			e.Coming = p
		}
	}
}

// Tell takes down what an app tells of itself.
func (b *Board[A]) Tell(a A, f Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.roster.apps[b.nameOf(a)]
	if e == nil || e.App != a {
		return
	}
	e.Facts = f
}

// Taken is tell for an app that has taken what was coming.
func (b *Board[A]) Taken(a A, f Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.roster.apps[b.nameOf(a)]; e != nil && e.App == a {
		e.Facts, e.Coming = f, nil
	}
}

// App finds an app; the zero value if there is none of that name.
func (b *Board[A]) App(name string) (a A) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.roster.apps[name]; e != nil {
		a = e.App
	}
	return a
}

// Entry is what the board says of an app now.
func (b *Board[A]) Entry(name string) (e Entry[A], there bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.roster.apps[name]; e != nil {
		return *e, true
	}
	return Entry[A]{}, false
}

// All are all apps, by name.
func (b *Board[A]) All() []A {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.roster.list()
}

// Where are the apps that something is true for.
func (b *Board[A]) Where(is func(e *Entry[A]) bool) (out []A) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range b.roster.names {
		if e := b.roster.apps[name]; is(e) {
			out = append(out, e.App)
		}
	}
	return out
}

// Keeps says whether an app will want an object when all it waits for has come.
func (b *Board[A]) Keeps(name string, ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.roster.apps[name]
	switch {
	case e == nil || e.Order.Leaving:
		return false
	case e.Next() != nil:
		return e.Next().Wanted(ref)
	}
	return e.Facts.Plan.Wanted(ref)
}

// WantedBeside says whether an app beside one wants an object, or a plan that is yet to come does.
func (b *Board[A]) WantedBeside(app string, ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.roster.apps {
		if name == app {
			if !e.Order.Leaving && e.Coming.Wanted(ref) {
				return true
			}
		} else if e.Wanted(ref) {
			return true
		}
	}
	return false
}

// Hooked says whether an object is a hook of any app.
func (b *Board[A]) Hooked(ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.roster.apps {
		if slices.ContainsFunc(e.plans(), func(p *plan.Plan) bool { return p.Hooked(ref) }) {
			return true
		}
	}
	return false
}

// PlansBeside are all plans of the other apps that stay, by app.
func (b *Board[A]) PlansBeside(app string) map[string][]*plan.Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string][]*plan.Plan{}
	for name, e := range b.roster.apps {
		if name != app {
			out[name] = e.plans()
		}
	}
	return out
}

// Doubt says why nothing of an app may be deleted, because of what is not known of the others: an object that left one
// app may have moved to another one. Apps with another service account do not count: one that cannot be rendered would
// keep all others from deleting.
func (b *Board[A]) Doubt(app string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if why := b.accepted.Bundle.Incomplete; why != "" {
		return "until the hub knows everything that the cluster is to run, because they may have moved: " + why
	}
	own := b.roster.apps[app]
	for _, name := range b.roster.names {
		switch e := b.roster.apps[name]; {
		case e.Order.Leaving || name == app:
		case own != nil && own.Order.Spec.ServiceAccount != e.Order.Spec.ServiceAccount:
		case e.Order.Spec.Error != "":
			return fmt.Sprintf("until app %s can be rendered again, because they may have moved there", name)
		case e.unknown():
			return fmt.Sprintf("until it is known what app %s wants, because they may have moved there", name)
		}
	}
	return ""
}

// Unsure says why it is not known what all apps want.
func (b *Board[A]) Unsure() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.accepted.Known {
		return "no bundle has been read yet"
	}
	if why := b.accepted.Bundle.Incomplete; why != "" {
		return "the bundle is not complete: " + why
	}
	for _, name := range b.roster.names {
		e := b.roster.apps[name]
		flawed := func(p *plan.Plan) bool { return p != nil && len(p.Invalid) > 0 }
		switch {
		case e.Order.Leaving:
		case e.Order.Spec.Error != "":
			return fmt.Sprintf("app %s cannot be rendered", name)
		case e.unknown():
			return fmt.Sprintf("it is not known yet what app %s wants", name)
		case slices.ContainsFunc(e.plans(), flawed):
			return fmt.Sprintf("it is not known what all objects of app %s are", name)
		}
	}
	return ""
}

// Rules are the health rules that apps bring for a kind, by app. There are none for Secrets, which are never read back.
func (b *Board[A]) Rules(group, kind string) map[string]protocol.HealthRule {
	out := map[string]protocol.HealthRule{}
	if group == "" && kind == "Secret" {
		return out
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.roster.apps {
		for _, r := range e.Order.Spec.Health {
			_, known := out[name]
			if r.Group == group && (r.Kind == kind || r.Kind == "" && !known) {
				out[name] = r
			}
		}
	}
	for name, e := range b.roster.apps { // whose objects may still have the label of a name that the app had
		r, has := out[name]
		for _, former := range e.Order.Spec.Formerly {
			if has && b.roster.apps[former] == nil {
				out[former] = r
			}
		}
	}
	return out
}

// SteersBeside are what the other apps may steer. sure says of each whether it is in their plan in force.
func (b *Board[A]) SteersBeside(app string, each func(name string, st plan.Steer, sure bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.roster.apps {
		if name != app {
			for _, st := range e.Facts.Steers {
				each(name, st, e.Facts.Plan.Steering(st.By))
			}
		}
	}
}
