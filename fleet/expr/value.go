package expr

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Values are nil, bool, int64, uint64, float64, string, []byte, time.Time, time.Duration, []any, map[string]any, table,
// typeName and optional. What is given to Eval may hold json.Number and int besides.

// typeName is a type as a value.
type typeName string

// types are the names under which an expression can name a type.
var types = map[string]typeName{
	"bool": "bool", "int": "int", "uint": "uint", "double": "double", "string": "string", "bytes": "bytes", "list": "list", "map": "map",
	"null_type": "null_type", "type": "type", "optional_type": "optional_type",
	"google.protobuf.Timestamp": "google.protobuf.Timestamp", "google.protobuf.Duration": "google.protobuf.Duration",
}

// IsType says whether a name is that of a type that expressions can name.
func IsType(name string) bool { return types[name] != "" }

// table is a map with keys that are not texts, which only an expression itself can make.
type table struct{ keys, values []any }

// optional is a value that may not be there.
type optional struct {
	value any
	set   bool
}

// plain gives a value that was given to Eval its type: a number without a fraction is an int, as Kubernetes decodes it.
func plain(v any) any {
	switch n := v.(type) {
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i
		}
		f, _ := n.Float64() // a number of JSON that no float64 holds is infinite
		return f
	case int:
		return int64(n)
	}
	return v
}

func typeOf(v any) typeName {
	switch v.(type) {
	case nil:
		return "null_type"
	case bool:
		return "bool"
	case int64:
		return "int"
	case uint64:
		return "uint"
	case float64:
		return "double"
	case string:
		return "string"
	case []byte:
		return "bytes"
	case time.Time:
		return "google.protobuf.Timestamp"
	case time.Duration:
		return "google.protobuf.Duration"
	case []any:
		return "list"
	case map[string]any, table:
		return "map"
	case optional:
		return "optional_type"
	}
	return "type"
}

// find looks up a key of a map. isMap is false if v is none.
func (e *evaluation) find(v, key any) (value any, found, isMap bool) {
	switch m := v.(type) {
	case map[string]any:
		name, ok := key.(string)
		if !ok {
			return nil, false, true
		}
		value, found = m[name]
		return plain(value), found, true
	case table:
		for i, k := range m.keys {
			if e.equal(k, key) {
				return m.values[i], true, true
			}
		}
		return nil, false, true
	}
	return nil, false, false
}

// elements are what a macro goes through: the elements of a list, or the keys of a map in their order.
func elements(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case table:
		return v.keys, true
	case map[string]any:
		keys := make([]any, 0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			keys = append(keys, k)
		}
		return keys, true
	}
	return nil, false
}

// equal compares any two values; those of different types differ, except for numbers.
func (e *evaluation) equal(a, b any) bool {
	e.spend(1)
	a, b = plain(a), plain(b)
	if c, ok := compareNumbers(a, b); ok {
		return c == 0
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool, typeName:
		return a == b
	case float64, int64, uint64: // the other is no number, or one of them is NaN
		return false
	case string:
		y, ok := b.(string)
		e.spend(len(x) / bytesPerStep)
		return ok && x == y
	case []byte:
		y, ok := b.([]byte)
		e.spend(len(x) / bytesPerStep)
		return ok && bytes.Equal(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case time.Duration:
		y, ok := b.(time.Duration)
		return ok && x == y
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, e.equal)
	case optional:
		y, ok := b.(optional)
		return ok && x.set == y.set && (!x.set || e.equal(x.value, y.value))
	}
	return e.equalMaps(a, b)
}

func (e *evaluation) equalMaps(a, b any) bool {
	x, ok := elements(a)
	y, ok2 := elements(b)
	_, isList := b.([]any)
	if !ok || !ok2 || isList || len(x) != len(y) {
		return false
	}
	for _, key := range x {
		mine, _, _ := e.find(a, key)
		other, found, _ := e.find(b, key)
		if !found || !e.equal(mine, other) {
			return false
		}
	}
	return true
}

// compareNumbers compares two numbers of any types by value. It says false if one is no number, or NaN.
func compareNumbers(a, b any) (int, bool) {
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			return cmp.Compare(x, y), true
		case uint64:
			if x < 0 {
				return -1, true
			}
			return cmp.Compare(uint64(x), y), true
		case float64:
			return compareFloat(float64(x), y)
		}
	case uint64:
		switch y := b.(type) {
		case uint64:
			return cmp.Compare(x, y), true
		case float64:
			return compareFloat(float64(x), y)
		case int64:
			c, ok := compareNumbers(b, a)
			return -c, ok
		}
	case float64:
		switch y := b.(type) {
		case float64:
			return compareFloat(x, y)
		case int64:
			return compareFloat(x, float64(y))
		case uint64:
			return compareFloat(x, float64(y))
		}
	}
	return 0, false
}

func compareFloat(x, y float64) (int, bool) {
	return cmp.Compare(x, y), !math.IsNaN(x) && !math.IsNaN(y)
}

// compare orders two values; ok is false if they have no order.
func (e *evaluation) compare(a, b any) (c int, ok bool) {
	if c, ok := compareNumbers(a, b); ok {
		return c, true
	}
	switch x := a.(type) {
	case bool:
		if y, ok := b.(bool); ok {
			return rank(x) - rank(y), true
		}
	case string:
		if y, ok := b.(string); ok {
			e.spend(min(len(x), len(y)) / bytesPerStep)
			return strings.Compare(x, y), true
		}
	case []byte:
		if y, ok := b.([]byte); ok {
			e.spend(min(len(x), len(y)) / bytesPerStep)
			return bytes.Compare(x, y), true
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return cmp.Compare(x, y), true
		}
	}
	return 0, false
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}
