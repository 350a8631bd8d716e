package appset

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"text/template"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/model"
)

// goTemplates executes Go templates with the standard library's functions.
type goTemplates struct{}

// Execute implements model.Templates.
func (goTemplates) Execute(_ context.Context, name string, options []string, groups []model.Templated) ([][]string,
	error) {
	out := make([][]string, len(groups))
	for i, g := range groups {
		var params any
		if err := json.Unmarshal(g.Params, &params); err != nil {
			return nil, err
		}
		for _, text := range g.Texts {
			parsed, err := template.New(name).Option(options...).Parse(text)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			if err := parsed.Execute(&b, params); err != nil {
				return nil, err
			}
			out[i] = append(out[i], b.String())
		}
	}
	return out, nil
}

var tree = map[string]string{
	"apps/web/cm.yaml": "", "apps/Data_Base/cm.yaml": "", "apps/.hidden/cm.yaml": "", "apps/file.yaml": "",
	"teams/a/config.json": `{"name": "team-a", "size": 2, "ratio": 1.5, "on": true, "none": null, "in": {"x": ` +
		`["p", {"q": "r"}]}, "path": "own"}`,
	"teams/b/sub/config.json":     `[{"name": "one"}, {"name": "two"}]`,
	"teams/b/sub/other.yaml":      "name: other\n",
	"teams/broken/config.json":    `"text"`,
	"teams/.hidden/config.json":   `{"name": "hidden"}`,
	"teams/empty/config.json":     ``,
	"teams/nested/deep/team.yaml": "name: deep\n",
}

// generationOf is that of a set with generators, and more fields of its spec.
func generationOf(t *testing.T, generators, more string) *generation {
	t.Helper()
	p := argotest.Plan(t, "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  generators: "+generators+"\n"+more, tree)
	g, err := open(t.Context(), p, goTemplates{}, p.Objects()[0])
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// paramsCase is a list of generators, and the sets of parameters that it gives, as JSON.
type paramsCase struct{ name, generators, want, wrong string }

// checkParams compares the sets of parameters of the first generator, for templates of the simple kind, or for Go's.
func checkParams(t *testing.T, goTemplate bool, cases []paramsCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := generationOf(t, "["+c.generators+"]", "")
			g.GoTemplate = goTemplate
			given, err := g.params("spec.generators[0]", g.Generators[0], nil)
			at := argotest.File + ":4: " + g.o.String() + ": "
			if got := strings.ReplaceAll(argotest.Message(err), at, ""); got != c.wrong {
				t.Fatalf("error %s\nwant  %s", got, c.wrong)
			}
			if err == nil && argotest.JSON(t, given[0].params) != c.want {
				t.Errorf("parameters %s\nwant       %s", argotest.JSON(t, given[0].params), c.want)
			}
		})
	}
}

const git = "{git: {repoURL: " + argotest.Repository + ", "

// TestParametersOfLists: argo-cd, docs/operator-manual/applicationset/Generators-List.md.
func TestParametersOfLists(t *testing.T) {
	t.Parallel()
	checkParams(t, false, []paramsCase{
		{name: "texts", generators: "{list: {elements: [{a: x, b: ''}, {a: z}]}}", want: `[{"a":"x","b":""},{"a":"z"}]`},
		{name: "values", generators: "{list: {elements: [{a: x, values: {b: c}}]}}", want: `[{"a":"x","values.b":"c"}]`},
		{name: "YAML", generators: "{list: {elements: [{a: x}], elementsYaml: '[{a: 1}]'}}", want: `[{"a":"x"},{"a":1}]`},
		{name: "nothing", generators: "{list: {elements: []}}", want: `null`},
		{name: "a number", generators: "{list: {elements: [{a: x}, {a: 1}]}}",
			wrong: "spec.generators[0].list: elements[1]: a is no text: put it in quotes, or say goTemplate: true"},
		{name: "a number among values", generators: "{list: {elements: [{values: {b: 1}}]}}",
			wrong: "spec.generators[0].list: elements[0]: values.b is no text: put it in quotes, or say goTemplate: true"},
		{name: "no mapping", generators: "{list: {elements: [x]}}", wrong: "spec.generators[0].list: elements[0] is no " +
			"mapping"},
		{name: "no list of mappings", generators: "{list: {elementsYaml: 'a: b'}}", wrong: "spec.generators[0].list: " +
			"elementsYaml is no list of mappings: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal " +
			"object into Go value of type []map[string]interface {}"},
		{name: "no mapping of its own", generators: "{list: [a]}", wrong: "spec.generators[0].list: it is no mapping"},
	})
	checkParams(t, true, []paramsCase{
		{name: "anything for Go templates", generators: "{list: {elements: [{a: 1, b: {c: [d]}, values: {e: f}}]}}",
			want: `[{"a":1,"b":{"c":["d"]},"values":{"e":"f"}}]`},
	})
}

