// Package selector chooses clusters by their labels, in the language of kubectl's -l and of Kubernetes' LabelSelector.
package selector

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Selector chooses clusters by their labels, as kubectl's -l does: comma-separated requirements, all
// of which must hold. k=v, k==v, k!=v, k, !k, "k in (a,b)", "k notin (a,b)". The zero value chooses all.
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors)
type Selector struct{ requirements []requirement }

type requirement struct {
	key    string
	values []string // any of these; nil: the key must exist
	negate bool
}

// Parse reads a selector. The error quotes what it does not understand.
func Parse(s string) (Selector, error) {
	var sel Selector
	for _, part := range splitOutsideParens(s) {
		part = strings.TrimSpace(part)
		if part == "" {
			if strings.TrimSpace(s) == "" {
				return sel, nil
			}
			return Selector{}, fmt.Errorf("the selector %q has an empty part: write for example env=production,region!=us", s)
		}
		r, err := parseRequirement(part)
		if err != nil {
			return Selector{}, err
		}
		sel.requirements = append(sel.requirements, r)
	}
	return sel, nil
}

// Requirement is one of a label selector's matchExpressions, as in Kubernetes.
type Requirement struct {
	Key      string
	Operator string // In, NotIn, Exists or DoesNotExist
	Values   []string
}

// New makes a selector of what Kubernetes' LabelSelector has: all labels and all requirements must match.
func New(labels map[string]string, requirements []Requirement) (Selector, error) {
	var s Selector
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		s.requirements = append(s.requirements, requirement{key, []string{labels[key]}, false})
	}
	for _, r := range requirements {
		valued := r.Operator == "In" || r.Operator == "NotIn"
		switch {
		case r.Key == "":
			return Selector{}, errors.New("a requirement without a key: name the label that it is about")
		case !valued && r.Operator != "Exists" && r.Operator != "DoesNotExist":
			return Selector{}, fmt.Errorf("the operator %q is not known: use In, NotIn, Exists or DoesNotExist", r.Operator)
		case valued != (len(r.Values) > 0):
			return Selector{}, fmt.Errorf("the operator %s of %s has %d values: In and NotIn take some, Exists and DoesNotExist none", r.Operator, r.Key, len(r.Values))
		}
		s.requirements = append(s.requirements, requirement{r.Key, r.Values, r.Operator == "NotIn" || r.Operator == "DoesNotExist"})
	}
	return s, nil
}

// Matches says whether labels satisfy every requirement. As in Kubernetes, != and notin hold
// for labels that lack the key.
func (s Selector) Matches(labels map[string]string) bool {
	for _, r := range s.requirements {
		value, ok := labels[r.key]
		if ok && r.values != nil {
			ok = slices.Contains(r.values, value)
		}
		if ok == r.negate {
			return false
		}
	}
	return true
}

// All says whether the selector chooses all.
func (s Selector) All() bool { return len(s.requirements) == 0 }

// And chooses what both selectors choose.
func (s Selector) And(other Selector) Selector {
	return Selector{slices.Concat(s.requirements, other.requirements)}
}

// String is the selector as Parse reads it.
func (s Selector) String() string {
	parts := make([]string, len(s.requirements))
	for i, r := range s.requirements {
		switch {
		case r.values == nil && r.negate:
			parts[i] = "!" + r.key
		case r.values == nil:
			parts[i] = r.key
		case len(r.values) == 1 && r.negate:
			parts[i] = r.key + "!=" + r.values[0]
		case len(r.values) == 1:
			parts[i] = r.key + "=" + r.values[0]
		case r.negate:
			parts[i] = r.key + " notin (" + strings.Join(r.values, ",") + ")"
		default:
			parts[i] = r.key + " in (" + strings.Join(r.values, ",") + ")"
		}
	}
	return strings.Join(parts, ",")
}

func splitOutsideParens(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range s {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func parseRequirement(s string) (requirement, error) {
	var r requirement
	switch {
	case strings.Contains(s, "!="):
		key, value, _ := strings.Cut(s, "!=")
		r = requirement{key, []string{strings.TrimSpace(value)}, true}
	case strings.Contains(s, "="):
		key, value, _ := strings.Cut(s, "=")
		r = requirement{key, []string{strings.TrimSpace(strings.TrimPrefix(value, "="))}, false}
	case strings.HasSuffix(s, ")"):
		head, list, ok := strings.Cut(strings.TrimSuffix(s, ")"), "(")
		words := strings.Fields(head)
		if !ok || len(words) != 2 || words[1] != "in" && words[1] != "notin" {
			return r, selectorError(s)
		}
		r = requirement{words[0], nil, words[1] == "notin"}
		for _, v := range strings.Split(list, ",") {
			r.values = append(r.values, strings.TrimSpace(v))
		}
	case strings.HasPrefix(s, "!"):
		r = requirement{s[1:], nil, true}
	default:
		r = requirement{key: s}
	}
	r.key = strings.TrimSpace(r.key)
	if r.key == "" || strings.ContainsFunc(r.key, notInKey) {
		return r, selectorError(s)
	}
	for _, v := range r.values {
		if strings.ContainsFunc(v, notInValue) {
			return r, selectorError(s)
		}
	}
	return r, nil
}

// notInKey says which characters no label key has. A selector with one was meant otherwise, as k>1 or k~x: it must not
// be taken for a key that no cluster happens to have.
func notInKey(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./", c))
}

func notInValue(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune("!=(),", c) }

func selectorError(s string) error {
	return fmt.Errorf("the selector part %q is not understood: use k=v, k!=v, k, !k, `k in (a,b)` or `k notin (a,b)`", s)
}
