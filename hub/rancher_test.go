package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
)

// rancherRepository has two bundles of Rancher Fleet: a chart with values by cluster, and manifests with overlays
// that wait for it.
const rancherRepository = `
-- chart/Chart.yaml --
apiVersion: v2
name: shop
version: 1.0.0
-- chart/fleet.yaml --
defaultNamespace: shop
helm:
  releaseName: shop
  valuesFiles: [values-common.yaml]
  values: {region: "${ .ClusterLabels.env }"}
targetCustomizations:
- name: prod
  clusterSelector: {matchLabels: {env: prod}}
  helm: {values: {replicas: 5}}
-- chart/values-common.yaml --
replicas: 2
-- chart/values.yaml --
replicas: 1
region: none
-- chart/templates/c.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data: {replicas: {{ .Values.replicas | quote }}, region: {{ .Values.region | quote }}}
-- guestbook/deploy.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 2}
-- guestbook/role.yaml --
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web}
-- guestbook/fleet.yaml --
namespace: guestbook
labels: {app: guestbook}
dependsOn: [{name: apps-chart}]
targetCustomizations:
- name: dev
  clusterSelector: {matchLabels: {env: dev}}
  yaml: {overlays: [small]}
- name: prod
  clusterSelector: {matchLabels: {env: prod}}
  yaml: {overlays: [big, lb]}
-- guestbook/overlays/big/deploy_patch.yaml --
kind: Deployment
apiVersion: apps/v1
metadata: {name: web}
spec: {replicas: 6}
-- guestbook/overlays/lb/svc.yaml --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: elsewhere}
-- guestbook/overlays/small/deploy_patch.yaml --
spec: {replicas: 1}
`

// rancherRepo is a GitRepo over both.
const rancherRepo = `apiVersion: fleet.cattle.io/v1alpha1
kind: GitRepo
metadata: {name: apps, namespace: fleet-default}
spec:
  repo: https://git.example.com/acme/fleet.git
  branch: main
  paths: [guestbook, chart]
  targets:
  - {name: all, clusterSelector: {matchExpressions: [{key: env, operator: In, values: [dev, prod]}]}}
`

// TestGitReposOfRancherFleet: each cluster that is targeted has the apps, with the values, patches and namespaces
// that the first customization for it says.
func TestGitReposOfRancherFleet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, env, at string
		want, not     []string
	}{
		{"production, in the cluster's folder", "prod", "clusters/staging/repo.yaml",
			[]string{"app apps-chart of root\n", "app apps-guestbook of root", "after apps-chart",
				`"data":{"region":"prod","replicas":"5"},"kind":"ConfigMap"`,
				`"kind":"Deployment","metadata":{"name":"web","namespace":"guestbook"},"spec":{"replicas":6}`,
				`"kind":"Service","metadata":{"name":"web","namespace":"guestbook"}`,
				`"kind":"ClusterRole","metadata":{"name":"web"}`}, []string{`"kind":"GitRepo"`, "note"}},
		{"development, for many clusters", "dev", "fleet/repo.yaml",
			[]string{"app apps-chart\n", "app apps-guestbook after apps-chart\n",
				`"data":{"region":"dev","replicas":"2"},"kind":"ConfigMap"`,
				`"namespace":"guestbook"},"spec":{"replicas":1}`}, []string{`"kind":"Service"`,
				`"kind":"GitRepo"`, "note"}},
		{"another cluster", "test", "fleet/repo.yaml", nil, []string{"app ", "note"}},
		{"another cluster, in its folder", "test", "clusters/staging/repo.yaml",
			[]string{"clusters/staging/repo.yaml:8: GitRepo fleet-default/apps: spec.targets: left out: no " +
				"target is the cluster staging"},
			[]string{"app "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, rancherRepository+"-- clusters/staging/cluster.yaml --\nlabels: {env: "+c.env+"}\n"+
				"-- "+c.at+" --\n"+rancherRepo)
			b.with(func(cfg *resolve.Config) { cfg.Repository = []string{argoRepository} })
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) || strings.Contains(got, "ERR") || strings.Contains(got, "problem") {
					t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("got:\n%s\nnot wanted in it:\n%s", got, not)
				}
			}
		})
	}
}

// TestObjectsOfRancherFleetReachNoCluster: those that lead to no app are named, and a folder with a fleet.yaml is
// delivered by a GitRepo alone.
func TestObjectsOfRancherFleetReachNoCluster(t *testing.T) {
	t.Parallel()
	object := func(file, kind string) string {
		return "-- " + file + " --\napiVersion: fleet.cattle.io/v1alpha1\nkind: " + kind + "\nmetadata: {name: x}\n"
	}
	b := newScene(t, object("clusters/staging/a.yaml", "Bundle")+object("clusters/staging/b.yaml",
		"BundleNamespaceMapping")+
		object("fleet/c.yaml", "GitRepoRestriction")+manifest("clusters/staging/own.yaml", "own", "{a: b}")+
		manifest("clusters/staging/web/x.yaml", "web",
			"{a: b}")+"-- clusters/staging/web/fleet.yaml --\nnamespace: web\n"+
		manifest("fleet/monitoring/x.yaml", "monitoring",
			"{a: b}")+"-- fleet/monitoring/fleet.yaml --\nnamespace: web\n")
	got := b.summary(b.resolve("staging"))
	for _, want := range []string{"Bundle x: left out: it is for a controller of Rancher Fleet",
		"BundleNamespaceMapping x: left out",
		"fleet/c.yaml:1: GitRepoRestriction fleet-default/x: left out", `"name":"own"`,
		"clusters/staging/web/fleet.yaml: fleet.yaml: no GitRepo delivers its folder to this cluster"} {
		if !strings.Contains(got, want) {
			t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
		}
	}
	for _, not := range []string{"fleet.cattle.io/v1alpha1", `"name":"web"`, "monitoring", "ERR", "problem"} {
		if strings.Contains(got, not) {
			t.Errorf("got:\n%s\nnot wanted in it:\n%s", got, not)
		}
	}
}
