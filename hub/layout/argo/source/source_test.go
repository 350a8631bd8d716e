package source

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/model"
)

// tree is the repository that sources are read in.
var tree = map[string]string{
	"apps/web/cm.yaml": "kind: X\n", "apps/one.yaml": "kind: X\n",
	"apps/kust/kustomization.yaml": "", "apps/hidden/.kustomization.yaml": "kind: X\n",
	"apps/both/Chart.yaml": "", "apps/both/kustomization.yaml": "",
	"apps/turned/Kustomization": "", "apps/turned/aChart.yaml": "",
	"apps/folders/Chart.yaml/x": "", "apps/folders/kustomization.yaml/x": "",
	"charts/web/Chart.yaml": "", "charts/web/values.yaml": "", "charts/web/prod.yaml": "", "charts/web/a,b.yaml": "",
	"charts/web/envs/b.yaml": "", "charts/web/envs/z.yaml": "", "charts/web/envs/deep/a.yaml": "",
	"charts/web/envs/deep/er/a.yaml": "", "envs/root.yaml": "",
	"apps/over/.argocd-source.yaml": "kustomize: {namePrefix: all-, nameSuffix: -all}\nrepoURL: " +
		"https://example.com/evil\npath: charts/web\n",
	"apps/over/.argocd-source-x.yaml":      "kustomize: {namePrefix: own-}\n",
	"apps/over/.argocd-source-team_x.yaml": "kustomize: {namePrefix: team-}\n",
	"apps/slip/.argocd-source.yaml":        "kustomize: {nameprefix: no-}\n",
	"apps/bad/.argocd-source.yaml":         "kustomize: [\n",
	"apps/wrong/.argocd-source.yaml":       "kustomize: {namePrefix: [a]}\n",
}

// read reads the sources of an Application whose spec begins, on line 4, with a text. The parts are as JSON, and what
// is said is without the place and the Application.
func read(t *testing.T, namespace, spec string) (parts string, notes []string, message string) {
	t.Helper()
	p := argotest.Plan(t, "kind: Application\nmetadata: {name: x, namespace: "+namespace+"}\nspec:\n  "+spec+"\n", tree)
	o := p.Objects()[0]
	var a Application
	if err := o.Decode(&a); err != nil {
		t.Fatal(err)
	}
	a.Namespace, a.Project = "shop", "team"
	var app model.App
	err := Read(p, o, a, &app)
	at := argotest.File + ":4: " + o.String() + ": "
	notes = argotest.Notes(app.Notes)
	for i := range notes {
		notes[i] = strings.TrimPrefix(notes[i], at)
	}
	message = strings.ReplaceAll(argotest.Message(err), at, "")
	if err == nil {
		list := app.Parts()
		if len(app.More) == 0 {
			return argotest.JSON(t, list[0]), notes, message
		}
		parts = argotest.JSON(t, list)
	}
	return parts, notes, message
}

// source is a text for read: one source of this repository, with fields beside its address.
func source(fields string) string {
	return "source: {repoURL: " + argotest.Repository + ", " + fields + "}"
}

// sourceCase is a spec, and what it is read as: parts as JSON, a note, and an error.
type sourceCase struct{ name, spec, want, note, wrong string }

func check(t *testing.T, cases []sourceCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			parts, notes, message := read(t, "argocd", c.spec)
			if message != c.wrong {
				t.Errorf("error %s\nwant  %s", message, c.wrong)
			}
			if got := strings.Join(notes, "\n"); got != c.note {
				t.Errorf("notes %s\nwant  %s", got, c.note)
			}
			if c.wrong == "" && !sameJSON(t, parts, c.want) {
				t.Errorf("parts %s\nwant  %s", parts, c.want)
			}
		})
	}
}

// sameJSON compares two texts of JSON, in which what every part has is left out where it is empty.
func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	parts, several := a.([]any)
	if !several {
		parts = []any{a}
	}
	for _, p := range parts {
		part, _ := p.(map[string]any)
		if part["Chart"] == nil {
			delete(part, "Chart")
		}
		if overlay, _ := part["Overlay"].(map[string]any); len(overlay) == 0 {
			delete(part, "Overlay")
		}
	}
	return reflect.DeepEqual(a, b)
}

