package hub_test

import (
	"strings"
	"testing"
)

// fluxSync is what delivers the cluster's folder, without Flux' own components.
const fluxSync = `
-- clusters/staging/flux-system/gotk-sync.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, ref: {branch: main}, url: "https://git.example.net/ops/fleet"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/staging, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`

// summarized compares what a tree comes to with lines that it has, and parts that it has nowhere.
func summarized(t *testing.T, tree string, has, not []string) {
	t.Helper()
	b := newScene(t, tree)
	got := b.summary(b.resolve("staging"))
	for _, want := range has {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	for _, part := range not {
		if strings.Contains(got, part) {
			t.Errorf("%q is in\n%s", part, got)
		}
	}
}

// What a ResourceSet makes of static inputs is an app; objects for the Flux Operator are never delivered, and are named
// where nothing is done that they ask for. The FluxInstance says by which address the repository is known.
func TestResourceSetsOfTheFluxOperatorAreExpanded(t *testing.T) {
	t.Parallel()
	summarized(t, `
-- clusters/staging/flux-system/instance.yaml --
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {name: flux, namespace: flux-system}
spec:
  distribution: {version: "2.x", registry: ghcr.io/fluxcd}
  sync: {kind: GitRepository, url: "https://git.example.net/ops/fleet", ref: refs/heads/main, path: clusters/staging}
  kustomize: {patches: [{patch: x}]}
-- clusters/staging/apps.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: own, namespace: apps}
spec: {interval: 1m, url: "ssh://git@git.example.net/ops/fleet.git", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: apps}
spec: {path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: own}}
-- apps/set.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, namespace: default}
---
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSet
metadata: {name: tenants, namespace: flux-system}
spec:
  commonMetadata: {labels: {team: a}}
  dependsOn: [{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, name: apps, namespace: apps}]
  inputs: [{tenant: red, replicas: 2}, {tenant: blue, replicas: 1}]
  inputsFrom: [{kind: ResourceSetInputProvider, name: in}]
  resources:
  - {apiVersion: v1, kind: Namespace, metadata: {name: "<< inputs.tenant >>"}}
  - apiVersion: v1
    kind: ConfigMap
    metadata:
      name: cfg
      namespace: << inputs.tenant >>
      annotations: {fluxcd.controlplane.io/reconcile: << if eq inputs.tenant "blue" >>disabled<< else >>enabled<< end >>}
    data: {replicas: << inputs.replicas | quote >>, from: << inputs.provider.kind >>}
  - {apiVersion: v1, kind: Namespace, metadata: {name: shared}}
  resourcesTemplate: |
    ---
    apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata: {name: << inputs.tenant | upper | lower >>, namespace: apps}
    spec: {path: ./tenants, prune: true, targetNamespace: << inputs.tenant >>, sourceRef: {kind: GitRepository, name: own}}
    ---
    apiVersion: v1
    kind: Secret
    metadata:
      name: copied
      namespace: << inputs.tenant >>
      annotations: {fluxcd.controlplane.io/copyFrom: flux-system/pull}
---
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSetInputProvider
metadata: {name: in, namespace: flux-system}
spec: {type: Static, defaultValues: {tenant: green, replicas: 3}}
-- tenants/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: hello}
`, []string{
		"note clusters/staging/flux-system/instance.yaml:1: FluxInstance flux-system/flux: not delivered: ",
		"what spec.sync names is this folder, so nothing is to be done",
		"spec.kustomize: not done: ",
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"plain","namespace":"default"}}`,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"labels":{"team":"a"},"name":"green"}}`,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"labels":{"team":"a"},"name":"shared"}}`,
		`"data":{"from":"ResourceSet","replicas":"2"}`, `"data":{"from":"ResourceSetInputProvider","replicas":"3"}`,
		`"name":"hello","namespace":"green"`, `"name":"hello","namespace":"blue"`,
		"the Secret red/copied that it makes is not delivered: ", "after apps-apps",
	}, []string{`"kind":"ResourceSet`, `"kind":"FluxInstance"`, "ERR", "inputs.tenant", `"from":"ResourceSet","replicas":"1"`, `"name":"copied"`})
}

