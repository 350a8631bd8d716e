package hub_test

import (
	"strings"
	"testing"
)

// TestWhatAProjectDoesNotPermitIsNotDelivered: an app that renders to an object beyond its project stays at its last
// good
// state, claims no object, and takes the bounds of nobody away; the platform's app goes on.
func TestWhatAProjectDoesNotPermitIsNotDelivered(t *testing.T) {
	t.Parallel()
	const project = "-- clusters/staging/project.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\n" +
		"metadata: {name: team, namespace: argocd}\nspec:\n  sourceRepos: ['*']\n  destinations: [{server: '*', namespace: team}]\n" +
		"  namespaceResourceBlacklist: [{group: '', kind: LimitRange}]\n"
	tenant := func(object string) string {
		declared := application(
			"tenant",
			argoSource("tenant", "")+"  destination: {name: in-cluster, namespace: team}\n",
		)
		return "-- tenant/object.yaml --\n" + object + strings.Replace(
			declared,
			"project: default",
			"project: team",
			1,
		)
	}
	in := func(kind, namespace string) string {
		return "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: web, namespace: " + namespace + "}\n"
	}
	platform := manifest("platform/cm.yaml", "web", "{a: b}") + application("platform", argoSource("platform", ""))
	b := newArgoScene(t, project+platform+tenant(in("ConfigMap", "team")))
	first := b.resolve("staging")
	if got := b.summary(first); strings.Contains(got, "ERR") {
		t.Fatalf("what is permitted is to be delivered:\n%s", got)
	}
	last := told(first)
	for _, c := range []struct{ name, object, want string }{
		{"a namespace", in("ConfigMap", "kube-system"), "does not permit ConfigMap/kube-system/web (its namespace)"},
		{"a kind", in("LimitRange", "team"), "does not permit LimitRange/team/web (its kind)"},
		{"a cluster's object", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n", "does not permit Namespace/web (its kind)"},
		{"looser bounds", strings.Replace(strings.SplitN(project, "--\n", 2)[1], "namespace: team}]", "namespace: '*'}]", 1) + "---\n" + in("ConfigMap", "kube-system"),
			"does not permit"},
	} {
		b.commit(tenant(c.object))
		got := b.summary(b.resolveAfter("staging", last))
		if !strings.Contains(got, c.want) || strings.Count(got, "ERR") != 1 {
			t.Errorf("%s: %s, want an error with %q alone", c.name, got, c.want)
		}
	}
	b.commit(tenant(in("ConfigMap", "team")))
	if got := b.summary(b.resolveAfter("staging", last)); strings.Contains(got, "ERR") {
		t.Errorf("what is permitted again is to be delivered:\n%s", got)
	}
}
