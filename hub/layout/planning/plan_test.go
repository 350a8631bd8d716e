package planning

import (
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// TestAPlanBeginsWithWhatTheFolderSays, of which it changes nothing.
func TestAPlanBeginsWithWhatTheFolderSays(t *testing.T) {
	t.Parallel()
	in := model.Declarations{Cluster: model.Cluster{Name: "eu", Apps: []model.App{{Name: "root"}, {Name: "web"}},
		Problems: []string{"a"},
		Notes:    []fleet.Note{{Text: "b"}}}, Repository: []string{"https://a/x"}, Branch: "main", Unautomated: true}
	p := NewPlan(fstest.MapFS{}, "clusters/eu", in, func() ([]model.Cluster,
		error) {
		return []model.Cluster{{Name: "us"}}, nil
	})
	p.Problem("%s %d", "c", 1)
	p.Problem("a")
	p.NoteOnce(fleet.Note{Text: "b"})
	p.NoteOnce(fleet.Note{Text: "d"})
	p.Known = append(p.Known, "oci://b/y")
	if got, want := p.Cluster.Problems, []string{"a", "c 1"}; !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	if got, want := p.Cluster.Notes, []fleet.Note{{Text: "b"}, {Text: "d"}}; !slices.Equal(got, want) {
		t.Errorf("notes %v, want %v", got, want)
	}
	if len(in.Cluster.Problems)+len(in.Cluster.Notes)+len(in.Repository) != 3 {
		t.Errorf("what the folder says is changed: %+v", in)
	}
	if len(p.Apps) != 2 || p.Apps["web"].Name != "web" || p.Branch != "main" || !p.Unautomated {
		t.Errorf("plan %+v", p)
	}
	if clusters, err := p.Fleet(); err != nil || len(clusters) != 1 || clusters[0].Name != "us" {
		t.Errorf("fleet %v, %v", clusters, err)
	}
	for name, want := range map[string]string{"web": "web", "other": "root", "": "root"} {
		if got := p.AppOf(&Object{AppName: name}); got != want {
			t.Errorf("%q is the app %q, want %q", name, got, want)
		}
	}
	for url, want := range map[string]bool{"git@a:x.git": true, "https://b/z": false, "oci://b/y": true, "": false} {
		if got := p.IsRepository(url); got != want {
			t.Errorf("%q is the repository: %t", url, got)
		}
	}
	p.Artifacts = []string{"oci://c/z"}
	if !p.IsArtifact("oci://c/z") || p.IsArtifact("oci://b/y") {
		t.Error("artifacts are not told from the repository")
	}
	p.Bound(Boundary{App: "a"})
	if len(p.Boundaries) != 1 || p.Boundaries[0].App != "a" {
		t.Errorf("boundaries %v", p.Boundaries)
	}
}

// TestPathsAreSeenFromTheRoot, above which nothing leads.
func TestPathsAreSeenFromTheRoot(t *testing.T) {
	t.Parallel()
	p := &Plan{Folder: "clusters/eu"}
	for name, want := range map[string]string{"": ".", ".": ".", "/": ".", "./a/": "a", "/a//b": "a/b", "../../a": "a",
		"a/../..":     ".",
		"clusters/eu": "clusters/eu", "./clusters/us/../eu/": "clusters/eu"} {
		if got := Cleaned(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		if got := p.Own(name); got != (want == "clusters/eu") {
			t.Errorf("%q is the cluster's own folder: %t", name, got)
		}
	}
	if got := FieldAt("spec.a", 2); got != "spec.a[2]" {
		t.Errorf("an item is %s", got)
	}
}

// TestObjectsAreSortedByTheirKeys.
func TestObjectsAreSortedByTheirKeys(t *testing.T) {
	t.Parallel()
	p := NewPlan(fstest.MapFS{}, "", model.Declarations{}, nil)
	for _, o := range []*Object{{Kind: "B", Namespace: "a", Name: "a"}, {Kind: "A", Namespace: "b", Name: "a"},
		{Kind: "A", Namespace: "a", Name: "b"}} {
		p.Add(o)
	}
	p.Sort()
	var keys []string
	for _, o := range p.Objects() {
		keys = append(keys, o.Key())
	}
	if want := []string{"A a/b", "A b/a", "B a/a"}; !slices.Equal(keys, want) {
		t.Errorf("keys %q, want %q", keys, want)
	}
}

// TestWhereAMessageIs: the line of a field, or of the object, if the file has it; else the app that gives the object.
func TestWhereAMessageIs(t *testing.T) {
	t.Parallel()
	const text = "kind: Other\nmetadata: {name: x}\n---\nkind: List\nitems:\n- kind: Thing\n  metadata: {name: x}\n  " +
		"spec:\n    list:\n    - a: 1\n    - b: 2\n"
	p := NewPlan(fstest.MapFS{"a.yaml": {Data: []byte(text)}}, "", model.Declarations{}, nil)
	object := func(file, kind string) *Object {
		return &Object{Declaration: model.Declaration{Rendered: model.Rendered{File: file}, App: "web"}, Kind: kind,
			Namespace: "n", Name: "x"}
	}
	for _, c := range []struct {
		o        *Object
		at, want string
	}{
		{object("a.yaml", "Thing"), "spec.list[1].b", "a.yaml:11: Thing n/x: spec.list[1].b: said"},
		{object("a.yaml", "Thing"), "spec.list[0].none", "a.yaml:10: Thing n/x: spec.list[0].none: said"},
		{object("a.yaml", "Thing"), "", "a.yaml:6: Thing n/x: said"},
		{object("a.yaml", "Other"), "spec", "a.yaml:1: Other n/x: spec: said"},
		{object("a.yaml", "None"), "spec", "a.yaml: None n/x: spec: said"},
		{object("b.yaml", "Thing"), "spec", "b.yaml: Thing n/x: spec: said"},
		{object("", "Thing"), "spec", "the app web: Thing n/x: spec: said"},
	} {
		if got := p.Errorf(c.o, c.at, "%s", "said").Error(); got != c.want {
			t.Errorf("%s at %q: %s\nwant %s", c.o, c.at, got, c.want)
		}
	}
	if !(&Object{}).Central() || object("", "Thing").Central() {
		t.Error("what stands below fleet/ is not told from what an app declares")
	}
}

// TestWhatAnObjectSaysBesideItsSpec: annotations, and what protects it.
func TestWhatAnObjectSaysBesideItsSpec(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]struct {
		model.Intents
		kept bool
		tier string
	}{
		`{}`:                            {},
		`{"annotations":{"tier":"a"}}`:  {tier: "a"},
		`{"annotations":{"tier":true}}`: {tier: "true"},
		`{"annotations":{"drover.dev/allow-empty":"true"}}`:                 {Intents: model.Intents{AllowEmpty: true}},
		`{"annotations":{"drover.dev/rollback":"Never"}}`:                   {Intents: model.Intents{NeverBack: true}},
		`{"annotations":{"drover.dev/deletions":"Allowed"}}`:                {Intents: model.Intents{Deletions: true}},
		`{"annotations":{"drover.dev/deletions":"held"}}`:                   {},
		`{"annotations":{"argocd.argoproj.io/sync-options":"Prune=false"}}`: {kept: true},
		`{"annotations":{"kustomize.toolkit.fluxcd.io/prune":"disabled"}}`:  {kept: true},
		`{"labels":{"kustomize.toolkit.fluxcd.io/prune":"disabled"}}`:       {kept: true},
	} {
		o := &Object{Declaration: model.Declaration{Rendered: model.Rendered{JSON: json.RawMessage(`{"metadata":` +
			metadata + `}`)}}}
		in, _ := o.Intents()
		if in != want.Intents || o.Kept() != want.kept || o.Annotation("tier") != want.tier {
			t.Errorf("%s: %+v, kept %t, tier %q", metadata, in, o.Kept(), o.Annotation("tier"))
		}
	}
}

// TestKindsOfADialect: what declares an app, and what is read.
func TestKindsOfADialect(t *testing.T) {
	t.Parallel()
	k := Kinds{Groups: []Group{{Name: "a", Apps: []string{"App"}, Others: []string{"Set"}}, {Name: "sources"},
		{Name: "closed", Apps: []string{"App"}, Closed: true}}}
	for of, want := range map[[2]string][2]bool{ // declares an app, is read
		{"a", "App"}: {true, true}, {"a", "Set"}: {false, true}, {"a", "Other"}: {false, false}, {"b", "App"}: {false, false},
		{"sources", "Any"}: {false, true}, {"closed", "App"}: {true, true}, {"closed", "Other"}: {false, true},
	} {
		if got := [2]bool{k.IsApp(of[0], of[1]), k.Declares(of[0], of[1])}; got != want {
			t.Errorf("%q: %t, want %t", of, got, want)
		}
	}
	if got, want := k.Groups[0].Known(), []string{"App", "Set"}; !slices.Equal(got, want) {
		t.Errorf("known %q, want %q", got, want)
	}
}

// TestAnotherSourcesTree is in the plan's own; if it is not, it is asked for.
func TestAnotherSourcesTree(t *testing.T) {
	t.Parallel()
	here, away := model.Source{Kind: model.SourceGit, URL: "https://a/x"}, model.Source{Kind: model.SourceGit,
		URL: "https://b/y"}
	p := NewPlan(fstest.MapFS{model.RemoteFolder("", here) + "/d/f": {Data: []byte("text")}}, "", model.Declarations{},
		nil)
	tree, err := p.TreeOf(here)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := tree.ReadFile("d/f"); err != nil || string(data) != "text" {
		t.Errorf("a file: %q, %v", data, err)
	}
	if info, err := tree.Stat("d"); err != nil || !info.IsDir() {
		t.Errorf("a folder: %v, %v", info, err)
	}
	if entries, err := tree.ReadDir("."); err != nil || len(entries) != 1 || entries[0].Name() != "d" {
		t.Errorf("entries %v, %v", entries, err)
	}
	if f, err := tree.Open("d/f"); err != nil {
		t.Error(err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, outside := range []string{"../x", "/d", ""} {
		_, opened := tree.Open(outside)
		_, read := tree.ReadFile(outside)
		_, stat := tree.Stat(outside)
		_, listed := tree.ReadDir(outside)
		for _, err := range []error{opened, read, stat, listed} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q: %v", outside, err)
			}
		}
	}
	want := model.Needed{Source: away, At: model.RemoteFolder("", away)}
	_, err = p.TreeOf(away)
	needed, ok := errors.AsType[*model.NeededError](err)
	if !ok || !reflect.DeepEqual(needed.Sources, []model.Needed{want}) || !reflect.DeepEqual(p.Needs,
		[]model.Needed{want}) {
		t.Errorf("%v, needs %+v", err, p.Needs)
	}
}

// TestHealthOfAnotherObject is asked by its kind and its name.
func TestHealthOfAnotherObject(t *testing.T) {
	t.Parallel()
	got := HealthRef{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "a", Name: "b"}.Ref()
	if want := (protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "a", Name: "b"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for name, ok := range map[string]bool{"a": true, "a.b-c": true, "": false, "a..b": false, "A": false, "a/b": false,
		"-a": false} {
		if err := CheckSubdomain(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestAddressesOfThisMachine are not remote.
func TestAddressesOfThisMachine(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"https://a/b": true, "git@a:b": true, "oci://a/b": true,
		"file:///a": false, "/a": false,
		"a/b": false, "": false, "../a": false} {
		if got := IsRemote(address); got != want {
			t.Errorf("%q: %t", address, got)
		}
	}
}
