// Package holder says which of several policies holds an app of a cluster. It is pure.
//
// It may import fleet/rollout.
package holder

import (
	"slices"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Claim is that of a policy that a cluster is with, on the cluster's apps.
type Claim struct {
	Policy *rollout.Policy
	Named  []string                   // apps that name the policy
	Has    map[string][]rollout.Entry // apps that it holds
	// Undefined: it is not known what the policy says. Then it holds what it held, what names it, and beside that what no
	// other policy holds.
	Undefined bool
}

// Claims are those of several policies, by their names.
type Claims []Claim

// Of is the place of the policy that holds an app, see rollout.Policy.Claim; -1 if none does.
func (all Claims) Of(app string) int {
	best, at := rollout.NoClaim, -1
	for i := range all {
		if c := all[i].on(app); c != rollout.NoClaim && (at < 0 || c < best) {
			best, at = c, i
		}
	}
	return at
}

// weakest is a claim that comes after those of all policies of which it is known what they say.
const weakest = 1 << 20

// on is the claim on an app.
func (c *Claim) on(app string) int {
	named, has := slices.Contains(c.Named, app), len(c.Has[app]) > 0
	switch {
	case !c.Undefined:
		return c.Policy.Claim(app, named, has)
	case has && len(c.Named) == 0:
		return 0
	case has, named, len(c.Named) == 0:
		return weakest
	}
	return rollout.NoClaim
}
