package flux

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/worker"
	"github.com/drover-dev/drover/hub/ignore"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// asWorker makes this test program one that renders charts.
const asWorker = "helm-worker"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asWorker {
		if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Helm's action, which is the oracle, logs there
	os.Exit(m.Run())
}

// charts renders charts in processes of this very program.
func charts(t *testing.T, renderer model.Renderer) *helm.Renderer {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := helm.New(program, asWorker)
	r.Kustomize = renderer
	t.Cleanup(r.Close)
	return r
}

// cluster is the folder that every repository in testdata has.
const cluster = "staging"

// TestEveryAppIsWhatFluxMakesOfIt renders the repositories in testdata by Drover and by Flux.
func TestEveryAppIsWhatFluxMakesOfIt(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 5 {
		t.Fatalf("%d repositories, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			repo := repository(t, file)
			got, failed := ours(t, repo)
			want, wantFailed := fluxes(t, repo)
			if !slices.Equal(failed, wantFailed) {
				t.Errorf("Drover fails to render %q, Flux %q", failed, wantFailed)
			}
			maps.DeleteFunc(want, func(name string, o objects) bool { return name == "root" && len(o) == 0 })
			maps.DeleteFunc(got, func(name string, o objects) bool { return name == "root" && len(o) == 0 })
			if names, wanted := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(names, wanted) {
				t.Errorf("Drover has the apps %q, Flux %q", names, wanted)
			}
			objects := 0
			for name := range want {
				compare(t, name, got[name], want[name])
				objects += len(want[name])
			}
			if objects == 0 {
				t.Error("there is nothing to compare")
			}
			t.Logf("%d apps, %d objects", len(want), objects)
		})
	}
}

// ofChart is what the name of a chart's app ends with here: a HelmRelease often has the name of the Kustomization that declares it, and Drover
// adds a digest to the names of both then.
const ofChart = " (chart)"

var digest = regexp.MustCompile(`-[0-9a-f]{8}$`)

// share moves the definitions of a chart where those of all charts are: a definition that two charts bring is there once, and which of them
// brought it is no matter.
func share(apps map[string]objects, app string) {
	if !strings.HasSuffix(app, ofChart) {
		return
	}
	for key, object := range apps[app] {
		if strings.Contains(key, " CustomResourceDefinition ") {
			if apps["definitions"] == nil {
				apps["definitions"] = objects{}
			}
			apps["definitions"][key] = object
			delete(apps[app], key)
		}
	}
}

// objects are canonical JSON by kind, namespace and name.
type objects map[string]string

func compare(t *testing.T, app string, got, want objects) {
	t.Helper()
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("app %s: %s\nDrover %s\nFlux   %s", app, key, got[key], want[key])
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("app %s: Flux has no %s", app, key)
		}
	}
}

// add takes an object in, unless Drover leaves it out or delivers it by other rules: Flux' own objects and components.
func (o objects) add(t *testing.T, data []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var m struct {
		APIVersion, Kind string
		Metadata         struct {
			Name, Namespace string
			Labels          map[string]string
		}
	}
	var whole any
	if err := dec.Decode(&whole); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if strings.Contains(m.APIVersion, ".fluxcd.io/") || m.Metadata.Labels["app.kubernetes.io/part-of"] == "flux" {
		return
	}
	withoutOurs(whole)
	canonical, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	o[m.APIVersion+" "+m.Kind+" "+m.Metadata.Namespace+"/"+m.Metadata.Name] = string(canonical)
}

// withoutOurs takes out the annotations by which the hub tells the agent how Flux treats an object.
func withoutOurs(object any) {
	m, _ := object.(map[string]any)
	meta, _ := m["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	maps.DeleteFunc(annotations, func(key string, _ any) bool { return strings.HasPrefix(key, "drover.dev/") })
	if len(annotations) == 0 {
		delete(meta, "annotations")
	}
}

// repository puts a txtar file on disk as a Git repository.
func repository(t *testing.T, file string) string {
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

// nameOf is an app as the oracle names it: with the namespace, where that is not Flux' own.
func nameOf(a model.App) string {
	id := identity.Parse(a.Declared)
	switch {
	case a.Declared == "":
		return a.Name
	case id.Namespace == "flux-system":
		return id.Name
	}
	return id.Namespace + "-" + id.Name
}

// ours is what the hub makes of the cluster's folder, by app, and which apps it cannot render.
func ours(t *testing.T, repo string) (out map[string]objects, failed []string) {
	t.Helper()
	snap, err := git.At(t.Context(), repo, "main")
	if err != nil {
		t.Fatal(err)
	}
	renderer := kustomize.New()
	r := resolve.New(resolve.Config{Layout: &layout.Layout{Renderer: renderer}, Renderer: renderer, Substitute: envsubst.Replace,
		Store: resolve.Volatile{}, Secret: make([]byte, 32), Charts: charts(t, renderer), Ignored: ignore.Made})
	apps, err := r.Refresh(t.Context(), snap, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Resolve(t.Context(), snap, resolve.Request{Site: model.Site{Name: cluster, Folder: "clusters/" + cluster}, Fleet: apps})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Cluster.Problems) > 0 {
		t.Errorf("problems: %q", res.Cluster.Problems)
	}
	out = map[string]objects{}
	for _, a := range res.Apps {
		name := digest.ReplaceAllString(nameOf(a.App), "")
		if a.App.Charts() {
			name += ofChart
		}
		if a.Err != "" {
			t.Logf("app %s: %s", a.App.Name, a.Err)
			failed = append(failed, name)
			continue
		}
		list, err := r.Objects(*a.Ref)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = objects{}
		for _, o := range list {
			out[name].add(t, o.JSON)
		}
		share(out, name)
	}
	slices.Sort(failed)
	return out, failed
}
