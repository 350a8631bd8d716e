package expr

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"

	"github.com/drover-dev/drover/protocol"
)

// Limits on what Decode accepts.
const (
	MaxTree    = 64 << 10 // bytes of a tree
	MaxNodes   = 4000     // of a tree
	MaxDepth   = 100      // of a tree
	MaxPattern = 1000     // bytes of a regular expression
)

// kind says what a node is.
type kind int

const (
	constant kind = iota
	identifier
	selection // args[0].name
	optSelection
	presence // has(args[0].name)
	list
	mapping // keys and values in turn
	unless  // args[0], left out if it has no value
	fold    // a macro: name is the variable, args[0] what is gone through, and args[1:] what is evaluated for each
	and
	or
	choice
	otherwise // args[0], or args[1] if that has no value: or, orValue
	indexed   // args[0][args[1]]
	call
)

// node is one part of an expression.
type node struct {
	kind    kind
	name    string
	macro   string // of a fold
	value   any    // of a constant
	args    []*node
	fn      function
	pattern *regexp.Regexp // of a call of matches, if it is constant
}

// Program is an expression that can be evaluated. It does not change, and is safe for concurrent use.
type Program struct {
	text string
	root *node
}

// macros are the folds, by the number of expressions after the variable and what is gone through.
var macros = map[string]int{"all": 1, "exists": 1, "exists_one": 1, "filter": 1, "each": 1, "eachif": 2, "optMap": 1, "optFlatMap": 1}

// Decode reads the tree of an expression. An error says what in it is invalid; it is the hub's to correct.
func Decode(e protocol.Expression) (*Program, error) {
	if len(e.Tree) > MaxTree {
		return nil, fmt.Errorf("the tree of the expression has %d bytes, and may have %d", len(e.Tree), MaxTree)
	}
	dec := json.NewDecoder(bytes.NewReader(e.Tree))
	dec.UseNumber()
	var raw any
	if err := dec.Decode(&raw); err != nil || dec.More() {
		return nil, errors.New("the tree of the expression is no JSON")
	}
	d := decoder{}
	root, err := d.node(raw, 0)
	if err != nil {
		return nil, fmt.Errorf("the tree of the expression: %w", err)
	}
	return &Program{text: e.Text, root: root}, nil
}

type decoder struct{ nodes int }

func (d *decoder) node(raw any, depth int) (*node, error) {
	if d.nodes++; d.nodes > MaxNodes || depth > MaxDepth {
		return nil, fmt.Errorf("it has more than %d parts or is nested deeper than %d", MaxNodes, MaxDepth)
	}
	switch v := raw.(type) {
	case nil, bool, string:
		return &node{value: v}, nil
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			return nil, errors.New("a number in it is not whole")
		}
		return &node{value: n}, nil
	case []any:
		if len(v) == 0 {
			break
		}
		if what, ok := v[0].(string); ok {
			return d.list(what, v[1:], depth)
		}
	}
	return nil, errors.New("a part of it is neither a constant nor a list that begins with what it is")
}

// list decodes a node that is written as a list.
func (d *decoder) list(what string, rest []any, depth int) (*node, error) {
	switch what {
	case "id":
		return named(&node{kind: identifier}, what, rest, 0)
	case "u", "d", "b":
		n, err := named(&node{}, what, rest, 0)
		if err != nil {
			return nil, err
		}
		return literal(what, n.name)
	case ".", ".?", "has":
		n, err := named(&node{kind: map[string]kind{".": selection, ".?": optSelection, "has": presence}[what]}, what, rest, 1)
		if err != nil {
			return nil, err
		}
		return n, d.children(n, rest[:1], depth)
	case "list":
		n := &node{kind: list}
		return n, d.children(n, rest, depth)
	case "map":
		if len(rest)%2 != 0 {
			return nil, errors.New("a map in it has a key without a value")
		}
		n := &node{kind: mapping}
		return n, d.children(n, rest, depth)
	case "?":
		if len(rest) != 1 {
			return nil, errors.New("an optional element in it is not one")
		}
		n := &node{kind: unless}
		return n, d.children(n, rest, depth)
	}
	if want, ok := macros[what]; ok {
		if len(rest) != want+2 {
			return nil, fmt.Errorf("%s in it has %d parts instead of %d", what, len(rest), want+2)
		}
		name, ok := rest[0].(string)
		if !ok {
			return nil, fmt.Errorf("%s in it has no variable", what)
		}
		n := &node{kind: fold, macro: what, name: name}
		return n, d.children(n, rest[1:], depth)
	}
	return d.call(what, rest, depth)
}

// named takes the name that stands at an index, after which nothing may follow.
func named(n *node, what string, rest []any, at int) (*node, error) {
	if len(rest) == at+1 {
		if name, ok := rest[at].(string); ok {
			n.name = name
			return n, nil
		}
	}
	return nil, fmt.Errorf("%q in it has no name, or more than one", what)
}

func (d *decoder) children(n *node, rest []any, depth int) error {
	n.args = make([]*node, len(rest))
	for i, raw := range rest {
		child, err := d.node(raw, depth+1)
		if err != nil {
			return err
		}
		if child.kind == unless && n.kind != list && (n.kind != mapping || i%2 == 0) {
			return errors.New("an optional element in it stands where none can be")
		}
		n.args[i] = child
	}
	return nil
}

func (d *decoder) call(what string, rest []any, depth int) (*node, error) {
	n := &node{kind: call, name: what}
	if own, ok := map[string]kind{"&&": and, "||": or, "?:": choice, "or": otherwise, "orValue": otherwise, "[]": indexed, "[?]": indexed}[what]; ok {
		n.kind = own
	}
	if !Supports(what, len(rest)) {
		return nil, fmt.Errorf("%s with %d arguments is nothing that this version evaluates", what, len(rest))
	}
	n.fn = functions[what].do
	if err := d.children(n, rest, depth); err != nil {
		return nil, err
	}
	if text, ok := n.constantPattern(); ok {
		re, err := compilePattern(text)
		if err != nil {
			return nil, err
		}
		n.pattern = re
	}
	return n, nil
}

// constantPattern is the constant regular expression of a call of matches.
func (n *node) constantPattern() (string, bool) {
	if n.name != "matches" || n.args[1].kind != constant {
		return "", false
	}
	text, ok := n.args[1].value.(string)
	return text, ok
}

func compilePattern(text string) (*regexp.Regexp, error) {
	if len(text) > MaxPattern {
		return nil, fmt.Errorf("a regular expression has %d bytes, and may have %d", len(text), MaxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, errors.New("what matches is given is no regular expression")
	}
	if weight(parsed) > maxWeight {
		return nil, errors.New("a regular expression repeats too much: write smaller counts in {}, or .* instead")
	}
	return regexp.Compile(text)
}

// maxWeight bounds what a regular expression becomes when it is compiled: regexp itself would go up to 128 MB.
const maxWeight = 5000

// weight is about the number of instructions and characters of a compiled regular expression.
func weight(re *syntax.Regexp) int {
	w := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		w += weight(sub)
	}
	if re.Op == syntax.OpRepeat {
		w *= max(1, re.Min, re.Max)
	}
	return w
}

// literal is a constant of a type that JSON has not.
func literal(what, text string) (*node, error) {
	var v any
	var err error
	switch what {
	case "u":
		v, err = strconv.ParseUint(text, 10, 64)
	case "d":
		v, err = strconv.ParseFloat(text, 64)
	default:
		v, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, fmt.Errorf("the constant %q in it is none", what)
	}
	return &node{value: v}, nil
}
