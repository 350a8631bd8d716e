package envsubst

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

// replace substitutes one object, a ConfigMap with the data, and gives the data that comes out.
func replace(t *testing.T, data map[string]any, vars map[string]string) (map[string]any, error) {
	t.Helper()
	object, err := json.Marshal(map[string]any{"apiVersion": "v1", "data": data, "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := Replace([]model.Rendered{{JSON: object, File: "apps/a.yaml"}}, vars, true)
	if err != nil {
		return nil, err
	}
	var got map[string]any
	if err := json.Unmarshal(out[0].JSON, &got); err != nil {
		t.Fatal(err)
	}
	gotData, ok := got["data"].(map[string]any)
	delete(got, "data")
	if rest := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}; !ok || !reflect.DeepEqual(got, rest) {
		t.Errorf("the object around the data became %s", out[0].JSON)
	}
	return gotData, nil
}

// TestReplacesAsFluxDocumentsIt holds the examples of Flux's documentation, and the functions of bash that it lists.
func TestReplacesAsFluxDocumentsIt(t *testing.T) {
	vars := map[string]string{"cluster_env": "prod", "cluster_region": "eu-central-1", "empty": "", "path": "a/b/c", "_x1": "ok"}
	for template, want := range map[string]any{
		"${cluster_env}":                     "prod",
		"${cluster_env:=dev}":                "prod",
		"${cluster_env:-dev}":                "prod",
		"${missing:=dev}":                    "dev",
		"${missing:-dev}":                    "dev",
		"${missing=dev}":                     "dev",
		"${empty:-dev}":                      "dev",
		"${empty=dev}":                       "dev", // unlike in bash
		"${missing:-}":                       nil,   // an empty place in YAML
		"a${missing:-}b":                     "ab",
		"${missing:-${cluster_env}}":         "prod",
		"${_x1}":                             "ok",
		"a ${cluster_env} of ${cluster_env}": "a prod of prod",
		"${cluster_env^^}":                   "PROD",
		"${cluster_region//-/}":              "eucentral1",
		"${cluster_region/-*/}":              "eu-central-1", // the pattern is plain text
		"${cluster_region:0:2}":              "eu",
		"${path##*/}":                        "c",
		"${path%/*}":                         "a/b",
		"${#cluster_env}":                    float64(4),
		"$${cluster_env}":                    "${cluster_env}",
		"$${missing}":                        "${missing}",
		"$$${cluster_env}":                   "$prod",
		"$cluster_env":                       "$cluster_env",
		"$(cluster_env)":                     "$(cluster_env)", // Kubernetes' own
		"costs $5":                           "costs $5",
		"$":                                  "$",
		"no variable":                        "no variable",
	} {
		got, err := replace(t, map[string]any{"k": template}, vars)
		if err != nil || !reflect.DeepEqual(got["k"], want) {
			t.Errorf("%s gives %#v, %v; want %#v", template, got["k"], err, want)
		}
	}
}

// TestWithoutStrictnessAMissingVariableIsEmpty, as in Flux; and there a variable whose name is none is an error.
func TestWithoutStrictnessAMissingVariableIsEmpty(t *testing.T) {
	object := []model.Rendered{{JSON: []byte(`{"data":{"a":"x${missing}y","b":"${missing:-z}","c":"${have}"},"kind":"ConfigMap","metadata":{"name":"a"}}`)}}
	got, err := Replace(object, map[string]string{"have": "v"}, false)
	if want := `{"data":{"a":"xy","b":"z","c":"v"},"kind":"ConfigMap","metadata":{"name":"a"}}`; err != nil || string(got[0].JSON) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if _, err := Replace(object, map[string]string{"a-b": "v"}, false); err == nil || !strings.Contains(err.Error(), `"a-b"`) {
		t.Errorf("a variable named a-b: %v", err)
	}
	if _, err := Replace(object, map[string]string{"have": "v"}, true); err == nil || !strings.Contains(err.Error(), "${missing}") {
		t.Errorf("with strictness: %v", err)
	}
}

// TestValuesAreTypedAsInYAML is Flux's behaviour, and what the package documentation says of it.
func TestValuesAreTypedAsInYAML(t *testing.T) {
	for value, want := range map[string]any{
		"text": "text", "3": float64(3), "-1.5": -1.5, "true": true, "yes": true, "null": nil, "~": nil, "": nil,
		"0123": float64(83), "1e3": float64(1000), "2026-01-01": "2026-01-01", "a:b": "a:b", "10.0.0.1": "10.0.0.1",
		`"3"`: "3", `"true"`: "true", `'yes'`: "yes", `""`: "", // quotes of its own keep a text a text
		"{a: b}": map[string]any{"a": "b"}, "[a, 1]": []any{"a", float64(1)},
		"a # b": "a", "C:\\x": "C:\\x",
	} {
		got, err := replace(t, map[string]any{"k": "${x}", "other": "y"}, map[string]string{"x": value})
		if err != nil || !reflect.DeepEqual(got, map[string]any{"k": want, "other": "y"}) {
			t.Errorf("a value of %q gives %#v, %v; want %#v", value, got, err, want)
		}
	}
	// In the midst of a text it stays one, whatever it looks like.
	got, err := replace(t, map[string]any{"k": "v${x}", "lines": "a=${x}\nb: ${y}\n"}, map[string]string{"x": "3", "y": `"q": 'r' # s`})
	if want := map[string]any{"k": "v3", "lines": "a=3\nb: \"q\": 'r' # s\n"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v; want %#v", got, err, want)
	}
}

// hostile are values that try to become more than a value.
var hostile = []string{
	"a\nevil: x", "a\n  evil: x", "a\r  evil: x", "a\r\n  evil: x", "a\u0085  evil: x", "a\u2028  evil: x", "a\u2029  evil: x",
	"a\nkind: Secret", "a\rkind: Secret", "a\n---\nkind: Secret", "a\n...\n", "\"\n  evil: x", "'\n  evil: x", "|\n  evil: x",
	"a\r  evil: x\r  more: y", "a: b", "- a", "? a", "&a *a", "*a", "%", "@", "`", "'", "\"", "a\x00b", "\xff", "<<: {evil: x}", "!!binary x",
	"{evil: x", "}", "]", ".inf", "\t", "# x", "${evil}", "$${x}", "a\u2028kind: Secret",
}

// TestAValueNeverReachesBeyondItsPlace puts hostile values at all kinds of places: nothing beside the place may change. Most such
// values are errors.
func TestAValueNeverReachesBeyondItsPlace(t *testing.T) {
	for _, value := range hostile {
		for _, template := range []string{"${x}", "a ${x} b", "'${x}'", "\"${x}\"", "k: ${x}", "a\n${x}\nb\n", " ${x}"} {
			got, err := replace(t, map[string]any{"k": template, "other": "y"}, map[string]string{"x": value})
			if err != nil {
				continue
			}
			delete(got, "k")
			if !reflect.DeepEqual(got, map[string]any{"other": "y"}) {
				t.Errorf("the value %q at %q changed what is beside it: %v", value, template, got)
			}
		}
	}
}

// TestAValueIsNotReplacedAgain: a value that looks like a variable is not replaced.
func TestAValueIsNotReplacedAgain(t *testing.T) {
	got, err := replace(t, map[string]any{"k": "${x}"}, map[string]string{"x": "${y}", "y": "secret"})
	if err != nil || got["k"] != "${y}" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWhatCannotBeReplacedIsSaid(t *testing.T) {
	const give = "set it under spec.vars of the App or of cluster.yaml, give it a default "
	for template, want := range map[string]string{
		"${a}":                      "no value for ${a}: " + give + "(${a:-value}), or write $${a} to keep it as text",
		"${b} ${a} $${c} ${x} ${a}": "no value for ${b}, ${a}: " + give + "(${b:-value}), or write $${b} to keep it as text",
		"${array[@]}": "${array[@]} is not understood (missing closing brace): the name of a variable has letters, digits and '_'; " +
			"write $${array[@]} to keep it as text, or annotate the object with drover.dev/substitute: disabled",
		"${my-var}": "${my-var} is not understood (missing closing brace): the name of a variable has letters, digits and '_'; " +
			"write $${my-var} to keep it as text, or annotate the object with drover.dev/substitute: disabled",
		"${x} ${": "${ is not understood (unable to parse variable name): the name of a variable has letters, digits and '_'; " +
			"write $${ to keep it as text, or annotate the object with drover.dev/substitute: disabled",
		"${broken}": "data.k: with ${broken} replaced it is no YAML any more: " +
			`give the value of the variable quotes of its own, as broken: '"value"'`,
		"${x} of ${broken:-z}": "data.k: with ${x} and ${broken} replaced it is no YAML any more: " +
			`give the value of the variable quotes of its own, as x: '"value"'`,
	} {
		_, err := replace(t, map[string]any{"k": template}, map[string]string{"x": "1", "broken": "a: b"})
		if want = "apps/a.yaml: ConfigMap/a: " + want; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", template, err, want)
		}
	}
	// The remedy works.
	got, err := replace(t, map[string]any{"k": "${broken}"}, map[string]string{"broken": `"a: b"`})
	if err != nil || got["k"] != "a: b" {
		t.Errorf("a value with quotes of its own gives %v, %v", got, err)
	}
}

func TestEveryObjectThatFailsIsNamed(t *testing.T) {
	_, err := Replace([]model.Rendered{
		{JSON: []byte(`{"kind":"A","metadata":{"name":"a","namespace":"n"},"x":"${x}"}`), File: "a.yaml"},
		{JSON: []byte(`{"kind":"B","metadata":{"name":"b"}}`)},
		{JSON: []byte(`{"kind":"C","metadata":{"name":"c"},"x":"${y}"}`)},
	}, nil, true)
	if err == nil || !strings.Contains(err.Error(), "a.yaml: A/n/a: no value for ${x}") || !strings.Contains(err.Error(), "C/c: no value for ${y}") {
		t.Errorf("got %v", err)
	}
}

// TestTheFieldThatIsNoYAMLIsNamed, and nothing of a Secret.
func TestTheFieldThatIsNoYAMLIsNamed(t *testing.T) {
	vars := map[string]string{"a": "1", "quoted": `"x" and "y"`}
	for object, want := range map[string]string{
		`{"kind":"A","metadata":{"name":"n"},"spec":{"list":["${a}",{"b":"${quoted}"}],"text":"${a}"}}`: `A/n: ` +
			`spec.list[1].b: with ${quoted} replaced it is no YAML ` +
			`any more: give the value of the variable quotes of its own, as quoted: '"value"'`,
		`{"kind":"Secret","metadata":{"name":"n"},"stringData":{"b":"${quoted}"}}`: `Secret/n: with the variables ` +
			`replaced it is no YAML any more: ` +
			`give the value quotes of its own, as name: '"value"'`,
	} {
		_, err := Replace([]model.Rendered{{JSON: []byte(object)}}, vars, false)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", object, err, want)
		}
	}
}

