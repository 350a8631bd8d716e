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

// CheckGate says what is wrong with a condition over the result of a query.
func CheckGate(expression string) error {
	env, err := gateEnvironment()
	if err != nil {
		return err
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return fmt.Errorf("%s is no CEL expression over result, the list of values: %s", expression,
			firstLine(issues.Err().Error()))
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) {
		return fmt.Errorf("%s gives a %s: it is to be true or false", expression, out)
	}
	return nil
}
