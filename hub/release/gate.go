package release

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// Contents gives the objects of something that an app of a cluster was given, as they are in the cluster; nothing if
// they cannot be read. Then the agent counts, and holds what was not permitted.
type Contents func(cluster, app string, g Given) []deletions.Owned

// Gate decides what of a candidate is released. It remembers nothing: what it has to know of a cluster is in Released.
type Gate struct {
	Contents Contents
	Texts    Texts
}

// Candidate is what a cluster would get at the newest revision.
type Candidate struct {
	// Bundle is complete but for Deletions, and has no generation. An app that cannot be rendered has its last blob.
	Bundle protocol.Bundle
	// Refs are the objects that apps render to, as they will be in the cluster, by app, where that is known.
	Refs map[string][]protocol.ObjectRef
	// Declared says how apps are declared, by app: of those that a person releases, and of what they declare.
	Declared map[string]Declaration
	// Stays says of apps whether they are ever taken back, where that is known.
	Stays map[string]bool
	// Policies are those of other tools' objects that apps name, by app.
	Policies map[string][]string
	// Removed: the cluster has no folder any more, and Bundle is without apps because it is to be pruned.
	Removed bool
	// FleetApps: the cluster has apps that are declared once for many clusters. FleetGone: nothing declares any.
	FleetApps, FleetGone bool
	Described            bool // the cluster has a description of its own
	// Permits are the apps of which Git says that deletions are meant, however many.
	Permits map[string]bool
	// Unclear: the description cannot be read. Doubt: which apps the cluster has is not certain.
	Unclear, Doubt bool
}

// Released is what a cluster was given, and what is remembered of it to decide what it is given next.
type Released struct {
	Bundle    protocol.Bundle
	Digest    string // of Bundle
	Deletions Deletions
	Waiting   Waiting
}

// Facts is what else a decision depends on.
type Facts struct {
	Report *protocol.Report // the last of the cluster's agent; nil if there is none
	// Collecting: the clusters that a commit changes are still being gone through, so that it is not known yet how
	// many of them lose much.
	Collecting bool
	// Losing is how many clusters lose much by the same commit, of Clusters that there are.
	Losing, Clusters int
	// Limits are those that hold for deletions of an app; nil for the default of every app.
	Limits func(app string) deletions.Limits
	// Reviewed says why deletions of an app that begin now are meant, where the commit says so that brings them; "" if
	// it does not. nil is that none does.
	Reviewed func(app string) string
}

// limits are those that hold for deletions of an app.
func (f Facts) limits(app string) deletions.Limits {
	if f.Limits == nil {
		return deletions.Default
	}
	return f.Limits(app).With()
}

// reviewed is Reviewed, where the limits of the app have it count.
func (f Facts) reviewed(app string) string {
	if f.Reviewed == nil || f.limits(app).Closed {
		return ""
	}
	return f.Reviewed(app)
}

// Decision is what a person approved for a cluster.
type Decision struct {
	Approval Approval
	Apps     map[string]string // app → AppHold.ID
	Totals   map[string]uint64 // app → what its agent asked for
	Contents map[string]string // app → ContentHold.ID
	ID       string            // of another hold that the agent reported; "" if it is none
}

// Hold is what of a candidate is not released.
type Hold struct {
	App string
	*AppHold
}

// Result is what the gate decided.
type Result struct {
	// Released is what the cluster is given now. Its bundle has no generation, and is what was given before where the
	// candidate asks for nothing else. Its digest is not set.
	Released Released
	Holds    []Hold // of the candidate, by app
	// Collect: nothing is decided before Facts.Collecting ends.
	Collect bool
	// Wake is when to decide again although nothing changes; zero for never.
	Wake time.Time
}

// Release decides what of a candidate a cluster is given now. before is what it was given last, d what a person
// approved since, or nil.
func (g Gate) Release(now time.Time, c Candidate, before Released, f Facts, d *Decision) Result {
	c, waiting := g.await(now, c, before, d)
	out := Released{Bundle: c.Bundle, Waiting: waiting, Deletions: before.Deletions.heard(before.Bundle, before.Digest, f.Report)}
	if collect := g.budget(now, c, before.Bundle, &out, f, d); collect {
		return Result{Released: before, Holds: before.Deletions.Holds(), Collect: true}
	}
	if uncounted(f.Report) {
		withhold(&out.Bundle, before.Bundle, out.Deletions)
	}
	return Result{Released: out, Holds: out.Deletions.Holds()}
}

// uncounted says whether a report is of an agent that deletes whatever a bundle lacks, whatever Bundle.Deletions
// permits: agents of that release count no terms either.
func uncounted(r *protocol.Report) bool { return r != nil && r.Agent.Term == 0 }

// withhold keeps apps whose deletions are held as they were in the last bundle, for an agent that would not hold them.
func withhold(b *protocol.Bundle, last protocol.Bundle, d Deletions) {
	for name, a := range d.Apps {
		kept := find(last.Apps, name)
		if a.Hold == nil || kept == nil {
			continue
		}
		app := *kept
		app.Error = fmt.Sprintf("kept at the last version, because the new one deletes %d of its objects, which waits for "+
			"an approval (drover approve %s), and this release of the agent does not hold deletions: upgrade the agent, "+
			"or approve", a.Hold.Count, a.Hold.ID)
		if now := find(b.Apps, name); now != nil {
			app.Declared, app.Formerly = now.Declared, now.Formerly
			*now = app
			continue
		}
		b.Apps = append(b.Apps, app)
	}
	slices.SortFunc(b.Apps, func(a, b protocol.App) int { return strings.Compare(a.Name, b.Name) })
}
