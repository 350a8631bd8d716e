// Package envsubst replaces ${var} in one rendered object, by the rules of Flux's post-build
// substitution (https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution),
// with Flux's own library. Hub and agent both replace by it, each what it alone knows. It may import that library and a
// YAML parser, and no other package of this repository.
//
// As in Flux a value is put into the text of the object, not into a field: replicas: ${n} becomes a number, and so does
// data.n: ${n}, whatever quotes stood in Git, for kustomize has dropped them. A value that is to stay a text although
// it looks like something else brings quotes of its own: n: '"3"'. For the same reason {a: b} becomes a mapping and
// what follows " #" a comment. A value never reaches beyond the place where it stands: it is one line, whatever YAML
// takes for the end of one.
package envsubst

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"sigs.k8s.io/yaml"
)

// AnnotationSubstitute with the value "disabled", as an annotation or a label, keeps an object from being
// substituted: Flux's word for it, and Drover's.
var annotationSubstitute = []string{"kustomize.toolkit.fluxcd.io/substitute", "drover.dev/substitute"}

// lineBreaks takes out all that YAML 1.1 takes for the end of a line. Flux takes out \n alone, so that a value with one
// of the others could add fields of its own to the object.
var lineBreaks = strings.NewReplacer("\n", "", "\r", "", "\u0085", "", "\u2028", "", "\u2029", "")

// token finds whatever looks as if it were to be replaced.
var token = regexp.MustCompile(`\$+\{[^}\n]*\}?`)