// TestParametersOfClusters: argo-cd, docs/operator-manual/applicationset/Generators-Cluster.md.
func TestParametersOfClusters(t *testing.T) {
	t.Parallel()
	const (
		europe = `"metadata.annotations.tier":"1","metadata.labels.argocd.argoproj.io/secret-type":"cluster",` +
			`"metadata.labels.env":"production","name":"europe","nameNormalized":"europe","project":"",` +
			`"server":"https://eu.example.com"`
		us = `"metadata.labels.argocd.argoproj.io/secret-type":"cluster","metadata.labels.env":"test","name":"us_1",` +
			`"nameNormalized":"us-1","project":"","server":"https://us_1"`
	)
	checkParams(t, false, []paramsCase{
		{name: "all", generators: "{clusters: {}}", want: "[{" + europe + "},{" + us + "}]"},
		{name: "by label", generators: "{clusters: {selector: {matchLabels: {env: test}}}}", want: "[{" + us + "}]"},
		{name: "by expression", generators: "{clusters: {selector: {matchExpressions: [{key: env, operator: NotIn, " +
			"values: [test]}]}}}",
			want: "[{" + europe + "}]"},
		{name: "by what all have", generators: "{clusters: {selector: {matchLabels: {argocd.argoproj.io/secret-type: " +
			"cluster, env: test}}}}",
			want: "[{" + us + "}]"},
		{name: "none", generators: "{clusters: {selector: {matchLabels: {env: none}}}}", want: "[]"},
		{name: "values", generators: "{clusters: {selector: {matchLabels: {env: test}}, values: {a: " +
			"'{{name}}-{{metadata.labels.env}}', b: '{{values.a}}'}}}",
			want: "[{" + us + `,"values.a":"us_1-test","values.b":"{{values.a}}"}]`},
		{name: "a selector that is none", generators: "{clusters: {selector: {matchExpressions: [{key: a, operator: " +
			"Like}]}}}",
			wrong: `spec.generators[0].clusters: the selector: the operator "Like" is not known: use In, NotIn, Exists or ` +
				`DoesNotExist`},
	})
	checkParams(t, true, []paramsCase{
		{name: "for Go templates", generators: "{clusters: {values: {a: '{{.metadata.labels.env}}'}}}",
			want: `[{"metadata":{"annotations":{"tier":"1"},"labels":{"argocd.argoproj.io/secret-type":"cluster",` +
				`"env":"production"}},` +
				`"name":"europe","nameNormalized":"europe","project":"","server":"https://eu.example.com",` +
				`"values":{"a":"production"}},` +
				`{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"cluster","env":"test"}},"name":"us_1",` +
				`"nameNormalized":"us-1",` +
				`"project":"","server":"https://us_1","values":{"a":"test"}}]`},
		{name: "as one list", generators: "{clusters: {flatList: true, selector: {matchLabels: {env: test}}}}",
			want: `[{"clusters":[{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"cluster","env":"test"}},` +
				`"name":"us_1",` +
				`"nameNormalized":"us-1","project":"","server":"https://us_1"}]}]`},
	})
}

