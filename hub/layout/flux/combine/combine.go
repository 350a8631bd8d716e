// Package combine combines the inputs of a ResourceSet of the Flux Operator (fluxcd.controlplane.io), as its
// spec.inputStrategy says. It imports the standard library only.
package combine

import (
	"fmt"
	"hash/adler32"
	"maps"
	"slices"
	"strings"
)

// maxInputs is how many sets of inputs a ResourceSet may come to, as in the Flux Operator.
const maxInputs = 10_000

// Provided are the sets of inputs of one provider.
type Provided struct {
	Name string
	Sets []map[string]any
}

// Flat are the sets of all providers, one after the other.
func Flat(all []Provided) []map[string]any {
	var out []map[string]any
	for _, p := range all {
		out = append(out, p.Sets...)
	}
	return out
}

// All are all combinations of one set of each provider, each below the provider's name as a template can have it.
// Those without sets are left out unless empty is true: then there are no combinations.
func All(all []Provided, empty bool) ([]map[string]any, error) {
	type partly struct {
		set map[string]any
		id  []string
	}
	var out []partly
	begun := false
	for _, p := range all {
		if len(p.Sets) == 0 && !empty {
			continue
		}
		if !begun {
			out, begun = []partly{{}}, true
		}
		if len(out)*len(p.Sets) > maxInputs {
			return nil, fmt.Errorf("with the inputs of %s it comes to more than %d combinations", p.Name, maxInputs)
		}
		var next []partly
		name := templateName(p.Name)
		for _, before := range out {
			for i, set := range p.Sets {
				with := maps.Clone(before.set)
				if with == nil {
					with = map[string]any{}
				}
				with[name] = set
				next = append(next, partly{with, append(slices.Clone(before.id), fmt.Sprintf("%s=%d", name, i))})
			}
		}
		out = next
	}
	var sets []map[string]any
	for _, p := range out {
		p.set["id"] = fmt.Sprint(adler32.Checksum([]byte(strings.Join(p.id, "/"))))
		sets = append(sets, p.set)
	}
	return sets, nil
}

// templateName is the name of an object as a template can have it: words of lower-case letters and digits, with an
// underscore between.
func templateName(name string) string {
	words := strings.FieldsFunc(strings.Map(func(c rune) rune {
		switch {
		case c == '-', c == '_':
			return '_'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return -1
	}, strings.ToLower(name)), func(c rune) bool { return c == '_' })
	return strings.Join(words, "_")
}
