package analysis

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/cel"
)

func TestConditionsAreTranslated(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"result[0] >= 0.95":                     "result[0] >= 0.95",
		"result[0] < 5":                         "result[0] < 5.0",
		"result[0] == 1 and not (result[1]>2)":  "(result[0] == 1.0 ? !(result[1] > 2.0) : false)",
		"result == 'ok' || result.x.y != \"b\"": "(result == 'ok' ? true : result.x.y != \"b\")",
		"result[0] / 100 * -2 <= 1 + 2":         "result[0] / 100.0 * -2.0 <= 1.0 + 2.0",
		"asFloat(result.rate) < 0.1":            "double(result.rate) < 0.1",
		"asInt(result) == 3":                    "int(result) == 3.0",
		"len(result) > 0 && result[0] > 1":      "(size(result) > 0.0 ? result[0] > 1.0 : false)",
		"result['a b'] == true":                 "result['a b'] == true",
		"!result.failed":                        "!result.failed",
		"a || b":                                "",
	} {
		got, err := translate(in, true)
		if (err == nil) != (want != "") || got != want && err == nil {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
	for in, names := range map[string]string{
		"isNaN(result[0])": "isNaN", "isInf(result[0])": "isInf", "default(result, 0) < 1": "default",
		"isNil(result)":        "isNil",
		"all(result, {# < 1})": "all", "any(result, # < 1)": "any", "result[0] in [1]": "in", "result ?? 0 < 1": "?",
		"result > 0 ? true : false": "?", "result matches 'x'": "matches", "result startsWith 'x'": "startsWith",
		"result[0:1]": ":", "1..3": "..", "2 ** 3": "**", "2 ^ 3": "^", "result == nil": "nil", "`x` == result": "`",
		"result == 'a\\'b'": "\\", "result.x() > 1": "x()", "result[-1] > 1": "-", "result[result[0]] > 1": "result",
		"1 < result[0] < 2": "after another comparison", "result[0] <": "an end", "(result[0] < 1": "an end",
		"result[0] < 1)": ")", "result | len": "|", "result % 2 == 0": "%", "1e3 < result": "1e", "result == 'x": "without its end",
		"result[0] < 1 result": "result", "ß": "ß", strings.Repeat("(", 100): "parentheses", strings.Repeat("!", 100): "parentheses",
		strings.Repeat("1+", 3000) + "1": "more than", "\xff": "UTF-8", "": "an end", "env.SECRET": "env", "result.x.": "an end",
	} {
		if got, err := translate(in, true); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%.60s: %s, %v, want an error that names %s", in, got, err, names)
		}
	}
}

// TestWhatIsTranslatedMeansTheSame: the values are those that expr-lang gives, of which no part decides before what is
// on its left.
func TestWhatIsTranslatedMeansTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		condition string
		values    []float64
		want      string
	}{
		{"result[0] >= 0.95", []float64{0.95}, "true"},
		{"result[0] == 1", []float64{1}, "true"},
		{"result[0] / 2 == 0.5", []float64{1}, "true"},
		{"1 / 2 < result[0]", []float64{0.4}, "false"},
		{"len(result) == 2 && result[1] > 1", []float64{1, 2}, "true"},
		{"len(result) == 0 or result[0] < 1", []float64{0.5}, "true"},
		{"result[5] > 1 || true", []float64{1}, "error"},
		{"result[5] > 1 && false", []float64{1}, "error"},
		{"true || result[5] > 1", []float64{1}, "true"},
	} {
		text, err := condition(c.condition, false)
		if err != nil {
			t.Errorf("%s: %v", c.condition, err)
			continue
		}
		is, err := cel.Gate(text, c.values)
		got := map[bool]string{true: "true", false: "false"}[is]
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s as %s of %v: %s, %v, want %s", c.condition, text, c.values, got, err, c.want)
		}
	}
	for _, wrong := range []string{"result < 1", "result[0]", "result.x == 1", "len(result) / 2 == 1"} {
		if text, err := condition(wrong, false); err == nil {
			t.Errorf("%s is taken of a list of values, as %s", wrong, text)
		}
	}
	for in, want := range map[string]bool{"result.x == 'ok' && result.n > 2": true, "result.n == 3": true,
		"len(result.list) == 1": true, "result.n - 1 == 2": true, "result.x != 'ok'": false, "result.n": false} {
		text, err := condition(in, true)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if is, err := cel.Gate(text, map[string]any{"x": "ok", "n": 3.0, "list": []any{1.0}}); is != want {
			t.Errorf("%s as %s: %v, %v", in, text, is, err)
		}
	}
}

func FuzzTranslate(f *testing.F) {
	f.Add("result[0] < 0.95 && !(result.x == 'ok')")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = condition(text, true) })
}
