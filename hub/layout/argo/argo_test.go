package argo

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/argo/repository"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

const file = argotest.File

// open plans a cluster that declares one object.
func open(t *testing.T, text string) (*planning.Plan, *planning.Object, planning.Reader) {
	t.Helper()
	files := fstest.MapFS{
		file:                             {Data: []byte(text)},
		"apps/web/cm.yaml":               {Data: []byte("# manifests\n")},
		"apps/kust/kustomization.yaml":   {Data: []byte("resources: []\n")},
		"charts/web/Chart.yaml":          {Data: []byte("name: web\n")},
		"charts/web/prod.yaml":           {Data: []byte("a: 2\n")},
		"teams/a/config.json":            {Data: []byte(`{"team": "a", "size": 2}`)},
		"teams/b/config.json":            {Data: []byte(`{"team": "b", "size": 3}`)},
		"teams/b/.argocd-source.yaml":    {Data: []byte("directory: {recurse: true}\n")},
		"teams/broken/config.json":       {Data: []byte(`"text"`)},
		"teams/.hidden/config.json":      {Data: []byte(`{}`)},
		"clusters/eu/cluster.yaml":       {Data: []byte("labels: {env: production}\n")},
		"apps/overridden/.argocd-x":      {Data: []byte("")},
		"apps/merge/.argocd-source.yaml": {Data: []byte("kustomize: {namePrefix: from-file-}\n")},
	}
	c := model.Cluster{Name: "eu", Labels: map[string]string{"env": "production"},
		Argo: model.ArgoCluster{Name: "europe", Server: "https://eu.example.com"}}
	p := planning.NewPlan(files, "clusters/eu", model.Declarations{Cluster: c,
		Repository: []string{"https://github.com/org/fleet.git"}, Branch: "main"},
		func() ([]model.Cluster, error) {
			return []model.Cluster{c, {Name: "us", Labels: map[string]string{"env": "test"}}}, nil
		})
	o := argotest.Object(t, text)
	p.Add(o)
	return p, o, Dialect{}.Open(p)
}

// application is one with a source and more fields of its spec.
func application(source, more string) string {
	return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x, namespace: argocd}\nspec:\n" +
		"  destination: {name: in-cluster, namespace: shop}\n  syncPolicy: {automated: {prune: true, selfHeal: true}}\n" +
		"  source:\n    repoURL: https://github.com/org/fleet\n" + source + more
}

