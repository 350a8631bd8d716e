package relation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// waitFor notes that an object of the app is applied after another one of its own.
func (r *Relations) waitFor(ref protocol.ObjectRef) {
	if r.waiters == nil {
		r.waiters = map[protocol.ObjectRef]bool{}
	}
	r.waiters[ref] = true
}

// Awaited says whether objects of the app waited for another one of its own, which they are told of now.
func (r *Relations) Awaited(ref protocol.ObjectRef) bool {
	yes := r.waiters[ref]
	delete(r.waiters, ref)
	return yes
}

// show has the app tell how an object of its own stands, now and whenever that changes.
func (r *Relations) show(ref protocol.ObjectRef) {
	r.revealed[ref] = nil
}

// stands says how an object of any app stands, and whether it is the app's own. The app is woken when that changes.
func (r *Relations) stands(ref protocol.ObjectRef) (st board.Standing, own bool) {
	if o := r.ByRef[ref]; o != nil {
		r.waitFor(ref)
		return o.Standing(), true
	}
	shown := r.Stands.Await(r.Name, ref)
	owner := r.Objects.Owner(ref)
	switch {
	case owner == "" || owner == r.Name:
		return board.Standing{}, false
	case shown != nil:
		return *shown, false
	}
	r.TellLater(func() { r.Tell(owner, func(b *Relations) { b.show(ref) }) })
	return board.Standing{Wanted: true, Text: "is " + string(owned.Unseen.Health) + ": " + owned.Unseen.Message}, false
}

// Reveal tells how those objects stand that others are applied after.
func (r *Relations) Reveal() {
	for ref, before := range r.revealed {
		var now *board.Standing
		if o := r.ByRef[ref]; o != nil {
			st := o.Standing()
			if before != nil && before.Equal(st) {
				continue
			}
			now = &st
			r.revealed[ref] = now
		} else {
			delete(r.revealed, ref)
		}
		for _, name := range r.Stands.Show(ref, now) {
			r.Tell(name, func(b *Relations) { b.Kick() })
		}
	}
}

// Free says whether all is current that an object is applied after. If not, the object says so, and its app is woken
// when that changes. An object that was applied before and drifted is not held back.
func (r *Relations) Free(o *owned.Object) bool {
	o.Held, o.HeldForGood = "", false
	if len(o.Want.After) == 0 || !o.Pending() {
		return true
	}
	for _, ref := range o.Want.After {
		other, own := r.stands(ref)
		switch {
		case !other.Wanted:
			o.HeldForGood = true
			o.Held = fmt.Sprintf("it is to be applied after %s, which no app of this cluster has: "+
				"add it to Git, or take the annotation away", ref)
		case own && other.Wave > o.Want.Wave:
			o.HeldForGood = true
			o.Held = fmt.Sprintf("it is to be applied after %s, which is in a later wave: "+
				"change the wave of one of them", ref)
		case other.Current:
			continue
		default:
			o.Held = fmt.Sprintf("it waits for %s, which %s", ref, other.Text)
			after := func(ref protocol.ObjectRef) []protocol.ObjectRef {
				st, _ := r.stands(ref)
				return st.After
			}
			if c := fleet.Circle(o.Item.Ref, after); c != nil {
				o.Held, o.HeldForGood = "it is to be applied after itself ("+way(c)+"): take one of these annotations away", true
			}
		}
		return false
	}
	return true
}

func way(c []protocol.ObjectRef) string {
	names := make([]string, len(c))
	for i, ref := range c {
		names[i] = ref.String()
	}
	return strings.Join(names, " → ")
}

// Holds says whether objects of an app wait for others that are current by now.
func (r *Relations) Holds(ctx context.Context) bool {
	return slices.ContainsFunc(r.Own, func(o *owned.Object) bool {
		return o.Held != "" && o.Want != nil && ctx.Err() == nil && r.Free(o)
	})
}
