package kustomize

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
)

// narrowCases are trees of which the files alone do not show what is wrong.
var narrowCases = []struct{ name, tree, want string }{
	{"the first of two wrong patches", goodDep +
		"-- a/kustomization.yaml --\nresources: [dep.yaml]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: " +
		"Deployment\n    metadata: {name: wbe}\n" +
		"- path: p.yaml\n  target: {kind: Deployment}\n-- a/p.yaml --\n- {op: remove, path: /spec/x}\n",
		`a/kustomization.yaml:3: the patch for Deployment "wbe" matches no object (did you mean "web"?)`},
	{"a patch in a base", "-- b/dep.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n-- " +
		"b/kustomization.yaml --\nresources: [dep.yaml]\npatches:\n- target: {kind: Deployment}\n  patch: '[{\"op\": " +
		"\"remove\", \"path\": \"/spec/x\"}]'\n" +
		"-- a/kustomization.yaml --\nresources: [../b]\nnamePrefix: x-\n",
		`b/kustomization.yaml:3: a patch does not apply: remove operation does not apply: doc is missing path: ` +
			`"/spec/x": missing value (check the paths and the operations against the object)`},
	{"a patch in a component", goodDep + "-- c/kustomization.yaml --\nkind: Component\nnamePrefix: x-\npatches:\n- " +
		"patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: api}\n" +
		"-- a/kustomization.yaml --\nresources: [dep.yaml]\ncomponents: [../c]\n",
		`c/kustomization.yaml:4: the patch for Deployment "api" matches no object (check its apiVersion, kind, name and ` +
			`namespace against the object's)`},
	{"the second document of a patch", goodDep +
		"-- a/p.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\napiVersion: v1\nkind: " +
		"Service\nmetadata: {name: web}\n-- a/kustomization.yaml --\nresources: [dep.yaml]\npatches: [{path: p.yaml}]\n",
		`a/p.yaml:5: the patch for Service "web" matches no object (check its apiVersion, kind, name and namespace ` +
			`against the object's)`},
	{"a patch for two objects", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: " +
		"n}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: m}\n" +
		"-- a/kustomization.yaml --\nresources: [x.yaml]\npatches:\n- patch: '{apiVersion: v1, kind: ConfigMap, " +
		"metadata: {name: c}, data: {a: b}}'\n",
		`a/kustomization.yaml:3: the patch for ConfigMap "c" matches several objects (give its target a namespace)`},
	{"the second of two replacements", goodDep +
		"-- a/kustomization.yaml --\nresources: [dep.yaml]\nreplacements:\n- source: {kind: Deployment, name: web, " +
		"fieldPath: spec.replicas}\n  targets: [{select: {kind: Deployment}, fieldPaths: [spec.replicas]}]\n" +
		"- source: {kind: Deployment, name: web, fieldPath: spec.replicas}\n  targets: [{select: {kind: Deployment}, " +
		"fieldPaths: [spec.nosuch]}]\n",
		`a/kustomization.yaml:5: replacements[1]: unable to find field "spec.nosuch" in replacement target (check the ` +
			`source against the objects in this kustomization, and fieldPaths against the targets, or set options.create to ` +
			`add the field)`},
	{"a builtin that is none", goodDep + "-- a/kustomization.yaml --\nresources: [dep.yaml]\ntransformers: " +
		"[t.yaml]\n-- a/t.yaml --\napiVersion: builtin\nkind: NoSuchTransformer\nmetadata: {name: x}\n",
		`a/kustomization.yaml:2: transformers[0]: unable to load builtin NoSuchTransformer.builtin.[noGrp] (check its ` +
			`kind and its fields)`},
	{"a cycle of three", "-- a/kustomization.yaml --\nresources: [../b]\n-- b/kustomization.yaml --\nresources: " +
		"[../c]\n-- c/kustomization.yaml --\nnamePrefix: x\nresources:\n- ../a\n",
		`c/kustomization.yaml:3: resources[0] "../a" leads back to a folder that is already being built: a cycle (let ` +
			`one of the two folders not name the other)`},
	{"a template of a chart in flow style",
		"-- a/x.yaml --\napiVersion: v1\nkind: Thing\nmetadata: {name: {{ .Values.name }}}\n",
		`a/x.yaml:3: template syntax ({{ … }}) in a file that is no chart's (have the app name the folder with ` +
			`the Chart.yaml ` +
			`as a chart, or list the files that are manifests in a kustomization.yaml)`},
	{"a template of a chart with a condition",
		"-- a/x.yaml --\napiVersion: v1\nkind: Thing\n{{- if .Values.on }}\nmetadata: {name: x}\n{{- end }}\n",
		`a/x.yaml:3: template syntax ({{ … }}) in a file that is no chart's (have the app name the folder with ` +
			`the Chart.yaml ` +
			`as a chart, or list the files that are manifests in a kustomization.yaml)`},
	{"a key that is a number", "-- a/x.yaml --\napiVersion: v1\nkind: Thing\nmetadata: {name: x}\nspec:\n  8080: y\n",
		`a/x.yaml:5: Thing "x": a map has a key that is no text (quote the keys that are numbers, true, false or null)`},
}

// TestTheEntryThatFailsIsFound: where several entries could be to blame, the message names the file and the line of
// the one.
func TestTheEntryThatFailsIsFound(t *testing.T) {
	for _, c := range narrowCases {
		t.Run(c.name, func(t *testing.T) {
			if got := mustFail(t, tree(c.tree), "a", model.BuildOptions{}); got != c.want {
				t.Errorf("got:  %s\nwant: %s", got, c.want)
			}
		})
	}
}

// reworded is an error of kustomize's in the words of another version.
type reworded struct{ error }

func (reworded) Error() string   { return "in other words" }
func (r reworded) Unwrap() error { return r.error }

func reword(err error) error {
	if err == nil {
		return nil
	}
	return reworded{err}
}

// TestNoMessageDependsOnTheWordsOfKustomize: file, line and remedy are the same whatever an error's text is.
func TestNoMessageDependsOnTheWordsOfKustomize(t *testing.T) {
	for _, c := range append(errorCases[:len(errorCases):len(errorCases)], narrowCases...) {
		t.Run(c.name, func(t *testing.T) {
			turn <- struct{}{}
			defer func() { <-turn }()
			m := newMount(tree(c.tree), "a")
			target, err := prepare(m, m.Dir, model.BuildOptions{})
			if err != nil {
				return // it is found before kustomize begins
			}
			_, cause := run(m, target)
			if cause == nil {
				t.Fatal("it builds")
			}
			if _, ok := errors.AsType[*diagnose.BuildError](cause); ok {
				return
			}
			again := func(dir string, changed map[string][]byte) error { return reword(m.attempt(dir, changed)) }
			e := m.Explain(reword(cause), m.denial(), again)
			file, rest, _ := strings.Cut(c.want, ": ")
			hint := rest[strings.LastIndex(rest, " (")+2:]
			if !strings.HasSuffix(rest, e.Hint+")") {
				t.Errorf("the remedy is %q, want %q", e.Hint, hint)
			}
			at := e.File
			if e.Line > 0 {
				at += fmt.Sprintf(":%d", e.Line)
			}
			if at != file {
				t.Errorf("it is about %s, want %s", at, file)
			}
		})
	}
}
