package hub_test

import (
	"strings"
	"testing"
)

const jsonnetFolder = `
-- web/main.jsonnet --
local name = import 'name.libsonnet';
function(env='none', replicas=1) [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name.of('web') }, data: { env: env, region: std.extVar('region'), replicas: std.toString(replicas + 1), note: importstr 'note.txt' } },
  { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: (import 'shared.libsonnet') } }] },
]
-- web/name.libsonnet --
{ of(n):: n + '-' + (import '../common/suffix.libsonnet') }
-- web/note.txt --
hello
-- common/suffix.libsonnet --
'x'
-- lib/shared.libsonnet --
'shared'
-- web/plain.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: plain}
-- web/below/more.jsonnet --
{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'below' } }
`

func TestJsonnetInAFolderOfManifests(t *testing.T) {
	t.Parallel()
	const vars = "jsonnet: {tlas: [{name: env, value: $ARGOCD_APP_NAME}, {name: replicas, value: '2', code: true}], " +
		"extVars: [{name: region, value: eu}], libs: [lib]}"
	for _, c := range []struct {
		name, tree string
		want, not  []string
	}{
		{"with arguments, variables, libraries and imports", jsonnetFolder + application("web", argoSource("web", ", directory: {"+vars+"}")),
			[]string{`"data":{"env":"web","note":"hello\n","region":"eu","replicas":"3"}`, `"name":"web-x"`, `"name":"shared"`, `"name":"plain"`},
			[]string{"below", "ERR", "note clusters"}},
		{"with folders in it", jsonnetFolder + application("web", argoSource("web", ", directory: {recurse: true, "+vars+"}")),
			[]string{`"name":"below"`, `"name":"web-x"`}, []string{"ERR"}},
		{"some files", jsonnetFolder + application("web", argoSource("web", ", directory: {recurse: true, include: 'below/*'}")),
			[]string{`"name":"below"`}, []string{"web-x", "plain", "ERR"}},
		{"an argument that is missing", jsonnetFolder + application("web", argoSource("web", ", directory: {jsonnet: {libs: [lib]}}")),
			[]string{"ERR web/main.jsonnet:3: jsonnet: Undefined external variable: region"}, nil},
		{"a library that is missing", jsonnetFolder + application("web", argoSource("web", ", directory: {jsonnet: {extVars: [{name: region, value: eu}]}}")),
			[]string{"ERR web/main.jsonnet:4: jsonnet: couldn't open import \"shared.libsonnet\": it is neither beside the file"}, nil},
		{"an import from outside", application("web", argoSource("web", "")) + "-- web/a.jsonnet --\nimport '../../../etc/passwd'\n",
			[]string{"ERR web/a.jsonnet:1: jsonnet: ", "leads out of the repository"}, nil},
		{"an import from the machine", application("web", argoSource("web", "")) + "-- web/a.jsonnet --\nimportstr '/etc/passwd'\n",
			[]string{"ERR web/a.jsonnet:1: jsonnet: ", "not by a path from the root of the machine"}, []string{"root:"}},
		{"a syntax error", application("web", argoSource("web", "")) + "-- web/a.jsonnet --\n{\n  a: ,\n}\n",
			[]string{"ERR web/a.jsonnet:2: jsonnet: "}, nil},
		{"what is no object", application("web", argoSource("web", "")) + "-- web/a.jsonnet --\n'text'\n",
			[]string{"ERR web/a.jsonnet: jsonnet: what it gives is no object"}, nil},
		{"an object without a kind", application("web", argoSource("web", "")) + "-- web/a.jsonnet --\n{a: 1}\n",
			[]string{"ERR web/a.jsonnet:1: an object without a kind"}, nil},
		{"one that never ends", application("web", argoSource("web", "")) + "-- web/a.jsonnet --\nlocal f(x) = f(x + 1) + 1; f(0)\n",
			[]string{"ERR web/a.jsonnet:1: jsonnet: max stack frames exceeded"}, nil},
		{"a library outside", application("web", argoSource("web", ", directory: {jsonnet: {libs: [../lib]}}")) + "-- web/a.jsonnet --\n{}\n",
			[]string{`spec.source.directory.jsonnet.libs[0]: "../lib" leads out of the repository`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newArgoScene(t, c.tree)
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("got:\n%s\nwant %q", got, want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("got:\n%s\nnot %q", got, not)
				}
			}
		})
	}
}

// What Jsonnet imports is followed: a commit that changes it alone changes the app.
func TestImportsOfJsonnetAreFollowed(t *testing.T) {
	t.Parallel()
	b := newArgoScene(t, application("web", argoSource("web", ""))+"-- web/a.jsonnet --\nimport '../lib/a.libsonnet'\n"+
		"-- lib/a.libsonnet --\n{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'one'}}\n")
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, `"name":"one"`) {
		t.Fatalf("got:\n%s", got)
	}
	b.commit("-- lib/a.libsonnet --\n{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'two'}}\n")
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, `"name":"two"`) {
		t.Errorf("got:\n%s", got)
	}
}
