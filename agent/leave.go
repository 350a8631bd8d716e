package agent

import (
	"reflect"

	"github.com/drover-dev/drover/protocol"
)

// leaves are the fields of an object that the app leaves to others. The app's session's mutex is held.
func (a *app) leaves(w *want) (out Leave) {
	if a.plan == nil {
		return out
	}
	ref := w.ref
	if w.bare {
		ref.Namespace = ""
	}
	for _, i := range a.plan.ignored()[ref] {
		rule := a.plan.spec.Ignored[i]
		out.Paths, out.Managers = append(out.Paths, rule.Paths...), append(out.Managers, rule.Managers...)
	}
	return out
}

// ignored indexes the rules of the plan's app by their objects, anew whenever there are others. The session's mutex is held.
func (p *plan) ignored() map[protocol.ObjectRef][]int {
	if p.rules == nil {
		p.rules = make(map[protocol.ObjectRef][]int, len(p.spec.Ignored))
		for i, rule := range p.spec.Ignored {
			p.rules[rule.Object] = append(p.rules[rule.Object], i)
		}
	}
	return p.rules
}

// handle puts another spec into force for the same objects: what is treated otherwise from now on is applied again. The session's mutex is held.
func (a *app) handle(spec protocol.App) {
	before := make([]Leave, len(a.own))
	same := reflect.DeepEqual(a.plan.spec.Ignored, spec.Ignored)
	for i, o := range a.own {
		if !same && o.want != nil {
			before[i] = a.leaves(o.want)
		}
	}
	a.plan.spec, a.plan.rules = spec, nil
	for i, o := range a.own {
		if !same && o.want != nil && !reflect.DeepEqual(before[i], a.leaves(o.want)) {
			o.again()
		}
	}
}

// again has an object applied once more, also if the agent ends before it comes to that. The session's mutex is held.
func (o *object) again() {
	if !o.over() {
		o.item.Line, o.app.dirty = Sum{}, true
	}
}
