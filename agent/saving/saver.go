// Package saving stores what must not be lost of an app, and takes it up again: what is in force, the inventory, the
// run of hooks and waves, and how much was deleted. What is about to be applied is stored before, so that whatever
// happens in between, the stored inventory never lacks an object that was applied.
//
// A Saver belongs to the goroutine of its app. It may import agent, the packages actor, budget, hook, orders, owned
// and plan in agent/, fleet and protocol.
package saving

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
)

// Config is what a saver works with.
type Config struct {
	*owned.Set
	*orders.Current
	*actor.Actor
	Progress  *hook.Progress // of the app's hooks and waves
	Deletions *budget.Budget
	Store     Store
}

// Store is where apps are stored.
type Store interface {
	SaveApp(ctx context.Context, st agent.AppState) error
	DropApp(ctx context.Context, name string) error
}

// Saver stores an app.
type Saver struct {
	Config
	Intent bool // something is about to be applied, which must be stored before
}

// New makes one.
func New(c Config) Saver { return Saver{Config: c} }

// Stored is the plan that is stored of the app: what is in force; or what its first PreSync hooks are done for, or its
// last ones when it leaves. nil says that nothing is to be stored.
func (s *Saver) Stored() *plan.Plan {
	switch {
	case s.Plan != nil:
		return s.Plan
	case s.Leaving:
		return s.Last
	case s.Next.DeliveredBy(s.Progress.Run):
		return s.Next
	}
	return nil
}

// Save stores the app as it is now, as soon as other apps have handed over all that they are to. done says that it is
// stored, and own are the objects that it is stored with. Where there is nothing to store, what was stored before
// stays, and nothing is done. The error is that of the store, or of a session that is over.
func (s *Saver) Save(ctx context.Context) (own []*owned.Object, done bool, err error) {
	if s.Stored() == nil { // of an app that leaves, what was stored before stays until nothing is left of it
		s.Dirty = false
		return nil, false, nil
	}
	if s.HandleUntil(ctx, nil, func() bool { return s.Coming == 0 }); s.Coming > 0 {
		return nil, false, ctx.Err()
	}
	if s.Stored() == nil {
		return nil, false, nil // it left meanwhile
	}
	state := s.state()
	own = slices.Clone(s.Own)
	s.Dirty = false
	s.Await(ctx, func() { err = s.Store.SaveApp(ctx, state) })
	if err != nil {
		s.Dirty = true
		return nil, false, err
	}
	s.Intent = false
	return slices.DeleteFunc(own, func(o *owned.Object) bool { return o.Gone }), true, nil
}

// state is what is stored of the app.
func (s *Saver) state() agent.AppState {
	p := s.Stored()
	packed, _ := p.Packed()
	deleted, granted := s.Deletions.Stored()
	return agent.AppState{Spec: s.SpecOf(p), Epoch: p.Epoch, Generation: p.Generation, Packed: packed, Items: s.Items(),
		Last: s.LastApplied(), Run: s.Progress.Run.Clone(), Deleted: deleted, Granted: granted, Former: s.Names}
}

// Drop deletes what is stored of the app, of which nothing is left.
func (s *Saver) Drop(ctx context.Context) (err error) {
	if s.Await(ctx, func() { err = s.Store.DropApp(ctx, s.Name) }); err == nil {
		s.Dirty = false // or else it would be dropped again and again
	}
	return err
}
