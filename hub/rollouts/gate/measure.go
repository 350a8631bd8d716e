// Package gate takes the measurements of the gates of rollouts, and remembers what they said.
//
// It may import fleet.
package gate

import (
	"context"
	"encoding/json"
	"errors"
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
	// Fetch gives the value in an answer of the web, as encoding/json decodes it; nil is no data.
	Fetch(ctx context.Context, w rollout.Web) (any, error)
}

// Condition says whether a gate's condition holds of a result: the values of Ask, or the value of Fetch. An error says
// that nobody can say.
type Condition func(expression string, result any) (bool, error)

// Asking is what measures gates.
type Asking struct {
	Metrics   Metrics // nil if nobody asks
	Condition Condition
}

// Measure takes one measurement, as Argo Rollouts does: a success where successCondition holds and failureCondition
// does not; without one of them the other decides. What has no data or no answer is neither.
func Measure(ctx context.Context, metrics Metrics, holds Condition, g rollout.Gate) (Verdict, string) {
	if metrics == nil || holds == nil {
		return Inconclusive, "this hub asks no metrics"
	}
	result, text, err := ask(ctx, metrics, g)
	if err != nil {
		return Inconclusive, err.Error()
	}
	succeeds, fails := g.SuccessCondition != "", false
	if g.SuccessCondition != "" {
		if succeeds, err = holds(g.SuccessCondition, result); err != nil {
			return Inconclusive, err.Error()
		}
	}
	if g.FailureCondition != "" {
		if fails, err = holds(g.FailureCondition, result); err != nil {
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

// What is shown of an answer: so many of its values, and so many bytes of one of the web.
const (
	maxShownValues = 5
	maxShown       = 100
)

// ask gives a result, and how it is shown. An error says why there is none.
func ask(ctx context.Context, metrics Metrics, g rollout.Gate) (result any, text string, err error) {
	if g.Web != nil {
		value, err := metrics.Fetch(ctx, *g.Web)
		if err != nil {
			return nil, "", err
		}
		shown, err := json.Marshal(value)
		switch {
		case err != nil:
			return nil, "", err
		case value == nil:
			return nil, "", errors.New("the answer has null there")
		case len(shown) > maxShown:
			shown = append(shown[:maxShown], " …"...)
		}
		return value, "result " + strings.ToValidUTF8(string(shown), ""), nil
	}
	values, err := metrics.Ask(ctx, g, g.Query)
	switch {
	case err != nil:
		return nil, "", err
	case len(values) == 0:
		return nil, "", errors.New("the query gives no data")
	case slices.ContainsFunc(values, math.IsNaN):
		return nil, "", errors.New("the query gives NaN")
	}
	shown := strings.Fields(fmt.Sprint(values[:min(len(values), maxShownValues)]))
	return values, "result " + strings.Join(shown, ", "), nil
}
