package ignore

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

var (
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
)

// parsePointer takes a JSON pointer (RFC 6901) apart; false if it is none.
func parsePointer(p string) ([]string, bool) {
	if p == "" {
		return nil, true
	}
	if p[0] != '/' || len(p) > maxExpr {
		return nil, false
	}
	steps := strings.Split(p[1:], "/")
	for i, s := range steps {
		steps[i] = unescape.Replace(s)
	}
	return steps, true
}

func joinPointer(steps []string) string {
	var out strings.Builder
	for _, s := range steps {
		out.WriteByte('/')
		out.WriteString(escape.Replace(s))
	}
	return out.String()
}

// locate finds what a pointer leads to; false if there is nothing. exact is the same pointer with indexes that count
// from the end, which Flux and Argo CD take (github.com/evanphx/json-patch, SupportNegativeIndices), counted from the
// beginning.
func locate(v any, steps []string) (exact []string, at any, ok bool) {
	exact, at = make([]string, len(steps)), v
	for i, step := range steps {
		exact[i] = step
		switch v := at.(type) {
		case map[string]any:
			if at, ok = v[step]; !ok {
				return nil, nil, false
			}
		case []any:
			n, err := strconv.Atoi(step)
			if n < 0 {
				n += len(v)
			}
			if err != nil || n < 0 || n >= len(v) {
				return nil, nil, false
			}
			exact[i], at = strconv.Itoa(n), v[n]
		default:
			return nil, nil, false
		}
	}
	return exact, at, true
}

// vacant finds a field that Git does not have, where it may be a part of one that it has: the API server may know one
// owner for all of a map (the selector of a Service) or list, so a controller that adds a field takes what is from Git
// with it. Labels, annotations and the data of ConfigMaps are no such maps, and a map of more than plain values only
// below a list.
func vacant(v any, steps []string) (exact []string, ok bool) {
	last := len(steps) - 1
	if last < 2 || slices.Contains(steps, "metadata") {
		return nil, false
	}
	exact, at, ok := locate(v, steps[:last])
	if !ok {
		return nil, false
	}
	m, ok := at.(map[string]any)
	if !ok || len(m) == 0 || !listed(v, exact) && slices.ContainsFunc(slices.Collect(maps.Values(m)), nested) {
		return nil, false
	}
	return append(exact, steps[last]), true
}

// listed says whether a pointer goes through a list.
func listed(v any, steps []string) bool {
	for i := range steps {
		if _, at, ok := locate(v, steps[:i]); ok {
			if _, list := at.([]any); list {
				return true
			}
		}
	}
	return false
}

func nested(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}
