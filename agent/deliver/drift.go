package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// sight takes what a watch tells of an object.
func (a *app) sight(ctx context.Context, sg agent.Sighting) {
	if ctx.Err() != nil {
		return
	}
	l, o := a.hooks.lookouts[sg.Live.Ref], a.byRef[sg.Live.Ref]
	if l != nil {
		a.hooks.sight(l, sg)
	}
	if o != nil {
		a.see(ctx, o, sg)
	}
	if owner := a.env.objects.Owner(sg.Live.Ref); l == nil && o == nil && owner != "" && owner != a.name {
		if other := a.env.board.App(owner); other != nil { // it was handed over meanwhile
			other.box.Sight(sg)
		}
	}
}

// see takes one look at an object. While a request for it is under way the newest look waits.
func (a *app) see(ctx context.Context, o *object, sg agent.Sighting) {
	if o.busy {
		if o.stash == nil || o.stash.Live.Version <= sg.Live.Version {
			o.stash = &sg
		}
		return
	}
	a.judgeSighting(ctx, o, sg)
}

// judgeStash judges the newest look that came while a request for the object was under way.
func (a *app) judgeStash(ctx context.Context, o *object) {
	st := o.stash
	o.stash = nil
	if st != nil && !o.gone {
		a.see(ctx, o, *st)
	}
}

// judgeSighting compares a look with what the agent knows. Versions rise, so whatever is older is known already, and
// whatever is newer than the agent's own apply was done by somebody else.
func (a *app) judgeSighting(ctx context.Context, o *object, sg agent.Sighting) {
	if sg.Live.Version < o.version {
		return
	}
	same := sg.Live.Version == o.version && o.ours
	o.version = sg.Live.Version
	a.noteEnd(ctx, o, sg.Live, sg.Verdict.Message)
	if sg.Kind == agent.SightGone {
		a.missed(ctx, o, sg)
		return
	}
	before := o.verdict
	o.present, o.deleting, o.verdict = true, sg.Live.Deleting, sg.Verdict
	if o.verdict.Health != protocol.HealthCurrent {
		o.unnoticed = unnoticed{}
	}
	if o.pause(sg.Live.Paused) {
		a.kick() // to store it, and to apply what came meanwhile
	}
	switch drift.Judge(drift.Known{Wanted: o.want != nil, Line: o.item.Line, Fields: o.item.Fields, Own: same}, sg.Live.Fields) {
	case drift.Own: // whatever it looks like is how it should
		o.trust(sg.Live.Fields)
	case drift.Drifted:
		o.ours, o.drifted = false, true
		a.heal(ctx, o, sg)
	case drift.Matches:
		o.ours, o.drifted, o.astray = false, false, nil
		o.untell()
		if o.item.Line == o.want.Line {
			o.trouble = nil // whatever it was, it is as it should be
		}
	}
	o.generation, o.owners = sg.Live.Generation, sg.Live.OwnerUIDs()
	a.inquire(ctx, o)
	if before != o.verdict {
		a.changed(ctx, o, before.Health)
	}
}

// missed is for an object that is not there, or no longer carries the label.
func (a *app) missed(ctx context.Context, o *object, sg agent.Sighting) {
	o.present, o.ours, o.deleting = false, false, false
	o.unlook()
	if o.want == nil {
		if o.removing {
			a.pruned(o)
		}
		return // or else the next prune finds out
	}
	if o.ended() {
		a.settleEnded(ctx, o)
		return
	}
	if a.unseenEnd(ctx, o, sg) {
		return
	}
	before := o.verdict.Health
	o.removing, o.verdict = false, fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there"}
	o.drifted = true
	a.heal(ctx, o, sg)
	if o.trouble != nil && agent.ReasonOf(o.trouble.err) == agent.ReasonEnding { // this is what was waited for
		o.trouble.next = time.Time{}
		a.kick()
	}
	a.changed(ctx, o, before)
}

// changed follows up a change of an object's health.
func (a *app) changed(ctx context.Context, o *object, before protocol.Health) {
	if plan.IsDefinition(o.item.Ref) && o.verdict.Health == protocol.HealthCurrent && before != protocol.HealthCurrent {
		a.established(o)
	}
	a.moveOn(o, before)
	if a.env.watches.Synced(o.item.Ref) { // or else a list or a turn does
		a.assessIdle(ctx)
	}
}

// established makes the kinds of a definition known, and tries what waited for them.
func (a *app) established(o *object) {
	if a.plan == nil {
		return
	}
	served := a.plan.DefinedBy(o.item.Ref.Name)
	a.env.cluster.Learn(served)
	a.env.watches.Renew(served)
	a.retryAll(func(x *object) bool {
		for _, r := range served {
			if r.Kind == x.item.Ref.Kind && r.Group == x.item.Ref.Group {
				return true
			}
		}
		return false
	})
}

// settle takes down the answer to an apply.
func (a *app) settle(ctx context.Context, o *object, w *plan.Want, live agent.Live, err error) {
	o.busy = false
	switch {
	case o.gone:
	case err == nil:
		a.applied(ctx, o, w, live)
	case o.want != nil && o.want.Line != w.Line: // it is tried again with the newer content, if that is refused again
	case ctx.Err() == nil:
		if o.trouble == nil {
			o.trouble = newTrouble()
		}
		o.trouble.note(err, time.Now())
		o.trouble.line = w.Line
		a.schedule(ctx)
	}
	a.judgeStash(ctx, o)
	o.proceed()
	a.assessIdle(ctx)
}

