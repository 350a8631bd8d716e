package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/cmd/drover/findings"
)

// checkout is a work tree of a fleet's repository, made by the git command.
type checkout struct {
	*testing.T
	dir string
}

// newCheckout has files, given as name and content in turn, in one commit.
func newCheckout(t *testing.T, files ...string) *checkout {
	t.Helper()
	c := &checkout{t, filepath.Join(t.TempDir(), "fleet")}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.git("init", "-q", "-b", "main")
	c.git("config", "user.name", "Ada")
	c.git("config", "user.email", "ada@example.com")
	c.commit(files...)
	return c
}

func (c *checkout) git(args ...string) string {
	c.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *checkout) write(name, text string) {
	c.Helper()
	file := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		c.Fatal(err)
	}
}

func (c *checkout) commit(files ...string) {
	c.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		c.write(files[i], files[i+1])
	}
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", "change")
}

// origin gives the checkout a bare repository that its branch is pushed to.
func (c *checkout) origin() *checkout {
	c.Helper()
	bare := &checkout{c.T, filepath.Join(c.TempDir(), "origin.git")}
	c.git("clone", "-q", "--bare", c.dir, bare.dir)
	c.git("remote", "add", "origin", bare.dir)
	c.git("fetch", "-q", "origin")
	c.git("branch", "-q", "--set-upstream-to=origin/main")
	return bare
}

// drover runs the command line for this repository, with no hub.
func (c *checkout) drover(args ...string) (string, int) {
	c.Helper()
	return drover(c.T, append(args, "--repo", c.dir)...)
}

func (c *checkout) wants(code int, part string, args ...string) {
	c.Helper()
	wants(c.T, code, part, append(args, "--repo", c.dir)...)
}

func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: shop}\ndata: {value: \"" + value +
		"\"}\n"
}

const webApp = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {path: apps/web}\n"

// aFleet has two clusters: one is delivered an app and an object of its own, the other one the object.
func aFleet(t *testing.T) *checkout {
	return newCheckout(t, "apps/web/config.yaml", configMap("web", "one"), "clusters/prod/app.yaml", webApp,
		"clusters/prod/own.yaml", configMap("own", "two"), "clusters/edge/own.yaml", configMap("own", "three"))
}

func TestRenderPrintsWhatAClusterWouldGet(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	said, code := c.drover("render", "prod")
	var names []string
	for doc := range strings.SplitSeq(said, "---\n") {
		var o struct{ Metadata struct{ Name string } }
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		names = append(names, o.Metadata.Name)
	}
	if code != exitFine || len(names) != 2 || !strings.Contains(said, "value: one") || !strings.Contains(said,
		"value: two") {
		t.Errorf("exit code %d: %s", code, said)
	}
	said, _ = c.drover("render", "prod", "-o", "json")
	for line := range strings.Lines(said) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of -o json is %s", line)
		}
	}
	if said, code = c.drover("render", "prod", "--app", "web", "--annotate"); code != exitFine || strings.Contains(said,
		"two") ||
		!strings.Contains(said, annotationApp+": web") {
		t.Errorf("--app web --annotate: exit code %d: %s", code, said)
	}
	c.wants(exitBad, `cluster prod, --app: there is no app "nosuch": there are root, web`, "render", "prod", "--app", "nosuch")
	c.wants(exitBad, `there is no cluster "nosuch" at HEAD: there are [edge prod]`, "render", "nosuch")
	c.wants(exitBad, "nosuch", "render", "prod", "--revision", "nosuch")
	wants(t, exitBad, "there is no such folder", "render", "prod", "--repo", filepath.Join(c.dir, "nosuch"))

	c.commit("apps/web/config.yaml", configMap("web", "later"))
	if said, _ := c.drover("render", "prod", "--revision", "HEAD~1"); !strings.Contains(said, "value: one") {
		t.Errorf("the commit before is printed as %s", said)
	}
	c.write("apps/web/config.yaml", configMap("web", "not committed"))
	if said, _ := c.drover("render", "prod"); !strings.Contains(said, "value: later") {
		t.Errorf("the commit is printed as %s", said)
	}
}

