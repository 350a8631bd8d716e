package fleet

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Facts is what is known of an app, as far as its phase depends on it. A fact that does not hold is the zero value. What
// decides is which facts there are and their reasons; their texts are for people and decide nothing.
type Facts struct {
	Suspended bool // Git says that nothing is to be done for the app or for its cluster
	Removed   bool // Git no longer has the app, so its objects are to be deleted
	Loaded    bool // there is content in force
	Failures  Failures
	Next      NextFacts
	Run       RunFacts
	Objects   ObjectFacts
	Prune     Fact   // objects that Git no longer has are there; Reason says whether they are held
	Notes     string // what else there is to know of a healthy app
}

// Failures are facts for which an app is failed, in the order in which they take precedence.
type Failures struct {
	Dependency Fact // what it depends on can never be ready
	Fault      Fact // something that concerns the whole app cannot be done, such as storing its state
	Shared     Fact // an object is in another app, too
	Hook       Fact // a hook failed
	Apply      Fact // an object could not be applied or deleted
	Order      Fact // an object can never be applied, because of what it is to be applied after
	Invalid    Fact // the content has what can be no object
	Scope      Fact // an object is outside the agent's namespaces
	Content    Fact // newer content was received and cannot be used
	Render     Fact // the hub cannot render newer content
}

// NextFacts are of content that is not in force yet.
type NextFacts struct {
	Awaits  Fact // it waits for another app, or for a window
	Missing Fact // it, or something that it is made of, is not here yet
}

// RunFacts are of the way of the content through its hooks and waves.
type RunFacts struct {
	Preparing bool // hooks are run before the next content comes into force
	Stuck     bool // a wave is not healthy, and does not become so by itself or in time
	Applying  bool // the content in force is not applied through yet
	Open      bool // hooks are left to run when everything is healthy
	Step      Fact // what is waited for
}

// ObjectFacts are of the objects of an app and of those that it has checked.
type ObjectFacts struct {
	Health     protocol.Health // the worst of all
	Worst      Fact            // the object that has it; the zero value if all are current
	WasHealthy bool            // all were current since the content was applied
	Unhealthy  time.Duration   // since when they are not: without the time in which the worst were paused
	Applied    time.Duration   // since when the content is applied: without the time before the last pause ended
	Grace      time.Duration   // how long objects that were current may be progressing
	Timeout    time.Duration   // how long they may take to become current
}

// Fact is one thing that is known of an app: what it is, in a word and in words, and of which object, if it is of one.
type Fact struct {
	Reason protocol.Reason
	Object protocol.ObjectRef
	Text   string
	More   int // how many others there are of the same kind
}

// Known says whether there is something to know at all.
func (f Fact) Known() bool { return f != Fact{} }

// String gives the fact in one line.
func (f Fact) String() string {
	text := f.Text
	if f.Object != (protocol.ObjectRef{}) {
		text = f.Object.String() + ": " + text
	}
	if f.More > 0 {
		text += fmt.Sprintf(" (and %d more)", f.More)
	}
	return text
}

// AppStatus is where an app is, and why.
type AppStatus struct {
	Phase   protocol.Phase
	Health  protocol.Health
	Reason  protocol.Reason // "" of an app that is healthy and of which there is nothing else to know
	Message string
}

// Phase decides where an app is. It reads no clock: how long something lasts is a fact.
//
// Precedence: suspension; what failed, in the order of Failures; the end of an app that Git no longer has; what newer
// content waits for; how far the content in force is applied; and the health of its objects.
func Phase(f Facts) AppStatus {
	st := f.phase()
	st.Health = HealthOfPhase(st.Phase, cmp.Or(f.Objects.Health, protocol.HealthCurrent))
	if st.Reason == protocol.ReasonPaused || st.Reason == protocol.ReasonReleaseHeld {
		st.Health = protocol.HealthPaused
	}
	return st
}

