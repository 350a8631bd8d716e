package combine

import (
	"encoding/json"
	"testing"
)

// sets are sets of inputs as JSON has them.
func sets(t *testing.T, text string) (out []map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestInputsArePermuted: the names, the order and the ids are those of the Flux Operator.
func TestInputsArePermuted(t *testing.T) {
	t.Parallel()
	set := func(name, text string) Provided { return Provided{name, sets(t, text)} }
	for _, c := range []struct {
		of    []Provided
		empty bool
		want  string
	}{
		{[]Provided{set("My-Set", `[]`), set("a.b", `[{"x":1},{"x":2}]`), set("-c-", `[{"y":1}]`)}, false,
			`[{"ab":{"x":1},"c":{"y":1},"id":"178979376"},{"ab":{"x":2},"c":{"y":1},"id":"179307057"}]`},
		{[]Provided{set("My-Set", `[]`), set("a", `[{"x":1}]`)}, true, `null`},
		{[]Provided{set("My-Set", `[{"x":1}]`)}, false, `[{"id":"248644351","my_set":{"x":1}}]`},
		{nil, false, `null`},
	} {
		got, err := All(c.of, c.empty)
		if data, _ := json.Marshal(got); err != nil || string(data) != c.want {
			t.Errorf("got %s, %v\nwant %s", data, err, c.want)
		}
	}
	many := Provided{"many", make([]map[string]any, 101)}
	if _, err := All([]Provided{many, many}, false); err == nil {
		t.Error("more than 10,000 combinations are taken")
	}
}
