package deliver

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// settings is the spec by which the objects of the plan in force are handled. It may be newer than the one that the
// plan was read from.
type settings struct {
	protocol.App
	ignored map[protocol.ObjectRef]protocol.Ignored // the ignore rules, by object
}

func settingsOf(spec protocol.App) settings {
	return settings{spec, plan.IgnoredByObject(spec.Ignored)}
}

// specOf is the spec by which a plan of the app is delivered and stored.
func (a *app) specOf(p *plan.Plan) protocol.App {
	if p == a.plan || p == a.last {
		return a.settings.App
	}
	return p.Spec()
}

// leaves are the fields of an object that the settings leave to others.
func (s settings) leaves(w *plan.Want) agent.Leave {
	ref := w.Ref
	if w.NamespaceOmitted {
		ref.Namespace = ""
	}
	rule := s.ignored[ref]
	return agent.Leave{Paths: slices.Clone(rule.Paths), Managers: slices.Clone(rule.Managers)}
}

// leaves are the fields of an object that the app leaves to others.
func (a *app) leaves(w *plan.Want) (out agent.Leave) {
	if a.plan == nil {
		return out
	}
	return a.settings.leaves(w)
}

// whole are those of the fields that are known to have one owner only of which a part is left to others, each with
// that part: all of it is left.
func whole(known, left []string) (fields, parts []string) {
	for _, field := range known {
		if i := slices.IndexFunc(left, func(p string) bool { return strings.HasPrefix(p, field+"/") }); i >= 0 {
			fields, parts = append(fields, field), append(parts, left[i])
		}
	}
	return fields, parts
}

// learn takes down which fields of an object have one owner only, and tells what that does to the app's rules.
func (a *app) learn(o *object, w *plan.Want, fields []string) {
	for _, field := range fields {
		if slices.Contains(o.item.Whole, field) {
			continue
		}
		o.item.Whole, a.dirty = append(slices.Clone(o.item.Whole), field), true
		a.Kick() // to store it, for when nothing tells it any more
		ref := o.item.Ref
		if _, parts := whole([]string{field}, a.leaves(w).Paths); len(parts) > 0 {
			a.emit(protocol.Event{Kind: protocol.EventLeft, App: a.name, Object: &ref,
				Fields: []string{field}, Message: leftWhole(field, parts[0])})
		}
	}
}

// leftWhole explains why more is left to others than a rule says.
func leftWhole(field, part string) string {
	return fmt.Sprintf("%s is atomic, which means that it has one owner only: the ignore rule for %s leaves all of it to "+
		"others, and changes of it in Git are not applied", field, part)
}

// atomics tells of the fields that are left to others as a whole because a rule names a part of them.
func atomics(own []*object, s settings) string {
	n, first := 0, ""
	for _, o := range own {
		if o.want == nil || len(o.item.Whole) == 0 {
			continue
		}
		fields, parts := whole(o.item.Whole, s.leaves(o.want).Paths)
		if n += len(fields); first == "" && len(fields) > 0 {
			first = fmt.Sprintf("%s: %s", o.item.Ref, leftWhole(fields[0], parts[0]))
		}
	}
	return first + phrase.More(n-1)
}

// left are the fields that are left to others, by their objects.
func (h *holdings) left(s settings) map[*object]agent.Leave {
	out := map[*object]agent.Leave{}
	for _, o := range h.own {
		if o.want != nil {
			out[o] = s.leaves(o.want)
		}
	}
	return out
}

// releave has those objects applied again of which other fields were left to others before.
func (h *holdings) releave(before map[*object]agent.Leave, s settings) {
	for _, o := range h.own {
		if was, ok := before[o]; ok && o.want != nil && !reflect.DeepEqual(was, s.leaves(o.want)) {
			o.again()
		}
	}
}

// handle puts another spec into force for the same objects: what is treated otherwise from now on is applied again.
func (a *app) handle(spec protocol.App) {
	if reflect.DeepEqual(a.settings.Ignored, spec.Ignored) {
		a.settings.App = spec
		return
	}
	before := a.left(a.settings)
	a.settings = settingsOf(spec)
	a.releave(before, a.settings)
}

// again has an object applied once more, also if the agent ends before it comes to that.
func (o *object) again() {
	if !o.over() {
		o.item.Line, o.app.dirty = agent.Sum{}, true
	}
}