// TestHowASourceIsRendered: as it says, else by what is in the folder (argo-cd, docs/user-guide/tool_detection.md).
func TestHowASourceIsRendered(t *testing.T) {
	t.Parallel()
	const kustomized = `"Overlay":{"edit":{"needsKustomization":true}}`
	check(t, []sourceCase{
		{name: "plain manifests", spec: source("path: apps/web"), want: `{"Path":"apps/web","Directory":{}}`},
		{name: "the root", spec: source("path: ."), want: `{"Path":".","Directory":{}}`},
		{name: "a path that is cleaned", spec: source("path: ./apps//web/"), want: `{"Path":"apps/web","Directory":{}}`},
		{name: "a kustomization", spec: source("path: apps/kust"), want: `{"Path":"apps/kust",` + kustomized + `}`},
		{name: "a file that only looks like one", spec: source("path: apps/hidden"),
			want: `{"Path":"apps/hidden","Directory":{}}`},
		{name: "a chart", spec: source("path: charts/web"), want: `{"Path":"charts/web","Chart":{"release":"x"}}`},
		{name: "both: the last file by name tells", spec: source("path: apps/both"),
			want: `{"Path":"apps/both",` + kustomized + `}`},
		{name: "both, the other way", spec: source("path: apps/turned"),
			want: `{"Path":"apps/turned","Chart":{"release":"x"}}`},
		{name: "folders of such names", spec: source("path: apps/folders"), want: `{"Path":"apps/folders","Directory":{}}`},
		{name: "said to be a directory", spec: source("path: charts/web, directory: {recurse: false}"),
			want: `{"Path":"charts/web","Directory":{}}`},
		{name: "said to be a chart", spec: source("path: apps/web, helm: {}"),
			want: `{"Path":"apps/web","Chart":{"release":"x"}}`},
		{name: "said to be a kustomization", spec: source("path: apps/web, kustomize: {}"),
			want: `{"Path":"apps/web",` + kustomized + `}`},
		{name: "said to be two", spec: source("path: apps/web, kustomize: {}, directory: {}"),
			wrong: "spec.source: it has directory and kustomize, and may have one of them"},
		{name: "a plugin", spec: source("path: apps/web, plugin: {name: a}"), wrong: "spec.source.plugin.name: no renderer " +
			"plugin \"a\" is configured: have the operator put a ConfigManagementPlugin of it into a folder, and name that " +
			"with " +
			"--renderer-plugins; or put what the plugin gives into Git"},
		{name: "no folder", spec: source("path: apps/none"), wrong: `spec.source.path: "apps/none" does not exist at this ` +
			"revision: paths are seen from the repository's root"},
		{name: "a folder that is said to be a chart and is not there", spec: source("path: none, helm: {}"),
			wrong: `spec.source.path: "none" does not exist at this revision: paths are seen from the repository's root`},
		{name: "a path that leads out", spec: source("path: ../x"),
			wrong: `spec.source.path: "../x" is no path in the repository: write one seen from its root`},
		{name: "a path from the root", spec: source("path: /apps/web"),
			wrong: `spec.source.path: "/apps/web" begins with a slash, which Argo CD refuses too: write "apps/web"`},
		{name: "no path", spec: source("targetRevision: HEAD, path: ''"),
			wrong: `spec.source.path: "" is no path in the repository: write one seen from its root`},
		{name: "no address", spec: "source: {path: apps/web}",
			wrong: "spec.source.repoURL: it is empty: write the address of the repository"},
		{name: "no source", spec: "project: a", wrong: argotest.File + ":3: Application argocd/x: spec: it names no source: write source or sources"},
		{name: "a list that is none", spec: source("path: charts/web, helm: {valueFiles: prod.yaml}"),
			wrong: "spec.source.helm.valueFiles: it is a string, and has to be a list"},
		{name: "a text that is none", spec: source("path: 1"),
			wrong: "spec.source.path: it is a number, and has to be a string: put it in quotes"},
	})
}

