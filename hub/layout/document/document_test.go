package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// one parses a single document.
func one(t *testing.T, text string) Document {
	t.Helper()
	docs, err := Parse("a.yaml", []byte(text))
	if err != nil || len(docs) != 1 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	return docs[0]
}

// TestFieldsAreReadByTheirType: each reader takes its own type, leaves what is absent, and names the line otherwise.
func TestFieldsAreReadByTheirType(t *testing.T) {
	t.Parallel()
	d := one(t, "text: a\nnumber: 1\nlist: [a, b]\nyes: true\nsaid: \"true\"\npause: 90s\nminus: -1s\n"+
		"pairs: {a: 1, b: true, c: null}\nnested: {a: {b: c}}\nnone: null\n")
	text := func(key string) (any, error) { var v string; err := d.Text(d.Node, key, &v); return v, err }
	boolean := func(key string) (any, error) { var v bool; err := d.Bool(d.Node, key, &v); return v, err }
	duration := func(key string) (any, error) { var v time.Duration; err := d.Duration(d.Node, key, &v); return v, err }
	pairs := func(key string) (any, error) {
		var v map[string]string
		err := d.Pairs(d.Node, key, &v)
		return v["a"] + v["b"] + v["c"], err
	}
	texts := func(key string) (any, error) {
		var v []string
		err := d.Texts(d.Node, key, &v)
		return strings.Join(v, ","), err
	}
	for _, c := range []struct {
		name  string
		read  func(string) (any, error)
		key   string
		want  any
		wrong string
	}{
		{"a text", text, "text", "a", ""},
		{"a number as a text", text, "number", "1", ""},
		{"an absent text", text, "absent", "", ""},
		{"a list as a text", text, "list", "", "a.yaml:3: list is to be a text"},
		{"a boolean", boolean, "yes", true, ""},
		{"an absent boolean", boolean, "absent", false, ""},
		{"a boolean in quotes", boolean, "said", false, `a.yaml:5: said is "true": write true or false`},
		{"a duration", duration, "pause", 90 * time.Second, ""},
		{"a duration below zero", duration, "minus", time.Duration(0),
			`a.yaml:7: minus is "-1s": write a duration such as 90s or 5m`},
		{"a duration without a unit", duration, "number", time.Duration(0), `a.yaml:2: number is "1": write a duration`},
		{"pairs", pairs, "pairs", "1true", ""},
		{"pairs of null", pairs, "none", "", ""},
		{"pairs that are a text", pairs, "text", "", "a.yaml:1: text is to be a mapping of names to texts"},
		{"pairs of mappings", pairs, "nested", "", "a.yaml:9: nested.a is to be a text"},
		{"texts", texts, "list", "a,b", ""},
		{"texts that are one text", texts, "text", "", "a.yaml:1: text is to be a list"},
	} {
		got, err := c.read(c.key)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if got != c.want || c.wrong == "" && message != "" || !strings.HasPrefix(message, c.wrong) {
			t.Errorf("%s: %v, %q; want %v, %q", c.name, got, message, c.want, c.wrong)
		}
	}
}

// TestKeysThatAreNotKnown: with what was probably meant, or what there is.
func TestKeysThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1\nlabels: {}\n": "",
		"lables: {}\n":       `a.yaml:1: it has no field "lables" (did you mean "labels"?)`,
		"LABELS: {}\n":       `a.yaml:1: it has no field "LABELS" (did you mean "labels"?)`,
		"other: {}\n":        `a.yaml:1: it has no field "other": it knows a, labels`,
		"a: 1\na: 2\n":       `a.yaml:2: it has the field "a" twice: keep one`,
		"- a\n":              `a.yaml:1: it is no mapping`,
	} {
		d := one(t, text)
		message := ""
		if err := d.CheckKeys(d.Node, "it", "a", "labels"); err != nil {
			message = err.Error()
		}
		if message != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, message, want)
		}
	}
}

// TestDocumentsOfAFile: those before a broken one are read, empty ones are left out, and lists are opened.
func TestDocumentsOfAFile(t *testing.T) {
	t.Parallel()
	docs, err := Parse("a.yaml", []byte("---\n---\nkind: A\n---\nb: [\n"))
	if len(docs) != 1 || err == nil || !strings.HasPrefix(err.Error(), "a.yaml:5: invalid YAML: ") {
		t.Errorf("%d documents, %v", len(docs), err)
	}
	items := one(t, "kind: List\nitems:\n- {kind: A, metadata: {name: a}}\n- kind: List\n  items: [{kind: B, metadata: {name: b}}]\n").Items()
	if len(items) != 2 || items[0].Name() != "a" || items[1].Name() != "b" || items[1].Node.Line != 5 {
		t.Errorf("items %+v", items)
	}
}

// TestLinesOfFields: of the field itself, or of the deepest part of the path that is there.
func TestLinesOfFields(t *testing.T) {
	t.Parallel()
	d := one(t, "kind: A\nspec:\n  list:\n  - a: 1\n  - b: 2\n    c: 3\n")
	for at, want := range map[string]int{
		"": 1, "spec": 2, "spec.list": 3, "spec.list[0]": 4, "spec.list[1].c": 6, "spec.list[1].none": 5, "spec.none.deeper": 2, "spec.list[7]": 3,
	} {
		if got := LineAt(d.Node, at); got != want {
			t.Errorf("%q is on line %d, want %d", at, got, want)
		}
	}
	d.Rendered = true
	if got := d.Place(d.Node); got != "a.yaml" {
		t.Errorf("what came out of a kustomization stands at %s", got)
	}
}

// TestEncryptedObjects: those that SOPS wrote, and Secrets into which a generator put such a file.
func TestKeysThatAreThereTwice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 1}]\n":           "",
		"a: 1\nb: 2\na: 3\na: 4\n":                         "3 a, 4 a",
		"b:\n  c: 1\n  c: 2\nd:\n- e: 1\n  f: 1\n  e: 2\n": "3 c, 7 e",
		"- a\n- a\n": "",
	} {
		var got []string
		for _, n := range Repeated(one(t, text).Node) {
			got = append(got, fmt.Sprint(n.Line, " ", n.Value))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEncryptedObjects(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]bool{
		`{"kind":"Secret","apiVersion":"v1","data":{"a":"ENC[AES256_GCM,data:x]"},"sops":{"mac":"x"}}`: true,
		`{"kind":"Secret","apiVersion":"v1","data":{"a":"YQ=="}}`:                                      false,
		`{"kind":"Secret","apiVersion":"v1","data":{"a":"eDogRU5DW0FFUzI1Nl9HQ00sZGF0YTp4XQ=="}}`:      true,
		`{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"ENC[AES256_GCM,data:x]"}}`:                 false,
		`{"kind":"ConfigMap","apiVersion":"v1","sops":{"a":"text"}}`:                                   false,
	} {
		var h Head
		if err := json.Unmarshal([]byte(object), &h); err != nil {
			t.Fatal(err)
		}
		if got := Encrypted(model.Rendered{JSON: []byte(object)}, h); got != want {
			t.Errorf("%s: %v", object, got)
		}
	}
}
