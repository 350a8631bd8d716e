package cel

import (
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
)

// gateEnvironment is what the condition of a gate may use: result, the values of a query.
var gateEnvironment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.Variable("result", cel.ListType(cel.DoubleType)), cel.CrossTypeNumericComparisons(true))
})

// webEnvironment is what the condition of a gate of the web may use: result, which is any JSON.
var webEnvironment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.Variable("result", cel.DynType), cel.CrossTypeNumericComparisons(true))
})

// environmentOf is that for a result.
func environmentOf(result any) (*cel.Env, error) {
	if _, values := result.([]float64); values {
		return gateEnvironment()
	}
	return webEnvironment()
}

// CheckGate says what is wrong with a condition over the result of a query, or of the web.
func CheckGate(expression string, web bool) error {
	var result any = []float64{}
	if web {
		result = nil
	}
	env, err := environmentOf(result)
	if err != nil {
		return err
	}
	_, err = compileGate(env, expression)
	return err
}

func compileGate(env *cel.Env, expression string) (*cel.Ast, error) {
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, fmt.Errorf("%s is no CEL expression over result: %s", expression,
			firstLine(issues.Err().Error()))
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("%s gives a %s: it is to be true or false", expression, out)
	}
	return ast, nil
}

// gateCost bounds what a condition may compute, in units of CEL.
const gateCost = 1_000_000

// Gate says whether a condition holds of the result of a query, which is []float64, or of the web, which is what
// encoding/json decodes. An error says that nobody can say, as where it asks for a value that there is not.
func Gate(expression string, result any) (bool, error) {
	env, err := environmentOf(result)
	if err != nil {
		return false, err
	}
	ast, err := compileGate(env, expression)
	if err != nil {
		return false, err
	}
	program, err := env.Program(ast, cel.CostLimit(gateCost))
	if err != nil {
		return false, err
	}
	out, _, err := program.Eval(map[string]any{"result": result})
	if err != nil {
		return false, fmt.Errorf("%s: %s", expression, firstLine(err.Error()))
	}
	holds, is := out.Value().(bool)
	if !is {
		return false, fmt.Errorf("%s is neither true nor false", expression)
	}
	return holds, nil
}
