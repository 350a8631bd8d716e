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

// Objects for the Flux Operator are named with their lines, and never delivered; the FluxInstance says by which address the
// repository is known.
func TestObjectsOfTheFluxOperatorAreNamed(t *testing.T) {
	t.Parallel()
	summarized(t, `
-- clusters/staging/flux-system/instance.yaml --
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {name: flux, namespace: flux-system}
spec:
  distribution: {version: "2.x", registry: ghcr.io/fluxcd}
  sync: {kind: GitRepository, url: "https://git.example.net/ops/fleet", ref: refs/heads/main, path: clusters/staging}
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
  inputs: [{tenant: red}]
  resources:
  - {apiVersion: v1, kind: Namespace, metadata: {name: "<< inputs.tenant >>"}}
---
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSetInputProvider
metadata: {name: in, namespace: flux-system}
spec: {type: Static, defaultValues: {env: staging}}
`, []string{
		"note clusters/staging/flux-system/instance.yaml:1: FluxInstance flux-system/flux: not delivered: ",
		"note apps/set.yaml:5: ResourceSet flux-system/tenants: not delivered, nor is what it makes: Drover does not expand a ResourceSet; write ",
		"note apps/set.yaml:13: ResourceSetInputProvider flux-system/in: not delivered: ",
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"plain","namespace":"default"}}`,
	}, []string{`"kind":"ResourceSet`, `"kind":"FluxInstance"`, "ERR", "inputs.tenant"})
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

// A number that a variable becomes: the message says which, and how quotes survive; and they do.
func TestAVariableThatBecomesANumberIsNamed(t *testing.T) {
	t.Parallel()
	vars := strings.Replace(fluxSync, "prune: true,", "prune: true, postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]},", 1) +
		manifest("clusters/staging/vars.yaml", "vars, namespace: flux-system", `{PORT: "80", quote: '"'}`) + manifest("app/cm.yaml", "app", `{v: "p-${P}"}`)
	summarized(t, vars+kustomization("bad", "  path: app\n  postBuild:\n    substitute:\n      P: \"${PORT}\"\n"), []string{
		"ERR clusters/staging/bad.yaml:13: Kustomization flux-system/bad: spec.postBuild.substitute.P: it is a number, and has to be a string: " +
			"the quotes around ${PORT} are lost when the variable is replaced where this is declared; write \"${quote}${PORT}${quote}\" with " +
			"the further variable quote: '\"', or a value that is a string by itself\n"}, []string{"postbuild"})
	summarized(t, vars+kustomization("good", "  path: app\n  postBuild:\n    substitute:\n      P: \"${quote}${PORT}${quote}\"\n"),
		[]string{`"data":{"v":"p-80"}`}, []string{"ERR"})
}
