package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// beside is what of other apps' objects, and of hooks', matters to the app, and of its own to others.
type beside struct {
	steers   []plan.Steer                           // by the plan in force, and by what is yet to be pruned
	waiters  map[protocol.ObjectRef]bool            // objects of its own that others of its own are applied after
	revealed map[protocol.ObjectRef]*board.Standing // objects of its own that other apps apply something after, as these know them
}

// waitFor notes that an object of the app is applied after another one of its own.
func (b *beside) waitFor(ref protocol.ObjectRef) {
	if b.waiters == nil {
		b.waiters = map[protocol.ObjectRef]bool{}
	}
	b.waiters[ref] = true
}

// awaited says whether objects of the app waited for another one of its own, which they are told of now.
func (b *beside) awaited(ref protocol.ObjectRef) bool {
	yes := b.waiters[ref]
	delete(b.waiters, ref)
	return yes
}

// show has the app tell how an object of its own stands, now and whenever that changes.
func (b *beside) show(ref protocol.ObjectRef) {
	b.revealed[ref] = nil
}

// stands says how an object of any app stands, and whether it is the app's own. The app is woken when that changes.
func (a *App) stands(ref protocol.ObjectRef) (st board.Standing, own bool) {
	if o := a.ByRef[ref]; o != nil {
		a.waitFor(ref)
		return o.Standing(), true
	}
	shown := a.env.Stands.Await(a.Name, ref)
	owner := a.env.Objects.Owner(ref)
	switch {
	case owner == "" || owner == a.Name:
		return board.Standing{}, false
	case shown != nil:
		return *shown, false
	}
	a.TellLater(func() { a.env.tellApp(owner, func(b *App) { b.show(ref) }) })
	return board.Standing{Wanted: true, Text: "is " + string(owned.Unseen.Health) + ": " + owned.Unseen.Message}, false
}

// reveal tells how those objects stand that others are applied after.
func (a *App) reveal() {
	for ref, before := range a.revealed {
		var now *board.Standing
		if o := a.ByRef[ref]; o != nil {
			st := o.Standing()
			if before != nil && before.Equal(st) {
				continue
			}
			now = &st
			a.revealed[ref] = now
		} else {
			delete(a.revealed, ref)
		}
		for _, name := range a.env.Stands.Show(ref, now) {
			a.env.tellApp(name, (*App).Kick)
		}
	}
}

// free says whether all is current that an object is applied after. If not, the object says so, and its app is woken
// when that changes. An object that was applied before and drifted is not held back.
func (a *App) free(o *owned.Object) bool {
	o.Held, o.HeldForGood = "", false
	if len(o.Want.After) == 0 || !o.Pending() {
		return true
	}
	for _, ref := range o.Want.After {
		other, own := a.stands(ref)
		switch {
		case !other.Wanted:
			o.Held, o.HeldForGood = fmt.Sprintf("it is to be applied after %s, which no app of this cluster has: add it to Git, or take the annotation away", ref), true
		case own && other.Wave > o.Want.Wave:
			o.Held, o.HeldForGood = fmt.Sprintf("it is to be applied after %s, which is in a later wave: change the wave of one of them", ref), true
		case other.Current:
			continue
		default:
			o.Held = fmt.Sprintf("it waits for %s, which %s", ref, other.Text)
			after := func(ref protocol.ObjectRef) []protocol.ObjectRef {
				st, _ := a.stands(ref)
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

// holds says whether objects of an app wait for others that are current by now.
func (a *App) holds(ctx context.Context) bool {
	return slices.ContainsFunc(a.Own, func(o *owned.Object) bool {
		return o.Held != "" && o.Want != nil && ctx.Err() == nil && a.free(o)
	})
}
