package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/identity"
)

// digested matches what no person is shown: a key that ends in a digest.
var digested = regexp.MustCompile(`[a-z0-9]--[a-z2-7]{20}\b`)

// People are shown the names of apps without digests by all that reads a repository, and may use any short form of one.
func TestNoCommandShowsADigest(t *testing.T) {
	t.Parallel()
	c := fluxFleet(t)
	app := func(name, rest string) string {
		return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
			"spec: {path: ./apps/" + name + ", prune: true, sourceRef: {kind: GitRepository, name: flux-system}, " + rest + "}\n"
	}
	c.commit("clusters/home/apps.yaml", app("web", "")+app("none", "")+app("late", "dependsOn: [{name: none}]")+
		"---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\n"+
		"spec: {unknown: 1, chart: {spec: {chart: ./charts/none, sourceRef: {kind: GitRepository, name: flux-system}}}}\n",
		"apps/late/config.yaml", configMap("late", "two"))
	key := identity.ID{Kind: "Kustomization", Namespace: "flux-system", Name: "web"}.Key()
	flags := []string{"--path", "clusters", "--path", "!clusters/repositories"}
	for _, args := range [][]string{{"lint"}, {"lint", "--verbose"}, {"lint", "-o", "json"}, {"lint", "-o", "sarif"}, {"lint", "-o", "github"},
		{"render", "home", "--annotate"}, {"render", "home", "--annotate", "-o", "json"}} {
		said, _ := c.drover(append(args, flags...)...)
		if d := digested.FindString(said); d != "" {
			t.Errorf("%s shows %s:\n%s", args, d, said)
		}
		if !strings.Contains(said, "flux-system/") {
			t.Errorf("%s names no app:\n%s", args, said)
		}
	}
	said, _ := drover(t, "import", c.dir)
	if d := digested.FindString(said); d != "" {
		t.Errorf("import shows %s:\n%s", d, said)
	}
	said, _ = drover(t, "import", c.dir, "-o", "json")
	var out imported
	if err := json.Unmarshal([]byte(said), &out); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, a := range out.Clusters[0].Apps {
		names[a.Name] = a.Key
		if digested.MatchString(a.Error) {
			t.Errorf("the error of %s is %q", a.Name, a.Error)
		}
	}
	if names["Kustomization flux-system/web"] != key || names["flux-system/late"] == "" {
		t.Errorf("the apps are %v", names)
	}
	for _, asked := range []string{"Kustomization flux-system/web", "kustomization/flux-system/web", key} {
		c.wants(exitFine, "value: one", append([]string{"render", "home", "--app", asked}, flags...)...)
	}
	c.wants(exitFine, "value: two", append([]string{"render", "home", "--app", "late"}, flags...)...)
	c.wants(exitBad, `cluster home, --app: "web" may be any of 2 apps: write one of HelmRelease/flux-system/web, Kustomization/flux-system/web`,
		append([]string{"render", "home", "--app", "web"}, flags...)...)
}
