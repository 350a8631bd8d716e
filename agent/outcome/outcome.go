// Package outcome takes down what became of an app's objects: the answer to an apply, or another health. From there it
// finds what is to go on: what waited for the object, for its kind or for its namespace.
//
// Outcomes belong to the goroutine of their app. It may import agent, the packages actor, hook, owned and plan in
// agent/, fleet and protocol.
package outcome

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Config is what outcomes are taken down with.
type Config struct {
	*owned.Set
	*actor.Actor
	Progress *hook.Progress // of the app's hooks and waves
	Relations
	Journal
	Retrier Retrier
	Env
}

// Relations are what the objects of apps are to each other.
type Relations interface {
	Notice(changed protocol.ObjectRef)   // holds back the health of what follows an object
	Awaited(ref protocol.ObjectRef) bool // objects of the app waited for another one of its own
}

// Journal is where events of the app are recorded.
type Journal interface {
	Emit(e protocol.Event)
}

// Retrier has what failed tried again, for all apps.
type Retrier interface {
	Kinds(served []agent.Resource) // which are served from now on
	Namespace(name string)         // which is there from now on
}

// Env is what all apps reach.
type Env struct {
	Watches Watches
	Kinds   Learner
}

// Watches are those of objects.
type Watches interface {
	Judged(ref protocol.ObjectRef) bool // a watch says how healthy the object is
	Renew(served []agent.Resource)
}

// Learner is told of kinds that are served from now on.
type Learner interface {
	Learn(served []agent.Resource)
}

// Outcomes takes down what became of an app's objects.
type Outcomes struct{ Config }

// New makes one.
func New(c Config) Outcomes { return Outcomes{c} }

// Take takes down the answer to an apply of an object as w has it. ended says that the session is over, so that a
// failure says nothing. It says whether the apply is to be tried again after a while.
func (s *Outcomes) Take(o *owned.Object, w *plan.Want, live agent.Live, err error, ended bool) (again bool) {
	o.Busy = false
	switch {
	case o.Gone:
	case err == nil:
		s.applied(o, w, live)
	case o.Want != nil && o.Want.Line != w.Line: // it is tried again with the newer content, if that is refused again
	case !ended:
		if o.Trouble == nil {
			o.Trouble = owned.NewTrouble()
		}
		o.Trouble.Note(err, time.Now())
		o.Trouble.Line = w.Line
		return true
	}
	return false
}

// applied takes down a success.
func (s *Outcomes) applied(o *owned.Object, w *plan.Want, live agent.Live) {
	if o.Item.Line != w.Line && o.Item.Fields != (agent.Sum{}) && live.Version != o.Version {
		s.Notice(o.Item.Ref)
	}
	if live.Created {
		o.Item.Ended = nil
	}
	if uid := runUID(o.Item.Ref, live); o.Item.UID != uid {
		o.Item.UID, s.Dirty = uid, true
	}
	if o.Item.Line != w.Line || o.Item.Fields != live.Fields {
		o.Item.Line, o.Item.Fields, s.Dirty = w.Line, live.Fields, true
	}
	o.Untell()
	s.learn(o, w, live.Whole)
	s.judge(o, live)
	o.Version, o.Ours, o.Present, o.Drifted, o.Astray, o.Tried = live.Version, true, true, false, nil, true
	if o.Want == nil || o.Want.Line == w.Line { // or else newer content is still refused
		o.Trouble = nil
	}
	if s.Awaited(o.Item.Ref) || !s.Running && s.Progress.Run.Open() {
		s.Kick()
	}
	if live.App == s.Name {
		o.Item.Former = nil
	}
	if ref := o.Item.Ref; ref.Group == "" && ref.Kind == "Namespace" {
		s.Retrier.Namespace(ref.Name)
	}
}

// judge says how healthy an object is that was applied just now.
func (s *Outcomes) judge(o *owned.Object, live agent.Live) {
	switch {
	case live.Left:
		o.Item.Paused = live.Paused
		o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it was there before, and is left as it is"}
	case live.Version == o.Version && o.Present:
	default:
		o.Unlook()                        // what was wrong was wrong with what it was before
		if s.Watches.Judged(o.Item.Ref) { // the watch will say
			o.Verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it was applied just now"}
		} else {
			o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}
		}
	}
}

// learn takes down which fields of an object have one owner only, and tells what that does to the app's rules.
func (s *Outcomes) learn(o *owned.Object, w *plan.Want, fields []string) {
	for _, field := range fields {
		if slices.Contains(o.Item.Whole, field) {
			continue
		}
		o.Item.Whole, s.Dirty = append(slices.Clone(o.Item.Whole), field), true
		s.Kick() // to store it, for when nothing tells it any more
		ref := o.Item.Ref
		if _, parts := owned.Whole([]string{field}, s.Leaves(w).Paths); len(parts) > 0 {
			s.Emit(protocol.Event{Kind: protocol.EventLeft, App: s.Name, Object: &ref,
				Fields: []string{field}, Message: owned.LeftWhole(field, parts[0])})
		}
	}
}

// Changed follows up a change of an object's health.
func (s *Outcomes) Changed(o *owned.Object, before protocol.Health) {
	current := o.Verdict.Health == protocol.HealthCurrent && before != protocol.HealthCurrent
	if plan.IsDefinition(o.Item.Ref) && current && s.Plan != nil {
		served := s.Plan.DefinedBy(o.Item.Ref.Name)
		s.Env.Kinds.Learn(served)
		s.Watches.Renew(served)
		s.Retrier.Kinds(served)
	}
	if s.Progress.Run.Open() && before != o.Health().Health {
		s.Kick()
	}
	if s.Awaited(o.Item.Ref) {
		s.Kick()
	}
}

// runUID is the uid of an object of which it can be asked later whether it completed.
func runUID(ref protocol.ObjectRef, live agent.Live) string {
	if ref.Group == "batch" && ref.Kind == "Job" {
		return live.UID
	}
	return ""
}
