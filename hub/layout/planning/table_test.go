package planning

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
)

// rows is a table in which a field lies beside, below and among others.
var rows = []Field{
	Row("Thing", "spec.name", Done, "a"),
	Row("Thing", "spec.whole", Done, ""),
	Row("Thing", "spec.mode", Noted, "not done", "auto", "false"),
	Row("Thing", "spec.hook", Refused, "not supported"),
	Row("Thing", "spec.target.kind", Done, ""),
	Row("Thing", "spec.target.name", Noted, "by kind alone"),
	Row("Thing", "spec.items[].key", Done, ""),
	Row("Thing", "spec.items[].in.deep[].x", Done, ""),
	Row("Other", "spec.only", Done, ""),
}

// TestARowIsAField, and Within gives those that are done below a path.
func TestARowIsAField(t *testing.T) {
	t.Parallel()
	if got, want := rows[2], (Field{Kind: "Thing", Path: "spec.mode", Support: Noted, Says: "not done",
		Idle: []string{"auto", "false"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("row %+v, want %+v", got, want)
	}
	want := []Field{{Kind: "K", Path: "spec.a[].b", Support: Done}, {Kind: "K", Path: "spec.a[].c", Support: Done}}
	if got := Within("K", "spec.a[]", "b", "c"); !reflect.DeepEqual(got, want) {
		t.Errorf("within %+v, want %+v", got, want)
	}
}

// TestWhatATableDoesNotKnowIsLeftOut, wherever it lies; a value that holds nothing else is left as it was written.
func TestWhatATableDoesNotKnowIsLeftOut(t *testing.T) {
	t.Parallel()
	table := NewTable(rows)
	for _, c := range []struct{ kind, at, value, want string }{
		{"Thing", "spec", `{"name":"a","Name":"b"}`, `{"name":"a"}`},
		{"Thing", "spec", `{ "name" : "a" , "whole" : { "Any" : [ 1 ] } }`, `{ "name" : "a" , "whole" : { "Any" : [ 1 ] } }`},
		{"Thing", "spec", `{"whole":{"any":{"thing":"<&>"}},"x":1}`, `{"whole":{"any":{"thing":"<&>"}}}`},
		{"Thing", "spec", `{"target":{"kind":"a","kinds":"b"},"only":1}`, `{"target":{"kind":"a"}}`},
		{"Thing", "spec", `{"items":[{"key":1,"Key":2},"text",{"in":{"deep":[{"x":1,"y":2}],"up":1}},null]}`,
			`{"items":[{"key":1},"text",{"in":{"deep":[{"x":1}]}},null]}`},
		{"Thing", "spec.items", `[{"key":1,"k":2}]`, `[{"key":1}]`},
		{"Thing", "spec.target", `{"kind":1,"spec.target.name":2}`, `{"kind":1}`},
		{"Thing", "spec.target", `"text"`, `"text"`},
		{"Thing", "spec", `{"target":[1],"items":{"key":1}}`, `{"items":{},"target":[1]}`},
		{"Thing", "spec", `{"name":`, `{"name":`},
		{"Thing", "spec", `[1`, `[1`},
		{"Thing", "spec", ``, ``},
		{"Thing", "elsewhere", `{"name":1}`, `{"name":1}`},
		{"Other", "spec", `{"name":1,"only":2}`, `{"only":2}`},
		{"Unknown", "spec", `{"name":1}`, `{"name":1}`},
	} {
		if got := string(table.Strip(c.kind, c.at, json.RawMessage(c.value))); got != c.want {
			t.Errorf("%s at %s: %s\nis left as %s\nwant       %s", c.kind, c.at, c.value, got, c.want)
		}
	}
	if got := string(Table{}.Strip("Thing", "spec", json.RawMessage(`{"a":1}`))); got != `{"a":1}` {
		t.Errorf("a table of nothing leaves %s", got)
	}
}

// TestWhatATableSaysOfAValue: by the paths of the table, at those of the value, in order; what is near a field that is
// known is named, and what was to select something is refused.
func TestWhatATableSaysOfAValue(t *testing.T) {
	t.Parallel()
	const unknown, done = "no field that Drover knows of this kind", ": nothing is done with it"
	table := NewTable(rows, ".target", ".items[]")
	for _, c := range []struct {
		value string
		want  []string
	}{
		{`{"name":"a","whole":{"any":1}}`, nil},
		{`{"mode":"on"}`, []string{"no spec.mode: not done"}},
		{`{"mode":"auto"}`, nil},
		{`{"mode":false}`, nil},
		{`{"mode":""}`, nil},
		{`{"mode":null,"hook":{},"x":[]}`, nil},
		{`{"mode":0}`, []string{"no spec.mode: not done"}},
		{`{"hook":{"a":1}}`, []string{"refused spec.hook: not supported"}},
		{`{"target":{"name":"a"}}`, []string{"no spec.target.name: by kind alone"}},
		{`{"target":{"kinds":"a"}}`, []string{`refused spec.target.kinds: ` + unknown + ` (did you mean "kind"?), and ` +
			`without it ` +
			"something else would be selected: correct it, or remove it"}},
		{`{"items":[{"key":1},{"KEY":2},"text",{"in":{"deep":[{"x":1},{"z":2}]}}]}`, []string{
			`refused spec.items[1].KEY: ` + unknown + ` (did you mean "key"?), and without it something else would be ` +
				`selected: ` +
				"correct it, or remove it", "no spec.items[3].in.deep[1].z: " + unknown + done}},
		{`{"Name":1,"named":1,"xyz":1,"mod":1}`, []string{`no spec.Name: ` + unknown + ` (did you mean "name"?)` + done,
			"no spec.mod: " + unknown + done, `no spec.named: ` + unknown + ` (did you mean "name"?)` + done, "no spec.xyz: " +
				unknown + done}},
	} {
		var value any
		if err := json.Unmarshal([]byte(c.value), &value); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range Judge(table, "Thing", "spec", value) {
			got = append(got, string(a.Support)+" "+a.At+": "+a.Says)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.value, got, c.want)
		}
	}
}

// objectOf is an object of the kind Thing, with the file that it is in.
func objectOf(t *testing.T, spec string) (*Plan, *Object) {
	t.Helper()
	text := "apiVersion: a/v1\nkind: Thing\nmetadata:\n  name: x\n  namespace: ns\nspec:\n" + spec
	p := NewPlan(fstest.MapFS{"clusters/eu/o.yaml": {Data: []byte(text)}}, "clusters/eu", model.Declarations{}, nil)
	return p, &Object{Declaration: model.Declaration{Rendered: model.Rendered{File: "clusters/eu/o.yaml"}, App: "root"},
		Kind: "Thing", Namespace: "ns", Name: "x"}
}

// TestAValueOfAnotherTypeIsNamed: by its field, what it is and has to be, and what to do about it.
func TestAValueOfAnotherTypeIsNamed(t *testing.T) {
	t.Parallel()
	type shape struct {
		Text    string
		Number  int
		Truth   bool
		List    []string
		Mapping map[string]string
		Deep    struct{ Items []struct{ Name string } }
	}
	const at = "clusters/eu/o.yaml:7: Thing ns/x: spec."
	for _, c := range []struct{ written, value, want string }{
		{"  text: 1\n", `{"text":1}`, at + "text: it is a number, and has to be a string: put it in quotes"},
		{"  text: yes\n", `{"text":true}`, at + "text: it is true or false, and has to be a string: put it in quotes"},
		{"  text: [a]\n", `{"text":["a"]}`, at + "text: it is a list, and has to be a string"},
		{"  number: a\n", `{"number":"a"}`, at + "number: it is a string, and has to be a whole number"},
		{"  truth: a\n", `{"truth":"a"}`, at + "truth: it is a string, and has to be true or false"},
		{"  list: a\n", `{"list":"a"}`, at + "list: it is a string, and has to be a list"},
		{"  mapping: [a]\n", `{"mapping":["a"]}`, at + "mapping: it is a list, and has to be a mapping"},
		{"  mapping: {a: 1}\n", `{"mapping":{"a":1}}`, at + "mapping.a: it is a number, and has to be a string: put it " +
			"in quotes"},
		{"  deep: {items: [{name: a}, {name: {}}]}\n", `{"deep":{"items":[{"name":"a"},{"name":{}}]}}`,
			at + "deep.items[1].name: it is a mapping, and has to be a string"},
		{"  list: [a]\n  text: ${A}\n", `{"list":["a"],"text":1}`, "clusters/eu/o.yaml:8: Thing ns/x: spec.text: it is a " +
			"number, and has to be a " +
			"string: the quotes around ${A} are lost when the variable is replaced where this is declared; write " +
			`"${quote}${A}${quote}" with the further variable quote: '"', or a value that is a string by itself`},
		{"  number: ${A:=b}\n", `{"number":"b"}`, at + "number: it is a string, and has to be a whole number: look at the " +
			"value of the variable ${A:=b}"},
	} {
		p, o := objectOf(t, c.written)
		o.JSON = json.RawMessage(`{"spec":` + c.value + `}`)
		err := o.Decode(&shape{})
		if err == nil {
			t.Errorf("%s is read", c.value)
			continue
		}
		if got := p.Undecodable(o, err).Error(); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.value, got, c.want)
		}
	}
	err := Unmarshal(json.RawMessage(`{"deep":{"items":[{"name":1}]}}`), "here", &shape{})
	if got := (&ShapeError{}); err == nil || err.Error() != "here.deep.items[0].name is a number, and has to be a "+
		"string" ||
		!reflect.DeepEqual(reflect.TypeOf(err), reflect.TypeOf(got)) {
		t.Errorf("of a value: %v", err)
	}
	p, o := objectOf(t, "  text: a\n")
	o.JSON = json.RawMessage(`{"spec":`)
	if got := p.Undecodable(o, o.Decode(&shape{})).Error(); !strings.HasPrefix(got, "clusters/eu/o.yaml:6: Thing "+
		"ns/x: spec: unexpected end") {
		t.Errorf("of no JSON: %s", got)
	}
}

