package hub_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// head is the newest commit of a repository of the server.
func (e *elsewhere) head(name string) string {
	e.t.Helper()
	out, err := exec.Command("git", "-C", filepath.Join(e.dir, name), "rev-parse", "main").Output()
	if err != nil {
		e.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// submodule commits a submodule. The commit after it has none any more.
func (b *scene) submodule(at, id string) {
	b.t.Helper()
	b.git("update-index", "--add", "--cacheinfo", "160000,"+id+","+at)
	b.git("commit", "-q", "-m", "submodule")
}

// TestSubmodulesAreFetched where a render looks into them: at the commit that belongs there, at an address that may
// be relative, below others, and for Flux where it is asked for.
func TestSubmodulesAreFetched(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	id := e.head("shop.git")
	e.push("shop.git", "", map[string]string{"deploy/shop.yaml": configMap("shop", "later")})
	modules := "-- .gitmodules --\n[submodule \"x\"]\n\tpath = vendor/shop\n\turl = " + e.URL + "/git/shop.git\n"
	native := func(path string) string { return "-- clusters/staging/shop.yaml --\n" + app("shop", path, "") }
	flux := func(path, more string) string {
		return bootstrap + of("GitRepository", "own", kustomization("shop", "  path: "+path+"\n")) +
			fluxSource("GitRepository", "own", "  url: ssh://git@github.com/org/fleet\n  ref: {branch: main}\n"+more)
	}
	for _, c := range []struct{ name, tree, want, not string }{
		{"a folder in it", modules + native("vendor/shop/deploy"), shopConfig("three"), "later"},
		{"a base in it", modules + native("apps") + "-- apps/kustomization.yaml --\nresources: " +
			"[../vendor/shop/deploy/shop.yaml]\n", shopConfig("three"), ""},
		{"a relative address", strings.Replace(modules, e.URL+"/git/shop.git", "../shop.git", 1) +
			native("vendor/shop/deploy"), shopConfig("three"), ""},
		{"without .gitmodules", native("vendor/shop/deploy"), "vendor/shop is a Git submodule, and there is no " +
			".gitmodules that says where its files are", ""},
		{"another path there", strings.Replace(modules, "vendor/shop", "vendor/other", 1) + native("vendor/shop/deploy"),
			".gitmodules does not say where its files are", ""},
		{"a file of this machine", strings.Replace(modules, e.URL+"/git/shop.git", "/etc", 1) +
			native("vendor/shop/deploy"), "is on the hub's own machine", ""},
		{"an option of git", strings.Replace(modules, e.URL+"/git/shop.git", "--upload-pack=touch x", 1) +
			native("vendor/shop/deploy"), "ERR", "configMap"},
		{"not looked into", modules + native("apps") + manifest("apps/a.yaml", "a", "{}"), `"name":"a"`, "ERR"},
		{"Flux, which does not ask for it", modules + flux("./vendor", "") + manifest("vendor/a.yaml", "a", "{}"),
			`"name":"a"`, `"name":"shop"`},
		{"Flux, which asks for it", modules + flux("./vendor", "  recurseSubmodules: true\n") + manifest("vendor/a.yaml",
			"a", "{}"), shopConfig("three"), "ERR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := foreignScene(t, e, c.tree)
			b.git("remote", "add", "origin", e.URL+"/git/fleet.git")
			b.submodule("vendor/shop", id)
			got := b.summary(b.resolve("staging"))
			if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}

// A cluster depends on the commit of a submodule that it looks into, and nothing is rendered again for another one.
func TestASubmoduleIsFollowedByItsCommit(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	b := foreignScene(t, e, "-- .gitmodules --\n[submodule \"x\"]\n\tpath = vendor/shop\n\turl = "+e.URL+"/git/shop.git\n"+
		"-- clusters/staging/shop.yaml --\n"+app("shop", "vendor/shop/deploy", ""))
	b.submodule("vendor/shop", e.head("shop.git"))
	res := b.resolve("staging")
	if !slices.Contains(res.Places(), "vendor/shop") || !slices.Contains(res.Places(), ".gitmodules") {
		t.Errorf("the cluster depends on %q", res.Places())
	}
	builds := b.renderer.builds.Load()
	b.submodule("other", e.head("shop.git"))
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, shopConfig("three")) ||
		b.renderer.builds.Load() != builds {
		t.Errorf("%d builds, before %d; %s", b.renderer.builds.Load(), builds, got)
	}
	e.push("shop.git", "", map[string]string{"deploy/shop.yaml": configMap("shop", "later")})
	b.submodule("vendor/shop", e.head("shop.git"))
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, shopConfig("later")) {
		t.Errorf("after another commit:\n%s", got)
	}
}

// A submodule in a submodule, with an address relative to that of the outer one.
func TestSubmodulesInSubmodules(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	e.push("outer.git", "", map[string]string{".gitmodules": "[submodule \"in\"]\n\tpath = in\n\turl = ../shop.git\n"})
	work := t.TempDir()
	e.git("", "clone", "-q", filepath.Join(e.dir, "outer.git"), work)
	e.git(work, "update-index", "--add", "--cacheinfo", "160000,"+e.head("shop.git")+",in")
	e.git(work, "commit", "-q", "-m", "x")
	e.git(work, "push", "-q", "origin", "HEAD:main")
	modules := "-- .gitmodules --\n[submodule \"x\"]\n\tpath = vendor/outer\n\turl = " + e.URL + "/git/outer.git\n"
	b := foreignScene(t, e, modules+
		"-- clusters/staging/shop.yaml --\n"+app("shop", "vendor/outer/in/deploy", ""))
	b.submodule("vendor/outer", e.head("outer.git"))
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, shopConfig("three")) {
		t.Error(got)
	}
}