// TestWhereASourceIs: this repository at the revision that is followed, or another source, by the form of its address
// and of its revision (argo-cd, docs/user-guide/tracking_strategies.md and docs/user-guide/oci.md).
func TestWhereASourceIs(t *testing.T) {
	t.Parallel()
	git := func(more string) string {
		return `{"Path":"apps/web","Source":{"kind":"git","url":"https://github.com/org/fleet"` + more +
			`},"Directory":{"detect":true}}`
	}
	const here = `{"Path":"apps/web","Directory":{}}`
	at := func(revision string) string { return source("path: apps/web, targetRevision: '" + revision + "'") }
	check(t, []sourceCase{
		{name: "HEAD", spec: at("HEAD"), want: here},
		{name: "the branch that is followed", spec: at("main"), want: here},
		{name: "as a ref", spec: at("refs/heads/main"), want: here},
		{name: "another spelling", spec: "source: {repoURL: 'git@github.com:org/fleet.git', path: apps/web}", want: here},
		{name: "another branch", spec: at("next"), want: git(`,"ref":"next"`)},
		{name: "another branch as a ref", spec: at("refs/heads/next"), want: git(`,"branch":"next"`)},
		{name: "a tag", spec: at("v1.2"), want: git(`,"ref":"v1.2"`)},
		{name: "a whole ref", spec: at("refs/pull/1/head"), want: git(`,"ref":"refs/pull/1/head"`)},
		{name: "a range", spec: at("1.*"), want: git(`,"semver":"1.*"`)},
		{name: "a commit", spec: at("0a1b2c3"), want: git(`,"revision":"0a1b2c3"`)},
		{name: "another repository", spec: "source: {repoURL: https://github.com/org/other, path: a}",
			want: `{"Path":"a","Source":{"kind":"git","url":"https://github.com/org/other"},"Directory":{"detect":true}}`},
		{name: "another repository, said to be a kustomization",
			spec: "source: {repoURL: https://github.com/org/other, path: a, kustomize: {namePrefix: b-}}",
			want: `{"Path":"a","Source":{"kind":"git","url":"https://github.com/org/other"},` +
				`"Overlay":{"namePrefix":"b-","edit":{"needsKustomization":true}}}`},
		{name: "another repository, said to be a folder",
			spec: "source: {repoURL: https://github.com/org/other, path: a, directory: {recurse: true}}",
			want: `{"Path":"a","Source":{"kind":"git","url":"https://github.com/org/other"},"Directory":{"recurse":true}}`},
		{name: "a chart of a repository", spec: "source: {repoURL: https://charts.example.com, chart: web, " +
			"targetRevision: 1.x}",
			want: `{"Path":".","Source":{"kind":"helm","url":"https://charts.example.com","semver":"1.x","chart":"web"},` +
				`"Chart":{"release":"x"}}`},
		{name: "a chart of a registry", spec: "source: {repoURL: registry.example.com/charts, chart: web, " +
			"targetRevision: 1.2.3}",
			want: `{"Path":".","Source":{"kind":"helm","url":"oci://registry.example.com/charts","semver":"1.2.3",` +
				`"chart":"web"},` +
				`"Chart":{"release":"x"}}`},
		{name: "a chart that is said to be two things",
			spec:  "source: {repoURL: https://charts.example.com, chart: web, helm: {}, kustomize: {}}",
			wrong: "spec.source: it has helm and kustomize, and may have one of them"},
		{name: "an artifact by tag", spec: "source: {repoURL: 'oci://example.com/a', path: ., targetRevision: v1}",
			want: `{"Path":".","Source":{"kind":"oci","url":"oci://example.com/a","ref":"v1"},"Directory":{"detect":true}}`},
		{name: "an artifact by range", spec: "source: {repoURL: 'oci://example.com/a', path: ., targetRevision: ^1}",
			want: `{"Path":".","Source":{"kind":"oci","url":"oci://example.com/a","semver":"^1"},"Directory":{"detect":true}}`},
		{name: "an artifact by digest",
			spec: "source: {repoURL: 'oci://example.com/a', path: ., targetRevision: 'sha256:ab'}",
			want: `{"Path":".","Source":{"kind":"oci","url":"oci://example.com/a","revision":"sha256:ab"},` +
				`"Directory":{"detect":true}}`},
	})
}

