package status

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// The journal tells of what people wait for, and not that an app is healthy again before it was told that it was not.
func TestChangesOfThePhaseAreTold(t *testing.T) {
	t.Parallel()
	c := Condition{Told: protocol.EventHealthy}
	at := time.Now()
	for i, step := range []struct {
		v             fleet.AppStatus
		changed, news bool
		told          protocol.EventKind
	}{
		{fleet.AppStatus{Phase: protocol.PhaseApplying}, true, true, ""},
		{fleet.AppStatus{Phase: protocol.PhaseApplying}, false, false, ""},
		{fleet.AppStatus{Phase: protocol.PhaseApplying, Message: "wave 1"}, false, true, ""},
		{fleet.AppStatus{Phase: protocol.PhaseHealthy}, true, true, ""},
		{fleet.AppStatus{Phase: protocol.PhaseDegraded}, true, true, protocol.EventDegraded},
		{fleet.AppStatus{Phase: protocol.PhaseHealthy}, true, true, protocol.EventHealthy},
		{fleet.AppStatus{Phase: protocol.PhaseFailed}, true, true, protocol.EventFailed},
		{fleet.AppStatus{Phase: protocol.PhaseFailed, Reason: protocol.ReasonTimeout}, false, true, ""},
	} {
		now := at.Add(time.Duration(i) * time.Second)
		changed, news := c.Take(step.v, now)
		told := protocol.EventKind("")
		if changed {
			told = c.Event(step.v)
		}
		if changed != step.changed || news != step.news || told != step.told || c.Phase != step.v.Phase ||
			changed != c.Since.Equal(now) {
			t.Errorf("step %d: changed %t, news %t, told %q, since %s", i, changed, news, told, c.Since)
		}
	}
	if !c.WasHealthy {
		t.Error("it was healthy")
	}
	if c.Applied(at); c.WasHealthy || !c.AppliedAt.Equal(at) {
		t.Error("it was applied again")
	}
}

func TestReadinessIsWhatFluxWouldWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		phase          protocol.Phase
		settled        bool
		waits          string
		status, reason string
	}{
		"healthy":          {protocol.PhaseHealthy, true, "", "True", "ReconciliationSucceeded"},
		"healthy as it is": {protocol.PhaseHealthy, false, "", "Unknown", "Progressing"},
		"failed":           {protocol.PhaseFailed, true, "", "False", "ReconciliationFailed"},
		"degraded":         {protocol.PhaseDegraded, true, "", "False", "HealthCheckFailed"},
		"it waits":         {protocol.PhasePending, false, "waits for app db", "False", "DependencyNotReady"},
		"it is applied":    {protocol.PhaseApplying, true, "", "Unknown", "Progressing"},
	} {
		if status, reason := (&Condition{Phase: c.phase, Waits: c.waits}).Readiness(c.settled); status != c.status ||
			reason != c.reason {
			t.Errorf("%s: %s, %s", name, status, reason)
		}
	}
}
