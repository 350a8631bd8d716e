package app

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
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
		a.see(ctx, o, sg)
	}
	if owner := a.env.Objects.Owner(sg.Live.Ref); !hooked && o == nil && owner != "" && owner != a.Name {
		if other := a.env.Board.App(owner); other != nil { // it was handed over meanwhile
			other.Box.Sight(sg)
		}
	}
}

// see takes one look at an object. While a request for it is under way the newest look waits.
func (a *App) see(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	if o.Busy {
		if o.Stash == nil || o.Stash.Live.Version <= sg.Live.Version {
			o.Stash = &sg
		}
		return
	}
	a.judgeSighting(ctx, o, sg)
}

// JudgeStash judges the newest look that came while a request for the object was under way.
func (a *App) JudgeStash(ctx context.Context, o *owned.Object) {
	st := o.Stash
	o.Stash = nil
	if st != nil && !o.Gone {
		a.see(ctx, o, *st)
	}
}

// judgeSighting compares a look with what the agent knows. Versions rise, so whatever is older is known already, and
// whatever is newer than the agent's own apply was done by somebody else.
func (a *App) judgeSighting(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	if sg.Live.Version < o.Version {
		return
	}
	same := sg.Live.Version == o.Version && o.Ours
	o.Version = sg.Live.Version
	a.noteEnd(ctx, o, sg.Live, sg.Verdict.Message)
	if sg.Kind == agent.SightGone {
		a.missed(ctx, o, sg)
		return
	}
	before := o.Verdict
	o.Present, o.Deleting, o.Verdict = true, sg.Live.Deleting, sg.Verdict
	if o.Verdict.Health != protocol.HealthCurrent {
		o.Unnoticed = owned.Unnoticed{}
	}
	if o.SetPaused(sg.Live.Paused) {
		a.Kick() // to store it, and to apply what came meanwhile
	}
	switch drift.Judge(drift.Known{Wanted: o.Want != nil, Line: o.Item.Line, Fields: o.Item.Fields, Own: same}, sg.Live.Fields) {
	case drift.Own: // whatever it looks like is how it should
		o.Trust(sg.Live.Fields)
	case drift.Drifted:
		o.Ours, o.Drifted = false, true
		a.healer.Heal(ctx, o, sg)
	case drift.Matches:
		o.Ours, o.Drifted, o.Astray = false, false, nil
		o.Untell()
		if o.Item.Line == o.Want.Line {
			o.Trouble = nil // whatever it was, it is as it should be
		}
	}
	o.Generation, o.Owners = sg.Live.Generation, sg.Live.OwnerUIDs()
	a.inquire(ctx, o)
	if before != o.Verdict {
		a.changed(ctx, o, before.Health)
	}
}

// missed is for an object that is not there, or no longer carries the label.
func (a *App) missed(ctx context.Context, o *owned.Object, sg agent.Sighting) {
	o.Present, o.Ours, o.Deleting = false, false, false
	o.Unlook()
	if o.Want == nil {
		if o.Removing {
			a.pruner.Pruned(o)
		}
		return // or else the next prune finds out
	}
	if o.Ended() {
		a.settleEnded(ctx, o)
		return
	}
	if a.unseenEnd(ctx, o, sg) {
		return
	}
	before := o.Verdict.Health
	o.Removing, o.Verdict = false, fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there"}
	o.Drifted = true
	a.healer.Heal(ctx, o, sg)
	if o.Trouble != nil && agent.ReasonOf(o.Trouble.Err) == agent.ReasonEnding { // this is what was waited for
		o.Trouble.Next = time.Time{}
		a.Kick()
	}
	a.changed(ctx, o, before)
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
	a.JudgeStash(ctx, o)
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
	if uid := runUID(o.Item.Ref, live); o.Item.UID != uid {
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
	o.Version, o.Ours, o.Present, o.Drifted, o.Astray = live.Version, true, true, false, nil
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
