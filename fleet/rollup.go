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
