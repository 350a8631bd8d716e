package layout

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// everything is a folder with everything that the layout knows.
const everything = payment + `
-- clusters/staging/cluster.yaml --
labels: {env: staging, tier: 1}
vars: {region: eu, replicas: 2, debug: true}
suspend: false
-- clusters/staging/apps.yaml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata:
  name: payment
spec:
  path: ./apps/payment
  namespace: shop
  dependsOn: [database, name: queue]
  prune: false
  suspend: true
  timeout: 90s
  vars: {replicas: 3}
---
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: database}
spec: {path: apps/payment/}
-- clusters/staging/more/queue.yml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: queue}
spec: {path: /apps/payment, substitute: true}
-- clusters/staging/more/namespace.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: shop}
-- clusters/staging/README.md --
Not a manifest.
`

func TestNativeLayout(t *testing.T) {
	want := model.Cluster{
		Name:      "staging",
		Labels:    map[string]string{"env": "staging", "tier": "1"},
		Described: true,
		Vars:      map[string]string{"region": "eu", "replicas": "2", "debug": "true"}, // as they are written
		Apps: []model.App{
			{Name: "database", File: "clusters/staging/apps.yaml", Part: model.Part{Path: "apps/payment"}, Prune: true},
			{
				Name: "payment", File: "clusters/staging/apps.yaml", Part: model.Part{Path: "apps/payment"}, Namespace: "shop",
				DependsOn: []string{"database",
					"queue"}, DependsAt: "clusters/staging/apps.yaml:8", Suspend: true, Substitute: true, // since it has vars
				Vars: map[string]string{"replicas": "3"}, Timeout: 90 * time.Second,
			},
			{Name: "queue", File: "clusters/staging/more/queue.yml", Part: model.Part{Path: "apps/payment"}, Prune: true,
				Substitute: true},
			{Name: "root", File: "clusters/staging", Part: model.Part{Path: "clusters/staging"}, Prune: true},
		},
	}
	f := read(t, everything)
	if !reflect.DeepEqual(f.Cluster, want) {
		t.Errorf("got  %+v\nwant %+v", f.Cluster, want)
	}
	if len(f.Root) != 1 || f.Root[0].File != "clusters/staging/more/namespace.yaml" ||
		string(f.Root[0].JSON) != `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}` {
		t.Errorf("the root app holds %+v", f.Root)
	}
}

func TestClusterFileAsAnObjectOrAsFields(t *testing.T) {
	want := model.Cluster{Name: "staging", Labels: map[string]string{"env": "staging"},
		Vars: map[string]string{"region": "eu"}, Suspend: true,
		PruneOnRemove: true, AgentImage: "example.com/agent@sha256:1", Described: true}
	const life = "onRemove: prune\nagent: {image: example.com/agent@sha256:1}\n"
	for name, text := range map[string]string{
		"fields": "labels: {env: staging}\nvars: {region: eu}\nsuspend: true\n" + life,
		"an object": "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: staging\n  labels: {env: staging}\n" +
			"spec:\n  vars: {region: eu}\n  suspend: true\n  onRemove: prune\n  agent:\n    image: example.com/agent@sha256:1\n",
		"an object without a name": "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels: {env: staging}\n" +
			"spec: {vars: {region: eu}, suspend: true, onRemove: prune, agent: {image: example.com/agent@sha256:1}}\n",
		"an object after an empty document": "---\n---\nlabels: {env: staging}\nvars: {region: eu}\nsuspend: true\n" + life,
	} {
		if f := read(t, "-- clusters/staging/cluster.yaml --\n"+text); !reflect.DeepEqual(f.Cluster, want) {
			t.Errorf("%s: got %+v\nwant %+v", name, f.Cluster, want)
		}
	}
	for text, described := range map[string]bool{"": false, "# nothing yet\n": false, "null\n": false, "{}\n": false,
		"labels:\nvars:\n": true, "onRemove: keep\nagent:\n": true} {
		if f := read(t, "-- clusters/staging/cluster.yaml --\n"+text); !reflect.DeepEqual(f.Cluster,
			model.Cluster{Name: "staging", Described: described}) {
			t.Errorf("%q: got %+v", text, f.Cluster)
		}
	}
}

