package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// argoPair are two clusters a and b of the rings 0 and 1, with what an Argo CD for both declares below fleet/.
func argoPair(objects ...string) map[string]string {
	return map[string]string{
		"apps/web/base/kustomization.yaml": kustomizationBase,
		"apps/web/base/config.yaml":        configMap("web", "one"),
		"clusters/a/cluster.yaml":          "labels: {ring: \"0\"}\n",
		"clusters/b/cluster.yaml":          "labels: {ring: \"1\"}\n",
		"fleet/argo.yaml":                  strings.Join(objects, "---\n"),
	}
}

// inArgo has both clusters at the first commit, healthy.
func inArgo(t *testing.T, files map[string]string) *rig {
	t.Helper()
	r := newRigAs(t, nil, []string{argoRepository}, files)
	r.join("a", "b")
	for _, name := range []string{"a", "b"} {
		r.webOf(name, "one")
		r.tells(name, protocol.PhaseHealthy)
	}
	return r
}

// webOf waits until the Application web-CLUSTER of a cluster has a value.
func (r *rig) webOf(cluster, value string) {
	r.t.Helper()
	r.await(cluster, "web is "+value, func(b protocol.Bundle) bool {
		return strings.Contains(r.lines(cluster, b, "web-"+cluster), `"value":"`+value+`"`)
	})
}

// keepsWeb fails if the Application web-CLUSTER of a cluster has no more a value.
func (r *rig) keepsWeb(cluster, value string) {
	r.t.Helper()
	b, _ := r.bundle(cluster)
	if got := r.lines(cluster, b, "web-"+cluster); !strings.Contains(got, `"value":"`+value+`"`) {
		r.t.Errorf("web of %s is %s, and was to stay %s", cluster, got, value)
	}
}

// policySays waits until the first wave of a policy says something.
func (r *rig) policySays(policy, text string) (out query.Rollout) {
	r.t.Helper()
	r.until("the policy "+policy+" says "+text, func() bool {
		for _, p := range r.hub.State().Source().Rollouts {
			if p.Policy == policy && strings.Contains(p.Waves[0].Text, text) {
				out = p
				return true
			}
		}
		return false
	})
	return out
}

// Sync windows of an AppProject below fleet/ hold back the Applications of the project that they are for, through a
// restart and what cannot be read, until they are gone.
func TestSyncWindowsOfAnAppProjectHoldBack(t *testing.T) {
	t.Parallel()
	application := func(cluster, project string) string {
		return strings.Replace(applicationObject("web-"+cluster, argoSource("apps/web/base", "")+"  destination: {name: "+
			cluster+", namespace: shop}\n"), "project: default", "project: "+project, 1)
	}
	project := func(windows string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop, namespace: argocd}\nspec:\n" +
			"  sourceRepos: ['*']\n  destinations: [{server: '*', name: '*', namespace: '*'}]\n" + windows
	}
	always := "  syncWindows: [{kind: deny, schedule: '* * * * *', duration: 24h, applications: ['web-*']}]\n"
	files := argoPair(application("a", "shop"), application("b", "default"))
	files["fleet/project.yaml"] = project("")
	r := inArgo(t, files)
	r.push("windows", map[string]string{"fleet/project.yaml": project(always)})
	r.policySays("project--shop", "passed")
	r.push("two", map[string]string{"apps/web/base/config.yaml": configMap("web", "two")})
	r.webOf("b", "two")
	if p := r.policySays("project--shop", "no window is open"); p.From != "AppProject argocd/shop, spec.syncWindows" ||
		p.Clusters != 1 {
		t.Errorf("it shows %+v", p)
	}
	r.restart(nil)
	r.policySays("project--shop", "no window is open")
	r.push("unreadable", map[string]string{"fleet/project.yaml": project(strings.Replace(always, "* * * * *", "* *", 1)),
		"apps/web/base/config.yaml": configMap("web", "three")})
	r.webOf("b", "three")
	r.keepsWeb("a", "one")
	r.push("broken", map[string]string{"fleet/project.yaml": "kind: [",
		"apps/web/base/config.yaml": configMap("web", "four")})
	r.webOf("b", "four")
	r.keepsWeb("a", "one")
	r.push("open", map[string]string{"fleet/project.yaml": project("")})
	r.webOf("a", "four")
}

// The steps of an ApplicationSet below fleet/ release the Applications of one step when those before it are healthy.
func TestStepsOfAnApplicationSetFollowEachOther(t *testing.T) {
	t.Parallel()
	const strategy = "  strategy:\n    type: RollingSync\n    rollingSync:\n      steps:\n" +
		"      - matchExpressions: [{key: ring, operator: In, values: [\"0\"]}]\n" +
		"      - matchExpressions: [{key: ring, operator: In, values: [\"1\"]}]\n"
	set := func(strategy string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: web, namespace: argocd}\nspec:\n" +
			"  generators: [{clusters: {}}]\n" + strategy + "  template:\n    metadata: {name: 'web-{{name}}', labels: " +
			"{ring: '{{metadata.labels.ring}}'}}\n    spec:\n      project: default\n      source: {repoURL: " +
			argoRepository + ", path: apps/web/base}\n      destination: {name: '{{name}}', namespace: shop}\n" +
			"      syncPolicy: {automated: {}}\n"
	}
	r := inArgo(t, argoPair(set("")))
	r.push("steps", map[string]string{"fleet/argo.yaml": set(strategy)})
	r.policySays("appset--web--2", "passed")
	r.push("two", map[string]string{"apps/web/base/config.yaml": configMap("web", "two")})
	r.webOf("a", "two")
	r.policySays("appset--web--2", "waits for the policy appset--web--1")
	r.keepsWeb("b", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.webOf("b", "two")
}