// A ResourceSet whose inputs are not in Git stops alone, with the place.
func TestAResourceSetWhoseInputsAreElsewhereStopsAlone(t *testing.T) {
	t.Parallel()
	const provider = "---\napiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: in, namespace: flux-system}\n"
	for spec, want := range map[string]string{
		"inputsFrom: [{kind: ResourceSetInputProvider, name: in}]":                                             "asks another system (type GitHubPullRequest) for inputs",
		"inputsFrom: [{kind: ResourceSetInputProvider, name: missing}]":                                        "spec.inputsFrom[0]: there is no ResourceSetInputProvider flux-system/missing",
		"inputs: [{a: 1}]\n  inputStrategy: {name: Mix}":                                                       `spec.inputStrategy.name: "Mix" is not known`,
		"inputs: [{a: 1}]\n  resources: [{apiVersion: v1, kind: ConfigMap, metadata: {name: << inputs.b >>}}]": `map has no entry for key "b"`,
		"inputs: [{a: 1}]\n  resources: [{apiVersion: v1, kind: ConfigMap}]":                                   "it makes an object without apiVersion, kind or metadata.name",
		"inputs: [{a: 1}]\n  resourcesTemplate: 'a: [<< inputs.a >>'":                                          "spec.resourcesTemplate: what the template gives with its inputs is no YAML",
	} {
		summarized(t, fluxSync+"-- clusters/staging/set.yaml --\napiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\n"+
			"metadata: {name: set, namespace: flux-system}\nspec:\n  "+spec+"\n"+provider+"spec: {type: GitHubPullRequest}\n"+
			manifest("clusters/staging/cm.yaml", "a", "{k: v}"),
			[]string{"ERR clusters/staging/set.yaml:", want, `"metadata":{"name":"a"}`}, []string{"problem"})
	}
}

// A file of Flux that has the name of the one that describes the cluster.
func TestAClusterFileOfFluxIsAnOrdinaryFile(t *testing.T) {
	t.Parallel()
	summarized(t, fluxSync+`
-- clusters/staging/cluster.yaml --
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`+manifest("apps/cm.yaml", "a", "{k: v}"), []string{"app apps of root\n", `"metadata":{"name":"a"}`}, []string{"problem", "ERR"})
}

// A GitRepository of the name that bootstrap gives is this repository, where no other address of this one is known.
func TestTheGitRepositoryOfBootstrapIsThisRepository(t *testing.T) {
	t.Parallel()
	tree := `
-- clusters/staging/cluster.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: NAME, namespace: flux-system}
spec: {interval: 1m, ref: {branch: main}, url: "https://git.example.invalid/ops/fleet"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: NAME}}
` + manifest("apps/cm.yaml", "a", "{k: v}")
	summarized(t, strings.ReplaceAll(tree, "NAME", "flux-system"), []string{"app apps of root\n", `"metadata":{"name":"a"}`,
		"it is taken to be this repository, as `flux bootstrap` makes it"}, []string{"problem", "ERR"})
	summarized(t, strings.ReplaceAll(tree, "NAME", "another"), []string{"ERR"}, []string{"is taken to be this repository"})
}

// A number that a variable becomes: the message says which, and how quotes survive; and they do.
func TestAVariableThatBecomesANumberIsNamed(t *testing.T) {
	t.Parallel()
	vars := strings.Replace(fluxSync, "prune: true,", "prune: true, postBuild: {substituteFrom: [{kind: "+
		"ConfigMap, name: vars}]},", 1) +
		manifest("clusters/staging/vars.yaml", "vars, namespace: flux-system", `{PORT: "80", quote: '"'}`) + manifest("app/cm.yaml", "app", `{v: "p-${P}"}`)
	summarized(t, vars+kustomization("bad", "  path: app\n  postBuild:\n    substitute:\n      P: "+
		"\"${PORT}\"\n"), []string{
		"ERR clusters/staging/bad.yaml:13: Kustomization flux-system/bad: spec.postBuild.substitute.P: it is a " +
			"number, and has to be a string: " +
			"the quotes around ${PORT} are lost when the variable is replaced where this is declared; write " +
			"\"${quote}${PORT}${quote}\" with " +
			"the further variable quote: '\"', or a value that is a string by itself\n"}, []string{"postbuild"})
	summarized(t, vars+kustomization("good", "  path: app\n  postBuild:\n    substitute:\n      P: "+
		"\"${quote}${PORT}${quote}\"\n"),
		[]string{`"data":{"v":"p-80"}`}, []string{"ERR"})
}