// applied takes down a success.
func (a *app) applied(ctx context.Context, o *object, w *plan.Want, live agent.Live) {
	if o.item.Line != w.Line && o.item.Fields != (agent.Sum{}) && live.Version != o.version {
		a.notice(o.item.Ref)
	}
	if live.Created {
		o.item.Ended = nil
	}
	if uid := runUID(o.item.Ref, live); o.item.UID != uid {
		o.item.UID, a.dirty = uid, true
	}
	if o.item.Line != w.Line || o.item.Fields != live.Fields {
		o.item.Line, o.item.Fields, a.dirty = w.Line, live.Fields, true
	}
	o.untell()
	a.learn(o, w, live.Whole)
	switch {
	case live.Left:
		o.item.Paused = live.Paused
		o.verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it was there before, and is left as it is"}
	case live.Version != o.version || !o.present:
		o.unlook()                            // what was wrong was wrong with what it was before
		if a.env.watches.Judged(o.item.Ref) { // the watch will say
			o.verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was applied just now"}
		} else {
			o.verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}
		}
	}
	o.version, o.ours, o.present, o.drifted, o.astray, o.tried = live.Version, true, true, false, nil, true
	if o.want == nil || o.want.Line == w.Line { // or else newer content is still refused
		o.trouble = nil
	}
	if a.beside.awaited(o.item.Ref) || !a.running && a.hooks.Run.Open() {
		a.kick()
	}
	if live.App == a.name {
		o.item.Former = nil
	}
	if ref := o.item.Ref; ref.Group == "" && ref.Kind == "Namespace" {
		a.retryAll(func(x *object) bool {
			r := agent.ReasonOf(x.trouble.err)
			return x.item.Ref.Namespace == ref.Name && (r == agent.ReasonNamespace || r == agent.ReasonNamespaceEnding)
		})
	}
}

// heal applies an object again that drifted, at once.
func (a *app) heal(ctx context.Context, o *object, sg agent.Sighting) {
	w, p := o.inForce()
	state := drift.State{Ready: !o.busy && !o.deleting && o.want != nil && !a.suspended(), Known: w != nil,
		Newer: w != o.want, Gone: sg.Kind == agent.SightGone, Fails: o.trouble != nil}
	state.Heals = o.want != nil && o.heals()
	action := drift.Decide(state)
	if state.Newer && (action == drift.Retry || action == drift.Repair) {
		o.astray = &sg
	}
	switch action {
	case drift.Wait:
	case drift.Keep:
		a.keepDrift(ctx, o, w, p, sg)
	case drift.Retry:
		if o.trouble != nil {
			o.trouble.next = time.Time{}
		}
		a.kick()
	case drift.Repair:
		if !a.slowed(ctx, o, sg) {
			a.startRepair(ctx, o, w, p, sg)
		}
	}
}

// repair is heal's request. The object is busy.
func (r request) repair(ctx context.Context, o *object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	a := r.app
	r.env.heals <- struct{}{}
	lines, err := p.Lines()
	var live agent.Live
	if err == nil {
		live, err = r.send(ctx, o, w, lines)
	}
	<-r.env.heals
	took := time.Since(sg.At)
	healed := err == nil && !live.Left && (live.Created || live.Version != sg.Live.Version)
	var c agent.Culprit
	if healed && sg.Kind != agent.SightGone {
		c = r.at.Blame(sg.Live, live)
		healed = live.Created || len(c.Fields) > 0
	}
	a.do(func() {
		if healed {
			r.env.notes.with(func() { r.env.notes.drift.Corrected++ })
			a.condition.applied(time.Now())
		}
		a.settle(ctx, o, w, live, err)
		if err == nil && live.Version == sg.Live.Version {
			o.trust(sg.Live.Fields) // it only looked different
		}
		if healed {
			a.journal(o, sg, live, c, took)
		}
	})
}

// journal tells of a drift that was corrected, and who it was.
func (a *app) journal(o *object, sg agent.Sighting, live agent.Live, c agent.Culprit, took time.Duration) {
	e := protocol.Event{Kind: protocol.EventDrift, App: a.name, Took: protocol.MillisOf(took), Time: sg.At}
	switch {
	case sg.Kind == agent.SightGone && live.Created:
		e.Message = "it was deleted; it is there again"
		if slow := o.conflict.Recreating(); slow != "" {
			e.Message += "; it " + slow
		}
	case sg.Kind == agent.SightGone:
		e.Fields, e.Message = []string{"metadata.labels." + fleet.LabelApp}, "its label was taken away; it is back"
	default:
		e.By, e.Fields = c.Manager, c.Fields
		e.Message = c.Changed() + "; it is as in Git again"
	}
	ref := o.item.Ref
	e.Object = &ref
	o.conflict.Blame(e.By, e.Fields)
	a.emit(e)
	e.Version, e.Cluster, e.Generation = protocol.Version, a.env.name, a.accepted.Bundle.Generation
	a.env.notes.with(func() { a.env.notes.drift.Last = &e })
	a.env.out.Changed(false)
}
