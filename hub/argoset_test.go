package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
)

// applicationSet is an ApplicationSet in the cluster's folder, whose Applications are told apart by name,
// folder and namespace.
func applicationSet(options, generators, name, path, namespace string) string {
	return "-- clusters/staging/set.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s, namespace: argocd}\nspec:\n" + options +
		"  generators:\n" + generators + "  template:\n    metadata: {name: '" + name + "'}\n    spec:\n      project: default\n      source: {repoURL: " + argoRepository + ", path: '" + path +
		"'}\n      destination: {name: in-cluster, namespace: '" + namespace + "'}\n      syncPolicy: {automated: {}}\n"
}

const goTemplate = "  goTemplate: true\n  goTemplateOptions: [missingkey=error]\n"

// gitFiles is a Git generator.
func gitFiles(indent, what string) string {
	return indent + "- git: {repoURL: " + argoRepository + ", revision: HEAD, " + what + "}\n"
}

var teams = manifest("teams/a/config.yaml", "a", "{a: b}") + manifest("teams/b/config.yaml", "b", "{a: b}") + manifest("teams/B_c/config.yaml", "c", "{a: b}") +
	manifest("teams/.hidden/config.yaml", "h", "{a: b}") + `
-- env/one/values.json --
{"name": "one", "nested": {"team": "a"}, "n": 3, "list": ["v", "w"]}
-- env/two/values.json --
[{"name": "two", "nested": {"team": "b"}}, {"name": "three", "nested": {"team": "a"}}]
-- clusters/staging/cluster.yaml --
labels: {env: staging, team: a}
annotations: {owner: ops}
-- clusters/other/cluster.yaml --
labels: {env: production}
argocd: {name: far}
`

