package argo

import (
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// TestWhatNoClusterTakesIsNamed: a destination that no cluster is, of an Application, and of those that a set gives.
func TestWhatNoClusterTakesIsNamed(t *testing.T) {
	t.Parallel()
	app := func(destination string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x, namespace: argocd}\nspec:\n" +
			"  destination: " + destination + "\n  source: {repoURL: https://github.com/org/fleet, path: apps/web}\n"
	}
	set := func(generator, destination string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s, namespace: argocd}\nspec:\n" +
			"  generators: [" + generator + "]\n  template:\n    metadata: {name: 'x-{{name}}'}\n    spec:\n" +
			"      destination: " + destination + "\n"
	}
	const correct = "correct it, say in the cluster.yaml of that cluster what Argo CD calls it (spec.argocd), or add " +
		"its folder"
	for _, c := range []struct{ name, text, want string }{
		{"the name of a folder", app("{name: us}"), ""},
		{"another address of a server", app("{server: 'https://EU.example.com:443/'}"), ""},
		{"a slip", app("{name: eurpe}"), `fleet/o.yaml:5: Application argocd/x: spec.destination: left out: it is for ` +
			`the cluster ` +
			`"eurpe", which no cluster of the fleet is: correct it (there is europe), say in the cluster.yaml of that cluster ` +
			"what Argo CD calls it (spec.argocd), or add its folder"},
		{"a server", app("{server: 'https://asia.example.com'}"), `fleet/o.yaml:5: Application argocd/x: ` +
			`spec.destination: left out: ` +
			`it is for the cluster at "https://asia.example.com", which no cluster of the fleet is: ` + correct},
		{"in the cluster", app("{server: 'https://kubernetes.default.svc/'}"), `fleet/o.yaml:5: Application argocd/x: ` +
			`spec.destination: left out: ` +
			`it is for the cluster at "https://kubernetes.default.svc/", which no cluster of the fleet is: name a cluster, ` +
			`or say in ` +
			"the cluster.yaml of the cluster that Argo CD runs in what it is called there (spec.argocd)"},
		{"no destination", app("{namespace: x}"), ""}, // an error in each cluster
		{"each cluster its own", set("{clusters: {}}", "{name: '{{name}}'}"), ""},
		{"each cluster its hub", set("{clusters: {}}", "{name: '{{metadata.labels.hub}}'}"),
			`fleet/o.yaml:9: ApplicationSet argocd/s: ` +
				`spec.template.spec.destination: left out: the Application x-us is for the cluster "asia", which no cluster of ` +
				`the fleet is: ` + correct},
		{"a list", set("{list: {elements: [{name: a}, {name: b}, {name: c}, {name: d}, {name: us}]}}", "{name: 'none'}"),
			`fleet/o.yaml:9: ApplicationSet argocd/s: spec.template.spec.destination: left out: the Applications x-a, x-b, ` +
				`x-c ` +
				`and 2 more are for the cluster "none", which no cluster of the fleet is: ` + correct},
		{"a set that fails", set("{scmProvider: {}}", "{name: 'none'}"), ""}, // an error in each cluster
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clusters := []model.Cluster{{Name: "us", Labels: map[string]string{"hub": "asia"}},
				{Name: "eu", Labels: map[string]string{"hub": "us"}, Argo: model.ArgoCluster{Name: "europe",
					Server: "https://eu.example.com"}}}
			p := planning.NewPlan(fstest.MapFS{"fleet/o.yaml": {Data: []byte(c.text)}}, "", model.Declarations{
				Repository: []string{"https://github.com/org/fleet"}}, func() ([]model.Cluster, error) { return clusters, nil })
			o := argotest.Object(t, c.text)
			o.File, o.App = "fleet/o.yaml", ""
			p.Add(o)
			var notes []string
			for _, n := range (Dialect{}).Untaken(t.Context(), p) {
				notes = append(notes, n.String())
			}
			said(t, "notes", notes, c.want)
		})
	}
}
