package deliver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// lookout is what is seen of the object of a hook.
type lookout struct {
	claim      uint64 // by which it is the app's; 0 if another app has a hook of this name
	apiVersion string
	version    uint64
	there      bool // there is an object
	gone       bool // there was one
	deleting   bool
	mark       string // which run it was made for
	verdict    fleet.Verdict
	trouble    *trouble // why it could not be made, or taken away
	failed     string   // the mark of the run that trouble is of
	paused     bool     // it waited for a person or a time when it was looked at last
}

// lookOut begins to look at the object of a hook.
func (a *app) lookOut(ref protocol.ObjectRef, apiVersion string) *lookout {
	l := a.lookouts[ref]
	if l == nil {
		l = &lookout{apiVersion: apiVersion, verdict: unseen}
		a.lookouts[ref] = l
	}
	if l.claim == 0 {
		answer := a.env.hooks.Claim(a.name, ref, func(string) bool { return true })
		if l.claim = answer.Number; answer.Claim == inventory.Free {
			a.env.watches.Track(ref)
		}
	}
	return l
}

// lookAway ends that, unless another hook of the app has the same name.
func (a *app) lookAway(ref protocol.ObjectRef) {
	for _, list := range [...][]agent.HookState{a.run.Hooks, a.run.Past} {
		if slices.ContainsFunc(list, func(h agent.HookState) bool { return h.Ref == ref && !h.Tidy }) {
			return
		}
	}
	a.dropLookout(ref)
}

// dropLookout forgets the object of a hook.
func (a *app) dropLookout(ref protocol.ObjectRef) {
	if l := a.lookouts[ref]; l != nil {
		delete(a.lookouts, ref)
		if a.env.hooks.Release(ref, l.claim) {
			a.env.watches.Untrack(ref)
		}
	}
}

// sightHook takes what a watch tells of the object of a hook.
func (a *app) sightHook(l *lookout, sg agent.Sighting) {
	if sg.Live.Version < l.version {
		return
	}
	l.version = sg.Live.Version
	if sg.Kind == agent.SightGone {
		l.there, l.gone = false, true
		if l.trouble != nil {
			l.trouble.next = time.Time{} // what was in the way may be gone
		}
	} else {
		l.there, l.gone, l.deleting, l.mark, l.verdict = true, false, sg.Live.Deleting, sg.Live.HookRun, sg.Verdict
	}
	a.kick()
}

// launch makes the object of a hook, unless it was made already.
func (a *app) launch(ctx context.Context, w *plan.Hook, h *agent.HookState, lines []byte) {
	l := a.lookOut(h.Ref, w.APIVersion)
	if l.failed != h.Mark { // what was wrong with the hook of another run is not wrong with this one
		l.trouble, l.failed = nil, h.Mark
	}
	resting := l.trouble != nil && (l.trouble.final || time.Now().Before(l.trouble.next))
	if resting {
		return
	}
	r := a.request()
	var live agent.Live
	var err error
	if a.await(ctx, func() { live, err = r.make(ctx, w, h, lines) }); ctx.Err() != nil {
		return
	}
	l = a.lookOut(h.Ref, w.APIVersion) // its namespace may have been a guess
	l.failed = h.Mark
	if err != nil {
		if l.trouble == nil {
			l.trouble = newTrouble()
		}
		l.trouble.note(err, time.Now())
		l.trouble.final = l.trouble.final || agent.ReasonOf(err) == agent.ReasonInvalid
		return
	}
	if l.mark != h.Mark || !l.there {
		l.mark, l.there, l.deleting = h.Mark, true, false // the watch says more
		l.verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was made just now"}
		if !fleet.HasHealth(h.Ref) {
			l.verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}
		}
	}
	l.trouble, l.gone, l.version = nil, false, max(l.version, live.Version)
	h.Stage, a.dirty = agent.HookRunning, true
	ref := h.Ref
	a.emit(protocol.Event{Kind: protocol.EventHook, App: a.name, Object: &ref, Message: string(h.Phase) + ": begun"})
}

