package cel

import (
	"math"
	"strings"
	"testing"
)

func TestConditionsOfGates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expression string
		values     []float64
		want       string // true, false, or what the error says
	}{
		{"result[0] < 0.01", []float64{0.001}, "true"},
		{"result[0] < 0.01", []float64{0.01}, "false"},
		{"result[0] < 1", []float64{0.5}, "true"}, // a whole number
		{"result.all(x, x >= 0.95)", []float64{1, 0.96}, "true"},
		{"size(result) > 1 && result[1] > 0", []float64{1}, "false"},
		{"result[0] < 0.01", []float64{math.Inf(1)}, "false"},
		{"result[1] < 0.01", []float64{1}, "index out of bounds"},
		{"result[0]", []float64{1}, "it is to be true or false"},
		{"resul[0] < 1", []float64{1}, "no CEL expression"},
		{"result.all(a, result.all(b, result.all(c, a + b + c >= 0.0)))", make([]float64, 200), "cost"},
	} {
		got := "false"
		is, err := Gate(c.expression, c.values)
		if is {
			got = "true"
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s of %d values: %s, want %s", c.expression, len(c.values), got, c.want)
		}
		if (CheckGate(c.expression) == nil) != (c.want != "it is to be true or false" && c.want != "no CEL expression") {
			t.Errorf("%s is checked otherwise than asked", c.expression)
		}
	}
}
