package hook

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

var start = time.Unix(1_700_000_000, 0).UTC()

const minute = time.Minute

func refTo(kind, name string) protocol.ObjectRef {
	ref := protocol.ObjectRef{Kind: kind, Namespace: "shop", Name: name}
	if kind == "Job" {
		ref.Group = "batch"
	}
	return ref
}

func jobNamed(name string) protocol.ObjectRef { return refTo("Job", name) }

// hookOf is a Job that is a hook of some phases. Its policy is BeforeHookCreation, as it is where none is written.
func hookOf(name string, phases ...fleet.HookPhase) plan.Hook {
	return plan.Hook{Want: plan.Want{Ref: jobNamed(name), APIVersion: "batch/v1"}, Hook: fleet.Hook{Install: phases,
		Upgrade: phases, Delete: []fleet.DeletePolicy{fleet.BeforeHookCreation}, Implied: true}}
}

func inWave(h plan.Hook, wave int) plan.Hook {
	h.Wave = wave
	return h
}

func withPolicy(h plan.Hook, p ...fleet.DeletePolicy) plan.Hook {
	h.Hook.Delete, h.Hook.Implied = p, false
	return h
}

// planOf is a plan of hooks, and of objects in some waves.
func planOf(hooks []plan.Hook, waves ...int) *plan.Plan {
	p := &plan.Plan{Digest: "d", Home: "shop", Generation: 7, Hooks: hooks}
	for i, w := range waves {
		p.Wants = append(p.Wants, plan.Want{Ref: refTo("ConfigMap", fmt.Sprint("c", i)), Wave: w})
	}
	return p
}

// runOf is a run of a plan of planOf, begun at start. Its ID is 7.
func runOf(change ...func(*agent.Run)) *agent.Run {
	r := &agent.Run{ID: "7", Digest: "d", Home: "shop", Since: start}
	for _, f := range change {
		f(r)
	}
	return r
}

// stateIn is the state of a hook of hookOf in a phase, begun at start.
func stateIn(name string, phase fleet.HookPhase, stage agent.HookStage,
	change ...func(*agent.HookState)) agent.HookState {
	h := agent.HookState{Ref: jobNamed(name), APIVersion: "batch/v1", Phase: phase, Mark: "7." + string(phase),
		Delete: []fleet.DeletePolicy{fleet.BeforeHookCreation}, Stage: stage, Since: start}
	for _, f := range change {
		f(&h)
	}
	return h
}

func over(h *agent.HookState)   { h.Over = true }
func tidied(h *agent.HookState) { h.Over, h.Tidy = true, true }

func withHooks(list ...agent.HookState) func(*agent.Run) {
	return func(r *agent.Run) { r.Hooks = list }
}

// scene is an app that is taken through its hooks and waves by hand.
type scene struct {
	t *testing.T
	Progress
	View
}

func begin(t *testing.T, m Moment, p *plan.Plan, run *agent.Run) *scene {
	t.Helper()
	return &scene{t: t, Progress: Progress{Run: run}, View: View{Moment: m, Now: start, Timeout: 5 * minute, Plan: p,
		Hooks: map[protocol.ObjectRef]Seen{}, Tried: map[Key]bool{}}}
}

// at goes on at another time, in another turn.
func (s *scene) at(after time.Duration) *scene {
	s.Now, s.Tried = start.Add(after), map[Key]bool{}
	return s
}

// sees is what is seen of a hook's object from now on.
func (s *scene) sees(name string, seen Seen) *scene {
	s.Hooks[jobNamed(name)] = seen
	return s
}

// runs is a hook's object of a run that is how it is.
func runs(mark string, health protocol.Health, message string) Seen {
	return Seen{There: true, Mark: mark, Verdict: fleet.Verdict{Health: health, Message: message}}
}

// created records that hooks were created, and are under way.
func (s *scene) created(phase fleet.HookPhase, names ...string) *scene {
	for _, name := range names {
		k := Key{"7." + string(phase), jobNamed(name)}
		s.Progress, _ = s.Created(k)
		s.Tried[k] = true
		s.sees(name, runs(k.Mark, protocol.HealthProgressing, "it runs"))
	}
	return s
}

