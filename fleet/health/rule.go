package health

import (
	"fmt"
	"maps"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// Rule judges objects of one kind. It does not change, and is safe for concurrent use.
type Rule struct {
	steps   []step
	message *expr.Program
	flaw    error // why it cannot judge
	bundled bool  // spec and status are there even if the object has none
}

// step is a health, and the expression that is true of objects that have it.
type step struct {
	health protocol.Health
	when   *expr.Program
}

// New prepares a rule. One that cannot be understood, as from a hub that is newer than its agents, calls every object unknown and says why.
func New(r protocol.HealthRule) *Rule {
	out := &Rule{}
	prepare := func(e *protocol.Expression) *expr.Program {
		if e == nil || out.flaw != nil {
			return nil
		}
		p, err := expr.Decode(*e)
		if err != nil {
			out.flaw = err
		}
		return p
	}
	for _, s := range []struct {
		health protocol.Health
		when   *protocol.Expression
	}{ // in the order of Flux' RFC 0009, which has nothing paused
		{protocol.HealthProgressing, r.InProgress},
		{protocol.HealthDegraded, r.Failed},
		{protocol.HealthPaused, r.Paused},
		{protocol.HealthCurrent, r.Current},
	} {
		if p := prepare(s.when); p != nil {
			out.steps = append(out.steps, step{s.health, p})
		}
	}
	out.message = prepare(r.Message)
	return out
}

// Judge judges a live object, given as decoded JSON whose numbers are json.Number or int64. It reads nothing but the object.
func (r *Rule) Judge(obj map[string]any) fleet.Verdict {
	if v, ok := fleet.Unsettled(obj); ok {
		return v
	}
	if r.bundled {
		obj = completed(obj)
	}
	err := r.flaw
	for _, s := range r.steps {
		if err != nil {
			break
		}
		var is bool
		if is, err = s.when.Bool(obj); is {
			return fleet.Verdict{Health: s.health, Message: r.cause(obj, s.health)}
		}
	}
	if err != nil {
		return fleet.Verdict{Health: protocol.HealthUnknown, Message: fmt.Sprintf("the health rule of its kind cannot be evaluated: %v; if it stays so, correct the rule in Git", err)}
	}
	return fleet.Verdict{Health: protocol.HealthProgressing, Message: r.cause(obj, protocol.HealthProgressing)}
}

// completed is an object with a spec and a status, empty where it has none.
func completed(obj map[string]any) map[string]any {
	out := make(map[string]any, len(obj)+2)
	maps.Copy(out, obj)
	for _, field := range []string{"spec", "status"} {
		if _, ok := out[field].(map[string]any); !ok {
			out[field] = map[string]any{}
		}
	}
	return out
}

// cause says in one line why an object is as it is.
func (r *Rule) cause(obj map[string]any, h protocol.Health) string {
	if h == protocol.HealthCurrent {
		return "it is as the rule of its kind wants it"
	}
	said := ""
	if r.message != nil {
		if v, err := r.message.Eval(obj); err == nil {
			said, _ = v.(string) // without a text, it says nothing
		}
	}
	if h == protocol.HealthPaused && said == "" {
		said = fleet.PausedFor(obj)
	}
	if text := fleet.Complaint(obj, said); text != "" {
		return text
	}
	if h == protocol.HealthDegraded {
		return "the rule of its kind says that it failed, and it says nothing of why"
	}
	if h == protocol.HealthPaused {
		return "it is paused, and does not say for whom or until when"
	}
	return "it is not yet as the rule of its kind wants it"
}
