package deliver

import (
	"github.com/drover-dev/drover/agent/orders"
)

// status is how the app is.
func (a *app) status() orders.Status {
	st := orders.Status{Attempted: a.spec.Revision, InForce: a.plan != nil, Settled: a.settled(), Message: a.message}
	st.Ready, st.Reason = a.readiness(a.settled())
	if a.plan != nil {
		st.Applied, st.Generation = a.settings.Revision, a.plan.Generation
	}
	return st
}

// settled says whether what the bundle wants the app to be is in force.
func (a *app) settled() bool {
	return a.plan != nil && a.next == nil && a.fetching == "" && !a.unfit.Known()
}
