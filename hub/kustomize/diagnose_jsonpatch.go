package kustomize

import (
	"slices"
	"strings"
)

// patchFailures are the ways in which a patch that parses does not do; a reason is "" if
// kustomize's own words say it best.
var patchFailures = []explanation{
	{"must specify a target for JSON patch", "a JSON patch without a target", "add target: with the kind and name of what it patches"},
	{"unable to parse SM or JSON patch", "the patch is neither a merge patch nor a JSON patch", "a merge patch is an object with apiVersion, kind and name; a JSON patch is a list of operations, in JSON if it begins with ["},
	{"illegally qualifies as both", "the patch reads as a merge patch and as a JSON patch", "split it"},
	{"is not allowed to set", "several merge patches share one target", "give each an entry of its own"},
	{"operation does not apply", "", "check the paths and the operations against the object"},
	{"testing value", "", "a test in the patch does not hold; check it against the object"},
	{"testing path", "", "a test in the patch does not hold; check it against the object"},
}

// wrongPatch explains a patch that kustomize cannot use or apply.
func wrongPatch(m *mount, cause string) *BuildError {
	for _, x := range patchFailures {
		if !strings.Contains(cause, x.mark) {
			continue
		}
		e := &BuildError{File: m.outermost(), Reason: x.reason, Hint: x.hint}
		if x.reason == "" {
			e.Reason = "a patch does not apply: " + innermost(cause)
		}
		if p, ok := m.patchBehind(cause); ok {
			e.File, e.Line = p.place()
		}
		return e
	}
	return nil
}

// patchBehind finds the patch that an error is about: the one it quotes, or else the only JSON patch.
func (m *mount) patchBehind(cause string) (patch, bool) {
	all := m.patches()
	for _, p := range all {
		if p.quote != "" && strings.Contains(cause, p.quote) {
			return p, true
		}
	}
	all = slices.DeleteFunc(all, func(p patch) bool {
		text := strings.TrimSpace(p.text)
		return !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "-")
	})
	if len(all) == 1 {
		return all[0], true
	}
	return patch{}, false
}
