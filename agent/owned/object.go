package owned

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Object is one object that the agent owns or is about to.
type Object struct {
	Owning
	Sighted
	Item    agent.Item
	in      *Set       // of its owner
	Want    *plan.Want // in the owner's plan; nil if it is to go
	Trouble *Trouble
	Hold    *Hold           // why it is not deleted, while a person has to approve that
	Stash   *agent.Sighting // the newest that came while busy
	// the drift that is to be healed to what was applied last, because newer content is not accepted
	Astray *agent.Sighting

	Removing bool            // it is being deleted by the agent
	Drifted  bool            // it must be applied again
	Tried    bool            // it was applied by the app that has it now
	Conflict *drift.Conflict // nil while it was not healed lately
	Paced    time.Time       // when drift is healed next, because it was healed too often

	Asked string // uid of the object of which it was asked whether it completed

	Held        string // what it is applied after, while that is not current
	HeldForGood bool   // and will never be, as Git has it
}

// Sighted is how an object was seen last.
type Sighted struct {
	Version    uint64
	Generation int64         // 0 for kinds that have none
	Verdict    fleet.Verdict // by what it says itself; Health adds the cause
	Look       *Look         // for that cause; nil while it is well
	Unnoticed  Unnoticed     // of what it follows
	Owners     []string      // uids of what it belongs to, and goes with
	Ours       bool          // version is that of our own apply
	Present    bool          // it was seen, or applied
	Deleting   bool          // it is being deleted
}

// Owning is how far an object is the app's own.
type Owning struct {
	Claim   uint64   // by which the app has it
	Formers []string // the owners before, until the owner has stored that it is
	Busy    bool     // a request for it is under way, or it is yet to be handed over
	Coming  bool     // it is yet to be handed over by the app that had it before
	Gone    bool     // the app does not own it any more
	then    []func() // what waits until it is not busy
}

// New is an object of which nothing is known but its name and the claim by which the app has it.
func New(ref protocol.ObjectRef, claim uint64) *Object {
	return &Object{Item: agent.Item{Ref: ref}, Sighted: Sighted{Verdict: NotThere}, Owning: Owning{Claim: claim}}
}

// Parting is what the next owner is told of the object, which leaves its set.
func (o *Object) Parting() *Object {
	given := *o
	given.then, given.Stash, given.Astray, given.Want = nil, nil, nil, nil
	given.Conflict = o.Conflict.HandedOver()
	return &given
}

// Receive has the object, which stood for what was yet to be handed over, be what its owner before knew of it; nil if
// there was nothing.
func (o *Object) Receive(given *Object, from string) {
	if given != nil {
		in, want, stash, then, claim := o.in, o.Want, o.Stash, o.then, o.Claim
		*o = *given
		o.in, o.Gone, o.Look, o.Stash, o.then, o.Claim = in, false, nil, stash, then, claim
		o.Item.Remember(from)
		o.Formers = append(slices.Clone(o.Formers), from)
		o.Again() // it carries the old one's label
		o.Removing = false
		if want != nil {
			o.Become(want)
		}
	}
	o.Coming, o.Busy = false, false
}

// OnFree does something with the object when no request for it is under way.
func (w *Owning) OnFree(f func()) {
	if w.Busy {
		w.then = append(w.then, f)
		return
	}
	f()
}

// Proceed has those go on who waited for a request for the object to come to its end.
func (w *Owning) Proceed() {
	for len(w.then) > 0 && !w.Busy {
		f := w.then[0]
		w.then = w.then[1:]
		f()
	}
}

// WhenFree does something with an object when no request for it is under way, and waits until that is done. It is for
// other goroutines than the owner's, which do asks.
func WhenFree(do func(func()), o *Object, f func()) {
	done := make(chan struct{})
	do(func() { o.OnFree(func() { defer close(done); f() }) })
	<-done
}

// Due says whether the object must be applied now.
func (o *Object) Due(now time.Time) bool {
	if o.Want == nil || !o.Pending() && !mislabelled(o) && (!o.Drifted || o.Deleting || !o.Heals() || now.Before(o.Paced)) {
		return false // what is being deleted is recreated when it is gone
	}
	return o.Trouble == nil || !o.Trouble.Final && !now.Before(o.Trouble.Next)
}

// mislabelled says whether the object may still carry the label of an app that had it before, or of a name that its app
// had, and is applied again for that. A Job is not: if it is gone by then, it would run again.
func mislabelled(o *Object) bool {
	return len(o.Item.Former) > 0 && !o.Tried && o.Item.UID == "" && !o.Ended() && !o.Deleting && o.Heals()
}

// Pending says whether the object as Git has it is still to be applied.
func (o *Object) Pending() bool { return o.Item.Line != o.Want.Line && !o.Left() }

// Left says whether the object is left alone, because it asks for that in Git or in the cluster. What Drover does not
// watch, because it never applied it, is looked at again with every change in Git.
func (o *Object) Left() bool {
	return o.Want.Mode == fleet.ModeIgnore || o.Item.Paused && o.Item.Fields != agent.Sum{}
}