// A chart that renders one object twice stops before an agent has to refuse it; the other apps go on.
func TestAChartThatRendersAnObjectTwiceStops(t *testing.T) {
	t.Parallel()
	chart := func(name, templates string) string {
		return "-- clusters/staging/" + name + ".yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: " +
			"HelmRelease\nmetadata: {name: " + name +
			", namespace: apps}\nspec:\n  chart: {spec: {chart: charts/" + name +
			", sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}\n" +
			"-- charts/" + name + "/Chart.yaml --\napiVersion: v2\nname: " + name + "\nversion: 0.1.0\n" + templates
	}
	summarized(t, fluxSync+
		chart("twice", manifest("charts/twice/templates/a.yaml", "same", "{k: "+
			"'1'}")+manifest("charts/twice/templates/b.yaml", "same, namespace: apps", "{k: '2'}"))+
		chart("once", manifest("charts/once/templates/a.yaml", "one", "{k: "+
			"'1'}")+manifest("charts/once/templates/b.yaml", "same, namespace: other", "{k: '2'}")),
		[]string{"app apps-twice of root\n", "ERR clusters/staging/twice.yaml: the app has ConfigMap/apps/same " +
			"twice, and only one of the two could be applied: " +
			"its templates render one object more than once with these values: change the values, or correct the chart\n",
			`"metadata":{"name":"one"`, `"name":"same","namespace":"other"`}, nil)
}

// A dependency that is not there: the line on which it stands, what it is called in Flux, and which one is meant.
func TestADependencyThatIsNotThereIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	k := func(namespace, name, dependsOn string) string {
		return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", " +
			"namespace: " + namespace +
			"}\nspec:\n  path: ./x\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n  " +
			"dependsOn: [" + dependsOn + "]\n"
	}
	summarized(t, fluxSync+"-- clusters/staging/deps.yaml --\n"+k("team", "c", "{name: "+
		"nowhere}")+k("team", "d", "{name: e}")+
		k("flux-system", "e", "")+k("flux-system", "g", "{name: "+
		"databse}")+k("flux-system", "database", "")+k("flux-system", "self", "{name: self}")+
		k("flux-system", "fine", "{name: e}")+manifest("x/cm.yaml", "x", "{a: b}"), []string{
		"ERR clusters/staging/deps.yaml:8: the app team-c depends on the Kustomization team/nowhere, which is not in " +
			"what this cluster's folder renders to: add it, or take it out of spec.dependsOn\n",
		"ERR clusters/staging/deps.yaml:16: the app team-d depends on the Kustomization team/e, which is not in what " +
			"this cluster's folder renders to: " +
			"there is flux-system/e: write namespace: flux-system beside the name in spec.dependsOn\n",
		"ERR clusters/staging/deps.yaml:32: the app g depends on the Kustomization flux-system/databse, which is not " +
			"in what this cluster's folder renders to: " +
			"there is flux-system/database: correct the name, or add the other, or take it out of spec.dependsOn\n",
		"ERR clusters/staging/deps.yaml:48: the app self depends on itself (self → self): take one of these out of " +
			"dependsOn\n",
		"app fine of root after e",
	}, nil)
}

// A repository that is pushed to a registry (flux push artifact) and followed there by the cluster's own
// Kustomization is this repository: its folders are read from Git, at the branch that is followed. At a digest or in
// a range of versions, and from another address, it is a source like others.
func TestAnOCIRepositoryOfThisRepositoryIsRead(t *testing.T) {
	t.Parallel()
	tree := func(own, other string) string {
		return `
-- clusters/staging/flux-system/gotk-sync.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: "oci://registry.example.net/ops/fleet", ref: {` + own + `}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/staging, prune: true, sourceRef: {kind: OCIRepository, name: flux-system}}
-- clusters/staging/apps.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: apps, namespace: flux-system}
spec: {interval: 1m, url: "` + other + `", ref: {tag: staging}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps, prune: true, sourceRef: {kind: OCIRepository, name: apps}}
-- apps/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: shop, namespace: default}
`
	}
	const shop = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"shop","namespace":"default"}}`
	const taken = "OCIRepository flux-system/flux-system: spec.url: it is taken to be this repository, pushed as an " +
		"artifact"
	summarized(t, tree("tag: staging", "oci://registry.example.net/ops/fleet"), []string{taken, shop}, []string{"ERR",
		"problem"})
	summarized(t, tree("tag: staging", "oci://registry.example.net/ops/other"), []string{taken, "ERR",
		"oci://registry.example.net/ops/other"}, []string{shop})
	summarized(t, tree("digest: 'sha256:00'", "oci://registry.example.net/ops/fleet"), []string{"ERR"}, []string{taken,
		shop})
}