func TestRenderPrintsWhatItCanBesideAnError(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	c.commit("apps/web/kustomization.yaml", "resources: [config.yaml, nosuch.yaml]\n")
	said, code := c.drover("render", "prod")
	if code != exitBad || !strings.Contains(said,
		`drover: app web: apps/web/kustomization.yaml:1: resources[1] "nosuch.yaml" does not exist`) ||
		!strings.Contains(said, "value: two") {
		t.Errorf("exit code %d: %s", code, said)
	}
	c.wants(exitFine, "value: three", "render", "edge") // which does not have that app
}

func TestRenderNamesObjectsThatAreLeftToOtherApps(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	twin := strings.NewReplacer("name: web", "name: twin", "apps/web", "apps/twin").Replace(webApp)
	c.commit("clusters/prod/twin.yaml", twin,
		"apps/twin/config.yaml", configMap("web", "other"))
	said, code := c.drover("render", "prod")
	if code != exitFine || !strings.Contains(said, "drover: app web: clusters/prod/app.yaml: ConfigMap") ||
		!strings.Contains(said, "goes on without it, since the app twin (apps/twin) has it") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

func TestLintSaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	c.wants(exitFine, "drover: 0 errors, 0 notes and 0 unused in 2 clusters\n", "lint")
	c.commit("apps/unused/kustomization.yaml", "resources: [x.yaml]\n", "apps/unused/x.yaml", configMap("x", "y"))
	c.wants(exitFine, "0 errors, 0 notes and 1 unused in 2 clusters\n", "lint")
	c.wants(exitFine, "0 errors, 0 notes and 0 unused in 1 cluster\n", "lint", "--cluster",
		"edge") // unused by the others is not known
	c.commit("fleet/shared.yaml", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shared}\n"+
		"spec: {clusterSelector: {}, path: ./apps/unused}\n", "fleet/made/kustomization.yaml", "resources: [../../apps/made.yaml]\n",
		"apps/made.yaml", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: made}\n"+
			"spec: {clusterSelector: {matchLabels: {no: such}}, path: ./apps/unused}\n")
	c.wants(exitFine, "drover: 0 errors, 0 notes and 0 unused in 2 clusters\n", "lint") // every cluster reads fleet/
	c.commit("clusters/edge/bad.yaml", "apiVersion: v1\nkind: [\n")
	c.wants(exitBad, "clusters/edge/bad.yaml:2: ", "lint")
	c.wants(exitBad, " [edge]\n", "lint")
	c.wants(exitFine, "", "lint", "--cluster", "prod")
	c.wants(exitBad, `there is no cluster "nosuch"`, "lint", "--cluster", "nosuch")
	c.wants(exitFine, "", "lint", "--revision", "HEAD~1")
	said, code := c.drover("lint", "-o", "json")
	var found []findings.Finding
	if err := json.Unmarshal([]byte(said), &found); err != nil || code != exitBad || len(found) == 0 ||
		found[0].Severity != findings.Error ||
		found[0].File != "clusters/edge/bad.yaml" || found[0].Line != 2 || found[0].Clusters[0] != "edge" {
		t.Errorf("-o json: exit code %d, %v: %s", code, err, said)
	}
	if said, code = c.drover("lint", "-o", "json", "--cluster", "prod"); code != exitFine || said != "[]\n" {
		t.Errorf("-o json of nothing: exit code %d: %q", code, said)
	}
}

func TestLintNamesWhatNoClusterTakes(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	const object = "apiVersion: argoproj.io/v1alpha1\nkind: %s\nmetadata: {name: x, namespace: argocd}\nspec:\n"
	c.commit("fleet/app.yaml", fmt.Sprintf(object, "Application")+
		"  source: {repoURL: https://example.com/x, path: x}\n  destination: {name: porduction}\n",
		"fleet/set.yaml", fmt.Sprintf(object, "ApplicationSet")+"  generators: [{clusters: {}}]\n"+
			"  template:\n    metadata: {name: 'x-{{name}}'}\n    spec: {destination: {name: 'of-{{name}}'}}\n")
	c.wants(exitFine, "note   fleet/app.yaml:6: Application argocd/x: spec.destination: left out: it is for the cluster "+
		`"porduction", which no cluster of the fleet is: `, "lint")
	c.wants(exitFine, "note   fleet/set.yaml:8: ApplicationSet argocd/x: spec.template.spec.destination: left out: "+
		`the Application x-edge is for the cluster "of-edge", which no cluster of the fleet is: `, "lint")
	c.wants(exitFine, `"porduction", which no cluster of the fleet is: `, "lint", "--cluster", "edge")
}

