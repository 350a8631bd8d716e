// Package pass applies what is due of an app's objects: in the order of their stages, what is independent at once,
// and each object with all that is to be left to others. Whether something is due, the objects say; what an answer
// means, the app takes down.
//
// An Applier belongs to the goroutine of its app. It may import agent, the packages access, actor, apply, guard,
// inventory, orders, owned, plan and watch in agent/, fleet and protocol.
package pass

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// establishTime is how long an app waits for its definitions before it goes on without them.
const establishTime = 15 * time.Second

// Config is what an applier works with.
type Config struct {
	*owned.Set
	*orders.Current
	*actor.Actor
	Relations
	App
	Env
}

// Relations are what the objects of apps are to each other.
type Relations interface {
	Free(o *owned.Object) bool                   // all is current that it is applied after
	Holds(ctx context.Context) bool              // objects wait for others that are current by now
	AllSteered() map[protocol.ObjectRef][]string // the fields that are left to controllers
}

// App is what the app does for its applier.
type App interface {
	// Settle takes down the answer to an apply.
	Settle(ctx context.Context, o *owned.Object, w *plan.Want, live agent.Live, err error)
	// Fault takes down what keeps the whole app from going on.
	Fault(ctx context.Context, err error)
	// Emit puts an event into the journal.
	Emit(e protocol.Event)
	// Request is for what is done beside the app, with the rights that it has now.
	Request() access.Request
}

// Env is what the appliers of all apps reach and share.
type Env struct {
	Kinds     agent.Resolver
	Watches   watch.Tracker
	Scaling   Scalers
	Objects   *inventory.Index
	Scope     agent.Scope
	Slots     chan struct{} // for requests
	Protected func(protocol.ObjectRef) bool
}

// Scalers knows what autoscalers scale.
type Scalers interface {
	Follow(namespace string)
	Known(ctx context.Context, namespace string) bool
	Scales(ref protocol.ObjectRef) bool
}

// Applier applies the objects of an app.
type Applier struct {
	Config
	namespaceBodyApplied string // the request for the app's namespace that was granted
}

// New makes one.
func New(c Config) Applier { return Applier{Config: c} }

// ApplyPart applies what is due of a part of the app, stage by stage. What must come after something else in it
// follows.
func (x *Applier) ApplyPart(ctx context.Context, p *plan.Plan, part func(*owned.Object) bool) (changed int) {
	for sent := 1; sent > 0 && ctx.Err() == nil; {
		sent = 0
		for stage := range fleet.Stages {
			n, m := x.applyStage(ctx, p, stage, part)
			sent, changed = sent+n, changed+m
		}
		if !x.Holds(ctx) {
			break
		}
	}
	return changed
}

// Apply applies what is due of the app up to a wave.
func (x *Applier) Apply(ctx context.Context, p *plan.Plan, wave int) (changed int) {
	return x.ApplyPart(ctx, p, func(o *owned.Object) bool { return o.Want.Wave <= wave })
}

// applyStage applies what is due in one stage, all at once, and says how many objects were sent and how many of them
// changed.
func (x *Applier) applyStage(ctx context.Context, p *plan.Plan, stage fleet.Stage,
	part func(*owned.Object) bool,
) (sent, changed int) {
	due := x.due(stage, part)
	if len(due) == 0 || ctx.Err() != nil {
		return 0, 0
	}
	var lines []byte
	var err error
	if x.Await(ctx, func() { lines, err = p.Lines() }); err != nil {
		x.Fault(ctx, err)
		return 0, 0
	}
	r := x.Request()
	x.Await(ctx, func() {
		actor.Each(x.Slots, due, func(o *owned.Object) {
			x.applyOne(ctx, r, o, lines, func() { changed++ })
		})
	})
	if stage == fleet.StageDefinitions {
		x.awaitDefinitions(ctx)
	}
	return len(due), changed
}

// due are the objects of a part of the app that must be applied now.
func (x *Applier) due(stage fleet.Stage, part func(*owned.Object) bool) (due []*owned.Object) {
	now := time.Now()
	for _, o := range x.Own {
		if o.Due(now) && fleet.StageOf(o.Item.Ref) == stage && part(o) && x.Free(o) {
			due = append(due, o)
		}
	}
	return due
}

// awaitDefinitions waits until the app's definitions are established, for some time.
func (x *Applier) awaitDefinitions(ctx context.Context) {
	limit := time.NewTimer(establishTime)
	defer limit.Stop()
	x.HandleUntil(ctx, limit.C, func() bool {
		return !slices.ContainsFunc(x.Own, func(o *owned.Object) bool {
			return o.Want != nil && o.Trouble == nil && plan.IsDefinition(o.Item.Ref) &&
				o.Verdict.Health == protocol.HealthProgressing
		})
	})
}
