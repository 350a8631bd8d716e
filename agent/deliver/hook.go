package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// lookout is what is seen of the object of a hook.
type lookout struct {
	app        *app
	apiVersion string
	version    uint64
	epoch      uint32
	there      bool // there is an object
	gone       bool // there was one
	deleting   bool
	mark       string // which run it was made for
	verdict    fleet.Verdict
	trouble    *trouble // why it could not be made, or taken away
	failed     string   // the mark of the run that trouble is of
	paused     bool     // it waited for a person or a time when it was looked at last
}

// lookOut begins to look at the object of a hook. s.mu is held.
func (s *session) lookOut(a *app, ref protocol.ObjectRef, apiVersion string) *lookout {
	l := s.hooks[ref]
	if l == nil {
		l = &lookout{app: a, apiVersion: apiVersion, verdict: unseen}
		s.hooks[ref] = l
		s.kindOf(ref).objects++
	}
	return l
}

// lookAway ends that, unless another hook of the app has the same name. s.mu is held.
func (s *session) lookAway(a *app, ref protocol.ObjectRef) {
	for _, list := range [...][]agent.HookState{a.run.Hooks, a.run.Past} {
		if slices.ContainsFunc(list, func(h agent.HookState) bool { return h.Ref == ref && !h.Tidy }) {
			return
		}
	}
	if s.hooks[ref] != nil {
		delete(s.hooks, ref)
		s.unwatch(ref)
	}
}

// sightHook takes what a watch tells of the object of a hook. s.mu is held.
func (s *session) sightHook(ctx context.Context, k *kindWatch, sg agent.Sighting) {
	l := s.hooks[sg.Live.Ref]
	if l == nil {
		return
	}
	l.epoch = k.epoch
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
	s.kick(ctx, l.app)
}

// absentHooks finds what was not in a complete list. s.mu is held.
func (s *session) absentHooks(ctx context.Context, k *kindWatch, sg agent.Sighting, covers agent.Watched) {
	for ref, l := range s.hooks {
		if s.scope.Covering(ref) == covers && l.epoch != k.epoch {
			s.sightHook(ctx, k, agent.Sighting{Kind: agent.SightGone, Live: agent.Live{Ref: ref, Version: sg.Live.Version}})
		}
	}
}

// launch makes the object of a hook, unless it was made already.
func (s *session) launch(ctx context.Context, a *app, w *plan.Hook, h *agent.HookState, lines []byte) {
	s.mu.Lock()
	l := s.lookOut(a, h.Ref, w.APIVersion)
	if l.failed != h.Mark { // what was wrong with the hook of another run is not wrong with this one
		l.trouble, l.failed = nil, h.Mark
	}
	resting := l.trouble != nil && (l.trouble.final || time.Now().Before(l.trouble.next))
	s.mu.Unlock()
	if resting {
		return
	}
	live, err := s.make(ctx, a, w, h, lines)
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
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
	s.emit(protocol.Event{Kind: protocol.EventHook, App: a.name, Object: &ref, Message: string(h.Phase) + ": begun"})
}

// make sees what is there under the hook's name, and makes the hook's object unless that is it.
func (s *session) make(ctx context.Context, a *app, w *plan.Hook, h *agent.HookState, lines []byte) (agent.Live, error) {
	res, err := s.cluster.Resolve(ctx, w.APIVersion, w.Ref.Kind)
	if err != nil {
		return agent.Live{}, err
	}
	if err := s.prepare(ctx, a, w, h, res); err != nil {
		return agent.Live{}, err
	}
	healthy := fleet.HasHealth(h.Ref)
	live, err := s.objects(a).Get(ctx, res, h.Ref)
	switch r := agent.ReasonOf(err); {
	case err == nil && live.HookRun == h.Mark:
		return live, nil
	case err == nil && (w.Hook.Implied && (!healthy || precious(h.Ref)) || s.spared(h.Ref, live)): // applied over what is there: an account keeps its tokens
	case err == nil:
		if err := s.makeWay(ctx, a, w, res, live); err != nil {
			return agent.Live{}, err
		}
	case r != agent.ReasonMissing && r != agent.ReasonNamespace:
		return agent.Live{}, s.unpermitted(ctx, a, err)
	}
	line, err := hookLine(w.LineOf(lines), h, healthy)
	if err != nil {
		return agent.Live{}, err
	}
	live, err = s.objects(a).Apply(ctx, res, h.Ref, agent.Patch{Line: line, App: a.name})
	return live, s.scope.Explain(s.unpermitted(ctx, a, err), h.Ref.Namespace)
}

