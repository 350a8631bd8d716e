package fields_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/layout/argo"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// subject is an object of a kind whose fields are set, one after the other.
type subject struct {
	kind, spec string
	rows       []fieldRow
}

// fieldRow sets a field. want is what is read then, and is not without the field; beside is set in both cases. note and
// wrong are what is said of it.
type fieldRow struct {
	path, beside, spec string
	want               []string
	note, wrong        string
}

const (
	chart = "source: {path: charts/web}"
	kust  = "source: {path: apps/kust}"
)

var subjects = []subject{
	{fields.Application, "{destination: {name: in-cluster, namespace: shop}, source: {repoURL: " + argotest.Repository +
		", path: apps/web}, syncPolicy: {automated: {prune: true, selfHeal: true}}}", slices.Concat(applicationRows,
		sourceRows, optionRows())},
	{fields.AppProject, "{}", projectRows},
	{fields.ApplicationSet, "{generators: [{list: {elements: [{a: x}, {a: z}]}}], template: {metadata: {name: " +
		"'n-{{a}}'}, spec: {project: p}}}", setRows},
}

var applicationRows = []fieldRow{
	{path: "spec.destination.server", spec: "destination: {name: '', server: 'https://eu.example.com/', namespace: other}",
		want: []string{`"Namespace":"other"`}},
	{path: "spec.destination.name", spec: "destination: {name: europe, namespace: other}",
		want: []string{`"Namespace":"other"`}},
	{path: "spec.destination.namespace", spec: "destination: {namespace: other}", want: []string{`"Namespace":"other"`}},
	{path: "spec.project", spec: "project: team", want: []string{`"Project":"team"`}},
	{path: "spec.syncPolicy.automated", spec: "syncPolicy: {automated: null}", want: []string{`"Manual":"Application ` +
		`argocd/x"`, `"Prune":false`},
		note: "it is not automated: its first delivery, and whatever changes after that, wait for `drover approve`"},
	{path: "spec.syncPolicy.automated.enabled", spec: "syncPolicy: {automated: {enabled: false}}",
		want: []string{`"Manual":"Application argocd/x"`, `"Prune":false`}, note: "it is not automated"},
	{path: "spec.syncPolicy.automated.prune", spec: "syncPolicy: {automated: {prune: false}}",
		want: []string{`"Prune":false`}},
	{path: "spec.syncPolicy.automated.selfHeal", spec: "syncPolicy: {automated: {selfHeal: false}}",
		want: []string{`"keepDrift":true`}},
	{path: "spec.syncPolicy.automated.allowEmpty", spec: "syncPolicy: {automated: {allowEmpty: true}}",
		want: []string{`"AllowEmpty":true`}},
	{path: "spec.syncPolicy.syncOptions", spec: "syncPolicy: {syncOptions: [CreateNamespace=true]}",
		want: []string{`"createNamespace":{}`}},
	{path: "spec.syncPolicy.managedNamespaceMetadata", beside: "syncPolicy: {syncOptions: [CreateNamespace=true]}",
		spec: "syncPolicy: {managedNamespaceMetadata: {labels: {a: b}, annotations: {c: d}}}",
		want: []string{`"createNamespace":{"labels":{"a":"b"},"annotations":{"c":"d"}}`}},
	{path: "spec.syncPolicy.retry", spec: "syncPolicy: {retry: {limit: 5, backoff: {duration: 5s}}}"},
	{path: "spec.ignoreDifferences", spec: "ignoreDifferences: [{group: apps, kind: Deployment, name: a.b, namespace: " +
		"c, jsonPointers: [/d], jqPathExpressions: [.e], managedFieldsManagers: [f]}]",
		want: []string{`"Ignore":[{"Target":{"group":"apps","kind":"Deployment","namespace":"c","name":"a\\.b"},` +
			`"Paths":["/d"],"JQ":[".e"],"Managers":["f"]}]`}},
	{path: "spec.revisionHistoryLimit", spec: "revisionHistoryLimit: 3"},
	{path: "spec.info", spec: "info: [{name: a, value: b}]"},
	{path: "spec.sourceHydrator", spec: "sourceHydrator: {drySource: {repoURL: a}}", wrong: "spec.sourceHydrator"},
}

