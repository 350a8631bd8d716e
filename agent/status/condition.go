package status

import (
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Condition is in which phase an app is, and since when.
type Condition struct {
	Phase      protocol.Phase
	Health     protocol.Health
	Reason     protocol.Reason
	Message    string
	Since      time.Time
	WasHealthy bool      // since it was last applied
	IllSince   time.Time // when it stopped being healthy; zero while it is, or is paused
	AppliedAt  time.Time // from when its timeout counts: when it was last applied, or ceased to be paused
	Told       protocol.EventKind
	Current    int    // objects that are current
	Waits      string // for which app it waits before it begins
}

// Grace is how long what was healthy may be on its way before it counts as degraded: every edit of a Deployment, and
// every pod that moves to another node, leaves it unready for a moment, and wakes nobody.
const Grace = 30 * time.Second

// Take takes down what the app turned out to be. changed says that its phase is another, news that anything is.
func (c *Condition) Take(v fleet.AppStatus, now time.Time) (changed, news bool) {
	if v.Phase == protocol.PhaseHealthy {
		c.WasHealthy = true
	}
	changed = v.Phase != c.Phase
	news = changed || v.Message != c.Message || v.Reason != c.Reason
	if changed {
		c.Since = now
	}
	c.Phase, c.Health, c.Reason, c.Message = v.Phase, v.Health, v.Reason, v.Message
	return changed, news
}

// Event is what to put into the journal about a change of the phase; "" if it is none that people wait for, or was
// told.
func (c *Condition) Event(v fleet.AppStatus) protocol.EventKind {
	kinds := map[protocol.Phase]protocol.EventKind{
		protocol.PhaseHealthy: protocol.EventHealthy, protocol.PhaseDegraded: protocol.EventDegraded,
		protocol.PhaseFailed: protocol.EventFailed,
	}
	kind, ok := kinds[v.Phase]
	if !ok || kind == c.Told && kind == protocol.EventHealthy {
		return ""
	}
	c.Told = kind
	return kind
}

// count takes down how many objects are current and how many are not, and how the worst of them is.
func (c *Condition) count(current, ill int, worst protocol.Health, now time.Time) {
	paused := ill > 0 && worst == protocol.HealthPaused
	switch {
	case ill == 0 || paused:
		c.IllSince = time.Time{}
	case c.IllSince.IsZero():
		c.IllSince = now
	}
	if c.Reason == protocol.ReasonPaused && !paused {
		c.AppliedAt = now
	}
	c.Current = current
}

// Applied has the time count from now, for what was applied.
func (c *Condition) Applied(now time.Time) { c.WasHealthy, c.AppliedAt = false, now }

// Readiness is the phase of the app as Flux would write it into a condition.
func (c *Condition) Readiness(settled bool) (status, reason string) {
	switch {
	case c.Phase == protocol.PhaseHealthy && settled:
		return "True", "ReconciliationSucceeded"
	case c.Phase == protocol.PhaseFailed:
		return "False", "ReconciliationFailed"
	case c.Phase == protocol.PhaseDegraded:
		return "False", "HealthCheckFailed"
	case c.Waits != "":
		return "False", "DependencyNotReady"
	}
	return "Unknown", "Progressing"
}

// Restored is the condition of an app that another agent left, whose time counts from now.
func Restored(now time.Time) Condition { return Condition{Told: protocol.EventHealthy, AppliedAt: now} }

// Begin is for a plan that comes into force: nothing is known of how it does.
func (c *Condition) Begin() { c.WasHealthy = false }

// Until is when time makes another phase of this one; zero for never.
func (c *Condition) Until(timeout time.Duration) time.Time {
	switch {
	case c.Reason == protocol.ReasonPaused: // which time does not end
	case c.Phase == protocol.PhaseWaiting && c.WasHealthy:
		return c.IllSince.Add(Grace)
	case c.Phase == protocol.PhaseWaiting:
		return c.AppliedAt.Add(timeout)
	}
	return time.Time{}
}
