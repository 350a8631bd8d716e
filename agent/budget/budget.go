package budget

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// other is a digest of no content.
const other = "other"

// Budget is how many objects of an app may be deleted.
type Budget struct {
	// deleted counts the objects that left the inventory because Git no longer has them; nil while nothing bounds that,
	// and while former is true.
	deleted *uint64
	former  bool // the inventory is that of an agent which did not count, and what it left over is not known; see counted
	// wanted is the digest of the content that this hub's last bundle had of the app; "" if it had none.
	wanted  string
	granted uint64         // total that the approval of what the agent held permits, beside that of the bundle
	over    *protocol.Held // what is not deleted, because it would be more than is permitted
	passed  Point          // for which it was found out that the rest may be deleted
}

// Point is what is in force when it is decided about deletions.
type Point struct {
	Plan       *plan.Plan
	Generation uint64
	Digest     string // of the bundle
}

// App is what matters of an app.
type App struct {
	Name, Cluster string
	Plan          *plan.Plan // in force; nil if there is none
	Blob          string     // the digest of the content that the bundle asks for; "" if there is none
	Leaving       bool       // it is no longer in the bundle
	Prunes        bool       // it deletes the objects that Git no longer has
	Objects       int        // in its inventory
	Leftover      int        // objects of these that Git no longer has
	// Deletes gives the objects of Leftover that no other app wants: those that would be deleted, and how many would be
	// kept because of their annotation.
	Deletes func() (refs []protocol.ObjectRef, kept int)
}

// Restored is a budget as it was stored.
func Restored(deleted *uint64, granted uint64) Budget {
	return Budget{deleted: deleted, granted: granted}
}

// Stored is what is stored of the budget.
func (b *Budget) Stored() (deleted *uint64, granted uint64) { return b.deleted, b.granted }

// Counts says whether deletions are counted.
func (b *Budget) Counts() bool { return b.deleted != nil }

// Deleted is how many objects were counted.
func (b *Budget) Deleted() uint64 {
	if b.deleted == nil {
		return 0
	}
	return *b.deleted
}

// Over is what is not deleted because it would be more than is permitted; nil if that is not so.
func (b *Budget) Over() *protocol.Held { return b.over }

// Accept is for a bundle that was accepted. It begins to count where nothing was counted yet, with the total that is
// permitted, so that a new app may delete nothing. It says whether there is something to store.
func (b *Budget) Accept(a App, d *protocol.Deletions) (dirty bool) {
	if b.former && !a.Leaving && (a.Blob == "" || a.Blob != b.wanted) {
		b.wanted = other // what the former hub asked for is no longer what is asked for
	}
	switch {
	case d == nil && b.deleted != nil:
		*b = Budget{}
		return true
	case d != nil && b.deleted == nil && (!b.former || a.Objects == 0):
		b.begin(max(d.Permitted(a.Name), b.granted))
		return true
	}
	return false
}

// begin begins to count.
func (b *Budget) begin(deleted uint64) { b.deleted, b.former = &deleted, false }

// Succeed begins to count after an agent that did not. The bundle that it had accepted says what it was permitted in
// all: what it left undone of that is still permitted, and no more. A bundle of a hub that did not count either says
// nothing: then the next one does. Where the agent had accepted a bundle and not taken up its content for the app
// yet, it is not known before that what is left over, see counted. Succeed says whether there is something to store.
func (b *Budget) Succeed(a App, accepted *protocol.Deletions) (dirty bool) {
	if accepted == nil {
		b.former = true
		if a.Blob != "" && !a.Leaving {
			b.wanted = a.Blob
		}
		return false
	}
	if !a.Leaving && a.Plan != nil && a.Blob != "" && a.Plan.Digest != a.Blob {
		b.deleted, b.former, b.wanted = nil, true, other
		return false
	}
	total := max(accepted.Permitted(a.Name), b.granted)
	if a.Plan != nil || a.Leaving { // otherwise it is not known what is left over
		total -= min(total, uint64(a.Leftover))
	}
	b.begin(total)
	return true
}

