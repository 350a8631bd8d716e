package kustomize

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/remote"
	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// trap watches for programs and requests that a build must not start.
type trap struct {
	mark     string // a file that a fake git and a fake helm leave
	url      string // a server that counts
	requests atomic.Int32
}

func setTrap(t testing.TB) *trap {
	t.Helper()
	bin := t.TempDir()
	p := &trap{mark: filepath.Join(t.TempDir(), "mark")}
	for _, name := range []string{"git", "helm", "helmV3", "sh-plugin"} {
		script := fmt.Sprintf("#!/bin/sh\necho $0 \"$@\" >> %s\nexit 1\n", p.mark)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.requests.Add(1)
		fmt.Fprint(w, configMap("evil"))
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *trap) sprung() bool {
	_, err := os.Stat(p.mark)
	return err == nil || p.requests.Load() > 0
}

// remotes are addresses that kustomize would fetch or clone from one field or another.
func remotes(url string) []string {
	host := strings.TrimPrefix(url, "http://")
	return []string{
		url + "/x.yaml", "HTTP://" + host + "/x.yaml", url + "/org/repo", url + "/org/repo//sub?ref=main", url + "/org/repo.git",
		"git::" + url + "/org/repo.git", "https://" + host + "/org/repo?ref=v1&timeout=1s&submodules=false",
		"git@github.com:org/repo.git", "git@github.com:org/repo", "github.com/org/repo", "GitHub.com/org/repo?ref=x", "github.com:org/repo//sub",
		"ssh://git@" + host + "/org/repo", "user@" + host + ":org/repo", "me@host.example:org/repo.git/sub",
		"file:///etc", "file::/etc//x", "file:///tmp/repo.git?ref=x", "org@dev.azure.example:v3/org/_git/repo",
		"git::git@github.com:org/repo", "git@host:org/repo: {x: y}", "https://user:hunter2@" + host + "/org/repo",
	}
}

// TestRemote puts every address into every field that names something to load.
func TestRemote(t *testing.T) {
	p := setTrap(t)
	fields := map[string]string{
		"resources": "resources: [%s]", "bases": "bases: [%s]", "components": "components: [%s]", "crds": "crds: [%s]",
		"configurations": "configurations: [%s]", "generators": "generators: [%s]", "transformers": "transformers: [%s]",
		"validators": "validators: [%s]", "openapi": "openapi: {path: %s}", "patches": "patches: [{path: %s}]",
		"json": "patchesJson6902: [{path: %s, target: {version: v1, kind: ConfigMap, name: c}}]", "merge": "patchesStrategicMerge: [%s]",
		"replacements": "replacements: [{path: %s}]", "files": "configMapGenerator: [{name: x, files: [%s]}]",
		"keyed": "secretGenerator: [{name: x, files: ['k=%s']}]", "envs": "configMapGenerator: [{name: x, envs: [%s]}]", "env": "secretGenerator: [{name: x, env: %s}]",
		"inline": "transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: \"%s\"}']",
	}
	for field, format := range fields {
		for _, address := range remotes(p.url) {
			quoted := `"` + address + `"`
			if strings.Contains(format, "'") {
				quoted = address
			}
			text := "resources: [cm.yaml]\n" + fmt.Sprintf(format, quoted)
			if field == "resources" {
				text = fmt.Sprintf(format, quoted)
			}
			for _, files := range []fstest.MapFS{
				tree("-- a/cm.yaml --\n" + configMap("c") + "-- a/kustomization.yaml --\n" + text + "\n"),
				tree("-- b/cm.yaml --\n" + configMap("c") + "-- b/kustomization.yaml --\n" + text + "\n-- a/kustomization.yaml --\nresources: [../b]\n"),
			} {
				if by, needs := needed(t, files, "a"); needs {
					if !strings.Contains(by, "kustomization.yaml:") || strings.Contains(by, "hunter2") {
						t.Errorf("%s %s is needed by %s", field, address, by)
					}
					if p.sprung() {
						t.Fatalf("%s %s was fetched", field, address)
					}
					continue
				}
				got := mustFail(t, files, "a", model.BuildOptions{})
				if !strings.Contains(got, "kustomization.yaml") || !strings.Contains(got, "relative path") && !strings.Contains(got, "check the path") {
					t.Errorf("%s %s: %s", field, address, got)
				}
				if strings.Contains(got, "hunter2") {
					t.Errorf("a password in an error: %s", got)
				}
				if p.sprung() {
					t.Fatalf("%s %s was fetched", field, address)
				}
			}
		}
	}
}

// needed says who names what a build needs to be fetched; needs is false if it needs nothing.
func needed(t *testing.T, files fstest.MapFS, dir string) (by string, needs bool) {
	t.Helper()
	objects, err := (&Renderer{}).Build(context.Background(), files, dir, model.BuildOptions{})
	n, needs := errors.AsType[*model.NeededError](err)
	if !needs {
		return "", false
	}
	if again, err := workers(t).Build(context.Background(), files, dir, model.BuildOptions{}); fmt.Sprint(err) != n.Error() || len(objects)+len(again) > 0 {
		t.Errorf("in a worker: %v, here: %v", err, n)
	}
	return n.Sources[0].By, true
}

// TestGitAddresses compares remote.Git with what kustomize itself would clone.
func TestGitAddresses(t *testing.T) {
	p := setTrap(t)
	addresses := append(remotes("http://127.0.0.1:1"), "base", "./base", "../base", "a/b/c", "github.com", "github.com/org", "github.com/org/", "./github.com/org/repo",
		"gitlab.com/org/repo", "host:path", "host:org/repo", "git@host", "git@host/org", "git@host:org", "a@b:c/d", "a_b@c:d/e", "-@c:d/e", "1a@c:d/e", "repo.git",
		"github.com/org/repo/../../x", "github.com/org/repo//../x", "https://x", "https://x/y", "ssh://x/y/z", "file://", "file://x", "git::base", "git::github.com/a/b",
		"http:base", "?ref=x", "base?ref=x", "github.com/a/b?ref", "_git/x", "github.com/_git/x", "x@y:_git/z", "https:///a/b", "x@:a/b", "/github.com/a/b", "github.com//a", "gh:a/b", "s3::x/y", "HTTPS://h/a/b")
	for _, address := range addresses {
		if remote.HTTP(address) {
			continue // fetched, not cloned
		}
		files := filesys.MakeFsInMemory()
		if err := files.WriteFile("/a/kustomization.yaml", fmt.Appendf(nil, "resources: [%q]\n", address)); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(p.mark)
		_, _ = krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/a")
		_, git := remote.Git(address)
		if want := p.sprung(); git != want {
			t.Errorf("Git(%q) is %v, kustomize clones it: %v", address, !want, want)
		}
	}
}

// TestComposedAddress has a transformer's configuration put an address together during the build,
// where no inspection of files sees it.
func TestComposedAddress(t *testing.T) {
	p := setTrap(t)
	files := tree(`
-- a/kustomization.yaml --
resources: [cm.yaml]
transformers: [t]
-- a/cm.yaml --
` + configMap("c") + `
-- a/t/kustomization.yaml --
resources: [p.yaml]
replacements:
- source: {kind: PatchTransformer, fieldPath: metadata.annotations.u}
  targets: [{select: {kind: PatchTransformer}, fieldPaths: [path]}]
-- a/t/p.yaml --
apiVersion: builtin
kind: PatchTransformer
metadata: {name: p, annotations: {u: "` + p.url + `/x"}}
path: x.yaml
`)
	got := mustFail(t, files, "a", model.BuildOptions{})
	if !strings.Contains(got, "leads to an address on the network") {
		t.Error(got)
	}
	if p.sprung() {
		t.Error("it was fetched")
	}
	resp, err := http.Get(p.url)
	if err != nil || p.requests.Load() != 1 {
		t.Errorf("requests of others must go through: %v", err)
	} else {
		resp.Body.Close()
	}
}

// TestLocalNameLikeGit: a file that is there is taken, as kustomize takes it, and never cloned after all.
func TestLocalNameLikeGit(t *testing.T) {
	p := setTrap(t)
	files := tree("-- a/kustomization.yaml --\nresources: [github.com/org/cm.yaml]\n-- a/github.com/org/cm.yaml --\n" + configMap("c"))
	if got := mustBuild(t, files, "a", model.BuildOptions{}); len(got) != 1 || got[0].File != "a/github.com/org/cm.yaml" {
		t.Errorf("%+v", got)
	}
	files["a/github.com/org/cm.yaml"].Data = []byte("a: [\n")
	got := mustFail(t, files, "a", model.BuildOptions{})
	if want := "a/github.com/org/cm.yaml:1: not valid YAML: "; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s…", got, want)
	}
	if p.sprung() {
		t.Error("it was cloned")
	}
}

