package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/drift"
)

// slowed says whether the heal of an object is put off because there were too many.
func (a *app) slowed(ctx context.Context, o *object, sg agent.Sighting) bool {
	if o.conflict.Defer(sg) {
		return true
	}
	if o.conflict == nil {
		o.conflict = drift.NewConflict(sg.At)
	}
	c := o.conflict
	pause, began := c.Count(sg)
	if began {
		a.watchSlowdown(ctx, o)
		if sg.Kind == agent.SightGone {
			a.env.out.Changed(true)
		}
	}
	if pause == 0 {
		return false
	}
	c.Begin(sg)
	o.paced = time.Now().Add(pause)
	time.AfterFunc(pause, func() { a.Post(func() { a.healLate(ctx, o, c) }) })
	return true
}

// healLate heals an object after the pause.
func (a *app) healLate(ctx context.Context, o *object, c *drift.Conflict) {
	late := c.End()
	o.paced = time.Time{}
	if w, p := o.inForce(); o.conflict == c && !o.gone && w != nil && o.drifted && !o.busy && !o.deleting &&
		ctx.Err() == nil {
		a.startRepair(ctx, o, w, p, *late)
	}
}

// watchSlowdown forgets a conflict when it has been quiet for a while.
func (a *app) watchSlowdown(ctx context.Context, o *object) {
	var check func()
	check = func() {
		c := o.conflict
		if o.gone || !c.Slow() || ctx.Err() != nil {
			return
		}
		if !c.Over(time.Now()) {
			time.AfterFunc(drift.Window, func() { a.Post(check) })
			return
		}
		o.conflict = nil
		a.assess(ctx)
	}
	time.AfterFunc(drift.Window, func() { a.Post(check) })
}
