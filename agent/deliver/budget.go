package deliver

import (
	"fmt"
	"slices"
	"strings"

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
	former  bool           // the inventory is that of an agent which did not count, and of a hub that did not; see counted
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
// total that is permitted, so that it may delete nothing. s.mu is held.
func (s *session) entitle() {
	for _, a := range s.apps {
		switch d := s.accepted.bundle.Deletions; {
		case d == nil && a.deleted != nil:
			a.budget, a.dirty = budget{}, true
		case d != nil && a.deleted == nil && (!a.former || len(a.own) == 0):
			a.begin(max(d.Permitted(a.name), a.granted))
		}
	}
	for _, o := range s.all {
		o.hold.due()
	}
	s.announce()
}

// uncounted are the apps whose stored state is that of an agent which did not count. s.mu is held.
func (s *session) uncounted() (out []*app) {
	for _, a := range s.apps {
		if a.deleted == nil {
			out = append(out, a)
		}
	}
	return out
}

// begin begins to count.
func (a *app) begin(deleted uint64) { a.deleted, a.former, a.dirty = &deleted, false, true }

// succeed begins to count after an agent that did not. The bundle that it had accepted says what it was permitted in
// all: what it left undone of that is still permitted, and no more. A bundle of a hub that did not count either says
// nothing: then the next one does. The session's mutex is held.
func (a *app) succeed(accepted *protocol.Deletions) {
	if accepted == nil {
		a.former = true
		return
	}
	total := max(accepted.Permitted(a.name), a.granted)
	if a.plan != nil || a.leaving { // or else it is not known what is left over
		total -= min(total, uint64(a.leftoverCount()))
	}
	a.begin(total)
}

// counted is how many objects were deleted. After an agent and a hub that did not count it is what leaves exactly as
// much to delete as there is, if so much is permitted in all: the hub has permitted since it counts what it judged, and
// nothing before. The session's mutex is held.
func (a *app) counted(d *protocol.Deletions) uint64 {
	if a.deleted != nil {
		return *a.deleted
	}
	total := max(d.Permitted(a.name), a.granted)
	return total - min(total, uint64(a.leftoverCount()))
}

// restrain says why nothing of what an app has left over is deleted, if that would be more than is permitted. s.mu is
// held.
func (s *session) restrain(a *app) string {
	d := s.accepted.bundle.Deletions
	over, need := s.overdrawn(a, d)
	if over != nil && slices.Contains(d.Approved, over.ID) {
		a.granted, a.dirty = need, true
		over = nil
	}
	before := a.over
	a.over = over
	if over == nil {
		if d != nil && a.former && a.leftover() {
			a.begin(a.counted(d))
		}
		a.passed = s.passing(a)
		return ""
	}
	if before == nil || before.ID != over.ID {
		s.emit(protocol.Event{Kind: protocol.EventHeld, App: a.name, Message: over.Message})
	}
	return fmt.Sprintf("before a person approves it (drover approve %s), because these are more deletions than are permitted",
		over.ID)
}

// overdrawn is what an app would delete beyond what is permitted, nil if it would not, and the total that permits it. It
// is all of it or nothing. What is kept because of its annotation counts, and holds nothing. s.mu is held.
func (s *session) overdrawn(a *app, d *protocol.Deletions) (over *protocol.Held, need uint64) {
	if d == nil || a.deleted == nil && !a.former || !a.prunes() {
		return nil, 0
	}
	total := max(d.Permitted(a.name), a.granted)
	need = a.counted(d)
	if need+uint64(a.leftoverCount()) <= total {
		return nil, 0
	}
	var refs []protocol.ObjectRef
	for _, o := range a.own {
		if o.want != nil || s.wantedElsewhere(o) {
			continue
		}
		if need++; !o.item.Keep {
			refs = append(refs, o.item.Ref)
		}
	}
	if len(refs) == 0 || need <= total {
		return nil, 0
	}
	h := heldOf(protocol.HoldDeletions, s.name, a.name, refs)
	h.Message = fmt.Sprintf("%s of app %s not deleted, because Git takes away more than is permitted: %s; "+
		"let them go with drover approve %s, or bring them back in Git", phrase.Count(len(refs), "object"), a.name, some(h.Objects, h.Count), h.ID)
	return &h, need
}

// cleared says whether it was found out for what is in force that what the app has left over may be deleted. s.mu is
// held.
func (s *session) cleared(a *app) bool {
	return a.passed == s.passing(a)
}

// passing is what is in force. s.mu is held.
func (s *session) passing(a *app) passed {
	return passed{a.plan, s.accepted.bundle.Generation, s.accepted.digest}
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
// go of was never held, so it is counted only as far as that is permitted. The session's mutex is held.
func (a *app) spend(d *protocol.Deletions) {
	if a.deleted == nil || !a.prunes() && *a.deleted >= max(d.Permitted(a.name), a.granted) {
		return
	}
	n := *a.deleted + 1
	a.deleted = &n
}

// heldOf is a hold of some objects, without its message.
func heldOf(kind protocol.HoldKind, cluster, app string, refs []protocol.ObjectRef, also ...string) protocol.Held {
	slices.SortFunc(refs, protocol.ObjectRef.Compare)
	lines := also
	for _, ref := range refs {
		lines = append(lines, ref.Group+" "+ref.String())
	}
	return protocol.Held{ID: protocol.HoldID(kind, cluster+"/"+app, lines...), Kind: kind, App: app, Count: len(refs),
		Objects: slices.Clone(refs[:min(len(refs), protocol.MaxHeldObjects)])}
}

// some names the first of n objects.
func some(refs []protocol.ObjectRef, n int) string {
	const named = 3
	names := make([]string, 0, named)
	for _, ref := range refs[:min(len(refs), named)] {
		names = append(names, ref.String())
	}
	return strings.Join(names, ", ") + phrase.More(n-len(names))
}

// held is everything that waits for a person. s.mu is held.
func (s *session) held() (out []protocol.Held) {
	for _, a := range s.ordered() {
		if a.over != nil && a.leftover() {
			out = append(out, *a.over)
		}
		for _, o := range a.own {
			if o.want == nil && o.hold != nil {
				out = append(out, o.hold.held)
			}
		}
	}
	return append(out, s.search.held...)
}
