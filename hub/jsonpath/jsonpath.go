// Package jsonpath takes one value out of a JSON document, by the part of Kubernetes' JSONPath that leads to one value:
// {$.status.checks[0]['error rate']}. What may lead to several (.., *, filters, slices) is refused: which of them is
// meant would be a guess, and how long it takes would follow from the document.
//
// It is pure, and imports the standard library only.
package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	maxLength = 1000 // of a path, in bytes
	maxSteps  = 50
)

// Path leads to a value. The zero value leads to the document itself.
type Path struct {
	text  string
	steps []any // string: a field; int: an item, from the end if it is negative
}

// String is the path as it was written.
func (p Path) String() string { return p.text }

// Parse reads a path, with braces or without; "" is the document itself.
func Parse(text string) (Path, error) {
	p := Path{text: text}
	if len(text) > maxLength {
		return p, fmt.Errorf("the path has more than %d characters", maxLength)
	}
	rest := strings.TrimSpace(text)
	if inner, open := strings.CutPrefix(rest, "{"); open {
		var closed bool
		if rest, closed = strings.CutSuffix(inner, "}"); !closed {
			return p, fmt.Errorf("the path %q has no } at its end", text)
		}
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(rest), "$"), "@")
	for rest != "" {
		step, after, err := next(rest)
		if err == nil && len(p.steps) >= maxSteps {
			err = fmt.Errorf("it has more than %d parts", maxSteps)
		}
		if err != nil {
			return p, fmt.Errorf("the path %q cannot be taken: %w: write fields and items alone, as {$.data[0].value}", text,
				err)
		}
		p.steps, rest = append(p.steps, step), after
	}
	return p, nil
}

// next takes the first step off what is left of a path.
func next(rest string) (step any, after string, err error) {
	if rest[0] == '[' {
		return bracket(rest[1:])
	}
	if len(rest) > 1 && rest[0] == '.' && rest[1] == '[' { // {.['a']} is {['a']}
		return bracket(rest[2:])
	}
	if rest[0] != '.' {
		return nil, "", fmt.Errorf("before %q is neither . nor [", rest)
	}
	rest = rest[1:]
	end := strings.IndexAny(rest, ".[")
	if end < 0 {
		end = len(rest)
	}
	name := rest[:end]
	switch {
	case name == "":
		return nil, "", errors.New("two dots, or one at the end, are not followed")
	case strings.ContainsAny(name, "*?@(){}]'\" ,:"):
		return nil, "", fmt.Errorf("%q is not followed", name)
	}
	return name, rest[end:], nil
}

// bracket takes what follows a [.
func bracket(rest string) (step any, after string, err error) {
	if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		end := strings.IndexByte(rest[1:], rest[0]) + 1
		if end < 1 || !strings.HasPrefix(rest[end+1:], "]") || strings.Contains(rest[1:end], `\`) {
			return nil, "", fmt.Errorf("[%s is no name in quotes", rest)
		}
		return rest[1:end], rest[end+2:], nil
	}
	inner, after, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(inner)
	if err != nil || !closed {
		return nil, "", fmt.Errorf("[%s is neither a number nor a name in quotes", rest)
	}
	return n, after, nil
}

// ErrNothing says that a document has nothing at a path.
var ErrNothing = errors.New("the answer has nothing there")

// In gives the value that a path leads to in a document as encoding/json decodes it.
func (p Path) In(document any) (any, error) {
	at := document
	for _, step := range p.steps {
		next, ok := into(at, step)
		if !ok {
			return nil, fmt.Errorf("%s: %w", p.text, ErrNothing)
		}
		at = next
	}
	return at, nil
}

func into(at, step any) (next any, ok bool) {
	switch s := step.(type) {
	case string:
		fields, is := at.(map[string]any)
		next, ok = fields[s]
		return next, is && ok
	case int:
		items, _ := at.([]any)
		if s < 0 {
			s += len(items)
		}
		if s < 0 || s >= len(items) {
			return nil, false
		}
		return items[s], true
	}
	return nil, false
}
