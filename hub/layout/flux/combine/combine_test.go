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

// TestInputsAreFlat: one after the other, in the order of the providers, with nothing added.
func TestInputsAreFlat(t *testing.T) {
	t.Parallel()
	got := Flat([]Provided{{"a", sets(t, `[{"x":1},{"x":1}]`)}, {"b", nil}, {"c", sets(t, `[{}]`)}})
	if data, _ := json.Marshal(got); string(data) != `[{"x":1},{"x":1},{}]` {
		t.Errorf("got %s", data)
	}
	if got := Flat(nil); got != nil {
		t.Errorf("of nothing there is %v", got)
	}
}

// TestNamesInTemplates: whatever the name of a provider, a template can have it; the sets that are given are not
// changed.
func TestNamesInTemplates(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a": "a", "A-b": "a_b", "a--b__c": "a_b_c", "-": "", "ä.b c": "bc",
		"7x": "7x"} {
		if got := templateName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	given := sets(t, `[{"x":1}]`)
	out, err := All([]Provided{{"a", given}, {"b", given}}, false)
	if err != nil || len(out) != 1 || len(given[0]) != 1 {
		t.Errorf("%v, %v; given is %v", out, err, given)
	}
}
