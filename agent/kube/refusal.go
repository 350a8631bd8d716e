package kube

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxTold is how many errors of one object are told in a message.
const maxTold = 5

// mismatch is what server-side apply says of a field that does not fit the schema of its kind.
var mismatch = regexp.MustCompile(`(?m)(?:^|: )\s*(\.\S.*?): ` +
	`(expected (?:string|boolean|map|list|any scalar|numeric \(int or float\)), got .*|` +
	`field not declared in schema|duplicate entries for key .*)$`)

var (
	patchedKind = regexp.MustCompile(`Kind=(\w+)\)`)
	gotScalar   = regexp.MustCompile(`Value:(-?[0-9][-+.0-9eE]*|true|false)\}$`)
)

// mismatches translates what server-side apply says of fields that do not fit the schema of their kind; none if it is
// about anything else.
func (st *status) mismatches() (out []string) {
	if !strings.Contains(st.Message, "typed") {
		return nil
	}
	kind := "its kind"
	if m := patchedKind.FindStringSubmatch(st.Message); m != nil {
		kind = m[1]
	}
	for _, m := range mismatch.FindAllStringSubmatch(st.Message, -1) {
		out = append(out, st.mismatch(strings.TrimPrefix(m[1], "."), m[2], kind))
	}
	return out
}

// mismatch translates one. Only a ConfigMap's values are quoted: what stands in any other field may be secret.
func (st *status) mismatch(field, said, kind string) string {
	if st.secret && !strings.HasPrefix(said, "expected ") { // the name may be a value that stands at the wrong place
		return "it has a field that is not known, or one key twice: correct it in Git; the name is not told, because it may be a value"
	}
	if said == "field not declared in schema" {
		return fmt.Sprintf("%s is not a field of %s: correct its name in Git, or remove it", field, kind)
	}
	if key, ok := strings.CutPrefix(said, "duplicate entries for key "); ok {
		return fmt.Sprintf("%s has two entries with the key %s: remove one of them in Git", field, key)
	}
	wanted, got, _ := strings.Cut(strings.TrimPrefix(said, "expected "), ", got ")
	scalar := gotScalar.FindStringSubmatch(got)
	key, ofData := strings.CutPrefix(field, "data.")
	switch {
	case wanted == "string" && scalar == nil:
		return field + " must be a string, and is a list or an object: correct it in Git"
	case wanted == "string" && (scalar[1] == "true" || scalar[1] == "false"):
		return field + " must be a string: quote it (true, false, yes, no, on, off, y and n are booleans in YAML)"
	case wanted == "string" && ofData && kind == "ConfigMap" && !st.secret:
		return fmt.Sprintf("%s must be a string: quote it: %s: %q", field, key, scalar[1])
	case wanted == "string":
		return field + " must be a string: quote it"
	case wanted == "boolean":
		return field + " must be true or false, without quotes: correct it in Git"
	case strings.HasPrefix(wanted, "numeric"):
		return field + " must be a number, without quotes: correct it in Git"
	case wanted == "map":
		return field + " must be an object: correct it in Git"
	case wanted == "list":
		return field + " must be a list: correct it in Git"
	}
	return field + " must be a single value: correct it in Git"
}

// few joins what is said of several fields, and says how many are left out.
func few(list []string) string {
	told := strings.Join(list[:min(len(list), maxTold)], "; ")
	if n := len(list) - maxTold; n > 0 {
		told += fmt.Sprintf(" (and %d more)", n)
	}
	return told
}

// cause is what the API server's validation says of one field.
type cause struct{ Reason, Message, Field string }

// valued are the errors of validation that quote the value.
var valued = []string{"Invalid value: ", "Unsupported value: ", "Duplicate value: ", "Not found: ",
	"Too many: ", "Too long: "}

// split separates the kind of an error from the value that it quotes and from what is wrong with that.
func (c *cause) split() (kind, value, detail string) {
	for _, kind := range valued {
		if rest, ok := strings.CutPrefix(c.Message, kind); ok {
			n := valueLen(rest)
			if n < len(rest) || kind == valued[0] || strings.HasPrefix(rest, `"`) {
				return kind, rest[:n], strings.TrimPrefix(rest[n:], ": ")
			}
		}
	}
	return "", "", c.Message
}

