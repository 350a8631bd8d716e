package expr

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// function is an operator or a function over values that are there.
type function func(e *evaluation, args []any) (any, error)

// signature says how many arguments a function takes, what a method is called on included.
type signature struct {
	least, most int
	do          function
}

// functions are all that can be called. It is the list that Supports goes by.
var functions = map[string]signature{
	"&&": {2, 2, nil}, "||": {2, 2, nil}, "?:": {3, 3, nil}, "or": {2, 2, nil}, "orValue": {2, 2, nil},
	"[]": {2, 2, nil}, "[?]": {2, 2, nil}, // of these not all arguments are evaluated
	"!": {1, 1, not}, "neg": {1, 1, negate},
	"==": {2, 2, func(e *evaluation, a []any) (any, error) { return e.equal(a[0], a[1]), nil }},
	"!=": {2, 2, func(e *evaluation, a []any) (any, error) { return !e.equal(a[0], a[1]), nil }},
	"<":  {2, 2, ordered(func(c int) bool { return c < 0 })},
	"<=": {2, 2, ordered(func(c int) bool { return c <= 0 })},
	">":  {2, 2, ordered(func(c int) bool { return c > 0 })},
	">=": {2, 2, ordered(func(c int) bool { return c >= 0 })},
	"+":  {2, 2, add}, "-": {2, 2, subtract}, "*": {2, 2, multiply}, "/": {2, 2, divide}, "%": {2, 2, remainder},
	"in":   {2, 2, contained},
	"size": {1, 1, size}, "type": {1, 1, func(_ *evaluation, a []any) (any, error) { return typeOf(a[0]), nil }},
	"dyn":  {1, 1, func(_ *evaluation, a []any) (any, error) { return a[0], nil }},
	"bool": {1, 1, toBool}, "int": {1, 1, toInt}, "uint": {1, 1, toUint}, "double": {1, 1, toDouble},
	"string": {1, 1, toString}, "bytes": {1, 1, toBytes}, "timestamp": {1, 1, toTimestamp}, "duration": {1, 1, toDuration},

	"optional.of":             {1, 1, func(_ *evaluation, a []any) (any, error) { return optional{a[0], true}, nil }},
	"optional.ofNonZeroValue": {1, 1, func(_ *evaluation, a []any) (any, error) { return nonZero(a[0]), nil }},
	"optional.none":           {0, 0, func(*evaluation, []any) (any, error) { return optional{}, nil }},
	"optional.unwrap":         {1, 1, unwrap}, "unwrapOpt": {1, 1, unwrap},
	"hasValue": {1, 1, hasValue}, "value": {1, 1, value}, "first": {1, 1, end(0)}, "last": {1, 1, end(1)},

	"sets.contains":   {2, 2, setContains},
	"sets.equivalent": {2, 2, setEquivalent},
	"sets.intersects": {2, 2, setIntersects},
	"base64.encode":   {1, 1, encode}, "base64.decode": {1, 1, decode},
}

func init() {
	for _, more := range []map[string]signature{textFunctions, timeFunctions} {
		for name, f := range more {
			functions[name] = f
		}
	}
}

// Supports says whether there is an operator or a function of a name, written as in a tree, that takes so many
// arguments.
func Supports(name string, arguments int) bool {
	f, ok := functions[name]
	return ok && arguments >= f.least && arguments <= f.most
}

// Knows says whether there is an operator or a function of a name, written as in a tree.
func Knows(name string) bool { return functions[name].most > 0 || functions[name].do != nil }

func not(_ *evaluation, a []any) (any, error) {
	is, ok := a[0].(bool)
	if !ok {
		return nil, errType
	}
	return !is, nil
}

func ordered(want func(int) bool) function {
	return func(e *evaluation, a []any) (any, error) {
		c, ok := e.compare(a[0], a[1])
		if !ok {
			return nil, fmt.Errorf("a %s and a %s have no order: %w", typeOf(a[0]), typeOf(a[1]), errType)
		}
		return want(c), nil
	}
}

func contained(e *evaluation, a []any) (any, error) {
	if list, ok := a[1].([]any); ok {
		return slices.ContainsFunc(list, func(v any) bool { return e.equal(v, a[0]) }), nil
	}
	_, found, isMap := e.find(a[1], a[0])
	if !isMap {
		return nil, fmt.Errorf("in asks for a list or a map: %w", errType)
	}
	return found, nil
}