// TestASpecIsReadWithoutWhatIsNotKnown, and by its own name alone.
func TestASpecIsReadWithoutWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"spec":{"name":"a","NAME":"b"}}`:            "a",
		`{"Spec":{"name":"a"}}`:                       "before",
		`{"Spec":{"name":"a"},"spec":{"name":"b"}}`:   "b",
		`{"metadata":{"name":"a"}}`:                   "before",
		`{"spec":{"Name":"a"}}`:                       "before",
		`{"spec":null}`:                               "before",
		`{"spec":{"name":"a","items":[{"Key":"b"}]}}`: "a",
	} {
		to := struct{ Name string }{"before"}
		o := &Object{Declaration: model.Declaration{Rendered: model.Rendered{JSON: json.RawMessage(text)}}, Kind: "Thing",
			Fields: NewTable(rows)}
		if err := o.Decode(&to); err != nil || to.Name != want {
			t.Errorf("%s: %q, %v, want %q", text, to.Name, err, want)
		}
	}
}

// TestNotesAreSaidOnce, and errors are joined.
func TestNotesAreSaidOnce(t *testing.T) {
	t.Parallel()
	p, o := objectOf(t, "  mode: on\n  hook: a\n  target: {kind: b, nam: c}\n")
	o.Spec = map[string]any{"mode": "on", "hook": "a", "target": map[string]any{"kind": "b", "nam": "c"}}
	table := NewTable(rows, ".target")
	note := fleet.Note{File: "clusters/eu/o.yaml", Line: 7, Object: "Thing ns/x", Field: "spec.mode", Text: "not done"}
	notes := []fleet.Note{note}
	err := p.Weigh(table, o, &notes)
	if want := []fleet.Note{note}; !reflect.DeepEqual(notes, want) {
		t.Errorf("notes %+v, want %+v", notes, want)
	}
	const want = "clusters/eu/o.yaml:8: Thing ns/x: spec.hook: not supported\nclusters/eu/o.yaml:9: Thing ns/x: " +
		"spec.target.nam: no field that " +
		"Drover knows of this kind, and without it something else would be selected: correct it, or remove it"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
