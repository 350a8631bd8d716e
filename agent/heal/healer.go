// Package heal undoes drift: what another client changed or deleted is applied again as it was applied last, at once,
// and ever slower while it is changed again and again. Package drift decides; a Healer asks for what was decided, and
// tells of it. An app that keeps drift is told of it only.
//
// A Healer belongs to the goroutine of its app. It may import agent, the packages access, actor, drift, orders, owned
// and plan in agent/, fleet and protocol.
package heal

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a healer works with.
type Config struct {
	*owned.Set
	*orders.Current
	*actor.Actor
	App
	Env
}

// App is what the app does for its healer.
type App interface {
	// Emit puts an event into the journal.
	Emit(e protocol.Event)
	// Settle takes down the answer to an apply.
	Settle(ctx context.Context, o *owned.Object, w *plan.Want, live agent.Live, err error)
	// Quiet is told that an object is no longer healed slower than at once.
	Quiet(ctx context.Context)
	// Healed is told that something was changed to heal it.
	Healed(now time.Time)
	// Request is for what is done beside the app, with the rights that it has now.
	Request() access.Request
}

// Sender applies objects of an app. It works beside the app, which it asks.
type Sender interface {
	// Send applies an object.
	Send(ctx context.Context, r access.Request, o *owned.Object, w *plan.Want, lines []byte) (agent.Live, error)
	// Would says what that would do.
	Would(ctx context.Context, r access.Request, o *owned.Object, w *plan.Want, lines []byte) (agent.Live, error)
}

// Env is what the healers of all apps reach and share.
type Env struct {
	ClusterName string
	Sender      Sender
	Slots       chan struct{}                  // for requests
	News        func(urgent bool)              // tells that the report is another
	Corrected   func(*protocol.Event)          // counts a drift that was corrected, or takes down the last one that was
	Lost        func(app string, reason error) // tells that former content of an app cannot be used
}

// Healer undoes the drift of an app's objects.
type Healer struct{ Config }

// New makes one.
func New(c Config) Healer { return Healer{c} }
