package argo

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// TestWhichAddressIsThisRepository where it has no address of its own: the only one that names what is in it.
func TestWhichAddressIsThisRepository(t *testing.T) {
	t.Parallel()
	const git = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s, namespace: " +
		"argocd}\nspec: {template: " +
		"{metadata: {name: x}, spec: {project: default}}, generators: [{matrix: {generators: [{list: {elements: []}}, " +
		"{git: {repoURL: 'https://x/ours.git', directories: [{path: teams/*}]}}]}}]}\n"
	app := func(name, url, path string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: " + name +
			", namespace: argocd}\nspec:\n" +
			"  destination: {name: in-cluster}\n  syncPolicy: {automated: {}}\n  source: {repoURL: '" + url + "', path: " +
			path + "}\n"
	}
	for _, c := range []struct {
		name    string
		objects []string
		own     bool
		note    string
	}{
		{"one address", []string{app("a", "https://x/ours", "deploy")}, true, "https://x/ours is taken to be this " +
			"repository"},
		{"in two spellings", []string{app("a", "https://x/ours", "deploy"), app("b", "git@x:ours.git", "teams/a")}, true,
			"https://x/ours is taken to be this repository"},
		{"and one that names what is not here", []string{app("a", "https://x/ours", "deploy"), app("b", "https://x/theirs",
			"else")},
			true, "https://x/ours is taken to be this repository"},
		{"two", []string{app("a", "https://x/ours", "deploy"), app("b", "https://x/theirs", ".")}, false,
			"https://x/ours is taken for another repository: 2 addresses (https://x/ours, https://x/theirs) name what is in " +
				"this one"},
		{"one in a generator", []string{app("a", "https://x/theirs", "deploy"), git}, false,
			"https://x/theirs is taken for another repository: 2 addresses"},
		{"the root", []string{app("a", "https://x/theirs", ".")}, false,
			"https://x/theirs is taken for another repository: the path . is in each"},
		{"one that delivers the cluster's folder", []string{app("a", "https://x/theirs", "deploy"),
			app("b", "https://x/ours", "clusters/eu")}, false, ""},
		{"something else", []string{app("a", "https://x/theirs", "else")}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{"deploy/c.yaml": {}, "teams/a/c.yaml": {}, "clusters/eu/a.yaml": {}}
			p := planning.NewPlan(files, "clusters/eu", model.Declarations{Cluster: model.Cluster{Name: "eu"},
				Repository: []string{"/srv/fleet"}}, nil)
			r := Dialect{}.Open(p)
			for _, text := range c.objects {
				o := argotest.Object(t, text)
				p.Add(o)
				r.Learn(o)
			}
			if _, err := r.Expand(t.Context()); err != nil {
				t.Fatal(err)
			}
			var app model.App
			if _, err := r.Read(p.Objects()[0], &app); err != nil {
				t.Fatal(err)
			}
			if own := app.Source == nil; own != c.own {
				t.Errorf("this repository: %t, source %+v", own, app.Source)
			}
			all := ""
			for _, n := range app.Notes {
				all += n.String()
			}
			if !strings.Contains(all, c.note) || c.note == "" && all != "" {
				t.Errorf("notes %q, want %q", all, c.note)
			}
		})
	}
}
