package deliver

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// holdings are the app's inventory.
type holdings struct {
	own     []*object                         // the inventory, in the order of applying
	byRef   map[protocol.ObjectRef]*object    // own
	given   map[protocol.ObjectRef]agent.Item // taken over by other apps that have not stored that yet
	coming  int                               // objects of own that the app which had them before has yet to hand over
	clashes []clash
}

// clash is an object that another app has.
type clash struct {
	ref  protocol.ObjectRef
	with string
}

// insert takes an object into the inventory.
func (h *holdings) insert(o *object) {
	h.own = append(h.own, o)
	h.byRef[o.item.Ref] = o
}

// rename gives an object another name.
func (h *holdings) rename(o *object, to protocol.ObjectRef) {
	delete(h.byRef, o.item.Ref)
	o.item.Ref = to
	h.byRef[to] = o
}

// sort puts the inventory in the order of applying.
func (h *holdings) sort() {
	slices.SortFunc(h.own, func(x, y *object) int {
		return plan.CompareOrder(x.item.Wave, y.item.Wave, x.item.Ref,
			y.item.Ref)
	})
}

// disown takes an object out of the inventory.
func (h *holdings) disown(o *object) {
	o.gone = true
	h.own = slices.DeleteFunc(h.own, func(x *object) bool { return x == o })
	if h.byRef[o.item.Ref] == o {
		delete(h.byRef, o.item.Ref)
	}
}

// byClaim is the object that the app had by a claim. It may have claimed it again before it handed it over.
func (h *holdings) byClaim(ref protocol.ObjectRef, claim uint64) *object {
	if o := h.byRef[ref]; o != nil && o.claim == claim {
		return o
	}
	for _, o := range h.own {
		if o.claim == claim {
			return o
		}
	}
	return nil
}

// leftover says whether there are objects that are to go.
func (h *holdings) leftover() bool {
	return slices.ContainsFunc(h.own, func(o *object) bool { return o.want == nil })
}

// leftoverCount counts the objects that are to go.
func (h *holdings) leftoverCount() (n int) {
	for _, o := range h.own {
		if o.want == nil {
			n++
		}
	}
	return n
}

// leftovers tells of objects that left Git and have not gone yet. held is why nothing is deleted.
func (h *holdings) leftovers(held string) string {
	n := h.leftoverCount()
	if n == 0 {
		return ""
	}
	if held != "" {
		return phrase.Count(n, "object") + " not deleted " + held
	}
	return phrase.Count(n, "object") + " still to be deleted" + h.removing()
}

// removing names those that were told to go and linger, or wait for a person.
func (h *holdings) removing() string {
	for _, o := range h.own {
		if o.want == nil && o.hold != nil {
			return ": " + o.hold.held.Message
		}
		if o.removing {
			return ": " + o.item.Ref.String() + " is waiting for its finalizers"
		}
	}
	return ""
}

// superseded are the objects whose newer content is not accepted yet, with the line that was applied last.
func (h *holdings) superseded() map[protocol.ObjectRef]agent.Sum {
	out := map[protocol.ObjectRef]agent.Sum{}
	for _, o := range h.own {
		if o.want != nil && o.item.Line != (agent.Sum{}) && o.pending() {
			out[o.item.Ref] = o.item.Line
		}
	}
	return out
}

// forgive lets the deletes that failed be tried again as soon as there may be deletes.
func (h *holdings) forgive() {
	for _, o := range h.own {
		if o.want == nil {
			o.trouble = nil
		}
	}
}

// excuse forgets why objects could not be applied that are to go now.
func (h *holdings) excuse() {
	for _, o := range h.own {
		if o.want == nil && o.trouble != nil && o.trouble.line != (agent.Sum{}) {
			o.trouble = nil
		}
	}
}

// homeless says whether the app's namespace went away.
func (h *holdings) homeless() bool {
	for _, o := range h.own {
		if o.trouble == nil {
			continue
		}
		if r := agent.ReasonOf(o.trouble.err); r == agent.ReasonNamespace || r == agent.ReasonNamespaceEnding {
			return true
		}
	}
	return false
}

// holdsAny says whether one of the objects that Git no longer has waits for a person.
func (h *holdings) holdsAny() bool {
	return slices.ContainsFunc(h.own, func(o *object) bool { return o.want == nil && o.hold != nil })
}

