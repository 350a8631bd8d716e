package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/cmd/drover/diff"
)

// The exit codes of `drover diff`.
const exitSame, exitDifferent, exitError = 0, 1, 3

func deployment(name, image string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: shop}\n" +
		"spec: {template: {spec: {containers: [{name: web, image: '" + image + "'}]}}}\n"
}

func labelled(labels string) string { return "labels: {" + labels + "}\n" }

// aWideFleet has ten clusters that share an app, and each an object of its own.
func aWideFleet(t *testing.T) *checkout {
	files := []string{"apps/web/web.yaml", deployment("web", "registry.example.com/web:1.4")}
	for i := range 10 {
		folder := fmt.Sprintf("clusters/c%d/", i)
		files = append(files, folder+"web.yaml", webApp, folder+"own.yaml", configMap("own", "1"), folder+"cluster.yaml",
			labelled(fmt.Sprintf("env: %s, ring: \"%d\"", []string{"staging", "production"}[min(i/4, 1)], i%4)))
	}
	return newCheckout(t, files...)
}

// diffed is the answer of -o json.
func (c *checkout) diffed(args ...string) (out diff.Report, code int) {
	c.Helper()
	said, code := c.drover(append([]string{"diff", "-o", "json"}, args...)...)
	if at := strings.LastIndex(said, "\n}\n"); at >= 0 { // behind it is standard error
		said = said[:at+3]
	}
	if err := json.Unmarshal([]byte(said), &out); err != nil {
		c.Fatalf("exit code %d, %v in %s", code, err, said)
	}
	return out, code
}

func TestDiffGroupsWhatIsTheSame(t *testing.T) {
	t.Parallel()
	c := aWideFleet(t)
	c.wants(exitSame, "no difference in 10 clusters, between ", "diff")
	c.git("switch", "-q", "-c", "newer")
	c.commit("apps/web/web.yaml", deployment("web", "registry.example.com/web:1.5"))
	if err := os.Remove(filepath.Join(c.dir, "clusters/c3/own.yaml")); err != nil {
		t.Fatal(err)
	}
	c.commit()
	const want = `10 clusters: app web: image registry.example.com/web 1.4 -> 1.5
  in c0, c1, c2 and 7 more
  ~ Deployment/shop/web
      spec.template.spec.containers[web].image: "registry.example.com/web:1.4" -> "registry.example.com/web:1.5"

1 cluster: app root removed: 1 object deleted
  in c3
  - ConfigMap/shop/own

2 changes in 10 of 10 clusters, between `
	said, code := c.drover("diff")
	if code != exitDifferent || !strings.HasPrefix(said, want) {
		t.Errorf("exit code %d: %s", code, said)
	}
	if again, _ := c.drover("diff", "--base", "main", "--head", "newer"); again != said {
		t.Errorf("with both revisions named it says %s", again)
	}
	c.wants(exitSame, "no difference in 10 clusters", "diff", "--base", "newer")
	r, _ := c.diffed()
	if len(r.Groups) != 2 || len(r.Groups[0].Clusters) != 10 || r.Changed != 10 || r.Clusters != 10 ||
		r.Head.Subject != "change" || r.Base.Hash != c.git("rev-parse", "main") {
		t.Errorf("-o json: %+v", r)
	}
	c.wants(exitDifferent, "\nclusters: 10\n", "diff", "-o", "yaml")
	c.wants(exitDifferent, "@@ -7,5 +7,5 @@\n", "diff", "--full")
	c.wants(exitDifferent, "\n-      - image: registry.example.com/web:1.4\n+      - image: "+
		"registry.example.com/web:1.5\n", "diff",
		"--full")
}

func TestDiffComparesTheWorkTree(t *testing.T) {
	t.Parallel()
	c := aWideFleet(t)
	c.write(".gitignore", "*.tmp\n")
	c.write("clusters/c1/own.yaml", configMap("own", "2"))
	c.write("clusters/c2/new.yaml", configMap("new", "1"))
	c.write("clusters/c3/ignored.tmp", "x")
	before := c.git("status", "--porcelain") + c.git("count-objects") + c.git("for-each-ref")
	r, code := c.diffed()
	if code != exitDifferent || len(r.Groups) != 2 || r.Head.Hash != "" {
		t.Errorf("exit code %d: %+v", code, r)
	}
	if after := c.git("status", "--porcelain") + c.git("count-objects") + c.git("for-each-ref"); after != before {
		t.Errorf("the repository was changed: %s, before %s", after, before)
	}
	c.wants(exitSame, "no difference", "diff", "--head", "HEAD")
	c.wants(exitDifferent, "the work tree\n", "diff", "--cluster", "c1")
	bare := c.origin()
	wants(t, exitError, "has no work tree to compare: say --head REVISION", "diff", "--repo", bare.dir)
	wants(t, exitSame, "no difference", "diff", "--repo", bare.dir, "--head", "main")
}

