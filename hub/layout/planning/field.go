package planning

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Support says what becomes of a field of a Flux object.
type Support string

// What becomes of a field.
const (
	Done     Support = "yes"      // it does what it does in Flux
	Needless Support = "needless" // what it is for, Drover does by itself
	Noted    Support = "no"       // it is not done; the app is delivered all the same, and a note says so
	Refused  Support = "refused"  // it is not done, and without it the app would not be what it is meant to be: the app stops
)

// Field is one field of a kind, with what becomes of it. What lies below it shares its fate, unless listed itself.
type Field struct {
	Kind    string
	Path    string // as spec.dependsOn[].name
	Support Support
	Says    string // what happens, or what to do instead
	// Idle are values that ask for nothing, beside absence.
	Idle []string
}

// asked is a field of an object that is set to something.
type asked struct {
	Field
	path string // with indexes, as spec.dependsOn[0].readyExpr
}

// judge goes through the spec of an object and gives every field that is not simply Done or Needless. What no release
// of Flux knows counts as Noted.
func judge(table []Field, kind string, spec any) []asked {
	known := map[string]Field{}
	for _, f := range table {
		if f.Kind == kind {
			known[f.Path] = f
		}
	}
	var out []asked
	judgeAt(known, spec, "spec", "spec", &out)
	return out
}

// Empty says whether a value asks for nothing, whatever its field is.
func Empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func judgeAt(known map[string]Field, v any, pattern, path string, out *[]asked) {
	if Empty(v) {
		return
	}
	f, listed := known[pattern]
	if listed && f.Support != Done && f.Support != Needless && !slices.Contains(f.Idle, fmt.Sprint(v)) {
		*out = append(*out, asked{f, path})
		return
	}
	below := func(field string) bool {
		return strings.HasPrefix(field,
			pattern) && len(field) > len(pattern) && strings.ContainsAny(field[len(pattern):len(pattern)+1], ".[")
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(known)), below) {
		if !listed {
			*out = append(*out, asked{Field{Path: pattern, Support: Noted,
				Says: "no field that Drover knows of this kind: nothing is done with it"}, path})
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			judgeAt(known, v[key], pattern+"."+key, path+"."+key, out)
		}
	case []any:
		for i, item := range v {
			if m, ok := item.(map[string]any); ok {
				for _, key := range slices.Sorted(maps.Keys(m)) {
					judgeAt(known, m[key], pattern+"[]."+key, fmt.Sprintf("%s[%d].%s", path, i, key), out)
				}
			}
		}
	}
}