var sourceRows = []fieldRow{
	{path: "spec.source.repoURL", spec: "source: {repoURL: https://github.com/org/other}",
		want: []string{`"url":"https://github.com/org/other"`}},
	{path: "spec.source.path", spec: "source: {path: apps/db}", want: []string{`"Path":"apps/db"`}},
	{path: "spec.source.targetRevision", spec: "source: {targetRevision: v1.2}", want: []string{`"ref":"v1.2"`}},
	{path: "spec.source.tagPrefix", spec: "source: {tagPrefix: a/}", wrong: "spec.source.tagPrefix"},
	{path: "spec.source.chart", spec: "source: {chart: web}", want: []string{`"chart":"web"`}},
	{path: "spec.source.ref", spec: "source: {ref: values, path: ''}", wrong: "no source has a path or a chart"},
	{path: "spec.source.name", spec: "source: {name: a}"},
	{path: "spec.source.directory.recurse", spec: "source: {directory: {recurse: true}}",
		want: []string{`"recurse":true`}},
	{path: "spec.source.directory.include", spec: "source: {directory: {include: a}}",
		want: []string{`"include":"^(?s:a)$"`}},
	{path: "spec.source.directory.exclude", spec: "source: {directory: {exclude: a}}",
		want: []string{`"exclude":"^(?s:a)$"`}},
	{path: "spec.source.directory.jsonnet.tlas", spec: "source: {directory: {jsonnet: {tlas: [{name: a, value: b}]}}}",
		want: []string{`"tlas":[{"name":"a","value":"b"}]`}},
	{path: "spec.source.directory.jsonnet.extVars", spec: "source: {directory: {jsonnet: {extVars: [{name: a, value: " +
		"b, code: true}]}}}",
		want: []string{`"extVars":[{"name":"a","value":"b","code":true}]`}},
	{path: "spec.source.directory.jsonnet.libs", spec: "source: {directory: {jsonnet: {libs: [a]}}}",
		want: []string{`"libs":["a"]`}},
	{path: "spec.source.directory.disableExtensionFilter", spec: "source: {directory: {disableExtensionFilter: true}}",
		wrong: "spec.source.directory.disableExtensionFilter"},
	{path: "spec.source.helm.releaseName", beside: chart, spec: "source: {helm: {releaseName: a}}",
		want: []string{`"release":"a"`}},
	{path: "spec.source.helm.valueFiles", beside: chart, spec: "source: {helm: {valueFiles: [prod.yaml]}}",
		want: []string{`"values":[{"path":"charts/web/prod.yaml"}]`}},
	{path: "spec.source.helm.ignoreMissingValueFiles", beside: "source: {path: charts/web, helm: {valueFiles: " +
		"[none.yaml]}}",
		spec: "source: {helm: {ignoreMissingValueFiles: true}}", want: []string{`"optional":true`}},
	{path: "spec.source.helm.values", beside: chart, spec: "source: {helm: {values: 'a: 1'}}",
		want: []string{`"values":[{"text":"a: 1"}]`}},
	{path: "spec.source.helm.valuesObject", beside: chart, spec: "source: {helm: {valuesObject: {a: 1}}}",
		want: []string{`"values":[{"text":"{\"a\":1}"}]`}},
	{path: "spec.source.helm.parameters", beside: chart, spec: "source: {helm: {parameters: [{name: a, value: b, " +
		"forceString: true}]}}",
		want: []string{`"parameters":[{"name":"a","value":"b","string":true}]`}},
	{path: "spec.source.helm.fileParameters", beside: chart, spec: "source: {helm: {fileParameters: [{name: a, path: " +
		"prod.yaml}]}}",
		want: []string{`"parameters":[{"name":"a","path":"charts/web/prod.yaml"}]`}},
	{path: "spec.source.helm.skipCrds", beside: chart, spec: "source: {helm: {skipCrds: true}}",
		want: []string{`"skipCRDs":true`}},
	{path: "spec.source.helm.skipSchemaValidation", beside: chart, spec: "source: {helm: {skipSchemaValidation: true}}",
		want: []string{`"skipSchema":true`}},
	{path: "spec.source.helm.skipTests", beside: chart, spec: "source: {helm: {skipTests: true}}"},
	{path: "spec.source.helm.namespace", beside: chart, spec: "source: {helm: {namespace: a}}",
		want: []string{`"namespace":"a"`}},
	{path: "spec.source.helm.kubeVersion", beside: chart, spec: "source: {helm: {kubeVersion: 1.30.0}}",
		want: []string{`"kubeVersion":"1.30.0"`}},
	{path: "spec.source.helm.apiVersions", beside: chart, spec: "source: {helm: {apiVersions: [a/v1]}}",
		want: []string{`"apiVersions":["a/v1"]`}},
	{path: "spec.source.helm.version", beside: chart, spec: "source: {helm: {version: v3}}"},
	{path: "spec.source.helm.passCredentials", beside: chart, spec: "source: {helm: {passCredentials: true}}"},
	{path: "spec.source.kustomize.namePrefix", beside: kust, spec: "source: {kustomize: {namePrefix: a}}",
		want: []string{`"namePrefix":"a"`}},
	{path: "spec.source.kustomize.nameSuffix", beside: kust, spec: "source: {kustomize: {nameSuffix: a}}",
		want: []string{`"nameSuffix":"a"`}},
	{path: "spec.source.kustomize.namespace", beside: kust, spec: "source: {kustomize: {namespace: a}}",
		want: []string{`"Overlay":{"namespace":"a"`}},
	{path: "spec.source.kustomize.images", beside: kust, spec: "source: {kustomize: {images: ['a:b']}}",
		want: []string{`"images":["a:b"]`}},
	{path: "spec.source.kustomize.replicas", beside: kust, spec: "source: {kustomize: {replicas: [{name: a, count: 2}]}}",
		want: []string{`"replicas":[{"name":"a","count":2}]`}},
	{path: "spec.source.kustomize.commonLabels", beside: kust, spec: "source: {kustomize: {commonLabels: {a: b}}}",
		want: []string{`"labels":{"a":"b"}`}},
	{path: "spec.source.kustomize.forceCommonLabels", beside: kust, spec: "source: {kustomize: {forceCommonLabels: true}}",
		want: []string{`"forceLabels":true`}},
	{path: "spec.source.kustomize.labelWithoutSelector", beside: kust, spec: "source: {kustomize: " +
		"{labelWithoutSelector: true}}",
		want: []string{`"withoutSelector":true`}},
	{path: "spec.source.kustomize.labelIncludeTemplates", beside: kust, spec: "source: {kustomize: " +
		"{labelIncludeTemplates: true}}",
		want: []string{`"includeTemplates":true`}},
	{path: "spec.source.kustomize.commonAnnotations", beside: kust, spec: "source: {kustomize: {commonAnnotations: " +
		"{a: b}}}",
		want: []string{`"annotations":{"a":"b"}`}},
	{path: "spec.source.kustomize.forceCommonAnnotations", beside: kust, spec: "source: {kustomize: " +
		"{forceCommonAnnotations: true}}",
		want: []string{`"forceAnnotations":true`}},
	{path: "spec.source.kustomize.commonAnnotationsEnvsubst", beside: "source: {path: apps/kust, kustomize: " +
		"{commonAnnotations: {a: $ARGOCD_APP_NAME}}}",
		spec: "source: {kustomize: {commonAnnotationsEnvsubst: true}}", want: []string{`"annotations":{"a":"x"}`}},
	{path: "spec.source.kustomize.patches", beside: kust, spec: "source: {kustomize: {patches: [{patch: a, target: " +
		"{kind: B}}]}}",
		want: []string{`"patches":[{"patch":"a","target":{"kind":"B"}}]`}},
	{path: "spec.source.kustomize.components", beside: kust, spec: "source: {kustomize: {components: [../a]}}",
		want: []string{`"components":["../a"]`}},
	{path: "spec.source.kustomize.ignoreMissingComponents", beside: kust, spec: "source: {kustomize: " +
		"{ignoreMissingComponents: true}}",
		want: []string{`"ignoreMissing":true`}},
	{path: "spec.source.kustomize.version", beside: kust, spec: "source: {kustomize: {version: v4}}",
		note: "spec.source.kustomize.version: not done: there is one kustomize, v5"},
	{path: "spec.source.kustomize.kubeVersion", beside: kust, spec: "source: {kustomize: {kubeVersion: 1.30.0}}",
		want: []string{`"kubeVersion":"1.30.0"`}},
	{path: "spec.source.kustomize.apiVersions", beside: kust, spec: "source: {kustomize: {apiVersions: [a/v1]}}",
		want: []string{`"apiVersions":["a/v1"]`}},
	{path: "spec.source.plugin.name", spec: "source: {plugin: {name: a}}",
		want: []string{`"Plugin":{"name":"a","config":"`}},
	{path: "spec.source.plugin.env", spec: "source: {plugin: {name: a, env: [{name: X, value: $ARGOCD_APP_NAME-1}]}}",
		want: []string{`"ARGOCD_ENV_X=x-1"`, `"ARGOCD_APP_SOURCE_PATH=`}},
	{path: "spec.source.plugin.parameters", spec: "source: {plugin: {name: a, parameters: [{name: b-c, string: d}, " +
		"{name: m, map: {k.x: v}}, {name: l, array: [p, q]}]}}",
		want: []string{`"PARAM_B_C=d","PARAM_M_K_X=v","PARAM_L_0=p","PARAM_L_1=q"`,
			`ARGOCD_APP_PARAMETERS=[{\"name\":\"b-c\"` +
				`,\"string\":\"d\"},{\"map\":{\"k.x\":\"v\"},\"name\":\"m\"},{\"array\":[\"p\",\"q\"],\"name\":\"l\"}]`}},
}

