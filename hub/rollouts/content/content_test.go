package content

import (
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/protocol"
)

func TestWhichStateAPhaseIs(t *testing.T) {
	t.Parallel()
	for phase, want := range map[protocol.Phase]rollout.State{protocol.PhasePending: rollout.Progressing,
		protocol.PhaseApplying: rollout.Progressing, protocol.PhaseHealthy: rollout.Healthy,
		protocol.PhaseFailed:    rollout.Bad,
		protocol.PhaseSuspended: rollout.Suspended} {
		if got := stateOf(&protocol.AppReport{Phase: phase}); got != want {
			t.Errorf("%s is %s, want %s", phase, got, want)
		}
	}
}
