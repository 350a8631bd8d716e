package flux

import "testing"

// reading is an object of Flux, and what is read of it: parts of the app as JSON, of its notes, and of the error.
type reading struct {
	name, spec  string
	want        []string
	note, wrong string
}

// TestAKustomizationIsReadFieldByField: values, defaults, notes, and errors with the line and the remedy.
func TestAKustomizationIsReadFieldByField(t *testing.T) {
	t.Parallel()
	for _, c := range []reading{
		{name: "defaults", spec: "  path: ./apps/web\n",
			want: []string{`"Path":"apps/web"`, `"Hide":{}`, `"Prune":false`, `"Suspend":false`, `"Timeout":0`,
				`"Handling":{}`, `"Vars":null`}},
		{name: "no path is the root", spec: "  prune: true\n",
			want: []string{`"Path":"."`, `"Prune":true`}},
		{name: "a path never leads out", spec: "  path: ../../apps/web/\n",
			want: []string{`"Path":"apps/web"`}},
		{name: "prune, suspend and timeout", spec: "  path: apps/web\n  prune: true\n  suspend: true\n  timeout: 90s\n",
			want: []string{`"Prune":true`, `"Suspend":true`, `"Timeout":90000000000`}},
		{name: "a timeout that is none", spec: "  path: apps/web\n  timeout: soon\n",
			wrong: `clusters/eu/o.yaml:7: Kustomization flux-system/x: spec.timeout: "soon" is no duration: write one such as 90s or 5m`},
		{name: "a path that does not exist", spec: "  path: ./apps/none\n",
			wrong: `clusters/eu/o.yaml:6: Kustomization flux-system/x: spec.path: "./apps/none" does not exist at this revision`},
		{name: "a path of a file", spec: "  path: ./apps/web/cm.yaml\n",
			wrong: `spec.path: "./apps/web/cm.yaml" is a file: name the folder it is in`},
		{name: "names and namespace", spec: "  path: apps/web\n  targetNamespace: shop\n  namePrefix: a-\n  nameSuffix: -b\n",
			want: []string{`"namespace":"shop"`, `"namePrefix":"a-"`, `"nameSuffix":"-b"`}},
		{name: "variables", spec: "  path: apps/web\n  postBuild: {substitute: {a: \"1\"}}\n",
			want: []string{`"Substitute":true`, `"Vars":{"a":"1"}`, `"SubstituteEmpty":false`}},
		{name: "variables of the cluster",
			spec: "  path: apps/web\n  postBuild:\n    substituteFrom:\n    - {kind: Secret, name: s, optional: true}\n",
			want: []string{`"VarsFrom":[{"kind":"Secret","namespace":"flux-system","name":"s","optional":true}]`,
				`"Substitute":true`}},
		{name: "variables of another kind",
			spec:  "  path: apps/web\n  postBuild:\n    substituteFrom:\n    - {kind: Pod, name: s}\n",
			wrong: `clusters/eu/o.yaml:9: Kustomization flux-system/x: spec.postBuild.substituteFrom[0]: it is to have a name, and the kind ConfigMap or Secret`},
		{name: "substitution without variables", spec: "  path: apps/web\n  postBuild: {substituteStrategy: Always}\n",
			want: []string{`"SubstituteEmpty":true`, `"Substitute":true`}},
		{name: "an account", spec: "  path: apps/web\n  serviceAccountName: deployer\n",
			want: []string{`"serviceAccount":"flux-system/deployer"`}},
		{name: "the account of Flux' controller is the agent's own",
			spec: "  path: apps/web\n  serviceAccountName: kustomize-controller\n",
			want: []string{`"Handling":{}`}},
		{name: "force", spec: "  path: apps/web\n  force: true\n",
			want: []string{`"recreate":true`}},
		{name: "health checks", spec: "  path: apps/web\n  healthChecks:\n  - {apiVersion: apps/v1, kind: Deployment, name: db, namespace: shop}\n",
			want: []string{`"checks":[{"group":"apps","kind":"Deployment","namespace":"shop","name":"db"}]`}},
		{name: "a health check without a name",
			spec:  "  path: apps/web\n  healthChecks:\n  - {apiVersion: apps/v1, kind: Deployment}\n",
			wrong: `clusters/eu/o.yaml:8: Kustomization flux-system/x: spec.healthChecks[0]: it is to have a kind and a name`},
		{name: "a health check of no app", spec: "  path: apps/web\n  healthChecks:\n" +
			"  - {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, name: db, namespace: shop}\n",
			note: `there is no app HelmRelease shop/db in what the cluster's folder renders to: nothing waits for it`},
		{name: "wait leaves health checks out", spec: "  path: apps/web\n  wait: true\n  healthChecks: [{}]\n",
			want: []string{`"Handling":{}`}},
		{name: "orphan", spec: "  path: apps/web\n  deletionPolicy: Orphan\n",
			want: []string{`"orphan":true`}},
		{name: "delete without prune", spec: "  path: apps/web\n  deletionPolicy: Delete\n",
			note: `spec.deletionPolicy: not done with prune: false: the objects stay when the Kustomization goes; say prune: true`},
		{name: "another policy", spec: "  path: apps/web\n  deletionPolicy: Keep\n",
			wrong: `spec.deletionPolicy: "Keep" is not known: it is MirrorPrune, Delete, WaitForTermination or Orphan`},
		{name: "a dependency", spec: "  path: apps/web\n  dependsOn: [{name: base}, {name: db, namespace: shop}, {name: later}]\n",
			want: []string{`"DependsOn":["base","db--acesor5anjdzupkctgbi","later--h3qaqbfwyl7b5g5qogez"]`}},
		{name: "a condition on a dependency",
			spec: "  path: apps/web\n  dependsOn: [{name: base, readyExpr: 'dep.metadata.labels.tier == \"1\"'}]\n",
			want: []string{`"app":"base"`, `"instead":true`, `"labels":{"tier":"1"}`}},
		{name: "a condition that is none", spec: "  path: apps/web\n  dependsOn:\n  - name: base\n    readyExpr: a b\n",
			wrong: `clusters/eu/o.yaml:9: Kustomization flux-system/x: spec.dependsOn[0].readyExpr: a b is no CEL expression over self and dep`},
		{name: "a health rule", spec: "  path: apps/web\n  healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'status.ok'}]\n",
			want: []string{`"health":[{"group":"a.io","kind":"B","current":`}},
		{name: "two health rules of a kind", spec: "  path: apps/web\n  healthCheckExprs:\n" +
			"  - {apiVersion: a.io/v1, kind: B, current: 'status.ok'}\n  - {apiVersion: a.io/v2, kind: B, current: 'status.ok'}\n",
			wrong: `clusters/eu/o.yaml:9: Kustomization flux-system/x: spec.healthCheckExprs[1].kind: there are two rules for the same kind: keep one`},
		{name: "ignore", spec: "  path: apps/web\n  ignore: [{paths: [/spec/replicas], target: {kind: Deployment}}]\n",
			want: []string{`"/spec/replicas"`, `"Deployment"`}},
		{name: "decryption", spec: "  path: apps/web\n  decryption: {provider: sops, secretRef: {name: age}}\n",
			want: []string{`"decrypt":{"namespace":"flux-system","secret":"age"}`}},
		{name: "decryption by another provider", spec: "  path: apps/web\n  decryption: {provider: vault}\n",
			wrong: `spec.decryption.provider: "vault" is not known: the only one is sops, as in Flux`},
		{name: "a Secret that is none", spec: "  path: apps/web\n  decryption: {provider: sops, secretRef: {name: A_B}}\n",
			wrong: `spec.decryption.secretRef.name: "A_B" is no name of a Secret`},
		{name: "another cluster", spec: "  path: apps/web\n  kubeConfig: {secretRef: {name: x}}\n",
			wrong: `clusters/eu/o.yaml:7: Kustomization flux-system/x: spec.kubeConfig: it is for the cluster whose kubeconfig is in the Secret flux-system/x, and `},
		{name: "this cluster, by the name of its Secret", spec: "  path: apps/web\n  kubeConfig: {secretRef: {name: eu-kubeconfig, key: value}}\n",
			want: []string{`"Path":"apps/web"`}},
		{name: "a cluster by a ConfigMap", spec: "  path: apps/web\n  kubeConfig: {configMapRef: {name: x}}\n",
			wrong: `spec.kubeConfig: it names no Secret (secretRef)`},
		{name: "an unknown field", spec: "  path: apps/web\n  pth: x\n",
			note: `clusters/eu/o.yaml:7: Kustomization flux-system/x: spec.pth: no field that Drover knows of this kind: nothing is done with it`},
		{name: "fields in another letter case are other fields",
			spec: "  path: apps/web\n  Prune: true\n  nameprefix: a-\n  postBuild: {Substitute: {a: b}}\n",
			want: []string{`"Prune":false`, `"Overlay":{"flux":true}`, `"Vars":null`},
			note: `clusters/eu/o.yaml:7: Kustomization flux-system/x: spec.Prune: no field that Drover knows of this kind (did you mean "prune"?): nothing is done with it`},
		{name: "a patch with a target that is not known", spec: "  path: apps/web\n  patches:\n" +
			"  - {target: {kinds: ConfigMap}, patch: '- {op: remove, path: /data}'}\n",
			want: []string{`"patches":[{"patch":"- {op: remove, path: /data}","target":{}}]`}, // the app stops
			wrong: `clusters/eu/o.yaml:8: Kustomization flux-system/x: spec.patches[0].target.kinds: no field that Drover knows of ` +
				`this kind (did you mean "kind"?), and without it something else would be selected: correct it, or remove it`},
		{name: "a field of a health check", spec: "  path: apps/web\n" +
			"  healthChecks: [{apiVersion: v1, kind: Pod, name: x, kinds: y}]\n",
			note: `spec.healthChecks[0].kinds: no field that Drover knows of this kind (did you mean "kind"?)`},
		{name: "labels under another name", spec: "  path: apps/web\n  commonMetadata: {label: {a: b}}\n",
			note: `spec.commonMetadata.label: no field that Drover knows of this kind (did you mean "labels"?)`},
		{name: "a number as a variable", spec: "  path: apps/web\n  postBuild:\n    substitute:\n      PORT: 80\n",
			wrong: `clusters/eu/o.yaml:9: Kustomization flux-system/x: spec.postBuild.substitute.PORT: it is a number, ` +
				`and has to be a string: put it in quotes`},
		{name: "a variable whose name is none", spec: "  path: apps/web\n  postBuild:\n    substitute:\n      a-b: c\n",
			wrong: `clusters/eu/o.yaml:9: Kustomization flux-system/x: spec.postBuild.substitute.a-b: no name of a variable: use letters`},
		{name: "text as a boolean", spec: "  path: apps/web\n  suspend: 'no'\n",
			wrong: `clusters/eu/o.yaml:7: Kustomization flux-system/x: spec.suspend: it is a string, and has to be true or false`},
		{name: "a field of another type", spec: "  path: {a: b}\n",
			wrong: `Kustomization flux-system/x: spec.path: it is a mapping, and has to be a string`},
		{name: "what Drover does by itself needs no note", spec: "  path: apps/web\n  interval: 10m\n  retryInterval: 1m\n",
			want: []string{`"Notes":null`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, kustomizationOf(c.spec), c.want, c.note, c.wrong)
		})
	}
}

