package hub_test

import (
	"strings"
	"testing"
)

// bootstrap is what `flux bootstrap` writes into a cluster's folder, shortened.
const bootstrap = `
-- clusters/staging/flux-system/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [gotk-components.yaml, gotk-sync.yaml]
-- clusters/staging/flux-system/gotk-components.yaml --
apiVersion: v1
kind: Namespace
metadata:
  name: flux-system
  labels: {app.kubernetes.io/instance: flux-system, app.kubernetes.io/part-of: flux}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: source-controller
  namespace: flux-system
  labels: {app.kubernetes.io/instance: flux-system, app.kubernetes.io/part-of: flux}
-- clusters/staging/flux-system/gotk-sync.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 1m0s
  ref: {branch: main}
  secretRef: {name: flux-system}
  url: ssh://git@github.com/org/fleet
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./clusters/staging
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
`

// kustomization is a Kustomization of Flux in the cluster's folder.
func kustomization(name, spec string) string {
	return "-- clusters/staging/" + name + ".yaml --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name +
		"\n  namespace: flux-system\nspec:\n  interval: 10m\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + spec
}

func manifest(file, name, data string) string {
	return "-- " + file + " --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: " + data + "\n"
}

const fluxNamespaceLeft = `note clusters/staging/flux-system/gotk-components.yaml: Flux itself: left out, but for its namespace: Drover does not deliver the components of Flux, and does not touch those that run
`

const fluxRoot = `app root
  {"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{"drover.dev/prune":"disabled"},"labels":{"app.kubernetes.io/instance":"flux-system","app.kubernetes.io/part-of":"flux"},"name":"flux-system"}}
`

func TestFluxLayouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, tree, want string }{
		{"a bootstrapped tree over apps with base and overlays", bootstrap + `
-- clusters/staging/apps.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  interval: 10m
  path: ./apps/staging
  prune: true
  wait: true
  timeout: 5m
  dependsOn: [{name: infra}]
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infra, namespace: flux-system}
spec:
  interval: 10m
  path: ./infra/
  prune: false
  dependsOn: [{name: flux-system}]
  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}
-- apps/base/kustomization.yaml --
resources: [cm.yaml]
-- apps/base/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data: {env: none}
-- apps/staging/kustomization.yaml --
namespace: shop
resources: [../base]
patches: [{patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: app}, data: {env: staging}}"}]
` + manifest("infra/cm.yaml", "infra", "{a: b}"), fluxNamespaceLeft + `app apps of root after infra timeout 5m0s
  {"apiVersion":"v1","data":{"env":"staging"},"kind":"ConfigMap","metadata":{"name":"app","namespace":"shop"}}
app infra of root after root unpruned
  {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"infra"}}
` + fluxRoot},
		{"apps that are declared by an app, in another namespace", bootstrap + kustomization("tenants", "  path: tenants\n  suspend: true\n") + `
-- tenants/team/sync.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: repo, namespace: team}
spec: {interval: 1m, url: "https://github.com/org/fleet.git"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: tenants, namespace: team}
spec: {interval: 1m, path: app, prune: true, sourceRef: {kind: GitRepository, name: repo}}
---
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: native}
spec: {path: app2, dependsOn: [team-tenants]}
` + manifest("app/cm.yaml", "app", "{a: b}") + manifest("app2/cm.yaml", "app2", "{a: b}"), fluxNamespaceLeft + `app native of tenants after team-tenants suspended
  {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"app2"}}
` + fluxRoot + `app team-tenants of tenants suspended
  {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"app"}}
app tenants of root suspended
`},
		{"everything that is laid over a folder", bootstrap + kustomization("app", `  path: app
  targetNamespace: shop
  namePrefix: a-
  nameSuffix: -z
  commonMetadata: {labels: {team: x}, annotations: {note: "${n}"}}
  components: [../extra, ../missing]
  ignoreMissingComponents: true
  images: [{name: nginx, newTag: "2"}]
  patches:
  - patch: "- {op: add, path: /metadata/labels, value: {patched: 'yes'}}"
    target: {kind: Pod}
  postBuild: {substitute: {n: "3"}}
`) + `
-- app/pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: pod}
spec: {containers: [{name: c, image: "nginx:1", args: ["${n}${missing}", "$${n}"]}]}
-- extra/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator: [{name: more, literals: [k=v], options: {disableNameSuffixHash: true}}]
`, fluxNamespaceLeft + `app app of root
  {"apiVersion":"v1","data":{"k":"v"},"kind":"ConfigMap","metadata":{"annotations":{"note":"${n}"},"labels":{"team":"x"},"name":"a-more-z","namespace":"shop"}}
  {"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"note":"${n}"},"labels":{"patched":"yes","team":"x"},"name":"a-pod-z","namespace":"shop"},"spec":{"containers":[{"args":[3,"${n}"],"image":"nginx:2","name":"c"}]}}
` + fluxRoot},
		{"variables of the cluster's own objects", bootstrap + manifest("clusters/staging/vars.yaml", "vars", `{region: eu, "n": "1"}`) + kustomization("app", `  path: app
  postBuild:
    substitute: {n: "2"}
    substituteFrom: [{kind: ConfigMap, name: vars}, {kind: Secret, name: later}]
`) + kustomization("secrets", "  path: secrets\n") + manifest("app/cm.yaml", "app", `{a: "${region} ${n} ${token} ${undefined} ${d:=x}"}`) + `
-- clusters/staging/kustomization.yaml --
resources: [flux-system, app.yaml, secrets.yaml, vars.yaml]
patches: [{target: {kind: ConfigMap}, patch: "- {op: add, path: /metadata/namespace, value: flux-system}"}]
-- secrets/s.yaml --
apiVersion: v1
kind: Secret
metadata: {name: later, namespace: flux-system}
data: {token: c2VjcmV0Cg==}
stringData: {region: us}
`, fluxNamespaceLeft + `app app of root
  {"apiVersion":"v1","data":{"a":"us 2 secret  x"},"kind":"ConfigMap","metadata":{"name":"app"}}
` + strings.TrimSuffix(fluxRoot, "\n") + `
  {"apiVersion":"v1","data":{"n":"1","region":"eu"},"kind":"ConfigMap","metadata":{"name":"vars","namespace":"flux-system"}}
app secrets of root
  {"apiVersion":"v1","data":{"token":"c2VjcmV0Cg=="},"kind":"Secret","metadata":{"name":"later","namespace":"flux-system"},"stringData":{"region":"us"}}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, c.tree)
			if got := b.summary(b.resolve("staging")); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}