// prepare sees to it that a hook's object is no other app's, and that it is watched.
func (s *session) prepare(ctx context.Context, a *app, w *plan.Hook, h *agent.HookState, res agent.Resource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.KindUnknown && !res.Namespaced && h.Ref.Namespace != "" { // the namespace was guessed
		delete(s.hooks, h.Ref)
		s.unwatch(h.Ref)
		h.Ref.Namespace = ""
		s.lookOut(a, h.Ref, w.APIVersion)
	}
	if s.scope.Outside(h.Ref) {
		return s.scope.Failure()
	}
	if o := s.all[h.Ref]; o != nil {
		for o.busy {
			s.settled.Wait()
		}
		if s.all[h.Ref] == o && o.app != a {
			return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("app %s has it, too: take it out of one of them", o.app.name)}
		}
		if s.all[h.Ref] == o { // it was no hook before
			s.forget(ctx, o)
		}
	}
	if other := s.hooks[h.Ref]; other.app != a {
		return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("app %s has a hook of this name, too: take it out of one of them", other.app.name)}
	}
	s.watch(ctx, res, s.scope.Covering(h.Ref))
	return nil
}

// makeWay deletes what is there under a hook's name, if that is what Git wants of it. An error says that it is not gone yet, or stays.
func (s *session) makeWay(ctx context.Context, a *app, w *plan.Hook, res agent.Resource, live agent.Live) error {
	stays := func(format string, args ...any) error {
		return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case live.App != "" && live.App != a.name:
		return stays("it is there and belongs to app %s: take it out of one of them", live.App)
	case !live.Hook && live.App != a.name:
		return stays("there is one of this name already, and it is no hook: delete it, or give the hook another name")
	case !slices.Contains(w.Hook.Delete, fleet.BeforeHookCreation):
		return stays("the one of an earlier run is still there, and its delete policy leaves it: add BeforeHookCreation to the policy, " +
			"use generateName, or delete it")
	}
	gone, err := s.objects(a).Retire(ctx, res, live)
	if err == nil && !gone {
		err = &agent.Failure{Text: "the one of an earlier run is being deleted"}
	}
	return err
}

// spared says whether the object of a hook is never deleted: a definition, as in Helm, or a Namespace, because all its objects go with it, and
// what is not pruned either.
func (s *session) spared(ref protocol.ObjectRef, live agent.Live) bool {
	return container(ref) || live.KeptBy != "" || s.protected(ref)
}

// hookLine is the line of a hook as it is applied: named, marked, and kept from being gone before it is known how it ended.
func hookLine(line []byte, h *agent.HookState, hold bool) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber() // or large whole numbers would lose digits
	var obj map[string]any
	if err := dec.Decode(&obj); err != nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("its line is no JSON: %v", err)}
	}
	meta, _ := obj["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if annotations == nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "it has no annotations"} // and so was no hook when it was read
	}
	delete(meta, "generateName")
	meta["name"] = h.Ref.Name
	annotations[fleet.AnnotationHookRun] = h.Mark
	if hold {
		finalizers, _ := meta["finalizers"].([]any)
		meta["finalizers"] = append(finalizers, fleet.FinalizerHook)
	}
	return json.Marshal(obj)
}

// observe sees how a hook stands, and notes how it ended.
func (s *session) observe(ctx context.Context, a *app, h *agent.HookState) (agent.HookStage, string) {
	if h.Ended() {
		return h.Stage, h.Message
	}
	s.mu.Lock()
	stage, text, hung := s.look(a, h, time.Now())
	s.mu.Unlock()
	if stage != agent.HookSucceeded && stage != agent.HookFailed || ctx.Err() != nil {
		return agent.HookRunning, text
	}
	if stage == agent.HookFailed {
		text += s.lastWords(ctx, a, h)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := protocol.Event{Kind: protocol.EventHook, App: a.name, Took: protocol.MillisOf(time.Since(h.Since)), Message: string(h.Phase) + ": succeeded"}
	h.Stage, h.Hung, a.dirty = stage, hung, true
	if stage == agent.HookFailed {
		h.Message, e.Kind, e.Message = text, protocol.EventHookFailed, string(h.Phase)+": "+text
	}
	ref := h.Ref
	e.Object = &ref
	s.emit(e)
	return stage, text
}

// look judges a hook by what was seen of it. s.mu is held.
func (s *session) look(a *app, h *agent.HookState, now time.Time) (stage agent.HookStage, text string, hung bool) {
	l := s.lookOut(a, h.Ref, h.APIVersion)
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
func (s *session) lastWords(ctx context.Context, a *app, h *agent.HookState) (text string) {
	if h.Stage != agent.HookRunning {
		return ""
	}
	words, err := s.objects(a).LastWords(ctx, h.Ref)
	switch {
	case err != nil:
		text = fmt.Sprintf(" (its log cannot be read: %v)", err)
	case words != "":
		text = "; " + words
	}
	if h.Ref.Namespace != "" && len(s.scope) == 0 {
		ns, err := s.objects(a).Get(ctx, agent.Resource{Version: "v1", Kind: "Namespace", Plural: "namespaces"}, protocol.ObjectRef{Kind: "Namespace", Name: h.Ref.Namespace})
		if ns.Deleting || agent.ReasonOf(err) == agent.ReasonMissing {
			text += " (its namespace is being deleted)"
		}
	}
	return text
}