// optionRows set each option by itself, of which most only have to be what the table says of them.
func optionRows() (out []fieldRow) {
	const at = "spec.syncPolicy.syncOptions["
	does := map[string]string{"CreateNamespace=true": `"createNamespace":{}`, "Prune=false": `"Prune":false`,
		"Delete=false":                  `"orphan":true`,
		"RespectIgnoreDifferences=true": ""} // as ignored fields are always left alone
	for _, f := range fields.List() {
		name, is := strings.CutPrefix(f.Path, at)
		if !is {
			continue
		}
		name = strings.TrimSuffix(name, "]")
		r := fieldRow{path: f.Path, spec: "syncPolicy: {syncOptions: ['" + name + "']}"}
		switch f.Support {
		case planning.Noted:
			r.note = f.Says
		case planning.Refused:
			r.wrong = f.Says
		}
		if want := does[name]; want != "" {
			r.want = []string{want}
		}
		out = append(out, r)
	}
	return out
}

var projectRows = []fieldRow{
	{path: "spec.description", spec: "description: a"},
	{path: "spec.sourceRepos", spec: "sourceRepos: [a]", want: []string{`"sources":["a"]`}},
	{path: "spec.destinations", spec: "destinations: [{}]", want: []string{`"destinations":[{}]`}},
	{path: "spec.destinations[].name", spec: "destinations: [{name: a}]", want: []string{`"name":"a"`}},
	{path: "spec.destinations[].server", spec: "destinations: [{server: a}]", want: []string{`"server":"a"`}},
	{path: "spec.destinations[].namespace", spec: "destinations: [{namespace: a}]", want: []string{`"namespace":"a"`}},
	{path: "spec.clusterResourceWhitelist", spec: "clusterResourceWhitelist: [{group: a, kind: B}]",
		want: []string{`"clusterScoped":{"allow":[{"group":"a","kind":"B"}]}`}},
	{path: "spec.clusterResourceBlacklist", spec: "clusterResourceBlacklist: [{group: a, kind: B}]",
		want: []string{`"clusterScoped":{"deny":[{"group":"a","kind":"B"}]}`}},
	{path: "spec.namespaceResourceWhitelist", spec: "namespaceResourceWhitelist: [{group: a, kind: B}]",
		want: []string{`"namespaced":{"allow":[{"group":"a","kind":"B"}]}`}},
	{path: "spec.namespaceResourceBlacklist", spec: "namespaceResourceBlacklist: [{group: a, kind: B}]",
		want: []string{`"namespaced":{"deny":[{"group":"a","kind":"B"}]}`}},
	{path: "spec.sourceNamespaces", spec: "sourceNamespaces: [a]", want: []string{`"appNamespaces":["a"]`}},
	{path: "spec.destinationServiceAccounts", spec: "destinationServiceAccounts: [{server: a, namespace: b, " +
		"defaultServiceAccount: c}]",
		want: []string{`"accounts":[{"server":"a","namespace":"b","account":"b/c"}]`}},
	{path: "spec.signatureKeys", spec: "signatureKeys: [{keyID: A}]", want: []string{`spec.signatureKeys: `}},
	{path: "spec.permitOnlyProjectScopedClusters", spec: "permitOnlyProjectScopedClusters: true",
		want: []string{`spec.permitOnlyProjectScopedClusters: `}},
	{path: "spec.roles", spec: "roles: [{name: a}]", note: "not done: who may change what is decided in Git"},
	{path: "spec.syncWindows", spec: "syncWindows: [{kind: deny}]", note: "not done but for AppProjects " +
		"below fleet/: a commit is delivered when it comes; windows there, and those of a RolloutPolicy, hold it back " +
		"(docs/rollouts.md)"},
	{path: "spec.orphanedResources", spec: "orphanedResources: {warn: true}", note: "not done: objects that no app " +
		"has are not looked for"},
}