// TestParametersOfFolders: argo-cd, docs/operator-manual/applicationset/Generators-Git.md, Directories.
func TestParametersOfFolders(t *testing.T) {
	t.Parallel()
	const (
		web  = `{"path":"apps/web","path.basename":"web","path.basenameNormalized":"web","path[0]":"apps","path[1]":"web"}`
		base = `{"path":"apps/Data_Base","path.basename":"Data_Base","path.basenameNormalized":"data-base",` +
			`"path[0]":"apps","path[1]":"Data_Base"}`
	)
	checkParams(t, false, []paramsCase{
		{name: "sorted, without files and hidden ones", generators: git + "directories: [{path: apps/*}]}}", want: "[" +
			base + "," + web + "]"},
		{name: "each once", generators: git + "directories: [{path: apps/web}, {path: 'apps/w*'}]}}", want: "[" + web + "]"},
		{name: "excluded before it is included", generators: git + "directories: [{path: apps/web, exclude: true}, " +
			"{path: apps/*}]}}",
			want: "[" + base + "]"},
		{name: "excluded by a pattern", generators: git + "directories: [{path: apps/*}, {path: 'apps/[A-Z]*', exclude: " +
			"true}]}}",
			want: "[" + web + "]"},
		{name: "a prefix", generators: git + "pathParamPrefix: my, directories: [{path: apps/web}]}}",
			want: `[{"my.path":"apps/web","my.path.basename":"web","my.path.basenameNormalized":"web","my.path[0]":"apps",` +
				`"my.path[1]":"web"}]`},
		{name: "values", generators: git + "values: {a: '{{path.basename}}-{{path[0]}}'}, directories: [{path: apps/web}]}}",
			want: `[` + strings.TrimSuffix(web, "}") + `,"values.a":"web-apps"}]`},
		{name: "at the root", generators: git + "directories: [{path: '*'}, {path: 'clusters', exclude: true}, {path: " +
			"teams, exclude: true}]}}",
			want: `[{"path":"apps","path.basename":"apps","path.basenameNormalized":"apps","path[0]":"apps"}]`},
		{name: "none", generators: git + "directories: [{path: none/*}]}}", want: "null"},
		{name: "two stars are as one", generators: git + "directories: [{path: 'teams/**/sub'}]}}",
			want: `[{"path":"teams/b/sub",` +
				`"path.basename":"sub","path.basenameNormalized":"sub","path[0]":"teams","path[1]":"b","path[2]":"sub"}]`},
		{name: "a pattern that is none", generators: git + "directories: [{path: 'apps/['}]}}",
			wrong: `spec.generators[0].git: the pattern "apps/[" cannot be understood`},
		{name: "neither folders nor files", generators: git + "revision: HEAD}}",
			wrong: "spec.generators[0].git: it names neither directories nor files"},
		{name: "another type", generators: git + "directories: {path: a}}}", wrong: "spec.generators[0].git: json: " +
			"cannot unmarshal object into Go struct field gitSpec.Directories of type []struct { Path string; Exclude bool }"},
		{name: "another repository", generators: "{git: {repoURL: https://github.com/org/other, directories: [{path: '*'}]}}",
			wrong: "spec.generators[0].git: it needs what is published elsewhere, which is not fetched here: " +
				"https://github.com/org/other: commit it, or deliver it by an app of its own"},
		{name: "another branch", generators: git + "revision: next, directories: [{path: '*'}]}}",
			wrong: "spec.generators[0].git: it needs what is published elsewhere, which is not fetched here: " +
				"https://github.com/org/fleet at next: commit it, or deliver it by an app of its own"},
		{name: "a file of this machine", generators: "{git: {repoURL: file:///etc, directories: [{path: '*'}]}}",
			wrong: "spec.generators[0].git: repoURL: it is not to be fetched over a network: write an address as https://…, " +
				"ssh://… or oci://…; if it is this repository, name it with --alias"},
	})
	checkParams(t, true, []paramsCase{
		{name: "for Go templates", generators: git + "directories: [{path: apps/Data_Base}], values: {a: '{{index " +
			".path.segments 0}}'}}}",
			want: `[{"path":{"basename":"Data_Base","basenameNormalized":"data-base","path":"apps/Data_Base",` +
				`"segments":["apps","Data_Base"]},` +
				`"values":{"a":"apps"}}]`},
		{name: "with a prefix", generators: git + "pathParamPrefix: my, directories: [{path: apps/web}]}}",
			want: `[{"my":{"path":{"basename":"web","basenameNormalized":"web","path":"apps/web","segments":["apps","web"]}}}]`},
	})
}

