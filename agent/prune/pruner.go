// Package prune deletes what an app has and no longer wants, or says why it does not: because of some app it is not
// known what it wants, because more would be deleted than is permitted, because a person has to approve it, or
// because something else comes first. Every object is looked at just before, and asked about once more: nothing is
// deleted by orders that a newer bundle replaced.
//
// A Pruner belongs to the goroutine of its app. It may import agent, the packages access, actor, budget, contents,
// guard, inventory, orders, owned and plan in agent/, fleet and protocol.
package prune

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/contents"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a pruner works with.
type Config struct {
	*owned.Set
	*orders.Current
	*actor.Actor
	App
	Env
	// JudgeStash judges what was seen of an object while a request for it was under way.
	JudgeStash func(ctx context.Context, o *owned.Object)
}

// App is what the app does for its pruner.
type App interface {
	// Forget takes an object out of the inventory.
	Forget(o *owned.Object)
	// Emit puts an event into the journal.
	Emit(e protocol.Event)
	// Request is for what is done beside the app, with the rights that it has now.
	Request() access.Request
}

// Env is what the pruners of all apps reach and share.
type Env struct {
	ClusterName string
	Kinds       agent.Resolver
	Board       Board
	Objects     *inventory.Index
	Check       contents.Check // what would be lost with an object
	Scope       agent.Scope
	Slots       chan struct{} // for requests
	Protected   func(protocol.ObjectRef) bool
	News        func() // tells at once that the report is another
}

// Board is what is known of other apps.
type Board interface {
	// Current is the bundle in force, and the number of its orders.
	Current() (acc orders.Accepted, seq uint64)
	// WantedBeside says whether an app other than this one wants an object.
	WantedBeside(app string, ref protocol.ObjectRef) bool
	// Doubt says why it is not known what all other apps want; "" if it is.
	Doubt(app string) string
}

// Pruner deletes what an app no longer wants.
type Pruner struct {
	Config
	Held      string // why nothing is deleted
	Deletions budget.Budget
	spaceMade time.Time // when something was last deleted because a quota was used up
}

// New makes a pruner that has deleted nothing.
func New(c Config) Pruner { return Pruner{Config: c} }

// request is what is done beside the app.
type request struct {
	access.Request
	p *Pruner // is asked with Do
}