// valueLen is how much of an error's text is the value that it quotes: text in quotes, JSON or Go syntax, or a plain
// number.
func valueLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted, err := strconv.QuotedPrefix(s[i:])
			if err != nil {
				return len(s)
			}
			i += len(quoted) - 1
		case c == '{' || c == '[' || c == '(':
			depth++
		case c == '}' || c == ']' || c == ')':
			depth--
		case depth <= 0 && strings.HasPrefix(s[i:], ": "):
			return i
		}
	}
	return len(s)
}

// detail is what is wrong with a field, in one line and without its value.
func (c *cause) detail() string {
	_, _, detail := c.split()
	detail, _, _ = strings.Cut(detail, "\n") // the API server adds what differs
	return strings.TrimSuffix(strings.TrimSpace(detail), ":")
}

// String names the field and says what is wrong with it. Its value is quoted where it is a short one and stands in no
// template of pods.
func (c *cause) String() string {
	kind, value, _ := c.split()
	text := cmp.Or(c.detail(), strings.TrimSuffix(kind, ": "))
	if value != "" && len(value) <= 80 && !strings.ContainsAny(value, "{[\n") && !ofPods(c.Field) {
		text = strings.TrimSuffix(kind+value+": "+c.detail(), ": ")
	}
	return cut(strings.TrimPrefix(c.Field+": "+text, ": "), maxCause)
}

// maxCause is how much is told of one field.
const maxCause = 400

// ofPods says whether a field is of a pod, or of a template of pods.
func ofPods(field string) bool {
	return strings.Contains(field, "template") || strings.Contains(field, "ontainers")
}

// said is what the API server said, in one line and not too long: of fields that are not valid what is wrong with
// each, and no object as a whole.
func (st *status) said() string {
	if st.Code != 422 && st.Code != 400 || st.secret { // hide has replaced it
		return cut(st.Message, maxMessage)
	}
	if len(st.Details.Causes) == 0 {
		return cut(withoutObjects(st.Message), maxMessage)
	}
	var list []string
	for _, c := range st.Details.Causes {
		if text := c.String(); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return few(list)
}

// withoutObjects replaces objects that a message quotes.
func withoutObjects(m string) string {
	start := strings.IndexByte(m, '{')
	if start < 0 {
		return m
	}
	return m[:start] + "{…}" + m[start+valueLen(m[start:]):]
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "… (cut short: it is longer)"
}

// immutables are how the API server's kinds, and rules of definitions, say that a field cannot be changed.
var immutables = []string{"immutable", "may not change once set", "updates to statefulset spec",
	"pod updates may not change fields", "cannot change roleRef", "may not be changed in an update",
	"updates to parameters are forbidden", "updates to provisioner are forbidden"}

func saysImmutable(text string) bool {
	return slices.ContainsFunc(immutables, func(s string) bool { return strings.Contains(text, s) })
}

// immutable says whether a field cannot be changed, by what is said of each field or, where nothing is, by the
// message.
func (st *status) immutable() bool {
	if len(st.Details.Causes) > 0 && st.Code == 422 {
		return slices.ContainsFunc(st.Details.Causes, func(c cause) bool { return saysImmutable(c.detail()) })
	}
	return saysImmutable(withoutObjects(st.Message))
}

// fielded says whether the object is not valid, and which fields are not.
func (st *status) fielded() bool {
	return st.Code == 422 && slices.ContainsFunc(st.Details.Causes, func(c cause) bool { return c.Field != "" })
}

// fields are the fields that cannot be changed, as the API server names them.
func (st *status) fields() string {
	var out []string
	for _, c := range st.Details.Causes {
		if c.Field != "" && (saysImmutable(c.detail()) || len(st.Details.Causes) == 1) && !slices.Contains(out, c.Field) {
			out = append(out, c.Field)
		}
	}
	return strings.Join(out, ", ")
}
