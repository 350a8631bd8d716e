package expr

import (
	"errors"
	"fmt"
)

// MaxCost bounds one evaluation: about the number of parts of the expression that are evaluated, where a text counts
// one more for every bytesPerStep. That is 40 ms at worst.
const MaxCost = 200_000

const bytesPerStep = 16

// Errors of an evaluation. Those of an expression's own making are plain: which one matters to people only.
var (
	errCost    = fmt.Errorf("it takes more than %d steps: look at fewer elements, or compare less", MaxCost)
	errType    = errors.New("no such overload")
	errMissing = errors.New("no such key")
)

// evaluation is one run of a program.
type evaluation struct {
	vars map[string]any
	left int // steps that it may still take
}

// scope holds the variables of macros, innermost first.
type scope struct {
	name  string
	value any
	outer *scope
}

// spend takes steps. Running out of them ends the whole evaluation: no operator absorbs that.
func (e *evaluation) spend(steps int) {
	if e.left -= steps; e.left < 0 {
		panic(errCost)
	}
}

// Eval evaluates the expression over vars: decoded JSON, by the names that the expression uses. The result is nil,
// bool, int64, uint64, float64, string, []byte, time.Time, time.Duration, []any, map[string]any, or another value that
// only means something to an expression.
func (p *Program) Eval(vars map[string]any) (v any, err error) {
	e := evaluation{vars: vars, left: MaxCost}
	defer func() {
		if r := recover(); r != nil {
			if r != errCost {
				panic(r)
			}
			v, err = nil, p.explain(errCost)
		}
	}()
	if v, err = e.eval(p.root, nil); err != nil {
		return nil, p.explain(err)
	}
	return v, nil
}

// Bool evaluates an expression that is to be true or false.
func (p *Program) Bool(vars map[string]any) (bool, error) {
	v, err := p.Eval(vars)
	if err != nil {
		return false, err
	}
	is, ok := v.(bool)
	if !ok {
		return false, p.explain(fmt.Errorf("it gives a %s instead of true or false", typeOf(v)))
	}
	return is, nil
}

// String is the expression as it was written.
func (p *Program) String() string { return p.text }

func (p *Program) explain(err error) error { return fmt.Errorf("%s: %w", p.text, err) }

