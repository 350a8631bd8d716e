package fleet

import (
	"testing"

	"github.com/drover-dev/drover/protocol"
)

const (
	cur  = protocol.HealthCurrent
	prog = protocol.HealthProgressing
	degr = protocol.HealthDegraded
	unkn = protocol.HealthUnknown
)

func TestWorstHealthWins(t *testing.T) {
	for _, c := range []struct {
		of   []protocol.Health
		want protocol.Health
	}{
		{nil, cur}, // nothing is wrong with nothing
		{[]protocol.Health{cur, cur}, cur},
		{[]protocol.Health{cur, prog}, prog},
		{[]protocol.Health{prog, unkn, cur}, unkn},
		{[]protocol.Health{unkn, degr, prog}, degr},
		{[]protocol.Health{degr, cur}, degr},
		{[]protocol.Health{cur, paus, cur}, paus},
		{[]protocol.Health{paus, prog}, prog}, // time still decides about what is progressing
		{[]protocol.Health{degr, paus}, degr},
		{[]protocol.Health{cur, "sleeping"}, "sleeping"}, // a word of a newer agent counts as not known
		{[]protocol.Health{"sleeping", degr}, degr},
	} {
		if got := Worst(c.of...); got != c.want {
			t.Errorf("the worst of %v is %s, want %s", c.of, got, c.want)
		}
	}
}

func TestHealthOfAPhase(t *testing.T) {
	for _, c := range []struct {
		phase         protocol.Phase
		objects, want protocol.Health
	}{
		{protocol.PhaseFailed, cur, degr}, {protocol.PhaseDegraded, cur, degr}, {protocol.PhaseFailed, unkn, degr},
		{protocol.PhasePending, cur, prog}, {protocol.PhaseApplying, cur, prog}, {protocol.PhaseWaiting, degr, degr},
		{protocol.PhaseHealthy, cur, cur}, {protocol.PhaseSuspended, prog, prog}, {"migrating", unkn, unkn},
	} {
		if got := HealthOfPhase(c.phase, c.objects); got != c.want {
			t.Errorf("an app that is %s with objects that are %s is %s, want %s", c.phase, c.objects, got, c.want)
		}
	}
}
