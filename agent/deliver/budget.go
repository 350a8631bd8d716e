package deliver

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// budget is how many objects of an app may be deleted, see protocol.Deletions.
//
// The count and the inventory are stored in one write, so what is left over and what was counted always have the same
// sum: a crash between a delete and that write brings the object back into the inventory and takes it out of the
// count, and it is counted when it is found gone.
type budget struct {
	// deleted counts the objects that left the inventory because Git no longer has them; nil while nothing bounds that,
	// and while former is true.
	deleted *uint64
	former  bool // the inventory is that of an agent which did not count, and of a hub that did not; see counted
	// wanted is the digest of the content that this hub's last bundle had of the app; "" if it had none.
	wanted  string
	granted uint64         // total that the approval of what the agent held permits, beside that of the bundle
	over    *protocol.Held // what is not deleted, because it would be more than is permitted
	passed  passed
}

// passed is for which content of an app it was found out that what is left over may be deleted.
type passed struct {
	plan       *plan.Plan
	generation uint64
	digest     string
}

// entitle begins to count where nothing was counted yet, and has what is held looked at again. An app begins with the
// total that is permitted, so that it may delete nothing.
func (a *app) entitle() {
	if a.former && !a.leaving && (a.spec.Blob == nil || a.spec.Blob.Digest != a.wanted) {
		a.wanted = "other" // than that of any blob: what the former hub asked for is no longer what is asked for
	}
	switch d := a.accepted.Bundle.Deletions; {
	case d == nil && a.deleted != nil:
		a.budget, a.dirty = budget{}, true
	case d != nil && a.deleted == nil && (!a.former || len(a.own) == 0):
		a.beginCount(max(d.Permitted(a.name), a.granted))
	}
	for _, o := range a.own {
		o.hold.due()
	}
}

// uncounted are the apps whose stored state is that of an agent which did not count.
func (s *session) uncounted() []*app {
	return slices.DeleteFunc(s.board.all(), func(a *app) bool { return a.deleted != nil })
}

// beginCount begins to count.
func (a *app) beginCount(deleted uint64) { a.deleted, a.former, a.dirty = &deleted, false, true }

// succeed begins to count after an agent that did not. The bundle that it had accepted says what it was permitted in
// all: what it left undone of that is still permitted, and no more. A bundle of a hub that did not count either says
// nothing: then the next one does.
func (a *app) succeed(accepted *protocol.Deletions) {
	if accepted == nil {
		a.former = true
		if a.spec.Blob != nil && !a.leaving {
			a.wanted = a.spec.Blob.Digest
		}
		return
	}
	total := max(accepted.Permitted(a.name), a.granted)
	if a.plan != nil || a.leaving { // or else it is not known what is left over
		total -= min(total, uint64(a.leftoverCount()))
	}
	a.beginCount(total)
}

// unbounded says whether what is left over was left undone by an agent that did not count, for a bundle of a hub that did
// not: that was never bounded, and nobody is asked for it.
func (a *app) unbounded() bool {
	if !a.former || a.leaving {
		return a.former && a.wanted == ""
	}
	return a.plan != nil && a.plan.Digest == a.wanted
}

// counted is how many objects were deleted. After an agent and a hub that did not count it is what leaves exactly as
// much to delete as there is, if so much is permitted in all: the hub has permitted since it counts what it judged, and
// nothing before.
func (a *app) counted(d *protocol.Deletions) uint64 {
	if a.deleted != nil {
		return *a.deleted
	}
	total := max(d.Permitted(a.name), a.granted)
	return total - min(total, uint64(a.leftoverCount()))
}

// restrain says why nothing of what an app has left over is deleted, if that would be more than is permitted.
func (a *app) restrain() string {
	d := a.accepted.Bundle.Deletions
	over, need := a.overdrawn(d)
	if over != nil && slices.Contains(d.Approved, over.ID) {
		a.granted, a.dirty = need, true
		over = nil
	}
	before := a.over
	a.over = over
	if over == nil {
		if d != nil && a.former && a.leftover() && !a.unbounded() {
			a.beginCount(a.counted(d))
		}
		a.passed = a.passing()
		return ""
	}
	if before == nil || before.ID != over.ID {
		a.emit(protocol.Event{Kind: protocol.EventHeld, App: a.name, Message: over.Message})
	}
	return fmt.Sprintf("before a person approves it (drover approve %s), because these are more deletions than are permitted",
		over.ID)
}

// overdrawn is what an app would delete beyond what is permitted, nil if it would not, and the total that permits it.
// It is all of it or nothing. What is kept because of its annotation counts, and holds nothing.
func (a *app) overdrawn(d *protocol.Deletions) (over *protocol.Held, need uint64) {
	if d == nil || a.deleted == nil && !a.former || a.unbounded() || !a.prunes() {
		return nil, 0
	}
	total := max(d.Permitted(a.name), a.granted)
	need = a.counted(d)
	if need+uint64(a.leftoverCount()) <= total {
		return nil, 0
	}
	var refs []protocol.ObjectRef
	for _, o := range a.own {
		if o.want != nil || a.wantedElsewhere(o) {
			continue
		}
		if need++; !o.item.Keep {
			refs = append(refs, o.item.Ref)
		}
	}
	if len(refs) == 0 || need <= total {
		return nil, 0
	}
	h := guard.Held(protocol.HoldDeletions, a.env.name, a.name, refs)
	h.Message = fmt.Sprintf("%s of app %s not deleted, because Git takes away more than is permitted: %s; "+
		"let them go with drover approve %s, or bring them back in Git", phrase.Count(len(refs), "object"), a.name, guard.Some(h.Objects, h.Count), h.ID)
	return &h, need
}

// cleared says whether it was found out for what is in force that what the app has left over may be deleted.
func (a *app) cleared() bool {
	acc := a.env.inForce()
	return a.passed == a.passing() && a.passed.generation == acc.Bundle.Generation && a.passed.digest == acc.Digest
}

// passing is what is in force.
func (a *app) passing() passed {
	return passed{a.plan, a.accepted.Bundle.Generation, a.accepted.Digest}
}

// prunes says whether the app deletes what it no longer wants.
func (a *app) prunes() bool { return a.spec.Prune && !(a.leaving && a.spec.Orphan) }

// leftoverCount counts the objects that are to go.
func (a *app) leftoverCount() (n int) {
	for _, o := range a.own {
		if o.want == nil {
			n++
		}
	}
	return n
}

// spend counts an object that leaves the inventory because Git no longer has it. What an app that does not prune lets
// go of was never held, so it is counted only as far as that is permitted.
func (a *app) spend(d *protocol.Deletions) {
	if a.deleted == nil || !a.prunes() && *a.deleted >= max(d.Permitted(a.name), a.granted) {
		return
	}
	n := *a.deleted + 1
	a.deleted = &n
}

// awaitsPerson is everything of the app that waits for a person.
func (a *app) awaitsPerson() (out []protocol.Held) {
	if a.over != nil && a.leftover() {
		out = append(out, *a.over)
	}
	for _, o := range a.own {
		if o.want == nil && o.hold != nil {
			out = append(out, o.hold.held)
		}
	}
	return out
}
