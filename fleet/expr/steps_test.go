package expr

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func program(t *testing.T, tree string) *Program {
	t.Helper()
	p, err := Decode(protocol.Expression{Text: "the expression", Tree: json.RawMessage(tree)})
	if err != nil {
		t.Fatalf("%s: %v", tree, err)
	}
	return p
}

// steps evaluates with as many steps as are given, and says whether they were enough.
func steps(p *Program, vars map[string]any, given int) (left int, enough bool) {
	e := evaluation{vars: vars, left: given}
	defer func() {
		if r := recover(); r != nil && r != errCost {
			panic(r)
		}
	}()
	_, _ = e.eval(p.root, nil)
	return e.left, true
}

// What an evaluation costs is the same on hub and agent, so that both judge alike what is too much. A text of 160 bytes
// counts ten steps more.
func TestStepsOfEveryFunctionAreCounted(t *testing.T) {
	t.Parallel()
	long, short := strings.Repeat("a", 160), strings.Repeat("b", 32)
	vars := map[string]any{"s": long, "o": short, "l": []any{short, short, short},
		"code": strings.Repeat("YWFh", 40)} // 160 bytes, of 120
	for tree, want := range map[string]int{
		`["id","s"]`:                                       1,
		`["size",["id","s"]]`:                              2 + 10,
		`["lowerAscii",["id","s"]]`:                        2 + 10,
		`["bytes",["id","s"]]`:                             2 + 10,
		`["string",["bytes",["id","s"]]]`:                  3 + 10 + 10,
		`["base64.encode",["bytes",["id","s"]]]`:           3 + 10 + 10,
		`["base64.decode",["id","code"]]`:                  2 + 10,
		`["+",["id","s"],["id","o"]]`:                      3 + 12,
		`["+",["bytes",["id","s"]],["bytes",["id","o"]]]`:  5 + 10 + 2 + 12,
		`["==",["id","s"],["id","s"]]`:                     3 + 1 + 10,
		`["==",["bytes",["id","s"]],["bytes",["id","s"]]]`: 5 + 20 + 1 + 10,
		`["<",["id","s"],["id","o"]]`:                      3 + 2,
		`["matches",["id","s"],"b"]`:                       3 + 10 + 10,
		`["matches",["id","s"],["id","o"]]`:                3 + 2 + 32 + 10 + 10*(1+2),
		`["contains",["id","s"],["id","o"]]`:               3 + 10 + 2,
		`["indexOf",["id","s"],["id","o"]]`:                3 + 10 + 2 + 10*(1+2),
		`["lastIndexOf",["id","s"],["id","o"]]`:            3 + 10 + 2 + 10*(1+2),
		`["join",["id","l"]]`:                              2 + 3*(1+2),
		`["join",["id","l"],["id","o"]]`:                   3 + 2 + 3*(1+2+2),
		`["replace",["id","s"],"a",["id","o"]]`:            4 + 10 + 2 + 160*(1+2),
		`["replace",["id","s"],"a",["id","o"],5]`:          5 + 10 + 2 + 5*(1+2),
		`["replace",["id","s"],"a",["id","o"],0]`:          5 + 10 + 2,
		`["split",["id","s"],"a"]`:                         3 + 10 + 160,
		`["substring",["id","s"],1]`:                       3 + 10,
		`["charAt",["id","s"],1]`:                          3 + 10,
	} {
		p := program(t, tree)
		if _, err := p.Eval(vars); err != nil {
			t.Errorf("%s: %v", tree, err)
		}
		left, _ := steps(p, vars, MaxCost)
		if got := MaxCost - left; got != want {
			t.Errorf("%s takes %d steps, want %d", tree, got, want)
		}
		if _, enough := steps(p, vars, want); !enough {
			t.Errorf("%s does not end with exactly as many steps as it takes", tree)
		}
		if _, enough := steps(p, vars, want-1); enough {
			t.Errorf("%s ends with one step less", tree)
		}
	}
}