// A submodule, which may be anywhere, keeps nothing from being looked at.
func TestLintAndImportPassBySubmodules(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	c.git("update-index", "--add", "--cacheinfo", "160000,"+c.git("rev-parse", "HEAD")+",vendor/other")
	c.git("commit", "-q", "-m", "submodule")
	c.wants(exitFine, "drover: 0 errors, 0 notes and 0 unused in 2 clusters\n", "lint")
	if said, _ := c.drover("import"); strings.Contains(said, "submodule") {
		t.Errorf("import says %s", said)
	}
}

func TestAddingAClusterIsOneCommitThatIsPushed(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	bare := c.origin()
	none := t.TempDir()
	c.write("apps/web/config.yaml", "not committed")
	said, code := c.drover("cluster", "add", "staging", "--label", "env=staging", "--label", "drained=true",
		"--data-dir", none)
	if code != exitFine || !strings.Contains(said, "clusters/staging is ") || !strings.Contains(said,
		"drover agent manifest --cluster staging | kubectl apply -f -") {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if files := bare.git("show", "--format=%s", "--name-only",
		"main"); files != "add cluster staging\n\nclusters/staging/cluster.yaml" {
		t.Errorf("what was pushed is %q", files)
	}
	text := bare.git("show", "main:clusters/staging/cluster.yaml")
	if !strings.Contains(text, "env: staging") || !strings.Contains(text, `drained: "true"`) {
		t.Errorf("its file is\n%s", text)
	}
	if changed := c.git("status", "--porcelain"); changed != "M apps/web/config.yaml" {
		t.Errorf("in the work tree there is %q", changed)
	}
	c.wants(exitBad, "clusters/staging exists already", "cluster", "add", "staging", "--data-dir", none)
	c.wants(exitBad, "--from nosuch: there is no cluster \"nosuch\" at ", "cluster", "add", "new", "--from", "nosuch",
		"--data-dir", none)

	c.git("checkout", "-q", ".")
	c.commit("clusters/prod/cluster.yaml", "labels: {name: prod} # prod\n")
	said, code = c.drover("cluster", "add", "prod-2", "--from", "prod", "--label", "region=us", "--data-dir", none,
		"--no-push")
	if code != exitFine || !strings.Contains(said,
		"clusters/prod-2/cluster.yaml:1 still names prod: see whether that is right\n") {
		t.Errorf("--from prod: exit code %d: %s", code, said)
	}
	if files := c.git("show", "--format=", "--name-only"); files != "clusters/prod-2/app.yaml\nclusters/prod-2/cluster.yaml\nclusters/prod-2/own.yaml" {
		t.Errorf("--from prod writes %q", files)
	}
	if bare.git("rev-parse", "main") == c.git("rev-parse", "HEAD") {
		t.Error("--no-push pushed")
	}
}

func TestAddingAClusterOnABranchLeavesTheOneThatIsCheckedOut(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	bare, none := c.origin(), t.TempDir()
	before := c.git("rev-parse", "main")
	if said, code := c.drover("cluster", "add", "staging", "--branch", "add-staging", "--data-dir",
		none); code != exitFine {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if at := c.git("rev-parse", "--abbrev-ref", "HEAD"); at != "main" || c.git("rev-parse", "main") != before ||
		bare.git("rev-parse", "main") != before {
		t.Errorf("%s is checked out, and main has moved", at)
	}
	if bare.git("show", "--format=%s", "--name-only",
		"add-staging") != "add cluster staging\n\nclusters/staging/cluster.yaml" {
		t.Error("the branch does not have the cluster")
	}
	c.wants(exitBad, "the branch add-staging exists already", "cluster", "add", "other", "--branch", "add-staging",
		"--data-dir", none)
}

func TestAClusterIsNotAddedWhereACommitWouldBeAnother(t *testing.T) {
	t.Parallel()
	none := t.TempDir()
	c := aFleet(t)
	c.git("checkout", "-q", "--detach")
	c.wants(exitBad, "its HEAD is detached", "cluster", "add", "staging", "--data-dir", none)
	c.git("checkout", "-q", "main")
	c.write(".git/MERGE_HEAD", c.git("rev-parse", "HEAD")+"\n")
	c.wants(exitBad, "is in the middle of a merge", "cluster", "add", "staging", "--data-dir", none)
	if err := os.Remove(filepath.Join(c.dir, ".git/MERGE_HEAD")); err != nil {
		t.Fatal(err)
	}
	hook := filepath.Join(c.dir, ".git/hooks/pre-commit")
	c.write(".git/hooks/pre-commit", "#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	c.wants(exitBad, "not on a Friday", "cluster", "add", "staging", "--data-dir", none)
	if left := c.git("status", "--porcelain"); left != "" {
		t.Errorf("after a refused commit there is %q", left)
	}
	wants(t, exitBad, "is no Git repository that can be read", "cluster", "add", "staging", "--repo", none, "--data-dir",
		none)
}

func TestAPushThatIsRefusedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	bare, none := c.origin(), t.TempDir()
	other := &checkout{t, filepath.Join(t.TempDir(), "other")}
	c.git("clone", "-q", bare.dir, other.dir)
	other.git("config", "user.name", "Ben")
	other.git("config", "user.email", "ben@example.com")
	other.commit("apps/web/config.yaml", configMap("web", "of another"))
	other.git("push", "-q")
	c.wants(exitBad, "`git pull --rebase`, then `git push`", "cluster", "add", "staging", "--data-dir", none)

	c.git("pull", "-q", "--rebase")
	bare.write("hooks/pre-receive", "#!/bin/sh\necho protected >&2\nexit 1\n")
	if err := os.Chmod(filepath.Join(bare.dir, "hooks/pre-receive"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.wants(exitBad, "open a pull request", "cluster", "add", "second", "--data-dir", none)
}

func TestRemovingAClusterRemovesItsFolderInOneCommit(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	bare, none := c.origin(), t.TempDir()
	c.commit("clusters/edge/cluster.yaml", "onRemove: prune\n")
	c.git("push", "-q")
	before := c.git("rev-parse", "HEAD")
	said, code := c.drover("cluster", "remove", "edge", "--data-dir", none)
	if code == exitFine || !strings.Contains(said,
		"edge: onRemove: prune, so everything that Drover delivered there is deleted") || c.git("rev-parse",
		"HEAD") != before {
		t.Errorf("without an answer: exit code %d: %s", code, said)
	}
	c.wants(exitBad, "there is no cluster \"nosuch\" at ", "cluster", "remove", "nosuch", "--yes",
		"--data-dir", none)
	c.wants(exitBad, "there is no cluster", "cluster", "remove", "../apps", "--yes", "--data-dir", none)
	c.write("clusters/edge/own.yaml", "changed")
	c.wants(exitBad, "has changes that are not committed", "cluster", "remove", "edge", "--yes", "--data-dir", none)
	c.git("checkout", "-q", ".")

	said, code = c.drover("cluster", "remove", "edge", "prod", "--yes", "--data-dir", none)
	for _, part := range []string{"prod: what runs there is left running, and its credential is revoked\n",
		"Removing more than one is held until the commit is approved.\n",
		"The removal of clusters/edge and clusters/prod is ", "drover approve " + c.git("rev-parse", "HEAD")[:8]} {
		if code != exitFine || !strings.Contains(said, part) {
			t.Errorf("exit code %d, and it does not say %q: %s", code, part, said)
		}
	}
	if left := bare.git("ls-tree", "-r", "--name-only", "main"); left != "apps/web/config.yaml" {
		t.Errorf("left is %q", left)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "clusters/edge")); !os.IsNotExist(err) {
		t.Errorf("an empty folder is left: %v", err)
	}
}
