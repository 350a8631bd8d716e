package cel

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"

	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// maxExpr is how many bytes an expression for agents may have.
const maxExpr = 8 << 10

// language is what an expression for agents may use: what Flux offers (fluxcd/pkg/runtime/cel, NewExpression). Which of
// the functions fleet/expr evaluates, it says itself.
var language = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.DefaultUTCTimeZone(true), cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(),
		cel.EnableMacroCallTracking(),
		cel.ParserExpressionSizeLimit(maxExpr), cel.ParserRecursionLimit(expr.MaxDepth), ext.Strings(), ext.Sets(), ext.Encoders())
})

// CompileExpr checks an expression that is to be true or false, and takes it apart for fleet/expr. It may use the
// variables that are given, or any if none are. An error says where in the expression what is wrong, and what to do.
func CompileExpr(text string, vars ...string) (protocol.Expression, error) {
	return compileFor(text, cel.BoolType, vars)
}

// CompileText is CompileExpr for an expression that is to give a text.
func CompileText(text string, vars ...string) (protocol.Expression, error) {
	return compileFor(text, cel.StringType, vars)
}

// compileFor compiles an expression of the type that is wanted; nil for any.
func compileFor(text string, want *cel.Type, vars []string) (protocol.Expression, error) {
	none := protocol.Expression{}
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxExpr {
		return none, fmt.Errorf("an expression of %d bytes: it is to have between 1 and %d", len(text), maxExpr)
	}
	env, err := language()
	if err != nil {
		return none, err
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return none, located(issues)
	}
	w := walker{info: parsed.NativeRep().SourceInfo(), vars: vars}
	tree, err := w.tree(parsed.NativeRep().Expr())
	if err != nil {
		return none, err
	}
	if err := check(env, parsed, w.free, len(vars) > 0, want); err != nil {
		return none, err
	}
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false) // && is what most expressions have
	if err := enc.Encode(tree); err != nil {
		return none, err
	}
	out := protocol.Expression{Text: text, Tree: bytes.TrimSpace(data.Bytes())}
	_, err = expr.Decode(out) // whatever it refuses, an agent would refuse
	return out, err
}

// check has cel-go check the types. Variables that the caller declares are objects; others may be anything.
func check(env *cel.Env, parsed *cel.Ast, vars []string, objects bool, want *cel.Type) error {
	var declared []cel.EnvOption
	for _, name := range vars {
		kind := cel.DynType
		if objects {
			kind = cel.MapType(cel.StringType, cel.DynType)
		}
		declared = append(declared, cel.Variable(name, kind))
	}
	env, err := env.Extend(declared...)
	if err != nil {
		return err
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return located(issues)
	}
	if _, err := env.Program(checked); err != nil { // as for a key that cannot be one
		return err
	}
	if got := checked.OutputType(); want != nil && !got.IsExactType(want) && !got.IsExactType(cel.DynType) {
		return fmt.Errorf("it gives a %s, and is to give a %s", got, want)
	}
	return nil
}

// located is the first of some issues, with its place in the expression.
func located(issues *cel.Issues) error {
	first := issues.Errors()[0]
	text, _, _ := strings.Cut(strings.TrimSuffix(first.Message, " (in container '')"), "\n")
	text, _, _ = strings.Cut(text, " expecting {") // all that the grammar knows
	return placed(first.Location.Line(), first.Location.Column(), text)
}

func placed(line, column int, text string) error {
	return fmt.Errorf("line %d, column %d: %s", line, column+1, text)
}

// walker makes the tree of an expression as package fleet/expr documents it. Macros are left as they are written.
type walker struct {
	info  *ast.SourceInfo
	vars  []string // that may be used; any if there are none
	bound []string // variables of the macros around
	free  []string // variables that are used
}

func (w *walker) errorf(e ast.Expr, format string, args ...any) error {
	at := w.info.GetStartLocation(e.ID())
	return placed(at.Line(), at.Column(), fmt.Sprintf(format, args...))
}

func (w *walker) tree(e ast.Expr) (any, error) {
	if macro, ok := w.info.GetMacroCall(e.ID()); ok {
		return w.macro(macro.AsCall())
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return w.literal(e)
	case ast.IdentKind:
		return w.variable(e, e.AsIdent())
	case ast.SelectKind:
		if name := qualified(e); expr.IsType(name) {
			return []any{"id", name}, nil
		}
		return w.node(".", e.AsSelect().FieldName(), e.AsSelect().Operand())
	case ast.CallKind:
		return w.call(e, e.AsCall())
	case ast.ListKind:
		return w.list(e.AsList())
	case ast.MapKind:
		return w.mapping(e.AsMap())
	}
	return nil, w.errorf(e, "messages are not supported: Kubernetes objects are maps, written as {'key': value}")
}

// node is a part that has a name and what it is a part of.
func (w *walker) node(what, name string, of ast.Expr) (any, error) {
	operand, err := w.tree(of)
	return []any{what, operand, name}, err
}

