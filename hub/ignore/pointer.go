package ignore

import (
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

// locate finds what a pointer leads to; false if there is nothing. exact is the same pointer with indexes that count from the end, which
// Flux and Argo CD take (github.com/evanphx/json-patch, SupportNegativeIndices), counted from the beginning.
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
