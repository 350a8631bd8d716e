package ignore

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/cel-go/cel"
	"github.com/itchyny/gojq"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/model"
)

// rule is an IgnoreRule that is ready for use.
type rule struct {
	group, version, kind, namespace, name *regexp.Regexp // nil: any
	labels, annotations                   selector.Selector

	paths    [][]string // pointers, taken apart
	jq       []*gojq.Code
	texts    []string // of jq
	when     cel.Program
	whenText string
	managers []string
}

// compile makes rules ready for use. The notes name pointers that are none.
func compile(rules []model.IgnoreRule) (out []rule, notes []fleet.Note, err error) {
	if len(rules) > maxRules {
		return nil, nil, fmt.Errorf("%d ignore rules, and %d is the most: say the same with fewer", len(rules), maxRules)
	}
	for i, r := range rules {
		c, err := compileRule(r)
		if err != nil {
			return nil, nil, fmt.Errorf("ignore rule %d: %w", i+1, err)
		}
		for _, p := range r.Paths {
			steps, ok := parsePointer(p)
			if !ok {
				notes = append(notes, fleet.Note{Object: fmt.Sprintf("ignore rule %d", i+1), Field: "paths",
					Text: fmt.Sprintf("%.200q is no JSON pointer, and nothing is ignored by it: write one such as /spec/replicas", p)})
				continue
			}
			c.paths = append(c.paths, steps)
		}
		out = append(out, c)
	}
	return out, notes, nil
}

func compileRule(r model.IgnoreRule) (out rule, err error) {
	t := r.Target
	for _, m := range []struct {
		what, text string
		to         **regexp.Regexp
	}{{"group", t.Group, &out.group}, {"version", t.Version, &out.version}, {"kind", t.Kind, &out.kind}, {"namespace", t.Namespace, &out.namespace}, {"name", t.Name, &out.name}} {
		if *m.to, err = anchored(m.text); err != nil {
			return out, fmt.Errorf("target.%s %.200q is no regular expression: %w", m.what, m.text, err)
		}
	}
	if out.labels, err = selector.Parse(t.LabelSelector); err != nil {
		return out, fmt.Errorf("target.labelSelector: %w", err)
	}
	if out.annotations, err = selector.Parse(t.AnnotationSelector); err != nil {
		return out, fmt.Errorf("target.annotationSelector: %w", err)
	}
	for _, text := range r.JQ {
		code, err := compileJQ(text)
		if err != nil {
			return out, err
		}
		out.jq, out.texts = append(out.jq, code), append(out.texts, text)
	}
	out.managers, out.whenText = r.Managers, r.When
	if r.When != "" {
		out.when, err = compileWhen(r.When)
	}
	return out, err
}

// anchored is a regular expression that has to match as a whole, as in kustomize's selectors; nil for any text. "*"
// alone is any text too, as Argo CD writes it.
func anchored(text string) (*regexp.Regexp, error) {
	if text == "" || text == "*" {
		return nil, nil
	}
	if len(text) > maxExpr {
		return nil, fmt.Errorf("it is longer than %d bytes", maxExpr)
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// matches says whether the rule is about an object.
func (r *rule) matches(s *subject) (bool, error) {
	for _, m := range []struct {
		want *regexp.Regexp
		have string
	}{{r.kind, s.ref.Kind}, {r.name, s.ref.Name}, {r.group, s.ref.Group}, {r.version, s.version}, {r.namespace, s.namespace}} {
		if m.want != nil && !m.want.MatchString(m.have) {
			return false, nil
		}
	}
	if !r.labels.Matches(s.labels) || !r.annotations.Matches(s.notes) {
		return false, nil
	}
	if r.when == nil {
		return true, nil
	}
	return evaluate(r.when, r.whenText, s.object)
}

// apply adds to an object what the rule says of it.
func (r *rule) apply(ctx context.Context, s *subject) error {
	is, err := r.matches(s)
	if err != nil || !is {
		return err
	}
	for _, m := range r.managers {
		s.managers[m] = true
	}
	for _, steps := range r.paths {
		s.add(steps)
	}
	for i, code := range r.jq {
		paths, err := runJQ(ctx, code, s.object)
		if err != nil {
			return fmt.Errorf("jq %q over the %s: %w", r.texts[i], s.ref, err)
		}
		for _, steps := range paths {
			s.add(steps)
		}
	}
	return ctx.Err()
}

// add takes a field that is there. What makes the object the one that it is, is never left to others: it cannot change
// anyway.
func (s *subject) add(steps []string) {
	exact, value, ok := locate(s.object, steps)
	if !ok {
		if exact, ok = vacant(s.object, steps); ok {
			s.paths[joinPointer(exact)] = true
		}
		return
	}
	switch pointer := joinPointer(exact); pointer {
	case "", "/metadata":
		m, _ := value.(map[string]any)
		for key := range m {
			s.add(append(exact[:len(exact):len(exact)], key))
		}
	case "/apiVersion", "/kind", "/metadata/name", "/metadata/namespace", "/metadata/generateName":
	default:
		s.paths[pointer] = true
	}
}