// The meaning is CEL's, which a test of the hub holds against cel-go; this table has the edges, for the agent's sake.
func TestEdgesOfFunctions(t *testing.T) {
	t.Parallel()
	failed := new(int) // instead of a value
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	for tree, want := range map[string]any{
		`["int","12"]`:                                               int64(12),
		`["int","1x"]`:                                               failed,
		`["timestamp","2026-06-01T00:00:00Z"]`:                       year(2026),
		`["timestamp","0001-06-01T00:00:00Z"]`:                       year(1),
		`["timestamp","9999-06-01T00:00:00Z"]`:                       year(9999),
		`["timestamp","0000-06-01T00:00:00Z"]`:                       failed,
		`["timestamp",253402300800]`:                                 failed, // the year 10000
		`["timestamp",-62135596801]`:                                 failed, // the year 0
		`["timestamp","today"]`:                                      failed,
		`["duration","90s"]`:                                         90 * time.Second,
		`["duration","soon"]`:                                        failed,
		`["getHours",["timestamp","2026-06-01T10:00:00Z"]]`:          int64(10),
		`["getHours",["timestamp","2026-06-01T10:00:00Z"],"+02:00"]`: int64(12),
		`["getHours",["duration","90m"]]`:                            int64(1),
		`[">=",2,2]`:                                                 true,
		`[">=",1,2]`:                                                 false,
		`["<=",2,2]`:                                                 true,
		`[">",2,2]`:                                                  false,
		`["<",2,2]`:                                                  false,
		`["+",1,0]`:                                                  int64(1),
		`["+",-1,0]`:                                                 int64(-1),
		`["+",9223372036854775807,1]`:                                failed,
		`["+",-9223372036854775808,-1]`:                              failed,
		`["==",null,null]`:                                           true,
		`["==",null,"a"]`:                                            false,
		`["==","a","a"]`:                                             true,
		`["==","a","b"]`:                                             false,
		`["==","a",1]`:                                               false,
		`["==",-1,["u","0"]]`:                                        false,
		`["==",0,["u","0"]]`:                                         true,
		`["<",-1,["u","0"]]`:                                         true,
		`["[]",["list",5,6],0]`:                                      int64(5),
		`["[]",["list",5,6],2]`:                                      failed,
		`["[]",["list",5,6],-1]`:                                     failed,
		`["[]",["list",5,6],["d","1"]]`:                              int64(6),
		`["[]",["list",5,6],["d","1.5"]]`:                            failed,
		`["base64.decode","YWI="]`:                                   []byte("ab"),
		`["base64.decode","YWI"]`:                                    []byte("ab"),
		`["base64.decode","YW=="]`:                                   []byte("a"),
		`["base64.decode","YWI*"]`:                                   failed,
		`["lowerAscii","AZ"]`:                                        "az",
		`["lowerAscii",1]`:                                           failed,
		`["matches","ab","^a"]`:                                      true,
		`["matches",1,"a"]`:                                          failed,
		`["matches","a",["+","a",""]]`:                               true,
		`["matches","a",["+","(",""]]`:                               failed,
		`["matches","a",["?:",true,1,"a"]]`:                          failed,
		`["indexOf","ab","b"]`:                                       int64(1),
		`["indexOf","b","b"]`:                                        int64(0),
		`["indexOf","a","b"]`:                                        int64(-1),
		`["indexOf","a","ab"]`:                                       int64(-1),
		`["lastIndexOf","bab","b"]`:                                  int64(2),
		`["lastIndexOf","a","b"]`:                                    int64(-1),
		`["lastIndexOf","ab","b",1]`:                                 int64(1),
		`["lastIndexOf","ab","b",2]`:                                 int64(-1),
		`["lastIndexOf","ab","",2]`:                                  int64(2),
		`["size",["split","a,b,c",","]]`:                             int64(3),
		`["size",["split","a,b,c",",",2]]`:                           int64(2),
		`["charAt","ab",1]`:                                          "b",
		`["charAt","ab",2]`:                                          "",
		`["charAt","ab",3]`:                                          failed,
		`["charAt","ab",-1]`:                                         failed,
		`["charAt","ab","1"]`:                                        failed,
		`["charAt",1,0]`:                                             failed,
		`["reverse",1]`:                                              failed,
		`["contains","ab",1]`:                                        failed,
		`["contains","ab","b"]`:                                      true,
		`["upperAscii","az"]`:                                        "AZ",
		`["trim"," a "]`:                                             "a",
		`["replace","aa","a","b",0]`:                                 "aa",
		`["replace","aa","a","b",1]`:                                 "ba",
		`["replace","aa","a","b",-1]`:                                "bb",
		`["substring","abc",0,3]`:                                    "abc",
		`["substring","abc",3]`:                                      "",
		`["substring","abc",4]`:                                      failed,
		`["substring",1,0]`:                                          failed,
		`["split",1,"a"]`:                                            failed,
		`["exists","x",["list",1],["id","none"]]`:                    failed,
		`["exists","x",["list",1,2],["?:",["==",["id","x"],1],["id","none"],true]]`: true,
		`["all","x",["list",1],["id","none"]]`:                                      failed,
		`["orValue",[".",[".?",["map","a",["map","b",7]],"a"],"b"],0]`:              int64(7),
		`["orValue",[".",[".?",["map","c",1],"a"],"b"],0]`:                          int64(0),
		`[".",["map","b",7],"b"]`:                                                   int64(7),
		`["size",["map","a",["?",["optional.none"]]]]`:                              int64(0),
	} {
		p, err := Decode(protocol.Expression{Text: "x", Tree: json.RawMessage(tree)})
		var v any
		if err == nil {
			v, err = p.Eval(nil)
		}
		if want == failed && err == nil || want != failed && (err != nil || !reflect.DeepEqual(v, want)) {
			t.Errorf("%s gives %v (%v)", tree, v, err)
		}
	}
}