// unbounded says whether what is left over was left undone by an agent that did not count, for a bundle of a hub that
// did not: that was never bounded, and nobody is asked for it.
func (b *Budget) unbounded(a App) bool {
	if !b.former || a.Leaving {
		return b.former && b.wanted == ""
	}
	return a.Plan != nil && a.Plan.Digest == b.wanted
}

// counted is how many objects were deleted. After an agent and a hub that did not count it is what leaves exactly as
// much to delete as there is, if so much is permitted in all: the hub has permitted since it counts what it judged, and
// nothing before.
func (b *Budget) counted(a App, d *protocol.Deletions) uint64 {
	if b.deleted != nil {
		return *b.deleted
	}
	total := max(d.Permitted(a.Name), b.granted)
	return total - min(total, uint64(a.Leftover))
}

// Ruling is the answer to whether what is left over may be deleted.
type Ruling struct {
	Why   string         // why nothing of it is deleted; "" if it may be
	News  *protocol.Held // what is held since now
	Dirty bool           // there is something to store
}

// Rule decides whether what an app has left over may be deleted, for what is in force.
func (b *Budget) Rule(a App, d *protocol.Deletions, at Point) (r Ruling) {
	over, need := b.overdrawn(a, d)
	if over != nil && slices.Contains(d.Approved, over.ID) {
		b.granted, r.Dirty = need, true
		over = nil
	}
	before := b.over
	b.over = over
	if over == nil {
		if d != nil && b.former && a.Leftover > 0 && !b.unbounded(a) {
			b.begin(b.counted(a, d))
			r.Dirty = true
		}
		b.passed = at
		return r
	}
	if before == nil || before.ID != over.ID {
		r.News = over
	}
	r.Why = fmt.Sprintf("before a person approves it (drover approve %s), because these are more deletions than are "+
		"permitted", over.ID)
	return r
}

// Permits says whether what an app has left over may be deleted. Nothing changes.
func (b *Budget) Permits(a App, d *protocol.Deletions) bool {
	over, _ := b.overdrawn(a, d)
	return over == nil || slices.Contains(d.Approved, over.ID)
}

// overdrawn is what an app would delete beyond what is permitted, nil if it would not, and the total that permits it.
// It is all of it or nothing. What is kept because of its annotation counts, and holds nothing.
func (b *Budget) overdrawn(a App, d *protocol.Deletions) (over *protocol.Held, need uint64) {
	if d == nil || b.deleted == nil && !b.former || b.unbounded(a) || !a.Prunes {
		return nil, 0
	}
	total := max(d.Permitted(a.Name), b.granted)
	need = b.counted(a, d)
	if need+uint64(a.Leftover) <= total {
		return nil, 0
	}
	refs, kept := a.Deletes()
	need += uint64(len(refs) + kept)
	if len(refs) == 0 || need <= total {
		return nil, 0
	}
	h := guard.Held(protocol.HoldDeletions, a.Cluster, a.Name, refs)
	h.Message = fmt.Sprintf("%s of app %s not deleted, because Git takes away more than is permitted: %s; "+
		"let them go with drover approve %s, or bring them back in Git", phrase.Count(len(refs), "object"), a.Name,
		guard.Some(h.Objects, h.Count), h.ID)
	return &h, need
}

// Cleared says whether Rule permitted deletions for what is in force now.
func (b *Budget) Cleared(at Point) bool { return b.passed == at }

// Spend counts an object that leaves the inventory because Git no longer has it. What an app that does not prune
// releases was never held, so it is counted only as far as that is permitted.
func (b *Budget) Spend(a App, d *protocol.Deletions) {
	if b.deleted == nil || !a.Prunes && *b.deleted >= max(d.Permitted(a.Name), b.granted) {
		return
	}
	n := *b.deleted + 1
	b.deleted = &n
}
