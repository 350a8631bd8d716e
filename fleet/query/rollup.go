package query

import (
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// phaseSeverity orders phases by how much a person should care, least first.
var phaseSeverity = map[protocol.Phase]int{
	protocol.PhaseHealthy: 0, protocol.PhaseSuspended: 1, protocol.PhasePending: 2, protocol.PhaseWaiting: 3,
	protocol.PhaseApplying: 4, protocol.PhaseDegraded: 5, protocol.PhaseFailed: 6,
}

// WorsePhase says whether a deserves a person's attention before b. A phase that is not known here
// (an agent newer than its hub) is taken as in need of some.
func WorsePhase(a, b protocol.Phase) bool { return phaseRank(a) > phaseRank(b) }

func phaseRank(p protocol.Phase) int {
	if n, ok := phaseSeverity[p]; ok {
		return n
	}
	return 4
}

// ClusterHealth rolls the apps of a report up to the health of the cluster.
func ClusterHealth(r protocol.Report) protocol.Health {
	if r.Generation == 0 {
		return protocol.HealthUnknown
	}
	worst := protocol.HealthCurrent
	if r.Refused != nil {
		worst = protocol.HealthDegraded
	}
	for _, a := range r.Apps {
		worst = fleet.Worst(worst, a.Health)
	}
	return worst
}
