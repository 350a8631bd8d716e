package argo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/worker"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// cluster is the folder that every repository in testdata has, and repository the address by which its Applications name it.
const (
	cluster    = "staging"
	repository = "https://git.example.com/acme/fleet.git"
	kubernetes = "v1.35.0"
)

// asWorker makes this program the one that renders charts.
const asWorker = "-render-charts"

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, asWorker) {
		if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestEveryAppIsWhatArgoCDMakesOfIt renders the repositories in testdata by Drover and by the tools that Argo CD calls.
func TestEveryAppIsWhatArgoCDMakesOfIt(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 4 {
		t.Fatalf("%d repositories, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			repo := written(t, file)
			got, want := ours(t, repo), argos(t, repo)
			if names, wanted := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(names, wanted) {
				t.Errorf("Drover has the apps %q, Argo CD %q", names, wanted)
			}
			count := 0
			for name := range want {
				compare(t, name, got[name], want[name])
				count += len(want[name])
			}
			if count == 0 {
				t.Error("there is nothing to compare")
			}
			t.Logf("%d apps, %d objects", len(want), count)
		})
	}
}

// objects are canonical JSON by kind, namespace and name.
type objects map[string]string

func compare(t *testing.T, app string, got, want objects) {
	t.Helper()
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("app %s: %s\nDrover  %s\nArgo CD %s", app, key, got[key], want[key])
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("app %s: Argo CD has no %s", app, key)
		}
	}
}

// add takes an object in.
func (o objects) add(t *testing.T, data []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var whole map[string]any
	if err := dec.Decode(&whole); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if whole["kind"] == "Application" {
		return
	}
	meta, _ := whole["metadata"].(map[string]any)
	canonical, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	o[fmt.Sprintf("%v %v %v/%v", whole["apiVersion"], whole["kind"], meta["namespace"], meta["name"])] = string(canonical)
}

// written puts a txtar file on disk as a Git repository.
func written(t *testing.T, file string) string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "x"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// ours is what the hub makes of the cluster's Applications, by app.
func ours(t *testing.T, repo string) map[string]objects {
	t.Helper()
	snap, err := git.At(t.Context(), repo, "main")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	charts, renderer := helm.New(self, asWorker), kustomize.New()
	t.Cleanup(charts.Close)
	r := resolve.New(resolve.Config{Layout: &layout.Layout{Renderer: renderer, Templates: charts}, Renderer: renderer,
		Substitute: envsubst.Replace, Store: resolve.Volatile{}, Secret: make([]byte, 32), Charts: charts,
		Repository: []string{repository}})
	apps, err := r.Refresh(t.Context(), snap, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Resolve(t.Context(), snap, resolve.Request{Site: model.Site{Name: cluster, Folder: "clusters/" + cluster}, Fleet: apps,
		Facts: resolve.Facts{Kubernetes: kubernetes}})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Cluster.Problems) > 0 {
		t.Errorf("problems: %q", res.Cluster.Problems)
	}
	out := map[string]objects{}
	for _, a := range res.Apps {
		if a.Err != "" {
			t.Errorf("app %s: %s", a.App.Name, a.Err)
			continue
		}
		list, err := r.Objects(*a.Ref)
		if err != nil {
			t.Fatal(err)
		}
		name := a.App.Name
		if id := identity.Parse(a.App.Declared); id.Namespace == "argocd" {
			name = id.Name
		} else if id.Namespace != "" {
			name = id.Namespace + "-" + id.Name
		}
		out[name] = objects{}
		for _, o := range list {
			out[name].add(t, o.JSON)
		}
	}
	delete(out, "root")
	return out
}
