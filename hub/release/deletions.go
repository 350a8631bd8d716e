package release

import (
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// Deletions is what the hub remembers of a cluster to bound what its agent may delete, see protocol.Deletions.
type Deletions struct {
	Apps map[string]AppDeletions `json:"apps,omitempty"`
	// HadFleet: the last bundle had apps that are declared once for many clusters.
	HadFleet bool `json:"hadFleet,omitempty"`
	HadFile  bool `json:"hadFile,omitempty"` // the cluster's own description was there for the last bundle
	// Approved are the ids of holds that the agent reported and a person approved, sorted, until the agent is done
	// with them.
	Approved  []string   `json:"approved,omitempty"`
	Approvals []Approval `json:"approvals,omitempty"` // the newest first, at most MaxApprovals
}

// AppDeletions is what the hub remembers of one app. Of an app that left, it is kept until the agent has nothing left
// of it.
type AppDeletions struct {
	Total uint64 `json:"total,omitempty"` // that is permitted; it never falls
	// Reported is AppReport.Deleted, as the agent said it last. While the app is held no more than that is permitted.
	Reported uint64 `json:"reported,omitempty"`
	// Given is what the app was given before the last bundle, since the agent acknowledged one: what it may have in the
	// cluster. The oldest comes first. What is in a later one, too, is left out.
	Given []Given  `json:"given,omitempty"`
	Hold  *AppHold `json:"hold,omitempty"` // of its deletions; nil if all are permitted
	// Counted are those of the app's deletions that were permitted before it was held. Without a Hold all are.
	Counted []protocol.ObjectRef `json:"counted,omitempty"`
	// Permitted: Git said last that deletions of the app are meant, however many.
	Permitted bool `json:"permitted,omitempty"`
}

// Given is what an app was given once.
type Given struct {
	Blob      protocol.Blob `json:"blob"`
	Namespace string        `json:"namespace,omitempty"` // see protocol.App
	Keep      bool          `json:"keep,omitempty"`      // its objects stay when the app goes
}

// AppHold says that an app's deletions wait for a person.
type AppHold struct {
	ID       string               `json:"id"` // of the app's deletions in this cluster
	Revision protocol.Revision    `json:"revision"`
	Since    time.Time            `json:"since"`
	Reasons  []deletions.Reason   `json:"reasons"`
	Count    int                  `json:"count"`
	Objects  []protocol.ObjectRef `json:"objects"` // the first protocol.MaxHeldObjects
	Had      int                  `json:"had"`     // objects of the app when it was held
	// Limits held it; the default ones if nothing is set.
	Limits deletions.Limits `json:"limits,omitzero"`
}

// Why says to people why the deletions wait, each reason as a sentence without a full stop.
func (h AppHold) Why() (out []string) {
	for _, r := range h.Reasons {
		out = append(out, r.Text(h.Limits))
	}
	return out
}

// Approval is what a person let through.
type Approval struct {
	ID    string            `json:"id"`
	Kind  protocol.HoldKind `json:"kind"`
	Time  time.Time         `json:"time"`
	Apps  []string          `json:"apps,omitempty"`
	Count int               `json:"count,omitempty"`
	// Why is where Git says that it is meant; "" if a person approved it at the hub.
	Why string `json:"why,omitempty"`
}

// MaxApprovals is how many approvals a Record remembers.
const MaxApprovals = 50

// maxGiven is how many blobs are remembered of an app: the one that was acknowledged, and the newest.
const maxGiven = 16

const (
	// maxStrange bounds how many apps a cluster has remembered that only its agent names.
	maxStrange = 5000
	// maxDeleted is the most that an agent is believed to have deleted, so that the total can always rise.
	maxDeleted = 1 << 52
)

// empty says whether nothing of an app needs to be remembered.
func (a AppDeletions) empty() bool {
	return a.Total == 0 && len(a.Given) == 0 && a.Hold == nil && !a.Permitted
}

// Wire is what a bundle says.
func (d Deletions) Wire() *protocol.Deletions {
	out := &protocol.Deletions{Approved: d.Approved}
	for name, a := range d.Apps {
		total := a.Total
		if a.Hold != nil { // what was permitted and not needed is no permission for what is held
			total = min(total, a.Reported)
		}
		if total == 0 {
			continue
		}
		if out.Apps == nil {
			out.Apps = map[string]uint64{}
		}
		out.Apps[name] = total
	}
	return out
}

// heard takes in what the agent reported: how much it deleted, and whether it acknowledged the last bundle, so that
// it has nothing left of what was given before but what it is told to delete. d is not changed.
func (d Deletions) heard(last protocol.Bundle, digest string, r *protocol.Report) Deletions {
	out := d
	out.Apps = make(map[string]AppDeletions, len(d.Apps))
	for name, a := range d.Apps {
		out.Apps[name] = a
	}
	if r == nil {
		return out
	}
	reported := map[string]protocol.AppReport{}
	strange := len(out.Apps)
	for _, ar := range r.Apps {
		reported[ar.Name] = ar
		a, known := out.Apps[ar.Name]
		if !known && find(last.Apps, ar.Name) == nil { // of before the store was lost, or it does not exist
			if strange++; strange > maxStrange || protocol.CheckName(ar.Name) != nil {
				continue
			}
		}
		deleted := min(ar.Deleted, maxDeleted)
		a.Total, a.Reported = max(a.Total, deleted), deleted
		if !a.empty() {
			out.Apps[ar.Name] = a
		}
	}
	if r.Generation == 0 || r.Generation != last.Generation || r.Digest != digest {
		return out
	}
	for name, a := range out.Apps {
		ar, has := reported[name]
		switch held := heldBy(r, name); {
		case find(last.Apps, name) == nil && !has:
			delete(out.Apps, name)
		case find(last.Apps, name) == nil, held, ar.Leaving, a.Hold != nil:
		default:
			a.Given = nil
			if out.Apps[name] = a; a.empty() {
				delete(out.Apps, name)
			}
		}
	}
	if last.Deletions != nil {
		out.Approved = slices.DeleteFunc(slices.Clone(d.Approved), func(id string) bool {
			named := slices.ContainsFunc(r.Held, func(x protocol.Held) bool { return x.ID == id })
			return !named && slices.Contains(last.Deletions.Approved, id)
		})
	}
	return out
}

// heldBy says whether an agent holds deletions of an app.
func heldBy(r *protocol.Report, app string) bool {
	return slices.ContainsFunc(r.Held, func(x protocol.Held) bool {
		return x.Kind == protocol.HoldDeletions && x.App == app
	})
}

// Remember notes an approval.
func (d *Deletions) Remember(a Approval) {
	d.Approvals = append([]Approval{a}, d.Approvals...)
	d.Approvals = d.Approvals[:min(len(d.Approvals), MaxApprovals)]
}

// Lately are the ids of what was approved lately.
func (d Deletions) Lately() []string {
	out := make([]string, len(d.Approvals))
	for i, a := range d.Approvals {
		out[i] = a.ID
	}
	return out
}

// equal says whether the same was given.
func (g Given) equal(o Given) bool {
	return g.Blob.Digest == o.Blob.Digest && g.Namespace == o.Namespace && g.Keep == o.Keep
}

// givenOf is what an app of a bundle was given; ok is false if that is nothing.
func givenOf(a *protocol.App) (g Given, ok bool) {
	if a == nil || a.Blob == nil {
		return g, false
	}
	return Given{*a.Blob, a.Namespace, !a.Prune || a.Orphan}, true
}

// Holds are the apps whose deletions wait for a person, sorted.
func (d Deletions) Holds() (out []Hold) {
	for _, name := range slices.Sorted(maps.Keys(d.Apps)) {
		if held := d.Apps[name].Hold; held != nil {
			out = append(out, Hold{name, held})
		}
	}
	return out
}

// find gives an app of a bundle; nil if it has none of that name.
func find(apps []protocol.App, name string) *protocol.App {
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}
