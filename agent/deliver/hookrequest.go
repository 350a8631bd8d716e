package deliver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// create creates the object of a hook, unless it was created already.
func (h *hookRunner) create(ctx context.Context, m *moment, act hook.Create) {
	a := h.app
	if m.lines == nil && m.Unreadable == "" {
		var err error
		if a.await(ctx, func() { m.lines, err = m.Plan.Lines() }); err != nil {
			m.Unreadable = err.Error()
		}
	}
	if m.Unreadable != "" || ctx.Err() != nil {
		return
	}
	m.Tried[hook.KeyOf(act.State)] = true
	c := &creation{request: a.request(), hook: act.Hook, state: act.State, lines: m.lines}
	l := h.lookOut(c.state.Ref, act.Hook.APIVersion)
	if l.failed != c.state.Mark { // what was wrong with the hook of another run is not wrong with this one
		l.trouble, l.failed = nil, c.state.Mark
	}
	var live agent.Live
	var err error
	if a.await(ctx, func() { live, err = c.make(ctx) }); ctx.Err() == nil {
		h.created(c.state, live, err)
	}
}

// created takes down the answer to that.
func (h *hookRunner) created(st agent.HookState, live agent.Live, err error) {
	l := h.lookOut(st.Ref, st.APIVersion) // its namespace may have been a guess
	l.failed = st.Mark
	if err != nil {
		l.noteTrouble(err, time.Now())
		l.trouble.final = l.trouble.final || agent.ReasonOf(err) == agent.ReasonInvalid
		return
	}
	if l.mark != st.Mark || !l.there {
		l.mark, l.there, l.deleting = st.Mark, true, false // the watch says more
		l.verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was made just now"}
		if !fleet.HasHealth(st.Ref) {
			l.verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}
		}
	}
	l.trouble, l.gone, l.version = nil, false, max(l.version, live.Version)
	p, e := h.Created(hook.KeyOf(st))
	h.keep(p, true)
	h.emit(e)
}

// creation is the creation of the object of a hook. It runs beside the app.
type creation struct {
	request
	hook  *plan.Hook
	state agent.HookState
	lines []byte
}