// TestOptionsOfHelm: as `helm template` takes them from Argo CD (docs/user-guide/helm.md).
func TestOptionsOfHelm(t *testing.T) {
	t.Parallel()
	helm := func(fields string) string { return source("path: charts/web, helm: {" + fields + "}") }
	chart := func(more string) string { return `{"Path":"charts/web","Chart":{"release":"x"` + more + `}}` }
	check(t, []sourceCase{
		{name: "releaseName", spec: helm("releaseName: own"), want: `{"Path":"charts/web","Chart":{"release":"own"}}`},
		{name: "namespace, kubeVersion, apiVersions", spec: helm("namespace: a, kubeVersion: 1.30.0, apiVersions: [b/v1]"),
			want: chart(`,"namespace":"a","kubeVersion":"1.30.0","apiVersions":["b/v1"]`)},
		{name: "skipCrds, skipSchemaValidation", spec: helm("skipCrds: true, skipSchemaValidation: true"),
			want: chart(`,"skipCRDs":true,"skipSchema":true`)},
		{name: "values, after files", spec: helm("values: 'a: 1', valueFiles: [prod.yaml]"),
			want: chart(`,"values":[{"path":"charts/web/prod.yaml"},{"text":"a: 1"}]`)},
		{name: "valuesObject, in the place of values", spec: helm("values: 'a: 1', valuesObject: {b: <&>, Any: {Case: 1}}"),
			want: chart(`,"values":[{"text":"{\"Any\":{\"Case\":1},\"b\":\"\\u003c\\u0026\\u003e\"}"}]`)},
		{name: "an empty valuesObject counts", spec: helm("values: 'a: 1', valuesObject: {}"),
			want: chart(`,"values":[{"text":"{}"}]`)},
		{name: "no valuesObject", spec: helm("values: 'a: 1', valuesObject: null"), want: chart(`,"values":[{"text":"a: ` +
			`1"}]`)},
		{name: "variables are not replaced in values", spec: helm("values: 'a: $ARGOCD_APP_NAME'"),
			want: chart(`,"values":[{"text":"a: $ARGOCD_APP_NAME"}]`)},
		{name: "parameters: texts after others, commas kept", spec: helm("parameters: [{name: s, value: '1', " +
			"forceString: true}, {name: a, value: 'x,y'}, {name: b, value: 'x\\,y'}, {name: l, value: '{x,y}'}, {name: c, " +
			"value: ',x'}, {name: num, value: 2}]"),
			want: chart(`,"parameters":[{"name":"a","value":"x\\,y"},{"name":"b","value":"x\\,y"},{"name":"l","value":"{x,` +
				`y}"},` +
				`{"name":"c","value":"\\,x"},{"name":"num","value":"2"},{"name":"s","value":"1","string":true}]`)},
		{name: "variables in parameters", spec: helm("parameters: [{name: a, value: '$ARGOCD_APP_NAME " +
			"${ARGOCD_APP_NAMESPACE} $ARGOCD_APP_PROJECT_NAME $ARGOCD_APP_SOURCE_PATH $NONE $$X'}]"),
			want: chart(`,"parameters":[{"name":"a","value":"x shop team charts/web  $X"}]`)},
		{name: "a variable that changes with every commit", spec: helm("parameters: [{name: a, value: " +
			"$ARGOCD_APP_REVISION_SHORT}]"),
			wrong: "spec.source: $ARGOCD_APP_REVISION_SHORT is not known before the app is rendered: write the value itself"},
		{name: "fileParameters", spec: helm("fileParameters: [{name: a, path: prod.yaml}, {name: b, path: /envs/root.yaml}]"),
			want: chart(`,"parameters":[{"name":"a","path":"charts/web/prod.yaml"},{"name":"b","path":"envs/root.yaml"}]`)},
		{name: "a file for a parameter from outside", spec: helm("fileParameters: [{name: a, path: ../../../x}]"),
			wrong: `spec.source.helm.fileParameters[0].path: "../../../x" leads out of the repository`},
	})
}