// TestNamesThatCanBeNone are told in a fixed order.
func TestNamesThatCanBeNone(t *testing.T) {
	for range 20 {
		_, err := Replace(nil, map[string]string{"z-z": "", "a-b": "", "c.d": "", "ok": ""}, false)
		if err == nil || !strings.Contains(err.Error(), `"a-b"`) {
			t.Fatal(err)
		}
	}
}

// TestObjectsMayOptOut with an annotation or a label, of Flux's name or ours.
func TestObjectsMayOptOut(t *testing.T) {
	for meta, out := range map[string]bool{
		`"annotations":{"kustomize.toolkit.fluxcd.io/substitute":"disabled"}`: true,
		`"annotations":{"drover.dev/substitute":"disabled"}`:                  true,
		`"labels":{"kustomize.toolkit.fluxcd.io/substitute":"disabled"}`:      true,
		`"labels":{"drover.dev/substitute":"disabled"}`:                       true,
		`"annotations":{"drover.dev/substitute":"enabled"}`:                   false,
		`"annotations":{"example.com/substitute":"disabled"}`:                 false,
	} {
		object := `{"kind":"ConfigMap","metadata":{` + meta + `,"name":"a"},"x":"${x} $${y}"}`
		got, err := Replace([]model.Rendered{{JSON: []byte(object), File: "a.yaml"}}, map[string]string{"x": "v"}, true)
		if err != nil {
			t.Errorf("%s: %v", meta, err)
			continue
		}
		want := object
		if !out {
			want = strings.Replace(object, "${x} $${y}", "v ${y}", 1)
		}
		if string(got[0].JSON) != want || got[0].File != "a.yaml" {
			t.Errorf("got  %s\nwant %s", got[0].JSON, want)
		}
	}
}

