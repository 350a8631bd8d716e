package worker

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/hub/helm"
)

// unloadable explains an error of Helm's loader.
func (r *render) unloadable(err error) *helm.Error {
	text := err.Error()
	e := r.fail("cannot be read as a chart: "+text, "compare it with the output of helm lint")
	switch {
	case strings.Contains(text, "Chart.yaml file is missing"):
		e.Hint = "name the folder that holds Chart.yaml"
	case strings.Contains(text, "larger than the maximum size"):
		e.Reason, e.Hint = "is larger than "+strconv.Itoa(helm.MaxChart>>20)+" MiB when unpacked", "name what is no part of the chart in .helmignore before packing it"
	case strings.Contains(text, "illegally"):
		e.Reason, e.Hint = "the archive is refused: "+text, "pack it with helm package"
	}
	return e
}

// What Helm's engine says, in its words (helm.sh/helm/v4/pkg/engine, and text/template below it).
var (
	located   = regexp.MustCompile(`^(?:parse|execution) error (?:at|in) \((.+?)(?::(\d+))?(?::\d+)?\): (.*)$`)
	traced    = regexp.MustCompile(`^(\S.*?):(\d+)(?::\d+)?$`)
	executing = regexp.MustCompile(`^executing ".*" at <(.*)>:$`)
	nested    = regexp.MustCompile(`^.*template: (\S+/\S+?):(\d+)(?::\d+)?: (.*)$`) // a chain that the engine did not unravel: the last of it
	badYAML   = regexp.MustCompile(`^YAML parse error on (.+?): (.*)$`)
	givenTpl  = regexp.MustCompile(`(tpl function execution for|cannot parse template) "(?:[^"\\]|\\.)*"`)
	nilValue  = regexp.MustCompile(`nil pointer evaluating .*\.(\w+)`)
	valuePath = regexp.MustCompile(`\.Values((?:\.\w+)+)`)
	yamlError = regexp.MustCompile(`\bline (\d+):`)
)

// explain makes an Error of what the engine or the sorter said.
func (r *render) explain(err error) *helm.Error {
	text := givenTpl.ReplaceAllString(err.Error(), "$1 a text from the values") // it may be long, or secret
	flat := strings.Join(strings.Fields(text), " ")
	if m := located.FindStringSubmatch(flat); m != nil {
		return &helm.Error{Chart: r.job.Chart, File: m[1], Line: number(m[2]), Reason: m[3], Hint: hintFor(m[3])}
	}
	if m := badYAML.FindStringSubmatch(flat); m != nil {
		return &helm.Error{Chart: r.job.Chart, File: m[1], Reason: noYAML(errors.New(m[2])), Hint: seeText}
	}
	if e := r.trace(text); e != nil {
		return e
	}
	if m := nested.FindStringSubmatch(flat); m != nil {
		return &helm.Error{Chart: r.job.Chart, File: m[1], Line: number(m[2]), Reason: m[3], Hint: hintFor(m[3])}
	}
	return r.fail(flat, hintFor(flat))
}

// trace reads a chain of places, of which the last is where it went wrong.
func (r *render) trace(text string) *helm.Error {
	e := &helm.Error{Chart: r.job.Chart}
	var at, first string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := traced.FindStringSubmatch(line); m != nil {
			if first == "" {
				first = line
			}
			e.File, e.Line = m[1], number(m[2])
		} else if m := executing.FindStringSubmatch(line); m != nil {
			at = m[1]
		} else if line != "" {
			e.Reason = line
		}
	}
	if e.File == "" || e.Reason == "" {
		return nil
	}
	e.Hint = hintFor(e.Reason)
	if m := nilValue.FindStringSubmatch(e.Reason); m != nil {
		if v := valuePath.FindStringSubmatch(at); v != nil {
			known, _, _ := strings.Cut(v[1]+".", "."+m[1]+".")
			e.Hint = "give the value " + strings.TrimPrefix(known, ".") + ", of which it wants " + m[1]
		}
	}
	if at != "" {
		e.Reason = "<" + at + ">: " + e.Reason
	}
	if place, _, _ := strings.Cut(first, ":"); place != e.File {
		e.Reason += ", included from " + first
	}
	return e
}

// hintFor says what to do about the causes that occur often.
func hintFor(reason string) string {
	switch {
	case strings.Contains(reason, "nil pointer evaluating"):
		return "give the value that is missing"
	case strings.Contains(reason, "not defined"):
		return "is it a function of another tool, or of a newer Helm? env and expandenv are left out by Helm on purpose"
	case strings.Contains(reason, "no template"), strings.Contains(reason, "undefined template"):
		return "is the dependency that defines it in charts/?"
	case strings.Contains(reason, "nested reference name"):
		return "does an include lead back to itself?"
	}
	return "see the template, and the values it is given"
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // digits, or nothing at all
	return n
}

// yamlLine gives the line that an error of a YAML parser names, 0 if it names none.
func yamlLine(err error) int {
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		return number(m[1])
	}
	return 0
}
