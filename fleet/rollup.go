package fleet

import (
	"github.com/drover-dev/drover/protocol"
)

// severity orders healths from best to worst for rolling up: what is known to be wrong outweighs what
// is not known, which outweighs what is under way, which outweighs what waits for a person or a time: time
// decides about everything but that.
func severity(h protocol.Health) int {
	switch h {
	case protocol.HealthCurrent:
		return 0
	case protocol.HealthPaused:
		return 1
	case protocol.HealthProgressing:
		return 2
	case protocol.HealthDegraded:
		return 4
	}
	return 3
}

// Worst is the worst of some healths; current for none at all, since nothing is wrong with nothing.
func Worst(healths ...protocol.Health) protocol.Health {
	worst := protocol.HealthCurrent
	for _, h := range healths {
		if severity(h) > severity(worst) {
			worst = h
		}
	}
	return worst
}

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

// HealthOfPhase is the health that an app in a phase counts with, given that of its objects.
func HealthOfPhase(p protocol.Phase, objects protocol.Health) protocol.Health {
	switch p {
	case protocol.PhaseFailed, protocol.PhaseDegraded:
		return protocol.HealthDegraded
	case protocol.PhasePending, protocol.PhaseApplying, protocol.PhaseWaiting:
		return Worst(protocol.HealthProgressing, objects)
	}
	return objects
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
		worst = Worst(worst, a.Health)
	}
	return worst
}
