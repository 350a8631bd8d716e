package pass

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

// applyOne applies one object, if it is still due when no other request for it is under way. changed is called, by the
// app, if it changed.
func (x *Applier) applyOne(ctx context.Context, r access.Request, o *owned.Object, lines []byte, changed func()) {
	var w *plan.Want
	owned.WhenFree(x.Do, o, func() {
		if !o.Gone && !o.Coming && o.Due(time.Now()) && ctx.Err() == nil {
			o.Busy, w = true, o.Want
		}
	})
	if w == nil {
		return
	}
	live, err := x.Send(ctx, r, o, w, lines)
	x.Do(func() {
		before := o.Version
		x.Settle(ctx, o, w, live, err)
		if err == nil && live.Version != before {
			changed()
		}
	})
}

// Send finds where an object belongs and applies it there. It runs beside the app.
func (x *Applier) Send(ctx context.Context, r access.Request, o *owned.Object, w *plan.Want,
	lines []byte,
) (agent.Live, error) {
	res, err := x.Kinds.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	var ref protocol.ObjectRef
	if x.Do(func() { ref, err = x.SettleName(o, w, res) }); err != nil {
		return agent.Live{}, err
	}
	if x.Scope.Outside(ref) { // which was not known before its kind was
		return agent.Live{}, x.Scope.Failure()
	}
	x.Watches.Watch(res, x.Scope.Covering(ref))
	known := w.HasReplicas && x.Scaling.Known(ctx, ref.Namespace)
	var t apply.Task
	x.Do(func() { t = x.task(o, w, res, lines, known) })
	live, err := t.Put(ctx)
	return live, x.Scope.Explain(r.Explain(ctx, err), ref.Namespace)
}

// Would says what applying an object would do. It runs beside the app.
func (x *Applier) Would(ctx context.Context, _ access.Request, o *owned.Object, w *plan.Want,
	lines []byte,
) (agent.Live, error) {
	res, err := x.Kinds.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	known := w.HasReplicas && x.Scaling.Known(ctx, w.Ref.Namespace)
	var t apply.Task
	x.Do(func() { t = x.task(o, w, res, lines, known) })
	t.Patch.Try, t.Patch.Polite = true, false
	return t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
}

// task reads what there is to know before an object is applied. known says whether it is known what autoscalers
// scale.
func (x *Applier) task(o *owned.Object, w *plan.Want, res agent.Resource, lines []byte, known bool) apply.Task {
	ref := o.Item.Ref
	t := apply.Task{At: x.Request().Objects, Resource: res, Ref: ref, Mode: w.Mode, First: o.Item.Fields == agent.Sum{},
		Heal: o.Item.Line == w.Line, Recreate: w.Recreate, Protected: x.Protected(ref),
		Patch: agent.Patch{Line: w.LineOf(lines), App: x.Name, Leave: x.Leaves(w)}}
	if x.Plan != nil && x.Settings.Recreate && !guard.Precious(ref) && !guard.TakesClaims(ref, t.Patch.Line) {
		t.Recreate = true
	}
	t.Recreate = t.Recreate && x.Accepted.Known // without a bundle nothing is deleted
	if scaled := x.Scaling.Scales(ref); (known || !w.HasReplicas) && o.Item.Scaled != (w.HasReplicas && scaled) {
		o.Item.Scaled, x.Dirty = w.HasReplicas && scaled, true
	}
	if o.Item.Scaled {
		t.Patch.Leave.Paths = append(t.Patch.Leave.Paths, "/spec/replicas")
	}
	if steered := x.AllSteered()[ref]; !slices.Equal(o.Item.Steered, steered) {
		o.Item.Steered, x.Dirty = steered, true
	}
	t.Patch.Leave.Paths = append(t.Patch.Leave.Paths, o.Item.Steered...)
	all, _ := owned.Whole(o.Item.Whole, t.Patch.Leave.Paths)
	t.Patch.Leave.Paths = append(t.Patch.Leave.Paths, all...)
	t.Patch.Polite, t.Patch.Strings = t.First, !t.First && !t.Heal
	t.Recreated = func(message string) {
		x.Do(func() {
			x.Emit(protocol.Event{Kind: protocol.EventRecreated, App: x.Name, Object: &ref, Message: message})
		})
	}
	return t
}

// SettleName is the name of an object in the cluster. It takes away the namespace that was guessed for one whose kind
// was not known.
func (x *Applier) SettleName(o *owned.Object, w *plan.Want, res agent.Resource) (protocol.ObjectRef, error) {
	if !w.KindUnknown || res.Namespaced || o.Item.Ref.Namespace == "" || o.Gone {
		return o.Item.Ref, nil
	}
	from, to := o.Item.Ref, o.Item.Ref
	to.Namespace = ""
	if owner, ok := x.Objects.Rename(x.Name, from, to); !ok {
		return from, &agent.Failure{Reason: agent.ReasonInvalid,
			Text: "app " + owner + " has it, too: take it out of one of them"}
	}
	x.Watches.Track(to)
	x.Watches.Untrack(from)
	x.Rename(o, to)
	x.Dirty = true
	return to, nil
}
