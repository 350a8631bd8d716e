package native

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

const file = "clusters/eu/x.yaml"

// files is the repository that the Apps under test are in.
func files(text string) fstest.MapFS {
	return fstest.MapFS{file: {Data: []byte(text)}, "apps/web/cm.yaml": {Data: []byte("# manifests\n")},
		"charts/web/Chart.yaml": {Data: []byte("name: web\n")}, "values/prod.yaml": {Data: []byte("a: 1\n")}}
}

// appOf is an App with a spec, whose fields begin on line 5.
func appOf(spec string) string {
	return "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec:\n" + spec
}

// readApp reads the first object of a text, as JSON and with what is wrong.
func readApp(t *testing.T, text string) (app, wrong string) {
	t.Helper()
	docs, err := document.Parse(file, []byte(text))
	if err != nil || len(docs) == 0 {
		t.Fatalf("%v of %q", err, text)
	}
	read, err := ReadApp(files(text), docs[0])
	data, failed := json.Marshal(read)
	if failed != nil {
		t.Fatal(failed)
	}
	return string(data), message(err)
}

// appCase is what is added to an App, and what it makes of it: parts of the app as JSON that it has not without, or an
// error, at a line of the file.
type appCase struct {
	name, spec string
	want       []string
	line       int
	wrong      string
}

