package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// released makes a repository of the work tree, with what is not committed yet, and a release of it.
func released(t *testing.T, version string) Release {
	t.Helper()
	if _, err := git(t.Context(), repository, "rev-parse", "HEAD"); err != nil {
		t.Skip("the sources are in no Git repository: ", err)
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run(t, dir, "clone", "-q", "--shared", "--no-checkout", root, ".")
	run(t, dir, "--work-tree="+root, "add", "-A")
	run(t, dir, "commit", "-q", "--allow-empty", "-m", "the work tree")
	head, err := git(t.Context(), dir, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	r := Release{Root: dir, Version: version, Source: head}
	if err := r.derive(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// served is a folder of modules as a module proxy serves them, and the environment of the go command that uses it.
func served(t *testing.T, r Release) []string {
	t.Helper()
	proxy := t.TempDir()
	if _, err := r.fetch(t.Context(), r.Commit, proxy); err != nil {
		t.Fatal(err)
	}
	said, err := goCommand(t.Context(), proxy, nil, "env", "GOPROXY", "GOMODCACHE")
	if err != nil {
		t.Fatal(err)
	}
	usual, modules, _ := strings.Cut(string(said), "\n")
	cache := t.TempDir()
	linkExcept(t, modules, cache, "cache", "github.com/drover-dev")
	linkExcept(t, filepath.Join(modules, "cache", "download"), filepath.Join(cache, "cache", "download"),
		"github.com/drover-dev")
	return []string{
		"GOPROXY=file://" + proxy + "/cache/download," + usual, "GONOPROXY=", "GOPRIVATE=", "GONOSUMDB=" + ours,
		// With trimmed paths what is compiled does not depend on where the module cache is.
		"GOFLAGS=-mod=mod -trimpath -modcacherw", "GOMODCACHE=" + cache, "CGO_ENABLED=0",
	}
}

// linkExcept links what is in a folder into another one, without some names, so that modules of others are not unpacked
// once more.
func linkExcept(t *testing.T, from, to string, except ...string) {
	t.Helper()
	entries, _ := os.ReadDir(from) // there is none if nothing was fetched yet
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		inside, skip := []string(nil), false
		for _, x := range except {
			skip = skip || x == e.Name()
			if rest, ok := strings.CutPrefix(x, e.Name()+"/"); ok {
				inside = append(inside, rest)
			}
		}
		a, b := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		switch {
		case skip:
		case inside != nil:
			linkExcept(t, a, b, inside...)
		default:
			if err := os.Symlink(a, b); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestGoInstallTakesTheReleasedModules: the programs are installed by their paths and version alone, from modules as a
// proxy serves them.
func TestGoInstallTakesTheReleasedModules(t *testing.T) {
	t.Parallel()
	r := released(t, "v0.9.0")
	bin := t.TempDir()
	env := append(served(t, r), "GOBIN="+bin)
	install := func(args ...string) {
		t.Helper()
		if _, err := goCommand(t.Context(), bin, env, append([]string{"install"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	install(ours + "/hub/cmd/drover@v0.9.0")
	install(ours + "/agent/cmd/drover-agent@v0.9.0")
	for _, name := range []string{"drover", "drover-agent"} {
		out, err := exec.Command(filepath.Join(bin, name), "version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), name+" v0.9.0 (") {
			t.Errorf("%s version says %q, %v", name, out, err)
		}
	}
	// The others take long to link: that the go command finds all they need is enough.
	for _, path := range []string{
		"/hub/cmd/drover-helm-worker", "/hub/cmd/drover-renderers", "/hub/cmd/drover-plugin-command",
		"/agent/cmd/drover-plugins", "/agent/plugins/sops/cmd/drover-plugin-sops",
	} {
		install("-n", ours+path+"@v0.9.0")
	}
	importAPI(t, env)
}

// importAPI has a module outside of this repository import what is Go API, and nothing else of its own.
func importAPI(t *testing.T, env []string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/plugin\n\ngo 1.26.0\n\nrequire (\n\t"+ours+" v0.9.0\n\t"+ours+
		"/protocol/plugin v0.9.0\n)\n")
	write(t, dir, "main.go", "package main\n\nimport (\n\t_ \""+ours+"/protocol\"\n\t_ \""+ours+"/protocol/plugin\"\n)\n"+
		"\nfunc main() {}\n")
	out, err := goCommand(t.Context(), dir, env, "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{ours, ours + "/protocol/plugin"} {
		if !slices.Contains(strings.Split(string(out), "\n"), path+" v0.9.0") {
			t.Errorf("%s v0.9.0 is not linked", path)
		}
	}
	for _, path := range []string{"getsops", "k8s.io", "fluxcd"} {
		if strings.Contains(string(out), path) {
			t.Errorf("programs that import the Go API link %s", path)
		}
	}
}

// TestTheTaggedCommitFollowsFromItsParent: anyone can check what is tagged.
func TestTheTaggedCommitFollowsFromItsParent(t *testing.T) {
	t.Parallel()
	r := released(t, "v0.9.0")
	again := Release{Root: r.Root, Version: r.Version, Source: r.Source}
	if err := again.derive(t.Context()); err != nil || again.Commit != r.Commit {
		t.Errorf("commits %s and %s, %v", r.Commit, again.Commit, err)
	}
	changed, err := git(t.Context(), r.Root, "diff", "--name-only", r.Source, r.Commit)
	if err != nil {
		t.Fatal(err)
	}
	const want = "agent/go.mod agent/go.sum agent/plugins/sops/go.mod agent/plugins/sops/go.sum hub/go.mod hub/go.sum"
	if got := strings.Join(strings.Fields(changed), " "); got != want {
		t.Errorf("changed are %s, want %s", got, want)
	}
	for _, folder := range Modules {
		text, err := git(t.Context(), r.Root, "show", r.Commit+":"+filepath.Join(folder, "go.mod"))
		if err != nil || strings.Contains(text, "replace") || strings.Contains(text, ours+"/test") {
			t.Errorf("%s/go.mod has a replace or requires tests: %v\n%s", folder, err, text)
		}
	}
}

// TestTheTaggedCommitBuilds: in a checkout of a tag the go command has every sum that it needs.
func TestTheTaggedCommitBuilds(t *testing.T) {
	t.Parallel()
	r := released(t, "v0.9.0")
	env := append(served(t, r), "GOFLAGS=-mod=readonly")
	dir := t.TempDir()
	r.Source = r.Commit
	if err := r.export(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for _, folder := range Modules[1:] {
		at := filepath.Join(dir, "source", folder)
		pattern := "./cmd/..."
		if folder == "protocol/plugin" {
			pattern = "./..."
		}
		if _, err := goCommand(t.Context(), at, env, "list", "-deps", pattern); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