// TestParametersOfFiles: argo-cd, docs/operator-manual/applicationset/Generators-Git.md, Files.
func TestParametersOfFiles(t *testing.T) {
	t.Parallel()
	place := func(dir, base, file, normalized string) string {
		out := `"path":"` + dir + `","path.basename":"` + base + `","path.basenameNormalized":"` + base +
			`","path.filename":"` + file +
			`","path.filenameNormalized":"` + normalized + `"`
		for i, s := range strings.Split(dir, "/") {
			out += `,"path[` + string(rune('0'+i)) + `]":"` + s + `"`
		}
		return out
	}
	a := place("teams/a", "a", "config.json", "config.json")
	sub := place("teams/b/sub", "sub", "config.json", "config.json")
	checkParams(t, false, []paramsCase{
		{name: "flat, as texts; the path is that of the file", generators: git + "files: [{path: teams/a/config.json}]}}",
			want: `[{"in.x.0":"p","in.x.1.q":"r","name":"team-a","none":"\u003cnil\u003e","on":"true",` + a +
				`,"ratio":"1.5","size":"2"}]`},
		{name: "a list gives one set each", generators: git + "files: [{path: 'teams/b/*/config.json'}]}}",
			want: `[{"name":"one",` + sub + `},{"name":"two",` + sub + `}]`},
		{name: "stars match across folders, and exclusion counts", generators: git + "files: [{path: 'teams/**/*.yaml'}, " +
			"{path: 'teams/nested/*', exclude: true}]}}",
			want: `[{"name":"other",` + place("teams/b/sub", "sub", "other.yaml", "other.yaml") + `}]`},
		{name: "a folder stands for its files", generators: git + "files: [{path: teams/nested}]}}",
			want: `[{"name":"deep",` + place("teams/nested/deep", "deep", "team.yaml", "team.yaml") + `}]`},
		{name: "an empty file", generators: git + "files: [{path: teams/empty/config.json}]}}",
			want: `[{` + place("teams/empty", "empty", "config.json", "config.json") + `}]`},
		{name: "values", generators: git + "files: [{path: 'teams/b/sub/other*'}], values: {a: '{{name}}'}}}",
			want: `[{"name":"other",` + place("teams/b/sub", "sub", "other.yaml", "other.yaml") + `,"values.a":"other"}]`},
		{name: "none", generators: git + "files: [{path: none.json}]}}", want: "null"},
		{name: "no mapping", generators: git + "files: [{path: teams/broken/config.json}]}}",
			wrong: "spec.generators[0].git: teams/broken/config.json: it is neither a mapping nor a list of mappings: error " +
				"unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type " +
				"[]map[string]interface {}"},
	})
	checkParams(t, true, []paramsCase{
		{name: "for Go templates", generators: git + "files: [{path: teams/a/config.json}]}}",
			want: `[{"in":{"x":["p",{"q":"r"}]},"name":"team-a","none":null,"on":true,"path":{"basename":"a",` +
				`"basenameNormalized":"a",` +
				`"filename":"config.json","filenameNormalized":"config.json","path":"teams/a","segments":["teams","a"]},` +
				`"ratio":1.5,"size":2}]`},
	})
}

const (
	listOf  = "{list: {elements: ["
	twice   = "[{list: {elements: [{a: x}, {a: z}]}}, "
	endList = "]}}"
)

