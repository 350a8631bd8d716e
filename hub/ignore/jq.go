package ignore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// callable are the functions that a path expression may call. They choose among what an object has. What makes texts or
// lists is not among them, nor are operators that do: a few characters of it would fill the memory of the hub.
var callable = strings.Fields(`all any arrays ascii_downcase ascii_upcase booleans contains empty endswith first getpath has in IN inside isempty
	iterables last length limit ltrimstr not nth nulls numbers objects recurse rtrimstr scalars select startswith strings test type values`)

// operators are those that a path expression may use.
var operators = []gojq.Operator{0, gojq.OpPipe, gojq.OpComma, gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe, gojq.OpOr, gojq.OpAnd, gojq.OpAlt}

// compileJQ compiles a path expression, so that it gives paths.
func compileJQ(text string) (*gojq.Code, error) {
	if len(text) > maxExpr {
		return nil, fmt.Errorf("a jq expression is longer than %d bytes", maxExpr)
	}
	q, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("jq %q is no path expression: %w", text, err)
	}
	if err := harmless(reflect.ValueOf(q)); err != nil {
		return nil, fmt.Errorf("jq %q: %w", text, err)
	}
	path := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: "path", Args: []*gojq.Query{q}}}}
	code, err := gojq.Compile(path)
	if err != nil {
		return nil, fmt.Errorf("jq %q: %w", text, err)
	}
	return code, nil
}

// harmless looks through the tree of an expression for what it may not have.
func harmless(v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		if err := allowed(v.Interface()); err != nil {
			return err
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if err := harmless(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := harmless(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func allowed(node any) error {
	what := ""
	switch n := node.(type) {
	case *gojq.Query:
		if len(n.FuncDefs) > 0 || len(n.Imports) > 0 {
			what = "def and import"
		} else if !slices.Contains(operators, n.Op) {
			what = n.Op.String()
		}
	case *gojq.Func:
		if name := n.Name; !slices.Contains(callable, name) && (!strings.HasPrefix(name, "$") || name == "$ENV" || name == "$__loc__") {
			what = name
		}
	case *gojq.Reduce, *gojq.Foreach, *gojq.Label:
		what = "reduce, foreach and label"
	case *gojq.Array:
		if n.Query != nil && !constant(n.Query) {
			what = "a list that is not made of constants"
		}
	case *gojq.Object:
		what = "{…}"
	case *gojq.String:
		if len(n.Queries) > 0 {
			what = `\(…) in a text`
		}
	case *gojq.Term:
		if n.Format != "" {
			what = n.Format
		}
	}
	if what == "" {
		return nil
	}
	return fmt.Errorf("%s cannot be used here: choose fields by paths, select and comparisons, with %s", what, strings.Join(callable, ", "))
}

// constant says whether a query is a constant, or several.
func constant(q *gojq.Query) bool {
	if q.Term == nil {
		return q.Op == gojq.OpComma && constant(q.Left) && constant(q.Right)
	}
	t := q.Term
	return len(t.SuffixList) == 0 && (t.Type == gojq.TermTypeString || t.Type == gojq.TermTypeNumber || t.Type == gojq.TermTypeTrue || t.Type == gojq.TermTypeFalse || t.Type == gojq.TermTypeNull)
}

// runJQ gives the paths that an expression means in an object. An error of the expression ends it for this object, as
// in Argo CD: what came before counts.
func runJQ(ctx context.Context, code *gojq.Code, object map[string]any) (out [][]string, err error) {
	results := code.RunWithContext(ctx, object)
	for {
		v, ok := results.Next()
		if !ok {
			return out, nil
		}
		if _, failed := v.(error); failed {
			return out, ctx.Err()
		}
		if len(out) >= maxOutputs {
			return nil, errors.New("it gives too many paths: " + strconv.Itoa(maxOutputs) + " for one object is the most")
		}
		path, _ := v.([]any)
		out = append(out, pointers(object, path)...)
	}
}

// pointers turns a path of jq into pointers: one, or one for each item of a slice with which it ends.
func pointers(object any, path []any) [][]string {
	var steps []string
	from, to := -1, -1 // the slice that the next step is seen from
	for _, step := range path {
		switch step := step.(type) {
		case string:
			steps = append(steps, step)
		case map[string]any:
			if from < 0 {
				_, at, _ := locate(object, steps)
				list, _ := at.([]any)
				from, to = 0, len(list)
			}
			length := to - from
			to = from + bound(step["end"], length, length)
			from = min(from+bound(step["start"], 0, length), to)
			continue
		default:
			n := number(step, 0)
			switch {
			case from >= 0 && n < 0:
				n += to
			case from >= 0:
				n += from
			}
			steps = append(steps, strconv.Itoa(n))
		}
		from, to = -1, -1
	}
	if from < 0 {
		return [][]string{steps}
	}
	var out [][]string
	for n := from; n < to; n++ {
		out = append(out, append(slices.Clone(steps), strconv.Itoa(n)))
	}
	return out
}

// bound is an end of a slice as jq counts: from the end of the list if it is negative.
func bound(v any, otherwise, length int) int {
	n := number(v, otherwise)
	if n < 0 {
		n += length
	}
	return min(max(n, 0), length)
}

func number(v any, otherwise int) int {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		return int(v)
	}
	return otherwise
}
