package cel

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"

	"github.com/drover-dev/drover/hub/model"
)

// maxCost bounds what one evaluation may take, in CEL's own units: far above any comparison of labels.
const maxCost = 100_000

// environment is what an expression may use: the variable cluster with its name, labels and vars.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.Variable("cluster", cel.MapType(cel.StringType, cel.DynType)))
})

// programs are the expressions that were compiled, with their results: a few for a whole fleet.
var programs sync.Map

type compiled struct {
	program cel.Program
	err     error
}

// program compiles an expression, once.
func program(expression string) (cel.Program, error) {
	if known, ok := programs.Load(expression); ok {
		return known.(compiled).program, known.(compiled).err
	}
	p, err := compile(expression)
	programs.Store(expression, compiled{p, err})
	return p, err
}

func compile(expression string) (cel.Program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, fmt.Errorf("%s is no CEL expression over cluster.name, cluster.labels and cluster.vars: %s", expression,
			firstLine(issues.Err().Error()))
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("%s gives a %s: it is to be true or false", expression, out)
	}
	return env.Program(ast, cel.CostLimit(maxCost))
}

func firstLine(s string) string {
	s = strings.TrimPrefix(s, "ERROR: <input>:")
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// CheckCluster says what is wrong with an expression over a cluster.
func CheckCluster(expression string) error {
	_, err := program(expression)
	return err
}

// MatchCluster says whether an expression is true of a cluster. A label or a variable that the cluster lacks is an error,
// as in CEL everywhere: ask for it with has() or "in" first.
func MatchCluster(expression string, cluster model.Cluster) (bool, error) {
	p, err := program(expression)
	if err != nil {
		return false, err
	}
	value, _, err := p.Eval(map[string]any{"cluster": map[string]any{"name": cluster.Name,
		"labels": orEmpty(cluster.Labels), "vars": orEmpty(cluster.Vars)}})
	if err != nil {
		return false, fmt.Errorf("%s: %v (ask with has(…) for a label that not every cluster has)", expression, err)
	}
	is, ok := value.Value().(bool)
	if !ok {
		return false, errors.New(expression + ": it is to be true or false")
	}
	return is, nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