// next compares a decision with what is expected of it, one line each. See lines.
func (s *scene) next(want ...string) Decision {
	s.t.Helper()
	run, view := s.Run.Clone(), s.View
	hooks, tried := cloned(s.Hooks), cloned(s.Tried)
	before := s.Progress
	d := Next(s.Progress, s.View)
	if got := lines(before, d); !slices.Equal(got, want) {
		s.t.Errorf("after %s, the decision is\n\t%s\nbut not\n\t%s", s.Now.Sub(start),
			strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	view.Hooks, view.Tried = hooks, tried
	if !reflect.DeepEqual(run, before.Run) || !reflect.DeepEqual(view, s.View) {
		s.t.Errorf("after %s, what the decision was made from has changed", s.Now.Sub(start))
	}
	if d.Changed && reflect.DeepEqual(run, d.Progress.Run) {
		s.t.Errorf("after %s, the run is said to have changed, and has not", s.Now.Sub(start))
	}
	s.Progress = d.Progress
	return d
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	out := map[K]V{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// lines are a decision in text: what is to be done in its order, the events, the differences between the runs, what is
// waited for if that changed, until when, whether the run has to be stored, and whether the moment is over.
func lines(before Progress, d Decision) (out []string) {
	for _, a := range d.Actions {
		out = append(out, action(a))
	}
	for _, e := range d.Events {
		out = append(out, event(e))
	}
	out = append(out, differences(before.Run, d.Progress.Run)...)
	if p := d.Progress; p.Step != before.Step || p.Stuck != before.Stuck {
		out = append(out, "wait "+waited(p))
	}
	if !d.Until.IsZero() {
		out = append(out, fmt.Sprint("until ", d.Until.Sub(start)))
	}
	if d.Changed {
		out = append(out, "changed")
	}
	if d.Done {
		out = append(out, "done")
	}
	return out
}

func action(a Action) string {
	switch a := a.(type) {
	case Store:
		if a.Step.Known() {
			return fmt.Sprintf("store, or wait %s: %s", a.Step.Reason, a.Step.Text)
		}
		return "store"
	case Create:
		return fmt.Sprintf("create %s as %s", a.Hook.Ref, state(a.State))
	case Explain:
		hung := ""
		if a.Hung {
			hung = " (hung)"
		}
		return fmt.Sprintf("explain %s: %s%s", a.State.Ref, a.Text, hung)
	case Release:
		return "release " + state(a.State)
	case Apply:
		return fmt.Sprint("apply ", a.Wave)
	}
	return fmt.Sprintf("unknown %T", a)
}

func event(e protocol.Event) string {
	return fmt.Sprintf("event %s %s %s after %vms", e.Kind, e.Object, e.Message, e.Took)
}

func waited(p Progress) string {
	text := "for nothing"
	if p.Step.Known() {
		text = fmt.Sprintf("%s: %s", p.Step.Reason, p.Step.Text)
	}
	if p.Stuck {
		text += " (stuck)"
	}
	return text
}

// differences are the fields of a run that differ from what they were.
func differences(before, after *agent.Run) (out []string) {
	if before == nil || after == nil {
		if before != after {
			out = append(out, fmt.Sprintf("run %+v", after))
		}
		return out
	}
	was := hookLines(before)
	for _, l := range hookLines(after) {
		if !slices.Contains(was, l) {
			out = append(out, l)
		}
	}
	for _, l := range was {
		if !slices.Contains(hookLines(after), l) && !strings.HasPrefix(l, "hook") {
			out = append(out, "no more "+l)
		}
	}
	b, a := before.Clone(), after.Clone()
	for _, r := range []*agent.Run{b, a} {
		r.Hooks, r.Past, r.Last = nil, nil, nil
	}
	for i, v := 0, reflect.ValueOf(*a); i < v.NumField(); i++ {
		old := reflect.ValueOf(*b).Field(i).Interface()
		if v.Field(i).Kind() == reflect.Slice {
			continue
		}
		if old != v.Field(i).Interface() && !v.Field(i).IsZero() {
			value := v.Field(i).Interface()
			if at, ok := value.(time.Time); ok {
				value = at.Sub(start)
			}
			out = append(out, fmt.Sprintf("%s %v", v.Type().Field(i).Name, value))
		} else if old != v.Field(i).Interface() {
			out = append(out, "not "+v.Type().Field(i).Name)
		}
	}
	return out
}

func hookLines(r *agent.Run) (out []string) {
	for _, h := range r.Hooks {
		out = append(out, "hook "+state(h))
	}
	for _, h := range r.Past {
		out = append(out, "past "+state(h))
	}
	for _, h := range r.Last {
		out = append(out, "last "+state(h))
	}
	return out
}

// state is one hook in text.
func state(h agent.HookState) string {
	text := fmt.Sprintf("%s %s %s", h.Ref, h.Mark, h.Stage)
	if h.Since != start {
		text += fmt.Sprint(" since ", h.Since.Sub(start))
	}
	if h.Hung {
		text += " hung"
	}
	if h.Remove {
		text += " remove"
	}
	switch {
	case h.Tidy:
		text += " tidy"
	case h.Over:
		text += " over"
	}
	if h.Message != "" {
		text += ": " + h.Message
	}
	return text
}