// qualified is the name that a chain of selections spells, or "".
func qualified(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if of := qualified(e.AsSelect().Operand()); of != "" && !e.AsSelect().IsTestOnly() {
			return of + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}

func (w *walker) variable(e ast.Expr, name string) (any, error) {
	out := []any{"id", name}
	switch {
	case slices.Contains(w.bound, name) || slices.Contains(w.free, name):
	case slices.Contains(w.vars, name):
		w.free = append(w.free, name)
	case expr.IsType(name):
	case len(w.vars) > 0:
		return nil, w.errorf(e, "there is no %s: an expression in this place may use %s", name, strings.Join(w.vars, " and "))
	default:
		w.free = append(w.free, name)
	}
	return out, nil
}

func (w *walker) literal(e ast.Expr) (any, error) {
	switch v := e.AsLiteral().(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.String:
		return string(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return []any{"u", strconv.FormatUint(uint64(v), 10)}, nil
	case types.Double:
		return []any{"d", strconv.FormatFloat(float64(v), 'g', -1, 64)}, nil
	case types.Bytes:
		return []any{"b", base64.StdEncoding.EncodeToString(v)}, nil
	}
	return nil, w.errorf(e, "a constant of the type %s is not supported", e.AsLiteral().Type().TypeName())
}

// operatorNames are those of operators whose name in a tree is not the one that cel-go finds for them.
var operatorNames = map[string]string{
	operators.Negate: "neg", operators.Conditional: "?:", operators.Index: "[]", operators.OptIndex: "[?]", operators.In: "in", operators.OldIn: "in",
}

// nameOf is the name of a function in a tree.
func nameOf(function string) string {
	if name, ok := operatorNames[function]; ok {
		return name
	}
	if name, ok := operators.FindReverse(function); ok && name != "" {
		return name
	}
	return function
}

func (w *walker) call(e ast.Expr, c ast.CallExpr) (any, error) {
	name, args := nameOf(c.FunctionName()), c.Args()
	if c.FunctionName() == operators.OptSelect {
		return w.node(".?", string(args[1].AsLiteral().(types.String)), args[0]) // the parser gives nothing else
	}
	if c.IsMemberFunction() {
		if space := qualified(c.Target()); space != "" && expr.Knows(space+"."+name) {
			name = space + "." + name
		} else {
			args = append([]ast.Expr{c.Target()}, args...)
		}
	}
	if !expr.Supports(name, len(args)) {
		return nil, w.errorf(e, "%s is no function that agents evaluate, or takes another number of arguments", name)
	}
	if strings.HasPrefix(name, "get") && len(args) == 2 {
		if zone, ok := args[1].AsLiteral().(types.String); args[1].Kind() == ast.LiteralKind && ok && !expr.IsZone(string(zone)) {
			return nil, w.errorf(args[1], "the time zone %s: write UTC, or the difference from it as 02:00 or -05:30",
				string(zone))
		}
	}
	return w.parts(name, args)
}

// parts is a list of a name and the trees of some expressions.
func (w *walker) parts(name string, list []ast.Expr) ([]any, error) {
	out := []any{name}
	for _, item := range list {
		tree, err := w.tree(item)
		if err != nil {
			return nil, err
		}
		out = append(out, tree)
	}
	return out, nil
}

func (w *walker) list(l ast.ListExpr) (any, error) {
	out := []any{"list"}
	for i, item := range l.Elements() {
		tree, err := w.element(item, l.IsOptional(int32(i)))
		if err != nil {
			return nil, err
		}
		out = append(out, tree)
	}
	return out, nil
}

func (w *walker) element(e ast.Expr, optional bool) (any, error) {
	tree, err := w.tree(e)
	if err == nil && optional {
		tree = []any{"?", tree}
	}
	return tree, err
}

func (w *walker) mapping(m ast.MapExpr) (any, error) {
	out := []any{"map"}
	for _, item := range m.Entries() {
		entry := item.AsMapEntry()
		key, err := w.tree(entry.Key())
		if err != nil {
			return nil, err
		}
		value, err := w.element(entry.Value(), entry.IsOptional())
		if err != nil {
			return nil, err
		}
		out = append(out, key, value)
	}
	return out, nil
}

// macro takes a macro as it was written: has(e.f), or e.macro(variable, …).
func (w *walker) macro(c ast.CallExpr) (any, error) {
	name, args := c.FunctionName(), c.Args()
	switch {
	case name == operators.Has:
		return w.node("has", args[0].AsSelect().FieldName(), args[0].AsSelect().Operand())
	case name == "map" && len(args) == 3:
		name = "eachif"
	case name == "map":
		name = "each"
	case name == "existsOne":
		name = "exists_one"
	}
	over, err := w.tree(c.Target())
	if err != nil {
		return nil, err
	}
	variable := args[0].AsIdent()
	w.bound = append(w.bound, variable)
	defer func() { w.bound = w.bound[:len(w.bound)-1] }()
	body, err := w.parts(name, args[1:])
	if err != nil {
		return nil, err
	}
	return slices.Insert(body, 1, any(variable), over), nil
}
