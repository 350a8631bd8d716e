package ask

import (
	"cmp"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// Failure is a cause that objects or apps in clusters have in common.
type Failure struct {
	Reason protocol.Reason `json:"reason,omitempty"`
	App    string          `json:"app"`
	Object string          `json:"object,omitempty"` // "" of what concerns the whole app
	// Message is that of the agents, with CLUSTER in place of their clusters' names and … in place of times and counts.
	Message string    `json:"message"`
	Since   time.Time `json:"since,omitzero"` // when the first cluster had it
	First   string    `json:"first"`          // that cluster
	// Revisions are the commits that the clusters have applied, sorted.
	Revisions []string `json:"revisions,omitempty"`
	Uses
}

// failing says whether an app's phase needs a person.
func failing(p protocol.Phase) bool { return p == protocol.PhaseFailed || p == protocol.PhaseDegraded }

// Failures groups what failed by cause, those in the most clusters first. app chooses one app; "" is all of them.
func (f Fleet) Failures(app string, places bool, p Paging) (Page[Failure], error) {
	var wanted []string
	if app != "" {
		var err error
		if wanted, err = f.named(app); err != nil {
			return Page[Failure]{}, err
		}
	}
	type key struct{ app, object, message string }
	found := map[key]*Failure{}
	note := func(c *query.Cluster, a query.App, object, message string) {
		k := key{a.Name, object, query.General(message, c.Name)}
		x := found[k]
		_, _, reason := a.State()
		if x == nil {
			x = &Failure{Reason: reason, App: a.Name, Object: object, Message: k.message}
			found[k] = x
		}
		x.add(c.Name, a.Name, true, places)
		x.seen(c.Name, a.Reported)
	}
	for i := range f.Clusters {
		c := &f.Clusters[i]
		for a := range c.Each() {
			if phase, _, _ := a.State(); !failing(phase) || wanted != nil && !slices.Contains(wanted, a.Name) {
				continue
			}
			causes(a, func(object, message string) { note(c, a, object, message) })
		}
	}
	sorted := make([]Failure, 0, len(found))
	for _, x := range found {
		slices.Sort(x.Revisions)
		sorted = append(sorted, *x)
	}
	slices.SortFunc(sorted, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Clusters, a.Clusters), cmp.Compare(a.App, b.App), cmp.Compare(a.Object, b.Object),
			cmp.Compare(a.Message, b.Message))
	})
	return paged(f, p, sorted), nil
}

// causes gives each object of an app that failed, or the app itself where none is to blame.
func causes(a query.App, each func(object, message string)) {
	blamed := false
	if a.Desired == nil || a.Desired.Error == "" {
		for _, p := range a.Reported.Problems {
			if p.Health != protocol.HealthProgressing && p.Health != protocol.HealthPaused {
				each(p.Object.String(), p.Message)
				blamed = true
			}
		}
	}
	if !blamed {
		each("", a.Message())
	}
}

// seen takes in since when a cluster has it, and at which commit.
func (x *Failure) seen(cluster string, a *protocol.AppReport) {
	if x.First == "" {
		x.First = cluster
	}
	if a == nil {
		return
	}
	if !a.Since.IsZero() && (x.Since.IsZero() || a.Since.Before(x.Since)) {
		x.Since, x.First = a.Since, cluster
	}
	if short := (protocol.Revision{Hash: a.Revision}).Short(); short != "" && len(x.Revisions) < maxRevisions &&
		!slices.Contains(x.Revisions, short) {
		x.Revisions = append(x.Revisions, short)
	}
}

// maxRevisions is how many commits are named of one cause.
const maxRevisions = 20
