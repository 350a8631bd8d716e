package hook

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Way is what is done about an object that has the name of a hook which is to be created.
type Way int

// The ways.
const (
	Refuse    Way = iota // nothing, and the hook fails
	Found                // it is the hook's object of this run
	Overwrite            // the hook is applied over it
	Replace              // it is deleted before the hook is created
)

// WayOf decides what is done about an object that has the name of a hook of an app. spared says that the object is not
// deleted.
func WayOf(w *plan.Hook, st agent.HookState, app string, live agent.Live, spared bool) (Way, error) {
	refuse := func(text string) (Way, error) {
		return Refuse, &agent.Failure{Reason: agent.ReasonInvalid, Text: text}
	}
	atomic := !fleet.HasHealth(st.Ref) || guard.Precious(st.Ref) // an account keeps its tokens
	switch {
	case live.HookRun == st.Mark:
		return Found, nil
	case w.Hook.Implied && atomic || spared:
		return Overwrite, nil
	case live.App != "" && live.App != app:
		return refuse("it is there and belongs to app " + live.App + ": take it out of one of them")
	case !live.Hook && live.App != app:
		return refuse("there is one of this name already, and it is no hook: delete it, or give the hook another name")
	case !slices.Contains(w.Hook.Delete, fleet.BeforeHookCreation):
		return refuse("the one of an earlier run is still there, and its delete policy leaves it: add BeforeHookCreation " +
			"to the policy, use generateName, or delete it")
	}
	return Replace, nil
}

// ReleaseWay is how the object of a hook is released.
type ReleaseWay int

// The ways of releasing.
const (
	LeaveObject     ReleaseWay = iota // nothing is done to it
	DeleteObject                      // it is deleted
	RemoveFinalizer                   // it is kept, without the finalizer of hooks
)

// NothingToRelease says of a hook, without a look at its object, that nothing is done to that.
func NothingToRelease(h agent.HookState) bool { return !h.Doomed() && !fleet.HasHealth(h.Ref) }

// ReleaseOf decides how the object of a hook is released whose phase is over. spared says that it is not deleted.
func ReleaseOf(h agent.HookState, live agent.Live, spared bool) ReleaseWay {
	switch {
	case live.HookRun != h.Mark: // it is that of another run
		return LeaveObject
	case h.Doomed() && !spared:
		return DeleteObject
	}
	return RemoveFinalizer
}

// TakenOver says whether an app that was removed from Git goes on under another name: all its objects, or all its
// delete hooks, are in the plans of other apps. Nothing is deleted then, so its delete hooks are not run. refOf is the
// object of a want.
func TakenOver(last *plan.Plan, others []*plan.Plan, refOf func(*plan.Want) protocol.ObjectRef) bool {
	elsewhere := func(has func(*plan.Plan) bool) bool { return slices.ContainsFunc(others, has) }
	left, hooks, hooksLeft := 0, 0, 0
	for i := range last.Wants {
		if !elsewhere(func(p *plan.Plan) bool { return p.Wanted(refOf(&last.Wants[i])) }) {
			left++
		}
	}
	for i := range last.Hooks {
		h := &last.Hooks[i]
		if !h.Hook.In(fleet.PreDelete, false) && !h.Hook.In(fleet.PostDelete, false) {
			continue
		}
		hooks++
		if !elsewhere(func(p *plan.Plan) bool { return p.Hooked(h.Ref) }) {
			hooksLeft++
		}
	}
	return left == 0 && len(last.Wants) > 0 || hooksLeft == 0 && hooks > 0
}
