package diagnose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// attempt builds a folder again with some files served otherwise, and gives kustomize's error. The path of the
// kustomization
// that was made up for a plain folder is its own.
type attempt func(dir string, changed map[string][]byte) error

// Explain says what is wrong with a folder that kustomize did not build, in terms of its files.
// Kustomize's own error nests every folder on the way and often names the wrong cause (it tries a
// file as a folder before it gives up), and may quote whole objects; and its text changes from version to version. So
// no text
// is recognised: the files that were read are looked at again, and what they do not show is found by building parts
// of the
// folder, whose error is passed on. denied, if it is not nil, is what the build asked for and was not given.
func (b *Build) Explain(cause error, denied *BuildError, again attempt) *BuildError {
	e := b.explained(cause, denied, again)
	if b.quotesSecret(e.Reason) {
		e.Reason = "kustomize's own reason quotes a Secret and is withheld"
	}
	return e
}

func (b *Build) explained(cause error, denied *BuildError, again attempt) *BuildError {
	for _, look := range []func(*Build) *BuildError{brokenKustomization, brokenReference, brokenYAML, brokenObject,
		brokenPatch, brokenPairs, brokenSchema} {
		if e := look(b); e != nil {
			return e
		}
	}
	if e := b.missing(); e != nil && errors.Is(cause, fs.ErrNotExist) {
		return e
	}
	if denied != nil {
		return denied
	}
	if e := b.narrow(again); e != nil {
		return e
	}
	return b.Unknown(cause)
}

// Unknown tells of a failure that has no better explanation.
func (b *Build) Unknown(cause error) *BuildError {
	e := &BuildError{File: b.Outermost(), Reason: innermost(cause), Hint: "`kustomize build " + b.Dir + "` fails likewise"}
	var p Panicked
	if errors.As(cause, &p) {
		e.Hint = "usually a value is of the wrong type, such as a list where a map belongs; see what changed last"
	}
	return e
}

// Panicked is a panic inside kustomize.
type Panicked struct{ Value any }

// Error implements error.
func (p Panicked) Error() string { return fmt.Sprintf("kustomize panicked: %v", p.Value) }

// missing tells of a file that something deeper than a kustomization names, such as the configuration
// of a transformer.
func (b *Build) missing() *BuildError {
	base := []byte(path.Base(b.Missed))
	for _, f := range b.files {
		if b.Missed != "" && bytes.Contains(f.Data, base) {
			return &BuildError{File: f.Path, Reason: fmt.Sprintf("%q, which it names, does not exist",
				WithoutCredentials(b.Missed)),
				Hint: b.DidYouMean(b.Missed, "check the path; it is relative to the kustomization's folder. If it is remote, "+
					""+InHint)}
		}
	}
	return nil
}

// innermost gives the last cause in a chain of kustomize's, without what it quotes of objects.
func innermost(cause error) string {
	var p Panicked
	if errors.As(cause, &p) {
		return "kustomize stopped short: " + shortened(fmt.Sprint(p.Value))
	}
	return shortened(cause.Error())
}

// shortened leaves out the folders that kustomize was in, and whatever may quote an object. Nothing depends on the
// text: an
// error in other words is only longer.
func shortened(text string) string {
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
	text = strings.ReplaceAll(text, Repository+"/", "")
	parts := slices.DeleteFunc(strings.Split(text, ": "), func(p string) bool {
		return strings.HasPrefix(p, "accumulat") || strings.HasPrefix(p, "recursed ") || strings.HasPrefix(p,
			"trouble configuring")
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
