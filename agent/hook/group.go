package hook

import (
	"cmp"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// outcome is how far hooks have come: they are done, or one failed, or one is waited for. It counts only while the
// machine is not acting.
type outcome struct {
	done   bool
	failed string
	step   fleet.Fact // what is waited for
}

// hooksOf runs the hooks of a phase, or those of one wave of it: by wave and stage, each when those before it have
// succeeded.
func (m *machine) hooksOf(phase fleet.HookPhase, wave *int) outcome {
	for _, group := range groups(m.Plan, phase, m.run.Install, wave) {
		if out := m.hookGroup(phase, group); !out.done {
			return out
		}
	}
	return outcome{done: true}
}

// groups are the hooks of a phase in their order, those together that are independent of each other.
func groups(p *plan.Plan, phase fleet.HookPhase, install bool, wave *int) (out [][]*plan.Hook) {
	for i := range p.Hooks {
		h := &p.Hooks[i]
		if !h.Hook.In(phase, install) || wave != nil && h.Wave != *wave {
			continue
		}
		if n := len(out); n > 0 {
			if last := out[n-1][0]; last.Wave == h.Wave && fleet.StageOf(last.Ref) == fleet.StageOf(h.Ref) {
				out[n-1] = append(out[n-1], h)
				continue
			}
		}
		out = append(out, []*plan.Hook{h})
	}
	return out
}

// hookGroup runs hooks that are independent of each other.
func (m *machine) hookGroup(phase fleet.HookPhase, group []*plan.Hook) outcome {
	mark := m.run.Mark(phase)
	for _, w := range group {
		if stateOf(m.run, w, mark) == nil {
			m.run.Hooks = append(m.run.Hooks, agent.HookState{Ref: w.Named(mark), APIVersion: w.APIVersion, Phase: phase,
				Mark: mark, Delete: w.Hook.Delete, Stage: agent.HookBegun, Since: m.Now})
			m.changed = true
		}
	}
	if due := m.dueHooks(mark, group); len(due) > 0 {
		if m.Unreadable != "" {
			return outcome{failed: fmt.Sprintf("%s: %s", phase, m.Unreadable)}
		}
		m.create(phase, due)
		return outcome{}
	}
	return m.hookOutcome(phase, mark, group)
}

// dueHooks are the hooks of a group whose objects are to be created now.
func (m *machine) dueHooks(mark string, group []*plan.Hook) (due []Action) {
	for _, w := range group {
		h := stateOf(m.run, w, mark)
		if h.Stage == agent.HookBegun && !m.trouble(h).resting(m.Now) && !m.Tried[KeyOf(*h)] {
			due = append(due, Create{w, *h})
		}
	}
	return due
}

// create has the objects of hooks created, after the intent is stored: no agent has to guess whether there was one.
func (m *machine) create(phase fleet.HookPhase, due []Action) {
	if m.Unsaved || m.changed {
		step := fact(protocol.ReasonHookRunning, string(phase))
		if phase == fleet.SyncFail {
			step = fleet.Fact{}
		}
		m.do(Store{Step: step})
	}
	m.actions = append(m.actions, due...)
}

// trouble is why the object of a hook could not be created. What was wrong with the hook of another run is not wrong
// with this one.
func (v *View) trouble(h *agent.HookState) *Trouble {
	if s := v.Hooks[h.Ref]; s.Failed == h.Mark {
		return s.Trouble
	}
	return nil
}

// stateOf is the state of a hook in a phase of a run. The namespace that was guessed for a hook of an unknown kind may
// have been dropped since.
func stateOf(run *agent.Run, w *plan.Hook, mark string) *agent.HookState {
	ref := w.Named(mark)
	h := run.State(mark, ref)
	if h == nil && w.KindUnknown {
		ref.Namespace = ""
		h = run.State(mark, ref)
	}
	return h
}

// hookOutcome is how a group of hooks stands.
func (m *machine) hookOutcome(phase fleet.HookPhase, mark string, group []*plan.Hook) outcome {
	out := outcome{done: true}
	failed := ""
	for _, w := range group {
		h := stateOf(m.run, w, mark)
		stage, text := m.observe(h)
		at := fmt.Sprintf("%s: %s", phase, h.Ref)
		switch stage {
		case agent.HookSucceeded:
		case agent.HookFailed:
			out.done, failed = false, cmp.Or(failed, at+" failed: "+text)
		default:
			out.done, out.step = false, cmp.Or(out.step, fact(m.reason(h), at+": "+text))
		}
	}
	if !out.step.Known() { // not one is left that runs
		out.failed = failed
	}
	return out
}

// reason is why a hook that has not ended is waited for.
func (m *machine) reason(h *agent.HookState) protocol.Reason {
	if s := m.Hooks[h.Ref]; s.Mark == h.Mark && s.Verdict.Health == protocol.HealthPaused {
		return protocol.ReasonPaused
	}
	return protocol.ReasonHookRunning
}

// observe is how a hook stands. How it ended is recorded, or asked for.
func (m *machine) observe(h *agent.HookState) (agent.HookStage, string) {
	if h.Ended() {
		return h.Stage, h.Message
	}
	stage, text, hung := m.look(h)
	switch {
	case stage == agent.HookFailed && h.Stage == agent.HookRunning:
		m.do(Explain{State: *h, Text: text, Hung: hung})
	case stage == agent.HookFailed || stage == agent.HookSucceeded:
		m.events = append(m.events, end(h, stage, text, hung, m.Now))
		m.changed = true
	}
	return stage, text
}

// look judges a hook by what was seen of it.
func (m *machine) look(h *agent.HookState) (stage agent.HookStage, text string, hung bool) {
	s := m.Hooks[h.Ref]
	ours := s.There && s.Mark == h.Mark
	paused := ours && s.Verdict.Health == protocol.HealthPaused
	if was := m.progress.pause(KeyOf(*h), paused); was && !paused { // the time in which it was paused does not count
		h.Since, m.changed = m.Now, true
	}
	end := h.Since.Add(m.Timeout)
	late := !paused && !m.Now.Before(end)
	if !late && !paused {
		m.lookAt(end)
	}
	trouble := m.trouble(h)
	switch {
	case h.Stage == agent.HookBegun && trouble == nil:
		return h.Stage, "it is about to be made", false
	case h.Stage == agent.HookBegun && (late || trouble.Final):
		return agent.HookFailed, "it could not be made: " + trouble.Text, false
	case h.Stage == agent.HookBegun:
		m.lookAt(trouble.Next)
		return h.Stage, trouble.Text, false
	case ours && s.Verdict.Health == protocol.HealthCurrent:
		return agent.HookSucceeded, s.Verdict.Message, false
	case ours && s.Verdict.Health == protocol.HealthDegraded:
		return agent.HookFailed, s.Verdict.Message, false
	case s.There && !ours:
		return agent.HookFailed, "somebody put another one in its place before it ended", false
	case s.Gone:
		return agent.HookFailed, "it is gone, and nobody saw how it ended: see whether it has done its work", false
	case s.Deleting:
		return agent.HookFailed, "it was deleted before it ended, by somebody or with its namespace", false
	case late:
		return agent.HookFailed, "it has not ended after " + phrase.Short(m.Timeout) + ": " + s.Verdict.Message, true
	}
	return h.Stage, s.Verdict.Message, false
}
