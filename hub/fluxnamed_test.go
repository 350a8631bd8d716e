package hub_test

import (
	"strings"
	"testing"
)

// source is a GitRepository in the cluster's folder, and a Kustomization that names it.
func source(spec string) string {
	return `
-- clusters/staging/source.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: other
  namespace: flux-system
spec:
` + spec + `
-- clusters/staging/use.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: use, namespace: flux-system}
spec: {path: app, prune: true, sourceRef: {kind: GitRepository, name: other}}
`
}

// TestWhatFluxDoesAndDroverDoesNotIsNamed: per file and field, as an error where the app would not be what it
// is meant to be, as a
// note otherwise.
func TestWhatFluxDoesAndDroverDoesNotIsNamed(t *testing.T) {
	t.Parallel()
	const app = "-- app/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"
	for _, c := range []struct{ name, tree, want string }{
		{"fields of a Kustomization", kustomization("app", `  path: app
  force: true
  wait: false
  kubeConfig: {}
  deletionPolicy: Orphan
  dependsOn:
  - name: other
    readyExpr: dep.status.observedGeneration > 0
  healthChecks: [{kind: Deployment, name: x, namespace: y}]
  healthCheckExprs: [{apiVersion: example.com/v1, kind: Widget, current: status.ok}]
  decryption: {provider: sops}
  nonsense: {a: b}
`) + kustomization("other", "  path: app2\n") + strings.ReplaceAll(app, "app", "app2"), `app app of root after other
  handling {"orphan":true,"recreate":true,"health":[{"group":"example.com","kind":"Widget","current":{"text":"status.ok","tree":[".",["id","status"],"ok"]}}],"checks":[{"kind":"Deployment","namespace":"y","name":"x"}],"ready":[{"app":"other","text":"dep.status.observedGeneration \u003e 0","tree":["\u003e",[".",[".",["id","dep"],"status"],"observedGeneration"],0],"instead":true,"self":{"metadata":{"name":"app","namespace":"flux-system","labels":null,"annotations":null}},"dep":{"metadata":{"name":"other","namespace":"flux-system","labels":null,"annotations":null}}}],"decrypt":{}}
  note clusters/staging/app.yaml:21: Kustomization flux-system/app: spec.nonsense: no field that Drover knows of this kind: nothing is done with it
`},
		{"a condition on what is not there", kustomization("app", "  path: app\n  dependsOn:\n  - name: other\n    readyExpr: data.x == 1\n") + kustomization("other", "  path: app2\n") + strings.ReplaceAll(app, "app", "app2"),
			"  ERR clusters/staging/app.yaml:13: Kustomization flux-system/app: spec.dependsOn[0].readyExpr: data.x == 1 is no CEL expression over self and dep: line 1, column 1: there is no data: an expression in this place may use self and dep\n"},
		{"a health check that is no expression", kustomization("app", "  path: app\n  healthCheckExprs:\n  - apiVersion: example.com/v1\n    kind: Widget\n    current: status.ok ==\n"),
			"  ERR clusters/staging/app.yaml:14: Kustomization flux-system/app: spec.healthCheckExprs[0].current: status.ok == is no CEL expression over the object's fields: line 1, column 13: Syntax error: mismatched input '<EOF>'\n"},
		{"a health check of nothing", kustomization("app", "  path: app\n  healthCheckExprs:\n  - apiVersion: example.com/v1\n"),
			"  ERR clusters/staging/app.yaml:12: Kustomization flux-system/app: spec.healthCheckExprs[0].current: a health rule without current calls nothing healthy: write when an object is\n"},
		{"another cluster", kustomization("app", "  path: app\n  kubeConfig: {secretRef: {name: x}}\n"),
			"  ERR clusters/staging/app.yaml:11: Kustomization flux-system/app: spec.kubeConfig: it is for the cluster whose kubeconfig is in the Secret flux-system/x, and no cluster of the fleet is known by it: say in the cluster.yaml of that cluster flux: {kubeConfig: flux-system/x}\n"},
		{"a path that is not there", kustomization("app", "  path: ./nope\n"),
			"  ERR clusters/staging/app.yaml:10: Kustomization flux-system/app: spec.path: \"./nope\" does not exist at this revision: paths are seen from the repository's root\n"},
		{"a path out of the repository is taken as Flux takes it", kustomization("app", "  path: ../../app/../app\n"), "  {\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"app\"}}\n"},
		{"a field of a wrong type", kustomization("app", "  path: app\n  suspend: maybe\n"),
			"  ERR clusters/staging/app.yaml:11: Kustomization flux-system/app: spec.suspend: it is a string, and has to be true or false\n"},
		{"a source that is not there", strings.ReplaceAll(kustomization("app", "  path: app\n"), "name: flux-system}", "name: nope}"),
			"  ERR clusters/staging/app.yaml:9: Kustomization flux-system/app: spec.sourceRef: there is no GitRepository flux-system/nope in what the cluster's folder renders to: add it, or name one that is there\n"},
		{"a source of another kind", strings.ReplaceAll(kustomization("app", "  path: app\n"), "GitRepository", "Bucket"),
			"  ERR clusters/staging/app.yaml:9: Kustomization flux-system/app: spec.sourceRef: a source of kind \"Bucket\" is not supported: use a GitRepository, an OCIRepository or an ExternalArtifact\n"},
		{"an address with a token", source("  url: https://token@example.com/other.git"),
			"  ERR clusters/staging/source.yaml:7: GitRepository flux-system/other: spec.url: it contains a user: give credentials by reference, `drover hub --help` says how (--credentials-dir)\n"},
		{"an address of the hub's own disk", source("  url: file:///etc"),
			"  ERR clusters/staging/source.yaml:7: GitRepository flux-system/other: spec.url: it is not to be fetched over a network: write an address as https://…, ssh://… or oci://…\n"},
		{"a source that is to be verified", source("  url: https://example.com/other.git\n  verify: {mode: HEAD}"),
			"  ERR clusters/staging/source.yaml:8: GitRepository flux-system/other: spec.verify: not supported: signatures are not verified, so nothing is delivered that has to be; take the field out if that is what you want\n"},
		{"another source where nobody fetches any", source("  url: https://example.com/other.git\n  ref:\n    branch: dev"),
			"  ERR clusters/staging/use.yaml: https://example.com/other.git at dev: nothing here fetches sources\n"},
		{"rules of a source", source("  url: git@github.com:org/fleet.git\n  ignore: |\n    /*\n"),
			"  ERR clusters/staging/use.yaml: app is hidden by spec.ignore of its GitRepository: take it out of the rules\n"},
		{"rules of the repository", kustomization("app", "  path: app\n") + "-- .sourceignore --\n/*\n",
			"  ERR clusters/staging/app.yaml: app is hidden by .sourceignore: take it out of the rules\n"},
		{"what is for Flux' other controllers", "-- clusters/staging/alert.yaml --\napiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: slack, namespace: flux-system}\n",
			"note clusters/staging/alert.yaml: Alert flux-system/slack: left out: it is for a controller of Flux, and Drover has nothing that does this\n"},
		{"an encrypted object", kustomization("app", "  path: app\n") + "-- app/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: \"ENC[AES256_GCM,data:x]\"}\nsops: {mac: x}\n",
			"  ERR app/s.yaml: Secret s is encrypted with SOPS, and the app does not say that it is to be decrypted: write spec.decryption {provider: sops} " +
				"where the app is declared"},
		{"an encrypted file in a generator", kustomization("app", "  path: app\n") + "-- app/kustomization.yaml --\nsecretGenerator: [{name: s, files: [s.json]}]\n-- app/s.json --\n{\"a\":\"ENC[AES256_GCM,data:x]\"}\n",
			"  ERR app/kustomization.yaml: Secret s-g2g8ff94gd is encrypted with SOPS, and the app does not say that it is to be decrypted: write spec.decryption {provider: sops} " +
				"where the app is declared"},
		{"an annotation", kustomization("app", "  path: app\n") + "-- app/x.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {argocd.argoproj.io/sync-options: 'Force=true,Validate=false', kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}}\n",
			"  note app/x.yaml: Secret s: metadata.annotations.argocd.argoproj.io/sync-options: Validate=false: not done: the API server checks whatever is applied server-side\n"},
		{"one Kustomization written twice", kustomization("app", "  path: app\n") + strings.Replace(kustomization("app", "  path: app2\n"), "app.yaml", "b/app.yaml", 1),
			"  ERR clusters/staging/b/app.yaml: Kustomization \"app\" in namespace \"flux-system\" is declared a second time, first in clusters/staging/app.yaml (remove one, or give the two different names or namespaces)\n"},
		{"an app that declares itself", kustomization("app", "  path: app\n") + "-- app/kustomization.yaml --\nresources: [cm.yaml, ../clusters/staging/app.yaml]\n",
			"  note clusters/staging/app.yaml:1: Kustomization flux-system/app: it declares itself (app → app): take it out of the app app\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, bootstrap+app+c.tree)
			got := s.summary(s.resolve("staging"))
			if !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}
