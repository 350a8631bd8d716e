package deliver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// standing is what matters of an object to those that are applied after it.
type standing struct {
	wanted  bool
	current bool
	wave    int
	text    string // what it is, while it is not current
	after   []protocol.ObjectRef
}

func (s standing) equal(other standing) bool {
	return s.wanted == other.wanted && s.current == other.current && s.wave == other.wave && s.text == other.text &&
		slices.Equal(s.after, other.after)
}

// awaited is an object that objects of other apps than its own are applied after.
type awaited struct {
	shown *standing       // nil while its owner has not told
	apps  map[string]bool // which are told when it is another
}

// await has an app told when an object changes, and gives how that stands; nil if its owner has not told.
func (b *board) await(app string, ref protocol.ObjectRef) *standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.awaited[ref]
	if w == nil {
		w = &awaited{apps: map[string]bool{}}
		b.awaited[ref] = w
	}
	w.apps[app] = true
	return w.shown
}

// isAwaited says whether objects of other apps are, or were, applied after an object.
func (b *board) isAwaited(ref protocol.ObjectRef) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.awaited[ref] != nil
}

// show takes down how an object stands, nil for nothing that is known, and gives the apps that wait for that.
func (b *board) show(ref protocol.ObjectRef, st *standing) (waiting []*app) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.awaited[ref]
	if w == nil {
		return nil
	}
	w.shown = st
	for name := range w.apps {
		if e := b.apps[name]; e != nil {
			waiting = append(waiting, e.app)
		}
	}
	clear(w.apps)
	return waiting
}

// standing is how an object of the app stands.
func (o *object) standing() standing {
	if o.want == nil {
		return standing{}
	}
	st := standing{wanted: true, current: !o.coming && o.current(), wave: o.want.Wave, after: o.want.After}
	if !st.current {
		p := o.problem()
		st.text = "is " + string(p.Health) + ": " + p.Message
	}
	return st
}

// stands says how an object of any app stands, and whether it is the app's own. The app is woken when that changes.
func (a *app) stands(ref protocol.ObjectRef) (st standing, own bool) {
	if o := a.byRef[ref]; o != nil {
		if a.waiters == nil {
			a.waiters = map[protocol.ObjectRef]bool{}
		}
		a.waiters[ref] = true
		return o.standing(), true
	}
	shown := a.env.board.await(a.name, ref)
	owner := a.env.objects.Owner(ref)
	switch {
	case owner == "" || owner == a.name:
		return standing{}, false
	case shown != nil:
		return *shown, false
	}
	a.tellLater(func() { a.env.tellApp(owner, func(b *app) { b.show(ref) }) })
	return standing{wanted: true, text: "is " + string(unseen.Health) + ": " + unseen.Message}, false
}

// show has the app tell how an object of its own stands, now and whenever that changes.
func (a *app) show(ref protocol.ObjectRef) {
	a.revealed[ref] = nil
}

// reveal tells how those objects stand that others are applied after.
func (a *app) reveal() {
	for ref, before := range a.revealed {
		var now *standing
		if o := a.byRef[ref]; o != nil {
			st := o.standing()
			if before != nil && before.equal(st) {
				continue
			}
			now = &st
			a.revealed[ref] = now
		} else {
			delete(a.revealed, ref)
		}
		for _, other := range a.env.board.show(ref, now) {
			other.post(other.kick)
		}
	}
}

// free says whether all is current that an object is applied after. If not, the object says so, and its app is woken
// when that changes. An object that was applied before and drifted is not held back.
func (a *app) free(o *object) bool {
	o.held, o.heldForGood = "", false
	if len(o.want.After) == 0 || !o.pending() {
		return true
	}
	for _, ref := range o.want.After {
		other, own := a.stands(ref)
		switch {
		case !other.wanted:
			o.held, o.heldForGood = fmt.Sprintf("it is to be applied after %s, which no app of this cluster has: add it to Git, or take the annotation away", ref), true
		case own && other.wave > o.want.Wave:
			o.held, o.heldForGood = fmt.Sprintf("it is to be applied after %s, which is in a later wave: change the wave of one of them", ref), true
		case other.current:
			continue
		default:
			o.held = fmt.Sprintf("it waits for %s, which %s", ref, other.text)
			after := func(ref protocol.ObjectRef) []protocol.ObjectRef {
				st, _ := a.stands(ref)
				return st.after
			}
			if c := fleet.Circle(o.item.Ref, after); c != nil {
				o.held, o.heldForGood = "it is to be applied after itself ("+way(c)+"): take one of these annotations away", true
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

// wake has the app looked at if it has objects which are applied after another one of its own.
func (a *app) wake(ref protocol.ObjectRef) {
	if a.waiters[ref] {
		delete(a.waiters, ref)
		a.kick()
	}
}

// holds says whether objects of an app wait for others that are current by now.
func (a *app) holds(ctx context.Context) bool {
	return slices.ContainsFunc(a.own, func(o *object) bool {
		return o.held != "" && o.want != nil && ctx.Err() == nil && a.free(o)
	})
}

// heldForGood is the first object that can never be applied, as what it is applied after is in Git; nil if there is
// none.
func (a *app) heldForGood() *object {
	for _, o := range a.own {
		if o.want != nil && o.heldForGood {
			return o
		}
	}
	return nil
}
