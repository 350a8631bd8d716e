package expr_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

func decode(t *testing.T, tree string) *expr.Program {
	t.Helper()
	p, err := expr.Decode(protocol.Expression{Text: "the expression", Tree: json.RawMessage(tree)})
	if err != nil {
		t.Fatalf("%s: %v", tree, err)
	}
	return p
}

// TestTreesAreEvaluated shows the form of a tree. That the meaning is CEL's, a test of the hub holds, against cel-go.
func TestTreesAreEvaluated(t *testing.T) {
	vars := map[string]any{"status": map[string]any{"n": json.Number("3"), "half": json.Number("0.5"), "list": []any{json.Number("1"), "a"}}}
	for tree, want := range map[string]any{
		`["&&",true,["id","none"]]`:                                               nil,
		`["&&",false,["id","none"]]`:                                              false,
		`["||",["id","none"],true]`:                                               true,
		`["==",["type",[".",["id","status"],"n"]],["id","int"]]`:                  true,
		`["==",["type",[".",["id","status"],"half"]],["id","double"]]`:            true,
		`["+",["[]",[".",["id","status"],"list"],0],1]`:                           int64(2),
		`["has",["id","status"],"none"]`:                                          false,
		`["exists","x",[".",["id","status"],"list"],["==",["id","x"],["u","1"]]]`: true,
		`["size",["eachif","x",["list",1,2,3],[">",["id","x"],1],["id","x"]]]`:    int64(2),
		`["?:",["in","a",["map","a",["d","1.5"]]],"yes","no"]`:                    "yes",
		`["size",["list",["?",["optional.none"]],["?",["optional.of",1]]]]`:       int64(1),
		`["orValue",[".?",["id","status"],"none"],"nothing"]`:                     "nothing",
		`["string",["b","YQ=="]]`:                                                 "a",
	} {
		v, err := decode(t, tree).Eval(vars)
		if want == nil {
			if err == nil {
				t.Errorf("%s gives %v instead of an error", tree, v)
			}
			continue
		}
		if err != nil || v != want {
			t.Errorf("%s gives %v (%v) instead of %v", tree, v, err, want)
		}
	}
}

// TestHostileTreesAreRefused: what a bundle brings is not to be trusted to be what a hub made.
func TestHostileTreesAreRefused(t *testing.T) {
	for name, tree := range map[string]string{
		"deep":                    strings.Repeat(`["!",`, 101) + "true" + strings.Repeat("]", 101),
		"many parts":              `["list"` + strings.Repeat(",1", 5000) + `]`,
		"large":                   `"` + strings.Repeat("x", expr.MaxTree) + `"`,
		"no JSON":                 `["!",`,
		"more than one":           `true true`,
		"nothing":                 ``,
		"an object":               `{"a":1}`,
		"an empty list":           `[]`,
		"a nameless list":         `[1,2]`,
		"a fraction":              `1.5`,
		"unknown function":        `["system","rm"]`,
		"too few arguments":       `["==",1]`,
		"too many arguments":      `["!",true,true]`,
		"a variable of no name":   `["id",1]`,
		"a field of no name":      `[".",["id","a"]]`,
		"has of nothing":          `["has"]`,
		"a macro of nothing":      `["all","x"]`,
		"a macro of no variable":  `["all",1,["list"],true]`,
		"a map of no value":       `["map","a"]`,
		"an optional argument":    `["!",["?",true]]`,
		"an optional key":         `["map",["?","a"],1]`,
		"an optional of two":      `["list",["?",1,2]]`,
		"no pattern":              `["matches","a","("]`,
		"a long pattern":          `["matches","a","` + strings.Repeat("a", expr.MaxPattern+1) + `"]`,
		"a pattern that explodes": `["matches","a","((a{900}){900}){900}"]`,
		"no uint":                 `["u","-1"]`,
		"no double":               `["d","x"]`,
		"no bytes":                `["b","?"]`,
	} {
		if _, err := expr.Decode(protocol.Expression{Text: "x", Tree: json.RawMessage(tree)}); err == nil {
			t.Errorf("%s: it was decoded", name)
		}
	}
}