// TestAHelmReleaseIsReadFieldByField: the chart, its values, and how its objects are treated.
func TestAHelmReleaseIsReadFieldByField(t *testing.T) {
	t.Parallel()
	const published = "  chart: {spec: {chart: web, version: 1.x, sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}}}\n"
	const own = "  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: own, namespace: flux-system}"
	for _, c := range []reading{
		{name: "a published chart", spec: published,
			want: []string{`"Path":"."`, `"Source":{"kind":"helm","url":"https://charts.example.com"`, `"semver":"1.x"`,
				`"chart":"web"`,
				`"credentials":"login"`, `"interval":300000000000`, `"release":"x"`, `"createCRDs":true`, `"Prune":true`, `"Namespace":"shop"`}},
		{name: "its own interval", spec: replaced(published, "version: 1.x", "interval: 1h"),
			want: []string{`"interval":3600000000000`}},
		{name: "any version", spec: replaced(published, "1.x", "'*'"),
			want: []string{`"chart":"web","credentials"`}},
		{name: "no chart name", spec: replaced(published, "chart: web", "chart: ''"),
			wrong: `spec.chart.spec.chart: it is empty: name a chart of the repository`},
		{name: "a repository that is not there", spec: replaced(published, "name: charts", "name: none"),
			wrong: `spec.chart.spec.sourceRef: there is no HelmRepository flux-system/none in what the cluster's folder renders to`},
		{name: "a chart of this repository", spec: own + "}}\n",
			want: []string{`"Path":"charts/web"`, `"Hide":{}`}},
		{name: "its values files", spec: own + ", valuesFiles: [charts/web/values.yaml, charts/web/prod.yaml]}}\n",
			want: []string{`"values":[{"path":"charts/web/prod.yaml"}]`}},
		{name: "values files without its own", spec: own + ", valuesFiles: [charts/web/prod.yaml]}}\n",
			want: []string{`"values":[{"path":"charts/web/prod.yaml"}]`, `"noDefaults":true`}},
		{name: "a values file that is not there", spec: own + ", valuesFiles: [charts/web/none.yaml]}}\n",
			wrong: `spec.chart.spec.valuesFiles[0]: "charts/web/none.yaml" cannot be read at this revision`},
		{name: "a values file that may be missing",
			spec: own + ", valuesFiles: [charts/web/none.yaml], ignoreMissingValuesFiles: true}}\n",
			want: []string{`{"path":"charts/web/none.yaml","optional":true}`}},
		{name: "a folder that is not there", spec: replaced(own, "charts/web", "charts/none") + "}}\n",
			wrong: `spec.chart.spec.chart: "./charts/none" does not exist at this revision`},
		{name: "no chart at all", spec: "  interval: 1m\n",
			wrong: `spec.chart: there is none: name a chart under spec.chart or spec.chartRef`},
		{name: "a chartRef of another kind", spec: "  chartRef: {kind: Bucket, name: x}\n",
			wrong: `spec.chartRef: a chart of kind "Bucket" is not supported`},
		{name: "a source of another kind", spec: "  chart: {spec: {chart: web, sourceRef: {kind: Bucket, name: x}}}\n",
			wrong: `spec.chart.spec.sourceRef: a source of kind "Bucket" is not supported`},
		{name: "the target namespace names the release", spec: published + "  targetNamespace: prod\n",
			want: []string{`"release":"prod-x"`, `"Namespace":"prod"`}},
		{name: "a name that is given", spec: published + "  targetNamespace: prod\n  releaseName: mine\n",
			want: []string{`"release":"mine"`}},
		{name: "values", spec: published + "  values: {a: 1}\n",
			want: []string{`{"text":"{\"a\":1}","own":true}`}},
		{name: "values of the cluster",
			spec: published + "  valuesFrom: [{kind: ConfigMap, name: v}, {kind: Secret, name: s, valuesKey: k, targetPath: a.b, literal: true}]\n",
			want: []string{`"from":{"kind":"ConfigMap","namespace":"shop","name":"v"},"key":"values.yaml"`,
				`"from":{"kind":"Secret","namespace":"shop","name":"s"},"key":"k","target":"a.b","literal":true`}},
		{name: "values of another kind", spec: published + "  valuesFrom: [{kind: Pod, name: v}]\n",
			wrong: `spec.valuesFrom[0]: it is to have a name, and the kind ConfigMap or Secret`},
		{name: "definitions are left out", spec: published + "  install: {crds: Skip}\n",
			want: []string{`"skipCRDs":true`}},
		{name: "definitions are kept as in the chart",
			spec: published + "  install: {crds: Skip}\n  upgrade: {crds: CreateReplace}\n",
			want: []string{`"chart":"web"`, `"Chart":{"release":"x"}`}},
		{name: "another policy of definitions", spec: published + "  install: {crds: Never}\n",
			wrong: `spec.install.crds: "Never" is not known: it is Skip, Create or CreateReplace`},
		{name: "hooks are left out", spec: published + "  install: {disableHooks: true}\n  uninstall: {disableHooks: true}\n",
			want: []string{`"skipHooks":["pre-install","post-install","pre-delete","post-delete"]`}},
		{name: "the namespace is created", spec: published + "  install: {createNamespace: true}\n",
			want: []string{`"createNamespace":{}`}},
		{name: "drift is left", spec: published + "  driftDetection: {mode: warn, ignore: [{paths: [/spec/replicas]}]}\n",
			want: []string{`"keepDrift":true`, `"/spec/replicas"`}},
		{name: "another mode of drift", spec: published + "  driftDetection: {mode: off-line}\n",
			wrong: `spec.driftDetection.mode: "off-line" is not known: it is enabled, warn or disabled`},
		{name: "post-rendering", spec: published + "  postRenderers: [{kustomize: {images: [{name: a, newTag: b}]}}]\n",
			want: []string{`"postRender":[{`, `"postRenderHooks":true`}},
		{name: "post-rendering without hooks",
			spec: published + "  postRenderStrategy: nohooks\n  postRenderers: [{kustomize: {images: [{name: a, newTag: b}]}}]\n",
			want: []string{`"postRender":[{`}},
		{name: "another strategy", spec: published + "  postRenderStrategy: late\n",
			wrong: `spec.postRenderStrategy: "late" is not known: it is combined, separate or nohooks`},
		{name: "values under another key", spec: published + "  valuesFrom: [{kind: ConfigMap, name: v, valueKey: other}]\n",
			wrong: `spec.valuesFrom[0].valueKey: no field that Drover knows of this kind (did you mean "valuesKey"?), and without it ` +
				`something else would be selected`},
		{name: "paths of drift under another name",
			spec: published + "  driftDetection: {mode: enabled, ignore: [{path: [/spec/replicas], target: {kind: Deployment}}]}\n",
			note: `spec.driftDetection.ignore[0].path: no field that Drover knows of this kind (did you mean "paths"?)`},
		{name: "patches of an earlier version",
			spec: published + "  postRenderers: [{kustomize: {patchesStrategicMerge: [{kind: A}]}}]\n",
			note: `spec.postRenderers[0].kustomize.patchesStrategicMerge: no field of helm.toolkit.fluxcd.io/v2: nothing is ` +
				`done with it; write spec.postRenderers[].kustomize.patches`},
		{name: "a field that is not needed", spec: published + "  install: {createNamspace: true, remediation: {retires: 3}}\n",
			want: []string{`"Handling":{}`},
			note: `spec.install.remediation.retires: no field that Drover knows of this kind (did you mean "retries"?)`},
		{name: "any value of a chart", spec: published + "  values: {Any: {Thing: 12345678901234567890}}\n",
			want: []string{`{"text":"{\"Any\":{\"Thing\":12345678901234567890}}","own":true}`}},
		{name: "values are not kept", spec: published + "  upgrade: {preserveValues: true}\n",
			note: `spec.upgrade.preserveValues: not done: the values are those in Git`},
		{name: "verification", spec: replaced(published, "version: 1.x", "verify: {provider: cosign}"),
			wrong: `spec.chart.spec.verify: not supported: signatures are not verified`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, releaseOf(c.spec), c.want, c.note, c.wrong)
		})
	}
}
