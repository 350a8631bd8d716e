package kustomize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/drover-dev/drover/hub/model"
)

// TestOwnSchema: a kustomization with its own schema neither feels earlier builds nor leaves
// anything to later ones.
func TestOwnSchema(t *testing.T) {
	patched := `
-- plain/kustomization.yaml --
resources: [roll.yaml]
patches: [{path: p.yaml}]
-- own/kustomization.yaml --
resources: [../plain/roll.yaml]
patches: [{path: ../plain/p.yaml}]
openapi: {path: schema.json}
-- nested/kustomization.yaml --
resources: [../own]
-- plain/roll.yaml --
apiVersion: example.dev/v1
kind: Roll
metadata: {name: r}
spec: {containers: [{name: one}, {name: two}]}
-- plain/p.yaml --
apiVersion: example.dev/v1
kind: Roll
metadata: {name: r}
spec: {containers: [{name: two, image: x}]}
-- own/schema.json --
{"definitions": {"v1.Roll": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "example.dev", "kind": "Roll", "version": "v1"}],
 "properties": {"spec": {"type": "object", "properties": {"containers": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}},
  "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}}}}
`
	files := tree(patched)
	replaced := `{"apiVersion":"example.dev/v1","kind":"Roll","metadata":{"name":"r"},"spec":{"containers":[{"image":"x","name":"two"}]}}`
	merged := `{"apiVersion":"example.dev/v1","kind":"Roll","metadata":{"name":"r"},"spec":{"containers":[{"name":"one"},{"image":"x","name":"two"}]}}`
	for _, step := range []struct{ dir, want string }{{"plain", replaced}, {"own", merged}, {"plain", replaced}, {"nested", merged}, {"plain", replaced}} {
		got := mustBuild(t, files, step.dir, model.BuildOptions{})
		if string(got[0].JSON) != step.want && !sameContainers(got[0].JSON, step.want) {
			t.Errorf("%s: %s\nwant %s", step.dir, got[0].JSON, step.want)
		}
	}
	if openapi.GetSchemaVersion() != openapi.DefaultOpenAPI {
		t.Errorf("the schema is left at %s", openapi.GetSchemaVersion())
	}
}

// sameContainers allows for the order in which a merge leaves a list.
func sameContainers(got []byte, want string) bool {
	return strings.Contains(string(got), `{"name":"one"}`) == strings.Contains(want, `{"name":"one"}`) && len(got) == len(want)
}

