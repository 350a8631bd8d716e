package expr_test

import (
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// A hub sends the tree of `status.ready >= 2`; an agent evaluates it over an object.
func ExampleDecode() {
	program, err := expr.Decode(protocol.Expression{
		Text: "status.ready >= 2",
		Tree: json.RawMessage(`[">=",[".",["id","status"],"ready"],2]`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ready := range []json.Number{"1", "3"} {
		fmt.Println(program.Eval(map[string]any{"status": map[string]any{"ready": ready}}))
	}
	_, err = program.Eval(map[string]any{"status": map[string]any{}})
	fmt.Println(err != nil)
	// Output:
	// false <nil>
	// true <nil>
	// true
}

// A tree with an operator that this release does not know is refused when it is decoded.
func ExampleSupports() {
	fmt.Println(expr.Supports("size", 1), expr.Supports("size", 3), expr.Supports("launch", 1))
	// Output: true false false
}
