package rollouts

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Metrics answers the questions of gates. It is safe for concurrent use.
type Metrics interface {
	// Ask gives the values of an answer; none is no data. An error says why there is no answer.
	Ask(ctx context.Context, g rollout.Gate, query string) ([]float64, error)
}

// Condition says whether a gate's condition holds of the values of an answer. An error says that nobody can say.
type Condition func(expression string, values []float64) (bool, error)

// Measure takes one measurement, as Argo Rollouts does: a success where successCondition holds and failureCondition
// does not; without one of them the other decides. What has no data or no answer is neither.
func Measure(ctx context.Context, metrics Metrics, holds Condition, g rollout.Gate) (Verdict, string) {
	if metrics == nil || holds == nil {
		return Inconclusive, "this hub asks no metrics"
	}
	values, err := metrics.Ask(ctx, g, g.Query)
	switch {
	case err != nil:
		return Inconclusive, err.Error()
	case len(values) == 0:
		return Inconclusive, "the query gives no data"
	case slices.ContainsFunc(values, math.IsNaN):
		return Inconclusive, "the query gives NaN"
	}
	text := "result " + strings.Join(strings.Fields(fmt.Sprint(values[:min(len(values), maxShownValues)])), ", ")
	succeeds, fails := g.SuccessCondition != "", false
	if g.SuccessCondition != "" {
		if succeeds, err = holds(g.SuccessCondition, values); err != nil {
			return Inconclusive, err.Error()
		}
	}
	if g.FailureCondition != "" {
		if fails, err = holds(g.FailureCondition, values); err != nil {
			return Inconclusive, err.Error()
		}
	}
	switch {
	case fails, g.FailureCondition == "" && !succeeds:
		return Failure, text
	case succeeds, g.SuccessCondition == "":
		return Success, text
	}
	return Inconclusive, text + ", of which neither condition holds"
}

// maxShownValues is how many values of an answer are shown.
const maxShownValues = 5