// TestFatal: kustomize ends the process over an object that JSON cannot hold, in resource.MustYaml,
// with which it words an error. It must end the build only.
func TestFatal(t *testing.T) {
	defer trapFatal()()
	defer func() {
		if v := fmt.Sprint(recover()); !strings.Contains(v, "NaN") {
			t.Errorf("recovered %s", v)
		}
	}()
	r, err := provider.NewDefaultDepProvider().GetResourceFactory().FromBytes([]byte("apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec: .nan\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.MustYaml()
	t.Error("it went on")
}

func FuzzKustomization(f *testing.F) {
	p := setTrap(f)
	for _, c := range errorCases {
		if data, ok := tree(c.tree)["a/kustomization.yaml"]; ok {
			f.Add(string(data.Data))
		}
	}
	for _, address := range remotes(p.url) {
		f.Add("resources: [\"" + address + "\"]\n")
		f.Add("components: [\"" + address + "\"]\nconfigMapGenerator: [{name: x, files: [\"k=" + address + "\"]}]\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := tree("-- a/cm.yaml --\n" + configMap("c") + "-- b/kustomization.yaml --\nresources: [../a/cm.yaml]\n")
		files["a/kustomization.yaml"] = &fstest.MapFile{Data: []byte(text)}
		_, err := (&Renderer{}).Build(context.Background(), files, "a", model.BuildOptions{})
		if _, needs := err.(*model.NeededError); needs {
			err = nil
		}
		if _, ok := err.(*diagnose.BuildError); err != nil && !ok {
			t.Errorf("%T: %v", err, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %q", err)
		}
		if p.sprung() {
			t.Fatal("something was fetched")
		}
	})
}