// make sees what is there under the hook's name, and makes the hook's object unless that is it.
func (r request) make(ctx context.Context, w *plan.Hook, h *agent.HookState, lines []byte) (agent.Live, error) {
	res, err := r.env.cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	if err := r.prepare(w, h, res); err != nil {
		return agent.Live{}, err
	}
	healthy := fleet.HasHealth(h.Ref)
	live, err := r.at.Get(ctx, res, h.Ref)
	switch why := agent.ReasonOf(err); {
	case err == nil && live.HookRun == h.Mark:
		return live, nil
	case err == nil && (w.Hook.Implied && (!healthy || guard.Precious(h.Ref)) || r.env.spared(h.Ref, live)): // applied over what is there: an account keeps its tokens
	case err == nil:
		if err := r.makeWay(ctx, w, res, live); err != nil {
			return agent.Live{}, err
		}
	case why != agent.ReasonMissing && why != agent.ReasonNamespace:
		return agent.Live{}, r.unpermitted(ctx, err)
	}
	line, err := plan.HookLine(w.LineOf(lines), h, healthy)
	if err != nil {
		return agent.Live{}, err
	}
	live, err = r.at.Apply(ctx, res, h.Ref, agent.Patch{Line: line, App: r.name})
	return live, r.env.scope.Explain(r.unpermitted(ctx, err), h.Ref.Namespace)
}

// prepare makes sure that a hook's object is no other app's, and that it is watched.
func (r request) prepare(w *plan.Hook, h *agent.HookState, res agent.Resource) error {
	r.app.do(func() { r.app.placeHook(w, h, res) })
	if r.env.scope.Outside(h.Ref) {
		return r.env.scope.Failure()
	}
	if other := r.env.board.App(r.env.objects.Owner(h.Ref)); other != nil {
		other.whenSettled(h.Ref) // it may be about to go
	}
	var err error
	if r.app.do(func() { err = r.app.takeHook(w, h) }); err != nil {
		return err
	}
	r.env.watches.Watch(res, r.env.scope.Covering(h.Ref))
	return nil
}

// whenSettled waits until no request for an object of the app is under way.
func (a *app) whenSettled(ref protocol.ObjectRef) {
	done := make(chan struct{})
	a.do(func() {
		if o := a.byRef[ref]; o != nil {
			o.onFree(func() { close(done) })
		} else {
			close(done)
		}
	})
	<-done
}

// placeHook takes away the namespace that was guessed for a hook whose kind was not known.
func (a *app) placeHook(w *plan.Hook, h *agent.HookState, res agent.Resource) {
	if !w.KindUnknown || res.Namespaced || h.Ref.Namespace == "" {
		return
	}
	a.dropLookout(h.Ref)
	h.Ref.Namespace = ""
	a.lookOut(h.Ref, w.APIVersion)
}

// takeHook makes the object of a hook the app's as that of a hook.
func (a *app) takeHook(w *plan.Hook, h *agent.HookState) error {
	if owner := a.env.objects.Owner(h.Ref); owner != "" && owner != a.name {
		return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("app %s has it, too: take it out of one of them", owner)}
	}
	if o := a.byRef[h.Ref]; o != nil && !o.busy { // it was no hook before
		a.forget(o)
	}
	if l := a.lookOut(h.Ref, w.APIVersion); l.claim == 0 {
		return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("app %s has a hook of this name, too: take it out of one of them",
			a.env.hooks.Owner(h.Ref))}
	}
	return nil
}

// makeWay deletes what is there under a hook's name, if that is what Git wants of it. An error says that it is not
// gone yet, or stays.
func (r request) makeWay(ctx context.Context, w *plan.Hook, res agent.Resource, live agent.Live) error {
	stays := func(format string, args ...any) error {
		return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case live.App != "" && live.App != r.name:
		return stays("it is there and belongs to app %s: take it out of one of them", live.App)
	case !live.Hook && live.App != r.name:
		return stays("there is one of this name already, and it is no hook: delete it, or give the hook another name")
	case !slices.Contains(w.Hook.Delete, fleet.BeforeHookCreation):
		return stays("the one of an earlier run is still there, and its delete policy leaves it: add BeforeHookCreation to the policy, " +
			"use generateName, or delete it")
	}
	gone, err := r.at.Retire(ctx, res, live)
	if err == nil && !gone {
		err = &agent.Failure{Text: "the one of an earlier run is being deleted"}
	}
	return err
}

