package deliver

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// establishTime is how long an app waits for its definitions before it goes on without them.
const establishTime = 15 * time.Second

// turn does what is due for an app, from the first step that is. What a step waits for is not waited for here: the turn ends, and
// whatever moves it, or the time, begins another one.
func (s *session) turn(ctx context.Context, a *app) {
	start := time.Now()
	next, leaving, ok := s.open(ctx, a)
	if !ok {
		s.saveSuspended(ctx, a)
		return
	}
	if !s.tidy(ctx, a) {
		return
	}
	if leaving {
		s.leave(ctx, a)
		return
	}
	if s.advance(ctx, a, next, start) && s.finish(ctx, a) && s.tidy(ctx, a) {
		s.finish(ctx, a)
	}
}

// advance takes the delivery of an app as far as it goes, and says whether it can be concluded.
func (s *session) advance(ctx context.Context, a *app, next *plan.Plan, start time.Time) bool {
	plan, fresh, ok := s.enter(ctx, a, next, next != nil && s.precede(ctx, a, next))
	if !ok {
		return true
	}
	if fresh && (!s.save(ctx, a) || !s.tidy(ctx, a)) { // the intent: from here on nothing that is applied can be lost
		return false
	}
	if !s.ground(ctx, a, plan) {
		return false
	}
	changed := s.deliver(ctx, a, plan)
	if ctx.Err() != nil {
		return false
	}
	s.fallBack(ctx, a)
	if s.knows() && (a.run == nil || a.run.Applied || s.crowded(a)) {
		s.prune(ctx, a)
	}
	if !s.conclude(ctx, a, plan, changed, start) {
		return false
	}
	s.complete(ctx, a, plan)
	return ctx.Err() == nil
}

// knows says whether a verified bundle is in force. Without one nothing is deleted.
func (s *session) knows() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted.known
}

// open decides whether there is anything to do, and gives a new plan whose time has come.
func (s *session) open(ctx context.Context, a *app) (next *plan.Plan, leaving, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.assess(ctx, a) }()
	a.until = time.Time{}
	if s.suspended(a) || plan.Unmet(a.spec) != "" || !s.accepted.known && a.plan == nil && a.next == nil {
		return nil, false, false
	}
	if a.fault != nil && time.Now().Before(a.fault.next) && a.next == nil {
		return nil, false, false
	}
	if a.leaving {
		s.depart(a)
		return nil, true, true
	}
	if a.next != nil && a.blocked == "" {
		if a.waits = s.awaited(a); a.waits == "" {
			s.deliverNext(a, a.next)
			return a.next, false, true
		}
	}
	return nil, false, true
}

// enter puts a new plan into force if it may be, and says whether there is one in force, and whether that is yet to be stored.
func (s *session) enter(ctx context.Context, a *app, next *plan.Plan, may bool) (p *plan.Plan, fresh, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if may && a.next == next && !a.leaving {
		s.activate(ctx, a)
	}
	s.reclaim(ctx, a)
	s.assess(ctx, a)
	return a.plan, a.unsaved, a.plan != nil && !a.leaving
}

// awaited says which apps must become healthy before a can begin. s.mu is held.
func (s *session) awaited(a *app) string {
	for _, name := range a.spec.DependsOn {
		d := s.apps[name]
		conditions, instead := a.conditions(name)
		if !instead && (d == nil || d.phase != protocol.PhaseHealthy || d.next != nil || d.fetching != "") {
			phase := protocol.PhasePending
			if d != nil && d.phase != "" {
				phase = d.phase
			}
			return fmt.Sprintf("waits for app %s, which is %s", name, phase)
		}
		if waits := s.unready(a, d, conditions); waits != "" {
			return waits
		}
	}
	return ""
}

// activate puts the next plan into force. s.mu is held.
func (s *session) activate(ctx context.Context, a *app) {
	p, left := a.next, map[*object]agent.Leave{}
	if a.plan != nil && !reflect.DeepEqual(a.settings.Ignored, p.Spec().Ignored) {
		left = a.left()
	}
	if a.was == nil {
		a.was = a.plan
	}
	a.next, a.plan, a.fresh, a.unsaved, a.fault = nil, p, true, true, nil
	a.settings = settingsOf(p.Spec())
	a.wasHealthy, a.clashes, a.changes = false, nil, 0
	if a.run != nil {
		a.run.Entered, a.run.Applied, a.run.Done = true, !p.Ordered(), !p.Ordered()
	}
	for _, o := range a.own {
		o.want = nil
	}
	for i := range p.Wants {
		s.claim(a, &p.Wants[i])
	}
	a.excuse()
	s.shed(ctx, a)
	a.sort()
	a.releave(left)
	s.steer(ctx, a)
	for _, other := range s.apps { // which may have waited for something that a no longer wants
		if len(other.clashes) > 0 {
			s.kick(ctx, other)
		}
	}
}

