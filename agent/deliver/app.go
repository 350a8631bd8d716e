package deliver

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

const defaultTimeout = 5 * time.Minute

// app is one app of the cluster.
type app struct {
	name     string
	scope    agent.Scope
	spec     protocol.App // as the accepted bundle has it; of an app that leaves, as it was
	plan     *plan.Plan   // in force; nil if nothing is known of what the app should be
	settings settings     // of the plan in force; of an app that leaves, as they were
	next     *plan.Plan   // to come into force when the apps it depends on are healthy
	lasts    []*plan.Plan // what was applied last of objects whose newer content is not accepted; see inForce
	was      *plan.Plan   // in force before plan, until it is reduced to that
	own      []*object    // the inventory, in the order of applying
	given    []*object    // taken over by other apps that have not stored that yet
	clashes  []clash
	checks   []*check
	// unchecked is how many checks are beyond what an app may have.
	unchecked int

	housed string // the request for its namespace that was granted

	leaving     bool     // it is no longer in the bundle
	waits       string   // for which app
	held        string   // why nothing is deleted
	blocked     string   // why its dependencies can never be satisfied
	fault       *trouble // what concerns the whole app
	spare       []byte   // what is stored of a blob that no plan could be made of, packed; its digest
	spareDigest string

	fetching string     // why its blob is not here yet
	unfit    fleet.Fact // why it cannot be used
	lacks    string     // which of its inputs is not there
	stopGet  func()     // stops the fetching of a blob

	running bool // a goroutine works on it
	again   bool // and shall look once more
	dirty   bool // the inventory differs from what is stored
	unsaved bool // the intent must be stored before anything is applied
	fresh   bool // the plan in force has not been applied through yet
	timer   *time.Timer
	wake    time.Time // when timer fires

	phase      protocol.Phase
	health     protocol.Health
	reason     protocol.Reason
	message    string
	since      time.Time
	wasHealthy bool      // since it was last applied
	illSince   time.Time // when it stopped being healthy; zero while it is, or is paused
	appliedAt  time.Time // from when its timeout counts: when it was last applied, or ceased to be paused
	spaceMade  time.Time // when something was last deleted because a quota was used up
	told       protocol.EventKind
	current    int

	steers []plan.Steer // by the plan in force, and by what is yet to be pruned

	kindless bool // objects of it wait for their kind to be served

	progress // through its hooks and waves
	budget   // of deletions
}

// clash is an object that another app has.
type clash struct {
	ref  protocol.ObjectRef
	with string
}

// grace is how long what was healthy may be on its way before it counts as degraded: every edit of a Deployment, and every
// pod that moves to another node, leaves it unready for a moment, and wakes nobody.
const grace = 30 * time.Second

func (a *app) timeout() time.Duration {
	if a.spec.Timeout > 0 {
		return time.Duration(a.spec.Timeout) * time.Second
	}
	return defaultTimeout
}

// wants says whether the app will want an object when all it waits for has come.
func (a *app) wants(ref protocol.ObjectRef) bool {
	switch {
	case a.leaving:
		return false
	case a.next != nil:
		return a.next.Wanted(ref)
	}
	return a.plan != nil && a.plan.Wanted(ref)
}

// sort puts the inventory in the order of applying.
func (a *app) sort() {
	slices.SortFunc(a.own, func(x, y *object) int { return plan.CompareOrder(x.item.Wave, y.item.Wave, x.item.Ref, y.item.Ref) })
}

func (a *app) disown(o *object) {
	a.own = slices.DeleteFunc(a.own, func(x *object) bool { return x == o })
}

// problems are all objects that are not as they should be, worst first.
func (a *app) problems() []protocol.Problem {
	var out []protocol.Problem
	for _, o := range a.own {
		if o.trouble != nil || o.want != nil && !o.current() {
			out = append(out, o.problem())
		}
	}
	out = append(out, a.illChecks()...)
	for _, c := range a.clashes {
		out = append(out, protocol.Problem{Object: c.ref, Health: protocol.HealthDegraded, Message: "app " + c.with + " has it, too: take it out of one of them"})
	}
	if a.plan != nil {
		for _, ref := range a.plan.Outside {
			out = append(out, protocol.Problem{Object: ref, Health: protocol.HealthDegraded, Message: a.scope.Failure().Text})
		}
	}
	slices.SortFunc(out, compareProblems)
	return out
}

// leftover says whether there are objects that are to go.
func (a *app) leftover() bool {
	return slices.ContainsFunc(a.own, func(o *object) bool { return o.want == nil })
}

// leftovers tells of objects that left Git and have not gone yet.
func (a *app) leftovers() string {
	n := a.leftoverCount()
	if n == 0 {
		return ""
	}
	if a.held != "" {
		return phrase.Count(n, "object") + " not deleted " + a.held
	}
	return phrase.Count(n, "object") + " still to be deleted" + a.removing()
}

// removing names those that were told to go and linger, or wait for a person.
func (a *app) removing() string {
	for _, o := range a.own {
		if o.want == nil && o.hold != nil {
			return ": " + o.hold.held.Message
		}
		if o.removing {
			return ": " + o.item.Ref.String() + " is waiting for its finalizers"
		}
	}
	return ""
}

// report is the app's part of a report.
func (a *app) report() protocol.AppReport {
	r := protocol.AppReport{Name: a.name, Phase: a.phase, Health: a.health, Reason: a.reason, Message: a.message,
		Current: a.current, Since: a.since, Leaving: a.leaving && len(a.own) > 0}
	if a.deleted != nil {
		r.Deleted = *a.deleted
	}
	if a.plan != nil {
		r.Revision, r.Digest = a.settings.Revision, a.plan.Digest
	}
	for _, o := range a.own {
		if o.want != nil {
			r.Objects++
		}
	}
	r.Problems = a.problems()
	if len(r.Problems) > report.MaxProblems {
		r.Problems, r.More = r.Problems[:report.MaxProblems], len(r.Problems)-report.MaxProblems
	}
	return r
}