func TestDiffChoosesClustersAndApps(t *testing.T) {
	t.Parallel()
	c := aWideFleet(t)
	c.write("apps/web/web.yaml", deployment("web", "web:2"))
	c.write("clusters/c0/own.yaml", configMap("own", "2"))
	for _, x := range []struct {
		args     []string
		clusters int
		groups   string
	}{
		{nil, 10, "web 10, root 1"},
		{[]string{"-l", "env=staging"}, 4, "web 4, root 1"},
		{[]string{"-l", "env=production"}, 6, "web 6"},
		{[]string{"--cluster", "c0,c9"}, 2, "web 2, root 1"},
		{[]string{"--cluster", "c0", "--app", "root"}, 1, "root 1"},
		{[]string{"--app", "web"}, 10, "web 10"},
	} {
		r, code := c.diffed(x.args...)
		var groups []string
		for _, g := range r.Groups {
			groups = append(groups, fmt.Sprint(g.App, " ", len(g.Clusters)))
		}
		if got := strings.Join(groups, ", "); code != exitDifferent || got != x.groups || r.Clusters != x.clusters {
			t.Errorf("%v: exit code %d, %d clusters, %s", x.args, code, r.Clusters, got)
		}
	}
	c.wants(exitError, `--app: there is no app "nosuch"`, "diff", "--app", "nosuch")
	c.wants(exitError, "--cluster nosuch: there is no such cluster at either revision", "diff", "--cluster", "nosuch")
	c.wants(exitUsage, "-o xml: use text", "diff", "-o", "xml")
	c.wants(exitUsage, "-l: ", "diff", "-l", "a b c")
	c.wants(exitUsage, "it takes no arguments", "diff", "c0", "c1")
	c.wants(exitUsage, "--base, --repo: this is for revisions of a repository", "diff", "c0", "--base", "main")
	c.wants(exitError, "--base nosuch: ", "diff", "--base", "nosuch")
	c.wants(exitError, "--head nosuch: ", "diff", "--head", "nosuch")
}

// TestDiffTakesNothingThatIsMissingForDeleted: an app that does not render, a folder that cannot be read, a cluster of
// which it is not known what it is are errors, and nothing of them is deleted.
func TestDiffTakesNothingThatIsMissingForDeleted(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(c *checkout){
		"an app":        func(c *checkout) { c.write("apps/web/kustomization.yaml", "resources: [nosuch.yaml]\n") },
		"a file":        func(c *checkout) { c.write("clusters/c0/web.yaml", "kind: [\n") },
		"a description": func(c *checkout) { c.write("clusters/c0/cluster.yaml", "kind: [\n") },
	} {
		c := aWideFleet(t)
		edit(c)
		r, code := c.diffed()
		if code != exitError || len(r.Errors) == 0 || r.Errors[0].Base {
			t.Errorf("%s: exit code %d: %+v", name, code, r.Errors)
		}
		for _, g := range r.Groups {
			for _, o := range g.Objects {
				if o.Action == "deleted" || o.Action == "left" {
					t.Errorf("%s: %s is told to be %s", name, o.Object, o.Action)
				}
			}
			if g.Action == "removed" {
				t.Errorf("%s: app %q is told to be removed", name, g.App)
			}
		}
		// After a revert, what was wrong at the base alone is a note.
		c.commit()
		c.git("revert", "--no-edit", "HEAD")
		if r, code := c.diffed("--base", "HEAD~1"); code == exitError || len(r.Errors) > 0 || len(r.Notes) == 0 {
			t.Errorf("%s, at the base: exit code %d: %+v", name, code, r)
		}
		if r, code := c.diffed("--base", "HEAD~1", "--head", "HEAD~1"); code != exitError || len(r.Errors) == 0 ||
			!r.Errors[0].Base {
			t.Errorf("%s, at both: exit code %d: %+v", name, code, r)
		}
	}
}

