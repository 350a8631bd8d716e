package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// apply applies one object, if it is still due when nobody else has it under way.
func (s *session) apply(ctx context.Context, a *app, o *object, lines []byte) (changed bool) {
	s.mu.Lock()
	for o.busy {
		s.settled.Wait()
	}
	w := o.want
	if o.app != a || !o.due(time.Now()) || ctx.Err() != nil {
		s.mu.Unlock()
		return false
	}
	o.busy = true
	s.mu.Unlock()
	live, err := s.send(ctx, a, o, w, lines)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := o.version
	s.settle(ctx, o, w, live, err)
	return err == nil && live.Version != before
}

// send finds where an object belongs and applies it there.
func (s *session) send(ctx context.Context, a *app, o *object, w *plan.Want, lines []byte) (agent.Live, error) {
	res, err := s.cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	s.mu.Lock()
	if w.KindUnknown && !res.Namespaced && o.item.Ref.Namespace != "" {
		s.rename(o)
	}
	ref := o.item.Ref
	if s.scope.Outside(ref) { // which was not known before its kind was
		s.mu.Unlock()
		return agent.Live{}, s.scope.Failure()
	}
	s.watch(ctx, res, s.scope.Covering(ref))
	s.mu.Unlock()
	live, err := s.put(ctx, s.errand(ctx, a, o, w, res, lines))
	return live, s.scope.Explain(s.unpermitted(ctx, a, err), ref.Namespace)
}

// errand is one object that is to be put into the cluster.
type errand struct {
	at       agent.Objects // with the rights of the app
	res      agent.Resource
	ref      protocol.ObjectRef
	app      string
	patch    agent.Patch
	mode     fleet.Mode
	first    bool // Drover has never applied it
	heal     bool // it was applied as it is
	recreate bool // it may be deleted and created anew
}

// errand reads what there is to know before an object is applied.
func (s *session) errand(ctx context.Context, a *app, o *object, w *plan.Want, res agent.Resource, lines []byte) errand {
	known := w.HasReplicas && s.knowScalers(ctx, w.Ref.Namespace)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := errand{at: s.reach(accessOf(a.spec.Handling)), res: res, ref: o.item.Ref, app: a.name, mode: w.Mode, first: o.item.Fields == agent.Sum{}, heal: o.item.Line == w.Line, recreate: w.Recreate,
		patch: agent.Patch{Line: w.LineOf(lines), App: a.name, Leave: a.leaves(w)}}
	if a.plan != nil && a.settings.Recreate && !precious(o.item.Ref) && !takesClaims(o.item.Ref, e.patch.Line) {
		e.recreate = true
	}
	e.recreate = e.recreate && s.accepted.known // without a bundle nothing is deleted
	if scaled := s.scaled(o.item.Ref); (known || !w.HasReplicas) && o.item.Scaled != (w.HasReplicas && scaled) {
		o.item.Scaled, a.dirty = w.HasReplicas && scaled, true
	}
	if o.item.Scaled {
		e.patch.Leave.Paths = append(e.patch.Leave.Paths, "/spec/replicas")
	}
	if steered := s.steered(o.item.Ref); !slices.Equal(o.item.Steered, steered) {
		o.item.Steered, a.dirty = steered, true
	}
	e.patch.Leave.Paths = append(e.patch.Leave.Paths, o.item.Steered...)
	all, _ := whole(o.item.Whole, e.patch.Leave.Paths)
	e.patch.Leave.Paths = append(e.patch.Leave.Paths, all...)
	e.patch.Polite, e.patch.Strings = e.first, !e.first && !e.heal
	return e
}

// put applies an object in its mode.
func (s *session) put(ctx context.Context, e errand) (agent.Live, error) {
	if e.mode == fleet.ModeIfNotPresent {
		live, err := e.at.Get(ctx, e.res, e.ref)
		if r := agent.ReasonOf(err); err == nil || r != agent.ReasonMissing && r != agent.ReasonNamespace {
			live.Left = err == nil
			return live, err
		}
	}
	live, err := e.at.Apply(ctx, e.res, e.ref, e.patch)
	if agent.ReasonOf(err) == agent.ReasonManaged { // somebody made it before: who may want to be left alone
		there, getErr := e.at.Get(ctx, e.res, e.ref)
		if getErr == nil && there.Paused {
			there.Left = true
			return there, nil
		}
		e.patch.Polite = false
		live, err = e.at.Apply(ctx, e.res, e.ref, e.patch)
	}
	if agent.ReasonOf(err) == agent.ReasonImmutable && e.recreate {
		return s.recreate(ctx, e, err)
	}
	if err != nil || live.Created || e.heal && !e.first || e.mode != fleet.ModeOverride || !live.Formerly(e.first, e.patch.Leave.Managers) {
		return live, err
	}
	took, err := e.at.TakeOver(ctx, e.res, e.ref, e.first, e.patch.Leave.Managers)
	if err != nil || !took {
		return live, err
	}
	e.patch.Strings = true
	return e.at.Apply(ctx, e.res, e.ref, e.patch)
}

// rename takes away the namespace that was guessed for an object whose kind was not known. s.mu is held.
func (s *session) rename(o *object) {
	s.untrack(o)
	o.item.Ref.Namespace = ""
	s.track(o)
	o.app.dirty = true
}