// spared says whether the object of a hook is never deleted: a definition, as in Helm, or a Namespace, because all its
// objects go with it, and what is not pruned either.
func (s *session) spared(ref protocol.ObjectRef, live agent.Live) bool {
	return guard.Container(ref) || live.KeptBy != "" || s.protected(ref)
}

// observe sees how a hook stands, and notes how it ended.
func (a *app) observe(ctx context.Context, h *agent.HookState) (agent.HookStage, string) {
	if h.Ended() {
		return h.Stage, h.Message
	}
	stage, text, hung := a.look(h, time.Now())
	if stage != agent.HookSucceeded && stage != agent.HookFailed || ctx.Err() != nil {
		return agent.HookRunning, text
	}
	if stage == agent.HookFailed {
		r, copied := a.request(), *h
		words := ""
		a.await(ctx, func() { words = r.lastWords(ctx, copied) })
		text += words
	}
	e := protocol.Event{Kind: protocol.EventHook, App: a.name, Took: protocol.MillisOf(time.Since(h.Since)), Message: string(h.Phase) + ": succeeded"}
	h.Stage, h.Hung, a.dirty = stage, hung, true
	if stage == agent.HookFailed {
		h.Message, e.Kind, e.Message = text, protocol.EventHookFailed, string(h.Phase)+": "+text
	}
	ref := h.Ref
	e.Object = &ref
	a.emit(e)
	return stage, text
}

// look judges a hook by what was seen of it.
func (a *app) look(h *agent.HookState, now time.Time) (stage agent.HookStage, text string, hung bool) {
	l := a.lookOut(h.Ref, h.APIVersion)
	ours := l.there && l.mark == h.Mark
	paused := ours && l.verdict.Health == protocol.HealthPaused
	if l.paused && !paused { // the time in which it was paused does not count
		h.Since, a.dirty = now, true
	}
	l.paused = paused
	end := h.Since.Add(a.timeout())
	late := !paused && !now.Before(end)
	if !late && !paused {
		a.lookAt(end)
	}
	switch {
	case h.Stage == agent.HookBegun && l.trouble == nil && !late:
		return h.Stage, "it is about to be made", false
	case h.Stage == agent.HookBegun && l.trouble == nil:
		return agent.HookFailed, "it could not be made within " + phrase.Short(a.timeout()), false
	case h.Stage == agent.HookBegun && (late || l.trouble.final):
		return agent.HookFailed, "it could not be made: " + l.trouble.err.Error(), false
	case h.Stage == agent.HookBegun:
		a.lookAt(l.trouble.next)
		return h.Stage, l.trouble.err.Error(), false
	case ours && l.verdict.Health == protocol.HealthCurrent:
		return agent.HookSucceeded, l.verdict.Message, false
	case ours && l.verdict.Health == protocol.HealthDegraded:
		return agent.HookFailed, l.verdict.Message, false
	case l.there && !ours:
		return agent.HookFailed, "somebody put another one in its place before it ended", false
	case l.gone:
		return agent.HookFailed, "it is gone, and nobody saw how it ended: see whether it has done its work", false
	case l.deleting:
		return agent.HookFailed, "it was deleted before it ended, by somebody or with its namespace", false
	case late:
		return agent.HookFailed, "it has not ended after " + phrase.Short(a.timeout()) + ": " + l.verdict.Message, true
	}
	return h.Stage, l.verdict.Message, false
}

// lastWords is what can be found out about a hook that failed, beside what its object says.
func (r request) lastWords(ctx context.Context, h agent.HookState) (text string) {
	if h.Stage != agent.HookRunning {
		return ""
	}
	words, err := r.at.LastWords(ctx, h.Ref)
	switch {
	case err != nil:
		text = fmt.Sprintf(" (its log cannot be read: %v)", err)
	case words != "":
		text = "; " + words
	}
	if h.Ref.Namespace != "" && len(r.env.scope) == 0 {
		ns, err := r.at.Get(ctx, agent.Resource{Version: "v1", Kind: "Namespace", Plural: "namespaces"}, protocol.ObjectRef{Kind: "Namespace", Name: h.Ref.Namespace})
		if ns.Deleting || agent.ReasonOf(err) == agent.ReasonMissing {
			text += " (its namespace is being deleted)"
		}
	}
	return text
}
