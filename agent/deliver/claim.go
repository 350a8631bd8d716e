package deliver

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// An object that moves from one app to another is claimed first, which the index decides in one step. The app that had
// it is told, and hands it over when no request for it is under way. Until then its new owner has it as one that is
// busy: it is neither applied nor deleted, and nothing is stored. The app that gave it keeps it in what is stored of it
// until the new owner has stored that it has it, so a crash in between loses neither the object nor whose label it may
// carry.

var notThere = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there yet"}

// claim makes an object the app's own, unless another app has it and keeps it.
func (a *app) claim(w *plan.Want) {
	ref := a.env.neighbours().refOf(w)
	o := a.byRef[ref]
	if o == nil && w.Mode == fleet.ModeIgnore && a.env.objects.Owner(ref) == "" {
		return
	}
	answer := a.env.objects.Claim(a.name, ref, func(owner string) bool { return a.env.board.Keeps(owner, ref) })
	switch answer.Claim {
	case inventory.Kept:
		a.clashes = append(a.clashes, clash{ref, answer.Owner})
		return
	case inventory.Free:
		o = a.begin(ref, answer.Number)
		a.env.watches.Track(ref)
	case inventory.Taken:
		o = a.begin(ref, answer.Number)
		o.busy, o.coming = true, true
		a.coming++
		a.TellLater(func() { a.askFor(o, answer) })
	case inventory.Mine:
		if o == nil {
			o = a.begin(ref, answer.Number)
		}
	}
	o.become(w)
}

// begin takes an object into the inventory of which nothing is known.
func (a *app) begin(ref protocol.ObjectRef, claim uint64) *object {
	o := &object{item: agent.Item{Ref: ref}, sighted: sighted{verdict: notThere}, owning: owning{claim: claim}}
	a.add(o)
	if a.env.stands.Awaited(ref) {
		a.show(ref)
	}
	return o
}

// askFor asks the app that had an object to hand it over. o is what stands for it until then.
func (a *app) askFor(o *object, answer inventory.Answer) {
	ref := o.item.Ref
	from := a.env.board.App(answer.Owner)
	if from == nil || !from.Box.Put(func() { from.handOver(ref, answer.Before, a, o) }) {
		a.handed(o, nil, answer.Owner) // it is gone, and had nothing left
	}
}

// handOver gives the object that the app had by a claim to the app that claimed it after that, as soon as no request
// for it is under way. as is what stands for it there.
func (a *app) handOver(ref protocol.ObjectRef, claim uint64, to *app, as *object) {
	none := func() { to.Post(func() { to.handed(as, nil, a.name) }) }
	o := a.byClaim(ref, claim)
	if o == nil {
		none()
		return
	}
	o.onFree(func() {
		if o.gone { // meanwhile
			none()
			return
		}
		a.disown(o)
		o.unlook()
		delete(a.revealed, ref)
		a.given[ref] = o.item
		given := *o
		given.then, given.stash, given.astray, given.want = nil, nil, nil, nil
		given.conflict = o.conflict.HandedOver()
		to.Post(func() { to.handed(as, &given, a.name) })
	})
}

// handed takes over the object that o stands for, or takes down that there is none.
func (a *app) handed(o, given *object, from string) {
	if o.gone || !o.coming { // it was given up meanwhile
		if given != nil {
			given.formers = append(slices.Clone(given.formers), from)
			a.releaseFormers(given)
		}
		return
	}
	want, stash, then, claim := o.want, o.stash, o.then, o.claim
	if given != nil {
		*o = *given
		o.app, o.gone, o.look, o.stash, o.then, o.claim = a, false, nil, stash, then, claim
		o.item.Remember(from)
		o.formers = append(slices.Clone(o.formers), from)
		o.again() // it carries the old one's label
		o.removing = false
		if want != nil {
			o.become(want)
		}
	}
	o.coming, o.busy = false, false
	a.coming--
	a.dirty = true
	a.sort()
	a.judgeStash(a.env.life, o)
	o.proceed()
	if !a.Running {
		a.Kick()
	}
}

// releaseFormers tells the apps that had an object before that its owner has stored that it has it now.
func (a *app) releaseFormers(o *object) {
	ref := o.item.Ref
	for _, name := range o.formers {
		a.TellLater(func() {
			a.env.tellApp(name, func(f *app) {
				if f.dropGiven(ref) {
					f.dirty = true
				}
				f.Kick()
			})
		})
	}
	o.formers = nil
}

// forget takes an object out of the inventory.
func (a *app) forget(o *object) {
	ref := o.item.Ref
	a.releaseFormers(o)
	if o.coming {
		a.coming--
		o.coming, o.busy = false, false
	}
	a.disown(o)
	o.unlook()
	if a.env.objects.Release(ref, o.claim) {
		a.env.watches.Untrack(ref)
	}
	a.dirty = true
	if fleet.Steers(ref) {
		a.resteerAll()
	}
	o.proceed()
}