var folderCases = []appCase{
	{name: "namespace", spec: "namespace: shop", want: []string{`"Namespace":"shop"`}},
	{name: "project", spec: "project: a", want: []string{`"Project":"a"`}},
	{name: "prune", spec: "prune: false", want: []string{`"Prune":false`}},
	{name: "suspend", spec: "suspend: true", want: []string{`"Suspend":true`}},
	{name: "allowEmpty", spec: "allowEmpty: true", want: []string{`"AllowEmpty":true`}},
	{name: "deletions", spec: "deletions: allowed", want: []string{`"Deletions":true`}},
	{name: "timeout", spec: "timeout: 1m30s", want: []string{`"Timeout":90000000000`}},
	{name: "substitute", spec: "substitute: true", want: []string{`"Substitute":true`}},
	{name: "vars", spec: "vars: {a: 1, b: true, c: null, d: 1.50, e: ''}",
		want: []string{`"Vars":{"a":"1","b":"true","c":"","d":"1.50","e":""}`, `"Substitute":true`}},
	{name: "vars and no substitute", spec: "vars: {a: b}\n  substitute: false", want: []string{`"Vars":{"a":"b"}`}},
	{name: "no vars", spec: "vars: {}", want: []string{`"Vars":{}`}},
	{name: "serviceAccount", spec: "serviceAccount: shop/deployer", want: []string{`"serviceAccount":"shop/deployer"`}},
	{name: "an account of no namespace", spec: "serviceAccount: deployer", line: 6,
		wrong: `serviceAccount "deployer" is no service account: write it as namespace/name`},
	{name: "an account of a list", spec: "serviceAccount: [a]", line: 6, wrong: `serviceAccount is to be a text`},
	{name: "decryption", spec: "decryption: {provider: sops}", want: []string{`"decrypt":{}`}},
	{name: "decryption with a Secret", spec: "decryption: {provider: sops, secret: shop/age.keys}",
		want: []string{`"decrypt":{"namespace":"shop","secret":"age.keys"}`}},
	{name: "decryption by another", spec: "decryption: {provider: SOPS}", line: 6,
		wrong: `decryption.provider is to be sops, and is "SOPS"`},
	{name: "decryption by nothing", spec: "decryption: {}", line: 6,
		wrong: `decryption.provider is to be sops, and is ""`},
	{name: "decryption as a text", spec: "decryption: sops", line: 6, wrong: `decryption is no mapping`},
	{name: "a Secret without a namespace", spec: "decryption:\n    provider: sops\n    secret: age", line: 8,
		wrong: `decryption.secret "age" is no Secret: write it as namespace/name`},
	{name: "a Secret of two slashes", spec: "decryption: {provider: sops, secret: a/b/c}", line: 6,
		wrong: `decryption.secret "a/b/c" is no Secret`},
	{name: "a Secret of a list", spec: "decryption: {provider: sops, secret: [a]}", line: 6,
		wrong: `secret is to be a text`},
	{name: "dependsOn", spec: "dependsOn: [db, 7, {name: queue}]",
		want: []string{`"DependsOn":["db","7","queue"]`, `"DependsAt":"clusters/eu/x.yaml:6"`}},
	{name: "a condition", spec: "dependsOn: [{name: db, ready: dep.metadata.name != self.metadata.name}]",
		want: []string{`"ready":[{"app":"db","text":"dep.metadata.name != self.metadata.name"`,
			`"self":{"metadata":{"name":"web"}},"dep":{"metadata":{"name":"db"}}`}},
	{name: "a condition that is none", spec: "dependsOn:\n  - name: db\n    ready: dep ==", line: 8,
		wrong: `dependsOn: dep == is no CEL expression over self and dep: `},
	{name: "a condition over something else", spec: "dependsOn: [{name: db, ready: other.x}]", line: 6,
		wrong: `dependsOn: other.x is no CEL expression over self and dep: `},
	{name: "one name", spec: "dependsOn: db", line: 6, wrong: `dependsOn is to be a list of names`},
	{name: "a mapping of dependencies", spec: "dependsOn: {name: db}", line: 6,
		wrong: `dependsOn is to be a list of names`},
	{name: "no name in a list", spec: "dependsOn: [db, ~]", line: 6, wrong: `dependsOn is to be a list of names of apps`},
	{name: "a list in a list", spec: "dependsOn: [[db]]", line: 6, wrong: `dependsOn is to be a list of names of apps`},
	{name: "an empty mapping in a list", spec: "dependsOn: [{}]", line: 6,
		wrong: `dependsOn is to be a list of names of apps`},
	{name: "a slip in a dependency", spec: "dependsOn: [{name: db, raedy: a}]", line: 6,
		wrong: `dependsOn has no field "raedy" (did you mean "ready"?)`},
	{name: "health",
		spec: "health: [{apiVersion: a.io/v1, kind: B, inProgress: i, failed: f, paused: p, current: c, message: m}]",
		want: []string{`"health":[{"group":"a.io","kind":"B","inProgress":{"text":"i"`, `"failed":{"text":"f"`,
			`"paused":{"text":"p"`,
			`"current":{"text":"c"`, `"message":{"text":"m"`}},
	{name: "health of a whole group", spec: "health: [{apiVersion: a.io/v1, current: c}]",
		want: []string{`"health":[{"group":"a.io","current":`}},
	{name: "health without current", spec: "health: [{apiVersion: a.io/v1, kind: B}]", line: 6, wrong: `health: `},
	{name: "health that is no CEL", spec: "health:\n  - apiVersion: a.io/v1\n    current: a\n    failed: b +", line: 9,
		wrong: `health: `},
	{name: "health of a list", spec: "health: [{apiVersion: a.io/v1, current: [a]}]", line: 6,
		wrong: `current is to be a text`},
	{name: "recreate", spec: "recreate: true", want: []string{`"recreate":true`}},
	{name: "keepDrift", spec: "keepDrift: true", want: []string{`"keepDrift":true`}},
	{name: "createNamespace", spec: "namespace: shop\n  createNamespace: {labels: {a: 1}, annotations: {b: c}}",
		want: []string{`"createNamespace":{"labels":{"a":"1"},"annotations":{"b":"c"}}`}},
	{name: "createNamespace of null", spec: "createNamespace:", want: []string{}},
	{name: "createNamespace of nothing", spec: "createNamespace: {}", line: 6,
		wrong: `createNamespace creates the App's namespace, and this App has none: name it under spec.namespace`},
	{name: "createNamespace as a switch", spec: "namespace: shop\n  createNamespace: true", line: 7,
		wrong: `createNamespace is no mapping`},
	{name: "labels of a namespace as a list", spec: "namespace: shop\n  createNamespace: {labels: [a]}", line: 7,
		wrong: `labels is to be a mapping of names to texts`},
	{name: "healthChecks", spec: "healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: db, namespace: shop}, " +
		"{apiVersion: v1, kind: Pod, name: p}]",
		want: []string{`"checks":[{"group":"apps","kind":"Deployment","namespace":"shop","name":"db"},{"ki` +
			`nd":"Pod","name":"p"}]`}},
	{name: "a health check without a kind", spec: "healthChecks:\n  - {apiVersion: v1, name: a}", line: 7,
		wrong: `healthChecks names objects by apiVersion, kind and name, and by namespace if it is not the App's`},
	{name: "a health check as a text", spec: "healthChecks: [Deployment/db]", line: 6,
		wrong: `healthChecks is no mapping`},
	{name: "ignore", spec: "ignore: [{target: {group: g, version: v, kind: k, namespace: s, name: m, labelSelector: l, " +
		"annotationSelector: a}, paths: [/a], jq: [.b], when: object.c, managers: [d]}]",
		want: []string{`"Ignore":[{"Target":{"group":"g","version":"v","kind":"k","namespace":"s","nam` +
			`e":"m","labelSelector":"l",` +
			`"annotationSelector":"a"},"Paths":["/a"],"JQ":[".b"],"When":"object.c","Managers":["d"]}]`}},
	{name: "a rule of managers alone", spec: "ignore: [{managers: [d, e]}]",
		want: []string{`"Ignore":[{"Target":{},"Managers":["d","e"]}]`}},
	{name: "a rule of jq alone", spec: "ignore: [{jq: [.b]}]", want: []string{`"Ignore":[{"Target":{},"JQ":[".b"]}]`}},
	{name: "a rule that ignores nothing", spec: "ignore:\n  - target: {kind: k}\n    paths: []", line: 7,
		wrong: `a rule of ignore that ignores nothing: give it paths, jq or managers`},
	{name: "paths that are none", spec: "ignore: [{paths: [{a: b}]}]", line: 6, wrong: `paths is to be a list of texts`},
	{name: "a slip in a target", spec: "ignore: [{paths: [/a], target: {kinds: k}}]", line: 6,
		wrong: `target has no field "kinds" (did you mean "kind"?)`},
	{name: "targetNamespace", spec: "targetNamespace: shop", want: []string{`"Overlay":{"namespace":"shop"}`}},
	{name: "namePrefix", spec: "namePrefix: a-", want: []string{`"Overlay":{"namePrefix":"a-"}`}},
	{name: "nameSuffix", spec: "nameSuffix: -b", want: []string{`"Overlay":{"nameSuffix":"-b"}`}},
	{name: "patches", spec: "patches: [{patch: p, target: {kind: K}}, {patch: q}]",
		want: []string{`"patches":[{"patch":"p","target":{"kind":"K"}},{"patch":"q"}]`}},
	{name: "a patch of a mapping", spec: "patches:\n  - patch: {kind: A}", line: 7,
		wrong: `a patch without its patch: write it as text, as patch: |`},
	{name: "a patch of nothing", spec: "patches: [{}]", line: 6, wrong: `a patch without its patch`},
	{name: "a patch from a file", spec: "patches: [{path: p.yaml}]", line: 6,
		wrong: `patches has no field "path" (did you mean "patch"?)`},
	{name: "a null for a patch", spec: "patches: [~]", line: 6, wrong: `a patch without its patch`},
	{name: "images", spec: "images: [{name: a, newName: b, newTag: 1.20, digest: 'sha256:0'}]", // as it is written
		want: []string{`"images":[{"name":"a","newName":"b","newTag":"1.20","digest":"sha256:0"}]`}},
	{name: "an image without a name", spec: "images: [{newTag: '1'}]", line: 6,
		wrong: `an image without its name: write the one that the manifests have, without a tag`},
	{name: "an image as a text", spec: "images: [nginx:1]", line: 6, wrong: `images is no mapping`},
	{name: "components", spec: "components: [../tls, ../ha]", want: []string{`"components":["../tls","../ha"]`}},
	{name: "a component that is none", spec: "components: [~]", line: 6, wrong: `components is to be a list of texts`},
	{name: "commonMetadata", spec: "commonMetadata: {labels: {a: b}, annotations: {c: 1}}",
		want: []string{`"Metadata":{"labels":{"a":"b"},"annotations":{"c":"1"}}`}},
	{name: "commonMetadata of texts", spec: "commonMetadata: {labels: {a: [b]}}", line: 6,
		wrong: `labels.a is to be a text`},
	{name: "clusterSelector", spec: "clusterSelector: {}", line: 6, wrong: `clusterSelector is for Apps below fleet/, ` +
		`this one is for its own cluster alone: take it out, or move the App`},
	{name: "text as a switch", spec: "prune: 'false'", line: 6, wrong: `prune is "false": write true or false`},
	{name: "a word of YAML 1.1 as a switch", spec: "suspend: yes", line: 6,
		wrong: `suspend is "yes": write true or false`},
	{name: "null as a switch", spec: "prune: null", line: 6, wrong: `prune is "null": write true or false`},
	{name: "a number as a duration", spec: "timeout: 90", line: 6,
		wrong: `timeout is "90": write a duration such as 90s or 5m`},
	{name: "no time", spec: "timeout: 0s", line: 6, wrong: `timeout is "0s": write a duration`},
	{name: "time that goes back", spec: "timeout: -1m", line: 6, wrong: `timeout is "-1m": write a duration`},
	{name: "more time than there is", spec: "timeout: 9999999999h", line: 6,
		wrong: `timeout is "9999999999h": write a duration`},
	{name: "vars as a list", spec: "vars: [a]", line: 6, wrong: `vars is to be a mapping of names to texts`},
	{name: "a variable of a mapping", spec: "vars:\n    a: {b: c}", line: 7, wrong: `vars.a is to be a text`},
	{name: "a field in another letter case", spec: "Prune: false", line: 6,
		wrong: `spec of an App has no field "Prune" (did you mean "prune"?)`},
	{name: "a field of nobody", spec: "replicas: 3", line: 6,
		wrong: `spec of an App has no field "replicas": it knows path, source, helm, `},
	{name: "a field twice", spec: "prune: true\n  prune: false", line: 7,
		wrong: `spec of an App has the field "prune" twice: keep one`},
	{name: "a path twice", spec: "path: charts/web", line: 6,
		wrong: `spec of an App has the field "path" twice: keep one`},
}

