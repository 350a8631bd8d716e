package ignore

import (
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
)

// maxCost bounds one evaluation, in CEL's own units.
const maxCost = 1_000_000

// environment is what an expression may use: the variable object, as in Kubernetes' admission policies.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.Variable("object", cel.MapType(cel.StringType, cel.DynType)), cel.CrossTypeNumericComparisons(true))
})

func compileWhen(text string) (cel.Program, error) {
	if len(text) > maxExpr {
		return nil, fmt.Errorf("when is longer than %d bytes", maxExpr)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		first, _, _ := strings.Cut(strings.TrimPrefix(issues.Err().Error(), "ERROR: <input>:"), "\n")
		return nil, fmt.Errorf("when: %s is no CEL expression over object: %s", text, first)
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("when: %s gives a %s: it is to be true or false", text, out)
	}
	return env.Program(ast, cel.CostLimit(maxCost))
}

// evaluate says whether an expression is true of an object. A field that the object lacks makes it false: rules are
// about kinds of many shapes, and what has no such field is not meant.
func evaluate(p cel.Program, text string, object map[string]any) (bool, error) {
	value, _, err := p.Eval(map[string]any{"object": object})
	if err != nil {
		if strings.Contains(err.Error(), "no such key") {
			return false, nil
		}
		return false, fmt.Errorf("when: %s: %w", text, err)
	}
	is, ok := value.Value().(bool)
	if !ok {
		return false, fmt.Errorf("when: %s gives no truth: it is to be true or false", text)
	}
	return is, nil
}