// Heals says whether drift of the object is undone.
func (o *Object) Heals() bool {
	switch {
	case o.Left():
		return false
	case o.Want.Mode == fleet.ModeIfNotPresent:
		return !o.Present
	}
	return o.in.Plan == nil || !o.in.Settings.KeepDrift
}

// Current says whether there is nothing left to do or wait for.
func (o *Object) Current() bool {
	return o.Want != nil && (o.Left() || o.Trouble == nil && !o.Pending() && o.Health().Health == protocol.HealthCurrent)
}

// complaint says what the trouble is, and whether the object is kept as it was applied last.
func (o *Object) complaint() string {
	text := o.Trouble.Err.Error()
	if w, _ := o.InForce(); w != nil && w != o.Want && !o.Deleting {
		text += "; keeping the last applied version"
	}
	return text
}

// Problem describes an object that is not current.
func (o *Object) Problem() protocol.Problem {
	v := o.Health()
	p := protocol.Problem{Object: o.Item.Ref, Health: v.Health, Message: v.Message}
	switch {
	case o.Trouble != nil:
		p.Health, p.Message = protocol.HealthDegraded, o.complaint()
	case o.Want != nil && o.Left():
		p.Health, p.Message = protocol.HealthCurrent, "it is left alone, as it asks to be"
	case o.HeldForGood:
		p.Health, p.Message = protocol.HealthDegraded, o.Held
	case o.Held != "":
		p.Health, p.Message = protocol.HealthProgressing, o.Held
	case o.Want != nil && o.Pending():
		p.Health, p.Message = protocol.HealthProgressing, "it is not applied yet"
	}
	return p
}

// store has the object stored as it is now.
func (o *Object) store() { o.in.Dirty = true }

// Trust takes a field set as what an apply leaves.
func (o *Object) Trust(fields agent.Sum) {
	if o.Item.Fields != fields {
		o.Item.Fields = fields
		o.store()
	}
}

// Untell forgets a drift that is no more.
func (o *Object) Untell() {
	if o.Item.Told != (agent.Sum{}) {
		o.Item.Told = agent.Sum{}
		o.store()
	}
}

// SetPaused takes down whether the object asks in the cluster to be left alone, and says whether that is news.
func (o *Object) SetPaused(yes bool) (news bool) {
	if o.Item.Paused == yes {
		return false
	}
	o.Item.Paused = yes
	o.store()
	return true
}

// Become has the object be what a plan wants it to be.
func (o *Object) Become(w *plan.Want) {
	if o.Trouble != nil && (o.Item.Line != w.Line || o.Trouble.Line != w.Line) {
		o.Trouble = nil // it was that of other content, and what is to be applied deserves a try at once
	}
	o.Held, o.HeldForGood = "", false
	o.Want, o.Item.APIVersion, o.Item.Keep, o.Item.Wave = w, w.APIVersion, w.Keep, w.Wave
	if o.Removing {
		o.Item.Line = agent.Sum{}
	}
}

// InForce is the content that an object has in the cluster until Git's is accepted, and the plan that has its line;
// nil if it is not known.
func (o *Object) InForce() (*plan.Want, *plan.Plan) {
	a := o.in
	if o.Want == nil || a.Plan == nil || o.Item.Line == (agent.Sum{}) {
		return nil, nil
	}
	if o.Item.Line == o.Want.Line {
		return o.Want, a.Plan
	}
	return a.Find(o.Item.Ref, o.Item.Line)
}

// Again has an object applied once more, also if the agent ends before it comes to that.
func (o *Object) Again() {
	if !o.Over() {
		o.Item.Line, o.in.Dirty = agent.Sum{}, true
	}
}

// Ended says whether the object has run for the content that was applied last.
func (o *Object) Ended() bool {
	return o.Item.Ended != nil && o.Item.Line != (agent.Sum{}) && o.Item.Ended.Line == o.Item.Line
}

// Over says whether the object has run for the content that was applied last, and is gone.
func (o *Object) Over() bool { return o.Ended() && !o.Present }

// Kindless says whether an object waits for its kind to be served.
func (o *Object) Kindless() bool {
	return o.Trouble != nil && agent.ReasonOf(o.Trouble.Err) == agent.ReasonKind
}

// Standing is how an object of the app stands.
func (o *Object) Standing() board.Standing {
	if o.Want == nil {
		return board.Standing{}
	}
	st := board.Standing{Wanted: true, Current: !o.Coming && o.Current(), Wave: o.Want.Wave, After: o.Want.After}
	if !st.Current {
		p := o.Problem()
		st.Text = "is " + string(p.Health) + ": " + p.Message
	}
	return st
}

// Counted is an object as a quota matters to it.
func (o *Object) Counted() guard.Counted {
	c := guard.Counted{Ref: o.Item.Ref, Wanted: o.Want != nil, Removing: o.Removing}
	if o.Trouble != nil {
		c.Refused = o.Trouble.Quota()
		c.Failed = !c.Refused
	}
	if o.Want != nil {
		c.After = o.Want.After
	}
	return c
}

// Unseen is what is known of the health of an object before the watch has told of it.
var Unseen = fleet.Verdict{Health: protocol.HealthUnknown, Message: "it was not looked at yet"}

// NotThere is the same of an object that is yet to be created.
var NotThere = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there yet"}