// TestAnApplicationIsReadFieldByField: values, defaults, notes, and errors with the line and the remedy.
func TestAnApplicationIsReadFieldByField(t *testing.T) {
	t.Parallel()
	const web = "    path: apps/web\n"
	for _, c := range []struct {
		name, text  string
		want        []string
		note, wrong string
	}{
		{name: "a folder", text: application(web, ""),
			want: []string{`"Path":"apps/web"`, `"Directory":{}`, `"Namespace":"shop"`, `"Prune":true`, `"orphan":true`}},
		{name: "a kustomization is found", text: application("    path: apps/kust\n", ""),
			want: []string{`"Path":"apps/kust"`, `"needsKustomization":true`}},
		{name: "a chart is found", text: application("    path: charts/web\n", ""),
			want: []string{`"Chart":{"release":"x"}`}},
		{name: "a folder that is not there", text: application("    path: apps/none\n", ""),
			wrong: `clusters/eu/o.yaml:9: Application argocd/x: spec.source.path: "apps/none" does not exist at this revision`},
		{name: "a path with a slash at the end", text: application("    path: apps/../apps/web/\n", ""),
			want: []string{`"Path":"apps/web"`}},
		{name: "a path from a root", text: application("    path: /apps/web/\n", ""),
			wrong: `spec.source.path: "/apps/web/" begins with a slash, which Argo CD refuses too: write "apps/web"`},
		{name: "one that is not reconciled", text: replaced(application(web, ""), "namespace: argocd}",
			"namespace: argocd, annotations: {argocd.argoproj.io/skip-reconcile: 'True'}}"),
			want: []string{`"Suspend":true`}},
		{name: "one that is reconciled", text: replaced(application(web, ""), "namespace: argocd}",
			"namespace: argocd, annotations: {argocd.argoproj.io/skip-reconcile: 'yes'}}"),
			want: []string{`"Suspend":false`}},
		{name: "a path that leads out", text: application("    path: ../x\n", ""),
			wrong: `spec.source.path: "../x" is no path in the repository`},
		{name: "a branch of this repository that is not followed", text: application(web+"    targetRevision: other\n", ""),
			want: []string{`"Source":{"kind":"git","url":"https://github.com/org/fleet","ref":"other"}`, `"detect":true`}},
		{name: "a version is a tag", text: application(web+"    targetRevision: v1.2.3\n", ""),
			want: []string{`"ref":"v1.2.3"`}},
		{name: "a version of one number is a tag", text: application(web+"    targetRevision: v1\n", ""),
			want: []string{`"ref":"v1"`}},
		{name: "a range", text: application(web+"    targetRevision: 1.x\n", ""),
			want: []string{`"semver":"1.x"`}},
		{name: "a commit", text: application(web+"    targetRevision: 0123456789abcdef\n", ""),
			want: []string{`"revision":"0123456789abcdef"`}},
		{name: "a published chart", text: application("    chart: web\n    targetRevision: 1.2.3\n", ""),
			want: []string{`"kind":"helm"`, `"chart":"web"`, `"semver":"1.2.3"`}},
		{name: "parameters", text: application("    path: charts/web\n    helm: {parameters: [{name: a, value: 'x,y'}, "+
			"{name: b, value: \"1\", forceString: true}], skipCrds: true}\n", ""),
			want: []string{`"parameters":[{"name":"a","value":"x\\,y"},{"name":"b","value":"1","string":true}]`,
				`"skipCRDs":true`}},
		{name: "values files", text: application("    path: charts/web\n    helm: {valueFiles: [prod.yaml, "+
			"/charts/web/prod.yaml]}\n", ""),
			want: []string{`"values":[{"path":"charts/web/prod.yaml"}]`}},
		{name: "a pattern of values files that matches none",
			text:  application("    path: charts/web\n    helm: {valueFiles: ['none-*.yaml']}\n", ""),
			wrong: `spec.source.helm.valueFiles[0]: no file matches "charts/web/none-*.yaml"`},
		{name: "values from an address",
			text:  application("    path: charts/web\n    helm: {valueFiles: ['https://example.com/v.yaml']}\n", ""),
			wrong: `values from an address are not supported`},
		{name: "values as an object",
			text: application("    path: charts/web\n    helm: {valuesObject: {a: 1}, values: 'b: 2'}\n", ""),
			want: []string{`"values":[{"text":"{\"a\":1}"}]`}},
		{name: "kustomize", text: application("    path: apps/kust\n    kustomize: {namePrefix: a-, images: ['nginx:1'], "+
			"replicas: [{name: w, count: '3'}], commonLabels: {app: $ARGOCD_APP_NAME}}\n", ""),
			want: []string{`"namePrefix":"a-"`, `"nginx:1"`, `"count":3`, `"app":"x"`}},
		{name: "replicas that are no number",
			text:  application("    path: apps/kust\n    kustomize: {replicas: [{name: w, count: many}]}\n", ""),
			wrong: `spec.source.kustomize.replicas[0].count: "many" is no number`},
		{name: "a file in the folder lays over", text: application("    path: apps/merge\n", ""),
			want: []string{`"namePrefix":"from-file-"`}},
		{name: "a folder's files",
			text: application("    path: apps/web\n    directory: {recurse: true, include: '*.yaml'}\n", ""),
			want: []string{`"recurse":true`, `yaml`}},
		{name: "a pattern that is none", text: application("    path: apps/web\n    directory: {include: '{a'}\n", ""),
			wrong: `spec.source.directory.include: the pattern "{a" cannot be understood: are its brackets closed?`},
		{name: "two ways to render", text: application("    path: apps/web\n    helm: {}\n    kustomize: {}\n", ""),
			wrong: `spec.source: it has helm and kustomize, and may have one of them`},
		{name: "a plugin", text: application("    path: apps/web\n    plugin: {name: x}\n", ""),
			wrong: `clusters/eu/o.yaml:10: Application argocd/x: spec.source.plugin.name: no renderer plugin "x" is configured: `},
		{name: "synced by hand", text: replaced(application(web, ""), "{automated: {prune: true, selfHeal: true}}", "{}"),
			want: []string{`"Prune":false`, `"Manual":"Application argocd/x"`}, note: `spec.syncPolicy: it is not automated`},
		{name: "drift is left", text: replaced(application(web, ""), ", selfHeal: true", ""),
			want: []string{`"Prune":true`, `"keepDrift":true`}},
		{name: "options", text: replaced(application(web, ""), "selfHeal: true}}",
			"selfHeal: true}, syncOptions: [CreateNamespace=true, Prune=false, Nonsense=1]}"),
			want: []string{`"createNamespace":{}`,
				`"Prune":false`}, note: `Nonsense=1: no option that Drover knows: nothing is done with it`},
		{name: "a namespace without a name", text: replaced(replaced(application("    path: apps/kust\n", ""),
			"selfHeal: true}}", "selfHeal: true}, syncOptions: [CreateNamespace=true]}"), ", namespace: shop", ""),
			want: []string{`"Handling":{"orphan":true}`}},
		{name: "metadata of a namespace without a name", text: replaced(replaced(application(web, ""),
			"selfHeal: true}}", "selfHeal: true}, managedNamespaceMetadata: {labels: {a: b}}, syncOptions: "+
				"[CreateNamespace=true]}"),
			", namespace: shop", ""),
			note: "spec.syncPolicy.managedNamespaceMetadata: not done without a namespace in spec.destination"},
		{name: "a field in another letter case is not used",
			text: application("    path: charts/web\n    helm: {valuefiles: [prod.yaml]}\n", ""),
			want: []string{`"Chart":{"release":"x"}`}, note: "spec.source.helm.valuefiles: no field that Drover knows"},
		{name: "nor beside the right one",
			text: application("    path: charts/web\n    helm: {releaseName: a, ReleaseName: b}\n", ""),
			want: []string{`"release":"a"`}, note: "spec.source.helm.ReleaseName: no field that Drover knows"},
		{name: "a misplaced field",
			text: application("    path: charts/web\n    valueFiles: [prod.yaml]\n", ""),
			want: []string{`"Chart":{"release":"x"}`}, note: "spec.source.valueFiles: no field that Drover knows"},
		{name: "below a known field",
			text: application("    path: charts/web\n    helm: {parameters: [{name: a, Value: b, forcestring: true}]}\n", ""),
			want: []string{`"parameters":[{"name":"a"}]`},
			note: "spec.source.helm.parameters[0].forcestring: no field that Drover knows"},
		{name: "the target of a patch",
			text: application("    path: apps/kust\n    kustomize: {patches: [{patch: '[]', target: {kinds: A}}]}\n", ""),
			note: "spec.source.kustomize.patches[0].target.kinds: no field that Drover knows"},
		{name: "ignored fields", text: application(web,
			"  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]\n"),
			want: []string{`"/spec/replicas"`, `"Deployment"`}},
		{name: "ignored fields of no kind", text: application(web, "  ignoreDifferences: [{group: apps}]\n"),
			wrong: `spec.ignoreDifferences[0]: it names no kind: write one, or "*" for all`},
		{name: "a finalizer deletes", text: replaced(application(web, ""), "namespace: argocd}",
			"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}"),
			want: []string{`"Handling":{}`}},
		{name: "an annotation that is not done", text: replaced(application(web, ""), "namespace: argocd}",
			"namespace: argocd, annotations: {notifications.argoproj.io/x: y}}"),
			note: `metadata.annotations.notifications.argoproj.io/x: not done: nobody is notified`},
		{name: "a project", text: application(web, "  project: shop\n"), want: []string{`"Project":"shop"`}},
		{name: "no source", text: "kind: Application\nmetadata: {name: x}\nspec: {destination: {name: in-cluster}}\n",
			note: `it is not automated`, wrong: `spec: it names no source: write source or sources`},
		{name: "two destinations", text: replaced(application(web, ""), "name: in-cluster,",
			"name: eu, server: 'https://eu.example.com',"),
			wrong: `spec.destination: it has a name and a server: keep one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, o, r := open(t, c.text)
			var app model.App
			declared, err := r.Read(o, &app)
			if !declared {
				t.Fatalf("no app; notes %v", p.Cluster.Notes)
			}
			check(t, app, append(app.Notes, p.Cluster.Notes...), err, c.want, c.note, c.wrong)
		})
	}
}

func replaced(text, part, with string) string { return strings.Replace(text, part, with, 1) }

// check compares what was read with what is wanted: parts of the app as JSON, of its notes, and of the error.
func check(t *testing.T, app model.App, notes []fleet.Note, err error, want []string, note, wrong string) {
	t.Helper()
	data, failed := json.Marshal(app)
	if failed != nil {
		t.Fatal(failed)
	}
	for _, w := range want {
		if !strings.Contains(string(data), w) {
			t.Errorf("got  %s\nwant %s", data, w)
		}
	}
	all := ""
	for _, n := range notes {
		all += n.String() + "\n"
	}
	if note == "" && all != "" || !strings.Contains(all, note) {
		t.Errorf("notes %s\nwant  %s", all, note)
	}
	message := ""
	if err != nil {
		message = err.Error()
	}
	if wrong == "" && message != "" || !strings.Contains(message, wrong) {
		t.Errorf("error %s\nwant  %s", message, wrong)
	}
}

// TestAnApplicationIsForTheClusterThatItNames: by the folder's name, by what cluster.yaml says, or the one it stands
// in.
func TestAnApplicationIsForTheClusterThatItNames(t *testing.T) {
	t.Parallel()
	for destination, want := range map[string]bool{
		"{name: in-cluster}":                          true,
		"{server: 'https://kubernetes.default.svc'}":  true,
		"{name: eu}":                                  true,
		"{name: europe}":                              true,
		"{server: 'https://eu.example.com'}":          true,
		"{server: 'https://eu.example.com/'}":         true,
		"{server: 'https://kubernetes.default.svc/'}": true,
		"{server: 'HTTPS://EU.example.com:443//'}":    true,
		"{server: 'http://eu.example.com'}":           false,
		"{server: 'https://eu.example.com:6443'}":     false,
		"{server: 'https://eu.example.com/k8s/eu'}":   false,
		"{name: us}":             false,
		"{server: 'https://us'}": false,
		"{namespace: shop}":      true, // an error of the app
	} {
		text := replaced(application("    path: apps/web\n", ""), "{name: in-cluster, namespace: shop}", destination)
		p, o, r := open(t, text)
		var app model.App
		if got, _ := r.Read(o, &app); got != want {
			t.Errorf("%s: %v, want %v", destination, got, want)
		}
		if noted := len(p.Cluster.Notes) > 0; noted == want {
			t.Errorf("%s: notes %v", destination, p.Cluster.Notes)
		}
	}
}

// TestApplicationSetsGiveApplications: by each generator; one that fails says at which field.
func TestApplicationSetsGiveApplications(t *testing.T) {
	t.Parallel()
	const tail = "  template:\n    metadata: {name: '{{NAME}}'}\n    spec: {project: default}\n"
	for _, c := range []struct{ name, generators, as, want, wrong string }{
		{name: "a list", generators: "[{list: {elements: [{a: x}, {a: z}]}}]", as: "a", want: "x z"},
		{name: "a list with values", generators: "[{list: {elements: [{a: x, values: {b: c}}]}}]", as: "values.b", want: "c"},
		{name: "an element that is no mapping", generators: "[{list: {elements: [x]}}]", as: "a",
			wrong: "clusters/eu/o.yaml:5: ApplicationSet argocd/x: spec.generators[0].list: elements[0] is no mapping"},
		{name: "a number", generators: "[{list: {elements: [{a: 1}]}}]", as: "a",
			wrong: "a is no text: put it in quotes, or say goTemplate: true"},
		{name: "clusters", generators: "[{clusters: {}}]", as: "name", want: "europe us"},
		{name: "clusters by label", generators: "[{clusters: {selector: {matchLabels: {env: test}}}}]", as: "name",
			want: "us"},
		{name: "a selector that is none",
			generators: "[{clusters: {selector: {matchExpressions: [{key: a, operator: Like}]}}}]", as: "name",
			wrong: `the selector: the operator "Like" is not known`},
		{name: "folders", generators: "[{git: {repoURL: https://github.com/org/fleet, directories: [{path: teams/*}, " +
			"{path: teams/broken, exclude: true}]}}]",
			as: "path.basename", want: "a b"},
		{name: "files", generators: "[{git: {repoURL: https://github.com/org/fleet, files: [{path: teams/*/config.json}, " +
			"{path: teams/broken/*, exclude: true}, {path: teams/.hidden/*, exclude: true}]}}]",
			as: "team", want: "a b"},
		{name: "a file that is none",
			generators: "[{git: {repoURL: https://github.com/org/fleet, files: [{path: teams/broken/config.json}]}}]",
			as:         "team", wrong: "teams/broken/config.json: it is neither a mapping nor a list of mappings"},
		{name: "another repository",
			generators: "[{git: {repoURL: https://github.com/org/other, directories: [{path: '*'}]}}]",
			as:         "path", wrong: "it needs what is published elsewhere"},
		{name: "another repository that no network leads to",
			generators: "[{git: {repoURL: file:///etc, directories: [{path: '*'}]}}]",
			as:         "path", wrong: "repoURL: it is not to be fetched over a network"},
		{name: "neither folders nor files", generators: "[{git: {repoURL: https://github.com/org/fleet}}]", as: "path",
			wrong: "it names neither directories nor files"},
		{name: "a matrix", generators: "[{matrix: {generators: [{list: {elements: [{a: x}, {a: z}]}}, {list: {elements: " +
			"[{b: '{{a}}-1'}]}}]}}]",
			as: "b", want: "x-1 z-1"},
		{name: "a matrix of one", generators: "[{matrix: {generators: [{list: {}}]}}]", as: "b",
			wrong: "it has 1 generators, and is to have two"},
		{name: "a merge", generators: "[{merge: {mergeKeys: [k], generators: [{list: {elements: [{k: '1', a: x}, {k: " +
			"'2', a: w}]}}, {list: {elements: [{k: '2', a: z}]}}]}}]",
			as: "a", want: "x z"},
		{name: "a merge without keys", generators: "[{merge: {generators: [{list: {}}, {list: {}}]}}]", as: "a",
			wrong: "it is to have two generators or more, and mergeKeys"},
		{name: "a generator that is not known", generators: "[{scmProvider: {}}]", as: "a",
			wrong: "spec.generators[0].scmProvider"},
		{name: "a selector of parameters",
			generators: "[{list: {elements: [{a: x}, {a: z}]}, selector: {matchLabels: {a: z}}}]", as: "a", want: "z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: x, namespace: " +
				"argocd}\nspec:\n  generators: " +
				c.generators + "\n" + replaced(tail, "NAME", c.as)
			p, _, r := open(t, text)
			made, err := r.Expand(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, d := range made {
				var o struct{ Metadata struct{ Name string } }
				if err := json.Unmarshal(d.JSON, &o); err != nil {
					t.Fatal(err)
				}
				names = append(names, o.Metadata.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("Applications %q, want %q; problems %q", got, c.want, p.Cluster.Problems)
			}
			if all := strings.Join(p.Cluster.Problems, "\n"); c.wrong == "" && all != "" || !strings.Contains(all, c.wrong) {
				t.Errorf("problems %s\nwant     %s", all, c.wrong)
			}
		})
	}
}

// TestWhatANameOfARevisionMeans: a name may be that of a tag or of a branch, and which of them it is, the
// repository says. Of this repository it is taken for the branch that is followed, where nothing else says which
// that is, unless it looks like something else.
func TestWhatANameOfARevisionMeans(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string]string{
		"":                         `{"kind":"git","url":"u"} `,
		"HEAD":                     `{"kind":"git","url":"u"} `,
		"main":                     `{"kind":"git","url":"u","ref":"main"} main`,
		"release/2024":             `{"kind":"git","url":"u","ref":"release/2024"} release/2024`,
		"web-1.2.3":                `{"kind":"git","url":"u","ref":"web-1.2.3"} web-1.2.3`,
		"refs/heads/main":          `{"kind":"git","url":"u","branch":"main"} main`,
		"refs/tags/stable":         `{"kind":"git","url":"u","ref":"refs/tags/stable"} `,
		"v1":                       `{"kind":"git","url":"u","ref":"v1"} `,
		"v12.3":                    `{"kind":"git","url":"u","ref":"v12.3"} `,
		"1.2.3":                    `{"kind":"git","url":"u","ref":"1.2.3"} `,
		"v1.0-next":                `{"kind":"git","url":"u","ref":"v1.0-next"} `,
		"1.x":                      `{"kind":"git","url":"u","semver":"1.x"} `,
		">=1.0.0 <2.0.0":           `{"kind":"git","url":"u","semver":">=1.0.0 <2.0.0"} `,
		"0123456":                  `{"kind":"git","url":"u","revision":"0123456"} `,
		strings.Repeat("0a1b", 10): `{"kind":"git","url":"u","revision":"` + strings.Repeat("0a1b", 10) + `"} `,
	} {
		data, err := json.Marshal(repository.Revision("u", revision))
		got := string(data) + " " + repository.BranchOf(revision)
		var unescaped = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(got)
		if err != nil || unescaped != want {
			t.Errorf("%q: %s, want %s", revision, unescaped, want)
		}
	}
}
