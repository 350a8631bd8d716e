package hookrun

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// request is what is done beside the app for its hooks.
type request struct {
	access.Request
	env *Env
}

func (h *Runner) request() request { return request{h.c.App.Request(), &h.c.Env} }

// create creates the object of a hook, unless it was created already.
func (h *Runner) create(ctx context.Context, m *moment, act hook.Create) {
	if m.lines == nil && m.Unreadable == "" {
		var err error
		if h.c.Actor.Await(ctx, func() { m.lines, err = m.Plan.Lines() }); err != nil {
			m.Unreadable = err.Error()
		}
	}
	if m.Unreadable != "" || ctx.Err() != nil {
		return
	}
	m.Tried[hook.KeyOf(act.State)] = true
	c := &creation{request: h.request(), runner: h, hook: act.Hook, state: act.State, lines: m.lines}
	l := h.lookOut(c.state.Ref, act.Hook.APIVersion)
	if l.failed != c.state.Mark { // what was wrong with the hook of another run is not wrong with this one
		l.trouble, l.failed = nil, c.state.Mark
	}
	var live agent.Live
	var err error
	if h.c.Actor.Await(ctx, func() { live, err = c.make(ctx) }); ctx.Err() == nil {
		h.created(c.state, live, err)
	}
}

// created takes down the answer to that.
func (h *Runner) created(st agent.HookState, live agent.Live, err error) {
	l := h.lookOut(st.Ref, st.APIVersion) // its namespace may have been a guess
	l.failed = st.Mark
	if err != nil {
		l.noteTrouble(err, time.Now())
		l.trouble.Final = l.trouble.Final || agent.ReasonOf(err) == agent.ReasonInvalid
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
	runner *Runner // is asked with Do
	hook   *plan.Hook
	state  agent.HookState
	lines  []byte
}

// make looks at what there is under the hook's name, and creates the hook's object unless that is it.
func (c *creation) make(ctx context.Context) (agent.Live, error) {
	res, err := c.env.Kinds.Resolve(ctx, c.hook.APIVersion, c.hook.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	if err := c.prepare(res); err != nil {
		return agent.Live{}, err
	}
	ref := c.state.Ref
	live, err := c.Objects.Get(ctx, res, ref)
	switch why := agent.ReasonOf(err); {
	case err == nil:
		if live, done, err := c.overcome(ctx, res, live); done || err != nil {
			return live, err
		}
	case why != agent.ReasonMissing && why != agent.ReasonNamespace:
		return agent.Live{}, c.Explain(ctx, err)
	}
	line, err := plan.HookLine(c.hook.LineOf(c.lines), &c.state, fleet.HasHealth(ref))
	if err != nil {
		return agent.Live{}, err
	}
	live, err = c.Objects.Apply(ctx, res, ref, agent.Patch{Line: line, App: c.App})
	return live, c.env.Scope.Explain(c.Explain(ctx, err), ref.Namespace)
}

// overcome deletes what is there under the hook's name, if that is what Git wants of it. done says that it is the
// hook's object; an error that it is not gone yet, or stays.
func (c *creation) overcome(ctx context.Context, res agent.Resource, live agent.Live) (_ agent.Live, done bool,
	_ error) {
	if slices.Contains(c.Names, live.App) { // one of its own, of before it had its name
		live.App = c.App
	}
	way, err := hook.WayOf(c.hook, c.state, c.App, live, c.env.spared(c.state.Ref, live))
	if way != hook.Replace {
		return live, way == hook.Found, err
	}
	gone, err := c.Objects.Retire(ctx, res, live)
	if err == nil && !gone {
		err = &agent.Failure{Text: "the one of an earlier run is being deleted"}
	}
	return agent.Live{}, false, err
}

// prepare makes sure that a hook's object is no other app's, and that it is watched.
func (c *creation) prepare(res agent.Resource) error {
	c.runner.c.Actor.Do(func() { c.state = c.runner.place(c.hook, c.state, res) })
	ref := c.state.Ref
	if c.env.Scope.Outside(ref) {
		return c.env.Scope.Failure()
	}
	c.env.Settle(c.env.Objects.Owner(ref), ref) // it may be about to go
	var err error
	if c.runner.c.Actor.Do(func() { err = c.runner.take(c.state) }); err != nil {
		return err
	}
	c.env.Watches.Watch(res, c.env.Scope.Covering(ref))
	return nil
}

// place takes away the namespace that was guessed for a hook whose kind was not known.
func (h *Runner) place(w *plan.Hook, st agent.HookState, res agent.Resource) agent.HookState {
	if w.KindUnknown && !res.Namespaced && st.Ref.Namespace != "" {
		h.keep(h.Placed(hook.KeyOf(st)), false)
		st.Ref.Namespace = ""
	}
	return st
}

// take makes the object of a hook the app's as that of a hook.
func (h *Runner) take(st agent.HookState) error {
	if owner := h.c.Env.Objects.Owner(st.Ref); owner != "" && owner != h.c.Set.Name {
		return &agent.Failure{Reason: agent.ReasonInvalid,
			Text: fmt.Sprintf("app %s has it, too: take it out of one of them", owner)}
	}
	if o := h.c.Set.ByRef[st.Ref]; o != nil && !o.Busy { // it was no hook before
		h.c.App.Forget(o)
	}
	if l := h.lookOut(st.Ref, st.APIVersion); l.claim == 0 {
		return &agent.Failure{Reason: agent.ReasonInvalid,
			Text: fmt.Sprintf("app %s has a hook of this name, too: take it out of one of them",
				h.c.Env.Claims.Owner(st.Ref))}
	}
	return nil
}

// spared says whether the object of a hook is never deleted: a definition, as in Helm, or a Namespace, because all its
// objects go with it, and what is not pruned either.
func (s *Env) spared(ref protocol.ObjectRef, live agent.Live) bool {
	return guard.Container(ref) || live.KeptBy != "" || s.Protected(ref)
}

// explain finds out more about a hook that failed, and records that it did.
func (h *Runner) explain(ctx context.Context, act hook.Explain) {
	r, words := h.request(), ""
	if h.c.Actor.Await(ctx, func() { words = r.lastWords(ctx, act.State.Ref) }); ctx.Err() != nil {
		return
	}
	p, e := h.Explained(act, words, time.Now())
	h.keep(p, true)
	h.emit(e)
}

// lastWords is what can be found out about a hook that failed, beside what its object says.
func (r request) lastWords(ctx context.Context, ref protocol.ObjectRef) (text string) {
	words, err := r.Objects.LastWords(ctx, ref)
	switch {
	case err != nil:
		text = fmt.Sprintf(" (its log cannot be read: %v)", err)
	case words != "":
		text = "; " + words
	}
	if ref.Namespace != "" && len(r.env.Scope) == 0 {
		namespaces := agent.Resource{Version: "v1", Kind: "Namespace", Plural: "namespaces"}
		ns, err := r.Objects.Get(ctx, namespaces, protocol.ObjectRef{Kind: "Namespace", Name: ref.Namespace})
		if ns.Deleting || agent.ReasonOf(err) == agent.ReasonMissing {
			text += " (its namespace is being deleted)"
		}
	}
	return text
}

// release deletes the object of a hook, or removes Drover's finalizer from it.
func (h *Runner) release(ctx context.Context, st agent.HookState) {
	l := h.lookOut(st.Ref, st.APIVersion)
	r := h.request()
	var tidy bool
	var err error
	h.c.Actor.Await(ctx, func() { tidy, err = r.release(ctx, st) })
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
	res, err := r.env.Kinds.Resolve(ctx, st.APIVersion, st.Ref.Kind)
	if err != nil {
		return false, err
	}
	r.env.Watches.Watch(res, r.env.Scope.Covering(st.Ref)) // which tells when it is gone
	live, err := r.Objects.Get(ctx, res, st.Ref)
	switch why := agent.ReasonOf(err); {
	case why == agent.ReasonMissing || why == agent.ReasonNamespace || why == agent.ReasonKind:
		return true, nil
	case err != nil:
		return false, err
	}
	switch hook.ReleaseOf(st, live, r.env.spared(st.Ref, live)) {
	case hook.DeleteObject:
		return r.Objects.Retire(ctx, res, live)
	case hook.RemoveFinalizer:
		return true, r.Objects.Release(ctx, res, live)
	}
	return true, nil
}
