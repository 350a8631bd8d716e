package hub_test

import (
	"fmt"
	"strings"
	"testing"
)

// varsFrom is a Kustomization in the cluster's folder that takes variables from objects.
func varsFrom(name, refs string) string {
	return kustomization(name, "  path: apps/"+name+"\n  postBuild: {substituteFrom: ["+refs+"]}\n")
}

// TestAsManyAppsAsThereAreSettle, whether their variables are in the cluster alone or come from each other in a chain.
func TestAsManyAppsAsThereAreSettle(t *testing.T) {
	t.Parallel()
	const n = 70
	alone, chain := bootstrap, bootstrap+manifest("clusters/staging/v.yaml", fmt.Sprint("v", n), "{v: x}")
	for i := range n {
		name := fmt.Sprint("a", i)
		alone += varsFrom(name, "{kind: Secret, name: only-in-the-cluster}") + manifest("apps/"+name+"/cm.yaml", name, "{v: \"${V}\"}")
		chain += varsFrom(name, fmt.Sprintf("{kind: ConfigMap, name: v%d}", i+1)) +
			strings.Replace(manifest("apps/"+name+"/cm.yaml", fmt.Sprint("v", i), "{v: \"${v}\"}"), "metadata: {", "metadata: {namespace: flux-system, ", 1)
	}
	chain = strings.Replace(chain, "metadata: {name: v70}", "metadata: {name: v70, namespace: flux-system}", 1)
	for name, tree := range map[string]string{"variables of the cluster alone": alone, "a chain": chain} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := newScene(t, tree).resolve("staging")
			if got := doubts(res); got != "" {
				t.Errorf("doubts: %.500s", got)
			}
			if len(res.Apps) != n+1 {
				t.Errorf("there are %d apps", len(res.Apps))
			}
		})
	}
}

// TestAnAppOfTheNameOfItsParentSettles: the parent gets another name as soon as it is known what it declares,
// and must not forget it for that.
func TestAnAppOfTheNameOfItsParentSettles(t *testing.T) {
	t.Parallel()
	tree := bootstrap + strings.Replace(varsFrom("web", "{kind: ConfigMap, name: only-in-the-cluster}"), "postBuild: {", "postBuild: {substitute: {APP: web}, ", 1) +
		manifest("apps/web/cm.yaml", "cm", "{v: \"${V}\"}") + "-- apps/web/release.yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: \"web\", namespace: flux-system}\n" +
		"spec: {interval: 1m, chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: flux-system}}}}\n" +
		"-- chart/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- chart/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-chart}\n"
	for name, of := range map[string]struct {
		tree string
		errs int
	}{
		"as it is": {tree, 0},
		"with a variable in what it declares": {strings.Replace(tree, "spec: {interval: 1m, chart",
			"spec: {interval: 1m, releaseName: \"${V}\", chart", 1), 1},
		"with one in its values": {strings.Replace(tree, "spec: {interval: 1m, chart",
			"spec: {interval: 1m, values: {a: \"${V}\"}, chart", 1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, of.tree)
			res := b.resolve("staging")
			got := b.summary(res)
			if len(res.Apps) != 3 || len(res.Cluster.Problems) > 0 || strings.Count(got, "ERR ") != of.errs || of.errs > 0 && !strings.Contains(got, "${V} is used in it") {
				t.Errorf("got:\n%s", got)
			}
		})
	}
}

// TestAnAppThatDependsOnItselfStopsAlone: its variables differ each time it is rendered.
func TestAnAppThatDependsOnItselfStopsAlone(t *testing.T) {
	t.Parallel()
	own := func(name, namespace string) string {
		return strings.Replace(manifest("apps/grows/"+name+".yaml", name, "{v: \"x${v}\"}"), "metadata: {", "metadata: {namespace: "+namespace+", ", 1)
	}
	b := newScene(t, bootstrap+varsFrom("grows", "{kind: ConfigMap, name: own}")+own("own", "flux-system")+
		varsFrom("other", "{kind: ConfigMap, name: elsewhere, optional: true}")+manifest("apps/other/cm.yaml", "other", "{a: b}"))
	res := b.resolve("staging")
	got := b.summary(res)
	if len(res.Cluster.Problems) > 0 || strings.Count(got, "ERR ") != 1 || !strings.Contains(got, "the app grows does not settle: ") || !strings.Contains(got, `"name":"other"`) {
		t.Errorf("got:\n%s", got)
	}
}
