package deliver

import (
	"github.com/drover-dev/drover/agent/orders"
)

// status is how the app is.
func (a *app) status() orders.Status {
	st := orders.Status{Attempted: a.Spec.Revision, InForce: a.Plan != nil, Settled: a.settled(), Message: a.message}
	st.Ready, st.Reason = a.readiness(a.settled())
	if a.Plan != nil {
		st.Applied, st.Generation = a.Settings.Revision, a.Plan.Generation
	}
	return st
}

// settled says whether what the bundle wants the app to be is in force.
func (a *app) settled() bool {
	return a.Plan != nil && a.Next == nil && a.fetch.Fetching == "" && !a.fetch.Unfit.Known()
}