func TestDiffShowsNoSecret(t *testing.T) {
	t.Parallel()
	secret := func(value string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: " + value +
			", same: hidden0}\n"
	}
	c := newCheckout(t, "clusters/a/secret.yaml", secret("hidden1"))
	c.write("clusters/a/secret.yaml", secret("hidden2"))
	c.write("clusters/a/more.yaml", strings.Replace(secret("hidden3"), "name: s", "name: new", 1))
	for _, args := range [][]string{{}, {"--full"}, {"-o", "json"}, {"-o", "yaml"}, {"-o", "markdown"}, {"-o", "markdown",
		"--full"}} {
		said, code := c.drover(append([]string{"diff"}, args...)...)
		if code != exitDifferent || strings.Contains(said, "hidden") || !strings.Contains(said, "Secret") {
			t.Errorf("%v: exit code %d: %s", args, code, said)
		}
	}
	c.wants(exitDifferent, "~ Secret/shop/s (changed, 1 key)\n", "diff")
}

const policy = `apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: production-waves}
spec:
  clusterSelector: {matchLabels: {env: production}}
  waves:
  - {name: canary, clusterSelector: {matchLabels: {ring: "0"}}}
  - {name: rest, approval: {groups: [sre], count: 2}}
`

func TestDiffNamesWhatHoldsTheChange(t *testing.T) {
	t.Parallel()
	c := aWideFleet(t)
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("apps/web/more%d.yaml", i), configMap(fmt.Sprint("more", i), "1"))
	}
	c.commit(append(many, "fleet/policy.yaml", policy)...)
	for i := range 14 {
		if err := os.Remove(filepath.Join(c.dir, fmt.Sprintf("apps/web/more%d.yaml", i))); err != nil {
			t.Fatal(err)
		}
	}
	said, code := c.drover("diff")
	if code != exitDifferent {
		t.Errorf("exit code %d: %s", code, said)
	}
	lacks(t, "diff", said, "10 clusters: app web: 14 objects deleted\n",
		"  the deletion budget would hold 14 of 21 objects of app web in c0, c1, c2 and 7 more: that is more than 50 % of "+
			"the app, "+
			"and that is more than 20 % of the cluster; let it through with `drover approve` when ",
		"  production-waves, wave 1 of 2 (canary), would begin at once with app web of 2 clusters (c4, c8)\n",
		"  production-waves, wave 2 of 2 (rest), would hold app web of 4 clusters (c5, c6, c7 and 1 more): the wave "+
			"canary must "+
			"have passed, and 2 people of sre must approve (drover rollout approve production-waves/rest)\n")

	c.git("add", "-A")
	c.git("commit", "-q", "-m", "less\n\nDrover-Deletions: approved (it moved)")
	if r, _ := c.diffed("--base", "HEAD~1"); len(r.Held.Deletions) > 0 || len(r.Held.Waves) != 2 {
		t.Errorf("with a trailer it holds %+v", r.Held)
	}
}

func TestDiffOfClustersThatComeAndGo(t *testing.T) {
	t.Parallel()
	c := aWideFleet(t)
	c.commit("clusters/c1/cluster.yaml", "onRemove: prune\n")
	for _, name := range []string{"c0", "c1"} {
		if err := os.RemoveAll(filepath.Join(c.dir, "clusters", name)); err != nil {
			t.Fatal(err)
		}
	}
	c.write("clusters/new/own.yaml", configMap("own", "1"))
	said, code := c.drover("diff")
	if code != exitDifferent {
		t.Errorf("exit code %d: %s", code, said)
	}
	lacks(t, "diff", said, "1 cluster: cluster added: 1 app, 1 object\n  in new\n",
		"1 cluster: cluster removed: 2 apps, 2 objects, which are left running\n  in c0\n",
		"1 cluster: cluster removed: 2 apps, 2 objects, which are deleted\n  in c1\n",
		"  the removal of 2 clusters would wait for a person (c0, c1): let it through with `drover approve`")
}

func TestDiffKnowsWhatMoves(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	c.git("mv", "apps/web/config.yaml", "clusters/prod/moved.yaml")
	c.write("apps/web/other.yaml", configMap("other", "1"))
	said, _ := c.drover("diff")
	lacks(t, "diff", said, "  > ConfigMap/shop/web (moves here from the app web)\n")
	if strings.Contains(said, "deleted") {
		t.Errorf("what moves is told to be deleted: %s", said)
	}
}