// TestFilesWithValues: their paths, patterns and order (docs/user-guide/helm.md, Glob Patterns in Value Files).
func TestFilesWithValues(t *testing.T) {
	t.Parallel()
	files := func(fields string) string { return source("path: charts/web, helm: {valueFiles: " + fields + "}") }
	chart := func(paths ...string) string {
		return `{"Path":"charts/web","Chart":{"release":"x","values":[{"path":"` + strings.Join(paths, `"},{"path":"`) +
			`"}]}}`
	}
	check(t, []sourceCase{
		{name: "seen from the chart", spec: files("[prod.yaml, ../../envs/root.yaml]"),
			want: chart("charts/web/prod.yaml", "envs/root.yaml")},
		{name: "seen from the root", spec: files("[/envs/root.yaml, /../envs/root.yaml]"), want: chart("envs/root.yaml")},
		{name: "each once", spec: files("[prod.yaml, values.yaml, ./prod.yaml]"),
			want: chart("charts/web/prod.yaml", "charts/web/values.yaml")},
		{name: "with a variable", spec: files("[$ARGOCD_APP_NAMESPACE.yaml]"), want: chart("charts/web/shop.yaml")},
		{name: "that may be missing", spec: files("[none.yaml], ignoreMissingValueFiles: true"),
			want: `{"Path":"charts/web","Chart":{"release":"x","values":[{"path":"charts/web/none.yaml","optional":true}]}}`},
		{name: "a pattern", spec: files("[envs/*.yaml]"), want: chart("charts/web/envs/b.yaml", "charts/web/envs/z.yaml")},
		{name: "a pattern with a class", spec: files("['envs/[a-c].yaml']"), want: chart("charts/web/envs/b.yaml")},
		{name: "through folders: those of a folder first", spec: files("['envs/**/*.yaml']"),
			want: chart("charts/web/envs/b.yaml", "charts/web/envs/z.yaml", "charts/web/envs/deep/a.yaml",
				"charts/web/envs/deep/er/a.yaml")},
		{name: "one that is named has its own place", spec: files("['envs/*.yaml', prod.yaml, envs/b.yaml]"),
			want: chart("charts/web/envs/z.yaml", "charts/web/prod.yaml", "charts/web/envs/b.yaml")},
		{name: "two patterns: each file at the first", spec: files("['envs/z*', 'envs/*.yaml']"),
			want: chart("charts/web/envs/z.yaml", "charts/web/envs/b.yaml")},
		{name: "a pattern that matches nothing", spec: files("['none/*.yaml']"), wrong: "spec.source.helm.valueFiles[0]: " +
			"no " +
			`file matches "charts/web/none/*.yaml": correct it, or say ignoreMissingValueFiles: true`},
		{name: "which is allowed", spec: files("['none/*.yaml'], ignoreMissingValueFiles: true"),
			want: `{"Path":"charts/web","Chart":{"release":"x"}}`},
		{name: "a pattern that is none", spec: files("['envs/[.yaml']"),
			wrong: `spec.source.helm.valueFiles[0]: the pattern "charts/web/envs/[.yaml" has a [ without a ]`},
		{name: "an address", spec: files("[prod.yaml, 'https://me:word@example.com/a.yaml']"),
			wrong: "spec.source.helm.valueFiles[1]: https://example.com/a.yaml: values from an address are not supported: put " +
				"the file into the repository"},
		{name: "outside", spec: files("[../../../a.yaml]"),
			wrong: `spec.source.helm.valueFiles[0]: "../../../a.yaml" leads out of the repository`},
		{name: "several mistakes", spec: files("[../../../a.yaml, 'none*']"),
			wrong: `spec.source.helm.valueFiles[0]: "../../../a.yaml" leads out of the repository` + "\n" +
				`spec.source.helm.valueFiles[1]: no file matches "charts/web/none*": correct it, or say ` +
				"ignoreMissingValueFiles: true"},
	})
}

