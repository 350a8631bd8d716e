package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// apply applies one object, if it is still due when no other request for it is under way. changed is called, by the
// app, if it changed.
func (r request) apply(ctx context.Context, o *object, lines []byte, changed func()) {
	var w *plan.Want
	r.app.whenFree(o, func() {
		if !o.gone && !o.coming && o.due(time.Now()) && ctx.Err() == nil {
			o.busy, w = true, o.want
		}
	})
	if w == nil {
		return
	}
	live, err := r.send(ctx, o, w, lines)
	r.app.do(func() {
		before := o.version
		r.app.settle(ctx, o, w, live, err)
		if err == nil && live.Version != before {
			changed()
		}
	})
}

// send finds where an object belongs and applies it there.
func (r request) send(ctx context.Context, o *object, w *plan.Want, lines []byte) (agent.Live, error) {
	res, err := r.env.cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	var ref protocol.ObjectRef
	if r.app.do(func() { ref, err = r.app.settleName(o, w, res) }); err != nil {
		return agent.Live{}, err
	}
	if r.env.scope.Outside(ref) { // which was not known before its kind was
		return agent.Live{}, r.env.scope.Failure()
	}
	r.env.watches.Watch(res, r.env.scope.Covering(ref))
	known := w.HasReplicas && r.env.scaling.Known(ctx, ref.Namespace)
	var e errand
	r.app.do(func() { e = r.app.errand(o, w, res, lines, known) })
	live, err := e.put(ctx)
	return live, r.env.scope.Explain(r.unpermitted(ctx, err), ref.Namespace)
}

// errand is one object that is to be put into the cluster.
type errand struct {
	request  // at has the rights of the app
	res      agent.Resource
	ref      protocol.ObjectRef
	patch    agent.Patch
	mode     fleet.Mode
	first    bool // Drover has never applied it
	heal     bool // it was applied as it is
	recreate bool // it may be deleted and recreated
}

// errand reads what there is to know before an object is applied. known says whether it is known what autoscalers
// scale.
func (a *app) errand(o *object, w *plan.Want, res agent.Resource, lines []byte, known bool) errand {
	ref := o.item.Ref
	e := errand{request: a.request(), res: res, ref: ref, mode: w.Mode, first: o.item.Fields == agent.Sum{}, heal: o.item.Line == w.Line,
		recreate: w.Recreate, patch: agent.Patch{Line: w.LineOf(lines), App: a.name, Leave: a.leaves(w)}}
	if a.plan != nil && a.settings.Recreate && !guard.Precious(ref) && !guard.TakesClaims(ref, e.patch.Line) {
		e.recreate = true
	}
	e.recreate = e.recreate && a.accepted.Known // without a bundle nothing is deleted
	if scaled := a.env.scaling.Scales(ref); (known || !w.HasReplicas) && o.item.Scaled != (w.HasReplicas && scaled) {
		o.item.Scaled, a.dirty = w.HasReplicas && scaled, true
	}
	if o.item.Scaled {
		e.patch.Leave.Paths = append(e.patch.Leave.Paths, "/spec/replicas")
	}
	if steered := a.allSteered()[ref]; !slices.Equal(o.item.Steered, steered) {
		o.item.Steered, a.dirty = steered, true
	}
	e.patch.Leave.Paths = append(e.patch.Leave.Paths, o.item.Steered...)
	all, _ := whole(o.item.Whole, e.patch.Leave.Paths)
	e.patch.Leave.Paths = append(e.patch.Leave.Paths, all...)
	e.patch.Polite, e.patch.Strings = e.first, !e.first && !e.heal
	return e
}

// put applies an object in its mode.
func (e errand) put(ctx context.Context) (agent.Live, error) {
	if e.mode == fleet.ModeIfNotPresent {
		live, err := e.at.Get(ctx, e.res, e.ref)
		if r := agent.ReasonOf(err); err == nil || r != agent.ReasonMissing && r != agent.ReasonNamespace {
			live.Left = err == nil
			return live, err
		}
	}
	live, err := e.at.Apply(ctx, e.res, e.ref, e.patch)
	if agent.ReasonOf(err) == agent.ReasonManaged { // it was made before, and may ask to be left alone
		there, getErr := e.at.Get(ctx, e.res, e.ref)
		if getErr == nil && there.Paused {
			there.Left = true
			return there, nil
		}
		e.patch.Polite = false
		live, err = e.at.Apply(ctx, e.res, e.ref, e.patch)
	}
	if agent.ReasonOf(err) == agent.ReasonImmutable && e.recreate {
		return e.remake(ctx, err)
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

// settleName is the name of an object in the cluster. It takes away the namespace that was guessed for one whose kind
// was not known.
func (a *app) settleName(o *object, w *plan.Want, res agent.Resource) (protocol.ObjectRef, error) {
	if !w.KindUnknown || res.Namespaced || o.item.Ref.Namespace == "" || o.gone {
		return o.item.Ref, nil
	}
	from, to := o.item.Ref, o.item.Ref
	to.Namespace = ""
	if owner, ok := a.env.objects.Rename(a.name, from, to); !ok {
		return from, &agent.Failure{Reason: agent.ReasonInvalid, Text: "app " + owner + " has it, too: take it out of one of them"}
	}
	a.env.watches.Track(to)
	a.env.watches.Untrack(from)
	delete(a.byRef, from)
	o.item.Ref = to
	a.byRef[to] = o
	a.dirty = true
	return to, nil
}