func (e *evaluation) eval(n *node, in *scope) (any, error) {
	e.spend(1)
	switch n.kind {
	case constant:
		return n.value, nil
	case identifier:
		return e.lookup(n.name, in)
	case selection, optSelection, presence:
		return e.selected(n, in)
	case list:
		return e.list(n, in)
	case mapping:
		return e.mapping(n, in)
	case fold:
		return e.fold(n, in)
	case and, or:
		return e.logic(n, in)
	case choice:
		return e.choice(n, in)
	case otherwise:
		return e.otherwise(n, in)
	case indexed:
		return e.index(n, in)
	}
	args := make([]any, len(n.args))
	for i, arg := range n.args {
		v, err := e.eval(arg, in)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	if n.pattern != nil {
		return e.matchPattern(n.pattern, args[0])
	}
	return n.fn(e, args)
}

func (e *evaluation) lookup(name string, in *scope) (any, error) {
	for ; in != nil; in = in.outer {
		if in.name == name {
			return in.value, nil
		}
	}
	if v, ok := e.vars[name]; ok {
		return plain(v), nil
	}
	if t, ok := types[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("there is no %s", name)
}

// selected evaluates e.name, e.?name and has(e.name).
func (e *evaluation) selected(n *node, in *scope) (any, error) {
	of, err := e.eval(n.args[0], in)
	if err != nil {
		return nil, err
	}
	o, ok := of.(optional)
	if ok {
		of = o.value
	}
	wrap := n.kind == optSelection || ok && n.kind == selection
	v, found, isMap := e.find(of, n.name)
	_, isList := of.([]any)
	switch {
	case isList || !isMap && n.kind == selection && !ok: // of anything else a field may be asked for, and is not there
		return nil, fmt.Errorf("no field %s in what is no map: %w", n.name, errType)
	case n.kind == presence:
		return found, nil
	case wrap:
		return optional{v, found}, nil
	case !found:
		return nil, fmt.Errorf("%w: %s", errMissing, n.name)
	}
	return v, nil
}

func (e *evaluation) list(n *node, in *scope) (any, error) {
	out := make([]any, 0, len(n.args))
	for _, arg := range n.args {
		v, there, err := e.element(arg, in)
		if err != nil {
			return nil, err
		}
		if there {
			out = append(out, v)
		}
	}
	return out, nil
}

// element evaluates a part of a list or a map, which may be left out.
func (e *evaluation) element(n *node, in *scope) (v any, there bool, err error) {
	if n.kind != unless {
		v, err = e.eval(n, in)
		return v, true, err
	}
	v, err = e.eval(n.args[0], in)
	if err != nil {
		return nil, false, err
	}
	o, ok := v.(optional)
	if !ok {
		return nil, false, fmt.Errorf("an element with ? is no optional value: %w", errType)
	}
	return o.value, o.set, nil
}

func (e *evaluation) mapping(n *node, in *scope) (any, error) {
	t := table{}
	texts := true
	for i := 0; i < len(n.args); i += 2 {
		key, err := e.eval(n.args[i], in)
		if err != nil {
			return nil, err
		}
		switch key.(type) {
		case string:
		case int64, uint64, float64, bool:
			texts = false
		default:
			return nil, fmt.Errorf("a map cannot have a key of type %s", typeOf(key))
		}
		v, there, err := e.element(n.args[i+1], in)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		if _, twice, _ := e.find(t, key); twice {
			return nil, errors.New("a map has a key twice")
		}
		t.keys, t.values = append(t.keys, key), append(t.values, v)
	}
	if !texts {
		return t, nil
	}
	m := make(map[string]any, len(t.keys))
	for i, key := range t.keys {
		m[key.(string)] = t.values[i] // all keys are texts
	}
	return m, nil
}

// logic evaluates && and ||. Either side alone may decide, whatever becomes of the other.
func (e *evaluation) logic(n *node, in *scope) (any, error) {
	deciding := n.kind == or
	var failed error
	for _, arg := range n.args {
		v, err := e.eval(arg, in)
		if err == nil {
			is, ok := v.(bool)
			if ok && is == deciding {
				return deciding, nil
			}
			if !ok {
				err = fmt.Errorf("%s asks for true or false: %w", n.name, errType)
			}
		}
		if failed == nil {
			failed = err
		}
	}
	if failed != nil {
		return nil, failed
	}
	return !deciding, nil
}

func (e *evaluation) choice(n *node, in *scope) (any, error) {
	v, err := e.eval(n.args[0], in)
	if err != nil {
		return nil, err
	}
	is, ok := v.(bool)
	if !ok {
		return nil, fmt.Errorf("?: asks for true or false: %w", errType)
	}
	if is {
		return e.eval(n.args[1], in)
	}
	return e.eval(n.args[2], in)
}

// otherwise evaluates or and orValue.
func (e *evaluation) otherwise(n *node, in *scope) (any, error) {
	v, err := e.eval(n.args[0], in)
	if err != nil {
		return nil, err
	}
	o, ok := v.(optional)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s is for optional values: %w", n.name, errType)
	case o.set && n.name == "or":
		return o, nil
	case o.set:
		return o.value, nil
	}
	return e.eval(n.args[1], in)
}

// index evaluates e[key] and e[?key]. Of an optional that has no value, and of what can hold nothing, nothing is asked.
func (e *evaluation) index(n *node, in *scope) (any, error) {
	of, err := e.eval(n.args[0], in)
	if err != nil {
		return nil, err
	}
	o, wrap := of.(optional)
	if wrap {
		if !o.set {
			return o, nil
		}
		of = o.value
	}
	wrap = wrap || n.name == "[?]"
	key, err := e.eval(n.args[1], in)
	if err != nil {
		return nil, err
	}
	v, found, holds, err := e.at(of, key)
	switch {
	case err != nil:
		return nil, err
	case wrap:
		return optional{v, found}, nil
	case !holds:
		return nil, fmt.Errorf("only lists and maps have an index: %w", errType)
	case !found:
		return nil, fmt.Errorf("%w or index", errMissing)
	}
	return v, nil
}
