package argo

import (
	"strings"
	"testing"
)

// TestFieldsOfGeneratorsAreKnown: those that are used are not named, nested ones neither; those that nobody knows are,
// once, and are not used.
func TestFieldsOfGeneratorsAreKnown(t *testing.T) {
	t.Parallel()
	const own = "repoURL: https://github.com/org/fleet"
	for _, c := range []struct{ name, generator, note, wrong string }{
		{name: "folders", generator: "{git: {" + own + ", revision: HEAD, requeueAfterSeconds: 60, pathParamPrefix: a, " +
			"directories: [{path: teams/*}, {path: teams/b, exclude: true}], values: {any: thing}}}"},
		{name: "files", generator: "{git: {" + own + ", files: [{path: teams/a/config.json}]}}"},
		{name: "clusters", generator: "{clusters: {selector: {matchLabels: {env: test}, matchExpressions: " +
			"[{key: env, operator: In, values: [test]}]}, values: {a: b}}}"},
		{name: "a matrix", generator: "{matrix: {generators: [{list: {elements: [{a: b}]}}, {merge: {mergeKeys: [name], " +
			"generators: [{clusters: {}}, {list: {elements: [{name: us}]}}]}}]}}"},
		{name: "a slip", generator: "{git: {" + own + ", directories: [{path: teams/*, exclud: true}]}}",
			note: "spec.generators[0].git.directories[0].exclud: no field that Drover knows"},
		{name: "another letter case", generator: "{git: {" + own + ", files: [{path: teams/a/config.json}], Directories: " +
			"[{path: teams/*}]}}", note: "spec.generators[0].git.Directories: no field that Drover knows"},
		{name: "a nested slip", generator: "{matrix: {generators: [{clusters: {slector: {a: b}}}, {list: {elements: []}}]}}",
			note: "spec.generators[0].matrix.generators[0].clusters.slector: no field that Drover knows"},
		{name: "one that is not supported", generator: "{pullRequest: {github: {owner: a}}}",
			wrong: "spec.generators[0].pullRequest: this generator is not supported: have CI commit a folder for each " +
				"request, and use a git generator; keeping the Applications"},
		{name: "a nested one", generator: "{matrix: {generators: [{scmProvider: {}}, {list: {elements: []}}]}}",
			wrong: "generators[0].scmProvider: this generator is not supported: list the repositories"},
		{name: "one that nobody knows", generator: "{lists: {elements: [{a: b}]}}",
			wrong: "spec.generators[0].lists: no generator that Drover knows: correct its name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, _, r := open(t, "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: x, namespace: "+
				"argocd}\n"+
				"spec:\n  generators: ["+c.generator+"]\n  template: {metadata: {name: x}, spec: {project: default}}\n")
			if _, err := r.Expand(t.Context()); err != nil {
				t.Fatal(err)
			}
			var notes []string
			for _, n := range p.Cluster.Notes {
				notes = append(notes, n.String())
			}
			said(t, "notes", notes, c.note)
			said(t, "problems", p.Cluster.Problems, c.wrong)
		})
	}
}

// said checks that a thing was said, once, and nothing else.
func said(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}