var setRows = []fieldRow{
	{path: "spec.goTemplate", beside: "template: {metadata: {name: 'n-{{.a}}'}}", spec: "goTemplate: true",
		want: []string{`"name":"n-x"`, `"name":"n-z"`}},
	{path: "spec.goTemplateOptions", beside: "{goTemplate: true, template: {metadata: {name: 'n-{{.b}}'}}}",
		spec:  "goTemplateOptions: [missingkey=error]",
		wrong: "spec.template: "},
	{path: "spec.template", spec: "template: {spec: {project: other}}", want: []string{`"project":"other"`}},
	{path: "spec.templatePatch", spec: "templatePatch: 'metadata: {labels: {a: \"{{a}}\"}}'",
		want: []string{`"labels":{"a":"x"}`}},
	{path: "spec.generators[].list", spec: "generators: [{list: {elements: [{a: v}]}}]", want: []string{`"name":"n-v"`}},
	{path: "spec.generators[].clusters", beside: "template: {metadata: {name: '{{name}}'}}",
		spec: "generators: [{clusters: {}}]", want: []string{`"name":"europe"`}},
	{path: "spec.generators[].git", beside: "template: {metadata: {name: '{{path.basename}}'}}",
		spec: "generators: [{git: {repoURL: " + argotest.Repository + ", directories: [{path: apps/*}]}}]",
		want: []string{`"name":"kust"`}},
	{path: "spec.generators[].git.requeueAfterSeconds", beside: "generators: [{git: {repoURL: " + argotest.Repository +
		", directories: [{path: apps/*}]}}]",
		spec: "generators: [{git: {repoURL: " + argotest.Repository + ", directories: [{path: apps/*}], " +
			"requeueAfterSeconds: 9}}]"},
	{path: "spec.generators[].matrix", spec: "generators: [{matrix: {generators: [{list: {elements: [{b: m}]}}, " +
		"{list: {elements: [{a: '{{b}}'}]}}]}}]",
		want: []string{`"name":"n-m"`}},
	{path: "spec.generators[].merge", spec: "generators: [{merge: {mergeKeys: [b], generators: [{list: {elements: " +
		"[{b: m, a: p}]}}, {list: {elements: [{b: m, a: q}]}}]}}]",
		want: []string{`"name":"n-q"`}},
	{path: "spec.generators[].selector", beside: "generators: [{list: {elements: [{a: x}, {a: v}]}}]",
		spec: "generators: [{list: {elements: [{a: x}, {a: v}]}, selector: {matchLabels: {a: v}}}]",
		want: []string{"1 Applications: "}},
	{path: "spec.generators[].scmProvider", spec: "generators: [{scmProvider: {}}]",
		wrong: "spec.generators[0].scmProvider: "},
	{path: "spec.generators[].pullRequest", spec: "generators: [{pullRequest: {}}]",
		wrong: "spec.generators[0].pullRequest: "},
	{path: "spec.generators[].plugin", spec: "generators: [{plugin: {}}]", wrong: "spec.generators[0].plugin: "},
	{path: "spec.generators[].clusterDecisionResource", spec: "generators: [{clusterDecisionResource: {}}]",
		wrong: "spec.generators[0].clusterDecisionResource: "},
	{path: "spec.generators[].oci", spec: "generators: [{oci: {}}]", wrong: "spec.generators[0].oci: "},
	{path: "spec.syncPolicy.preserveResourcesOnDeletion", spec: "syncPolicy: {preserveResourcesOnDeletion: true}",
		want: []string{`"metadata":{"name":"n-x","namespace":"argocd"}`}},
	{path: "spec.syncPolicy.applicationsSync", spec: "syncPolicy: {applicationsSync: create-update}",
		want: []string{`"metadata":{"name":"n-x","namespace":"argocd"}`}},
	{path: "spec.strategy", spec: "strategy: {type: RollingSync, rollingSync: {steps: []}}",
		note: "not done but for ApplicationSets below fleet/: all Applications are delivered at once; steps there, and " +
			"waves of a RolloutPolicy, release them one after the other (docs/rollouts.md)"},
	{path: "spec.preservedFields", spec: "preservedFields: {annotations: [a]}"},
	{path: "spec.ignoreApplicationDifferences", spec: "ignoreApplicationDifferences: [{jsonPointers: [/a]}]"},
	{path: "spec.applyNestedSelectors", spec: "applyNestedSelectors: true"},
}

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

