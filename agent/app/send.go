package app

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/apply"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// apply applies one object, if it is still due when no other request for it is under way. changed is called, by the
// app, if it changed.
func (r request) apply(ctx context.Context, o *owned.Object, lines []byte, changed func()) {
	var w *plan.Want
	owned.WhenFree(r.app.Do, o, func() {
		if !o.Gone && !o.Coming && o.Due(time.Now()) && ctx.Err() == nil {
			o.Busy, w = true, o.Want
		}
	})
	if w == nil {
		return
	}
	live, err := r.app.Send(ctx, r.Request, o, w, lines)
	r.app.Do(func() {
		before := o.Version
		r.app.Settle(ctx, o, w, live, err)
		if err == nil && live.Version != before {
			changed()
		}
	})
}

// Send finds where an object belongs and applies it there. It runs beside the app.
func (a *App) Send(ctx context.Context, r access.Request, o *owned.Object, w *plan.Want, lines []byte) (agent.Live, error) {
	env := a.env
	res, err := env.Cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	var ref protocol.ObjectRef
	if a.Do(func() { ref, err = a.settleName(o, w, res) }); err != nil {
		return agent.Live{}, err
	}
	if env.Scope.Outside(ref) { // which was not known before its kind was
		return agent.Live{}, env.Scope.Failure()
	}
	env.Watches.Watch(res, env.Scope.Covering(ref))
	known := w.HasReplicas && env.Scaling.Known(ctx, ref.Namespace)
	var t apply.Task
	a.Do(func() { t = a.task(o, w, res, lines, known) })
	live, err := t.Put(ctx)
	return live, env.Scope.Explain(r.Explain(ctx, err), ref.Namespace)
}

// Would says what applying an object would do. It runs beside the app.
func (a *App) Would(ctx context.Context, _ access.Request, o *owned.Object, w *plan.Want, lines []byte) (agent.Live, error) {
	res, err := a.env.Cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	known := w.HasReplicas && a.env.Scaling.Known(ctx, w.Ref.Namespace)
	var t apply.Task
	a.Do(func() { t = a.task(o, w, res, lines, known) })
	t.Patch.Try, t.Patch.Polite = true, false
	return t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
}

// task reads what there is to know before an object is applied. known says whether it is known what autoscalers
// scale.
func (a *App) task(o *owned.Object, w *plan.Want, res agent.Resource, lines []byte, known bool) apply.Task {
	ref := o.Item.Ref
	t := apply.Task{At: a.objects(), Resource: res, Ref: ref, Mode: w.Mode, First: o.Item.Fields == agent.Sum{}, Heal: o.Item.Line == w.Line,
		Recreate: w.Recreate, Protected: a.env.Protected(ref), Patch: agent.Patch{Line: w.LineOf(lines), App: a.Name, Leave: a.Leaves(w)}}
	if a.Plan != nil && a.Settings.Recreate && !guard.Precious(ref) && !guard.TakesClaims(ref, t.Patch.Line) {
		t.Recreate = true
	}
	t.Recreate = t.Recreate && a.Accepted.Known // without a bundle nothing is deleted
	if scaled := a.env.Scaling.Scales(ref); (known || !w.HasReplicas) && o.Item.Scaled != (w.HasReplicas && scaled) {
		o.Item.Scaled, a.Dirty = w.HasReplicas && scaled, true
	}
	if o.Item.Scaled {
		t.Patch.Leave.Paths = append(t.Patch.Leave.Paths, "/spec/replicas")
	}
	if steered := a.beside.AllSteered()[ref]; !slices.Equal(o.Item.Steered, steered) {
		o.Item.Steered, a.Dirty = steered, true
	}
	t.Patch.Leave.Paths = append(t.Patch.Leave.Paths, o.Item.Steered...)
	all, _ := owned.Whole(o.Item.Whole, t.Patch.Leave.Paths)
	t.Patch.Leave.Paths = append(t.Patch.Leave.Paths, all...)
	t.Patch.Polite, t.Patch.Strings = t.First, !t.First && !t.Heal
	t.Recreated = func(message string) {
		a.Do(func() {
			a.Emit(protocol.Event{Kind: protocol.EventRecreated, App: a.Name, Object: &ref, Message: message})
		})
	}
	return t
}

// settleName is the name of an object in the cluster. It takes away the namespace that was guessed for one whose kind
// was not known.
func (a *App) settleName(o *owned.Object, w *plan.Want, res agent.Resource) (protocol.ObjectRef, error) {
	if !w.KindUnknown || res.Namespaced || o.Item.Ref.Namespace == "" || o.Gone {
		return o.Item.Ref, nil
	}
	from, to := o.Item.Ref, o.Item.Ref
	to.Namespace = ""
	if owner, ok := a.env.Objects.Rename(a.Name, from, to); !ok {
		return from, &agent.Failure{Reason: agent.ReasonInvalid, Text: "app " + owner + " has it, too: take it out of one of them"}
	}
	a.env.Watches.Track(to)
	a.env.Watches.Untrack(from)
	a.Rename(o, to)
	a.Dirty = true
	return to, nil
}
