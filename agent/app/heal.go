package app

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/owned"
)

// slowed says whether the heal of an object is put off because there were too many.
func (a *App) slowed(ctx context.Context, o *owned.Object, sg agent.Sighting) bool {
	if o.Conflict.Defer(sg) {
		return true
	}
	if o.Conflict == nil {
		o.Conflict = drift.NewConflict(sg.At)
	}
	c := o.Conflict
	pause, began := c.Count(sg)
	if began {
		a.watchSlowdown(ctx, o)
		if sg.Kind == agent.SightGone {
			a.env.Out.Changed(true)
		}
	}
	if pause == 0 {
		return false
	}
	c.Begin(sg)
	o.Paced = time.Now().Add(pause)
	time.AfterFunc(pause, func() { a.Post(func() { a.healLate(ctx, o, c) }) })
	return true
}

// healLate heals an object after the pause.
func (a *App) healLate(ctx context.Context, o *owned.Object, c *drift.Conflict) {
	late := c.End()
	o.Paced = time.Time{}
	if w, p := o.InForce(); o.Conflict == c && !o.Gone && w != nil && o.Drifted && !o.Busy && !o.Deleting &&
		ctx.Err() == nil {
		a.startRepair(ctx, o, w, p, *late)
	}
}

// watchSlowdown forgets a conflict when it has been quiet for a while.
func (a *App) watchSlowdown(ctx context.Context, o *owned.Object) {
	var check func()
	check = func() {
		c := o.Conflict
		if o.Gone || !c.Slow() || ctx.Err() != nil {
			return
		}
		if !c.Over(time.Now()) {
			time.AfterFunc(drift.Window, func() { a.Post(check) })
			return
		}
		o.Conflict = nil
		a.assess(ctx)
	}
	time.AfterFunc(drift.Window, func() { a.Post(check) })
}
