package deliver

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

// app is one app of the cluster.
type app struct {
	actor.Actor
	owned.Set
	orders.Current
	beside
	actor.Timing
	condition
	fetch    planning.Fetch
	progress // through its hooks and waves
	pruning
	saving
	env    *session
	scope  agent.Scope
	checks checks.Checks

	namespaceBodyApplied string // the request for its namespace that was granted

	fault *owned.Trouble // what concerns the whole app
}

// saving is what of the app is to be stored.
type saving struct {
	unsaved bool // the intent must be stored before anything is applied
	fresh   bool // the plan in force has not been applied through yet
}

// pruning is how far the app may delete what it no longer wants.
type pruning struct {
	held      string    // why nothing is deleted
	spaceMade time.Time // when something was last deleted because a quota was used up
	deletions budget.Budget
}

// grace is how long what was healthy may be on its way before it counts as degraded: every edit of a Deployment, and
// every pod that moves to another node, leaves it unready for a moment, and wakes nobody.
const grace = 30 * time.Second

// problems are all objects that are not as they should be, worst first.
func (a *app) problems() []protocol.Problem {
	out := append(a.Unwell(), a.checks.Ill()...)
	if a.Plan != nil {
		for _, ref := range a.Plan.Outside {
			out = append(out, protocol.Problem{Object: ref, Health: protocol.HealthDegraded, Message: a.scope.Failure().Text})
		}
	}
	slices.SortFunc(out, owned.CompareProblems)
	return out
}

// report is the app's part of a report.
func (a *app) report() protocol.AppReport {
	r := protocol.AppReport{Name: a.Name, Phase: a.phase, Health: a.health, Reason: a.reason, Message: a.message,
		Current: a.current, Since: a.since, Leaving: a.Leaving && len(a.Own) > 0, Deleted: a.deletions.Deleted()}
	if a.Plan != nil {
		r.Revision, r.Digest = a.Settings.Revision, a.Plan.Digest
	}
	r.Objects = len(a.Own) - a.LeftoverCount()
	r.Problems = a.problems()
	if len(r.Problems) > report.MaxProblems {
		r.Problems, r.More = r.Problems[:report.MaxProblems], len(r.Problems)-report.MaxProblems
	}
	return r
}
