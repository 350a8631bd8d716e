package rollouts

import (
	"slices"

	"github.com/drover-dev/drover/hub/rollouts/gate"
)

// clusters are those of the wave that have the target, sorted.
func (r *rolling) clusters(at gate.Place) (names []string) {
	for name, m := range r.members {
		if w := r.policy.WaveOf(m.labels); w >= 0 && r.policy.Waves[w].Name == at.Wave &&
			r.memory.Clusters[name].Target == at.Target {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
