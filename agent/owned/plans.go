package owned

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

// Plans are what the app is to be, and was.
type Plans struct {
	Former
	Plan     *plan.Plan // in force; nil if nothing is known of what the app should be
	Settings Settings   // of the plan in force; of an app that leaves, as they were
	Next     *plan.Plan // to come into force when the apps it depends on are healthy
	Last     *plan.Plan // of an app that leaves: what it was, if it has hooks for that
}

// Settings is the spec by which the objects of the plan in force are handled. It may be newer than the one that the
// plan was read from.
type Settings struct {
	protocol.App
	ignored map[protocol.ObjectRef]protocol.Ignored // the ignore rules, by object
}

// SettingsOf are the settings of a spec.
func SettingsOf(spec protocol.App) Settings {
	return Settings{spec, plan.IgnoredByObject(spec.Ignored)}
}

// SpecOf is the spec by which a plan of the app is delivered and stored.
func (a *Plans) SpecOf(p *plan.Plan) protocol.App {
	if p == a.Plan || p == a.Last {
		return a.Settings.App
	}
	return p.Spec()
}

// Leaves are the fields of an object that the settings leave to others.
func (s Settings) Leaves(w *plan.Want) agent.Leave {
	ref := w.Ref
	if w.NamespaceOmitted {
		ref.Namespace = ""
	}
	rule := s.ignored[ref]
	return agent.Leave{Paths: slices.Clone(rule.Paths), Managers: slices.Clone(rule.Managers)}
}

// Leaves are the fields of an object that the app leaves to others.
func (a *Plans) Leaves(w *plan.Want) (out agent.Leave) {
	if a.Plan == nil {
		return out
	}
	return a.Settings.Leaves(w)
}

// Whole are those of the fields that are known to have one owner only of which a part is left to others, each with
// that part: all of it is left.
func Whole(known, left []string) (fields, parts []string) {
	for _, field := range known {
		if i := slices.IndexFunc(left, func(p string) bool { return strings.HasPrefix(p, field+"/") }); i >= 0 {
			fields, parts = append(fields, field), append(parts, left[i])
		}
	}
	return fields, parts
}

// LeftWhole explains why more is left to others than a rule says.
func LeftWhole(field, part string) string {
	return fmt.Sprintf("%s is atomic, which means that it has one owner only: the ignore rule for %s leaves all of it to "+
		"others, and changes of it in Git are not applied", field, part)
}

// atomics tells of the fields that are left to others as a whole because a rule names a part of them.
func atomics(own []*Object, s Settings) string {
	n, first := 0, ""
	for _, o := range own {
		if o.Want == nil || len(o.Item.Whole) == 0 {
			continue
		}
		fields, parts := Whole(o.Item.Whole, s.Leaves(o.Want).Paths)
		if n += len(fields); first == "" && len(fields) > 0 {
			first = fmt.Sprintf("%s: %s", o.Item.Ref, LeftWhole(fields[0], parts[0]))
		}
	}
	return first + phrase.More(n-1)
}

// Left are the fields that are left to others, by their objects.
func (h *Set) Left(s Settings) map[*Object]agent.Leave {
	out := map[*Object]agent.Leave{}
	for _, o := range h.Own {
		if o.Want != nil {
			out[o] = s.Leaves(o.Want)
		}
	}
	return out
}

// Releave has those objects applied again of which other fields were left to others before.
func (h *Set) Releave(before map[*Object]agent.Leave, s Settings) {
	for _, o := range h.Own {
		if was, ok := before[o]; ok && o.Want != nil && !reflect.DeepEqual(was, s.Leaves(o.Want)) {
			o.Again()
		}
	}
}

// Handle puts another spec into force for the same objects: what is treated otherwise from now on is applied again.
func (h *Set) Handle(spec protocol.App) {
	if reflect.DeepEqual(h.Settings.Ignored, spec.Ignored) {
		h.Settings.App = spec
		return
	}
	before := h.Left(h.Settings)
	h.Settings = SettingsOf(spec)
	h.Releave(before, h.Settings)
}
