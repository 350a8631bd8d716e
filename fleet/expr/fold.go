package expr

import "fmt"

// fold evaluates a macro.
func (e *evaluation) fold(n *node, in *scope) (any, error) {
	of, err := e.eval(n.args[0], in)
	if err != nil {
		return nil, err
	}
	if n.macro == "optMap" || n.macro == "optFlatMap" {
		return e.optMap(n, of, in)
	}
	items, ok := elements(of)
	if !ok {
		return nil, fmt.Errorf("%s goes through lists and maps: %w", n.macro, errType)
	}
	switch n.macro {
	case "all", "exists":
		return e.quantify(n, items, in)
	case "exists_one":
		some := 0
		for _, item := range items {
			is, err := e.holds(n.args[1], n.name, item, in)
			if err != nil {
				return nil, err
			}
			some += rank(is)
		}
		return some == 1, nil
	}
	return e.collect(n, items, in)
}

// holds evaluates a condition for one element.
func (e *evaluation) holds(n *node, name string, item any, in *scope) (bool, error) {
	v, err := e.eval(n, &scope{name, plain(item), in})
	if err != nil {
		return false, err
	}
	is, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("the condition on %s is neither true nor false: %w", name, errType)
	}
	return is, nil
}

// quantify evaluates all and exists. One element may decide, whatever becomes of the others.
func (e *evaluation) quantify(n *node, items []any, in *scope) (any, error) {
	deciding := n.macro == "exists"
	var failed error
	for _, item := range items {
		is, err := e.holds(n.args[1], n.name, item, in)
		switch {
		case err != nil:
			if failed == nil {
				failed = err
			}
		case is == deciding:
			return deciding, nil
		}
	}
	if failed != nil {
		return nil, failed
	}
	return !deciding, nil
}

// collect evaluates filter and both forms of map.
func (e *evaluation) collect(n *node, items []any, in *scope) (any, error) {
	out := []any{}
	for _, item := range items {
		if n.macro != "each" {
			is, err := e.holds(n.args[1], n.name, item, in)
			if err != nil {
				return nil, err
			}
			if !is {
				continue
			}
		}
		v := plain(item)
		if n.macro != "filter" {
			var err error
			if v, err = e.eval(n.args[len(n.args)-1], &scope{n.name, v, in}); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// optMap evaluates an expression for the value of an optional, if it has one.
func (e *evaluation) optMap(n *node, of any, in *scope) (any, error) {
	o, ok := of.(optional)
	if !ok {
		return nil, fmt.Errorf("%s is for optional values: %w", n.macro, errType)
	}
	if !o.set {
		return optional{}, nil
	}
	v, err := e.eval(n.args[1], &scope{n.name, o.value, in})
	if err == nil && n.macro == "optMap" {
		v = optional{v, true}
	}
	return v, err
}