// checkApp compares what an App with something is read as with what is wanted, and with the App without it.
func checkApp(t *testing.T, c appCase, text, plain string) {
	t.Helper()
	app, wrong := readApp(t, text)
	if c.wrong != "" {
		if at := fmt.Sprintf("%s:%d: %s", file, c.line, c.wrong); !strings.Contains(wrong, at) || strings.Contains(wrong,
			"\n") {
			t.Errorf("error %q\nwant  %q", wrong, at)
		}
		if !strings.HasPrefix(app, `{"Name":"web",`) {
			t.Errorf("an App with an error has lost its name: %s", app)
		}
		return
	}
	if wrong != "" {
		t.Errorf("error %q", wrong)
	}
	if c.want == nil || len(c.want) == 0 && app != plain {
		t.Errorf("got  %s\nwant %s", app, plain)
	}
	for _, w := range c.want {
		if !strings.Contains(app, w) || strings.Contains(plain, w) {
			t.Errorf("got  %s\nwant %s\nwithout %s", app, w, plain)
		}
	}
}

// TestAFolderIsReadFieldByField: each field of an App with a value and its effect, and what is refused of it.
func TestAFolderIsReadFieldByField(t *testing.T) {
	t.Parallel()
	const path = "  path: apps/web\n"
	plain, wrong := readApp(t, appOf(path))
	if wrong != "" || !strings.Contains(plain, `"Path":"apps/web"`) || !strings.Contains(plain, `"Prune":true`) {
		t.Fatalf("%s, %s", plain, wrong)
	}
	known := ""
	for _, c := range folderCases {
		known += "\n" + c.spec
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkApp(t, c, appOf(path+"  "+c.spec+"\n"), plain)
		})
	}
	for _, s := range appShapes {
		if !strings.Contains(known, "\n"+s.name+":") && s.name != "source" && s.name != "helm" {
			t.Errorf("no case sets %s", s.name)
		}
	}
}

