package rancher

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// fieldRow sets one field of a GitRepo, a ClusterGroup or a fleet.yaml. want is what the app has then, and has not
// without the field; gone says that there is no app then; note and wrong are what is said of it.
type fieldRow struct {
	path, text  string
	want        []string
	gone        bool
	note, wrong string
}

// repoRows are fields of a GitRepo that delivers the folder apps/web to the cluster.
var repoRows = []fieldRow{
	{path: "spec.repo", text: "repo: https://github.com/org/other",
		want: []string{`"Source":{"kind":"git","url":"https://github.com/org/other","branch":"master"}`}},
	{path: "spec.branch", text: "branch: refs/heads/next", want: []string{`"branch":"next"`}},
	{path: "spec.revision", text: "revision: 0a23456", want: []string{`"revision":"0a23456"`}},
	{path: "spec.paths", text: "paths: [apps/db]", want: []string{`"Path":"apps/db"`}},
	{path: "spec.targets[].name", text: "targets: [{name: a, clusterName: eu}]"},
	{path: "spec.targets[].clusterName", text: "targets: [{clusterName: EU}]", gone: true,
		note: "spec.targets: left out: no target is the cluster eu, in whose folder it stands. Move it below fleet/"},
	{path: "spec.targets[].clusterSelector", text: "targets: [{clusterSelector: {matchLabels: {env: dev}}}]", gone: true,
		note: "spec.targets: left out: no target is the cluster eu"},
	{path: "spec.targets[].clusterGroup", text: "targets: [{clusterGroup: none}]", gone: true,
		note: "spec.targets[0].clusterGroup: the ClusterGroup fleet-default/none is not declared"},
	{path: "spec.targets[].clusterGroupSelector", text: "targets: [{clusterGroupSelector: {matchLabels: {a: b}}}]",
		gone: true, note: "spec.targets: left out: no target is the cluster eu"},
	{path: "spec.targetNamespace", text: "targetNamespace: shop",
		want: []string{`"Metadata":{"namespace":"shop"}`, `"Namespace":"shop"`, `"createNamespace":{}`}},
	{path: "spec.serviceAccount", text: "serviceAccount: a", want: []string{`"serviceAccount":"cattle-fleet-system/a"`}},
	{path: "spec.paused", text: "paused: true", want: []string{`"Suspend":true`}},
	{path: "spec.keepResources", text: "keepResources: true", want: []string{`"orphan":true`}},
	{path: "spec.correctDrift.enabled", text: "correctDrift: {enabled: true}", want: []string{`"Handling":{}`}},
	{path: "spec.correctDrift.force", text: "correctDrift: {force: true}",
		note: "not done: drift is corrected by server-side apply, and nothing is recreated"},
	{path: "spec.correctDrift.keepFailHistory", text: "correctDrift: {keepFailHistory: true}"},
	{path: "spec.deleteNamespace", text: "deleteNamespace: true",
		note: "not done: a namespace that was created is never deleted"},
	{path: "spec.clientSecretName", text: "clientSecretName: a"},
	{path: "spec.helmSecretName", text: "helmSecretName: a"},
	{path: "spec.helmSecretNameForPaths", text: "helmSecretNameForPaths: a"},
	{path: "spec.helmRepoURLRegex", text: "helmRepoURLRegex: .*"},
	{path: "spec.caBundle", text: "caBundle: YQ=="},
	{path: "spec.insecureSkipTLSVerify", text: "insecureSkipTLSVerify: true",
		note: "not done: certificates are always verified"},
	{path: "spec.pollingInterval", text: "pollingInterval: 15s"},
	{path: "spec.disablePolling", text: "disablePolling: true"},
	{path: "spec.forceSyncGeneration", text: "forceSyncGeneration: 2"},
	{path: "spec.imageScanInterval", text: "imageScanInterval: 5m", note: "not done: no image is looked for"},
	{path: "spec.imageScanCommit", text: "imageScanCommit: {authorName: a}", note: "not done: no image is looked for"},
	{path: "spec.ociRegistry", text: "ociRegistry: {reference: 'oci://a/b'}"},
}