// TestSeveralSources: their order, and values of one in another (docs/user-guide/multiple_sources.md).
func TestSeveralSources(t *testing.T) {
	t.Parallel()
	const here, other = "repoURL: " + argotest.Repository, "repoURL: https://github.com/org/other"
	const chart = "{repoURL: https://charts.example.com, chart: web, helm: {valueFiles: ["
	parts := func(values string) string {
		return `{"Path":".","Source":{"kind":"helm","url":"https://charts.example.com","chart":"web"},` +
			`"Chart":{"release":"x"` + values + `}}`
	}
	check(t, []sourceCase{
		{name: "two", spec: "sources: [{" + here + ", path: apps/web}, {" + here + ", path: charts/web}]",
			want: `[{"Path":"apps/web","Directory":{}},{"Path":"charts/web","Chart":{"release":"x"}}]`},
		{name: "sources, and not source", spec: source("path: none") + "\n  sources: [{" + here + ", path: apps/web}]",
			want: `{"Path":"apps/web","Directory":{}}`},
		{name: "values of this repository", spec: "sources: [" + chart + "$v/charts/web/prod.yaml, '$v/envs/*']}}, {" +
			here + ", ref: v}]",
			want: parts(`,"values":[{"path":"charts/web/prod.yaml"},{"path":"envs/root.yaml"}]`)},
		{name: "values of another one", spec: "sources: [" + chart + "$v/a/../b.yaml]}}, {" + other +
			", ref: v, targetRevision: next}]",
			want: parts(`,"values":[{"path":"b.yaml","source":{"kind":"git","url":"https://github.com/org/other",` +
				`"ref":"next"}}]`)},
		{name: "its own files", spec: "sources: [" + chart + "own.yaml]}}]",
			want: parts(`,"values":[{"path":"own.yaml","source":{"kind":"helm","url":"https://charts.example.com",` +
				`"chart":"web"}}]`)},
		{name: "a source with a ref and a path is a part", spec: "sources: [{" + here + ", ref: v, path: apps/web}, " +
			chart + "$v/envs/root.yaml]}}]",
			want: `[{"Path":"apps/web","Directory":{}},` + parts(`,"values":[{"path":"envs/root.yaml"}]`) + `]`},
		{name: "patterns in another one", spec: "sources: [" + chart + "'$v/*.yaml']}}, {" + other + ", ref: v}]",
			wrong: "spec.sources[0].helm.valueFiles[0]: patterns of files in another repository are not supported: name the " +
				"files"},
		{name: "no such ref", spec: "sources: [" + chart + "$w/b.yaml], ignoreMissingValueFiles: true}}, {" + other +
			", ref: v}, {" + other + ", ref: u}]",
			wrong: `spec.sources[0].helm.valueFiles[0]: "$w/b.yaml" begins with $w, and no source has that ref: write $u or $v`},
		{name: "no ref at all", spec: "sources: [" + chart + "$w/b.yaml]}}]", wrong: `spec.sources[0].helm.valueFiles[0]: ` +
			`"$w/b.yaml" begins with $w, and no source has that ref: give the source with the file a ref`},
		{name: "nothing but refs", spec: "sources: [{" + other + ", ref: v}]",
			wrong: "spec.sources[0]: no source has a path or a chart: name what is to be delivered"},
		{name: "mistakes in two", spec: "sources: [{path: a}, {ref: b}]",
			wrong: "spec.sources[0].repoURL: it is empty: write the address of the repository\n" +
				"spec.sources[1].repoURL: it is empty: write the address of the repository"},
	})
}

