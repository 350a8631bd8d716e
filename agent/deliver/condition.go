package deliver

import (
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// condition is in which phase an app is, and since when.
type condition struct {
	phase      protocol.Phase
	health     protocol.Health
	reason     protocol.Reason
	message    string
	since      time.Time
	wasHealthy bool      // since it was last applied
	illSince   time.Time // when it stopped being healthy; zero while it is, or is paused
	appliedAt  time.Time // from when its timeout counts: when it was last applied, or ceased to be paused
	told       protocol.EventKind
	current    int    // objects that are current
	waits      string // for which app it waits before it begins
	kindless   bool   // objects of it wait for their kind to be served
}

// take takes down what the app turned out to be. changed says that its phase is another, news that anything is.
func (c *condition) take(v fleet.AppStatus, now time.Time) (changed, news bool) {
	if v.Phase == protocol.PhaseHealthy {
		c.wasHealthy = true
	}
	changed = v.Phase != c.phase
	news = changed || v.Message != c.message || v.Reason != c.reason
	if changed {
		c.since = now
	}
	c.phase, c.health, c.reason, c.message = v.Phase, v.Health, v.Reason, v.Message
	return changed, news
}

// event is what to put into the journal about a change of the phase; "" if it is none that people wait for, or was
// told.
func (c *condition) event(v fleet.AppStatus) protocol.EventKind {
	kinds := map[protocol.Phase]protocol.EventKind{
		protocol.PhaseHealthy: protocol.EventHealthy, protocol.PhaseDegraded: protocol.EventDegraded,
		protocol.PhaseFailed: protocol.EventFailed,
	}
	kind, ok := kinds[v.Phase]
	if !ok || kind == c.told && kind == protocol.EventHealthy {
		return ""
	}
	c.told = kind
	return kind
}

// count takes down how many objects are current and how many are not, and how the worst of them is.
func (c *condition) count(current, ill int, worst protocol.Health, now time.Time) {
	paused := ill > 0 && worst == protocol.HealthPaused
	switch {
	case ill == 0 || paused:
		c.illSince = time.Time{}
	case c.illSince.IsZero():
		c.illSince = now
	}
	if c.reason == protocol.ReasonPaused && !paused {
		c.appliedAt = now
	}
	c.current = current
}

// applied has the time count from now, for what was applied.
func (c *condition) applied(now time.Time) { c.wasHealthy, c.appliedAt = false, now }

// readiness is the phase of the app as Flux would write it into a condition.
func (c *condition) readiness(settled bool) (status, reason string) {
	switch {
	case c.phase == protocol.PhaseHealthy && settled:
		return "True", "ReconciliationSucceeded"
	case c.phase == protocol.PhaseFailed:
		return "False", "ReconciliationFailed"
	case c.phase == protocol.PhaseDegraded:
		return "False", "HealthCheckFailed"
	case c.waits != "":
		return "False", "DependencyNotReady"
	}
	return "Unknown", "Progressing"
}
