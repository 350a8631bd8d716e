// Package budget says which policy bounds the deletions of an app.
package budget

import (
	"iter"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
)

// Limits are those of deletions of an app of a cluster: of the policy that holds the app, if that sets any, else of
// the first of the policies that the cluster is with, by name, which selects the app and sets some; the default ones if
// none does. holder is nil if no policy holds the app.
func Limits(holder *rollout.Policy, with iter.Seq[*rollout.Policy], app string) deletions.Limits {
	if holder != nil && holder.Deletions != nil {
		return *holder.Deletions
	}
	for p := range with {
		if p.Deletions != nil && p.HoldsApp(app) {
			return *p.Deletions
		}
	}
	return deletions.Default
}