// TestWhatHasNoVariableStaysAsItIs, to the byte where there is no dollar sign, and in meaning where there is one: text that looks like
// something else, and numbers that do not fit in a float.
func TestWhatHasNoVariableStaysAsItIs(t *testing.T) {
	const odd = `"a":"yes","b":"0123","c":"1e3","d":"null","e":"","f":" x ","g":"a\nb\n","h":"~","i":"1_000","j":9007199254740993,"k":true,"l":null,"m":"- a","n":"#"`
	for _, object := range []string{`{` + odd + `,"z":"\u003c é"}`, `{` + odd + `,"z":"$"}`} {
		got, err := Replace([]model.Rendered{{JSON: []byte(object)}}, nil, true)
		if err != nil || string(got[0].JSON) != object {
			t.Errorf("got  %s, %v\nwant %s", got[0].JSON, err, object)
		}
	}
	if got, err := Replace(nil, nil, true); err != nil || len(got) != 0 {
		t.Errorf("nothing gives %v, %v", got, err)
	}
}

// TestTheKeysComeOutSorted: equal objects must give equal blobs, whatever a value brought with it.
func TestTheKeysComeOutSorted(t *testing.T) {
	got, err := Replace([]model.Rendered{{JSON: []byte(`{"a":"${x}","b":1}`)}}, map[string]string{"x": "{z: 1, w: 2}"}, true)
	if want := `{"a":{"w":2,"z":1},"b":1}`; err != nil || string(got[0].JSON) != want {
		t.Errorf("got %s, %v; want %s", got[0].JSON, err, want)
	}
}

// FuzzReplace: whatever the template and the value, what is beside the place stays, or there is an error.
func FuzzReplace(f *testing.F) {
	for _, value := range hostile {
		f.Add("${x}", value)
		f.Add("a: ${x}\n", value)
	}
	f.Fuzz(func(t *testing.T, template, value string) {
		got, err := replace(t, map[string]any{"k": template, "other": "y"}, map[string]string{"x": value})
		if err != nil {
			return
		}
		delete(got, "k")
		if !reflect.DeepEqual(got, map[string]any{"other": "y"}) {
			t.Errorf("the value %q at %q changed what is beside it: %v", value, template, got)
		}
	})
}
