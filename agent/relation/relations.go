// Package relation is what the objects of apps are to each other: which is applied after which, and which fields of one
// are left to the controller of another. What an app must know of other apps' objects it learns from the shared
// Standings and by messages; what they must know of its own it tells.
//
// Relations belong to the goroutine of their app. It may import agent, the packages actor, board, inventory, owned and
// plan in agent/, fleet and protocol.
package relation

import (
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Env is what the apps share for this.
type Env struct {
	Board   Steers
	Stands  *board.Standings
	Objects *inventory.Index
	// Tell tells one app something, if there is one of that name.
	Tell func(app string, what func(*Relations))
	// TellOthers tells all apps but one.
	TellOthers func(app string, what func(*Relations))
}

// Steers knows what controllers steer.
type Steers interface {
	// SteersBeside calls each with what the controllers of other apps steer; sure says that it need not be asked whether
	// the app that is named still has the controller's object.
	SteersBeside(app string, each func(name string, st plan.Steer, sure bool))
}

// Relations are those of the objects of one app.
type Relations struct {
	*owned.Set
	*actor.Actor
	Env
	Steers  []plan.Steer                // by the plan in force, and by what is yet to be pruned
	waiters map[protocol.ObjectRef]bool // objects of its own that others of its own are applied after
	// objects of its own that other apps apply something after, as these know them
	revealed map[protocol.ObjectRef]*board.Standing
}

// New are those of an app that has nothing.
func New(set *owned.Set, act *actor.Actor, e Env) Relations {
	return Relations{Set: set, Actor: act, Env: e, revealed: map[protocol.ObjectRef]*board.Standing{}}
}

// Gave is for an object that was handed over: its new owner tells how it stands.
func (r *Relations) Gave(ref protocol.ObjectRef) { delete(r.revealed, ref) }

// Begun is for an object that the app begins to have. It is shown if others wait for it.
func (r *Relations) Begun(ref protocol.ObjectRef) {
	if r.Stands.Awaited(ref) {
		r.show(ref)
	}
}
