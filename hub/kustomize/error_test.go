package kustomize

import (
	"testing"

	"github.com/drover-dev/drover/hub"
)

const (
	goodMap = "-- a/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n"
	goodDep = "-- a/dep.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n"
)

// errorCases are trees whose folder "a" does not build, and what the person is told.
var errorCases = []struct{ name, tree, want string }{
	{"no such folder", "-- b/cm.yaml --\n" + configMap("x"),
		`a: there is no such folder in the repository (check the path)`},
	{"a file for a folder", "-- a --\nx\n",
		`a: is a file (name the folder that holds it)`},
	{"two kustomizations", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml]\n-- a/Kustomization --\nresources: [cm.yaml]\n",
		`a/kustomization.yaml: the folder has a second kustomization, a/Kustomization, and kustomize takes only one (keep one of them)`},
	{"two kustomizations in a base", "-- a/kustomization.yaml --\nresources: [../b]\n-- b/cm.yaml --\n" + configMap("x") + "-- b/kustomization.yaml --\nresources: [cm.yaml]\n-- b/kustomization.yml --\nresources: [cm.yaml]\n",
		`b/kustomization.yaml: the folder has a second kustomization, b/kustomization.yml, and kustomize takes only one (keep one of them)`},
	{"a missing file", "-- a/deployment.yaml --\nx: y\n" + goodMap + "-- a/kustomization.yaml --\nresources:\n- cm.yaml\n# note\n- depoyment.yaml\n",
		`a/kustomization.yaml:4: resources[1] "depoyment.yaml" does not exist (did you mean "deployment.yaml"?)`},
	{"a missing file, nothing near", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml, elsewhere.yaml]\n",
		`a/kustomization.yaml:1: resources[1] "elsewhere.yaml" does not exist (check the path; it is relative to the kustomization's folder)`},
	{"a missing patch", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml]\npatches:\n- path: p.yaml\n",
		`a/kustomization.yaml:3: patches[0].path "p.yaml" does not exist (check the path; it is relative to the kustomization's folder)`},
	{"a missing base in a base", "-- a/kustomization.yaml --\nresources: [../base]\n-- base/kustomization.yaml --\nresources: [../shard]\n-- shared/kustomization.yaml --\nnamePrefix: x\n",
		`base/kustomization.yaml:1: resources[0] "../shard" does not exist (did you mean "shared"?)`},
	{"a missing env file", "-- a/kustomization.yaml --\nconfigMapGenerator:\n- name: x\n  envs: [prod.env]\n",
		`a/kustomization.yaml:3: configMapGenerator[0].envs[0] "prod.env" does not exist (check the path; it is relative to the kustomization's folder)`},
	{"a missing file with a key", "-- a/secret.text --\nx\n-- a/kustomization.yaml --\nsecretGenerator:\n- name: x\n  files: [key=secret.txt]\n",
		`a/kustomization.yaml:3: secretGenerator[0].files[0] "secret.txt" does not exist (did you mean "secret.text"?)`},
	{"a missing component", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml]\ncomponents: [../c]\n",
		`a/kustomization.yaml:2: components[0] "../c" does not exist (check the path; it is relative to the kustomization's folder)`},
	{"a folder without a kustomization", goodMap + "-- a/sub/cm.yaml --\n" + configMap("x") + "-- a/kustomization.yaml --\nresources:\n- cm.yaml\n- sub\n",
		`a/kustomization.yaml:3: resources[1] "sub" is a folder without a kustomization (add a kustomization.yaml to it, or list its files)`},
	{"a component as a resource", goodMap + "-- c/kustomization.yaml --\nkind: Component\nnamePrefix: x\n-- a/kustomization.yaml --\nresources: [cm.yaml, ../c]\n",
		`a/kustomization.yaml:1: resources[1] "../c" is a component (list it under components, not under resources)`},
	{"a resource as a component", goodMap + "-- c/kustomization.yaml --\nnamePrefix: x\n-- a/kustomization.yaml --\nresources: [cm.yaml]\ncomponents: [../c]\n",
		`a/kustomization.yaml:2: components[0] "../c" is no component (set kind: Component in its kustomization, or list it under resources)`},
	{"a cycle", "-- a/kustomization.yaml --\nresources: [../b]\n-- b/kustomization.yaml --\nresources:\n- ../a\n",
		`b/kustomization.yaml:2: resources[0] "../a" leads back to a folder that is already being built: a cycle (let one of the two folders not name the other)`},
	{"a base above", "-- a/kustomization.yaml --\nresources: [..]\n-- kustomization.yaml --\nnamePrefix: x\n",
		`a/kustomization.yaml:1: resources[0] ".." leads back to a folder that is already being built: a cycle (let one of the two folders not name the other)`},
	{"out of the repository", "-- a/kustomization.yaml --\nresources: [../../etc/x.yaml]\n",
		`a/kustomization.yaml:1: resources[0] "../../etc/x.yaml" leads outside the repository (copy it into the repository and refer to it by relative path)`},
	{"an absolute path", "-- a/kustomization.yaml --\nconfigMapGenerator:\n- name: x\n  files:\n  - /etc/passwd\n",
		`a/kustomization.yaml:4: configMapGenerator[0].files[0] "/etc/passwd" is an absolute path, and a build reads nothing outside the repository (copy it into the repository and refer to it by relative path)`},
	{"an unknown field", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml]\nnamePrefx: x\n",
		`a/kustomization.yaml:2: unknown field "namePrefx" (did you mean "namePrefix"?)`},
	{"a wrong type", "-- a/kustomization.yaml --\nnamePrefix: x\nresources: cm.yaml\n",
		`a/kustomization.yaml:2: resources is a string (kustomize wants a list)`},
	{"a wrong type deep down", "-- a/kustomization.yaml --\nconfigMapGenerator:\n- name: x\n  options:\n    labels:\n      on: off\n",
		`a/kustomization.yaml:4: configMapGenerator.options.labels is a bool (kustomize wants a string)`},
	{"no map at all", "-- a/kustomization.yaml --\n- cm.yaml\n",
		`a/kustomization.yaml:1: the kustomization is a array (kustomize wants a map)`},
	{"broken YAML in a kustomization", "-- a/kustomization.yaml --\nresources:\n  - cm.yaml\n - b.yaml\n",
		`a/kustomization.yaml:3: not valid YAML: did not find expected key (check the indentation and the quotes on this line and the one above)`},
	{"an empty kustomization", "-- a/kustomization.yaml --\n# soon\n",
		`a/kustomization.yaml: the kustomization says nothing (list something under resources, or remove the file to have the folder's manifests built as they are)`},
	{"another kind", "-- a/kustomization.yaml --\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustom\nnamePrefix: x\n",
		`a/kustomization.yaml:2: kind "Kustom" is no kustomization (a file of this name must be one: write kind: Kustomization, or give the file another name)`},
	{"another apiVersion", "-- a/kustomization.yaml --\napiVersion: v1\nkind: Kustomization\nnamePrefix: x\n",
		`a/kustomization.yaml:1: apiVersion "v1" is not one that kustomize takes (write kustomize.config.k8s.io/v1beta1, or v1alpha1 for a Component)`},
	{"broken YAML in a manifest", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n   labels: {}\ndata:\n  x: y\n",
		`a/x.yaml:10: not valid YAML: mapping values are not allowed in this context (check the indentation and the quotes on this line and the one above)`},
	{"a tab", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
		`a/x.yaml:4: not valid YAML: a tab in the indentation (indent with spaces)`},
	{"an open quote", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: \"open\n  y: z\n  w: v\n",
		`a/x.yaml:6: not valid YAML: found unexpected end of stream (check the indentation and the quotes on this line and the one above)`},
	{"an open bracket", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\ndata:\n  x: y\n",
		`a/x.yaml:3: not valid YAML: did not find expected ',' or '}' (check the indentation and the quotes on this line and the one above)`},
	{"a key twice", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: y\n  z: w\n  x: v\n",
		`a/x.yaml:8: key "x" stands here a second time, first on line 6 (keep one of the two)`},
	{"no kind", "-- a/values.yaml --\n# chart values\nimage: x\n",
		`a/values.yaml:2: document 1 has no kind (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)`},
	{"no apiVersion", "-- a/x.yaml --\nkind: ConfigMap\nmetadata: {name: x}\n",
		`a/x.yaml: ConfigMap "x" has no apiVersion (add the apiVersion of the kind)`},
	{"no name", "-- a/x.yaml --\n" + configMap("x") + "---\napiVersion: v1\nkind: Secret\nstringData: {password: hunter2}\n",
		`a/x.yaml:8: document 2, a Secret, has no metadata.name (add metadata.name)`},
	{"no name in a list", "-- a/x.yaml --\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n- {apiVersion: v1, kind: ConfigMap}\n",
		`a/x.yaml:1: item 2 of the list in document 1, a ConfigMap, has no metadata.name (add metadata.name)`},
	{"generateName", "-- a/x.yaml --\napiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\n",
		`a/x.yaml:1: document 1, a Job, has generateName "migrate-" and no name (give it metadata.name: an object whose name changes with every apply can be neither compared nor pruned)`},
	{"no object", "-- a/x.yaml --\n- 1\n- 2\n",
		`a/x.yaml:1: document 1 is no Kubernetes object (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)`},
	{"the same object twice", "-- a/x.yaml --\n" + configMap("c") + "-- a/y.yaml --\n" + configMap("c"),
		`a/y.yaml: ConfigMap "c" is declared a second time, first in a/x.yaml (remove one, or give the two different names or namespaces)`},
	{"the same file twice", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml, ./cm.yaml]\n",
		`a/cm.yaml: ConfigMap "c" comes into the build twice (do two entries of the kustomizations include the same file or folder? Keep one, or set it apart with namePrefix or namespace)`},
	{"a patch without a target", goodDep + "-- a/p.yaml --\n# more\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wbe}\n-- a/kustomization.yaml --\nresources: [dep.yaml]\npatches: [{path: p.yaml}]\n",
		`a/p.yaml:2: the patch for Deployment "wbe" matches no object (did you mean "web"?)`},
	{"an inline patch without a target", goodDep + "-- a/kustomization.yaml --\nresources: [dep.yaml]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: other}\n",
		`a/kustomization.yaml:3: the patch for Deployment "other" matches no object (check its apiVersion, kind, name and namespace against the object's)`},
	{"a legacy patch without a target", goodDep + "-- a/p.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: n}\n-- a/kustomization.yaml --\nresources: [dep.yaml]\npatchesStrategicMerge: [p.yaml]\n",
		`a/p.yaml:1: the patch for Deployment "web" in namespace "n" matches no object (the object is declared in a/dep.yaml; do apiVersion and namespace agree, and does the kustomization include it?)`},
	{"a JSON patch that does not apply", goodDep + "-- a/p.yaml --\n- {op: replace, path: /spec/x/y, value: 1}\n-- a/kustomization.yaml --\nresources: [dep.yaml]\npatches: [{path: p.yaml, target: {kind: Deployment}}]\n",
		`a/p.yaml:1: a patch does not apply: replace operation does not apply: doc is missing path: /spec/x/y: missing value (check the paths and the operations against the object)`},
	{"a broken patch", goodDep + "-- a/p.yaml --\napiVersion: apps/v1\nkind: Deployment\n metadata: {name: web}\n-- a/kustomization.yaml --\nresources: [dep.yaml]\npatches: [{path: p.yaml}]\n",
		`a/p.yaml:3: not valid YAML: mapping values are not allowed in this context (check the indentation and the quotes on this line and the one above)`},
	{"a literal without a value", "-- a/kustomization.yaml --\nsecretGenerator:\n- name: x\n  literals:\n  - a=b\n  - hunter2\n",
		`a/kustomization.yaml:5: secretGenerator[0].literals[1] is not of the form NAME=value (write NAME=value)`},
	{"a bad env file", "-- a/x.env --\nA=1\n\xffhunter2\n-- a/kustomization.yaml --\nsecretGenerator:\n- name: x\n  envs: [x.env]\n",
		`a/x.env:2: the line is not of the form NAME=value (write NAME=value, as UTF-8)`},
	{"nothing to merge", "-- a/kustomization.yaml --\nconfigMapGenerator:\n- name: x\n  behavior: merge\n  literals: [a=b]\n",
		`a/kustomization.yaml: a generator with behavior merge or replace finds nothing of its kind and name (check the name, or use behavior: create)`},
	{"a helm chart", "-- a/kustomization.yaml --\nnamePrefix: x\nhelmCharts:\n- name: x\n  repo: https://example.test\n",
		`a/kustomization.yaml:2: helmCharts would run the helm program, which a build does not do (deliver the chart with a HelmRelease, or with an App's helm section)`},
	{"a plugin", goodMap + "-- a/kustomization.yaml --\nresources: [cm.yaml]\ntransformers: [t.yaml]\n-- a/t.yaml --\napiVersion: example.dev/v1\nkind: Sealer\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: '{exec: {path: ./x}}'}\n",
		`a/kustomization.yaml: it uses a generator or transformer that is no builtin of kustomize, and a build runs no programs (commit what the plugin produces)`},
	{"an alias bomb", "-- a/x.yaml --\na: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
		`a/x.yaml:1: its aliases write out to more than 1000000 values (use fewer aliases of aliases)`},
	{"an endless alias", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: &d\n  self: *d\n",
		`a/x.yaml:1: an alias stands inside the very value it repeats (write the value out)`},
	{"a value of the wrong type", "-- a/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: [x]\n", `a/x.yaml:1: document 1 is no Kubernetes object (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)`},
	{"not a number", "-- a/x.yaml --\napiVersion: v1\nkind: Thing\nmetadata: {name: x}\nspec: {a: .nan}\n",
		`a/x.yaml: Thing "x": a value is .nan, which Kubernetes cannot hold (quote it if it is text)`},
	{"a schema that is none", goodMap + "-- a/s.json --\n[1]\n-- a/kustomization.yaml --\nresources: [cm.yaml]\nopenapi: {path: s.json}\npatches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}'}]\n",
		`a/kustomization.yaml: the schema that openapi.path names is no OpenAPI schema (check the file)`},
}

func TestErrors(t *testing.T) {
	for _, c := range errorCases {
		t.Run(c.name, func(t *testing.T) {
			if got := mustFail(t, tree(c.tree), "a", hub.BuildOptions{}); got != c.want {
				t.Errorf("got:  %s\nwant: %s", got, c.want)
			}
		})
	}
}