// variable is what the name of a variable looks like (fluxcd/pkg/kustomize, varsubRegex).
var variable = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// bare finds the ${var} of a template that have no default.
var bare = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// named finds the names of variables in a template.
var named = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)`)

// maxReplaced is how large an object may become, in bytes: more than the API server takes, and less than would hurt.
const maxReplaced = 64 << 20

// CheckNames says which variable has a name that can be none. As in Flux it is an error even if nothing uses it, where
// a variable without a value is none.
func CheckNames(vars map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !variable.MatchString(name) {
			return fmt.Errorf("the variable %q has no name that can be one: use letters, digits and '_', and no digit first",
				name)
		}
	}
	return nil
}

// Replace gives an object, as canonical JSON, with every ${var} replaced. As in Flux it works on the object's YAML, so
// that `replicas: ${replicas}` becomes a number; $${var} stands for ${var} itself. If strict, a variable without a
// value is an error unless the template has a default (${var:-default}). Otherwise it is empty, as Flux has it without
// its feature gate StrictPostBuildSubstitutions. No value is in an error, and of an object of kind Secret nothing at
// all: a password may hold what looks like a variable.
func Replace(object []byte, vars map[string]string, strict bool) ([]byte, error) {
	return replace(object, vars, strict, false)
}

// ReplaceSecret is Replace for an object that is secret whatever its kind, because it was decrypted.
func ReplaceSecret(object []byte, vars map[string]string, strict bool) ([]byte, error) {
	return replace(object, vars, strict, true)
}

// Text is a text that is no YAML with every ${var} replaced; one without a value is empty. The error may quote the
// text.
func Text(text string, vars map[string]string) (string, error) {
	return envsubst.Eval(text, func(name string) (string, bool) { return vars[name], true })
}

func replace(object []byte, vars map[string]string, strict, secret bool) ([]byte, error) {
	if !bytes.Contains(object, []byte("$")) {
		return object, nil // nothing to replace and nothing to unescape
	}
	var meta struct {
		Kind     string
		Metadata struct{ Annotations, Labels map[string]string }
	}
	if err := json.Unmarshal(object, &meta); err != nil {
		return nil, errors.New("its kind, its labels or its annotations are not all texts")
	}
	for _, key := range annotationSubstitute {
		if meta.Metadata.Annotations[key] == "disabled" || meta.Metadata.Labels[key] == "disabled" {
			return object, nil
		}
	}
	text, err := yaml.JSONToYAML(object)
	if err != nil {
		return nil, err
	}
	longest := 0
	for _, v := range vars {
		longest = max(longest, len(v))
	}
	if bytes.Count(text, []byte("$"))*longest > maxReplaced {
		return nil, fmt.Errorf("with the variables replaced it might be larger than %d MB: take the large values out of "+
			"the variables", maxReplaced>>20)
	}
	replaced, err := envsubst.Eval(string(text), func(name string) (string, bool) {
		v, ok := vars[name]
		return lineBreaks.Replace(v), ok || !strict
	})
	if err != nil {
		if secret || meta.Kind == "Secret" {
			return nil, errSecret
		}
		if !strict {
			return nil, notUnderstood(string(text), err)
		}
		return nil, explain(string(text), vars, err)
	}
	out, err := canonical([]byte(replaced))
	if err != nil && !secret && meta.Kind != "Secret" {
		return nil, unwritten(object, vars, err)
	}
	return out, err
}

// errSecret is what is told of a secret object.
var errSecret = errors.New("a ${…} in it has no value, or is none that can be replaced; " +
	"which is not told, for it may be part of a secret: give every variable in it a value or a default, " +
	"write $${ for a text that begins so, or annotate the object with drover.dev/substitute: disabled")

// canonical turns YAML into JSON with sorted keys and no insignificant space.
func canonical(text []byte) ([]byte, error) {
	data, err := yaml.YAMLToJSON(text)
	if err != nil { // the parser's own words might quote a value
		return nil, errors.New(`with the variables replaced it is no YAML any more: give the value quotes of its own, ` +
			`as name: '"value"'`)
	}
	return data, nil
}

// unwritten names the field and the variables with which an object is no YAML any more; err where no field alone is to
// blame.
func unwritten(object []byte, vars map[string]string, err error) error {
	var whole any
	if json.Unmarshal(object, &whole) != nil {
		return err
	}
	var find func(at string, v any) error
	find = func(at string, v any) error {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if found := find(strings.TrimPrefix(at+"."+key, "."), v[key]); found != nil {
					return found
				}
			}
		case []any:
			for i, item := range v {
				if found := find(fmt.Sprintf("%s[%d]", at, i), item); found != nil {
					return found
				}
			}
		case string:
			return unwrittenText(at, v, vars)
		}
		return nil
	}
	if found := find("", whole); found != nil {
		return found
	}
	return err
}

// unwrittenText is the error of a text that is no YAML with its variables replaced; nil if it is.
func unwrittenText(at, text string, vars map[string]string) error {
	written, err := yaml.Marshal(map[string]string{"v": text})
	if err != nil {
		return nil
	}
	replaced, err := envsubst.Eval(string(written), func(name string) (string, bool) {
		return lineBreaks.Replace(vars[name]), true
	})
	if err != nil {
		return nil
	}
	if _, err = canonical([]byte(replaced)); err == nil {
		return nil
	}
	var names []string
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf(`%s: with ${%s} replaced it is no YAML any more: give the value of the variable quotes of its own, `+
		`as %s: '"value"'`, at, strings.Join(names, "} and ${"), names[0])
}

// explain names the variables that have no value, which is nearly always the reason.
func explain(text string, vars map[string]string, err error) error {
	var missing []string
	for _, m := range bare.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		escaped := m[0] > 0 && text[m[0]-1] == '$'
		if _, ok := vars[name]; !ok && !escaped && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return notUnderstood(text, err)
	}
	return fmt.Errorf("no value for ${%s}: set it under spec.vars of the App or of cluster.yaml, give it a default "+
		"(${%s:-value}), or write $${%s} to keep it as text", strings.Join(missing, "}, ${"), missing[0], missing[0])
}

// notUnderstood names the place that the library stumbled over, as ${array[@]} in a shell script.
func notUnderstood(text string, err error) error {
	for _, t := range token.FindAllString(text, -1) {
		if _, broken := envsubst.Parse(t); broken != nil {
			return fmt.Errorf("%s is not understood (%w): the name of a variable has letters, digits and '_'; "+
				"write $%s to keep it as text, or annotate the object with drover.dev/substitute: disabled", t, broken, t)
		}
	}
	return fmt.Errorf("substitution: %w", err)
}