// make looks at what there is under the hook's name, and creates the hook's object unless that is it.
func (c *creation) make(ctx context.Context) (agent.Live, error) {
	res, err := c.env.cluster.Resolve(ctx, c.hook.APIVersion, c.hook.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	if err := c.prepare(res); err != nil {
		return agent.Live{}, err
	}
	ref := c.state.Ref
	live, err := c.at.Get(ctx, res, ref)
	switch why := agent.ReasonOf(err); {
	case err == nil:
		if live, done, err := c.overcome(ctx, res, live); done || err != nil {
			return live, err
		}
	case why != agent.ReasonMissing && why != agent.ReasonNamespace:
		return agent.Live{}, c.unpermitted(ctx, err)
	}
	line, err := plan.HookLine(c.hook.LineOf(c.lines), &c.state, fleet.HasHealth(ref))
	if err != nil {
		return agent.Live{}, err
	}
	live, err = c.at.Apply(ctx, res, ref, agent.Patch{Line: line, App: c.name})
	return live, c.env.scope.Explain(c.unpermitted(ctx, err), ref.Namespace)
}

// overcome deletes what is there under the hook's name, if that is what Git wants of it. done says that it is the
// hook's object; an error that it is not gone yet, or stays.
func (c *creation) overcome(ctx context.Context, res agent.Resource, live agent.Live) (_ agent.Live, done bool,
	_ error) {
	if slices.Contains(c.names, live.App) { // one of its own, of before it had its name
		live.App = c.name
	}
	way, err := hook.WayOf(c.hook, c.state, c.name, live, c.env.spared(c.state.Ref, live))
	if way != hook.Replace {
		return live, way == hook.Found, err
	}
	gone, err := c.at.Retire(ctx, res, live)
	if err == nil && !gone {
		err = &agent.Failure{Text: "the one of an earlier run is being deleted"}
	}
	return agent.Live{}, false, err
}

// prepare makes sure that a hook's object is no other app's, and that it is watched.
func (c *creation) prepare(res agent.Resource) error {
	runner := &c.app.hooks
	c.app.do(func() { c.state = runner.place(c.hook, c.state, res) })
	ref := c.state.Ref
	if c.env.scope.Outside(ref) {
		return c.env.scope.Failure()
	}
	if other := c.env.board.App(c.env.objects.Owner(ref)); other != nil {
		other.whenSettled(ref) // it may be about to go
	}
	var err error
	if c.app.do(func() { err = runner.take(c.state) }); err != nil {
		return err
	}
	c.env.watches.Watch(res, c.env.scope.Covering(ref))
	return nil
}

// place takes away the namespace that was guessed for a hook whose kind was not known.
func (h *hookRunner) place(w *plan.Hook, st agent.HookState, res agent.Resource) agent.HookState {
	if w.KindUnknown && !res.Namespaced && st.Ref.Namespace != "" {
		h.keep(h.Placed(hook.KeyOf(st)), false)
		st.Ref.Namespace = ""
	}
	return st
}

// take makes the object of a hook the app's as that of a hook.
func (h *hookRunner) take(st agent.HookState) error {
	a := h.app
	if owner := a.env.objects.Owner(st.Ref); owner != "" && owner != a.name {
		return &agent.Failure{Reason: agent.ReasonInvalid,
			Text: fmt.Sprintf("app %s has it, too: take it out of one of them", owner)}
	}
	if o := a.byRef[st.Ref]; o != nil && !o.busy { // it was no hook before
		a.forget(o)
	}
	if l := h.lookOut(st.Ref, st.APIVersion); l.claim == 0 {
		return &agent.Failure{Reason: agent.ReasonInvalid,
			Text: fmt.Sprintf("app %s has a hook of this name, too: take it out of one of them",
				a.env.hooks.Owner(st.Ref))}
	}
	return nil
}

// spared says whether the object of a hook is never deleted: a definition, as in Helm, or a Namespace, because all its
// objects go with it, and what is not pruned either.
func (s *session) spared(ref protocol.ObjectRef, live agent.Live) bool {
	return guard.Container(ref) || live.KeptBy != "" || s.protected(ref)
}

// explain finds out more about a hook that failed, and records that it did.
func (h *hookRunner) explain(ctx context.Context, act hook.Explain) {
	r, words := h.app.request(), ""
	if h.app.await(ctx, func() { words = r.lastWords(ctx, act.State.Ref) }); ctx.Err() != nil {
		return
	}
	p, e := h.Explained(act, words, time.Now())
	h.keep(p, true)
	h.emit(e)
}

// lastWords is what can be found out about a hook that failed, beside what its object says.
func (r request) lastWords(ctx context.Context, ref protocol.ObjectRef) (text string) {
	words, err := r.at.LastWords(ctx, ref)
	switch {
	case err != nil:
		text = fmt.Sprintf(" (its log cannot be read: %v)", err)
	case words != "":
		text = "; " + words
	}
	if ref.Namespace != "" && len(r.env.scope) == 0 {
		namespaces := agent.Resource{Version: "v1", Kind: "Namespace", Plural: "namespaces"}
		ns, err := r.at.Get(ctx, namespaces, protocol.ObjectRef{Kind: "Namespace", Name: ref.Namespace})
		if ns.Deleting || agent.ReasonOf(err) == agent.ReasonMissing {
			text += " (its namespace is being deleted)"
		}
	}
	return text
}

// release deletes the object of a hook, or removes Drover's finalizer from it.
func (h *hookRunner) release(ctx context.Context, st agent.HookState) {
	l := h.lookOut(st.Ref, st.APIVersion)
	r := h.app.request()
	var tidy bool
	var err error
	h.app.await(ctx, func() { tidy, err = r.release(ctx, st) })
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.noteTrouble(err, time.Now())
	case tidy:
		l.trouble = nil
		h.keep(h.Released(hook.KeyOf(st)), true)
	}
}

// release says whether there is nothing left to do about the object of a hook.
func (r request) release(ctx context.Context, st agent.HookState) (tidy bool, err error) {
	if hook.NothingToRelease(st) {
		return true, nil
	}
	res, err := r.env.cluster.Resolve(ctx, st.APIVersion, st.Ref.Kind)
	if err != nil {
		return false, err
	}
	r.env.watches.Watch(res, r.env.scope.Covering(st.Ref)) // which tells when it is gone
	live, err := r.at.Get(ctx, res, st.Ref)
	switch why := agent.ReasonOf(err); {
	case why == agent.ReasonMissing || why == agent.ReasonNamespace || why == agent.ReasonKind:
		return true, nil
	case err != nil:
		return false, err
	}
	switch hook.ReleaseOf(st, live, r.env.spared(st.Ref, live)) {
	case hook.DeleteObject:
		return r.at.Retire(ctx, res, live)
	case hook.RemoveFinalizer:
		return true, r.at.Release(ctx, res, live)
	}
	return true, nil
}