// at gives what is at an index or a key. holds is false if there can be nothing in what is asked.
func (e *evaluation) at(of, key any) (v any, found, holds bool, err error) {
	switch key.(type) {
	case string, int64, uint64, float64, bool:
	default:
		return nil, false, false, fmt.Errorf("a %s is neither an index nor a key: %w", typeOf(key), errType)
	}
	if list, ok := of.([]any); ok {
		i, ok := asIndex(key)
		if !ok {
			return nil, false, true, fmt.Errorf("the index of a list is a whole number: %w", errType)
		}
		if i < 0 || i >= int64(len(list)) {
			return nil, false, true, nil
		}
		return plain(list[i]), true, true, nil
	}
	v, found, holds = e.find(of, key)
	return v, found, holds, nil
}

// asIndex takes any number that is whole.
func asIndex(key any) (int64, bool) {
	switch k := key.(type) {
	case int64:
		return k, true
	case uint64:
		return int64(min(k, 1<<62)), true // beyond any list
	case float64:
		return int64(k), k == float64(int64(k))
	}
	return 0, false
}

func size(e *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case string:
		e.spend(len(v) / bytesPerStep)
		return int64(utf8.RuneCountInString(v)), nil
	case []byte:
		return int64(len(v)), nil
	case []any:
		return int64(len(v)), nil
	case map[string]any:
		return int64(len(v)), nil
	case table:
		return int64(len(v.keys)), nil
	}
	return nil, fmt.Errorf("a %s has no size: %w", typeOf(a[0]), errType)
}

func hasValue(_ *evaluation, a []any) (any, error) {
	o, ok := a[0].(optional)
	if !ok {
		return nil, errType
	}
	return o.set, nil
}

func value(_ *evaluation, a []any) (any, error) {
	o, ok := a[0].(optional)
	switch {
	case !ok:
		return nil, errType
	case !o.set:
		return nil, errors.New("an optional value is not there")
	}
	return o.value, nil
}

// nonZero is an optional that has a value unless it is the zero value of its type.
func nonZero(v any) optional {
	zero := false
	switch v := v.(type) {
	case nil:
		zero = true
	case bool:
		zero = !v
	case string:
		zero = v == ""
	case []byte:
		zero = len(v) == 0
	case time.Time:
		zero = v.IsZero()
	case time.Duration:
		zero = v == 0
	case optional: // it is a value, whether it has one or not
	default:
		c, isNumber := compareNumbers(v, int64(0))
		items, holds := elements(v)
		zero = isNumber && c == 0 || holds && len(items) == 0
	}
	if zero {
		return optional{}
	}
	return optional{v, true}
}

// unwrap gives the values of those optionals in a list that have one.
func unwrap(_ *evaluation, a []any) (any, error) {
	list, ok := a[0].([]any)
	if !ok {
		return nil, errType
	}
	out := []any{}
	for _, item := range list {
		o, ok := item.(optional)
		if !ok {
			return nil, errType
		}
		if o.set {
			out = append(out, o.value)
		}
	}
	return out, nil
}

// end gives the first or the last element of a list, if there is one.
func end(last int) function {
	return func(_ *evaluation, a []any) (any, error) {
		list, ok := a[0].([]any)
		if !ok {
			return nil, errType
		}
		if len(list) == 0 {
			return optional{}, nil
		}
		return optional{plain(list[last*(len(list)-1)]), true}, nil
	}
}

// sets takes two lists as sets.
func (e *evaluation) sets(a []any) (x, y []any, err error) {
	x, ok := a[0].([]any)
	y, ok2 := a[1].([]any)
	if !ok || !ok2 {
		return nil, nil, fmt.Errorf("sets are lists: %w", errType)
	}
	return x, y, nil
}

// within says whether every element of x is in y.
func (e *evaluation) within(x, y []any) bool {
	return !slices.ContainsFunc(x, func(v any) bool {
		return !slices.ContainsFunc(y, func(w any) bool { return e.equal(v, w) })
	})
}

func setContains(e *evaluation, a []any) (any, error) {
	x, y, err := e.sets(a)
	return e.within(y, x), err
}

func setEquivalent(e *evaluation, a []any) (any, error) {
	x, y, err := e.sets(a)
	return e.within(x, y) && e.within(y, x), err
}

func setIntersects(e *evaluation, a []any) (any, error) {
	x, y, err := e.sets(a)
	return slices.ContainsFunc(x, func(v any) bool {
		return slices.ContainsFunc(y, func(w any) bool { return e.equal(v, w) })
	}), err
}

func encode(e *evaluation, a []any) (any, error) {
	data, ok := a[0].([]byte)
	if !ok {
		return nil, errType
	}
	e.spend(len(data) / bytesPerStep)
	return base64.StdEncoding.EncodeToString(data), nil
}

func decode(e *evaluation, a []any) (any, error) {
	text, ok := a[0].(string)
	if !ok {
		return nil, errType
	}
	e.spend(len(text) / bytesPerStep)
	encoding := base64.StdEncoding
	if len(text)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	data, err := encoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("what base64.decode is given is no base64")
	}
	return data, nil
}
