package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// sight takes what a watch tells.
func (s *session) sight(ctx context.Context, sg agent.Sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[agent.Watched{Group: sg.Resource.Group, Kind: sg.Resource.Kind, Namespace: sg.Namespace}]
	if k == nil || ctx.Err() != nil {
		return
	}
	switch sg.Kind {
	case agent.SightListing:
		k.epoch++
	case agent.SightListed:
		s.listed(ctx, k, sg)
	case agent.SightWatching:
		s.regained(ctx, k, sg)
	case agent.SightLost:
		if k.lost.IsZero() {
			k.lost = sg.At
			s.log.Warn("a watch broke; it is opened again by itself", "kind", sg.Resource.Kind, "err", sg.Err)
		}
		s.out.Changed(false)
	case agent.SightObject, agent.SightGone:
		s.sightHook(ctx, k, sg)
		o := s.all[sg.Live.Ref]
		if o == nil {
			return
		}
		o.epoch = k.epoch
		s.see(ctx, o, sg)
	}
}

// listed finds what should be there and was not in a complete list. s.mu is held.
func (s *session) listed(ctx context.Context, k *kindWatch, sg agent.Sighting) {
	k.synced = true
	var absent []*object
	covers := agent.Watched{Group: sg.Resource.Group, Kind: sg.Resource.Kind, Namespace: sg.Namespace}
	for ref, o := range s.all {
		if s.scope.Covering(ref) == covers && o.epoch != k.epoch {
			absent = append(absent, o)
		}
	}
	for _, o := range absent {
		s.see(ctx, o, agent.Sighting{Kind: agent.SightGone, Resource: sg.Resource, Live: agent.Live{Ref: o.item.Ref, Version: sg.Live.Version}, At: time.Now()})
	}
	s.absentHooks(ctx, k, sg, covers)
	s.announce()
	for _, a := range s.apps {
		if !a.running {
			s.assess(ctx, a)
		}
	}
}

// regained tries again what failed because the API server did not answer, or refused. s.mu is held.
func (s *session) regained(ctx context.Context, k *kindWatch, sg agent.Sighting) {
	if k.lost.IsZero() {
		return
	}
	k.lost = time.Time{}
	s.out.Changed(false)
	s.log.Info("the watch holds again", "kind", sg.Resource.Kind)
	s.retry(ctx, func(o *object) bool {
		r := agent.ReasonOf(o.trouble.err)
		return r == agent.ReasonUnreachable || r == agent.ReasonForbidden
	})
}

// see takes one look at an object. While a request for it is under way the newest look waits. s.mu is held.
func (s *session) see(ctx context.Context, o *object, sg agent.Sighting) {
	if o.busy {
		if o.stash == nil || o.stash.Live.Version <= sg.Live.Version {
			o.stash = &sg
		}
		return
	}
	s.judge(ctx, o, sg)
}

// judge compares a look with what the agent knows. Versions rise, so whatever is older is known already, and
// whatever is newer than the agent's own apply was done by somebody else. s.mu is held.
func (s *session) judge(ctx context.Context, o *object, sg agent.Sighting) {
	if sg.Live.Version < o.version {
		return
	}
	same := sg.Live.Version == o.version && o.ours
	o.version = sg.Live.Version
	s.noteEnd(ctx, o, sg.Live, sg.Verdict.Message)
	if sg.Kind == agent.SightGone {
		s.missed(ctx, o, sg)
		return
	}
	before := o.verdict
	o.present, o.deleting, o.verdict = true, sg.Live.Deleting, sg.Verdict
	if o.verdict.Health != protocol.HealthCurrent {
		o.unnoticed = unnoticed{}
	}
	s.paused(ctx, o, sg.Live.Paused)
	switch {
	case same: // the very state that our apply left: whatever it looks like is how it should
		s.trust(o, sg.Live.Fields)
	case o.item.Line == agent.Sum{} || o.want == nil:
	case sg.Live.Fields != o.item.Fields:
		o.ours, o.drifted = false, true
		s.heal(ctx, o, sg)
	default:
		o.ours, o.drifted, o.astray = false, false, nil
		s.untell(o)
		if o.item.Line == o.want.Line {
			o.trouble = nil // whatever it was, it is as it should be
		}
	}
	o.generation, o.owners = sg.Live.Generation, sg.Live.OwnerUIDs()
	s.inquire(ctx, o)
	if before != o.verdict {
		s.changed(ctx, o, before.Health)
	}
}

