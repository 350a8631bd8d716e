package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// MinRevision is how many characters of a commit's hash FindHolds wants at least.
const MinRevision = 7

// Hold is something that waits for a person's approval.
type Hold struct {
	ID       string            `json:"id,omitempty"` // changes with what would happen; an approval is for exactly this
	Kind     protocol.HoldKind `json:"kind,omitempty"`
	Revision protocol.Revision `json:"revision,omitzero"` // that brought it about; empty for what an agent reported
	Since    time.Time         `json:"since,omitzero"`
	Clusters []string          `json:"clusters"` // sorted; of removed folders, those that are still gone
	Apps     []string          `json:"apps,omitempty"`
	Object   string            `json:"object,omitempty"`  // the Namespace or CustomResourceDefinition that is not empty
	Count    int               `json:"count,omitempty"`   // objects that approving deletes
	Objects  []string          `json:"objects,omitempty"` // the first of them
	Reason   string            `json:"reason,omitempty"`
	Reported bool              `json:"reported,omitempty"` // by the agent
	// Of newer content that waits: Group is the declaration of its apps, as "ApplicationSet argocd/web"; First, that
	// nothing of them was delivered before. Added, Changed and Removed count the objects in which it differs from what
	// was delivered, of which Objects then names the first, with a sign each; With are other apps that wait for the same.
	Group   string   `json:"group,omitempty"`
	First   bool     `json:"first,omitempty"`
	Added   int      `json:"added,omitempty"`
	Changed int      `json:"changed,omitempty"`
	Removed int      `json:"removed,omitempty"`
	With    []string `json:"with,omitempty"`
}

// ErrNotHeld says that there is nothing to approve under a name.
var ErrNotHeld = errors.New("nothing is held")

// FindHold gives the hold that a name stands for: the one with this id, or the only one of a commit whose hash begins
// with it. Otherwise it is an error that wraps ErrNotHeld and says what is held.
func FindHold(holds []Hold, name string) (Hold, error) {
	name = strings.ToLower(name)
	var ids []string
	var found []Hold
	for _, h := range holds {
		if name != "" && h.ID == name {
			return h, nil
		}
		id := h.Name()
		if h.Revision.Hash != "" && h.ID != "" {
			id += " (revision " + h.Revision.Short() + ")"
		}
		ids = append(ids, id)
		if len(name) >= MinRevision && strings.HasPrefix(h.Revision.Hash, name) {
			found = append(found, h)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(holds) == 0:
		return Hold{}, fmt.Errorf("%w: there is nothing to approve; see `drover status`", ErrNotHeld)
	case len(found) > 1:
		return Hold{}, fmt.Errorf("%w that %.40q names alone: give one of these ids: %s", ErrNotHeld, name,
			strings.Join(ids, ", "))
	}
	return Hold{}, fmt.Errorf("%w as %.40q: give one of these ids: %s", ErrNotHeld, name, strings.Join(ids, ", "))
}

// Name is how a hold is approved: by its id, or by its commit where a hub of an older release gave no id.
func (h Hold) Name() string {
	if h.ID == "" {
		return h.Revision.Short()
	}
	return h.ID
}

// Text says in one line what is held and why, without what to do about it.
func (h Hold) Text() string {
	where := "cluster " + list(h.Clusters, 3)
	if len(h.Clusters) > 1 {
		where = fmt.Sprintf("%d clusters (%s)", len(h.Clusters), list(h.Clusters, 3))
	}
	by := ""
	if h.Revision.Hash != "" {
		by = fmt.Sprintf("revision %s %q ", h.Revision.Short(), h.Revision.Subject)
	}
	var text string
	switch {
	case h.Kind == protocol.HoldClusters || h.Kind == "":
		text = by + "took away the folders of " + list(h.Clusters, 10)
		if h.Count > 0 {
			text += fmt.Sprintf("; onRemove: prune would delete %s there", objects(h.Count))
		}
	case h.Kind == protocol.HoldDeletions && !h.Reported:
		text = fmt.Sprintf("%swould delete %s of %s in %s", by, objects(h.Count), apps(h.Apps), where)
	case h.Kind == protocol.HoldRelease:
		text = fmt.Sprintf("%sgives %s to %s in %s: %s", by, h.content(), apps(h.Apps), where, h.difference())
	default:
		text = where
		if len(h.Apps) > 0 {
			text += ", " + apps(h.Apps)
		}
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text
}

// There says the same of one of its clusters.
func (h Hold) There() string {
	var text string
	switch {
	case h.Kind == protocol.HoldDeletions && !h.Reported:
		text = fmt.Sprintf("deletions of %s are held since revision %s%s: %s", apps(h.Apps), h.Revision.Short(),
			others(len(h.Clusters)-1), h.Reason)
	case h.Kind == protocol.HoldRelease:
		text = fmt.Sprintf("%s of %s is held since revision %s: %s", h.content(), apps(h.Apps), h.Revision.Short(), h.difference())
	case len(h.Apps) > 0:
		text = fmt.Sprintf("%s: held: %s", apps(h.Apps), h.Reason)
	default:
		text = "held: " + h.Reason
	}
	return fmt.Sprintf("%s; approve with `drover approve %s`", text, h.Name())
}

// content names what waits.
func (h Hold) content() string {
	if h.First {
		return "the first content"
	}
	return "newer content"
}

// difference says in what newer content differs from what was delivered.
func (h Hold) difference() string {
	var parts []string
	for _, n := range []struct {
		count int
		what  string
	}{{h.Added, "added"}, {h.Changed, "changed"}, {h.Removed, "removed"}} {
		if n.count > 0 {
			parts = append(parts, objects(n.count)+" "+n.what)
		}
	}
	text := strings.Join(parts, ", ")
	if text == "" {
		text = "its objects are the same, and are delivered otherwise"
	}
	if len(h.With) > 0 {
		text += ", and with it " + apps(h.With)
	}
	return text
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func apps(names []string) string {
	if len(names) == 1 {
		return "app " + names[0]
	}
	return "the apps " + list(names, 3)
}

// list gives the first of some names.
func list(names []string, most int) string {
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// reported are the holds that the cluster's agent reported. What the hub holds itself is not told twice, and what is
// approved is not told while the agent has yet to hear of it.
func (c Cluster) reported() (out []Hold) {
	if c.Report == nil || !c.Released.IsZero() && !c.Pruning {
		return nil
	}
	synced := c.Report.Generation == c.Desired.Generation && c.Report.Digest == c.Desired.Digest
	for _, held := range c.Report.Held {
		told := held.Kind == protocol.HoldDeletions && slices.Contains(c.Guarded, held.App)
		if told || !synced && slices.Contains(c.Approved, held.ID) {
			continue
		}
		h := Hold{ID: held.ID, Kind: held.Kind, Clusters: []string{c.Name}, Count: held.Count, Reason: held.Message,
			Reported: true}
		if held.App != "" {
			h.Apps = []string{held.App}
		}
		if held.Object != nil {
			h.Object = held.Object.String()
		}
		for _, ref := range held.Objects {
			h.Objects = append(h.Objects, ref.String())
		}
		out = append(out, h)
	}
	return out
}

// Holds are the holds that the cluster waits for: those of the hub, in Waiting, and those that its agent reported.
func (c Cluster) Holds() []Hold { return slices.Concat(c.Waiting, c.reported()) }