// fileRows are fields of a fleet.yaml, beside plain manifests.
var fileRows = []fieldRow{
	{path: "name", text: "name: shop-apps-web"}, // that which it has without
	{path: "labels", text: "labels: {a: b}"},    // TestBundlesWaitForOthers
	{path: "paused", text: "paused: true", want: []string{`"Suspend":true`}},
	{path: "dependsOn[].name", text: "dependsOn: [{name: shop-apps-db}]",
		want: []string{`"DependsOn":["shop-apps-db"]`}},
	{path: "dependsOn[].selector", text: "dependsOn: [{selector: {matchExpressions: [{key: tier, operator: Exists}]}}]",
		want: []string{`"DependsOn":["shop-apps-db"]`}},
	{path: "dependsOn[].acceptedStates", text: "dependsOn: [{name: shop-apps-db, acceptedStates: [Modified]}]",
		want: []string{`"DependsOn":["shop-apps-db"]`}, note: "dependsOn[0].acceptedStates: "},
	{path: "overrideTargets", text: "overrideTargets: [{clusterName: us}]", gone: true},
	{path: "targetCustomizations", text: "targetCustomizations: [{clusterName: eu, namespace: own}]",
		want: []string{`"Namespace":"own"`}},
	{path: "targets", text: "targets: [{clusterName: eu, defaultNamespace: own}]", want: []string{`"Namespace":"own"`}},
	{path: "imageScans", text: "imageScans: [{image: a}]", note: "imageScans"},
	{path: "rolloutStrategy", text: "rolloutStrategy: {maxUnavailable: 1}",
		note: "not done: all clusters are delivered to at once; waves of a RolloutPolicy release to them in steps " +
			"(docs/rollouts.md)"},
	{path: "namespace", text: "namespace: own", want: []string{`"Metadata":{"namespace":"own"}`, `"Namespace":"own"`}},
	{path: "defaultNamespace", text: "defaultNamespace: own", want: []string{`"Namespace":"own"`}},
	{path: "namespaceLabels", text: "namespace: own\nnamespaceLabels: {a: b}",
		want: []string{`"createNamespace":{"labels":{"a":"b"}}`}},
	{path: "namespaceAnnotations", text: "namespace: own\nnamespaceAnnotations: {a: b}",
		want: []string{`"createNamespace":{"annotations":{"a":"b"}}`}},
	{path: "serviceAccount", text: "serviceAccount: a", want: []string{`"serviceAccount":"cattle-fleet-system/a"`}},
	{path: "keepResources", text: "keepResources: true", want: []string{`"orphan":true`}},
	{path: "correctDrift.enabled", text: "correctDrift: {enabled: true}", want: []string{`"Handling":{}`}},
	{path: "correctDrift.force", text: "correctDrift: {force: true}",
		note: "not done: drift is corrected by server-side apply, and nothing is recreated"},
	{path: "correctDrift.keepFailHistory", text: "correctDrift: {keepFailHistory: true}"},
	{path: "helm.chart", text: "helm: {chart: ../../charts/web}", want: []string{`"Path":"charts/web"`}},
	{path: "helm.repo", text: "helm: {repo: 'https://charts.example.com'}",
		wrong: "helm.repo: the repository is named without helm.chart: name the chart"},
	{path: "helm.version", text: "helm: {repo: 'https://charts.example.com', chart: web, version: 1.x}",
		want: []string{`"Source":{"kind":"helm","url":"https://charts.example.com","semver":"1.x","chart":"web"}`}},
	{path: "helm.releaseName", text: "helm: {chart: ../../charts/web, releaseName: mine}",
		want: []string{`"Chart":{"release":"mine"}`}},
	{path: "helm.values", text: "helm: {chart: ../../charts/web, values: {b: [1], a: x}}",
		want: []string{`"values":[{"text":"a: x\nb:\n- 1\n"}]`}},
	{path: "helm.valuesFiles", text: "helm: {chart: ../../charts/web, valuesFiles: [../../charts/web/prod.yaml]}",
		want: []string{`"values":[{"path":"charts/web/prod.yaml"}]`}},
	{path: "helm.valuesFrom", text: "helm: {chart: ../../charts/web, valuesFrom: [{configMapKeyRef: {name: a, " +
		"namespace: b, key: c}}]}",
		want: []string{`"values":[{"from":{"kind":"ConfigMap","namespace":"b","name":"a"},"key":"c"}]`}},
	{path: "helm.templateValues", text: "helm: {templateValues: {a: b}}",
		wrong: "helm.templateValues: not supported: write them into helm.values"},
	{path: "helm.disablePreProcess", text: "helm: {chart: ../../charts/web, disablePreProcess: true, " +
		"values: {a: '${ .b }'}}", want: []string{`"values":[{"text":"a: ${ .b }\n"}]`}},
	{path: "helm.force", text: "helm: {force: true}", want: []string{`"recreate":true`}},
	{path: "helm.takeOwnership", text: "helm: {takeOwnership: true}"},
	{path: "helm.timeoutSeconds", text: "helm: {timeoutSeconds: 60}", want: []string{`"Timeout":60000000000`}},
	{path: "helm.skipSchemaValidation", text: "helm: {chart: ../../charts/web, skipSchemaValidation: true}",
		want: []string{`"skipSchema":true`}},
	{path: "helm.atomic", text: "helm: {atomic: true}",
		note: "not done: an update that fails is retried, and not taken back"},
	{path: "helm.maxHistory", text: "helm: {maxHistory: 3}"},
	{path: "helm.waitForJobs", text: "helm: {waitForJobs: true}"},
	{path: "helm.disableDNS", text: "helm: {disableDNS: true}"},
	{path: "helm.disableDependencyUpdate", text: "helm: {disableDependencyUpdate: true}"},
	{path: "kustomize.dir", text: "kustomize: {dir: ../kust}",
		want: []string{`"Path":"apps/kust"`, `"edit":{"needsKustomization":true}`}},
	{path: "yaml.overlays", text: "yaml: {overlays: [big]}", want: []string{`"Path":"apps/web/overlays/big"`,
		`"include":"^(new\\.yaml)$"`}},
	{path: "diff.comparePatches[].apiVersion", text: "diff: {comparePatches: [{apiVersion: v1, jsonPointers: [/a]}]}",
		want: []string{`"Ignore":[{"Target":{"group":"^$"},"Paths":["/a"]}]`}},
	{path: "diff.comparePatches[].kind", text: "diff: {comparePatches: [{kind: A.B, jsonPointers: [/a]}]}",
		want: []string{`"Ignore":[{"Target":{"kind":"A\\.B"},"Paths":["/a"]}]`}},
	{path: "diff.comparePatches[].namespace", text: "diff: {comparePatches: [{namespace: c, jsonPointers: [/a]}]}",
		want: []string{`"Target":{"namespace":"c"}`}},
	{path: "diff.comparePatches[].name", text: "diff: {comparePatches: [{name: d.e, jsonPointers: [/a]}]}",
		want: []string{`"Target":{"name":"d\\.e"}`}},
	{path: "diff.comparePatches[].jsonPointers", text: "diff: {comparePatches: [{kind: A, jsonPointers: [/a, /b]}, " +
		"{kind: B}]}", want: []string{`"Ignore":[{"Target":{"kind":"A"},"Paths":["/a","/b"]}]`}},
	{path: "diff.comparePatches[].operations", text: "diff: {comparePatches: [{kind: A, jsonPointers: [/a], " +
		"operations: [{op: remove, path: /c}]}]}", want: []string{`"Paths":["/a","/c"]`}},
	{path: "forceSyncGeneration", text: "forceSyncGeneration: 1"},
	{path: "ignore.conditions", text: "ignore: {conditions: [{type: A}]}",
		note: "not done: conditions count for the health of the app; say health rules in an App"},
	{path: "deleteCRDResources", text: "deleteCRDResources: true",
		note: "not done: definitions are pruned with the app, within the deletion budget"},
	{path: "downstreamResources", text: "downstreamResources: [{kind: Secret, name: a}]",
		note: "not done: nothing is copied from another cluster; deliver the objects"},
}

