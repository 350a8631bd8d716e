package deliver

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
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
	env      *session
	name     string
	scope    agent.Scope
	spec     protocol.App // as the accepted bundle has it; of an app that leaves, as it was
	plan     *plan.Plan   // in force; nil if nothing is known of what the app should be
	settings settings     // of the plan in force; of an app that leaves, as they were
	next     *plan.Plan   // to come into force when the apps it depends on are healthy
	lasts    []*plan.Plan // what was applied last of objects whose newer content is not accepted; see inForce
	was      *plan.Plan   // in force before plan, until it is reduced to that
	checks   []*check
	// unchecked is how many checks are beyond what an app may have.
	unchecked int

	namespaceBodyApplied string // the request for its namespace that was granted

	waits       string   // for which app
	held        string   // why nothing is deleted
	fault       *trouble // what concerns the whole app
	spare       []byte   // what is stored of a blob that no plan could be made of, packed; its digest
	spareDigest string

	fetching string     // why its blob is not here yet
	unfit    fleet.Fact // why it cannot be used
	lacks    string     // which of its inputs is not there
	stopGet  func()     // stops the fetching of a blob

	started bool // its goroutine was; of no interest to the app itself
	gone    bool // there is nothing left of it

	dirty   bool // the inventory differs from what is stored
	unsaved bool // the intent must be stored before anything is applied
	fresh   bool // the plan in force has not been applied through yet

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

	kindless bool // objects of it wait for their kind to be served

	progress // through its hooks and waves
	budget   // of deletions
}

// holdings are the app's inventory.
type holdings struct {
	own     []*object                         // the inventory, in the order of applying
	byRef   map[protocol.ObjectRef]*object    // own
	given   map[protocol.ObjectRef]agent.Item // taken over by other apps that have not stored that yet
	coming  int                               // objects of own that the app which had them before has yet to hand over
	clashes []clash
}

// commanded is what the app knows of the bundle in force.
type commanded struct {
	leaving  bool            // it is no longer in the bundle
	blocked  string          // why its dependencies can never be satisfied
	accepted orders.Accepted // the bundle whose orders the app has
	seq      uint64          // of these orders
	took     bool            // the plan that was coming with them is next
}

// beside is what of other apps' objects, and of hooks', matters to the app, and of its own to others.
type beside struct {
	steers   *steers                          // by the plan in force, and by what is yet to be pruned
	waiters  map[protocol.ObjectRef]bool      // objects of its own that others of its own are applied after
	revealed map[protocol.ObjectRef]*standing // objects of its own that other apps apply something after, as these know them
}

// timing is when the app looks again by itself.
type timing struct {
	timer  *time.Timer
	wakeAt time.Time // when timer fires
}

// clash is an object that another app has.
type clash struct {
	ref  protocol.ObjectRef
	with string
}

// grace is how long what was healthy may be on its way before it counts as degraded: every edit of a Deployment, and
// every pod that moves to another node, leaves it unready for a moment, and wakes nobody.
const grace = 30 * time.Second

func (a *app) timeout() time.Duration {
	if a.spec.Timeout > 0 {
		return time.Duration(a.spec.Timeout) * time.Second
	}
	return defaultTimeout
}

// sort puts the inventory in the order of applying.
func (a *app) sort() {
	slices.SortFunc(a.own, func(x, y *object) int { return plan.CompareOrder(x.item.Wave, y.item.Wave, x.item.Ref, y.item.Ref) })
}

// add takes an object into the inventory.
func (a *app) add(o *object) {
	o.app = a
	a.own = append(a.own, o)
	a.byRef[o.item.Ref] = o
}

// disown takes an object out of the inventory.
func (a *app) disown(o *object) {
	o.gone = true
	a.own = slices.DeleteFunc(a.own, func(x *object) bool { return x == o })
	if a.byRef[o.item.Ref] == o {
		delete(a.byRef, o.item.Ref)
	}
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