// TestParametersOfMatrices: argo-cd, docs/operator-manual/applicationset/Generators-Matrix.md.
func TestParametersOfMatrices(t *testing.T) {
	t.Parallel()
	matrix := func(generators string) string { return "{matrix: {generators: " + generators + "}}" }
	checkParams(t, false, []paramsCase{
		{name: "each with each", generators: matrix(twice + listOf + "{b: '1'}, {b: '2'}" + endList + "]"),
			want: `[{"a":"x","b":"1"},{"a":"x","b":"2"},{"a":"z","b":"1"},{"a":"z","b":"2"}]`},
		{name: "the second sees the first", generators: matrix(twice + listOf + "{'{{a}}': '{{a}}-{{b}}'}" + endList + "]"),
			want: `[{"a":"x","x":"x-{{b}}"},{"a":"z","z":"z-{{b}}"}]`},
		{name: "also in its selector", generators: matrix("[" + listOf + "{e: test}" + endList +
			", {clusters: {selector: {matchLabels: {env: '{{e}}'}}, values: {v: '{{e}}-{{name}}'}}}]"),
			want: `[{"e":"test","metadata.labels.argocd.argoproj.io/secret-type":"cluster","metadata.labels.env":"test",` +
				`"name":"us_1",` +
				`"nameNormalized":"us-1","project":"","server":"https://us_1","values.v":"test-us_1"}]`},
		{name: "equal parameters", generators: matrix(twice + listOf + "{a: '{{a}}', b: c}" + endList + "]"),
			want: `[{"a":"x","b":"c"},{"a":"z","b":"c"}]`},
		{name: "parameters of one name", generators: matrix(twice + listOf + "{a: other}" + endList + "]"),
			wrong: `spec.generators[0].matrix: both generators give the parameter a, "x" and "other": rename one, or give ` +
				`one a pathParamPrefix`},
		{name: "in a matrix", generators: matrix("[{matrix: {generators: " + twice + listOf + "{b: v}" + endList + "]}}, " +
			listOf + "{c: '{{a}}{{b}}'}" + endList + "]"),
			want: `[{"a":"x","b":"v","c":"xv"},{"a":"z","b":"v","c":"zv"}]`},
		{name: "a selector within", generators: matrix("[{list: {elements: [{a: x}, {a: z}]}, selector: {matchLabels: " +
			"{a: z}}}, " + listOf + "{b: v}" + endList + "]"),
			want: `[{"a":"z","b":"v"}]`},
		{name: "one", generators: matrix("[{list: {}}]"), wrong: "spec.generators[0].matrix: it has 1 generators, and is " +
			"to have two"},
		{name: "three", generators: matrix("[{list: {}}, {list: {}}, {list: {}}]"),
			wrong: "spec.generators[0].matrix: it has 3 generators, and is to have two"},
		{name: "two in one", generators: matrix("[{list: {elements: []}, clusters: {}}, {list: {}}]"),
			wrong: "spec.generators[0].matrix: generators[0] is to hold one generator, and holds 2"},
		{name: "no mapping", generators: matrix("[a, {list: {}}]"), wrong: "spec.generators[0].matrix: generators[0] is " +
			"no mapping"},
		{name: "a mistake within", generators: matrix("[{list: {elements: [x]}}, {list: {}}]"),
			wrong: "spec.generators[0].matrix.generators[0].list: elements[0] is no mapping"},
		{name: "a mistake in the second", generators: matrix(twice + "{list: {elements: [x]}}]"),
			wrong: "spec.generators[0].matrix.generators[1].list: elements[0] is no mapping"},
		{name: "no sets", generators: matrix("[{list: {elements: []}}, {list: {elements: [x]}}]"), want: "null"},
	})
	checkParams(t, true, []paramsCase{
		{name: "for Go templates: those of the first take precedence, unless they are empty", generators: matrix("[" +
			listOf +
			"{a: x, b: '', m: {p: '1'}}" + endList + ", " + listOf + "{a: other, b: '{{.a}}', m: {p: '2', q: '3'}}" + endList +
			"]"),
			want: `[{"a":"x","b":"x","m":{"p":"1","q":"3"}}]`},
	})
}

