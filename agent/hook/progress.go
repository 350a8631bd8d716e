package hook

import (
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Progress is how far an app has come through its hooks and waves. It is a value: nothing writes to what it refers to,
// and whatever changes it returns another one.
type Progress struct {
	Run    *agent.Run   // what is stored of it; nil if the app has neither hooks nor waves
	Step   fleet.Fact   // what the app waits for
	Stuck  bool         // and will not come by itself
	Paused bool         // the wave was paused when Next was called last
	paused map[Key]bool // hooks that were, too
}

// Begin is the progress of an app whose next plan is about to be delivered. install says that the app was not there
// before; inForce is the plan in force, nil if there is none.
func (p Progress) Begin(next, inForce *plan.Plan, install bool, now time.Time) (Progress, bool) {
	if next.DeliveredBy(p.Run) {
		return p, false
	}
	past := p.Run.Leftovers()
	if !next.Ordered() && len(past) == 0 {
		return Progress{}, false
	}
	return Progress{Run: &agent.Run{ID: plan.RunID(next), Digest: next.Digest, Home: next.Home, Since: now, Past: past,
		Install: install, Back: !install && plan.GoesBack(next, inForce, p.Run)}}, true
}

// Leave is the progress of an app that was removed from Git. last is the plan that was in force, nil if it has no hooks
// for that; prune says whether the objects of the app are deleted.
func (p Progress) Leave(last *plan.Plan, prune bool, now time.Time) (out Progress, changed bool) {
	if p.Run != nil && p.Run.Leaving {
		return p, false
	}
	past := p.Run.Leftovers()
	var kept []agent.HookState
	if p.Run != nil && prune {
		for _, h := range p.Run.Hooks {
			if h.Tidy && !h.Hung && !h.Doomed() {
				kept = append(kept, h)
			}
		}
	}
	if last == nil && len(past)+len(kept) == 0 {
		return Progress{}, false
	}
	run := &agent.Run{Leaving: true, Since: now, Past: past, Last: kept}
	if last != nil {
		run.ID, run.Digest, run.Home = plan.RunID(last), last.Digest, last.Home
	}
	return Progress{Run: run}, last != nil
}

// Enter is the progress of an app whose next plan is put into force.
func (p Progress) Enter(next *plan.Plan) Progress {
	if p.Run != nil {
		p.Run = p.Run.Clone()
		p.Run.Entered, p.Run.Applied, p.Run.Done = true, !next.Ordered(), !next.Ordered()
	}
	return p
}

// Part is which part of an app is applied.
type Part int

// The parts.
const (
	Everything Part = iota
	Drifted         // what is not as it was applied; newer content is yet to be put into force
	ByWave          // what Next says of the moment Deliver
)

// Part is the part of a plan in force that is applied.
func (p Progress) Part(inForce *plan.Plan) Part {
	switch {
	case p.Run == nil || inForce.DeliveredBy(p.Run) && p.Run.Entered && p.Run.Applied:
		return Everything
	case !inForce.DeliveredBy(p.Run) || !p.Run.Entered:
		return Drifted
	}
	return ByWave
}

// Placed is the progress after the kind of a hook turned out to have no namespace.
func (p Progress) Placed(k Key) Progress {
	return p.with(k, func(h *agent.HookState) { h.Ref.Namespace = "" })
}

// Created is the progress after the object of a hook was created.
func (p Progress) Created(k Key) (Progress, protocol.Event) {
	ref := k.Ref
	e := protocol.Event{Kind: protocol.EventHook, Object: &ref}
	p = p.with(k, func(h *agent.HookState) {
		h.Stage, e.Message = agent.HookRunning, string(h.Phase)+": begun"
	})
	return p, e
}

// Explained is the progress after a hook failed and it was found out why. words come after the text of the action.
func (p Progress) Explained(x Explain, words string, now time.Time) (Progress, protocol.Event) {
	var e protocol.Event
	p = p.with(KeyOf(x.State), func(h *agent.HookState) {
		e = end(h, agent.HookFailed, x.Text+words, x.Hung, now)
	})
	return p, e
}

// Released is the progress after there is nothing left to do about the object of a hook.
func (p Progress) Released(k Key) Progress {
	return p.with(k, func(h *agent.HookState) { h.Tidy = true })
}

// Unreleased are the hooks of the run and of those before it whose objects are not released.
func (p Progress) Unreleased() (out []agent.HookState) {
	if p.Run == nil {
		return nil
	}
	for _, list := range [...][]agent.HookState{p.Run.Hooks, p.Run.Past} {
		for _, h := range list {
			if !h.Tidy {
				out = append(out, h)
			}
		}
	}
	return out
}

// with changes the state of a hook.
func (p Progress) with(k Key, change func(*agent.HookState)) Progress {
	p.Run = p.Run.Clone()
	for _, list := range [...][]agent.HookState{p.Run.Hooks, p.Run.Past} {
		if i := slices.IndexFunc(list, func(h agent.HookState) bool { return KeyOf(h) == k }); i >= 0 {
			change(&list[i])
			break
		}
	}
	return p
}

// pause notes whether a hook is paused, and says whether it was.
func (p *Progress) pause(k Key, is bool) (was bool) {
	if was = p.paused[k]; was != is {
		p.paused = maps.Clone(p.paused)
		if p.paused == nil {
			p.paused = map[Key]bool{}
		}
		p.paused[k] = is
	}
	return was
}

// end notes how a hook ended, and is the event that tells of it.
func end(h *agent.HookState, stage agent.HookStage, text string, hung bool, now time.Time) protocol.Event {
	ref := h.Ref
	e := protocol.Event{Kind: protocol.EventHook, Object: &ref, Took: protocol.MillisOf(now.Sub(h.Since)),
		Message: string(h.Phase) + ": succeeded"}
	h.Stage, h.Hung = stage, hung
	if stage == agent.HookFailed {
		h.Message, e.Kind, e.Message = text, protocol.EventHookFailed, string(h.Phase)+": "+text
	}
	return e
}