func TestContext(t *testing.T) {
	turn <- struct{}{} // a build that hangs
	defer func() { <-turn }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := (&Renderer{}).Build(ctx, tree("-- a/x.yaml --\n"+configMap("x")), "a", model.BuildOptions{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// slow is a tree that blocks until it is let go, and notes use after a build was given up.
type slow struct {
	fstest.MapFS
	entered, release chan struct{}
	once             sync.Once
}

func (s *slow) ReadFile(name string) ([]byte, error) {
	s.once.Do(func() { close(s.entered); <-s.release })
	return s.MapFS.ReadFile(name)
}

func TestContextDuringABuild(t *testing.T) {
	s := &slow{MapFS: overlayOf(50), entered: make(chan struct{}), release: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := (&Renderer{}).Build(ctx, s, "target", model.BuildOptions{})
		done <- err
	}()
	<-s.entered
	cancel()
	close(s.release)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s.MapFS = nil // nothing may read it now
	mustBuild(t, tree("-- a/x.yaml --\n"+configMap("x")), "a", model.BuildOptions{})
}

func TestConcurrentBuilds(t *testing.T) {
	r := New()
	files := overlayOf(11)
	want := fmt.Sprint(mustBuild(t, files, "target", model.BuildOptions{}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := r.Build(context.Background(), files, "target", model.BuildOptions{})
			if err != nil || fmt.Sprint(got) != want {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
}

// watched notes what was asked of a tree.
type watched struct {
	fstest.MapFS
	asked map[string]bool
}

func (w watched) Stat(name string) (fs.FileInfo, error) {
	w.asked[name] = true
	return w.MapFS.Stat(name)
}

func (w watched) ReadFile(name string) ([]byte, error) {
	w.asked[name] = true
	return w.MapFS.ReadFile(name)
}

func (w watched) ReadDir(name string) ([]fs.DirEntry, error) {
	w.asked[name] = true
	return w.MapFS.ReadDir(name)
}

// TestLookupsAreSeen: the caller learns of everything that the result depends on, also of what is not there.
func TestLookupsAreSeen(t *testing.T) {
	w := watched{tree("-- a/kustomization.yaml --\nresources: [../base]\n-- base/kustomization.yml --\nresources: [x.yaml]\n-- base/x.yaml --\n" + configMap("x") +
		"-- p/sub/x.yaml --\n" + configMap("y")), map[string]bool{}}
	mustBuild(t, w, "a", model.BuildOptions{})
	mustBuild(t, w, "p", model.BuildOptions{})
	for _, name := range []string{"a/kustomization.yaml", "a/kustomization.yml", "a/Kustomization", "base", "base/kustomization.yaml", "base/kustomization.yml", "base/Kustomization", "base/x.yaml",
		"p", "p/kustomization.yaml", "p/sub", "p/sub/Kustomization", "p/sub/x.yaml"} {
		if !w.asked[name] {
			t.Errorf("%s was not looked up through the tree", name)
		}
	}
}

// linked is a tree with symbolic links to folders.
type linked struct {
	fstest.MapFS
	links map[string]string
}

func (l linked) follow(name string) string {
	for from, to := range l.links {
		if rest, ok := strings.CutPrefix(name+"/", from+"/"); ok {
			return strings.TrimSuffix(to+"/"+rest, "/")
		}
	}
	return name
}

func (l linked) Stat(name string) (fs.FileInfo, error) { return l.MapFS.Stat(l.follow(name)) }
func (l linked) ReadFile(name string) ([]byte, error)  { return l.MapFS.ReadFile(l.follow(name)) }
func (l linked) Lookup(name string) (e model.Entry, _ error) {
	info, err := l.Stat(name)
	if err != nil {
		return e, err
	}
	return model.Entry{Path: l.follow(name), Mode: info.Mode()}, nil
}

// TestLinks: a base reached over a link names its neighbours from where it really is, as on disk.
func TestLinks(t *testing.T) {
	l := linked{tree("-- a/kustomization.yaml --\nresources: [link]\n-- deep/er/base/kustomization.yaml --\nresources: [../x.yaml]\n-- deep/er/x.yaml --\n" + configMap("x")),
		map[string]string{"a/link": "deep/er/base"}}
	if got := mustBuild(t, l, "a", model.BuildOptions{}); len(got) != 1 || got[0].File != "deep/er/x.yaml" {
		t.Errorf("%+v", got)
	}
}

func TestLogLinesOfOthersPassThrough(t *testing.T) {
	var buffer bytes.Buffer
	before := log.Writer()
	log.SetOutput(&buffer)
	defer log.SetOutput(before)
	undo := trapFatal()
	log.Print("hello")
	undo()
	if !strings.Contains(buffer.String(), "hello") || log.Writer() != &buffer {
		t.Error("a log line was lost")
	}
}

func TestTooMany(t *testing.T) {
	files := tree("-- a/kustomization.yaml --\nresources: [x.yaml]\n")
	files["a/x.yaml"] = &fstest.MapFile{Data: bytes.Repeat([]byte("# padding\n"), (16<<20)/10+1)}
	if got := mustFail(t, files, "a", model.BuildOptions{}); !strings.HasPrefix(got, "a/x.yaml: is larger than the 16 MiB") {
		t.Error(got)
	}
	// each level includes the next twice
	text := ""
	for i := range 24 {
		for _, side := range []string{"l", "r"} {
			text += fmt.Sprintf("-- %s%d/kustomization.yaml --\nnamePrefix: %s\nresources: [../l%d, ../r%d]\n", side, i, side, i+1, i+1)
		}
	}
	text += "-- l24/kustomization.yaml --\nresources: [x.yaml]\n-- l24/x.yaml --\n# none\n-- r24/kustomization.yaml --\nnamePrefix: x\n"
	start := time.Now()
	got := mustFail(t, tree(text), "l0", model.BuildOptions{})
	if !strings.Contains(got, "the build reads more than its bounds allow") {
		t.Error(got)
	}
	t.Logf("stopped after %v", time.Since(start))
}
