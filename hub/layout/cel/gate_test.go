package cel

import (
	"encoding/json"
	"math"
	"strconv"
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
		if (CheckGate(c.expression, false) == nil) != (c.want != "it is to be true or false" &&
			c.want != "no CEL expression") {
			t.Errorf("%s is checked otherwise than asked", c.expression)
		}
	}
}

func TestConditionsOfTheWeb(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expression, json string
		want             string // true, false, or what the error says
	}{
		{"result", "true", "true"},
		{"result == 'ok'", `"ok"`, "true"},
		{"result > 0.95", "1", "true"},
		{"result == 1", "1", "true"},
		{"result.status == 'ok' && result.errors < 2", `{"status":"ok","errors":1}`, "true"},
		{"result.all(x, x.ok)", `[{"ok":true},{"ok":false}]`, "false"},
		{"double(result) < 2.0", `"1.5"`, "true"},
		{"result.missing", `{}`, "no such key"},
		{"result", `"yes"`, "neither true nor false"},
		{"result < 1", `"yes"`, "no such overload"},
		{"size(result)", "[]", "it is to be true or false"},
		{"result.all(a, result.all(b, result.all(c, a + b + c >= 0.0)))", "[" + strings.Repeat("1,", 200) + "1]", "cost"},
	} {
		var result any
		if err := json.Unmarshal([]byte(c.json), &result); err != nil {
			t.Fatal(err)
		}
		is, err := Gate(c.expression, result)
		got := strconv.FormatBool(is)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s of %.40s: %s, want %s", c.expression, c.json, got, c.want)
		}
		if (CheckGate(c.expression, true) == nil) != (c.want != "it is to be true or false") {
			t.Errorf("%s is checked otherwise than asked", c.expression)
		}
	}
}