// TestOptionsOfKustomize: as `kustomize edit` takes them from Argo CD (docs/user-guide/kustomize.md).
func TestOptionsOfKustomize(t *testing.T) {
	t.Parallel()
	kustomize := func(fields string) string { return source("path: apps/kust, kustomize: {" + fields + "}") }
	overlay := func(own, edit string) string {
		return `{"Path":"apps/kust","Overlay":{` + own + `"edit":{` + edit + `"needsKustomization":true}}}`
	}
	check(t, []sourceCase{
		{name: "names", spec: kustomize("namePrefix: a-, nameSuffix: -b, namespace: c"),
			want: overlay(`"namespace":"c","namePrefix":"a-","nameSuffix":"-b",`, "")},
		{name: "variables are not replaced in names", spec: kustomize("namePrefix: $ARGOCD_APP_NAME-"),
			want: overlay(`"namePrefix":"$ARGOCD_APP_NAME-",`, "")},
		{name: "images", spec: kustomize("images: ['nginx:$ARGOCD_APP_NAME', 'a=b@sha256:c']"),
			want: overlay("", `"images":["nginx:x","a=b@sha256:c"],`)},
		{name: "replicas", spec: kustomize("replicas: [{name: a, count: 0}, {name: b, count: '3'}]"),
			want: overlay("", `"replicas":[{"name":"a","count":0},{"name":"b","count":3}],`)},
		{name: "replicas that are none", spec: kustomize("replicas: [{name: a, count: 1}, {name: b, count: 1.5}]"),
			wrong: `spec.source.kustomize.replicas[1].count: "1.5" is no number`},
		{name: "labels", spec: kustomize("commonLabels: {a: $ARGOCD_APP_NAME}, forceCommonLabels: true, " +
			"labelWithoutSelector: true, labelIncludeTemplates: true"),
			want: overlay("", `"labels":{"a":"x"},"forceLabels":true,"withoutSelector":true,"includeTemplates":true,`)},
		{name: "annotations as they are", spec: kustomize("commonAnnotations: {a: $ARGOCD_APP_NAME}, " +
			"forceCommonAnnotations: true"),
			want: overlay("", `"annotations":{"a":"$ARGOCD_APP_NAME"},"forceAnnotations":true,`)},
		{name: "annotations with variables", spec: kustomize("commonAnnotations: {a: $ARGOCD_APP_NAME}, " +
			"commonAnnotationsEnvsubst: true"),
			want: overlay("", `"annotations":{"a":"x"},`)},
		{name: "patches", spec: kustomize("patches: [{path: p.yaml, target: {kind: A, name: b, group: c, version: v1, " +
			"namespace: d, labelSelector: e=f, annotationSelector: g}, options: {allowNameChange: true}}, {patch: '[]'}]"),
			want: overlay(`"patches":[{"patch":"","path":"p.yaml","target":{"group":"c","version":"v1","kind":"A",`+
				`"namespace":"d",`+
				`"name":"b","labelSelector":"e=f","annotationSelector":"g"},"options":{"allowNameChange":true}},{"patch":"[]"}],`,
				"")},
		{name: "components", spec: kustomize("components: [../a, b], ignoreMissingComponents: true"),
			want: overlay(`"components":["../a","b"],"ignoreMissing":true,`, "")},
		{name: "for charts", spec: kustomize("kubeVersion: 1.30.0, apiVersions: [a/v1]"),
			want: overlay("", `"kubeVersion":"1.30.0","apiVersions":["a/v1"],`)},
	})
}

