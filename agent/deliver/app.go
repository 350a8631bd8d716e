package deliver

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/budget"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

const defaultTimeout = 5 * time.Minute

// app is one app of the cluster.
type app struct {
	actor
	holdings
	commanded
	beside
	timing
	condition
	fetch
	former
	progress // through its hooks and waves
	pruning
	saving
	env      *session
	name     string
	scope    agent.Scope
	plan     *plan.Plan // in force; nil if nothing is known of what the app should be
	settings settings   // of the plan in force; of an app that leaves, as they were
	next     *plan.Plan // to come into force when the apps it depends on are healthy
	checks   checks.Checks

	namespaceBodyApplied string // the request for its namespace that was granted

	fault *trouble // what concerns the whole app
}

// saving is what of the app is to be stored.
type saving struct {
	dirty   bool // the inventory differs from what is stored
	unsaved bool // the intent must be stored before anything is applied
	fresh   bool // the plan in force has not been applied through yet
	// names are others that the app had.
	names []string
}

// pruning is how far the app may delete what it no longer wants.
type pruning struct {
	held      string    // why nothing is deleted
	spaceMade time.Time // when something was last deleted because a quota was used up
	deletions budget.Budget
}

// commanded is what the app knows of the bundle in force.
type commanded struct {
	spec     protocol.App    // as the accepted bundle has it; of an app that leaves, as it was
	leaving  bool            // it is no longer in the bundle
	blocked  string          // why its dependencies can never be satisfied
	accepted orders.Accepted // the bundle whose orders the app has
	seq      uint64          // of these orders
	took     bool            // the plan that was coming with them is next
}

func (c *commanded) timeout() time.Duration {
	if c.spec.Timeout > 0 {
		return time.Duration(c.spec.Timeout) * time.Second
	}
	return defaultTimeout
}

// prunes says whether the app deletes what it no longer wants.
func (c *commanded) prunes() bool { return c.spec.Prune && !(c.leaving && c.spec.Orphan) }

// suspended says whether an app is left as it is.
func (c *commanded) suspended() bool {
	return c.accepted.Bundle.Suspend || c.spec.Suspend
}

// home is the namespace of objects that name none.
func (c *commanded) home() string {
	if c.spec.Namespace == "" {
		return "default"
	}
	return c.spec.Namespace
}

// grace is how long what was healthy may be on its way before it counts as degraded: every edit of a Deployment, and
// every pod that moves to another node, leaves it unready for a moment, and wakes nobody.
const grace = 30 * time.Second

// add takes an object into the inventory.
func (a *app) add(o *object) {
	o.app = a
	a.insert(o)
}

// problems are all objects that are not as they should be, worst first.
func (a *app) problems() []protocol.Problem {
	out := append(a.unwell(), a.checks.Ill()...)
	if a.plan != nil {
		for _, ref := range a.plan.Outside {
			out = append(out, protocol.Problem{Object: ref, Health: protocol.HealthDegraded, Message: a.scope.Failure().Text})
		}
	}
	slices.SortFunc(out, compareProblems)
	return out
}

// report is the app's part of a report.
func (a *app) report() protocol.AppReport {
	r := protocol.AppReport{Name: a.name, Declared: a.spec.Declared, Phase: a.phase, Health: a.health, Reason: a.reason, Message: a.message,
		Current: a.current, Since: a.since, Leaving: a.leaving && len(a.own) > 0, Deleted: a.deletions.Deleted()}
	if a.plan != nil {
		r.Revision, r.Digest = a.settings.Revision, a.plan.Digest
	}
	r.Objects = a.wanted()
	r.Problems = a.problems()
	if len(r.Problems) > report.MaxProblems {
		r.Problems, r.More = r.Problems[:report.MaxProblems], len(r.Problems)-report.MaxProblems
	}
	return r
}
