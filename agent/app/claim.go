package app

import (
	"slices"

	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// An object that moves from one app to another is claimed first, which the index decides in one step. The app that had
// it is told, and hands it over when no request for it is under way. Until then its new owner has it as one that is
// busy: it is neither applied nor deleted, and nothing is stored. The app that gave it keeps it in what is stored of it
// until the new owner has stored that it has it, so a crash in between loses neither the object nor whose label it may
// carry.

// Adopt makes an object the app's own, unless another app has it and keeps it.
func (a *App) Adopt(w *plan.Want) {
	ref := a.env.RefOf(w)
	o := a.ByRef[ref]
	if o == nil && w.Mode == fleet.ModeIgnore && a.env.Objects.Owner(ref) == "" {
		return
	}
	answer := a.env.Objects.Claim(a.Name, ref, func(owner string) bool { return a.env.Board.Keeps(owner, ref) })
	switch answer.Claim {
	case inventory.Kept:
		a.Clashes = append(a.Clashes, owned.Clash{Ref: ref, With: answer.Owner})
		return
	case inventory.Free:
		o = a.begin(ref, answer.Number)
		a.env.Watches.Track(ref)
	case inventory.Taken:
		o = a.begin(ref, answer.Number)
		o.Busy, o.Coming = true, true
		a.Coming++
		a.TellLater(func() { a.askFor(o, answer) })
	case inventory.Mine:
		if o == nil {
			o = a.begin(ref, answer.Number)
		}
	}
	o.Become(w)
}

// begin takes an object into the inventory of which nothing is known.
func (a *App) begin(ref protocol.ObjectRef, claim uint64) *owned.Object {
	o := owned.New(ref, claim)
	a.Insert(o)
	a.beside.Begun(ref)
	return o
}

// askFor asks the app that had an object to hand it over. o is what stands for it until then.
func (a *App) askFor(o *owned.Object, answer inventory.Answer) {
	ref := o.Item.Ref
	from := a.env.Board.App(answer.Owner)
	if from == nil || !from.Box.Put(func() { from.handOver(ref, answer.Before, a, o) }) {
		a.handed(o, nil, answer.Owner) // it is gone, and had nothing left
	}
}

// handOver gives the object that the app had by a claim to the app that claimed it after that, as soon as no request
// for it is under way. as is what stands for it there.
func (a *App) handOver(ref protocol.ObjectRef, claim uint64, to *App, as *owned.Object) {
	none := func() { to.Post(func() { to.handed(as, nil, a.Name) }) }
	o := a.ByClaim(ref, claim)
	if o == nil {
		none()
		return
	}
	o.OnFree(func() {
		if o.Gone { // meanwhile
			none()
			return
		}
		a.Disown(o)
		o.Unlook()
		a.beside.Gave(ref)
		a.Given[ref] = o.Item
		given := o.Parting()
		to.Post(func() { to.handed(as, given, a.Name) })
	})
}

// handed takes over the object that o stands for, or takes down that there is none.
func (a *App) handed(o, given *owned.Object, from string) {
	if o.Gone || !o.Coming { // it was given up meanwhile
		if given != nil {
			given.Formers = append(slices.Clone(given.Formers), from)
			a.releaseFormers(given)
		}
		return
	}
	o.Receive(given, from)
	a.Coming--
	a.Dirty = true
	a.Sort()
	a.JudgeStash(a.env.Life, o)
	o.Proceed()
	if !a.Running {
		a.Kick()
	}
}

// releaseFormers tells the apps that had an object before that its owner has stored that it has it now.
func (a *App) releaseFormers(o *owned.Object) {
	ref := o.Item.Ref
	for _, name := range o.Formers {
		a.TellLater(func() {
			a.env.tellApp(name, func(f *App) {
				if f.DropGiven(ref) {
					f.Dirty = true
				}
				f.Kick()
			})
		})
	}
	o.Formers = nil
}

// Forget takes an object out of the inventory.
func (a *App) Forget(o *owned.Object) {
	ref := o.Item.Ref
	a.releaseFormers(o)
	if o.Coming {
		a.Coming--
		o.Coming, o.Busy = false, false
	}
	a.Disown(o)
	o.Unlook()
	if a.env.Objects.Release(ref, o.Claim) {
		a.env.Watches.Untrack(ref)
	}
	a.Dirty = true
	if fleet.Steers(ref) {
		a.beside.ResteerAll()
	}
	o.Proceed()
}
