package expr

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// textFunctions are those of texts: CEL's own, and those of its extension for strings.
var textFunctions = map[string]signature{
	"contains":      {2, 2, onTexts(func(a, b string) any { return strings.Contains(a, b) })},
	"startsWith":    {2, 2, onTexts(func(a, b string) any { return strings.HasPrefix(a, b) })},
	"endsWith":      {2, 2, onTexts(func(a, b string) any { return strings.HasSuffix(a, b) })},
	"matches":       {2, 2, matches},
	"lowerAscii":    {1, 1, onText(func(s string) string { return mapASCII(s, 'A', 'Z', 'a'-'A') })},
	"upperAscii":    {1, 1, onText(func(s string) string { return mapASCII(s, 'a', 'z', 'A'-'a') })},
	"trim":          {1, 1, onText(strings.TrimSpace)},
	"reverse":       {1, 1, onText(reverse)},
	"strings.quote": {1, 1, onText(quote)},
	"charAt":        {2, 2, charAt},
	"indexOf":       {2, 3, indexOf},
	"lastIndexOf":   {2, 3, lastIndexOf},
	"join":          {1, 2, join},
	"replace":       {3, 4, replace},
	"split":         {2, 3, split},
	"substring":     {2, 3, substring},
}

// text takes an argument that is to be a text, and counts reading it.
func (e *evaluation) text(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("a text is asked for, and there is a %s: %w", typeOf(v), errType)
	}
	e.spend(len(s) / bytesPerStep)
	return s, nil
}

// texts takes the first arguments, which are to be texts.
func (e *evaluation) texts(a []any, n int) ([]string, error) {
	out := make([]string, n)
	for i := range out {
		var err error
		if out[i], err = e.text(a[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// number takes the argument at an index, which is to be an int; fallback if there is no such argument.
func number(a []any, at int, fallback int) (int, error) {
	if at >= len(a) {
		return fallback, nil
	}
	n, ok := a[at].(int64)
	if !ok {
		return 0, errType
	}
	return int(n), nil
}

func onText(f func(string) string) function {
	return func(e *evaluation, a []any) (any, error) {
		s, err := e.text(a[0])
		if err != nil {
			return nil, err
		}
		return f(s), nil
	}
}

func onTexts(f func(a, b string) any) function {
	return func(e *evaluation, a []any) (any, error) {
		s, err := e.texts(a, 2)
		if err != nil {
			return nil, err
		}
		return f(s[0], s[1]), nil
	}
}

func mapASCII(s string, from, to, by rune) string {
	return strings.Map(func(r rune) rune {
		if r >= from && r <= to {
			return r + by
		}
		return r
	}, s)
}

func reverse(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}

// escapes are what quote writes otherwise.
var escapes = strings.NewReplacer("\a", `\a`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`, `\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + escapes.Replace(strings.ToValidUTF8(s, "\ufffd")) + `"` }

func matches(e *evaluation, a []any) (any, error) {
	pattern, err := e.text(a[1])
	if err != nil {
		return nil, err
	}
	e.spend(len(pattern))
	re, err := compilePattern(pattern)
	if err != nil {
		return nil, err
	}
	return e.matchPattern(re, a[0])
}

// matchPattern costs the length of the text times that of the pattern.
func (e *evaluation) matchPattern(re *regexp.Regexp, v any) (any, error) {
	s, err := e.text(v)
	if err != nil {
		return nil, err
	}
	e.spend(len(s) / bytesPerStep * (1 + len(re.String())/bytesPerStep))
	return re.MatchString(s), nil
}

var errIndex = errors.New("an index into a text is out of range")

func charAt(e *evaluation, a []any) (any, error) {
	s, err := e.text(a[0])
	if err != nil {
		return nil, err
	}
	i, err := number(a, 1, 0)
	runes := []rune(s)
	switch {
	case err != nil:
		return nil, err
	case i < 0 || i > len(runes):
		return nil, errIndex
	case i == len(runes):
		return "", nil
	}
	return string(runes[i]), nil
}

// indexOf and lastIndexOf count characters, not bytes.
func indexOf(e *evaluation, a []any) (any, error) {
	s, sub, err := e.search(a)
	if err != nil {
		return nil, err
	}
	from, err := number(a, 2, 0)
	switch {
	case err != nil:
		return nil, err
	case from < 0:
		return nil, errIndex
	case len(sub) == 0:
		return int64(min(from, len(s))), nil
	}
	for at := from; at <= len(s)-len(sub); at++ {
		if slices.Equal(s[at:at+len(sub)], sub) {
			return int64(at), nil
		}
	}
	return int64(-1), nil
}

func lastIndexOf(e *evaluation, a []any) (any, error) {
	s, sub, err := e.search(a)
	if err != nil {
		return nil, err
	}
	from, err := number(a, 2, len(s))
	switch {
	case err != nil:
		return nil, err
	case from < 0:
		return nil, errIndex
	case len(sub) == 0:
		return int64(min(from, len(s))), nil
	case len(a) == 3 && from >= len(s):
		return int64(-1), nil
	}
	for at := min(from, len(s)-len(sub)); at >= 0; at-- {
		if slices.Equal(s[at:at+len(sub)], sub) {
			return int64(at), nil
		}
	}
	return int64(-1), nil
}

// search takes a text and another to look for in it, and counts looking.
func (e *evaluation) search(a []any) (s, sub []rune, err error) {
	t, err := e.texts(a, 2)
	if err != nil {
		return nil, nil, err
	}
	e.spend(len(t[0]) / bytesPerStep * (1 + len(t[1])/bytesPerStep))
	return []rune(t[0]), []rune(t[1]), nil
}

func join(e *evaluation, a []any) (any, error) {
	list, ok := a[0].([]any)
	if !ok {
		return nil, errType
	}
	separator := ""
	if len(a) == 2 {
		var err error
		if separator, err = e.text(a[1]); err != nil {
			return nil, err
		}
	}
	parts := make([]string, len(list))
	for i, v := range list {
		e.spend(1 + len(separator)/bytesPerStep)
		var err error
		if parts[i], err = e.text(v); err != nil {
			return nil, err
		}
	}
	return strings.Join(parts, separator), nil
}

func replace(e *evaluation, a []any) (any, error) {
	s, err := e.texts(a, 3)
	if err != nil {
		return nil, err
	}
	n, err := number(a, 3, -1)
	if err != nil {
		return nil, err
	}
	hits := strings.Count(s[0], s[1])
	if n >= 0 {
		hits = min(hits, n)
	}
	e.spend(hits * (1 + len(s[2])/bytesPerStep))
	return strings.Replace(s[0], s[1], s[2], n), nil
}

func split(e *evaluation, a []any) (any, error) {
	s, err := e.texts(a, 2)
	if err != nil {
		return nil, err
	}
	n, err := number(a, 2, -1)
	if err != nil {
		return nil, err
	}
	e.spend(strings.Count(s[0], s[1]))
	parts := strings.SplitN(s[0], s[1], n)
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

func substring(e *evaluation, a []any) (any, error) {
	s, err := e.text(a[0])
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	from, err := number(a, 1, 0)
	to, err2 := number(a, 2, len(runes))
	switch {
	case err != nil || err2 != nil:
		return nil, errType
	case from < 0 || to > len(runes) || from > to:
		return nil, errIndex
	}
	return string(runes[from:to]), nil
}