// trust takes a field set as what an apply leaves. s.mu is held.
func (s *session) trust(o *object, fields agent.Sum) {
	if o.item.Fields != fields {
		o.item.Fields, o.app.dirty = fields, true
	}
}

// missed is for an object that is not there, or no longer carries the label. s.mu is held.
func (s *session) missed(ctx context.Context, o *object, sg agent.Sighting) {
	o.present, o.ours, o.deleting = false, false, false
	s.unlook(ctx, o)
	if o.want == nil {
		if o.removing {
			s.gone(ctx, o)
		}
		return // or else the next prune finds out
	}
	if o.ended() {
		s.settleEnded(ctx, o)
		return
	}
	if s.unseenEnd(ctx, o, sg) {
		return
	}
	before := o.verdict.Health
	o.removing, o.verdict = false, fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there"}
	o.drifted = true
	s.heal(ctx, o, sg)
	if o.trouble != nil && agent.ReasonOf(o.trouble.err) == agent.ReasonEnding { // this is what was waited for
		o.trouble.next = time.Time{}
		s.kick(ctx, o.app)
	}
	s.changed(ctx, o, before)
}

// changed follows up a change of an object's health. s.mu is held.
func (s *session) changed(ctx context.Context, o *object, before protocol.Health) {
	if plan.IsDefinition(o.item.Ref) {
		s.announce()
		if o.verdict.Health == protocol.HealthCurrent && before != protocol.HealthCurrent {
			s.established(ctx, o)
		}
	}
	s.moveOn(ctx, o, before)
	if k := s.kindOf(o.item.Ref); k.synced && !o.app.running { // or else who lists, or works on it, does
		s.assess(ctx, o.app)
	}
}

// established makes the kinds of a definition known, and tries what waited for them. s.mu is held.
func (s *session) established(ctx context.Context, o *object) {
	if o.app.plan == nil {
		return
	}
	served := o.app.plan.DefinedBy(o.item.Ref.Name)
	s.cluster.Learn(served)
	for _, r := range served { // in a scope there are no definitions, and every kind is watched as a whole
		if k := s.kinds[agent.Watched{Group: r.Group, Kind: r.Kind}]; k != nil && !k.lost.IsZero() && k.stop != nil {
			k.stop() // the next apply begins another watch, at once
			k.stop, k.lost = nil, time.Time{}
		}
	}
	s.retry(ctx, func(x *object) bool {
		for _, r := range served {
			if r.Kind == x.item.Ref.Kind && r.Group == x.item.Ref.Group {
				return true
			}
		}
		return false
	})
}

// settle takes down the answer to an apply. s.mu is held.
func (s *session) settle(ctx context.Context, o *object, w *plan.Want, live agent.Live, err error) {
	o.busy = false
	s.settled.Broadcast()
	stash := o.stash
	o.stash = nil
	switch {
	case err == nil:
		s.applied(ctx, o, w, live)
	case o.want != nil && o.want.Line != w.Line: // it is tried again with the newer content, if that is refused again
	case ctx.Err() == nil:
		if o.trouble == nil {
			o.trouble = newTrouble()
		}
		o.trouble.note(err, time.Now())
		o.trouble.line = w.Line
		s.plan(ctx, o.app)
	}
	if stash != nil {
		s.judge(ctx, o, *stash)
	}
	if !o.app.running {
		s.assess(ctx, o.app)
	}
}