// excuse forgets why objects could not be applied that are to go now. The session's mutex is held.
func (a *app) excuse() {
	for _, o := range a.own {
		if o.want == nil && o.trouble != nil && o.trouble.line != (agent.Sum{}) {
			o.trouble = nil
		}
	}
}

// refOf is the object that a want is for, as far as it is known whether it has a namespace. s.mu is held.
func (s *session) refOf(w *plan.Want) protocol.ObjectRef {
	if bare := w.WithoutNamespace(); w.KindUnknown && s.all[bare] != nil {
		return bare
	}
	return w.Ref
}

// claim makes an object the app's own, unless another app has it and keeps it. s.mu is held.
func (s *session) claim(a *app, w *plan.Want) {
	ref := s.refOf(w)
	o := s.all[ref]
	switch {
	case o == nil && w.Mode == fleet.ModeIgnore:
		return
	case o == nil:
		o = &object{item: agent.Item{Ref: ref}, app: a, verdict: fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there yet"}}
		a.own = append(a.own, o)
		s.track(o)
	case o.app == a:
	case o.app.wants(ref):
		a.clashes = append(a.clashes, clash{ref, o.app.name})
		return
	default:
		s.move(o, a)
	}
	if o.trouble != nil && (o.item.Line != w.Line || o.trouble.line != w.Line) {
		o.trouble = nil // it was that of other content, and what is to be applied deserves a try at once
	}
	o.held, o.heldForGood = "", false
	o.want, o.item.APIVersion, o.item.Keep, o.item.Wave = w, w.APIVersion, w.Keep, w.Wave
	if o.removing {
		o.item.Line = agent.Sum{}
	}
}

// move gives an object to another app. s.mu is held.
func (s *session) move(o *object, to *app) {
	from := o.app
	from.disown(o)
	o.app = to
	o.inherit(from)
	o.again() // it carries the old one's label
	o.removing = false
	to.own = append(to.own, o)
}

// inherit notes that another app had the object. Until the owner has stored that, the inventory of the other keeps
// it, so that a crash in between loses neither the object nor whose label it may carry.
func (o *object) inherit(from *app) {
	o.item.Remember(from.name)
	o.formers = append(o.formers, from)
	from.given = append(from.given, o)
	o.app.dirty = true
}

// reclaim tries again what clashed. s.mu is held.
func (s *session) reclaim(ctx context.Context, a *app) {
	if len(a.clashes) == 0 || a.plan == nil {
		return
	}
	before := a.clashes
	a.clashes = nil
	for _, c := range before {
		for i := range a.plan.Wants {
			if w := &a.plan.Wants[i]; w.Is(c.ref) {
				s.claim(a, w)
			}
		}
	}
	if len(a.clashes) < len(before) {
		a.unsaved = true
		a.sort()
	}
}

// save stores the app as it is now, and says whether that worked.
func (s *session) save(ctx context.Context, a *app) bool {
	s.mu.Lock()
	if a.stored() == nil { // of an app that leaves, what was stored before stays until nothing is left of it
		a.dirty = false
		s.mu.Unlock()
		return true
	}
	s.mu.Unlock()
	s.keepLast(a)
	s.mu.Lock()
	if a.stored() == nil {
		s.mu.Unlock()
		return true // it left meanwhile
	}
	state := a.state()
	given := slices.Clone(a.own)
	a.dirty = false
	s.mu.Unlock()
	err := s.store.SaveApp(ctx, state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		a.dirty = true
		s.faulted(ctx, a, fmt.Errorf("%w: %w", errStore, err))
		return false
	}
	a.fault, a.unsaved = nil, false
	for _, o := range given {
		if o.app != a {
			continue
		}
		for _, f := range o.formers {
			f.given = slices.DeleteFunc(f.given, func(x *object) bool { return x == o })
			f.dirty = true
			s.kick(ctx, f)
		}
		o.formers = nil
	}
	return true
}

// saveSuspended stores what is known of a suspended app, such as that a Job has completed. Nothing else is done.
func (s *session) saveSuspended(ctx context.Context, a *app) {
	s.mu.Lock()
	due := s.suspended(a) && a.dirty && s.accepted.known
	s.mu.Unlock()
	if due {
		s.save(ctx, a)
	}
}

// stored is the plan that is stored of an app: what is in force; or what its first PreSync hooks are done for, or its last ones when it leaves.
func (a *app) stored() *plan.Plan {
	switch {
	case a.plan != nil:
		return a.plan
	case a.leaving:
		return a.last
	case a.next.DeliveredBy(a.run):
		return a.next
	}
	return nil
}

// state is what is stored of an app. s.mu is held.
func (a *app) state() agent.AppState {
	p := a.stored()
	packed, _ := p.Packed()
	st := agent.AppState{Spec: a.specOf(p), Epoch: p.Epoch, Generation: p.Generation, Packed: packed, Items: make([]agent.Item, 0, len(a.own)+len(a.given)),
		Last: a.lastApplied(), Run: a.run.Clone(), Deleted: a.deleted, Granted: a.granted}
	for _, o := range a.own {
		st.Items = append(st.Items, o.item)
	}
	for _, o := range a.given {
		st.Items = append(st.Items, o.item)
	}
	return st
}

// faulted notes what keeps the whole app from going on. s.mu is held.
func (s *session) faulted(ctx context.Context, a *app, err error) {
	if errors.Is(err, agent.ErrLost) {
		s.end(err)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if a.fault == nil {
		a.fault = newTrouble()
	}
	a.fault.note(err, time.Now())
	s.assess(ctx, a)
}

// applyStage applies what is due in one stage, all at once, and says how many objects were sent and how many of them changed.
func (s *session) applyStage(ctx context.Context, a *app, p *plan.Plan, stage fleet.Stage, part func(*object) bool) (sent, changed int) {
	due := s.due(a, stage, part)
	if len(due) == 0 || ctx.Err() != nil {
		return 0, 0
	}
	lines, err := p.Lines()
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faulted(ctx, a, err)
		return 0, 0
	}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards changed
	for _, o := range due {
		s.applies <- struct{}{}
		wg.Go(func() {
			defer func() { <-s.applies }()
			if s.apply(ctx, a, o, lines) {
				mu.Lock()
				defer mu.Unlock()
				changed++
			}
		})
	}
	wg.Wait()
	if stage == fleet.StageDefinitions {
		s.awaitDefinitions(ctx, a)
	}
	return len(due), changed
}

// due are the objects of a part of the app that must be applied now.
func (s *session) due(a *app, stage fleet.Stage, part func(*object) bool) (due []*object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, o := range a.own {
		if o.due(now) && fleet.StageOf(o.item.Ref) == stage && part(o) && s.free(a, o) {
			due = append(due, o)
		}
	}
	return due
}

// awaitDefinitions waits until the app's definitions are established, for some time.
func (s *session) awaitDefinitions(ctx context.Context, a *app) {
	limit := time.NewTimer(establishTime)
	defer limit.Stop()
	for {
		s.mu.Lock()
		waiting, moved := false, s.moved
		for _, o := range a.own {
			waiting = waiting || o.want != nil && o.trouble == nil && plan.IsDefinition(o.item.Ref) && o.verdict.Health == protocol.HealthProgressing
		}
		s.mu.Unlock()
		if !waiting {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case <-moved:
		}
	}
}

// conclude stores the outcome of a turn and tells of it. It says whether that worked.
func (s *session) conclude(ctx context.Context, a *app, p *plan.Plan, changed int, start time.Time) bool {
	if !s.finish(ctx, a) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.fault = nil
	if a.plan != p {
		return true
	}
	a.changes += changed
	if p.DeliveredBy(a.run) && !a.run.Applied { // the rest follows
		s.assess(ctx, a)
		return true
	}
	first := a.fresh
	a.fresh = false
	if changed > 0 || first {
		a.appliedAt, a.wasHealthy = time.Now(), false
		if first && !p.Received().IsZero() {
			start = p.Received()
		}
		s.emit(protocol.Event{Kind: protocol.EventApplied, App: a.name, Took: protocol.MillisOf(time.Since(start)),
			Message: fmt.Sprintf("%s, %d changed", phrase.Count(len(p.Wants), "object"), a.changes)})
		a.changes = 0
	}
	s.assess(ctx, a)
	return true
}

// finish stores the outcome, or takes away the state of an app that is gone.
func (s *session) finish(ctx context.Context, a *app) bool {
	s.mu.Lock()
	gone, dirty := a.leaving && len(a.own) == 0 && len(a.given) == 0 && !a.run.Open(), a.dirty
	s.mu.Unlock()
	switch {
	case gone:
		err := s.store.DropApp(ctx, a.name)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.faulted(ctx, a, fmt.Errorf("delete its state in the cluster: %w", err))
			return false
		}
		a.dirty = false // or else it would be dropped again and again
		if a.leaving {
			delete(s.apps, a.name)
			s.out.Changed(true)
		}
		return true
	case dirty:
		return s.save(ctx, a)
	}
	return true
}
