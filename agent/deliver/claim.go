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

// refOf is the object that a want is for, as far as it is known whether it has a namespace.
func (s *session) refOf(w *plan.Want) protocol.ObjectRef {
	if bare := w.WithoutNamespace(); w.KindUnknown && s.objects.Owner(bare) != "" {
		return bare
	}
	return w.Ref
}

// claim makes an object the app's own, unless another app has it and keeps it.
func (a *app) claim(w *plan.Want) {
	ref := a.env.refOf(w)
	o := a.byRef[ref]
	if o == nil && w.Mode == fleet.ModeIgnore && a.env.objects.Owner(ref) == "" {
		return
	}
	answer := a.env.objects.Claim(a.name, ref, func(owner string) bool { return a.env.board.keeps(owner, ref) })
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
		a.tellLater(func() { a.askFor(o, answer) })
	case inventory.Mine:
		if o == nil {
			o = a.begin(ref, answer.Number)
		}
	}
	a.want(o, w)
}

// begin takes an object into the inventory of which nothing is known.
func (a *app) begin(ref protocol.ObjectRef, claim uint64) *object {
	o := &object{item: agent.Item{Ref: ref}, verdict: notThere, owning: owning{claim: claim}}
	a.add(o)
	if a.env.board.isAwaited(ref) {
		a.show(ref)
	}
	return o
}

// want has an object be what a plan wants it to be.
func (a *app) want(o *object, w *plan.Want) {
	if o.trouble != nil && (o.item.Line != w.Line || o.trouble.line != w.Line) {
		o.trouble = nil // it was that of other content, and what is to be applied deserves a try at once
	}
	o.held, o.heldForGood = "", false
	o.want, o.item.APIVersion, o.item.Keep, o.item.Wave = w, w.APIVersion, w.Keep, w.Wave
	if o.removing {
		o.item.Line = agent.Sum{}
	}
}

// askFor asks the app that had an object to hand it over. o is what stands for it until then.
func (a *app) askFor(o *object, answer inventory.Answer) {
	ref := o.item.Ref
	from := a.env.board.app(answer.Owner)
	if from == nil || !from.box.Put(func() { from.handOver(ref, answer.Before, a, o) }) {
		a.handed(o, nil, answer.Owner) // it is gone, and had nothing left
	}
}

// handOver gives the object that the app had by a claim to the app that claimed it after that, as soon as no request
// for it is under way. as is what stands for it there.
func (a *app) handOver(ref protocol.ObjectRef, claim uint64, to *app, as *object) {
	none := func() { to.post(func() { to.handed(as, nil, a.name) }) }
	o := a.byClaim(ref, claim)
	if o == nil {
		none()
		return
	}
	a.onFree(o, func() {
		if o.gone { // meanwhile
			none()
			return
		}
		a.disown(o)
		a.unlook(o)
		delete(a.revealed, ref)
		a.given[ref] = o.item
		given := *o
		given.then, given.stash, given.astray, given.want = nil, nil, nil, nil
		if f := o.fight; f != nil {
			given.fight = &fight{since: f.since, heals: f.heals, deleted: f.deleted, writers: f.writers}
		}
		to.post(func() { to.handed(as, &given, a.name) })
	})
}

// byClaim is the object that the app had by a claim. It may have claimed it again before it handed it over.
func (a *app) byClaim(ref protocol.ObjectRef, claim uint64) *object {
	if o := a.byRef[ref]; o != nil && o.claim == claim {
		return o
	}
	for _, o := range a.own {
		if o.claim == claim {
			return o
		}
	}
	return nil
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
			a.want(o, want)
		}
	}
	o.coming, o.busy = false, false
	a.coming--
	a.dirty = true
	a.sort()
	a.judgeStash(a.env.life, o)
	a.proceed(o)
	if !a.running {
		a.kick()
	}
}

// releaseFormers tells the apps that had an object before that its owner has stored that it has it now.
func (a *app) releaseFormers(o *object) {
	ref := o.item.Ref
	for _, name := range o.formers {
		a.tellLater(func() { a.env.tellApp(name, func(f *app) { f.released(ref) }) })
	}
	o.formers = nil
}

// released is for an object that was handed over, and need not be stored here any more.
func (a *app) released(ref protocol.ObjectRef) {
	if _, ok := a.given[ref]; ok {
		delete(a.given, ref)
		a.dirty = true
	}
	a.kick()
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
	a.unlook(o)
	if a.env.objects.Release(ref, o.claim) {
		a.env.watches.Untrack(ref)
	}
	a.dirty = true
	if fleet.Steers(ref) {
		a.resteerAll()
	}
	a.proceed(o)
}