func (f Facts) phase() AppStatus {
	failure := f.Failures.first()
	switch {
	case f.Suspended:
		return AppStatus{Phase: protocol.PhaseSuspended, Reason: protocol.ReasonSuspended,
			Message: "suspended in Git: nothing is applied, healed or deleted"}
	case failure.Known() && failure.Reason == protocol.ReasonReleaseHeld: // the last of them: nothing has failed
		return status(protocol.PhasePending, failure, "")
	case failure.Known():
		return status(protocol.PhaseFailed, failure, protocol.ReasonApplyFailed)
	case f.Removed:
		what := f.Run.Step
		if !what.Known() {
			what = f.Prune
		}
		st := status(protocol.PhaseApplying, what, protocol.ReasonPruning)
		st.Message = "removed from Git: " + st.Message
		return st
	case f.Next.Awaits.Known():
		return status(protocol.PhasePending, f.Next.Awaits, protocol.ReasonDependencyNotReady)
	case f.Next.Missing.Known():
		return status(protocol.PhasePending, f.Next.Missing, protocol.ReasonFetching)
	case f.Run.Preparing:
		return f.step()
	case !f.Loaded:
		return AppStatus{Phase: protocol.PhasePending, Reason: protocol.ReasonInitializing,
			Message: "nothing is known of it yet"}
	case f.Run.Stuck:
		return status(protocol.PhaseDegraded, f.Run.Step, protocol.ReasonUnhealthy)
	case f.Run.Applying:
		return f.step()
	}
	return f.byHealth()
}

// byHealth is for content that is applied.
func (f Facts) byHealth() AppStatus {
	o := f.Objects
	switch {
	case !o.Worst.Known() && f.Run.Open:
		return f.step()
	case !o.Worst.Known():
		return AppStatus{Phase: protocol.PhaseHealthy, Reason: f.Prune.Reason,
			Message: joined(f.Prune.String(), f.Notes)}
	case o.Health == protocol.HealthDegraded:
		return o.status(protocol.PhaseDegraded, protocol.ReasonUnhealthy, "")
	case o.Health == protocol.HealthPaused:
		return o.status(protocol.PhaseWaiting, protocol.ReasonPaused, "")
	case o.WasHealthy && o.Unhealthy >= o.Grace:
		return o.status(protocol.PhaseDegraded, protocol.ReasonUnhealthy, "not healthy any more for "+brief(o.Grace)+": ")
	case !o.WasHealthy && o.Applied >= o.Timeout:
		return o.status(protocol.PhaseDegraded, protocol.ReasonTimeout, "not healthy after "+brief(o.Timeout)+": ")
	}
	return o.status(protocol.PhaseWaiting, protocol.ReasonProgressing, "")
}

// status is a phase for the worst object.
func (o ObjectFacts) status(p protocol.Phase, r protocol.Reason, prefix string) AppStatus {
	return AppStatus{Phase: p, Reason: r, Message: prefix + o.Worst.String()}
}

// step is for an app on its way through its hooks and waves. One that waits for a person or a time is waiting.
func (f Facts) step() AppStatus {
	if f.Run.Step.Reason == protocol.ReasonPaused {
		return status(protocol.PhaseWaiting, f.Run.Step, protocol.ReasonPaused)
	}
	return status(protocol.PhaseApplying, f.Run.Step, protocol.ReasonApplying)
}

// first is the failure that takes precedence.
func (f Failures) first() Fact {
	for _, fact := range [...]Fact{
		f.Dependency, f.Fault, f.Shared, f.Hook, f.Apply, f.Order, f.Invalid, f.Scope, f.Content, f.Render,
	} {
		if fact.Known() {
			return fact
		}
	}
	return Fact{}
}

// status is a phase for a fact, whose reason may be left out.
func status(p protocol.Phase, f Fact, otherwise protocol.Reason) AppStatus {
	return AppStatus{Phase: p, Reason: cmp.Or(f.Reason, otherwise), Message: f.String()}
}

func joined(a, b string) string { return strings.TrimPrefix(strings.TrimSuffix(a+"; "+b, "; "), "; ") }

// brief writes whole minutes and seconds without what is zero: 5m, 90s.
func brief(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