func TestDiffFindsWhatToCompareWith(t *testing.T) {
	c := aWideFleet(t) // with variables of the environment
	c.git("branch", "release")
	c.git("switch", "-q", "-c", "newer")
	c.commit("clusters/c0/own.yaml", configMap("own", "2"))
	first := c.git("rev-parse", "HEAD")
	c.git("branch", "-f", "release")
	c.commit("clusters/c1/own.yaml", configMap("own", "2"))
	c.git("switch", "-q", "main")
	c.commit("clusters/c2/own.yaml", configMap("own", "2")) // since the branch left: none of its changes
	c.git("switch", "-q", "newer")
	if r, _ := c.diffed(); len(r.Groups) != 1 || !slices.Equal(r.Groups[0].Clusters, []string{"c0", "c1"}) {
		t.Errorf("of the branch there is %+v", r.Groups)
	}
	t.Setenv("GITHUB_BASE_REF", "release")
	if r, _ := c.diffed(); r.Base.Hash != first || len(r.Groups) != 1 || !slices.Equal(r.Groups[0].Clusters,
		[]string{"c1"}) {
		t.Errorf("for a pull request to another branch: %+v", r)
	}
	t.Setenv("GITHUB_BASE_REF", "nosuch")
	c.wants(exitError, "HEAD has no commit in common with any of origin/nosuch, nosuch: say --base REVISION", "diff")
	t.Setenv("GITHUB_BASE_REF", "")
	cut := &checkout{t, filepath.Join(t.TempDir(), "cut")}
	c.git("switch", "-q", "main")
	c.git("clone", "-q", "--depth=1", "--no-single-branch", "--branch=newer", "file://"+c.dir, cut.dir)
	cut.wants(exitError, "the history is cut off before HEAD left", "diff")
}

// TestACommentFitsAndMeansNothingElse: whatever is in a repository, a comment is short enough for a forge, says what it
// leaves out, and has no markup of others.
func TestACommentFitsAndMeansNothingElse(t *testing.T) {
	t.Parallel()
	var files []string
	for i := range 400 {
		files = append(files, fmt.Sprintf("clusters/c%03d/own.yaml", i), configMap("own", "1"))
	}
	c := newCheckout(t, files...)
	for i := range 400 {
		c.write(fmt.Sprintf("clusters/c%03d/own.yaml", i), configMap("own", fmt.Sprintf("``` </details> @ann %d %s", i,
			strings.Repeat("x", 200))))
	}
	said, code := c.drover("diff", "-o", "markdown")
	if code != exitDifferent || len(said) > 60_000 || len(said) < 30_000 {
		t.Errorf("exit code %d, it has %d bytes", code, len(said))
	}
	lacks(t, "the comment", said, "<!-- drover diff -->\n### Changes in clusters\n\n400 changes in 400 of 400 clusters",
		"\nLeft out, because a comment may not be longer: the details of ", "- and 350 more: `drover diff -o json` has all\n")
	if opened, closed := strings.Count(said, "\n<details>"), strings.Count(said, "\n</details>\n"); opened != closed {
		t.Errorf("%d parts begin, and %d end", opened, closed)
	}
	fences := 0
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "````") {
			fences++
		}
	}
	if fences == 0 || fences != 2*strings.Count(said, "\n<details>") {
		t.Errorf("%d fences of four, of %d parts", fences, strings.Count(said, "\n<details>"))
	}
}

func TestDiffReadsWhatIsWrittenForOtherTools(t *testing.T) {
	t.Parallel()
	const flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" +
		"metadata: {name: web, namespace: flux-system}\n" +
		"spec: {interval: 1m, path: ./apps/web, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"
	const argo = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec:\n" +
		"  source: {repoURL: 'https://git.example.com/fleet', path: apps/web}\n" +
		"  destination: {server: 'https://kubernetes.default.svc', namespace: shop}\n" +
		"  syncPolicy: {automated: {prune: true}}\n"
	const repository = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n" +
		"metadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: 'https://git.example.com/fleet'}\n"
	c := newCheckout(t, "apps/web/web.yaml", deployment("web", "web:1"), "clusters/f/web.yaml", flux,
		"clusters/f/source.yaml", repository, "clusters/a/web.yaml", argo)
	c.write("apps/web/web.yaml", deployment("web", "web:2"))
	said, code := c.drover("diff", "--alias", "https://git.example.com/fleet")
	if code != exitDifferent {
		t.Errorf("exit code %d: %s", code, said)
	}
	lacks(t, "diff", said, "1 cluster: app argocd/web: image web 1 -> 2\n  in a\n",
		"1 cluster: app flux-system/web: image web 1 -> 2\n  in f\n")
}