// TestOptionsOfDirectories: docs/user-guide/directory.md and docs/user-guide/jsonnet.md.
func TestOptionsOfDirectories(t *testing.T) {
	t.Parallel()
	directory := func(fields string) string { return source("path: apps/web, directory: {" + fields + "}") }
	check(t, []sourceCase{
		{name: "recurse", spec: directory("recurse: true"), want: `{"Path":"apps/web","Directory":{"recurse":true}}`},
		{name: "patterns", spec: directory("include: '{*.yml,a?.yaml}', exclude: 'config/*'"),
			want: `{"Path":"apps/web","Directory":{"include":"^(?s:(?:.*\\.yml|a.\\.yaml))$","exclude":"^(?s:config/.*)$"}}`},
		{name: "a pattern that is none", spec: directory("exclude: 'a['"),
			wrong: `spec.source.directory.exclude: the pattern "a[" has a [ without a ]`},
		{name: "jsonnet", spec: directory("jsonnet: {tlas: [{name: a, value: $ARGOCD_APP_NAME}, {name: b, value: '1', " +
			"code: true}], extVars: [{name: c, value: $$}], libs: [vendor, /lib/x/]}"),
			want: `{"Path":"apps/web","Directory":{"jsonnet":{"tlas":[{"name":"a","value":"x"},{"name":"b","value":"1",` +
				`"code":true}],` +
				`"extVars":[{"name":"c","value":"$"}],"libs":["vendor","lib/x"]}}}`},
		{name: "libraries from outside", spec: directory("jsonnet: {libs: [a, ../b]}"),
			wrong: "spec.source.directory.jsonnet.libs[1]: " +
				`"../b" leads out of the repository: write a folder seen from its root`},
	})
}

// TestFilesInTheFolderLieOverASource: those for all, then those of the Application, by the name that it has among those
// of all namespaces; what is rendered they do not change (docs/user-guide/parameters.md, Store Overrides In Git).
func TestFilesInTheFolderLieOverASource(t *testing.T) {
	t.Parallel()
	for namespace, prefix := range map[string]string{"argocd": "own-", "team": "team-", "other": "all-"} {
		parts, notes, message := read(t, namespace, source("path: apps/over, kustomize: {nameSuffix: -x}"))
		want := `{"Path":"apps/over","Overlay":{"namePrefix":"` + prefix +
			`","nameSuffix":"-all","edit":{"needsKustomization":true}}}`
		if !sameJSON(t, parts, want) || len(notes) > 0 || message != "" {
			t.Errorf("in %s: %s, notes %q, error %s\nwant %s", namespace, parts, notes, message, want)
		}
	}
	check(t, []sourceCase{
		{name: "a field in another letter case", spec: source("path: apps/slip"),
			want: `{"Path":"apps/slip","Overlay":{"edit":{"needsKustomization":true}}}`},
		{name: "no YAML", spec: source("path: apps/bad"), wrong: "spec.source: apps/bad/.argocd-source.yaml cannot be " +
			"laid over it: yaml: line 1: did not find expected node content"},
		{name: "another type", spec: source("path: apps/wrong"), wrong: "spec.source: apps/wrong/.argocd-source.yaml " +
			"cannot be laid over it: .kustomize.namePrefix is a list, and has to be a string"},
		{name: "not of another repository", spec: "source: {repoURL: https://github.com/org/other, path: apps/over}",
			want: `{"Path":"apps/over","Source":{"kind":"git","url":"https://github.com/org/other"},` +
				`"Directory":{"detect":true}}`},
	})
}

// TestNamesOfApplicationsInOtherNamespaces: variables have the namespace, the release has not (argo-cd, helmTemplate).
func TestNamesOfApplicationsInOtherNamespaces(t *testing.T) {
	t.Parallel()
	parts, _, message := read(t, "team", source("path: charts/web, helm: {parameters: [{name: a, value: "+
		"$ARGOCD_APP_NAME}]}"))
	want := `{"Path":"charts/web","Chart":{"release":"x","parameters":[{"name":"a","value":"team_x"}]},"Overlay":{}}`
	if parts != want || message != "" {
		t.Errorf("%s, error %s\nwant %s", parts, message, want)
	}
}

// TestFilesOfAFolderComeBeforeItsFolders, at every depth.
func TestFilesOfAFolderComeBeforeItsFolders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"a", "a", 0}, {"a", "b", -1}, {"z", "a/b", -1}, {"a/b", "z", 1}, {"a/z", "a/b/c", -1}, {"b/a", "a/b", 1},
		{"a/b/c", "a/b/d", -1}} {
		if got := filesFirst(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
