package hub_test

import (
	"slices"
	"strings"
	"testing"
)

// TestTheRepositoryIsSeenAsSourceControllerPacksIt: .sourceignore, spec.ignore of its GitRepository, and Flux'
// own rules where there are neither.
func TestTheRepositoryIsSeenAsSourceControllerPacksIt(t *testing.T) {
	t.Parallel()
	tree := manifest("x/a.yaml", "a", "{}") + manifest("x/ci/ci.yaml", "ci", "{}") + manifest("x/docs/d.yaml", "d", "{}")
	for _, c := range []struct{ name, more, ignore, want string }{
		{"its own rules", "", "", "a ci d"},
		{"a file with rules at the root", "-- .sourceignore --\n# no comment\n/x/ci\n", "", "a d"},
		{"a file with rules for its folder", "-- x/.sourceignore --\n/docs/\n", "", "a ci"},
		{"a file below goes before one above", "-- .sourceignore --\n*.yaml\n-- x/.sourceignore --\n!d.yaml\n", "", "d"},
		{"rules of the source after those of files", "-- .sourceignore --\n/x/ci\n", "!/x/ci\n/x/docs", "a ci"},
		{"all but some", "", "/*\n!/x/ci/\n", "ci"},
		{"its own rules in a kustomization", "-- x/kustomization.yaml --\nresources: [a.yaml, appveyor.yml]\n" + manifest("x/appveyor.yml", "build", "{}"), "", "x/kustomization.yaml"},
		{"no rules of its own where there are others", "-- .sourceignore --\n/y\n-- x/kustomization.yaml --\nresources: [a.yaml, appveyor.yml]\n" + manifest("x/appveyor.yml", "build", "{}"), "", "a build"},
		{"a reference that is hidden", "-- x/kustomization.yaml --\nresources: [a.yaml, ci]\n", "/x/ci", "x/kustomization.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := bootstrap
			if c.ignore != "" {
				in = strings.Replace(in, "  interval: 1m0s\n", "  interval: 1m0s\n  ignore: |\n    "+strings.ReplaceAll(c.ignore, "\n", "\n    ")+"\n", 1)
			}
			b := newScene(t, in+kustomization("app", "  path: ./x\n")+tree+c.more)
			if got := named(b.summary(b.resolve("staging")), "app"); got != c.want && !strings.HasPrefix(got, c.want+":") {
				t.Errorf("seen: %q, want %q", got, c.want)
			}
		})
	}
}

// TestRulesAreFollowedWhenTheyChange: they are part of what is read.
func TestRulesAreFollowedWhenTheyChange(t *testing.T) {
	t.Parallel()
	b := newScene(t, bootstrap+kustomization("app", "  path: ./x\n")+manifest("x/a.yaml", "a", "{}")+manifest("x/b.yaml", "b", "{}"))
	want := func(when, names string) {
		t.Helper()
		res := b.resolve("staging")
		if got := named(b.summary(res), "app"); got != names {
			t.Errorf("%s: %q, want %q", when, got, names)
		}
		for _, file := range []string{".sourceignore", "x/.sourceignore"} {
			if !slices.Contains(res.Places(), file) {
				t.Errorf("%s: the cluster does not depend on %s", when, file)
			}
		}
	}
	want("without rules", "a b")
	b.commit("-- .sourceignore --\n/x/b.yaml\n")
	want("with a rule", "a")
	b.commit("-- .sourceignore --\n-- x/.sourceignore --\na.yaml\n")
	want("with another one below", "b")
	b.commit("-- x/.sourceignore --\n")
	want("when they went", "a b")
}

// TestTheClustersOwnFolderIsReadAsItStands: and rules that could hide something in it are named.
func TestTheClustersOwnFolderIsReadAsItStands(t *testing.T) {
	t.Parallel()
	b := newScene(t, bootstrap+manifest("clusters/staging/own.yaml", "own", "{}")+"-- .sourceignore --\nown.yaml\n")
	got := b.summary(b.resolve("staging"))
	if !strings.Contains(got, `"name":"own"`) || !strings.Contains(got, "manifests in the cluster's own folder that .sourceignore or spec.ignore of the GitRepository hide from Flux are delivered") {
		t.Errorf("got:\n%s", got)
	}
}

// TestAGitRepositoryIncludesOthers: what they hold stands in a folder of it, and its rules are for all of it.
func TestAGitRepositoryIncludesOthers(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	shop := fluxSource("GitRepository", "shop", "  url: "+e.URL+"/git/shop.git\n  ref: {tag: v1.0.0}\n")
	e.push("base.git", "", map[string]string{"base/kustomization.yaml": "resources: [base.yaml, ../lib/deploy/shop.yaml]\n", "base/base.yaml": configMap("base", "x"), "there/x.yaml": configMap("x", "x")})
	base := func(include string) string {
		return fluxSource("GitRepository", "base", "  url: "+e.URL+"/git/base.git\n  ref: {branch: main}\n"+include)
	}
	app := func(path string) string {
		return bootstrap + of("GitRepository", "base", kustomization("app", "  path: "+path+"\n"))
	}
	own := strings.Replace(bootstrap, "  interval: 1m0s\n", "  interval: 1m0s\n  include: [{repository: {name: shop}, fromPath: deploy}]\n", 1)
	for _, c := range []struct{ name, tree, want string }{
		{"all of it", app("base") + shop + base("  include: [{repository: {name: shop}, toPath: lib}]\n"), "base shop"},
		{"a part of it", app("lib/deploy") + shop + base("  include: [{repository: {name: shop}, fromPath: deploy, toPath: lib/deploy}]\n"), "shop"},
		{"by its name", app("shop/deploy") + shop + base("  include: [{repository: {name: shop}}]\n"), "shop"},
		{"its rules are for all of it", app("shop") + shop + base("  ignore: ci/\n  include: [{repository: {name: shop}}]\n"), "shop"},
		{"into the repository that is followed", own + kustomization("app", "  path: ./shop\n") + shop, "shop"},
		{"a folder that is there already", app("there") + shop + base("  include: [{repository: {name: shop}, toPath: there}]\n"), `there is a "there" already, which an include does not replace: choose another toPath`},
		{"a folder that is not in it", app("base") + shop + base("  include: [{repository: {name: shop}, fromPath: nope, toPath: lib}]\n"), `there is no "nope"`},
		{"a repository that is not there", app("base") + base("  include: [{repository: {name: shop}}]\n"), "there is no GitRepository flux-system/shop in what the cluster's folder renders to"},
		{"one that includes itself", app("base") + base("  include: [{repository: {name: base}}]\n"), "in a circle (GitRepository flux-system/base → GitRepository flux-system/base)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, c.tree)
			summary := b.summary(b.resolve("staging"))
			if got := named(summary, "app"); got != c.want && !(strings.Contains(c.want, " is") || strings.Contains(c.want, "circle")) || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q:\n%s", got, c.want, summary)
			}
		})
	}
}
