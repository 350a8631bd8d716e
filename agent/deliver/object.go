package deliver

import (
	"cmp"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// object is one object that the agent owns or is about to.
type object struct {
	owning
	sighted
	item    agent.Item
	app     *app       // its owner
	want    *plan.Want // in the owner's plan; nil if it is to go
	trouble *trouble
	hold    *hold           // why it is not deleted, while a person has to approve that
	stash   *agent.Sighting // the newest that came while busy
	astray  *agent.Sighting // the drift that is to be healed to what was applied last, because newer content is not accepted

	removing bool            // it is being deleted by the agent
	drifted  bool            // it must be applied again
	tried    bool            // it was applied by the app that has it now
	conflict *drift.Conflict // nil while it was not healed lately
	paced    time.Time       // when drift is healed next, because it was healed too often

	asked string // uid of the object of which it was asked whether it completed

	held        string // what it is applied after, while that is not current
	heldForGood bool   // and will never be, as Git has it
}

// sighted is how an object was seen last.
type sighted struct {
	version    uint64
	generation int64         // 0 for kinds that have none
	verdict    fleet.Verdict // by what it says itself; health adds the cause
	look       *look         // for that cause; nil while it is well
	unnoticed  unnoticed     // of what it follows
	owners     []string      // uids of what it belongs to, and goes with
	ours       bool          // version is that of our own apply
	present    bool          // it was seen, or applied
	deleting   bool          // it is being deleted
}

// owning is how far an object is the app's own.
type owning struct {
	claim   uint64   // by which the app has it
	formers []string // the owners before, until the owner has stored that it is
	busy    bool     // a request for it is under way, or it is yet to be handed over
	coming  bool     // it is yet to be handed over by the app that had it before
	gone    bool     // the app does not own it any more
	then    []func() // what waits until it is not busy
}

// onFree does something with the object when no request for it is under way.
func (w *owning) onFree(f func()) {
	if w.busy {
		w.then = append(w.then, f)
		return
	}
	f()
}

// proceed has those go on who waited for a request for the object to come to its end.
func (w *owning) proceed() {
	for len(w.then) > 0 && !w.busy {
		f := w.then[0]
		w.then = w.then[1:]
		f()
	}
}

// trouble is why an object is not as it should be, and when that is tried again.
type trouble struct {
	err   error
	line  agent.Sum // of the content that could not be applied; zero for a delete
	next  time.Time
	pause backoff.Backoff
	final bool // trying again is of no use
}

func newTrouble() *trouble {
	return &trouble{pause: backoff.Backoff{Min: time.Second, Max: maxPause}}
}

// maxPause is how long something that fails again and again rests at most.
const maxPause = 5 * time.Minute

// absentPause is the same where somebody is likely to bring what is missing.
const absentPause = time.Minute

// servedSoon is how a kind is asked for that may be served at any moment.
func servedSoon() backoff.Backoff { return backoff.Backoff{Min: 50 * time.Millisecond, Max: maxPause} }

// note takes down another failure.
func (t *trouble) note(err error, now time.Time) {
	if t.err == nil && agent.ReasonOf(err) == agent.ReasonKind {
		t.pause = servedSoon() // a definition is served a moment after it says that it is
	}
	next := t.pause.Next()
	switch agent.ReasonOf(err) {
	case agent.ReasonNamespace, agent.ReasonForbidden, agent.ReasonWebhook, agent.ReasonQuota: // nobody tells of it when they are there, or answer
		next = min(next, absentPause)
	}
	t.err, t.line, t.next, t.final = err, agent.Sum{}, now.Add(next), agent.ReasonOf(err) == agent.ReasonScope
}

// due says whether the object must be applied now.
func (o *object) due(now time.Time) bool {
	if o.want == nil || !o.pending() && !o.mislabelled() && (!o.drifted || o.deleting || !o.heals() || now.Before(o.paced)) {
		return false // what is being deleted is recreated when it is gone
	}
	return o.trouble == nil || !o.trouble.final && !now.Before(o.trouble.next)
}

// mislabelled says whether the object may still carry the label of an app that had it before, or of a name that its app
// had, and is applied again for that. A Job is not: if it is gone by then, it would run again.
func (o *object) mislabelled() bool {
	return len(o.item.Former) > 0 && !o.tried && o.item.UID == "" && !o.ended() && !o.deleting && o.heals()
}

// pending says whether the object as Git has it is still to be applied.
func (o *object) pending() bool { return o.item.Line != o.want.Line && !o.left() }

// left says whether the object is left alone, because it asks for that in Git or in the cluster. What Drover does not
// watch, because it never applied it, is looked at again with every change in Git.
func (o *object) left() bool {
	return o.want.Mode == fleet.ModeIgnore || o.item.Paused && o.item.Fields != agent.Sum{}
}

// heals says whether drift of the object is undone.
func (o *object) heals() bool {
	switch {
	case o.left():
		return false
	case o.want.Mode == fleet.ModeIfNotPresent:
		return !o.present
	}
	return o.app.plan == nil || !o.app.settings.KeepDrift
}

// current says whether there is nothing left to do or wait for.
func (o *object) current() bool {
	return o.want != nil && (o.left() || o.trouble == nil && !o.pending() && o.health().Health == protocol.HealthCurrent)
}

// complaint says what the trouble is, and whether the object is kept as it was applied last.
func (o *object) complaint() string {
	text := o.trouble.err.Error()
	if w, _ := o.inForce(); w != nil && w != o.want && !o.deleting {
		text += "; keeping the last applied version"
	}
	return text
}

// problem describes an object that is not current.
func (o *object) problem() protocol.Problem {
	v := o.health()
	p := protocol.Problem{Object: o.item.Ref, Health: v.Health, Message: v.Message}
	switch {
	case o.trouble != nil:
		p.Health, p.Message = protocol.HealthDegraded, o.complaint()
	case o.want != nil && o.left():
		p.Health, p.Message = protocol.HealthCurrent, "it is left alone, as it asks to be"
	case o.heldForGood:
		p.Health, p.Message = protocol.HealthDegraded, o.held
	case o.held != "":
		p.Health, p.Message = protocol.HealthProgressing, o.held
	case o.want != nil && o.pending():
		p.Health, p.Message = protocol.HealthProgressing, "it is not applied yet"
	}
	return p
}

// compareProblems puts the worst first.
func compareProblems(a, b protocol.Problem) int {
	return cmp.Or(cmp.Compare(rank(b.Health), rank(a.Health)), a.Object.Compare(b.Object))
}

func rank(h protocol.Health) int {
	switch h {
	case protocol.HealthDegraded:
		return 4
	case protocol.HealthUnknown:
		return 3
	case protocol.HealthProgressing:
		return 2
	case protocol.HealthPaused:
		return 1
	}
	return 0
}

// store has the object stored as it is now.
func (o *object) store() { o.app.dirty = true }

// trust takes a field set as what an apply leaves.
func (o *object) trust(fields agent.Sum) {
	if o.item.Fields != fields {
		o.item.Fields = fields
		o.store()
	}
}

// untell forgets a drift that is no more.
func (o *object) untell() {
	if o.item.Told != (agent.Sum{}) {
		o.item.Told = agent.Sum{}
		o.store()
	}
}

// pause takes down whether the object asks in the cluster to be left alone, and says whether that is news.
func (o *object) pause(yes bool) (news bool) {
	if o.item.Paused == yes {
		return false
	}
	o.item.Paused = yes
	o.store()
	return true
}

// become has the object be what a plan wants it to be.
func (o *object) become(w *plan.Want) {
	if o.trouble != nil && (o.item.Line != w.Line || o.trouble.line != w.Line) {
		o.trouble = nil // it was that of other content, and what is to be applied deserves a try at once
	}
	o.held, o.heldForGood = "", false
	o.want, o.item.APIVersion, o.item.Keep, o.item.Wave = w, w.APIVersion, w.Keep, w.Wave
	if o.removing {
		o.item.Line = agent.Sum{}
	}
}
