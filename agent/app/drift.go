package app

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/sight"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Sight takes what a watch tells of an object.
func (a *App) Sight(ctx context.Context, sg agent.Sighting) {
	if ctx.Err() != nil {
		return
	}
	hooked, o := a.hooks.Sight(sg), a.ByRef[sg.Live.Ref]
	if o != nil {
		a.seer.See(ctx, o, sg)
	}
	if owner := a.env.Objects.Owner(sg.Live.Ref); !hooked && o == nil && owner != "" && owner != a.Name {
		if other := a.env.Board.App(owner); other != nil { // it was handed over meanwhile
			other.Box.Sight(sg)
		}
	}
}

// changed follows up a change of an object's health.
func (a *App) changed(ctx context.Context, o *owned.Object, before protocol.Health) {
	if plan.IsDefinition(o.Item.Ref) && o.Verdict.Health == protocol.HealthCurrent && before != protocol.HealthCurrent {
		a.established(o)
	}
	a.moveOn(o, before)
	if a.env.Watches.Synced(o.Item.Ref) { // or else a list or a turn does
		a.assessIdle(ctx)
	}
}

// established makes the kinds of a definition known, and tries what waited for them.
func (a *App) established(o *owned.Object) {
	if a.Plan == nil {
		return
	}
	served := a.Plan.DefinedBy(o.Item.Ref.Name)
	a.env.Cluster.Learn(served)
	a.env.Watches.Renew(served)
	a.retryAll(func(x *owned.Object) bool {
		for _, r := range served {
			if r.Kind == x.Item.Ref.Kind && r.Group == x.Item.Ref.Group {
				return true
			}
		}
		return false
	})
}

// Settle takes down the answer to an apply.
func (a *App) Settle(ctx context.Context, o *owned.Object, w *plan.Want, live agent.Live, err error) {
	o.Busy = false
	switch {
	case o.Gone:
	case err == nil:
		a.applied(ctx, o, w, live)
	case o.Want != nil && o.Want.Line != w.Line: // it is tried again with the newer content, if that is refused again
	case ctx.Err() == nil:
		if o.Trouble == nil {
			o.Trouble = owned.NewTrouble()
		}
		o.Trouble.Note(err, time.Now())
		o.Trouble.Line = w.Line
		a.schedule(ctx)
	}
	a.seer.JudgeStash(ctx, o)
	o.Proceed()
	a.assessIdle(ctx)
}

// applied takes down a success.
func (a *App) applied(ctx context.Context, o *owned.Object, w *plan.Want, live agent.Live) {
	if o.Item.Line != w.Line && o.Item.Fields != (agent.Sum{}) && live.Version != o.Version {
		a.beside.Notice(o.Item.Ref)
	}
	if live.Created {
		o.Item.Ended = nil
	}
	if uid := sight.RunUID(o.Item.Ref, live); o.Item.UID != uid {
		o.Item.UID, a.Dirty = uid, true
	}
	if o.Item.Line != w.Line || o.Item.Fields != live.Fields {
		o.Item.Line, o.Item.Fields, a.Dirty = w.Line, live.Fields, true
	}
	o.Untell()
	a.learn(o, w, live.Whole)
	switch {
	case live.Left:
		o.Item.Paused = live.Paused
		o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it was there before, and is left as it is"}
	case live.Version != o.Version || !o.Present:
		o.Unlook()                            // what was wrong was wrong with what it was before
		if a.env.Watches.Judged(o.Item.Ref) { // the watch will say
			o.Verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was applied just now"}
		} else {
			o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}
		}
	}
	o.Version, o.Ours, o.Present, o.Drifted, o.Astray, o.Tried = live.Version, true, true, false, nil, true
	if o.Want == nil || o.Want.Line == w.Line { // or else newer content is still refused
		o.Trouble = nil
	}
	if a.beside.Awaited(o.Item.Ref) || !a.Running && a.hooks.Run.Open() {
		a.Kick()
	}
	if live.App == a.Name {
		o.Item.Former = nil
	}
	if ref := o.Item.Ref; ref.Group == "" && ref.Kind == "Namespace" {
		a.retryAll(func(x *owned.Object) bool {
			r := agent.ReasonOf(x.Trouble.Err)
			return x.Item.Ref.Namespace == ref.Name && (r == agent.ReasonNamespace || r == agent.ReasonNamespaceEnding)
		})
	}
}
