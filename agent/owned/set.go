package owned

import (
	"maps"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/protocol"
)

// Set is the inventory of one app, and the plans that want what is in it.
type Set struct {
	Plans
	Name    string                            // of the app
	Names   []string                          // others that the app had
	Dirty   bool                              // it differs from what is stored
	Own     []*Object                         // the inventory, in the order of applying
	ByRef   map[protocol.ObjectRef]*Object    // own
	Given   map[protocol.ObjectRef]agent.Item // taken over by other apps that have not stored that yet
	Coming  int                               // objects of own that the app which had them before has yet to hand over
	Clashes []Clash
}

// Clash is an object that another app has.
type Clash struct {
	Ref  protocol.ObjectRef
	With string
}

// NewSet is that of an app which has nothing yet.
func NewSet(name string) Set {
	return Set{Name: name, ByRef: map[protocol.ObjectRef]*Object{}, Given: map[protocol.ObjectRef]agent.Item{}}
}

// Insert takes an object into the inventory.
func (h *Set) Insert(o *Object) {
	o.in = h
	h.Own = append(h.Own, o)
	h.ByRef[o.Item.Ref] = o
}

// Rename gives an object another name.
func (h *Set) Rename(o *Object, to protocol.ObjectRef) {
	delete(h.ByRef, o.Item.Ref)
	o.Item.Ref = to
	h.ByRef[to] = o
}

// Sort puts the inventory in the order of applying.
func (h *Set) Sort() {
	order.Sort(h.Own, func(x, y *Object) int {
		return plan.CompareOrder(x.Item.Wave, y.Item.Wave, x.Item.Ref,
			y.Item.Ref)
	})
}

// Disown takes an object out of the inventory.
func (h *Set) Disown(o *Object) {
	o.Gone = true
	h.Own = slices.DeleteFunc(h.Own, func(x *Object) bool { return x == o })
	if h.ByRef[o.Item.Ref] == o {
		delete(h.ByRef, o.Item.Ref)
	}
}

// ByClaim is the object that the app had by a claim. It may have claimed it again before it handed it over.
func (h *Set) ByClaim(ref protocol.ObjectRef, claim uint64) *Object {
	if o := h.ByRef[ref]; o != nil && o.Claim == claim {
		return o
	}
	for _, o := range h.Own {
		if o.Claim == claim {
			return o
		}
	}
	return nil
}

// Leftover says whether there are objects that are to go.
func (h *Set) Leftover() bool {
	return slices.ContainsFunc(h.Own, func(o *Object) bool { return o.Want == nil })
}

// LeftoverCount counts the objects that are to go.
func (h *Set) LeftoverCount() (n int) {
	for _, o := range h.Own {
		if o.Want == nil {
			n++
		}
	}
	return n
}

// Superseded are the objects whose newer content is not accepted yet, with the line that was applied last.
func (h *Set) Superseded() map[protocol.ObjectRef]agent.Sum {
	out := map[protocol.ObjectRef]agent.Sum{}
	for _, o := range h.Own {
		if o.Want != nil && o.Item.Line != (agent.Sum{}) && o.Pending() {
			out[o.Item.Ref] = o.Item.Line
		}
	}
	return out
}

// Forgive lets the deletes that failed be tried again as soon as there may be deletes.
func (h *Set) Forgive() {
	for _, o := range h.Own {
		if o.Want == nil {
			o.Trouble = nil
		}
	}
}

// Excuse forgets why objects could not be applied that are to go now.
func (h *Set) Excuse() {
	for _, o := range h.Own {
		if o.Want == nil && o.Trouble != nil && o.Trouble.Line != (agent.Sum{}) {
			o.Trouble = nil
		}
	}
}

// Homeless says whether the app's namespace went away.
func (h *Set) Homeless() bool {
	for _, o := range h.Own {
		if o.Trouble == nil {
			continue
		}
		if r := agent.ReasonOf(o.Trouble.Err); r == agent.ReasonNamespace || r == agent.ReasonNamespaceEnding {
			return true
		}
	}
	return false
}

// HoldsAny says whether one of the objects that Git no longer has waits for a person.
func (h *Set) HoldsAny() bool {
	return slices.ContainsFunc(h.Own, func(o *Object) bool { return o.Want == nil && o.Hold != nil })
}

// HeldForGood is the first object that can never be applied, as what it is applied after is in Git; nil if there is
// none.
func (h *Set) HeldForGood() *Object {
	for _, o := range h.Own {
		if o.Want != nil && o.HeldForGood {
			return o
		}
	}
	return nil
}

// Empty says whether nothing is left, not even an object that another app has yet to store.
func (h *Set) Empty() bool { return len(h.Own) == 0 && len(h.Given) == 0 }

// Items are what is stored of the inventory: the objects, and those that other apps have yet to store.
func (h *Set) Items() []agent.Item {
	out := make([]agent.Item, 0, len(h.Own)+len(h.Given))
	for _, o := range h.Own {
		out = append(out, o.Item)
	}
	given := slices.Collect(maps.Keys(h.Given))
	order.Sort(given, protocol.ObjectRef.Compare)
	for _, ref := range given {
		if h.ByRef[ref] == nil {
			out = append(out, h.Given[ref])
		}
	}
	return out
}

// Crowding are the objects that left Git and are deleted before everything else is applied, see guard.InTheWay; nil if
// there are none.
func (h *Set) Crowding() map[*Object]bool {
	list := make([]guard.Counted, len(h.Own))
	for i, o := range h.Own {
		list[i] = o.Counted()
	}
	var out map[*Object]bool
	for _, i := range guard.InTheWay(list) {
		if out == nil {
			out = map[*Object]bool{}
		}
		out[h.Own[i]] = true
	}
	return out
}

// DropGiven is for an object that was handed over, and need not be stored here any more.
func (h *Set) DropGiven(ref protocol.ObjectRef) (news bool) {
	_, news = h.Given[ref]
	delete(h.Given, ref)
	return news
}
