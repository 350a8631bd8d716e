package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// diagnose says what is wrong with a folder that kustomize did not build, in terms of its files.
// Kustomize's own error nests every folder on the way and often names the wrong cause (it tries a
// file as a folder before it gives up), and may quote whole objects; so the files that were read are
// looked at again, and its text is used only for what they do not show.
func diagnose(m *mount, cause error) error {
	err := explained(m, cause)
	var e *BuildError
	if errors.As(err, &e) && m.quotesSecret(e.Reason) {
		e.Reason = "kustomize's own reason quotes a Secret and is withheld"
	}
	return err
}

func explained(m *mount, cause error) error {
	var e *BuildError
	if errors.As(cause, &e) {
		return e
	}
	if errors.Is(cause, errClosed) {
		return cause
	}
	for _, look := range []func(*mount, string) *BuildError{
		brokenKustomization, brokenReference, brokenYAML, brokenObject, brokenPatch, brokenPairs,
	} {
		if e := look(m, cause.Error()); e != nil {
			return e
		}
	}
	if e := known(m, cause.Error()); e != nil {
		return e
	}
	if e := m.missing(); e != nil && errors.Is(cause, fs.ErrNotExist) {
		return e
	}
	return unknown(m, cause)
}

// unknown tells of a failure that has no better explanation.
func unknown(m *mount, cause error) *BuildError {
	e := &BuildError{File: m.outermost(), Reason: innermost(cause.Error()), Hint: "`kustomize build " + m.dir + "` fails likewise"}
	var p panicked
	if errors.As(cause, &p) {
		e.Reason = "kustomize stopped short: " + innermost(fmt.Sprint(p.value))
		e.Hint = "usually a value is of the wrong type, such as a list where a map belongs; see what changed last"
	}
	return e
}

// missing tells of a file that something deeper than a kustomization names, such as the configuration
// of a transformer.
func (m *mount) missing() *BuildError {
	base := []byte(path.Base(m.missed))
	for _, f := range m.read {
		if m.missed != "" && bytes.Contains(f.data, base) {
			return &BuildError{File: f.path, Reason: fmt.Sprintf("%q, which it names, does not exist", withoutCredentials(m.missed)),
				Hint: m.didYouMean(m.missed, "check the path; it is relative to the kustomization's folder. If it is remote, "+inHint)}
		}
	}
	return nil
}

// outermost gives the file to point at if no other is known: the first kustomization, or the folder.
func (m *mount) outermost() string {
	if len(m.kusts) > 0 {
		return m.kusts[0].path
	}
	return m.dir
}

// innermost gives the last cause in a chain of kustomize's, without what it quotes of objects.
func innermost(text string) string {
	if i := strings.LastIndex(text, "': "); i >= 0 && strings.Contains(text[:i], "err='") {
		text = text[i+len("': "):]
	}
	if i := strings.LastIndex(text, "`: "); i >= 0 && strings.Contains(text, "with config: `") {
		text = text[i+len("`: "):] // what stands before quotes the generator, literals and all
	}
	for _, quote := range []string{"\n", "map[", "{", "`", " in object", ": node contents"} {
		if i := strings.Index(text, quote); i > 0 {
			text = text[:i]
		}
	}
	text = strings.ReplaceAll(text, repository+"/", "")
	parts := slices.DeleteFunc(strings.Split(text, ": "), func(p string) bool {
		return strings.HasPrefix(p, "accumulat") || strings.HasPrefix(p, "recursed ") || strings.HasPrefix(p, "trouble configuring")
	})
	keep := min(len(parts), 4)
	text = strings.TrimRight(strings.Join(parts[len(parts)-keep:], ": "), ": ")
	if text == "" {
		return "kustomize's own reason quotes the content and is withheld"
	}
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

// brokenKustomization finds a kustomization that does not parse, or that kustomize does not take.
func brokenKustomization(m *mount, cause string) *BuildError {
	for _, k := range m.kusts {
		if k.err != nil {
			return k.explain()
		}
		switch empty := k.Kustomization; {
		case k.Kind != "" && k.Kind != "Kustomization" && k.Kind != "Component":
			return &BuildError{File: k.path, Line: lineOf(k.data, "kind"), Reason: fmt.Sprintf("kind %q is no kustomization", k.Kind),
				Hint: "a file of this name must be one: write kind: Kustomization, or give the file another name"}
		case strings.Contains(cause, "apiVersion for ") && empty.APIVersion != "":
			return &BuildError{File: k.path, Line: lineOf(k.data, "apiVersion"), Reason: fmt.Sprintf("apiVersion %q is not one that kustomize takes", k.APIVersion),
				Hint: "write kustomize.config.k8s.io/v1beta1, or v1alpha1 for a Component"}
		case strings.Contains(cause, "kustomization.yaml is empty") && k.isEmpty():
			return &BuildError{File: k.path, Reason: "the kustomization says nothing", Hint: "list something under resources, or remove the file to have the folder's manifests built as they are"}
		}
	}
	return nil
}

func (k kustomization) isEmpty() bool {
	fixed := k.Kustomization
	fixed.FixKustomization()
	return fixed.CheckEmpty() != nil
}

// explain says why a kustomization does not parse.
func (k kustomization) explain() *BuildError {
	if e := syntax(k.file); e != nil {
		return e
	}
	text := k.err.Error()
	if _, after, ok := strings.Cut(text, `unknown field "`); ok {
		field := strings.TrimSuffix(after, `"`)
		return &BuildError{File: k.path, Line: keyLine(k.data, field), Reason: fmt.Sprintf("unknown field %q", field), Hint: suggest(field, kustomizationFields, "see the fields that kustomize knows")}
	}
	if _, after, ok := strings.Cut(text, "json: cannot unmarshal "); ok {
		return k.wrongType(after)
	}
	return &BuildError{File: k.path, Reason: innermost(text), Hint: "see the kustomization's syntax"}
}

// wrongType explains "bool into Go struct field Kustomization.resources of type []string".
func (k kustomization) wrongType(text string) *BuildError {
	what, where, _ := strings.Cut(text, " into Go ")
	where, expected, _ := strings.Cut(where, " of type ")
	_, where, _ = strings.Cut(where, ".")
	where = strings.ReplaceAll(strings.ReplaceAll(where, "GeneratorArgs.", ""), "KvPairSources.", "")
	if where == "" {
		return &BuildError{File: k.path, Line: 1, Reason: "the kustomization is " + kindOf(what), Hint: "kustomize wants a map"}
	}
	line := lineOf(k.data, where)
	if at := keyLine(k.data, where[strings.LastIndex(where, ".")+1:]); at > 0 {
		line = at
	}
	return &BuildError{File: k.path, Line: line, Reason: where + " is " + kindOf(what), Hint: "kustomize wants " + wanted(expected)}
}

// kindOf puts JSON's word for a type into YAML's.
func kindOf(value string) string {
	switch value, _, _ = strings.Cut(value, " "); value {
	case "array":
		return "a list"
	case "object":
		return "a map"
	}
	return "a " + value
}

// wanted puts a Go type into words.
func wanted(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["), strings.HasPrefix(goType, "types."), strings.HasPrefix(goType, "*types."):
		return "a map"
	case goType == "":
		return "another type of value"
	}
	return "a " + goType
}