// TestAppsComeOutOfKustomize: the folder's kustomization may make Apps as it makes anything else.
func TestAppsComeOutOfKustomize(t *testing.T) {
	f := read(t, payment+`
-- apps/base/app.yaml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata:
  name: payment
spec:
  path: ./apps/nowhere
-- clusters/staging/kustomization.yaml --
resources: [../../apps/base/app.yaml, namespace.yaml]
namePrefix: eu-
patches:
- target: {kind: App}
  patch: |-
    - {op: replace, path: /spec/path, value: ./apps/payment}
-- clusters/staging/namespace.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
-- clusters/staging/not-named.yaml --
a: [ # nothing names this file, so nothing reads it
`)
	want := []model.App{
		{Name: "eu-payment", File: "apps/base/app.yaml", Part: model.Part{Path: "apps/payment"}, Prune: true},
		{Name: "root", File: "clusters/staging", Part: model.Part{Path: "clusters/staging"}, Prune: true},
	}
	if !reflect.DeepEqual(f.Cluster.Apps, want) || len(f.Cluster.Problems) > 0 {
		t.Errorf("apps %+v, problems %q\nwant %+v", f.Cluster.Apps, f.Cluster.Problems, want)
	}
	if len(f.Root) != 1 || !strings.Contains(string(f.Root[0].JSON), "eu-shop") {
		t.Errorf("the root app holds %s", f.Root)
	}
}

