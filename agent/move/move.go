// Package move has objects change from one app to another. An object that moves is claimed first, which the index
// decides in one step. The app that had it is told, and hands it over when no request for it is under way. Until then
// its new owner has it as one that is busy: it is neither applied nor deleted, and nothing is stored. The app that
// gave it keeps it in what is stored of it until the new owner has stored that it has it, so a crash in between loses
// neither the object nor whose label it may carry.
//
// A Mover belongs to the goroutine of its app. It may import agent, the packages actor, inventory, owned and plan in
// agent/, fleet and protocol.
package move

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a mover works with.
type Config struct {
	*owned.Set
	*actor.Actor
	Relations
	Env
	// JudgeStash judges what was seen of an object while it was yet to be handed over.
	JudgeStash func(ctx context.Context, o *owned.Object)
}

// Relations are told which objects come and go.
type Relations interface {
	Begun(ref protocol.ObjectRef) // the app begins to have it
	Gave(ref protocol.ObjectRef)  // it was handed over
	ResteerAll()                  // what controllers steer is another
}

// Env is what the apps share for this.
type Env struct {
	Life    context.Context // of the session
	Objects *inventory.Index
	Watches Watches
	Keeps   func(owner string, ref protocol.ObjectRef) bool // says whether the owner may still want an object
	RefOf   func(*plan.Want) protocol.ObjectRef
	Peer    func(app string) *Mover // of another app; nil if there is none of that name
}

// Watches are those of objects.
type Watches interface {
	Track(ref protocol.ObjectRef)
	Untrack(ref protocol.ObjectRef)
}

// Mover is how an app comes to its objects, and gives them up.
type Mover struct{ Config }

// New makes one.
func New(c Config) Mover { return Mover{c} }

// Adopt makes an object the app's own, unless another app has it and keeps it.
func (m *Mover) Adopt(w *plan.Want) {
	ref := m.RefOf(w)
	o := m.ByRef[ref]
	if o == nil && w.Mode == fleet.ModeIgnore && m.Objects.Owner(ref) == "" {
		return
	}
	answer := m.Objects.Claim(m.Name, ref, func(owner string) bool { return m.Keeps(owner, ref) })
	switch answer.Claim {
	case inventory.Kept:
		m.Clashes = append(m.Clashes, owned.Clash{Ref: ref, With: answer.Owner})
		return
	case inventory.Free:
		o = m.begin(ref, answer.Number)
		m.Watches.Track(ref)
	case inventory.Taken:
		o = m.begin(ref, answer.Number)
		o.Busy, o.Coming = true, true
		m.Coming++
		m.TellLater(func() { m.askFor(o, answer) })
	case inventory.Mine:
		if o == nil {
			o = m.begin(ref, answer.Number)
		}
	}
	o.Become(w)
}

// begin takes an object into the inventory of which nothing is known.
func (m *Mover) begin(ref protocol.ObjectRef, claim uint64) *owned.Object {
	o := owned.New(ref, claim)
	m.Insert(o)
	m.Begun(ref)
	return o
}

// askFor asks the app that had an object to hand it over. o is what stands for it until then.
func (m *Mover) askFor(o *owned.Object, answer inventory.Answer) {
	ref := o.Item.Ref
	from := m.Peer(answer.Owner)
	if from == nil || !from.Box.Put(func() { from.handOver(ref, answer.Before, m, o) }) {
		m.handed(o, nil, answer.Owner) // it is gone, and had nothing left
	}
}

// handOver gives the object that the app had by a claim to the app that claimed it after that, as soon as no request
// for it is under way. as is what stands for it there.
func (m *Mover) handOver(ref protocol.ObjectRef, claim uint64, to *Mover, as *owned.Object) {
	none := func() { to.Post(func() { to.handed(as, nil, m.Name) }) }
	o := m.ByClaim(ref, claim)
	if o == nil {
		none()
		return
	}
	o.OnFree(func() {
		if o.Gone { // meanwhile
			none()
			return
		}
		m.Disown(o)
		o.Unlook()
		m.Gave(ref)
		m.Given[ref] = o.Item
		given := o.Parting()
		to.Post(func() { to.handed(as, given, m.Name) })
	})
}

// handed takes over the object that o stands for, or takes down that there is none.
func (m *Mover) handed(o, given *owned.Object, from string) {
	if o.Gone || !o.Coming { // it was given up meanwhile
		if given != nil {
			given.Formers = append(slices.Clone(given.Formers), from)
			m.ReleaseFormers(given)
		}
		return
	}
	o.Receive(given, from)
	m.Coming--
	m.Dirty = true
	m.Sort()
	m.JudgeStash(m.Life, o)
	o.Proceed()
	if !m.Running {
		m.Kick()
	}
}

// ReleaseFormers tells the apps that had an object before that its owner has stored that it has it now.
func (m *Mover) ReleaseFormers(o *owned.Object) {
	ref := o.Item.Ref
	for _, name := range o.Formers {
		m.TellLater(func() {
			f := m.Peer(name)
			if f == nil {
				return
			}
			f.Post(func() {
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
func (m *Mover) Forget(o *owned.Object) {
	ref := o.Item.Ref
	m.ReleaseFormers(o)
	if o.Coming {
		m.Coming--
		o.Coming, o.Busy = false, false
	}
	m.Disown(o)
	o.Unlook()
	if m.Objects.Release(ref, o.Claim) {
		m.Watches.Untrack(ref)
	}
	m.Dirty = true
	if fleet.Steers(ref) {
		m.ResteerAll()
	}
	o.Proceed()
}

// DropHooked gives up the objects that an app had and that are its hooks now. They stay as they are until the hook is
// done.
func (m *Mover) DropHooked() {
	for _, o := range slices.Clone(m.Own) {
		if o.Want == nil && m.Plan.Hooked(o.Item.Ref) {
			m.Forget(o)
		}
	}
}

// Reclaim tries again what clashed, and says whether something does no more.
func (m *Mover) Reclaim() (news bool) {
	if len(m.Clashes) == 0 || m.Plan == nil {
		return false
	}
	before := m.Clashes
	m.Clashes = nil
	for _, c := range before {
		for i := range m.Plan.Wants {
			if w := &m.Plan.Wants[i]; w.Is(c.Ref) {
				m.Adopt(w)
			}
		}
	}
	if len(m.Clashes) == len(before) {
		return false
	}
	m.Sort()
	return true
}

// AdoptMissing adopts what the plan in force wants and the app does not have.
func (m *Mover) AdoptMissing() {
	if m.Plan == nil {
		return
	}
	for i := range m.Plan.Wants {
		if m.ByRef[m.Plan.Wants[i].Ref] == nil {
			m.Adopt(&m.Plan.Wants[i])
		}
	}
	m.Sort()
}

// WhenSettled waits until no request for an object of the app is under way. It is for other goroutines than the app's.
func (m *Mover) WhenSettled(ref protocol.ObjectRef) {
	done := make(chan struct{})
	m.Do(func() {
		if o := m.ByRef[ref]; o != nil {
			o.OnFree(func() { close(done) })
		} else {
			close(done)
		}
	})
	<-done
}
