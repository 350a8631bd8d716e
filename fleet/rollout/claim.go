package rollout

// Claims on an app of a cluster, of which the smallest decides. One of another tool's object is weakest, by its rank.
const (
	NoClaim    = -1
	heldClaim  = 0 // of a RolloutPolicy that holds the app already, so that none takes it from another by its name
	newClaim   = 1
	otherClaim = 2
)

// Claim is how strongly the policy claims an app of a cluster that it is with; NoClaim if it does not hold it. named
// says that the app names the policy, and has that the policy holds it already. Of two equal claims that of the
// policy counts whose name comes first.
func (p Policy) Claim(app string, named, has bool) int {
	switch {
	case !p.HasWaves():
		return NoClaim
	case p.Origin != nil && named:
		return otherClaim + p.Origin.Rank
	case p.Origin != nil || !p.HoldsApp(app):
		return NoClaim
	case has:
		return heldClaim
	}
	return newClaim
}