// TestEvaluationIsBounded: an expression that would take for ever, or all memory, ends with an error that no operator
// absorbs.
func TestEvaluationIsBounded(t *testing.T) {
	numbers := make([]any, 1000)
	for i := range numbers {
		numbers[i] = float64(i)
	}
	text := strings.Repeat("a", 1<<20)
	vars := map[string]any{"l": numbers, "s": text, "t": []any{text, text}}
	nested := `["exists","x",["id","l"],["exists","y",["id","l"],["exists","z",["id","l"],["==",["id","z"],-1]]]]`
	doubled := `["optional.of",["id","s"]]`
	for range 30 {
		doubled = `["optMap","x",` + doubled + `,["+",["id","x"],["id","x"]]]`
	}
	for name, tree := range map[string]string{
		"nested loops":         nested,
		"absorbed":             `["||",` + nested + `,true]`,
		"a text that doubles":  doubled,
		"a pattern":            `["exists","x",["id","l"],["matches",["id","s"],"(a|b)*c"]]`,
		"a pattern of the way": `["exists","x",["id","l"],["matches","a",["+","a",["id","s"]]]]`,
		"comparing lists":      `["all","x",["id","l"],["==",["id","l"],["id","l"]]]`,
		"searching":            `["all","x",["id","l"],["==",["indexOf",["id","s"],"ab"],-1]]`,
		"replacing":            `["replace",["id","s"],"a",["id","s"]]`,
		"joining":              `["join",["each","x",["id","l"],["id","s"]]]`,
	} {
		if v, err := decode(t, tree).Eval(vars); err == nil || !strings.Contains(err.Error(), "steps") {
			t.Errorf("%s: %.40v, %v", name, v, err)
		}
	}
	if _, err := decode(t, `["all","x",["id","l"],[">=",["id","x"],0]]`).Eval(vars); err != nil {
		t.Errorf("going through 1000 elements once: %v", err)
	}
}

// TestErrorsDoNotQuoteValues, because they may be secrets.
func TestErrorsDoNotQuoteValues(t *testing.T) {
	vars := map[string]any{"data": map[string]any{"password": "hunter2", "list": []any{"hunter2"}}}
	password := `[".",["id","data"],"password"]`
	for _, tree := range []string{`["int",` + password + `]`, `["bool",` + password + `]`, `["timestamp",` + password + `]`, `["duration",` + password + `]`,
		`["+",` + password + `,1]`, `["<",` + password + `,1]`, `["[]",["id","data"],` + password + `]`, `["matches","a",["+","(",` + password + `]]`,
		`[".",` + password + `,"x"]`, `["base64.decode",` + password + `]`, `["getHours",["timestamp",0],` + password + `]`, `["&&",` + password + `,true]`, password} {
		_, err := decode(t, tree).Bool(vars)
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", tree, err)
		}
	}
}

// FuzzDecode: no tree and no data make it panic.
func FuzzDecode(f *testing.F) {
	f.Add(`["==",["id","a"],["list",1,"x",null]]`, `{"a":[1,"x",null]}`)
	f.Add(`["exists","x",["id","a"],["startsWith",["id","x"],"a"]]`, `{"a":{"b":1}}`)
	f.Add(`["[]",["id","a"],["d","1e300"]]`, `{"a":[1]}`)
	f.Add(`["substring",["id","a"],-1,9223372036854775807]`, `{"a":"x"}`)
	f.Fuzz(func(t *testing.T, tree, data string) {
		p, err := expr.Decode(protocol.Expression{Tree: json.RawMessage(tree)})
		if err != nil {
			return
		}
		var vars map[string]any
		if json.Unmarshal([]byte(data), &vars) == nil {
			v, err := p.Eval(vars)
			_ = fmt.Sprint(v, err)
		}
	})
}
