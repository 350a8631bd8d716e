package deliver

import (
	"slices"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/protocol"
)

// status is how the app is.
func (a *app) status() orders.Status {
	st := orders.Status{Attempted: a.spec.Revision, InForce: a.plan != nil, Settled: a.settled(), Message: a.message}
	st.Ready, st.Reason = a.readiness(a.settled(), a.waits)
	if a.plan != nil {
		st.Applied, st.Generation = a.settings.Revision, a.plan.Generation
	}
	return st
}

// settled says whether what the bundle wants the app to be is in force.
func (a *app) settled() bool {
	return a.plan != nil && a.next == nil && a.fetching == "" && !a.unfit.Known()
}

// reconsider has those apps look again that have a condition on the app.
func (a *app) reconsider() {
	for _, other := range a.env.board.Where(func(e *board.Entry[*app]) bool {
		return e.Next() != nil && slices.ContainsFunc(e.Order.Spec.Ready, func(r protocol.Readiness) bool { return r.App == a.name })
	}) {
		other.post(other.kick)
	}
}
