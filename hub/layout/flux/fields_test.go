package flux

import (
	"encoding/json"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// fieldRow sets one field of an object of Flux. want is what the app has then, and has not without the field; note is
// the note and wrong the error that it gives, without the place.
type fieldRow struct {
	path, spec  string
	want        []string
	note, wrong string
}

// subject is a kind whose fields are tested: an object with what it cannot do without, and the app that shows them.
type subject struct {
	api, kind, namespace string
	spec                 string
	app                  string // the object that declares an app by it; "" if it does so itself
	rows                 []fieldRow
}

// fromSource has an app come from a source.
const fromSource = "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" +
	"metadata: {name: app, namespace: flux-system}\nspec: {path: apps/web, sourceRef: {kind: KIND, name: x}}\n"

// charted has a release take a chart.
const charted = "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" +
	"metadata: {name: app, namespace: flux-system}\nspec: "

var subjects = []subject{
	{kustomizeGroup + "/v1", kindKustomization, "flux-system",
		"{path: charts, sourceRef: {kind: GitRepository, name: own}}", "", kustomizationRows},
	{helmGroup + "/v2", kindHelmRelease, "shop",
		"{chart: {spec: {chart: any, sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}}}}", "",
		releaseRows},
	{sourceGroup + "/v1", kindGitRepository, "flux-system", "{url: https://git.example.com/any.git}",
		replaced(fromSource, "KIND", kindGitRepository), gitRows},
	{sourceGroup + "/v1", kindOCIRepository, "flux-system", "{url: oci://registry.example.com/any}",
		replaced(fromSource, "KIND", kindOCIRepository), ociRows},
	{sourceGroup + "/v1", kindHelmRepository, "flux-system", "{url: https://charts.example.com/any}",
		charted + "{chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: x}}}}\n", helmRows},
	{sourceGroup + "/v1", kindHelmChart, "flux-system",
		"{chart: any, sourceRef: {kind: HelmRepository, name: charts}}",
		charted + "{chartRef: {kind: HelmChart, name: x}}\n", chartRows},
	{extensionsGroup + "/v1beta1", kindArtifactGenerator, "flux-system",
		"{sources: [{alias: a, kind: GitRepository, name: own}], artifacts: [{name: x, copy: [{from: '@a/**', to: " +
			"'@artifact/'}]}]}",
		replaced(fromSource, "KIND", kindExternalArtifact), artifactRows},
}

var kustomizationRows = []fieldRow{
	{path: "spec.path", spec: "path: //apps/./web/../web", want: []string{`"Path":"apps/web"`}},
	{path: "spec.sourceRef", spec: "sourceRef: {kind: Bucket}",
		wrong: `a source of kind "Bucket" is not supported: use a GitRepository, an OCIRepository or an ExternalArtifact`},
	{path: "spec.dependsOn", spec: "dependsOn: [{name: base}]", want: []string{`"DependsOn":["base"]`}},
	{path: "spec.dependsOn[].name", spec: "dependsOn: [{name: bas}]", want: []string{`"DependsOn":["bas--xzlm6aybj6uodkluto6y"]`,
		`"Absent":{"bas--xzlm6aybj6uodkluto6y":"the Kustomization flux-system/bas, which is not in what this cluster's folder renders to: ` +
			`there is flux-system/base: correct the name, or add the other, or take it out of spec.dependsOn"}`}},
	{path: "spec.dependsOn[].namespace", spec: "dependsOn: [{name: base, namespace: shop}]",
		want: []string{`"DependsOn":["base--4n3shwlydticbhkhacws"]`, `there is flux-system/base: write namespace: flux-system beside the ` +
			`name`}},
	{path: "spec.dependsOn[].readyExpr",
		spec: "dependsOn: [{name: base, readyExpr: 'dep.spec.prune && self.spec.path != \"\"'}]",
		want: []string{`"dep":{"metadata":{"name":"base","namespace":"flux-system","labels":{"tier":"1"},` +
			`"annotations":null},` +
			`"spec":{"interval":"1m","path":"./apps/web","prune":true,`,
			`"self":{"metadata":{"name":"x","namespace":"flux-system"`}},
	{path: "spec.prune", spec: "prune: true", want: []string{`"Prune":true`}},
	{path: "spec.deletionPolicy", spec: "deletionPolicy: WaitForTermination",
		note: `not done with prune: false: the objects stay when the Kustomization goes; say prune: true`},
	{path: "spec.suspend", spec: "suspend: true", want: []string{`"Suspend":true`}},
	{path: "spec.targetNamespace", spec: "targetNamespace: shop",
		want: []string{`"Overlay":{"namespace":"shop","flux":true}`}},
	{path: "spec.namePrefix", spec: "namePrefix: a-", want: []string{`"Overlay":{"namePrefix":"a-","flux":true}`}},
	{path: "spec.nameSuffix", spec: "nameSuffix: -b", want: []string{`"Overlay":{"nameSuffix":"-b","flux":true}`}},
	{path: "spec.patches", spec: "patches: [{patch: p, target: {group: g, version: v, kind: k, name: m, namespace: s, " +
		"labelSelector: l, annotationSelector: a}}, {patch: q}]",
		want: []string{`"patches":[{"patch":"p","target":{"group":"g","version":"v","kind":"k","namespace":"s","name":"m",` +
			`"labelSelector":"l","annotationSelector":"a"}},{"patch":"q"}]`}},
	{path: "spec.images", spec: "images: [{name: a, newName: b, newTag: c, digest: d}]",
		want: []string{`"images":[{"name":"a","newName":"b","newTag":"c","digest":"d"}]`}},
	{path: "spec.components", spec: "components: [../tls, ../ha]", want: []string{`"components":["../tls","../ha"]`}},
	{path: "spec.ignoreMissingComponents", spec: "ignoreMissingComponents: true", want: []string{`"ignoreMissing":true`}},
	{path: "spec.buildMetadata", spec: "buildMetadata: [originAnnotations]",
		want: []string{`"buildMetadata":["originAnnotations"]`}},
	{path: "spec.commonMetadata", spec: "commonMetadata: {labels: {a: b}, annotations: {c: d}}",
		want: []string{`"Metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}}`}},
	{path: "spec.postBuild.substitute", spec: "postBuild: {substitute: {_a1: '', B: '${c}'}}",
		want: []string{`"Vars":{"B":"${c}","_a1":""}`, `"Substitute":true`}},
	{path: "spec.postBuild.substituteFrom", spec: "postBuild: {substituteFrom: [{kind: ConfigMap, name: c}]}",
		want: []string{`"VarsFrom":[{"kind":"ConfigMap","namespace":"flux-system","name":"c"}]`, `"Substitute":true`}},
	{path: "spec.postBuild.substituteStrategy", spec: "postBuild: {substituteStrategy: Always}",
		want: []string{`"SubstituteEmpty":true`}},
	{path: "spec.timeout", spec: "timeout: 1m30s", want: []string{`"Timeout":90000000000`}},
	{path: "spec.interval", spec: "interval: 5m"},
	{path: "spec.retryInterval", spec: "retryInterval: 5m"},
	{path: "spec.wait", spec: "wait: true"}, // TestAppsWaitForWhatOthersWaitFor
	{path: "spec.healthChecks", spec: "healthChecks: [{apiVersion: v1, kind: Pod, name: p, namespace: m}]",
		want: []string{`"checks":[{"kind":"Pod","namespace":"m","name":"p"}]`}},
	{path: "spec.healthCheckExprs", spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'a'}]",
		want: []string{`"health":[{"group":"a.io","kind":"B","current":{"text":"a"`}},
	{path: "spec.healthCheckExprs[].apiVersion", spec: "healthCheckExprs: [{apiVersion: v1, kind: B, current: 'a'}]",
		want: []string{`"health":[{"kind":"B","current"`}},
	{path: "spec.healthCheckExprs[].kind", spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: C, current: 'a'}]",
		want: []string{`"kind":"C"`}},
	{path: "spec.healthCheckExprs[].inProgress",
		spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'a', inProgress: 'b == 1'}]",
		want: []string{`"inProgress":{"text":"b == 1"`}},
	{path: "spec.healthCheckExprs[].failed",
		spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'a', failed: 'b == 2'}]",
		want: []string{`"failed":{"text":"b == 2"`}},
	{path: "spec.healthCheckExprs[].current",
		spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'b == 3'}]",
		want: []string{`"current":{"text":"b == 3"`}},
	{path: "spec.force", spec: "force: true", want: []string{`"recreate":true`}},
	{path: "spec.ignore", spec: "ignore: [{paths: [/a, /b], target: {kind: K, labelSelector: l}}, {paths: [/c]}]",
		want: []string{`"Ignore":[{"Target":{"kind":"K","labelSelector":"l"},"Paths":["/a","/b"]},` +
			`{"Target":{},"Paths":["/c"]}]`}},
	{path: "spec.decryption", spec: "decryption: {provider: sops}", want: []string{`"decrypt":{}`}},
	{path: "spec.decryption.provider", spec: "decryption: {provider: SOPS}",
		wrong: `"SOPS" is not known: the only one is sops, as in Flux`},
	{path: "spec.decryption.secretRef", spec: "decryption: {provider: sops, secretRef: {name: a.b}}",
		want: []string{`"decrypt":{"namespace":"flux-system","secret":"a.b"}`}},
	{path: "spec.decryption.serviceAccountName", spec: "decryption: {provider: sops, serviceAccountName: kms}",
		note: `not used: it is for the key management services of clouds, and Drover decrypts with age alone`},
	{path: "spec.serviceAccountName", spec: "serviceAccountName: a", want: []string{`"serviceAccount":"flux-system/a"`}},
	{path: "spec.kubeConfig", spec: "kubeConfig: {}", wrong: `spec.kubeConfig: `},
	{path: "spec.kubeConfig.secretRef", spec: "kubeConfig: {secretRef: {name: a}}",
		wrong: `it is for the cluster whose kubeconfig is in the Secret flux-system/a, and no cluster of the fleet is ` +
			`known by it`},
	{path: "spec.kubeConfig.configMapRef", spec: "kubeConfig: {configMapRef: {name: a}}",
		wrong: `it does not say which cluster is meant: name a Secret`},
}

