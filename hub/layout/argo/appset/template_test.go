package appset

import (
	"reflect"
	"testing"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
)

// TestSimpleTemplates: as fasttemplate does it in Argo CD (applicationset/utils, Render.Replace).
func TestSimpleTemplates(t *testing.T) {
	t.Parallel()
	params := map[string]any{"a": "x", "path": "p/q", "path[0]": "p", "n": 1, "empty": "", "brace": "{{a}}"}
	for text, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"{{a}}":                  "x",
		"{{ a }}-{{path[0]}}":    "x-p",
		"{{\ta\t}}":              "x",
		"{{none}}":               "{{none}}",
		"{{ none }}":             "{{ none }}",
		"{{n}}":                  "{{n}}",
		"{{empty}}|":             "|",
		"{{brace}}":              "{{a}}",
		"{{.a}}":                 "{{.a}}",
		"}}{{a}}":                "}}x",
		"{{a":                    "{{a",
		"{{}}":                   "{{}}",
		"{{a}} {{b {{a}} {{path": "",
	} {
		got, err := simple(text, params)
		if text == "{{a}} {{b {{a}} {{path" {
			if err == nil || err.Error() != `"{{a}} {{b {{a}} {{path" has a {{ without a }}` {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// TestParametersAsTexts: names of what lies in others are joined by dots.
func TestParametersAsTexts(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	flat(map[string]any{"a": "x", "b": map[string]any{"c": 1.5, "d": []any{"e", nil, map[string]any{"f": true}}},
		"g": map[string]any{}, "h": []any{}}, "", got)
	want := map[string]string{"a": "x", "b.c": "1.5", "b.d.0": "e", "b.d.1": "<nil>", "b.d.2.f": "true"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestWhatATemplateLacksIsTakenFromAnother, mapping by mapping; neither is changed.
func TestWhatATemplateLacksIsTakenFromAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ own, from, want map[string]any }{
		{nil, nil, map[string]any{}},
		{nil, map[string]any{"a": 1}, map[string]any{"a": 1}},
		{map[string]any{"a": 1}, map[string]any{"a": 2, "b": 3}, map[string]any{"a": 1, "b": 3}},
		{map[string]any{"a": "", "b": []any{}, "c": map[string]any{}, "d": nil}, map[string]any{"a": 1, "b": 2, "c": 3,
			"d": 4},
			map[string]any{"a": 1, "b": 2, "c": 3, "d": 4}},
		{map[string]any{"a": false, "b": 0}, map[string]any{"a": true, "b": 1}, map[string]any{"a": false, "b": 0}},
		{map[string]any{"a": map[string]any{"b": 1}}, map[string]any{"a": map[string]any{"b": 2, "c": 3}},
			map[string]any{"a": map[string]any{"b": 1, "c": 3}}},
		{map[string]any{"a": map[string]any{"b": 1}}, map[string]any{"a": "x"}, map[string]any{"a": map[string]any{"b": 1}}},
		{map[string]any{"a": "x"}, map[string]any{"a": map[string]any{"b": 1}}, map[string]any{"a": "x"}},
	} {
		before := argotest.JSON(t, []any{c.own, c.from})
		if got := filled(c.own, c.from); !reflect.DeepEqual(got, c.want) || argotest.JSON(t, []any{c.own, c.from}) != before {
			t.Errorf("%v from %v: %v, want %v; they are %s", c.own, c.from, got, c.want, argotest.JSON(t, []any{c.own, c.from}))
		}
	}
}

// TestWhichParameterIsTheDestination: only what is verbatim is.
func TestWhichParameterIsTheDestination(t *testing.T) {
	t.Parallel()
	destination := func(fields map[string]any) map[string]any {
		return map[string]any{"spec": map[string]any{"destination": fields}}
	}
	name := destination(map[string]any{"name": "{{name}}"})
	for _, c := range []struct {
		what      string
		template  map[string]any
		patch     string
		want      string
		generator map[string]any
	}{
		{what: "name", template: name, want: "name"},
		{what: "server", template: destination(map[string]any{"server": "{{server}}"}), want: "server"},
		{what: "of Go templates", template: destination(map[string]any{"name": "{{- .name -}}"}), want: "name"},
		{what: "with spaces", template: destination(map[string]any{"server": "{{ .server }}"}), want: "server"},
		{what: "an empty name beside a server", template: destination(map[string]any{"name": "", "server": "{{server}}"}),
			want: "server"},
		{what: "name as server", template: destination(map[string]any{"server": "{{name}}"})},
		{what: "a part of it", template: destination(map[string]any{"name": "x-{{name}}"})},
		{what: "another parameter", template: destination(map[string]any{"name": "{{nameNormalized}}"})},
		{what: "a function", template: destination(map[string]any{"name": "{{lower .name}}"})},
		{what: "below", template: destination(map[string]any{"name": "{{.metadata.name}}"})},
		{what: "fixed", template: destination(map[string]any{"name": "eu"})},
		{what: "no text", template: destination(map[string]any{"name": 1, "server": "{{server}}"})},
		{what: "none", template: map[string]any{"spec": map[string]any{}}},
		{what: "no template"},
		{what: "a generator's " +
			"own", template: name,
			generator: map[string]any{"list": map[string]any{"template": destination(map[string]any{"name": "eu"})}}},
		{what: "two generators of one", template: name, generator: map[string]any{"clusters": map[string]any{},
			"list": map[string]any{}}, want: "name"},
		{what: "two generators of two", template: destination(map[string]any{"server": "{{server}}"}),
			generator: map[string]any{
				"clusters": map[string]any{}, "list": map[string]any{"template": destination(map[string]any{"name": "{{name}}"})}}},
		{what: "a selector is no generator", template: name, generator: map[string]any{"clusters": map[string]any{},
			"selector": map[string]any{}}, want: "name"},
		{what: "no generator", template: name, generator: map[string]any{"clusters": nil}},
		{what: "a patch of something else", template: name, patch: "spec: {source: {path: '{{.a}}'}}"},
		{what: "a patch over lines", template: name, patch: "spec:\n  source:\n    path: '{{.a}}'\n", want: "name"},
		{what: "a patch of a destination", template: name, patch: "spec: {destination: {name: a}}"},
	} {
		generator := c.generator
		if generator == nil {
			generator = map[string]any{"clusters": map[string]any{}}
		}
		if got := targetParameter(generator, setSpec{Template: c.template, TemplatePatch: c.patch}); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// TestPatchesThatMayRedirect: those that name a destination, or have a template where whole fields may come from.
func TestPatchesThatMayRedirect(t *testing.T) {
	t.Parallel()
	for patch, want := range map[string]bool{
		"":                           false,
		"metadata: {labels: {a: b}}": false,
		"metadata:\n  labels:\n    a: {{.a}}\n    - {{.b}}\n    \"c\": '{{ .c }}'\n":    false,
		"spec:\n  source:\n    helm:\n      valueFiles:\n      - {{.a}}\n":              false,
		"{{if .a}}\nspec:\n  project: b\n{{- else }}\nspec: {project: c}\n{{ end -}}\n": false,
		"{{range .a}}\n- name: {{.}}\n{{end}}\n{{with .b}}x: {{.}}{{end}}":              false,
		"{{if .a}}{{.b}}{{end}}":              true,
		"{{.all}}":                            true,
		"  {{ .all | toYaml | nindent 2 }}\n": true,
		"spec: {{.spec}}":                     true,
		`"spec": {{.spec}}`:                   true,
		"spec:\n  {{.key}}: a\n":              true,
		"spec:\n  destination: {}":            true,
		"spec:\n  'desti{{.x}}': a":           true,
	} {
		if got := mayRedirect(patch); got != want {
			t.Errorf("%q: %t", patch, got)
		}
	}
}