// TestWhatAnAppRenders: a folder, a chart, or either of another source, and what is no way to say it.
func TestWhatAnAppRenders(t *testing.T) {
	t.Parallel()
	const repo = "  helm: {repo: 'https://charts.example.com', chart: web"
	for _, c := range []appCase{
		{name: "no path", spec: "  prune: true\n", line: 1,
			wrong: `the App web has no spec.path: name the folder to render, as ` +
				`./apps/web/overlays/production, or a chart under spec.helm`},
		{name: "an empty path", spec: "  path: ''\n", line: 5, wrong: `the App web has no spec.path`},
		{name: "a null path", spec: "  path:\n", line: 5, wrong: `the App web has no spec.path`},
		{name: "a path of a list", spec: "  path: [apps]\n", line: 5,
			wrong: `spec.path is to be a text: the folder to render, as ./apps/web/overlays/production`},
		{name: "a path that is not there", spec: "  path: ./apps/none\n", line: 5,
			wrong: `spec.path "./apps/none" does not exist at this revision: paths are seen from the repository's root`},
		{name: "a path that leads out", spec: "  path: apps/../../etc\n", line: 5,
			wrong: `spec.path "apps/../../etc" leaves the repository: name something in it, seen from its root`},
		{name: "the folder above", spec: "  path: ..\n", line: 5, wrong: `spec.path ".." leaves the repository`},
		{name: "a file", spec: "  path: apps/web/cm.yaml\n", line: 5,
			wrong: `spec.path "apps/web/cm.yaml" is a file: name the folder it is in`},
		{name: "a file as a folder", spec: "  path: apps/web/cm.yaml/x\n", line: 5, wrong: `spec.path "apps/web/cm.yaml/x" `},
		{name: "the root", spec: "  path: /\n", want: []string{`"Path":"."`}},
		{name: "slashes and dots", spec: "  path: ///apps/./x/../web/\n", want: []string{`"Path":"apps/web"`}},
		{name: "a chart's folder", spec: "  helm: {path: ./charts/web}\n",
			want: []string{`"Path":"charts/web"`, `"Chart":{"release":"web"}`}},
		{name: "a chart by all its fields", spec: "  helm: {path: charts/web, releaseName: mine, skipCRDs: true, " +
			"valuesFiles: [values/prod.yaml], values: {a: {b: '${c}'}}}\n",
			want: []string{`"Chart":{"release":"mine","values":[{"path":"values/prod.yaml"},` +
				`{"text":"{a: {b: '${c}'}}\n"}],"skipCRDs":true}`}},
		{name: "options of a chart", spec: "  helm: {path: charts/web, releaseName: mine, skipCRDs: true}\n",
			want: []string{`"Chart":{"release":"mine","skipCRDs":true}`}},
		{name: "values after files of values",
			spec: "  helm: {path: charts/web, valuesFiles: [/values/prod.yaml], values: {a: 1.50}}\n",
			want: []string{`"values":[{"path":"values/prod.yaml"},{"text":"{a: 1.50}\n"}]`}},
		{name: "values with anchors", spec: "  helm:\n    path: charts/web\n    values:\n      a: &x {b: c}\n      d: *x\n",
			want: []string{`"values":[{"text":"a: {b: c}\nd: {b: c}\n"}]`}},
		{name: "no values", spec: "  helm: {path: charts/web, values: }\n", want: []string{`"Chart":{"release":"web"}`}},
		{name: "values as a text", spec: "  helm: {path: charts/web, values: 'a: b'}\n", line: 5,
			wrong: `spec.helm.values is to be a mapping`},
		{name: "a values file that is not there",
			spec: "  helm:\n    path: charts/web\n    valuesFiles:\n    - values/none.yaml\n", line: 8,
			wrong: `spec.helm.valuesFiles "values/none.yaml" does not exist at this revision`},
		{name: "a values file that is a folder", spec: "  helm: {path: charts/web, valuesFiles: [values]}\n", line: 5,
			wrong: `spec.helm.valuesFiles "values" is a folder: name a file with values`},
		{name: "a values file that leads out", spec: "  helm: {path: charts/web, valuesFiles: [../x]}\n", line: 5,
			wrong: `spec.helm.valuesFiles "../x" leaves the repository`},
		{name: "a values file that is none", spec: "  helm: {path: charts/web, valuesFiles: [~]}\n", line: 5,
			wrong: `spec.helm.valuesFiles is to be a list of paths`},
		{name: "a chart without a path", spec: "  helm: {releaseName: a}\n", line: 5,
			wrong: `spec.helm has no path: name the folder of the chart, as ./charts/web, or a published one with repo and ` +
				`chart`},
		{name: "a null for a chart", spec: "  helm:\n", line: 5, wrong: `spec.helm has no path`},
		{name: "a folder and a chart", spec: "  path: apps/web\n  helm: {path: charts/web}\n", line: 5,
			wrong: `an App renders a folder or a chart: take out spec.path or spec.helm`},
		{name: "a prefix for a chart", spec: "  helm: {path: charts/web}\n  namePrefix: a-\n", line: 6,
			wrong: `spec.namePrefix is for folders, and this App is a chart: say it by the chart's values, or render the ` +
				`chart into a folder`},
		{name: "components for a chart", spec: "  helm: {path: charts/web}\n  components: [a]\n", line: 6,
			wrong: `spec.components is for folders`},
		{name: "a field of nobody", spec: "  helm: {path: charts/web, Values: {}}\n", line: 5,
			wrong: `spec.helm has no field "Values" (did you mean "values"?)`},
		{name: "a published chart", spec: repo + ", version: 1.x, credentials: me, interval: 1h}\n",
			want: []string{`"Path":"."`,
				`"Source":{"kind":"helm","url":"https://charts.example.com","semver":"1.x","chart":"web","creden` +
					`tials":"me","interval":3600000000000}`}},
		{name: "a published chart and a path", spec: repo + ", path: charts/web}\n", line: 5,
			wrong: `spec.helm.path is for a chart in a folder, and spec.helm.chart for a published one: keep one`},
		{name: "a published chart and a source", spec: repo + "}\n  source: {git: {url: 'https://a/b'}}\n", line: 5,
			wrong: `spec.helm.repo and spec.source both say where the chart is: keep one`},
		{name: "a repository without a chart", spec: "  helm: {repo: 'https://charts.example.com'}\n", line: 5,
			wrong: `spec.helm has no chart: name one of the repository, or the folder of a chart as path`},
		{name: "a chart of no repository", spec: "  helm: {chart: web}\n", line: 5,
			wrong: `spec.helm.repo: it is empty: write the address`},
		{name: "a chart of this machine", spec: "  helm: {repo: 'file:///charts', chart: web}\n", line: 5,
			wrong: `spec.helm.repo: it is not to be fetched over a network`},
		{name: "a chart of a registry", spec: "  helm: {repo: 'oci://r.example.com/charts/web', version: 1.2.3}\n",
			want: []string{`"url":"oci://r.example.com/charts/web","semver":"1.2.3"}`}},
		{name: "a version that is a list", spec: repo + ", version: [1]}\n", line: 5, wrong: `version is to be a text`},
		{name: "Git", spec: "  path: ../x/\n  source: {git: {url: 'https://a.example.com/b'}, credentials: me, " +
			"interval: 1m}\n", want: []string{
			`"Path":"x"`, `"Source":{"kind":"git","url":"https://a.example.com/b","credentials":"me","interval":60000000000}`}},
		{name: "no path in another source", spec: "  source: {git: {url: 'https://a/b', branch: next}}\n",
			want: []string{`"Path":"."`, `"branch":"next"`}},
		{name: "a tag of Git", spec: "  source: {git: {url: 'https://a/b', tag: v1}}\n",
			want: []string{`"ref":"refs/tags/v1"`}},
		{name: "a tag of a registry", spec: "  source: {oci: {url: 'oci://a/b', tag: v1, insecure: true}}\n",
			want: []string{`"kind":"oci"`, `"ref":"v1"`, `"plainHTTP":true`}},
		{name: "a range", spec: "  source: {git: {url: 'https://a/b', semver: 1.x}}\n", want: []string{`"semver":"1.x"`}},
		{name: "a commit", spec: "  source: {git: {url: 'https://a/b', commit: 0a1b}}\n",
			want: []string{`"revision":"0a1b"`}},
		{name: "a digest", spec: "  source: {oci: {url: 'oci://a/b', digest: 'sha256:0'}}\n",
			want: []string{`"revision":"sha256:0"`}},
		{name: "a branch and a tag",
			spec: "  source:\n    git:\n      url: https://a/b\n      branch: c\n      tag: d\n", line: 7,
			wrong: `spec.source.git says more than once what is wanted: keep one of branch, tag, semver, commit and digest`},
		{name: "a digest of Git", spec: "  source: {git: {url: 'https://a/b', digest: a}}\n", line: 5,
			wrong: `spec.source.git has no field "digest"`},
		{name: "two sources", spec: "  source: {git: {url: 'https://a/b'}, oci: {url: 'oci://a/b'}}\n", line: 5,
			wrong: `spec.source is to have either git or oci: name one`},
		{name: "no source", spec: "  source: {}\n", line: 5, wrong: `spec.source is to have either git or oci: name one`},
		{name: "a source as a text", spec: "  source: https://a/b\n", line: 5, wrong: `spec.source is no mapping`},
		{name: "no address", spec: "  source: {git: {branch: a}}\n", line: 5,
			wrong: `spec.source.git.url: it is empty: write the address`},
		{name: "an address with a password", spec: "  source:\n    git:\n      url: https://me:word@a/b\n", line: 7,
			wrong: `spec.source.git.url: it contains a user: give credentials by reference`},
		{name: "a path in another source that is none", spec: "  path: [a]\n  source: {git: {url: 'https://a/b'}}\n", line: 5,
			wrong: `spec.path is to be a text`},
		{name: "a chart in another source", spec: "  helm: {path: /c/../d}\n  source: {git: {url: 'https://a/b'}}\n",
			want: []string{`"Path":"d"`, `"Chart":{"release":"web"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkApp(t, c, appOf(c.spec), "")
		})
	}
}

// TestAppsThatAreNone: of another version, without a name, with one that is none, or with fields of nobody.
func TestAppsThatAreNone(t *testing.T) {
	t.Parallel()
	const spec = "spec: {path: apps/web}\n"
	for _, c := range []struct{ name, text, app, want string }{
		{"of another version", "apiVersion: drover.dev/v2\nkind: App\nmetadata: {name: web}\n" + spec, "web",
			":1: an App of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1"},
		{"without metadata", "apiVersion: drover.dev/v1alpha1\nkind: App\n" + spec, "",
			":1: an App without metadata.name: give it one"},
		{"without a name", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {labels: {a: b}}\n" + spec, "",
			":1: an App without metadata.name: give it one"},
		{"with a name in capitals", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: Web\n" + spec, "",
			":4: the app's metadata.name: "},
		{"with a name of a list", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: [web]\n" + spec, "",
			":4: the app's metadata.name: "},
		{"with a long name", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: " + strings.Repeat("a", 64) +
			"\n" + spec, "",
			":4: the app's metadata.name: "},
		{"with a path as a name", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: ../web\n" + spec, "",
			":4: the app's metadata.name: "},
		{"with a status", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\n" + spec + "status: {}\n",
			"web",
			`:5: an App has no field "status": it knows apiVersion, kind, metadata, spec`},
		{"with an owner", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web, ownerReferences: []}\n" +
			spec, "web",
			`:3: metadata has no field "ownerReferences"`},
		{"without a spec", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\n", "web",
			":1: the App web has no spec.path"},
		{"with a spec of a list", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: [path]\n", "web",
			":4: spec of an App is no mapping"},
		{"with several faults", appOf("  path: none\n  prune: 1\n  timeout: x\n"), "web",
			":6: prune is \"1\": write true or false; " +
				"clusters/eu/x.yaml:7: timeout is \"x\": write a duration such as 90s or 5m; clusters/eu/x.yaml:5: spec.path " +
				"\"none\" does not exist"},
	} {
		app, wrong := readApp(t, c.text)
		if !strings.Contains(wrong, file+c.want) || strings.Contains(wrong, "\n") {
			t.Errorf("%s: %q\nwant %q", c.name, wrong, c.want)
		}
		if !strings.HasPrefix(app, fmt.Sprintf(`{"Name":%q,`, c.app)) {
			t.Errorf("%s: the app is %s", c.name, app)
		}
	}
}

// TestWhatProtectsAnApp: annotations and labels say that what it delivers stays, or that it may be empty.
func TestWhatProtectsAnApp(t *testing.T) {
	t.Parallel()
	for meta, want := range map[string]string{
		"": "false false false",
		"annotations: {drover.dev/prune: disabled}":     "true false false",
		"annotations: {drover.dev/prune: enabled}":      "false false false",
		"annotations: {drover.dev/allow-empty: 'true'}": "false true false",
		"annotations: {drover.dev/allow-empty: true}":   "false true false",
		"annotations: {drover.dev/allow-empty: 'no'}":   "false false false",
		"annotations: {drover.dev/rollback: never}":     "false false true",
		"annotations: {drover.dev/prune: [disabled]}":   "false false false",
		"annotations: [drover.dev/prune]":               "false false false",
		"labels: drover.dev/prune":                      "false false false",
	} {
		text := strings.Replace(appOf("  path: apps/web\n"), "name: web", "name: web, "+meta, 1)
		docs, err := document.Parse(file, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		app, err := ReadApp(files(text), docs[0])
		if got := fmt.Sprint(app.Handling.Orphan, app.AllowEmpty, app.NeverBack); got != want || err != nil {
			t.Errorf("%s: kept and empty are %s, want %s; %v", meta, got, want, err)
		}
	}
}

// TestHugeAppsAreRead: many entries and long texts end, and are all there.
func TestHugeAppsAreRead(t *testing.T) {
	t.Parallel()
	var spec strings.Builder
	spec.WriteString("  path: apps/web\n  vars:\n")
	for i := range 5000 {
		fmt.Fprintf(&spec, "    v%d: x\n", i)
	}
	spec.WriteString("  dependsOn:\n")
	for i := range 5000 {
		fmt.Fprintf(&spec, "  - d%d\n", i)
	}
	text := appOf(spec.String() + "  namePrefix: " + strings.Repeat("x", 1<<20) + "\n")
	docs, err := document.Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	app, err := ReadApp(files(text), docs[0])
	if err != nil || len(app.Vars) != 5000 || len(app.DependsOn) != 5000 || len(app.Overlay.NamePrefix) != 1<<20 {
		t.Errorf("%d variables, %d dependencies: %v", len(app.Vars), len(app.DependsOn), err)
	}
	_, wrong := readApp(t, appOf("  path: apps/web\n  serviceAccount: "+strings.Repeat("x", 1<<20)+"\n"))
	if !strings.Contains(wrong, ":6: serviceAccount ") || len(wrong) > 300 {
		t.Errorf("a long account gives %d letters: %.200s", len(wrong), wrong)
	}
}

// TestAnAppOfAKustomizationIsFoundInItsFile: what is wrong is told where it is written, if it is wrong there already.
func TestAnAppOfAKustomizationIsFoundInItsFile(t *testing.T) {
	t.Parallel()
	made, err := document.Parse(file, []byte(`{"apiVersion":"drover.dev/v1alpha1","kind":"App","metadat`+
		`a":{"name":"web"},"spec":{"prune":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"kind: x\n---\n" + appOf("  prune: 1\n"): file +
			`:7: prune is "1": write true or false`,
		appOf("  path: apps/web\n"): file +
			`:1: prune is "1": write true or false`,
		strings.Replace(appOf("  prune: 1\n"), "name: web", "name: other", 1):   file + `:1: prune is "1"`,
		strings.Replace(appOf("  prune: 1\n"), "kind: App", "kind: Cluster", 1): file + `:1: prune is "1"`,
		"a: [\n": file + `:1: prune is "1"`,
	} {
		_, wrong := ReadApp(files(text), made[0])
		if got := message(InSource(files(text), made[0], wrong)); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	wrong := fmt.Errorf("as it was")
	if got := InSource(fstest.MapFS{}, made[0], wrong); got != wrong {
		t.Errorf("without its file: %v", got)
	}
}

// TestWhatIsOfDrovers group, and what is a slip away from it.
func TestWhatIsOfDroversGroup(t *testing.T) {
	t.Parallel()
	for group, want := range map[string][2]bool{"drover.dev": {true, true}, "": {false, false}, "apps": {false, false},
		"droverr.dev": {false, true}, "drover.io": {false, true}, "Drover.dev": {false, true}, "x.drover.dev": {false, true},
		"rover.dev": {false, true}, "dover.example.com": {false, true}, "driver.dev": {false, true}, "argoproj.io": {false,
			false}} {
		if own, near := IsNative(group), NativeGroup.Resembles(group); own != want[0] || near != want[1] {
			t.Errorf("%q: own %t, near %t, want %v", group, own, near, want)
		}
	}
	for text, want := range map[string]bool{`{"apiVersion":"drover.dev/v9"}`: true, `{"apiVersion":"v` +
		`1"}`: false, `{}`: false, `[`: false,
		`{"apiversion":"x"}`: false} {
		if got := DeclaredIn(model.Rendered{JSON: []byte(text)}); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