// What is exactly as large as it may be is decoded, and nothing larger.
func TestBoundsOfATreeAreExact(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	parts := func(n int) string { return `["list"` + strings.Repeat(",1", n-1) + `]` }
	deep := func(n int) string { return strings.Repeat(`["!",`, n) + "true" + strings.Repeat("]", n) }
	pattern := func(p string) string { return `["matches","a","` + p + `"]` }
	for name, c := range map[string]struct {
		tree string
		ok   bool
	}{
		"the largest":            {text(MaxTree), true},
		"a byte more":            {text(MaxTree + 1), false},
		"the most parts":         {parts(MaxNodes), true},
		"a part more":            {parts(MaxNodes + 1), false},
		"the deepest":            {deep(MaxDepth), true},
		"a level more":           {deep(MaxDepth + 1), false},
		"the longest pattern":    {pattern(strings.Repeat("a", MaxPattern)), true},
		"a longer pattern":       {pattern(strings.Repeat("a", MaxPattern+1)), false},
		"the heaviest pattern":   {pattern("(?:abc){1000}"), true}, // it weighs maxWeight
		"a heavier pattern":      {pattern("(?:abc){1000}a"), false},
		"a repeated range":       {pattern("(?:(?:ab){100}){10}"), true},
		"a repeated range, more": {pattern("(?:(?:abcd){100}){10}"), false},
		"an optional in a list":  {`["list",["?",["optional.none"]]]`, true},
		"an optional value":      {`["map","a",["?",["optional.none"]]]`, true},
		"an optional key":        {`["map",["?",["optional.none"]],1]`, false},
		"a second optional key":  {`["map","a",1,["?",["optional.none"]],1]`, false},
		"an optional argument":   {`["size",["?",["optional.none"]]]`, false},
	} {
		if _, err := Decode(protocol.Expression{Text: "x", Tree: json.RawMessage(c.tree)}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Decode(protocol.Expression{Tree: json.RawMessage(`["all","x",1,2,3]`)}); err == nil ||
		!strings.Contains(err.Error(), "4 parts instead of 3") {
		t.Errorf("a macro with a part too many: %v", err)
	}
}
