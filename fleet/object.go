package fleet

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// object is a Kubernetes object as decoded JSON, with lookups that bear any shape.
type object map[string]any

// RefOf names an object given as decoded JSON. Fields that are missing or of a wrong type are empty.
func RefOf(obj map[string]any) protocol.ObjectRef {
	o := object(obj)
	return protocol.ObjectRef{Group: o.group(), Kind: o.str("kind"), Namespace: o.str("metadata", "namespace"), Name: o.str("metadata", "name")}
}

// GroupOf is the group in an apiVersion: "apps" of "apps/v1", "" of "v1".
func GroupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

func (o object) group() string { return GroupOf(o.str("apiVersion")) }

func (o object) get(path ...string) any {
	var at any = map[string]any(o)
	for _, p := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[p]
	}
	return at
}

func (o object) str(path ...string) string {
	s, _ := o.get(path...).(string)
	return s
}

// num reads a whole number, whether it was decoded as int64 (apimachinery), float64 or json.Number (encoding/json).
func (o object) num(path ...string) (int64, bool) {
	switch n := o.get(path...).(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}

func (o object) numOr(fallback int64, path ...string) int64 {
	if n, ok := o.num(path...); ok {
		return n
	}
	return fallback
}

// time reads a time as the API writes it.
func (o object) time(path ...string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, o.str(path...))
	return t, err == nil
}

// items are the objects in a list; whatever else is in it is left out.
func (o object) items(path ...string) []object {
	list, _ := o.get(path...).([]any)
	out := make([]object, 0, len(list))
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

type condition struct{ kind, status, reason, message string }

func (c condition) text() string {
	switch {
	case c.message != "":
		return oneLine(c.message)
	case c.reason != "":
		return c.reason
	}
	return orUnknown(c.status)
}

func (o object) conditions() []condition {
	list, _ := o.get("status", "conditions").([]any)
	out := make([]condition, 0, len(list))
	for _, item := range list {
		m, _ := item.(map[string]any)
		c := object(m)
		out = append(out, condition{c.str("type"), c.str("status"), c.str("reason"), c.str("message")})
	}
	return out
}

// condition gives the condition of a kind, or an empty one.
func (o object) condition(kind string) condition {
	for _, c := range o.conditions() {
		if c.kind == kind {
			return c
		}
	}
	return condition{}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