// shopTree is the repository that the rows are read in.
const shopTree = web + "-- apps/db/fleet.yaml --\nlabels: {tier: data}\n-- apps/db/cm.yaml --\nkind: X\n" +
	"-- apps/kust/kustomization.yaml --\nresources: []\n-- charts/web/Chart.yaml --\nname: web\n" +
	"-- charts/web/prod.yaml --\na: 1\n-- apps/web/overlays/big/new.yaml --\nkind: New\n"

// repoText is a GitRepo whose fields are replaced by those of a text.
func repoText(text string) string {
	fields := map[string]string{"repo": "  repo: https://github.com/org/fleet\n",
		"targets": "  targets: [{clusterName: eu}]\n", "paths": "  paths: [apps/web]\n"}
	name, _, _ := strings.Cut(text, ":")
	delete(fields, name)
	return "-- clusters/eu/repo.yaml --\napiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\n" +
		"metadata: {name: shop, namespace: fleet-default}\nspec:\n" + fields["repo"] + fields["targets"] +
		fields["paths"] + "  " + text + "\n"
}

// TestEveryFieldOfTheTableHasItsEffect: what is done changes the app, what is needless changes nothing and says
// nothing, what is not done is noted, and what is refused is an error, at the line of the field.
func TestEveryFieldOfTheTableHasItsEffect(t *testing.T) {
	t.Parallel()
	const both = "  paths: [apps/web, apps/db]\n"
	file := func(text string) string {
		return strings.Replace(repoText("paused: false"), "  paths: [apps/web]\n", both, 1) + shopTree +
			"-- apps/web/fleet.yaml --\n" + text + "\n"
	}
	for _, s := range []struct {
		kind, at, app string
		text          func(string) string
		plain         string
		rows          []fieldRow
	}{
		{kindGitRepo, "clusters/eu/repo.yaml:", "", func(s string) string { return repoText(s) + shopTree },
			repoText("paused: false") + shopTree, repoRows},
		{kindFleetYAML, "apps/web/fleet.yaml:1: fleet.yaml: ", "shop-apps-web", file, file("{}"), fileRows},
	} {
		table, seen := map[string]planning.Field{}, map[string]bool{}
		for _, f := range Fields() {
			if f.Kind == s.kind {
				table[f.Path] = f
			}
		}
		before := plan(t, s.plain)
		plain := before.apps["shop-apps-web"]
		if plain == "" || before.notes+before.errors != "" {
			t.Fatalf("%s: %s%s%s", s.kind, plain, before.notes, before.errors)
		}
		for _, r := range s.rows {
			f, ok := table[r.path]
			if !ok || seen[r.path] {
				t.Errorf("%s: %s is in no row of the table, or tested twice", s.kind, r.path)
			}
			seen[r.path] = true
			t.Run(s.kind+" "+r.path, func(t *testing.T) {
				t.Parallel()
				got := plan(t, s.text(r.text))
				checkField(t, got, s.app, plain, s.at, f, r)
			})
		}
		for path := range table {
			if !seen[path] {
				t.Errorf("%s: no test sets %s", s.kind, path)
			}
		}
	}
}