func TestApplicationSets(t *testing.T) {
	t.Parallel()
	const list = "  - list: {elements: [{team: a, values: {ns: x}}, {team: b, values: {ns: y}}]}\n"
	for _, c := range []struct{ name, tree, want string }{
		{"a list", applicationSet("", list, "app-{{team}}", "teams/{{ team }}", "{{values.ns}}{{unknown}}"), "app-a teams/a x{{unknown}}, app-b teams/b y{{unknown}}"},
		{"a list with Go templates", applicationSet(goTemplate, list, "app-{{.team | upper | lower}}", "teams/{{.team}}", `{{if eq .team "a"}}{{.values.ns | quote | trimAll "\""}}{{else}}other{{end}}`), "app-a teams/a x, app-b teams/b other"},
		{"a list as YAML", applicationSet("", "  - list: {elementsYaml: '[{team: a}]'}\n", "app-{{team}}", "teams/a", "n"), "app-a teams/a n"},
		{"two generators, one with a selector", applicationSet("", list+"    selector: {matchLabels: {team: b}}\n  - list: {elements: [{team: c}]}\n", "app-{{team}}", "teams/a", "{{team}}"), "app-b teams/a b, app-c teams/a c"},
		{"folders", applicationSet("", gitFiles("  ", "directories: [{path: teams/*}, {path: teams/b, exclude: true}]"), "{{path.basenameNormalized}}", "{{path}}", "{{path[0]}}-{{path.basename}}"), "a teams/a teams-a, b-c teams/B_c teams-B_c"},
		{"folders with Go templates", applicationSet(goTemplate, gitFiles("  ", "directories: [{path: 'teams/?'}], values: {n: '{{index .path.segments 0}}'}"), "{{.path.basename}}", "{{.path.path}}", "{{.values.n}}"), "a teams/a teams, b teams/b teams"},
		{"folders under a prefix", applicationSet("", gitFiles("  ", "pathParamPrefix: dir, directories: [{path: teams/a}]"), "{{dir.path.basename}}", "{{dir.path}}", "n"), "a teams/a n"},
		{"files", applicationSet("", gitFiles("  ", "files: [{path: env/*.json}]"), "{{name}}", "teams/{{nested.team}}", "{{path.basename}}-{{path.filename}}-{{n}}{{list.1}}"),
			"one teams/a one-values.json-3w, three teams/a two-values.json-{{n}}{{list.1}}, two teams/b two-values.json-{{n}}{{list.1}}"},
		{"files with Go templates", applicationSet(goTemplate, gitFiles("  ", "files: [{path: 'env/**/values.json'}, {path: env/two/values.json, exclude: true}]"), "{{.name}}", "teams/{{.nested.team}}", `{{add .n 1}}{{last .list}}{{.path.filename | replace "." "-"}}`), "one teams/a 4wvalues-json"},
		{"this cluster", applicationSet("", "  - clusters: {values: {v: 'x-{{name}}'}}\n", "{{nameNormalized}}", "teams/{{metadata.labels.team}}", "{{values.v}}-{{metadata.annotations.owner}}"), "far teams/{{metadata.labels.team}} ERR, staging teams/a x-staging-ops"},
		{"clusters by label", applicationSet(goTemplate, "  - clusters: {selector: {matchLabels: {argocd.argoproj.io/secret-type: cluster}, matchExpressions: [{key: env, operator: In, values: [staging]}]}}\n", "{{.name}}", "teams/{{.metadata.labels.team}}", "n"), "staging teams/a n"},
		{"clusters as one list", applicationSet(goTemplate, "  - clusters: {flatList: true}\n", "all", "teams/a", "{{range .clusters}}{{.name}}.{{end}}"), "all teams/a far.staging."},
		{"a matrix", applicationSet("", "  - matrix:\n      generators:\n"+gitFiles("      ", "directories: [{path: 'teams/?'}]")+"      - list: {elements: [{env: x}, {env: '{{path.basename}}'}]}\n", "{{path.basename}}-{{env}}", "{{path}}", "{{env}}"),
			"a-a teams/a a, a-x teams/a x, b-b teams/b b, b-x teams/b x"},
		{"a matrix with Go templates", applicationSet(goTemplate, "  - matrix:\n      generators:\n"+gitFiles("      ", "files: [{path: env/one/values.json}]")+"      - list: {elementsYaml: \"{{range .list}}\\n- {env: {{.}}}{{end}}\"}\n", "{{.name}}-{{.env}}", "teams/{{.nested.team}}", "{{.env}}"),
			"one-v teams/a v, one-w teams/a w"},
		{"a merge", applicationSet("", "  - merge:\n      mergeKeys: [team]\n      generators:\n      - list: {elements: [{team: a, ns: one}, {team: b, ns: one}]}\n      - list: {elements: [{team: b, ns: two}, {team: c, ns: two}]}\n", "{{team}}", "teams/{{team}}", "{{ns}}"), "a teams/a one, b teams/b two"},
		{"a template of the generator", applicationSet("", "  - list: {elements: [{team: a}], template: {metadata: {}, spec: {destination: {namespace: own}}}}\n", "{{team}}", "teams/a", "n"), "a teams/a own"},
		{"a patch of the template", applicationSet(goTemplate+"  templatePatch: |\n    spec:\n      project: other\n      destination:\n        namespace: patched-{{.team}}\n", list, "{{.team}}", "teams/a", "n"), "a teams/a patched-a, b teams/a patched-b"},
		{"names for URLs, YAML and templates of templates", applicationSet(goTemplate, "  - list: {elements: [{team: a}]}\n", `{{slugify 9 true "some long Name"}}`, "teams/a", `{{tpl "{{.team}}" .}}-{{(fromYaml "x: z").x}}-{{normalize "A_b"}}`), "some-long teams/a a-z-a-b"},
		{"what cannot be made an Application of leaves the others", applicationSet(goTemplate, "  - list: {elements: [{team: a}, {other: b}]}\n", "{{.team}}", "teams/a", "n"), `a teams/a n, problem template: template:1:2: executing "template" at <.team>: map has no entry for key "team"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newArgoScene(t, teams+c.tree)
			res := b.resolve("staging")
			var got []string
			for _, a := range res.Apps {
				if a.App.Name == "root" {
					continue
				}
				line := fmt.Sprintf("%s %s %s", a.App.Name, a.App.Path, a.App.Namespace)
				if a.Err != "" {
					line = fmt.Sprintf("%s %s ERR", a.App.Name, a.App.Path)
				}
				got = append(got, line)
			}
			for _, p := range res.Cluster.Problems {
				got = append(got, "problem "+p)
			}
			text := strings.Join(got, ", ")
			before, problem, wrong := strings.Cut(c.want, "problem ")
			if ok := text == c.want || wrong && strings.HasPrefix(text, before) && strings.Contains(text, problem); !ok {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

// TestWhatAnApplicationSetAsksForInVainIsNamed: as problems of the cluster, so that what it gave before stays.
func TestWhatAnApplicationSetAsksForInVainIsNamed(t *testing.T) {
	t.Parallel()
	const list = "  - list: {elements: [{team: a}]}\n"
	for _, c := range []struct{ name, tree, want string }{
		{"a generator that is not supported", applicationSet("", "  - scmProvider: {github: {organization: x}}\n", "a", "teams/a", "n"), "problem clusters/staging/set.yaml:6: ApplicationSet argocd/s: spec.generators[0].scmProvider: this generator is not supported: list the repositories; keeping the Applications that it gave before"},
		{"another repository", applicationSet("", "  - git: {repoURL: 'https://x/y.git', directories: [{path: '*'}]}\n", "a", "teams/a", "n"), "spec.generators[0].git: https://x/y.git: nothing here fetches sources; keeping the Applications that it gave before"},
		{"a number in a list", applicationSet("", "  - list: {elements: [{n: 1}]}\n", "a", "teams/a", "n"), "elements[0]: n is no text: put it in quotes, or say goTemplate: true"},
		{"a parameter twice", applicationSet("", "  - matrix: {generators: [{list: {elements: [{a: x}]}}, {list: {elements: [{a: y}]}}]}\n", "a", "teams/a", "n"), `both generators give the parameter a, "x" and "y"`},
		{"a function that looks at the machine", applicationSet(goTemplate, list, `{{env "HOME"}}`, "teams/a", "n"), `function "env" not defined`},
		{"a function that gives something else each time", applicationSet(goTemplate, list, `{{randAlphaNum 5 | lower}}`, "teams/a", "n"), "randAlphaNum gives something else each time"},
		{"a template that grows without end", applicationSet(goTemplate, list, `{{range until 100000}}{{repeat 1000000 "x"}}{{end}}`, "teams/a", "n"), "took more than the 1024 MiB of memory"},
		{"a template that calls itself", applicationSet(goTemplate, list, `{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}`, "teams/a", "n"), "problem "},
		{"a strategy", applicationSet("  strategy: {type: RollingSync}\n", list, "a", "teams/a", "n"), "spec.strategy: not done but for ApplicationSets below fleet/: all Applications are delivered at once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newArgoScene(t, teams+c.tree)
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}

// TestGitGeneratorsLookIntoOtherRepositories: folders and files, at branches, tags and commits, which are followed.
func TestGitGeneratorsLookIntoOtherRepositories(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	other := e.push("teams.git", "v1.0", map[string]string{"teams/a/config.json": `{"owner": "x", "deep": {"n": "1"}}`, "teams/b/config.json": `{"owner": "y", "deep": {"n": "2"}}`, ".hidden/x": "x", "teams/.h/x": "x"})
	e.push("teams.git", "", map[string]string{"teams/c/config.json": `{"owner": "z", "deep": {"n": "3"}}`})
	git := func(rest string) string { return "  - git: {repoURL: '" + other + "', " + rest + "}\n" }
	for _, c := range []struct{ name, generators, as, want string }{
		{"folders of a tag", git("revision: refs/tags/v1.0, directories: [{path: teams/*}, {path: teams/b, exclude: true}]"), "{{path.basename}}", "a"},
		{"folders of the branch", git("revision: main, directories: [{path: teams/*}]"), "{{path.basename}}", "a b c"},
		{"folders, with values and a prefix", git("directories: [{path: teams/*}], pathParamPrefix: my, values: {name: 'n-{{my.path.basename}}'}"), "{{values.name}}-{{my.path[0]}}", "n-a-teams n-b-teams n-c-teams"},
		{"files", git("revision: HEAD, files: [{path: '**/config.json'}]"), "{{owner}}-{{deep.n}}-{{path.basename}}", "x-1-a y-2-b z-3-c"},
		{"a matrix with this repository", "  - matrix: {generators: [{git: {repoURL: '" + other + "', revision: v1.0, directories: [{path: teams/*}]}}, {list: {elements: [{n: '1'}]}}]}\n", "{{path.basename}}-{{n}}", "a-1 b-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, teams+applicationSet("", c.generators, c.as, "teams/a", "n"))
			b.with(func(cfg *resolve.Config) { cfg.Repository = []string{argoRepository} })
			res := b.resolve("staging")
			var got []string
			for _, a := range res.Apps {
				got = append(got, a.App.Name)
			}
			if text := strings.Join(got, " "); text != c.want || len(res.Cluster.Problems) > 0 {
				t.Errorf("got %s, want %s; %v", text, c.want, res.Cluster.Problems)
			}
			if !slices.ContainsFunc(res.Places(), func(place string) bool { return strings.HasPrefix(place, "\x00") }) {
				t.Error("the cluster does not follow the repository")
			}
		})
	}
	e.away.Store(true)
	b := foreignScene(t, e, teams+applicationSet("", git("revision: v1.0, directories: [{path: teams/*}]"), "{{path.basename}}", "teams/a", "n"))
	b.with(func(cfg *resolve.Config) { cfg.Repository = []string{argoRepository} })
	if p := b.resolve("staging").Cluster.Problems; len(p) != 1 || !strings.Contains(p[0], "spec.generators[0].git: ") || !strings.Contains(p[0], "503") ||
		!strings.Contains(p[0], "keeping the Applications that it gave before") {
		t.Errorf("a repository that is away: %q", p)
	}
}
