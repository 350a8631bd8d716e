package rollouts

import (
	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/budget"
)

// Budget is how the policies of a driver bound deletions.
type Budget struct{ driver *Driver }

// BudgetOf gives the budget of a driver's policies.
func BudgetOf(d *Driver) Budget { return Budget{d} }

// Limits are those of deletions of an app of a cluster: of the policy that holds the app, if that sets any, else of the
// first by name that selects both; the default ones if none does.
func (b Budget) Limits(cluster, app string) deletions.Limits {
	of := with(b.driver.sorted(), cluster)
	var holds *rollout.Policy
	if i := claimsOf(of, cluster).Of(app); i >= 0 {
		holds = &of[i].policy
	}
	return budget.Limits(holds, func(yield func(*rollout.Policy) bool) {
		for _, r := range of {
			if !yield(&r.policy) {
				return
			}
		}
	}, app)
}

// Reviewed says why deletions are meant that a cluster has with what a policy released to it last. held says whether a
// policy holds the app, so that newer commits have no say.
func (b Budget) Reviewed(cluster, app string) (why string, held bool) {
	of := with(b.driver.sorted(), cluster)
	i := claimsOf(of, cluster).Of(app)
	if i < 0 {
		return "", false
	}
	r := of[i]
	c := r.memory.Clusters[cluster]
	if c.Back || c.Rule == rollout.ByRollback || c.Rule == rollout.ByRevert {
		return "", true // it is not what the commit brought
	}
	return r.memory.Targets[c.Target].Reviewed, true
}

// Closed says whether a policy that a cluster is with has what Git says of deletions count for nothing.
func (b Budget) Closed(cluster string) bool {
	for _, r := range with(b.driver.sorted(), cluster) {
		if r.policy.Deletions != nil && r.policy.Deletions.Closed {
			return true
		}
	}
	return false
}
