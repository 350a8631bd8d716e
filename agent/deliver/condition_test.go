package deliver

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// The journal tells of what people wait for, and not that an app is healthy again before it was told that it was not.
func TestChangesOfThePhaseAreTold(t *testing.T) {
	t.Parallel()
	c := condition{told: protocol.EventHealthy}
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
		changed, news := c.take(step.v, now)
		told := protocol.EventKind("")
		if changed {
			told = c.event(step.v)
		}
		if changed != step.changed || news != step.news || told != step.told || c.phase != step.v.Phase ||
			changed != c.since.Equal(now) {
			t.Errorf("step %d: changed %t, news %t, told %q, since %s", i, changed, news, told, c.since)
		}
	}
	if !c.wasHealthy {
		t.Error("it was healthy")
	}
	if c.applied(at); c.wasHealthy || !c.appliedAt.Equal(at) {
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
		if status, reason := (&condition{phase: c.phase, waits: c.waits}).readiness(c.settled); status != c.status ||
			reason != c.reason {
			t.Errorf("%s: %s, %s", name, status, reason)
		}
	}
}

// An object that was handed over is stored until its new owner has stored it, and once if it came back.
func TestWhatIsStoredOfAnInventory(t *testing.T) {
	t.Parallel()
	a := owned.NewSet("web")
	item := func(name string, wave int) agent.Item { return agent.Item{Ref: mapOf(name), Wave: wave} }
	a.Insert(&owned.Object{Item: item("b", 0), Want: &plan.Want{}})
	a.Insert(&owned.Object{Item: item("a", 0)})
	a.Insert(&owned.Object{Item: item("z", -1)})
	a.Given[mapOf("y")], a.Given[mapOf("x")], a.Given[mapOf("a")] = item("y", 0), item("x", 0), item("a", 7)
	a.Sort()
	names := ""
	for _, i := range a.Items() {
		names += i.Ref.Name + " "
	}
	if names != "z a b x y " || a.LeftoverCount() != 2 || !a.Leftover() || a.Empty() {
		t.Errorf("stored are %s; %d are left over", names, a.LeftoverCount())
	}
	if !a.DropGiven(mapOf("x")) || a.DropGiven(mapOf("x")) {
		t.Error("it is dropped twice, or not at all")
	}
	o := a.ByRef[mapOf("a")]
	if a.Rename(o, mapOf("c")); a.ByRef[mapOf("c")] != o || a.ByRef[mapOf("a")] != nil {
		t.Error("it is found under its old name")
	}
	if a.Disown(o); !o.Gone || a.ByRef[mapOf("c")] != nil || a.LeftoverCount() != 1 {
		t.Error("it is still there")
	}
}