// applied takes down a success. s.mu is held.
func (s *session) applied(ctx context.Context, o *object, w *plan.Want, live agent.Live) {
	if o.item.Line != w.Line && o.item.Fields != (agent.Sum{}) && live.Version != o.version {
		s.notice(ctx, o.item.Ref)
	}
	if live.Created {
		o.item.Ended = nil
	}
	if uid := runUID(o.item.Ref, live); o.item.UID != uid {
		o.item.UID, o.app.dirty = uid, true
	}
	if o.item.Line != w.Line || o.item.Fields != live.Fields {
		o.item.Line, o.item.Fields, o.app.dirty = w.Line, live.Fields, true
	}
	s.untell(o)
	s.learn(ctx, o, w, live.Whole)
	switch {
	case live.Left:
		o.item.Paused = live.Paused
		o.verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it was there before, and is left as it is"}
	case live.Version != o.version || !o.present:
		s.unlook(ctx, o)          // what was wrong was wrong with what it was before
		if s.judged(o.item.Ref) { // the watch will say
			o.verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was applied just now"}
		} else {
			o.verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}
		}
	}
	o.version, o.ours, o.present, o.drifted, o.astray = live.Version, true, true, false, nil
	if o.want == nil || o.want.Line == w.Line { // or else newer content is still refused
		o.trouble = nil
	}
	if s.wake(ctx, o.item.Ref); !o.app.running && o.app.run.Open() {
		s.kick(ctx, o.app)
	}
	if live.App == o.app.name {
		o.item.Former = nil
	}
	if ref := o.item.Ref; ref.Group == "" && ref.Kind == "Namespace" {
		s.retry(ctx, func(x *object) bool {
			r := agent.ReasonOf(x.trouble.err)
			return x.item.Ref.Namespace == ref.Name && (r == agent.ReasonNamespace || r == agent.ReasonNamespaceEnding)
		})
	}
}

// heal applies an object again that drifted, at once. s.mu is held.
func (s *session) heal(ctx context.Context, o *object, sg agent.Sighting) {
	a := o.app
	w, p := o.inForce()
	switch {
	case o.busy || o.deleting || o.want == nil || s.suspended(a) || a.plan == nil || w == nil:
		return // what is due is done by the app's next turn
	case !o.heals():
		s.keepDrift(ctx, o, w, p, sg)
		return
	}
	newer := w != o.want
	if newer {
		o.astray = &sg
	}
	// Without the old object the newer content may be accepted. If it is not, the turn falls back to the last applied one.
	if newer && sg.Kind == agent.SightGone || !newer && o.trouble != nil {
		if o.trouble != nil {
			o.trouble.next = time.Time{}
		}
		s.kick(ctx, a)
		return
	}
	if !s.slowed(ctx, o, sg) {
		s.mend(ctx, o, w, p, sg)
	}
}

// repair is heal's request. The object is busy.
func (s *session) repair(ctx context.Context, a *app, o *object, w *plan.Want, p *plan.Plan, sg agent.Sighting) {
	s.heals <- struct{}{}
	lines, err := p.Lines()
	var live agent.Live
	if err == nil {
		live, err = s.send(ctx, a, o, w, lines)
	}
	<-s.heals
	took := time.Since(sg.At)
	healed := err == nil && !live.Left && (live.Created || live.Version != sg.Live.Version)
	var c agent.Culprit
	if healed && sg.Kind != agent.SightGone {
		c = s.objects(a).Blame(sg.Live, live)
		healed = live.Created || len(c.Fields) > 0
	}
	s.mu.Lock()
	if healed {
		s.drift.Corrected++
		a.wasHealthy, a.appliedAt = false, time.Now()
	}
	s.settle(ctx, o, w, live, err)
	if err == nil && live.Version == sg.Live.Version {
		s.trust(o, sg.Live.Fields) // it only looked different
	}
	if healed {
		s.journal(a, o, sg, live, c, took)
	}
	s.mu.Unlock()
}

// journal tells of a drift that was corrected, and who it was. s.mu is held.
func (s *session) journal(a *app, o *object, sg agent.Sighting, live agent.Live, c agent.Culprit, took time.Duration) {
	e := protocol.Event{Kind: protocol.EventDrift, App: a.name, Took: protocol.MillisOf(took), Time: sg.At}
	switch {
	case sg.Kind == agent.SightGone && live.Created:
		e.Message = "it was deleted; it is there again"
		if f := s.fights[o]; f != nil && f.slow != nil {
			e.Message += "; it " + f.recreating()
		}
	case sg.Kind == agent.SightGone:
		e.Fields, e.Message = []string{"metadata.labels." + fleet.LabelApp}, "its label was taken away; it is back"
	default:
		e.By, e.Fields = c.Manager, c.Fields
		e.Message = c.Changed() + "; it is as in Git again"
	}
	ref := o.item.Ref
	e.Object = &ref
	s.blame(o, e)
	s.emit(e)
	e.Version, e.Cluster, e.Generation = protocol.Version, s.name, s.accepted.bundle.Generation
	s.drift.Last = &e
	s.out.Changed(false)
}
