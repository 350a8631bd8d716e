package planning

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
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

// Row is a Field with what becomes of it, as the tables of the dialects list them. idle are values that ask for nothing.
func Row(kind, path string, support Support, says string, idle ...string) Field {
	return Field{Kind: kind, Path: path, Support: support, Says: says, Idle: idle}
}

// asked is a field of an object that is set to something.
type asked struct {
	Field
	path string // with indexes, as spec.dependsOn[0].readyExpr
}

// judge goes through the spec of an object and gives every field that is not simply Done or Needless. What no release
// of the tool knows counts as Noted, and as Refused where it was to select something.
func (t Table) judge(kind string, spec any) []asked {
	var out []asked
	t.kinds[kind].judgeAt(spec, "spec", "spec", t.exact, &out)
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

func (k fields) judgeAt(v any, pattern, path string, exact []string, out *[]asked) {
	if Empty(v) {
		return
	}
	f, listed := k.known[pattern]
	if listed && f.Support != Done && f.Support != Needless && !slices.Contains(f.Idle, fmt.Sprint(v)) {
		*out = append(*out, asked{f, path})
		return
	}
	if len(k.below[pattern]) == 0 {
		if !listed {
			*out = append(*out, asked{k.unknown(pattern, exact), path})
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			k.judgeAt(v[key], pattern+"."+key, path+"."+key, exact, out)
		}
	case []any:
		for i, item := range v {
			if m, ok := item.(map[string]any); ok {
				for _, key := range slices.Sorted(maps.Keys(m)) {
					k.judgeAt(m[key], pattern+"[]."+key, fmt.Sprintf("%s[%d].%s", path, i, key), exact, out)
				}
			}
		}
	}
}

// unknown is what becomes of a field that no release of the tool knows.
func (k fields) unknown(pattern string, exact []string) Field {
	at := strings.LastIndex(pattern, ".")
	parent, name, meant := "", pattern, ""
	if at >= 0 {
		parent, name = pattern[:at], pattern[at+1:]
	}
	for _, other := range k.below[parent] {
		if strings.EqualFold(name, other) || len(name) > 3 && document.Nearly(name, other) {
			meant = fmt.Sprintf(" (did you mean %q?)", other)
			break
		}
	}
	if slices.ContainsFunc(exact, func(end string) bool { return strings.HasSuffix(parent, end) }) {
		return Field{Path: pattern, Support: Refused, Says: "no field that Drover knows of this kind" + meant +
			", and without it something else would be selected: correct it, or remove it"}
	}
	return Field{Path: pattern, Support: Noted,
		Says: "no field that Drover knows of this kind" + meant + ": nothing is done with it"}
}