var releaseRows = []fieldRow{
	{path: "spec.chart.spec.chart", spec: "chart: {spec: {chart: redis}}", want: []string{`"chart":"redis"`}},
	{path: "spec.chart.spec.sourceRef", spec: "chart: {spec: {sourceRef: {kind: HelmRepository, name: other}}}",
		wrong: `there is no HelmRepository flux-system/other in what the cluster's folder renders to: add it, or name ` +
			`one that is there`},
	{path: "spec.chart.spec.version", spec: "chart: {spec: {version: '>=1 <2'}}",
		want: []string{`"semver":"\u003e=1 \u003c2"`}},
	{path: "spec.chart.spec.interval", spec: "chart: {spec: {interval: 2m}}", want: []string{`"interval":120000000000`}},
	{path: "spec.chart.spec.reconcileStrategy", spec: "chart: {spec: {reconcileStrategy: Revision}}"},
	{path: "spec.chart.spec.valuesFiles", spec: "chart: {spec: {valuesFiles: [/prod.yaml, ../../eu.yaml]}}",
		want: []string{`"values":[{"path":"prod.yaml","source":{"kind":"helm"`, `{"path":"eu.yaml","source"`,
			`"noDefaults":true`}},
	{path: "spec.chart.spec.ignoreMissingValuesFiles",
		spec: "chart: {spec: {valuesFiles: [prod.yaml], ignoreMissingValuesFiles: true}}", want: []string{`"optional":true`}},
	{path: "spec.chart.spec.verify", spec: "chart: {spec: {verify: {provider: cosign}}}",
		wrong: `not supported: signatures are not verified, so nothing is delivered that has to be; take the field out ` +
			`if that is what you want`},
	{path: "spec.chart.metadata", spec: "chart: {metadata: {labels: {a: b}}}"},
	{path: "spec.chartRef", spec: "chart: null\nchartRef: {kind: OCIRepository, name: none}",
		wrong: `there is no OCIRepository shop/none in what the cluster's folder renders to: add it, or name one that ` +
			`is there`},
	{path: "spec.releaseName", spec: "releaseName: mine", want: []string{`"release":"mine"`}},
	{path: "spec.targetNamespace", spec: "targetNamespace: " + strings.Repeat("n", 60),
		want: []string{`"release":"` + strings.Repeat("n", 40) + `-c7035468a1dd"`}},
	{path: "spec.storageNamespace", spec: "storageNamespace: a"},
	{path: "spec.dependsOn", spec: "dependsOn: [{name: db}]", want: []string{`"DependsOn":["db--fd4jgkpzslwvj7vf6kun"]`,
		`"Absent":{"db--fd4jgkpzslwvj7vf6kun":"the HelmRelease shop/db, which is not in what this cluster's folder renders to: add it, ` +
			`or take it out of spec.dependsOn"}`}},
	{path: "spec.dependsOn[].name", spec: "dependsOn: [{name: base}]", // a Kustomization is no HelmRelease
		want: []string{`"DependsOn":["base--pyye4gp6umevhu564bha"]`, `add it, or take it out of spec.dependsOn`}},
	{path: "spec.dependsOn[].namespace", spec: "dependsOn: [{name: db, namespace: flux-system}]",
		want: []string{`"DependsOn":["db--hw3terf7qk24nnb4mqch"]`}},
	{path: "spec.dependsOn[].readyExpr", spec: "dependsOn: [{name: db, readyExpr: 'dep.metadata.name == \"db\"'}]",
		want: []string{`"ready":[{"app":"db--fd4jgkpzslwvj7vf6kun","text":"dep.metadata.name == \"db\""`, `"instead":true`}},
	{path: "spec.suspend", spec: "suspend: true", want: []string{`"Suspend":true`}},
	{path: "spec.timeout", spec: "timeout: 0s", wrong: `"0s" is no duration: write one such as 90s or 5m`},
	{path: "spec.values", spec: "values: {b: [1, x], a: '${v}'}",
		want: []string{`"text":"{\"a\":\"${v}\",\"b\":[1,\"x\"]}","own":true`}},
	{path: "spec.valuesFrom", spec: "valuesFrom: [{kind: Secret, name: s, optional: true}]",
		want: []string{`"from":{"kind":"Secret","namespace":"shop","name":"s","optional":true},"key":"values.yaml"`}},
	{path: "spec.commonMetadata", spec: "commonMetadata: {annotations: {a: b}}",
		want: []string{`"Metadata":{"annotations":{"a":"b"}}`}},
	{path: "spec.install.crds", spec: "install: {crds: Skip}", want: []string{`"skipCRDs":true`}},
	{path: "spec.install.skipCRDs", spec: "install: {skipCRDs: true}", want: []string{`"skipCRDs":true`}},
	{path: "spec.install.createNamespace", spec: "install: {createNamespace: true}",
		want: []string{`"createNamespace":{}`}},
	{path: "spec.install.disableHooks", spec: "install: {disableHooks: true}",
		want: []string{`"skipHooks":["pre-install","post-install"]`}},
	{path: "spec.install.disableTakeOwnership", spec: "install: {disableTakeOwnership: true}"},
	{path: "spec.install.disableOpenAPIValidation", spec: "install: {disableOpenAPIValidation: true}"},
	{path: "spec.install.disableSchemaValidation", spec: "install: {disableSchemaValidation: true}",
		want: []string{`"skipSchema":true`}},
	{path: "spec.install.disableWait", spec: "install: {disableWait: true}"},
	{path: "spec.install.disableWaitForJobs", spec: "install: {disableWaitForJobs: true}"},
	{path: "spec.install.replace", spec: "install: {replace: true}"},
	{path: "spec.install.remediation",
		spec: "install: {remediation: {retries: 3, ignoreTestFailures: true, remediateLastFailure: true}}"},
	{path: "spec.install.strategy", spec: "install: {strategy: {name: RetryOnFailure, retryInterval: 1m}}"},
	{path: "spec.install.timeout", spec: "install: {timeout: 9m}"},
	{path: "spec.install.serverSideApply", spec: "install: {serverSideApply: true}"},
	{path: "spec.upgrade.crds", spec: "upgrade: {crds: create}",
		wrong: `"create" is not known: it is Skip, Create or CreateReplace`},
	{path: "spec.upgrade.disableHooks", spec: "upgrade: {disableHooks: true}",
		want: []string{`"skipHooks":["pre-upgrade","post-upgrade"]`}},
	{path: "spec.upgrade.disableOpenAPIValidation", spec: "upgrade: {disableOpenAPIValidation: true}"},
	{path: "spec.upgrade.disableSchemaValidation", spec: "upgrade: {disableSchemaValidation: true}",
		want: []string{`"skipSchema":true`}},
	{path: "spec.upgrade.disableWait", spec: "upgrade: {disableWait: true}"},
	{path: "spec.upgrade.disableWaitForJobs", spec: "upgrade: {disableWaitForJobs: true}"},
	{path: "spec.upgrade.cleanupOnFail", spec: "upgrade: {cleanupOnFail: true}"},
	{path: "spec.upgrade.force", spec: "upgrade: {force: true}", want: []string{`"recreate":true`}},
	{path: "spec.upgrade.disableTakeOwnership", spec: "upgrade: {disableTakeOwnership: true}"},
	{path: "spec.upgrade.chartNameChangeStrategy", spec: "upgrade: {chartNameChangeStrategy: InPlace}"},
	{path: "spec.upgrade.preserveValues", spec: "upgrade: {preserveValues: true}",
		note: `not done: the values are those in Git`},
	{path: "spec.upgrade.remediation", spec: "upgrade: {remediation: {strategy: rollback}}"},
	{path: "spec.upgrade.strategy", spec: "upgrade: {strategy: {name: RetryOnFailure}}"},
	{path: "spec.upgrade.timeout", spec: "upgrade: {timeout: 9m}"},
	{path: "spec.upgrade.serverSideApply", spec: "upgrade: {serverSideApply: auto}"},
	{path: "spec.rollback", spec: "rollback: {timeout: 1m, recreate: true, cleanupOnFail: true}"},
	{path: "spec.uninstall.disableHooks", spec: "uninstall: {disableHooks: true}",
		want: []string{`"skipHooks":["pre-delete","post-delete"]`}},
	{path: "spec.uninstall.disableWait", spec: "uninstall: {disableWait: true}"},
	{path: "spec.uninstall.timeout", spec: "uninstall: {timeout: 1m}"},
	{path: "spec.uninstall.keepHistory", spec: "uninstall: {keepHistory: true}",
		note: `not done: there is no release whose history could be kept`},
	{path: "spec.uninstall.deletionPropagation", spec: "uninstall: {deletionPropagation: foreground}",
		note: `not done: dependents of what is deleted go in the background`},
	{path: "spec.test.enable", spec: "test: {enable: true}",
		note: `not done: hooks for tests are left out; the health of all objects is always watched`},
	{path: "spec.test.filters", spec: "test: {filters: [{name: a, exclude: true}]}"},
	{path: "spec.test.ignoreFailures", spec: "test: {ignoreFailures: true}"},
	{path: "spec.test.timeout", spec: "test: {timeout: 1m}"},
	{path: "spec.driftDetection.mode", spec: "driftDetection: {mode: disabled}", want: []string{`"keepDrift":true`}},
	{path: "spec.driftDetection.ignore", spec: "driftDetection: {ignore: [{paths: [/a], target: {name: m}}]}",
		want: []string{`"Ignore":[{"Target":{"name":"m"},"Paths":["/a"]}]`}},
	{path: "spec.healthCheckExprs", spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'a +'}]",
		wrong: `CEL`},
	{path: "spec.healthCheckExprs[].apiVersion", spec: "healthCheckExprs: [{apiVersion: c.io/v1, kind: B, current: 'a'}]",
		want: []string{`"group":"c.io"`}},
	{path: "spec.healthCheckExprs[].kind", spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: C, current: 'a'}]",
		want: []string{`"kind":"C"`}},
	{path: "spec.healthCheckExprs[].inProgress",
		spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'a', inProgress: 'c'}]",
		want: []string{`"inProgress":{"text":"c"`}},
	{path: "spec.healthCheckExprs[].failed",
		spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'a', failed: 'd'}]",
		want: []string{`"failed":{"text":"d"`}},
	{path: "spec.healthCheckExprs[].current",
		spec: "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'e'}]", want: []string{`"current":{"text":"e"`}},
	{path: "spec.maxHistory", spec: "maxHistory: 5"},
	{path: "spec.persistentClient", spec: "persistentClient: true"},
	{path: "spec.interval", spec: "interval: 1m"},
	{path: "spec.postRenderers",
		spec: "postRenderers: [{kustomize: {patches: [{patch: p, target: {kind: K}}]}}, {kustomize: {images: [{name: a, " +
			"digest: d}]}}]",
		want: []string{`"postRender":[{"patches":[{"patch":"p","target":{"kind":"K"}}]},` +
			`{"images":[{"name":"a","digest":"d"}]}]`}},
	{path: "spec.postRenderStrategy", spec: "postRenderStrategy: noHooks",
		wrong: `"noHooks" is not known: it is combined, separate or nohooks`},
	{path: "spec.waitStrategy", spec: "waitStrategy: {name: poller}"},
	{path: "spec.serviceAccountName", spec: "serviceAccountName: helm-controller", // of another namespace than Flux' own
		want: []string{`"serviceAccount":"shop/helm-controller"`}},
	{path: "spec.kubeConfig", spec: "kubeConfig: {}", wrong: `spec.kubeConfig: `},
	{path: "spec.kubeConfig.secretRef", spec: "kubeConfig: {secretRef: {name: a}}",
		wrong: `it is for the cluster whose kubeconfig is in the Secret shop/a, and no cluster of the fleet is known by it`},
	{path: "spec.kubeConfig.configMapRef", spec: "kubeConfig: {configMapRef: {name: a}}",
		wrong: `it does not say which cluster is meant: name a Secret`},
}

