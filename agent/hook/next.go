package hook

import (
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// Next decides what is due in a moment of an app.
func Next(p Progress, v View) Decision {
	m := &machine{View: v, progress: p}
	m.progress.Run = p.Run.Clone()
	m.run = m.progress.Run
	done := m.moment()
	return Decision{Progress: m.progress, Changed: m.changed, Events: m.events, Actions: m.actions,
		Done: done && !m.acting(), Until: m.until}
}

// machine is one decision while it is made. It alone has its run.
type machine struct {
	View
	progress Progress
	run      *agent.Run // of progress
	changed  bool
	events   []protocol.Event
	actions  []Action
	until    time.Time
}

func (m *machine) do(a Action) { m.actions = append(m.actions, a) }

// acting says whether something has to be done before anything else can be decided.
func (m *machine) acting() bool { return len(m.actions) > 0 }

// wait notes what the app waits for.
func (m *machine) wait(step fleet.Fact) { m.progress.Step, m.progress.Stuck = step, false }

// lookAt asks for another decision at a time, unless that is due earlier.
func (m *machine) lookAt(t time.Time) {
	if m.until.IsZero() || t.Before(m.until) {
		m.until = t
	}
}

// moment says whether the moment is over.
func (m *machine) moment() bool {
	switch {
	case m.run == nil:
		return true
	case m.Moment == Prepare:
		return m.prepare()
	case m.Moment == Deliver:
		return m.waves()
	case m.Moment == Complete:
		return m.complete()
	case m.Moment == BeforeDelete:
		return m.deleteHooks(fleet.PreDelete)
	case m.Moment == AfterDelete:
		return m.deleteHooks(fleet.PostDelete)
	case m.Moment == Erase:
		return m.erase()
	}
	return m.tidy()
}

// prepare runs the PreSync hooks. Until they are done nothing of the app changes.
func (m *machine) prepare() bool {
	phase := m.run.Before()
	has := m.Plan.Has(m.run.Install, phase)
	switch {
	case m.run.Failure != "" || !has:
	case len(m.run.Past) > 0:
		m.awaitPast(phase)
	default:
		out := m.hooksOf(phase, nil)
		switch {
		case m.acting():
			return false
		case out.done:
			m.closePhase(phase)
			m.wait(fleet.Fact{})
			return true
		}
		m.wait(out.step)
		if out.failed != "" {
			before := "; nothing of the app was applied"
			if m.InForce {
				before = "; keeping the last applied version"
			}
			m.fail(phase, out.failed+before+": correct it in Git, and its next revision is tried")
		}
	}
	if m.run.Failure != "" {
		m.runFailureHooks()
		return false
	}
	return !has
}

// awaitPast waits for hooks of an older revision to be gone, so that two never run at once.
func (m *machine) awaitPast(phase fleet.HookPhase) {
	ref := m.run.Past[0].Ref
	if end := m.run.Since.Add(m.Timeout); m.Now.Before(end) {
		m.lookAt(end)
		m.wait(fact(protocol.ReasonHookRunning, fmt.Sprintf("waits until %s of the revision before is deleted", ref)))
		return
	}
	m.fail(phase, fmt.Sprintf(
		"%s: %s of the revision before is not gone after %s: see what holds it, and make another revision",
		phase, ref, phrase.Short(m.Timeout)))
}

// waves goes on from wave to wave, as far as they are healthy.
func (m *machine) waves() bool {
	waves := m.Plan.Waves()
	for i, wave := range waves {
		if m.run.Reached && wave < m.run.Wave {
			continue
		}
		m.enterWave(wave)
		if m.Wave == nil || m.Wave.Number != wave {
			m.do(Apply{wave})
			return false
		}
		if m.run.Failure != "" {
			m.runFailureHooks()
			return false
		}
		out := outcome{done: true}
		if !m.run.Back {
			out = m.hooksOf(fleet.Sync, &wave)
		}
		switch {
		case m.acting():
			return false
		case out.failed != "":
			m.fail(fleet.Sync, out.failed+"; what comes after it waits: correct it in Git, and its next revision is tried")
			m.runFailureHooks()
			return false
		case i < len(waves)-1 && !m.ready():
			return false
		case !out.done:
			m.wait(out.step)
			return false
		}
	}
	m.run.Applied, m.run.Done = true, !m.Plan.Has(m.run.Install, m.run.After(), fleet.SyncFail)
	m.changed = true
	m.run.Close(fleet.Sync)
	m.wait(fleet.Fact{})
	return true
}

// enterWave notes that a wave has begun.
func (m *machine) enterWave(wave int) {
	if r := m.run; !r.Reached || r.Wave != wave {
		r.Reached, r.Wave, r.Since, m.changed = true, wave, m.Now, true
	}
}

// ready says whether all objects of the wave are current, and notes what is waited for.
func (m *machine) ready() bool {
	w := m.Wave
	paused := w.Worst != nil && w.Worst.Health == protocol.HealthPaused
	if m.progress.Paused && !paused { // the time in which it was paused does not count
		m.run.Since, m.changed = m.Now, true
	}
	m.progress.Paused = paused
	if w.Worst == nil {
		return !w.Clashing
	}
	end := m.run.Since.Add(m.Timeout)
	late := !m.Now.Before(end)
	if !late && !paused {
		m.lookAt(end)
	}
	m.progress.Step, m.progress.Stuck = waveStep(w, late, m.Timeout)
	if m.progress.Stuck {
		m.runFailureHooks()
	}
	return false
}

// waveStep is what the next wave waits for while the worst object of this one is not current, and whether that does
// not come by itself or in time. late says whether the wave has had its time.
func waveStep(w *Wave, late bool, timeout time.Duration) (step fleet.Fact, stuck bool) {
	what := fmt.Sprintf("%s: %s", w.Worst.Object, w.Worst.Message)
	switch {
	case w.Worst.Health == protocol.HealthPaused:
		return fact(protocol.ReasonPaused, fmt.Sprintf("wave %d waits for %s", w.Number, what)), false
	case late:
		return fact(protocol.ReasonTimeout, fmt.Sprintf("wave %d is not healthy after %s, and what comes after it waits: %s",
			w.Number, phrase.Short(timeout), what)), true
	case w.Ill:
		return fact(protocol.ReasonUnhealthy,
			fmt.Sprintf("wave %d is not healthy, and what comes after it waits: %s", w.Number, what)), true
	}
	return fact(protocol.ReasonWaveWaiting, fmt.Sprintf("wave %d: waits for %s", w.Number, what)), false
}

// complete does what comes when everything is applied and healthy.
func (m *machine) complete() bool {
	if !m.Plan.DeliveredBy(m.run) || !m.run.Applied || m.run.Done {
		return true
	}
	switch {
	case m.run.Failure != "" || !m.Healthy && m.Failing:
		m.runFailureHooks()
	case m.Healthy:
		phase := m.run.After()
		out := m.hooksOf(phase, nil)
		if m.acting() {
			return false
		}
		m.wait(out.step)
		if out.failed != "" {
			m.fail(phase, out.failed+": everything is applied; correct the hook in Git, and the next revision does "+
				"it again")
			m.runFailureHooks()
		}
		if out.done {
			m.closePhase(phase)
			m.run.Done, m.changed = true, true
		}
	default:
		m.wait(fleet.Fact{})
	}
	return m.run.Done
}

// deleteHooks runs the hooks of an app that was removed from Git.
func (m *machine) deleteHooks(phase fleet.HookPhase) bool {
	if !m.Plan.Has(false, phase) || m.Moved {
		return true
	}
	out := m.hooksOf(phase, nil)
	if m.acting() {
		return false
	}
	m.wait(out.step)
	switch {
	case out.failed != "":
		m.fail(phase, "it left Git, and "+out.failed+
			": what is left of the app stays; put it back into Git, without this hook or with a better one")
	case out.done:
		m.closePhase(phase)
	}
	return out.done
}

// erase releases the objects of all hooks of an app that has nothing else left. The run is done when they are gone.
func (m *machine) erase() bool {
	m.run.Past = append(m.run.Past, m.run.Last...)
	m.run.Last = nil
	for _, list := range [...][]agent.HookState{m.run.Past, m.run.Hooks} {
		for i := range list {
			if h := &list[i]; m.Delete && !h.Remove && !guard.Precious(h.Ref) {
				h.Remove, h.Over, h.Tidy, m.changed = true, true, false, true
			}
		}
	}
	done := m.tidy()
	m.run.Done = len(m.run.Untidy()) == 0
	return done
}

// tidy releases the objects of hooks whose phase is over, after it is stored how they ended. The app can go on while
// they are being deleted.
func (m *machine) tidy() bool {
	list := m.run.Untidy()
	if len(list) > 0 && len(m.Tried) == 0 && (m.Unsaved || m.changed) {
		m.do(Store{})
	}
	for _, h := range list {
		t := m.Hooks[h.Ref].Trouble
		resting := t != nil && m.Now.Before(t.Next)
		if !resting && !m.Tried[KeyOf(*h)] {
			m.do(Release{*h})
		} else if t != nil {
			m.lookAt(t.Next)
		}
	}
	m.run.Past = slices.DeleteFunc(m.run.Past, func(h agent.HookState) bool { return h.Tidy })
	return true
}

// closePhase notes that the hooks of a phase are over.
func (m *machine) closePhase(phase fleet.HookPhase) {
	if m.run.Close(phase) {
		m.changed = true
	}
}

// fail ends a run because a hook failed: another revision begins another one.
func (m *machine) fail(phase fleet.HookPhase, why string) {
	m.run.Close(phase)
	m.run.Failure, m.changed = why, true
	m.wait(fleet.Fact{})
}

// runFailureHooks runs the hooks for a revision that failed, once.
func (m *machine) runFailureHooks() {
	if !m.Plan.Has(m.run.Install, fleet.SyncFail) {
		return
	}
	if out := m.hooksOf(fleet.SyncFail, nil); !m.acting() && (out.done || out.failed != "") {
		m.closePhase(fleet.SyncFail)
	}
}

// fact is one with a text, or none without.
func fact(reason protocol.Reason, text string) fleet.Fact {
	if text == "" {
		return fleet.Fact{}
	}
	return fleet.Fact{Reason: reason, Text: text}
}