// text is the subject with specs laid over its own, as it stands in a file.
func (s subject) text(t *testing.T, over ...string) string {
	t.Helper()
	var spec map[string]any
	for i, part := range append([]string{s.spec}, over...) {
		var on map[string]any
		if err := yaml.UnmarshalStrict([]byte(part), &on); err != nil {
			t.Fatalf("%v in %s", err, part)
		}
		if i == 0 {
			spec = on
		}
		spec = argotest.Overlaid(spec, on)
	}
	data, err := yaml.Marshal(map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": s.kind, "spec": spec,
		"metadata": map[string]any{"name": "x", "namespace": "argocd", "finalizers": []string{fields.Finalizer}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// outcome is what an object is read as: the app, the project or the Applications as JSON, the notes, and the errors.
func outcome(t *testing.T, text string) (got, notes, message string) {
	t.Helper()
	p := argotest.Plan(t, text, map[string]string{"apps/web/cm.yaml": "", "apps/db/cm.yaml": "",
		"apps/kust/kustomization.yaml": "",
		"charts/web/Chart.yaml":        "", "charts/web/prod.yaml": ""})
	file := filepath.Join(t.TempDir(), "plugins.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\n"+
		"metadata: {name: a}\nspec: {generate: {command: [\"true\"]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plugins, err := cmplugin.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	r := argo.Dialect{Templates: goTemplates{}, Plugins: plugins}.Open(p)
	made, err := r.Expand(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var app model.App
	o := p.Objects()[0]
	declared, err := r.Read(o, &app)
	notes = strings.Join(argotest.Notes(append(app.Notes, p.Cluster.Notes...)), "\n")
	message = argotest.Message(err) + strings.Join(p.Cluster.Problems, "\n")
	app.Notes = nil
	switch {
	case declared:
		return argotest.JSON(t, app), notes, message
	case o.Kind == fields.AppProject:
		return argotest.JSON(t, p.Boundaries), notes, message
	}
	var list []string
	for _, d := range made {
		list = append(list, string(d.JSON))
	}
	return strconv.Itoa(len(list)) + " Applications: " + strings.Join(list, ","), notes, message
}

// TestEveryFieldOfTheTableHasItsEffect: what is done changes what is read, what is needless changes nothing and says
// nothing, what is not done is noted, and what is refused is an error: both at the line of the field. No field of the
// table is without a row.
func TestEveryFieldOfTheTableHasItsEffect(t *testing.T) {
	t.Parallel()
	for _, s := range subjects {
		table, seen := map[string]planning.Field{}, map[string]bool{}
		for _, f := range fields.List() {
			if f.Kind == s.kind {
				table[f.Path] = f
			}
		}
		for _, r := range s.rows {
			f, ok := table[r.path]
			if !ok || seen[r.path] {
				t.Errorf("%s: %s is in no row of the table, or tested twice", s.kind, r.path)
			}
			seen[r.path] = true
			t.Run(s.kind+" "+r.path, func(t *testing.T) {
				t.Parallel()
				checkField(t, s, f, r)
			})
		}
		for path := range table {
			if !seen[path] {
				t.Errorf("%s: no test sets %s", s.kind, path)
			}
		}
	}
}

func checkField(t *testing.T, s subject, f planning.Field, r fieldRow) {
	t.Helper()
	if r.beside == "" {
		r.beside = "{}"
	}
	plain, notes, message := outcome(t, s.text(t, r.beside))
	if notes+message != "" {
		t.Fatalf("without the field: %s%s", notes, message)
	}
	text := s.text(t, r.beside, r.spec)
	got, notes, message := outcome(t, text)
	for _, w := range r.want {
		if !strings.Contains(got, w) || strings.Contains(plain, w) {
			t.Errorf("got  %s\nwant %s\nwithout the field %s", got, w, plain)
		}
	}
	if f.Support == planning.Needless && got != plain {
		t.Errorf("the field is needless, and changes what is read:\n%s\n%s", got, plain)
	}
	for what, said := range map[planning.Support]string{planning.Noted: notes, planning.Refused: message} {
		if is := f.Says != "" && strings.Contains(said, f.Says); is != (f.Support == what) {
			t.Errorf("the table says %q, %q, and what is said is %q", f.Support, f.Says, said)
		}
	}
	checkPlaced(t, "notes", text, notes, r.note)
	checkPlaced(t, "error", text, message, r.wrong)
}

// placed is where a message is: the line, and the field.
var placed = regexp.MustCompile(`^clusters/eu/o\.yaml:(\d+): [A-Za-z]+ argocd/x: ([^:]+): `)

// checkPlaced compares a message, and looks for the field on the line that it names.
func checkPlaced(t *testing.T, what, text, got, want string) {
	t.Helper()
	if want == "" || !strings.Contains(got, want) {
		if want != "" || got != "" {
			t.Errorf("%s %q\nwant %q", what, got, want)
		}
		return
	}
	m := placed.FindStringSubmatch(got)
	if m == nil {
		t.Errorf("%s %q has no place", what, got)
		return
	}
	line, _ := strconv.Atoi(m[1])
	lines := strings.Split(text, "\n")
	key := m[2][strings.LastIndex(m[2], ".")+1:]
	if key, _, isItem := strings.Cut(key, "["); line > len(lines) || !isItem && !strings.Contains(lines[line-1], key+":") {
		t.Errorf("%s of line %d, which is %q, and the field is %s", what, line, lines[min(line, len(lines))-1], m[2])
	}
}
