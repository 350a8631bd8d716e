package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// fluxFleet is a repository as `flux bootstrap` leaves it, with an app of files and one that is refused.
func fluxFleet(t *testing.T) *checkout {
	sync := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n" +
		"spec: {url: 'https://git.example.com/ops/fleet'}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" +
		"metadata: {name: flux-system, namespace: flux-system}\nspec: {path: ./clusters/home, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"
	app := func(name, path, source string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
			"spec: {path: " + path + ", prune: true, sourceRef: {kind: GitRepository, name: " + source + "}}\n"
	}
	return newCheckout(t, "clusters/home/flux-system/gotk-sync.yaml", sync, "clusters/home/apps.yaml", app("web", "./apps/web", "flux-system")+"---\n"+
		app("broken", "./apps/none", "flux-system")+"---\n"+app("far", "./deploy", "far")+
		"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: far, namespace: flux-system}\n"+
		"spec: {url: 'https://git.example.com/far/away', ref: {branch: main}}\n",
		"apps/web/config.yaml", configMap("web", "one"), "clusters/repositories/x.yaml", configMap("x", "1"))
}

func TestImportSaysHowARepositoryIsRead(t *testing.T) {
	t.Parallel()
	c := fluxFleet(t)
	before := c.git("status", "--porcelain", "--ignored") + c.git("rev-parse", "HEAD")
	said, code := drover(t, "import", c.dir)
	if code != exitFine {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	for _, part := range []string{
		"A repository of Flux.", "clusters/home/flux-system/gotk-sync.yaml:6", "--path  clusters\n", "--path  !clusters/repositories",
		"--alias https://git.example.com/ops/fleet ", "cluster home (clusters/home): 3 apps, 1 object: 1 ConfigMap; 1 app of charts and files from elsewhere",
		"; 1 refused", "https://git.example.com/far/away (git, 1 app)", `clusters/home/apps.yaml:`, `"./apps/none" does not exist`,
		"drover lint --repo " + c.dir + " --path clusters --path '!clusters/repositories' --alias https://git.example.com/ops/fleet",
	} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not in\n%s", part, said)
		}
	}
	if lines := strings.Count(said, "\n"); lines > 40 {
		t.Errorf("%d lines are no screen:\n%s", lines, said)
	}
	if after := c.git("status", "--porcelain", "--ignored") + c.git("rev-parse", "HEAD"); after != before {
		t.Errorf("it changed the repository: %s", after)
	}
	said, _ = drover(t, "import", c.dir, "-o", "json")
	var out imported
	if err := json.Unmarshal([]byte(said), &out); err != nil {
		t.Fatalf("%v in %s", err, said)
	}
	if len(out.Clusters) != 1 || len(out.Clusters[0].Apps) != 3 || out.Clusters[0].Kinds["ConfigMap"] != 1 || out.Tool != "flux" || len(out.Next) == 0 {
		t.Errorf("%+v", out)
	}
	// what it says to run finds the same
	c.wants(exitBad, `"./apps/none" does not exist`, "lint", "--path", "clusters", "--path", "!clusters/repositories")
}

func TestImportRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	c := newCheckout(t, "clusters/a/x.yaml", configMap("x", "1"))
	wants(t, exitBad, "nothing here was written for Flux", "import", c.dir)
	wants(t, exitUsage, "--from helm: use flux, argocd, fleet", "import", c.dir, "--from", "helm")
	wants(t, exitUsage, "-o yaml: use text or json", "import", c.dir, "-o", "yaml")
}

// The name of a cluster is that of its file, wherever the folder is; --path finds it.
func TestPathTakesPatterns(t *testing.T) {
	t.Parallel()
	c := newCheckout(t, "clusters/eu/Prod_1/cluster.yaml", "name: eu-prod\n", "clusters/eu/Prod_1/x.yaml", configMap("x", "1"), "clusters/us/b/x.yaml", configMap("yy", "1"))
	c.wants(exitFine, "name: x", "render", "eu-prod", "--path", "clusters/*/*")
	c.wants(exitFine, "name: yy", "render", "us--b", "--path", "clusters/*/*")
	c.wants(exitBad, "there are [eu-prod]", "render", "us--b", "--path", "clusters/*/*,!us")
	c.wants(exitBad, `in clusters/ no folder fits "x*", it has eu, us`, "lint", "--path", "clusters/x*")
	c.wants(exitUsage, "** is not supported", "lint", "--path", "clusters/**")
	c.wants(exitBad, "does not say where the folder of a new cluster", "cluster", "add", "new", "--path", "clusters/*/*", "--no-push")
	c.wants(exitUsage, "it would be no cluster's folder", "cluster", "add", "new", "--path", "clusters/*/*", "--folder", "elsewhere", "--no-push")
	c.wants(exitBad, "there is a cluster eu-prod already", "cluster", "add", "eu-prod", "--path", "clusters/*/*", "--folder", "clusters/eu/x", "--no-push")
	c.wants(exitFine, "clusters/eu/two is", "cluster", "add", "new", "--path", "clusters/*/*", "--folder", "clusters/eu/two", "--from", "eu-prod", "--no-push")
	c.wants(exitFine, "name: x", "render", "new", "--path", "clusters/*/*")
	c.wants(exitFine, "eu-prod", "cluster", "remove", "eu-prod", "--path", "clusters/*/*", "--yes", "--no-push")
	c.wants(exitBad, "there are [new us--b]", "render", "eu-prod", "--path", "clusters/*/*")
	c.commit("clusters/eu/three/cluster.yaml", "name: new\n")
	c.wants(exitBad, `clusters/eu/three and clusters/eu/two are both the cluster "new"`, "lint", "--path", "clusters/*/*")
}
