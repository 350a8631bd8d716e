package deliver

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// conditions are those that an app has on another.
func (a *app) conditions(name string) (out []protocol.Readiness, instead bool) {
	for _, r := range a.spec.Ready {
		if r.App == name {
			out, instead = append(out, r), instead || r.Instead
		}
	}
	return out, instead
}

// unready says why one of the conditions that the app has on another is not met; "" if all are.
func (a *app) unready(d entry, there bool, conditions []protocol.Readiness) string {
	if len(conditions) == 0 {
		return ""
	}
	var dep *orders.Status
	if there {
		st := d.status()
		dep = &st
	}
	own := a.status()
	for _, r := range conditions {
		program, err := expr.Decode(r.Expression)
		is := false
		if err == nil {
			is, err = program.Bool(map[string]any{"self": own.Object(a.accepted, r.Self), "dep": dep.Object(a.accepted, r.Dep)})
		}
		switch {
		case err != nil:
			return fmt.Sprintf("waits for app %s, and cannot tell whether it is ready: %v; correct the condition in Git", r.App, err)
		case !is:
			return fmt.Sprintf("waits for app %s until %s", r.App, r.Text)
		}
	}
	return ""
}

// status is how the app is.
func (a *app) status() orders.Status {
	st := orders.Status{Attempted: a.spec.Revision, InForce: a.plan != nil, Settled: a.settled(), Message: a.message}
	st.Ready, st.Reason = a.readiness()
	if a.plan != nil {
		st.Applied, st.Generation = a.settings.Revision, a.plan.Generation
	}
	return st
}

// status is how the app is: it may be one that has not taken what a bundle has for it yet.
func (e entry) status() orders.Status {
	st := e.facts.status
	st.Attempted = e.order.Spec.Revision
	if e.coming == nil && !e.unknown() {
		return st
	}
	if st.Settled = false; st.Ready == "True" {
		st.Ready, st.Reason = "Unknown", "Progressing"
	}
	return st
}

// settled says whether what the bundle wants the app to be is in force.
func (a *app) settled() bool {
	return a.plan != nil && a.next == nil && a.fetching == "" && !a.unfit.Known()
}

// readiness is the app's phase as Flux would write it into a condition.
func (a *app) readiness() (status, reason string) {
	switch {
	case a.phase == protocol.PhaseHealthy && a.settled():
		return "True", "ReconciliationSucceeded"
	case a.phase == protocol.PhaseFailed:
		return "False", "ReconciliationFailed"
	case a.phase == protocol.PhaseDegraded:
		return "False", "HealthCheckFailed"
	case a.waits != "":
		return "False", "DependencyNotReady"
	}
	return "Unknown", "Progressing"
}

// reconsider has those apps look again that have a condition on the app.
func (a *app) reconsider() {
	for _, other := range a.env.board.where(func(e *entry) bool {
		return e.next() != nil && slices.ContainsFunc(e.order.Spec.Ready, func(r protocol.Readiness) bool { return r.App == a.name })
	}) {
		other.post(other.kick)
	}
}