func TestClustersAreTheFolders(t *testing.T) {
	names, problems, err := (&Layout{Renderer: renderer}).Clusters(tree(`
-- clusters/staging/cluster.yaml --
-- clusters/production-us-east-1/x.yaml --
-- clusters/0/x.yaml --
-- clusters/My_Cluster/x.yaml --
-- clusters/a.b/x.yaml --
-- clusters/.git/x.yaml --
-- clusters/README.md --
-- clusters/copy -> staging --
-- clusters/lost -> nowhere --
-- elsewhere/x/y.yaml --
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"0", "copy", "lost", "production-us-east-1", "staging"}; !slices.Equal(names, want) {
		t.Errorf("clusters %q, want %q", names, want)
	}
	const label = "is no DNS label: use lower-case letters, digits and '-', beginning and ending with a letter or digit; rename the folder"
	wantProblems := []string{
		`clusters/My_Cluster: the name "My_Cluster" ` + label,
		`clusters/a.b: the name "a.b" ` + label,
	}
	if slices.Sort(problems); !slices.Equal(problems, wantProblems) {
		t.Errorf("problems\n%s\nwant\n%s", strings.Join(problems, "\n"), strings.Join(wantProblems, "\n"))
	}
}

// TestNoClustersFolderIsAnError, and no empty fleet: nothing may follow from it.
func TestNoClustersFolderIsAnError(t *testing.T) {
	for root, want := range map[string]string{
		"":        "clusters/ does not exist at this revision: add a folder clusters/<name>/ for each cluster, or say with --path where they are",
		"x/fleet": "x/fleet/ does not exist at this revision: add a folder x/fleet/<name>/ for each cluster, or say with --path where they are",
	} {
		names, _, err := (&Layout{Root: root, Renderer: renderer}).Clusters(tree(payment))
		if err == nil || err.Error() != want || names != nil {
			t.Errorf("got  %v, %v\nwant %s", names, err, want)
		}
	}
	names, problems, err := (&Layout{Root: "./fleet/", Renderer: renderer}).Clusters(tree("-- fleet/staging/x.yaml --\n"))
	if err != nil || len(problems) > 0 || !slices.Equal(names, []string{"staging"}) {
		t.Errorf("under another root: %q, %q, %v", names, problems, err)
	}
}

// unreadable is a tree in which some paths are there and cannot be read.
type unreadable struct {
	fstest.MapFS
	paths []string
}

var errDisk = errors.New("input/output error")

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if slices.Contains(u.paths, name) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errDisk}
	}
	return u.MapFS.ReadFile(name)
}

func (u unreadable) ReadDir(name string) ([]fs.DirEntry, error) {
	if slices.Contains(u.paths, name) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errDisk}
	}
	return u.MapFS.ReadDir(name)
}

// TestWhatCannotBeReadIsNotTakenForAbsent: a folder or a cluster.yaml that cannot be read is an error, and then the
// cluster is kept; of a file beside others it is a problem, and then nothing that seems to be gone is deleted.
func TestWhatCannotBeReadIsNotTakenForAbsent(t *testing.T) {
	text := payment + app("a.yaml", "a", "  path: ./apps/payment\n") + app("more/b.yaml", "b",
		"  path: ./apps/payment\n") +
		"-- clusters/staging/cluster.yaml --\nsuspend: true\n"
	for path, want := range map[string]string{
		"clusters/staging":              "error clusters/staging cannot be read: read clusters/staging: input/output error",
		"clusters/staging/cluster.yaml": "error clusters/staging/cluster.yaml cannot be read: read clusters/staging/cluster.yaml: input/output error",
		"clusters/staging/a.yaml":       "problem clusters/staging/a.yaml cannot be read: read clusters/staging/a.yaml: input/output error",
		"clusters/staging/more":         "problem clusters/staging/more cannot be read: read clusters/staging/more: input/output error",
	} {
		f, err := (&Layout{Renderer: renderer}).Read(context.Background(), unreadable{tree(text), []string{path}}, "staging")
		var got string
		switch {
		case err != nil:
			got = "error " + err.Error()
		case len(f.Cluster.Problems) > 0:
			got = "problem " + f.Cluster.Problems[0]
		}
		if got != want {
			t.Errorf("%s cannot be read:\ngot  %s\nwant %s", path, got, want)
		}
	}
	_, _, err := (&Layout{Renderer: renderer}).Clusters(unreadable{tree(text), []string{"clusters"}})
	if !errors.Is(err, errDisk) {
		t.Errorf("clusters/ cannot be read: %v", err)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f, err := (&Layout{Renderer: renderer}).Read(ctx, tree(everything), "staging")
	if !errors.Is(err, context.Canceled) || !reflect.DeepEqual(f, model.Folder{}) {
		t.Errorf("got %+v, %v", f, err)
	}
}

// FuzzRead: a file may hold anything.
func FuzzRead(f *testing.F) {
	for _, c := range badInput {
		for name, file := range tree(c.tree) {
			if strings.HasPrefix(name, "clusters/staging/") {
				f.Add(string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := fstest.MapFS{
			"clusters/staging/cluster.yaml": {Data: []byte(text)},
			"clusters/staging/a.yaml":       {Data: []byte(text)},
			"apps/payment/cm.yaml":          {Data: []byte("# nothing\n")},
		}
		if _, err := (&Layout{Renderer: renderer}).Read(context.Background(), files, "staging"); err != nil {
			t.Errorf("everything can be read: %v", err)
		}
	})
}

func TestAnAppLaysOverItsFolderWhatItSays(t *testing.T) {
	f := read(t, payment+app("a.yaml", "payment", `  path: ./apps/payment
  targetNamespace: shop
  namePrefix: a-
  nameSuffix: -b
  patches:
  - {patch: "x", target: {kind: Pod, name: w.*}}
  images: [{name: nginx, newTag: 1.27, newName: n, digest: d}]
  components: [../tls]
  commonMetadata: {labels: {a: b}, annotations: {c: 1}}
`))
	got := f.Cluster.Apps[0]
	want := model.App{
		Name: "payment", File: "clusters/staging/a.yaml", Prune: true,
		Part: model.Part{Path: "apps/payment", Overlay: model.Overlay{Namespace: "shop", NamePrefix: "a-", NameSuffix: "-b",
			Patches: []model.Patch{{Patch: "x", Target: &model.Target{Kind: "Pod", Name: "w.*"}}},
			Images:  []model.Image{{Name: "nginx", NewTag: "1.27", NewName: "n", Digest: "d"}}, Components: []string{"../tls"}}},
		Metadata: model.Metadata{Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "1"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