// overlaid lays a spec over another, mapping by mapping.
func overlaid(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, v := range over {
		in, isMap := v.(map[string]any)
		if was, ok := out[key].(map[string]any); ok && isMap {
			v = overlaid(was, in)
		}
		out[key] = v
	}
	return out
}

// text is the subject with a spec laid over its own, as it stands in a file.
func (s subject) text(t *testing.T, over string) string {
	t.Helper()
	var base, on map[string]any
	if err := yaml.UnmarshalStrict([]byte(s.spec), &base); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(over), &on); err != nil {
		t.Fatal(err)
	}
	data, err := yaml.Marshal(map[string]any{"apiVersion": s.api, "kind": s.kind, "spec": overlaid(base, on),
		"metadata": map[string]any{"name": "x", "namespace": s.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + s.app
}

// outcome is what a text is read as: the app as JSON, the notes, and the error.
func outcome(t *testing.T, text string) (app, notes, message string) {
	t.Helper()
	read, said, message := read(t, text)
	read.Notes = nil
	data, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range said {
		notes += n.String() + "\n"
	}
	return string(data), notes, message
}

// TestEveryFieldOfTheTableHasItsEffect: what is done changes the app, what is needless changes nothing and says
// nothing, what is not done is noted, and what is refused is an error: both at the line of the field. No field of the
// table is without a row.
func TestEveryFieldOfTheTableHasItsEffect(t *testing.T) {
	t.Parallel()
	for _, s := range subjects {
		table, seen := map[string]planning.Field{}, map[string]bool{}
		for _, f := range Fields() {
			if f.Kind == s.kind {
				table[f.Path] = f
			}
		}
		plain, notes, message := outcome(t, s.text(t, "{}"))
		if notes+message != "" {
			t.Fatalf("%s without any of the fields: %s%s", s.kind, notes, message)
		}
		for _, r := range s.rows {
			f, ok := table[r.path]
			if !ok || seen[r.path] {
				t.Errorf("%s: %s is in no row of the table, or tested twice", s.kind, r.path)
			}
			seen[r.path] = true
			t.Run(s.kind+" "+r.path, func(t *testing.T) {
				t.Parallel()
				checkField(t, s.text(t, r.spec), plain, f, r)
			})
		}
		for path := range table {
			if !seen[path] {
				t.Errorf("%s: no test sets %s", s.kind, path)
			}
		}
	}
}

// checkField compares what becomes of an object with a field with what is wanted of it.
func checkField(t *testing.T, text, plain string, f planning.Field, r fieldRow) {
	t.Helper()
	app, notes, message := outcome(t, text)
	for _, w := range r.want {
		if !strings.Contains(app, w) || strings.Contains(plain, w) {
			t.Errorf("got  %s\nwant %s\nwithout the field %s", app, w, plain)
		}
	}
	if f.Support == planning.Needless && app != plain {
		t.Errorf("the field is needless, and changes the app:\n%s\n%s", app, plain)
	}
	if (f.Support == planning.Noted) != (r.note != "" && r.want == nil && f.Says == r.note) {
		t.Errorf("the table says %q of the field: note %q", f.Support, r.note)
	}
	checkPlaced(t, "notes", text, notes, r.path, r.note)
	checkPlaced(t, "error", text, message, r.path, r.wrong)
}

// placed is where a message is: the line, and the field.
var placed = regexp.MustCompile(`^clusters/eu/o\.yaml:(\d+): [A-Za-z]+ [a-z-]+/(?:x|app): ([^:]+): `)

// checkPlaced compares a message, and the line it names with one on which the field stands.
func checkPlaced(t *testing.T, what, text, got, path, want string) {
	t.Helper()
	if want == "" {
		if got != "" {
			t.Errorf("%s: %s", what, got)
		}
		return
	}
	m := placed.FindStringSubmatch(got)
	if m == nil || !strings.Contains(got, want) {
		t.Errorf("%s %q\nwant %s", what, got, want)
		return
	}
	at, _ := strconv.Atoi(m[1])
	lines := strings.Split(text, "\n")
	key := m[2][strings.LastIndex(m[2], ".")+1:]
	key, _, _ = strings.Cut(key, "[")
	if at > len(lines) || !strings.Contains(lines[at-1], key+":") && !strings.Contains(m[2], "]") {
		t.Errorf("%s is of line %d, which is %q, and the field is %s (%s)", what, at, lines[min(at, len(lines))-1], m[2],
			path)
	}
}