// heldForGood is the first object that can never be applied, as what it is applied after is in Git; nil if there is
// none.
func (h *holdings) heldForGood() *object {
	for _, o := range h.own {
		if o.want != nil && o.heldForGood {
			return o
		}
	}
	return nil
}

// conflicts describes the first conflict over an object of an app.
func conflicts(own []*object) string {
	for _, o := range own {
		if text := o.conflict.Says(o.item.Ref); text != "" {
			return text
		}
	}
	return ""
}

// unwell are the objects that are not as they should be, and those that another app has.
func (h *holdings) unwell() (out []protocol.Problem) {
	for _, o := range h.own {
		if o.trouble != nil || o.want != nil && !o.current() {
			out = append(out, o.problem())
		}
	}
	for _, c := range h.clashes {
		out = append(out, protocol.Problem{Object: c.ref, Health: protocol.HealthDegraded, Message: "app " + c.with +
			" has it, too: take it out of one of them"})
	}
	return out
}

// wanted is how many objects Git has.
func (h *holdings) wanted() int { return len(h.own) - h.leftoverCount() }

// empty says whether nothing is left, not even an object that another app has yet to store.
func (h *holdings) empty() bool { return len(h.own) == 0 && len(h.given) == 0 }

// items are what is stored of the inventory: the objects, and those that other apps have yet to store.
func (h *holdings) items() []agent.Item {
	out := make([]agent.Item, 0, len(h.own)+len(h.given))
	for _, o := range h.own {
		out = append(out, o.item)
	}
	for _, ref := range slices.SortedFunc(maps.Keys(h.given), protocol.ObjectRef.Compare) {
		if h.byRef[ref] == nil {
			out = append(out, h.given[ref])
		}
	}
	return out
}

// crowding are the objects that left Git and are deleted before everything else is applied, see guard.InTheWay; nil if
// there are none.
func (h *holdings) crowding() map[*object]bool {
	list := make([]guard.Counted, len(h.own))
	for i, o := range h.own {
		list[i] = o.counted()
	}
	var out map[*object]bool
	for _, i := range guard.InTheWay(list) {
		if out == nil {
			out = map[*object]bool{}
		}
		out[h.own[i]] = true
	}
	return out
}

// waitsForQuota says what becomes of the objects that left Git while a quota is used up; "" if there are none, or
// that is not what o waits for.
func (h *holdings) waitsForQuota(o *object, held string) string {
	if !o.trouble.quota() || !h.leftover() {
		return ""
	}
	for _, x := range h.own {
		if x.want == nil && guard.Precious(x.item.Ref) && guard.SharesQuota(x.item.Ref, o.item.Ref) {
			return fmt.Sprintf("; %s left Git, and is not deleted before everything else is applied, because its data would be "+
				"lost: delete it by hand, or raise the quota", x.item.Ref)
		}
	}
	return "; " + h.leftovers(held)
}

// troubled is the first object that could not be applied or deleted. held is why nothing is deleted.
func (h *holdings) troubled(held string) fleet.Fact {
	var first *object
	n := 0
	for _, o := range h.own {
		if o.trouble != nil {
			if n++; first == nil {
				first = o
			}
		}
	}
	if first == nil {
		return fleet.Fact{}
	}
	otherwise := protocol.ReasonApplyFailed
	if first.want == nil {
		otherwise = protocol.ReasonPruneFailed
	}
	return fleet.Fact{Reason: codeOf(first.trouble.err, otherwise), Object: first.item.Ref,
		Text: first.complaint() + h.waitsForQuota(first, held), More: n - 1}
}

// asides is what is to be known of the objects of an app that is healthy.
func asides(own []*object, s settings) string {
	drifted, left := 0, 0
	for _, o := range own {
		switch {
		case o.want == nil:
		case o.left():
			left++
		case o.item.Told != agent.Sum{}:
			drifted++
		}
	}
	var out []string
	if drifted > 0 {
		out = append(out, fmt.Sprintf("%s drifted, and left so, because the app keeps drift", phrase.Count(drifted,
			"object")))
	}
	if left > 0 {
		out = append(out, fmt.Sprintf("%s left alone, as annotations of theirs ask", phrase.Count(left, "object")))
	}
	out = append(out, atomics(own, s))
	return strings.Join(slices.DeleteFunc(out, func(s string) bool { return s == "" }), "; ")
}

// dropGiven is for an object that was handed over, and need not be stored here any more.
func (h *holdings) dropGiven(ref protocol.ObjectRef) (news bool) {
	_, news = h.given[ref]
	delete(h.given, ref)
	return news
}