// checkField compares a plan with what is wanted of a field.
func checkField(t *testing.T, got planned, name, plain, at string, f planning.Field, r fieldRow) {
	t.Helper()
	app := got.apps[name]
	if name == "" { // the only one
		for _, app = range got.apps {
		}
	}
	if r.gone != (app == "") {
		t.Errorf("apps %v, gone %t; notes %s, errors %s", got.apps, r.gone, got.notes, got.errors)
	}
	for _, w := range r.want {
		if !strings.Contains(app, w) || strings.Contains(plain, w) {
			t.Errorf("got  %s\nwant %s\nwithout the field %s", app, w, plain)
		}
	}
	if f.Support == planning.Needless && app != plain {
		t.Errorf("the field is needless, and changes the app:\n%s\n%s", app, plain)
	}
	if f.Support == planning.Noted && !strings.Contains(got.notes, f.Says) {
		t.Errorf("the table says %q: notes %s", f.Says, got.notes)
	}
	for what, said := range map[string][2]string{"notes": {got.notes, r.note}, "errors": {got.errors, r.wrong}} {
		if said[1] == "" && said[0] != "" || !strings.Contains(said[0], said[1]) ||
			said[0] != "" && !strings.HasPrefix(said[0], at) {
			t.Errorf("%s %s\nwant %s %s", what, said[0], at, said[1])
		}
	}
}
