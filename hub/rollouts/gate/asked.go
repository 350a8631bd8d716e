package gate

import (
	"slices"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Asked are the gates of the slices that have settled: those are asked while they soak.
func Asked(p rollout.Policy, waves map[string]rollout.WaveMemory) map[Place]rollout.Gate {
	out := map[Place]rollout.Gate{}
	for _, w := range p.Waves {
		m := waves[w.Name]
		if m.Busy == "" || m.Soak.IsZero() {
			continue
		}
		for _, name := range w.Gates {
			if i := slices.IndexFunc(p.Gates, func(g rollout.Gate) bool { return g.Name == name }); i >= 0 {
				out[Place{Gate: name, Wave: w.Name, Target: m.Busy, Slice: m.Slice}] = p.Gates[i]
			}
		}
	}
	return out
}