// TestParametersOfMerges: argo-cd, docs/operator-manual/applicationset/Generators-Merge.md.
func TestParametersOfMerges(t *testing.T) {
	t.Parallel()
	merge := func(keys, generators string) string {
		return "{merge: {mergeKeys: [" + keys + "], generators: [" + generators + "]}}"
	}
	const base = listOf + "{k: '1', a: x, b: v}, {k: '2', a: w}" + endList + ", "
	checkParams(t, false, []paramsCase{
		{name: "those of the first, with the others over them", generators: merge("k", base+listOf+"{k: '2', a: z, c: "+
			"d}, {k: '3', a: none}"+endList),
			want: `[{"a":"x","b":"v","k":"1"},{"a":"z","c":"d","k":"2"}]`},
		{name: "a third over the second", generators: merge("k", base+listOf+"{k: '1', a: p}"+endList+", "+listOf+"{k: "+
			"'1', a: q}"+endList),
			want: `[{"a":"q","b":"v","k":"1"},{"a":"w","k":"2"}]`},
		{name: "an empty text is a value", generators: merge("k", base+listOf+"{k: '1', a: ''}"+endList),
			want: `[{"a":"","b":"v","k":"1"},{"a":"w","k":"2"}]`},
		{name: "by two keys", generators: merge("k, a", base+listOf+"{k: '1', a: x, b: new}, {k: '2', a: x, b: "+
			"none}"+endList),
			want: `[{"a":"w","k":"2"},{"a":"x","b":"new","k":"1"}]`},
		{name: "keys that nothing has", generators: merge("none", listOf+"{a: x}"+endList+", "+listOf+"{b: v}"+endList),
			want: `[{"a":"x","b":"v"}]`},
		{name: "two sets with one key", generators: merge("k", base+listOf+"{k: '1'}, {k: '1'}"+endList),
			wrong: `spec.generators[0].merge: generators[1] gives two sets of parameters with the merge keys {"k":"1"}`},
		{name: "two sets of the first", generators: merge("none", base+listOf+"{k: '1'}"+endList),
			wrong: `spec.generators[0].merge: generators[0] gives two sets of parameters with the merge keys {"none":null}`},
		{name: "no keys", generators: merge("", base+listOf+endList), wrong: "spec.generators[0].merge: it is to have " +
			"two generators or more, and mergeKeys"},
		{name: "one generator", generators: merge("k", "{list: {}}"), wrong: "spec.generators[0].merge: it is to have " +
			"two generators or more, and mergeKeys"},
		{name: "a mistake within", generators: merge("k", "{list: {}}, {list: {elements: [x]}}"),
			wrong: "spec.generators[0].merge.generators[1].list: elements[0] is no mapping"},
	})
	checkParams(t, true, []paramsCase{
		{name: "for Go templates: what is empty is not laid over", generators: merge("k", listOf+"{k: 1, a: x, m: {p: "+
			"'1'}}"+endList+", "+
			listOf+"{k: 1, a: '', m: {q: '2'}}"+endList), want: `[{"a":"x","k":1,"m":{"p":"1","q":"2"}}]`},
	})
}

// TestGeneratorsOfOtherKinds: those that are not supported say so, and those that nobody knows, in any letter case.
func TestGeneratorsOfOtherKinds(t *testing.T) {
	t.Parallel()
	const none = ": no generator that Drover knows: correct its name"
	checkParams(t, false, []paramsCase{
		{name: "not supported", generators: "{pullRequest: {}}", wrong: "spec.generators[0].pullRequest: " +
			fields.RefusedGenerator("pullRequest")},
		{name: "not known", generators: "{lists: {elements: []}}", wrong: "spec.generators[0].lists" + none},
		{name: "in another letter case", generators: "{List: {elements: []}}", wrong: "spec.generators[0].List" + none},
		{name: "below one", generators: "{matrix: {generators: [{Git: {}}, {list: {}}]}}",
			wrong: "spec.generators[0].matrix.generators[0].Git" + none},
		{name: "nested too deep", generators: "{matrix: {generators: [{matrix: {generators: [{matrix: {generators: " +
			"[{matrix: {generators: [{list: {}}, {list: {}}]}}, {list: {}}]}}, {list: {}}]}}, {list: {}}]}}",
			wrong: "spec.generators[0].matrix.generators[0].matrix.generators[0].matrix: it has 0 " +
				"generators, and is to have two"},
	})
}

// TestSetsOfParametersAreSelected: by texts of what lies in others, too (argo-cd,
// docs/operator-manual/applicationset/Generators-Post-Selector.md).
func TestSetsOfParametersAreSelected(t *testing.T) {
	t.Parallel()
	selecting := func(selector string) string {
		return "{list: {elements: [{a: x, m: {q: 1}}, {a: z, m: {q: 2}}]}, selector: " + selector + "}"
	}
	checkParams(t, true, []paramsCase{
		{name: "by label", generators: selecting("{matchLabels: {a: z}}"), want: `[{"a":"z","m":{"q":2}}]`},
		{name: "below", generators: selecting("{matchLabels: {m.q: '1'}}"), want: `[{"a":"x","m":{"q":1}}]`},
		{name: "by expression", generators: selecting("{matchExpressions: [{key: none, operator: Exists}]}"), want: `[]`},
		{name: "without one", generators: selecting("null"), want: `[{"a":"x","m":{"q":1}},{"a":"z","m":{"q":2}}]`},
		{name: "a mistake", generators: selecting("{matchLabels: [a]}"), wrong: "spec.generators[0].list: the selector: " +
			"json: cannot unmarshal array into Go struct field .MatchLabels of type map[string]string"},
	})
}
