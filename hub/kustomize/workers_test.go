package kustomize

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/wire"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/race"
)

// asWorker makes this test program a worker, and asSmallWorker one that may take little memory.
const (
	asWorker      = "kustomize-worker"
	asSmallWorker = "kustomize-worker-small"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == asWorker || os.Args[1] == asSmallWorker) {
		most := uint64(maxMemory)
		if os.Args[1] == asSmallWorker {
			most = 128 << 20
		}
		if err := serve(os.Stdin, os.Stdout, most); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if shared != nil {
		shared.Close()
	}
	os.Exit(code)
}

var (
	shared *Workers
	share  sync.Once
)

// workers starts this very program as workers, for all tests.
func workers(t testing.TB) *Workers {
	t.Helper()
	share.Do(func() {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		shared = NewWorkers(program, asWorker)
		shared.limit = 10 * time.Minute // the largest build takes a minute beside enough others
	})
	return shared
}

// sameInAWorker holds what a worker gives against what this process gave: objects and the text and kind of the error.
func sameInAWorker(t testing.TB, files model.Tree, dir string, opts model.BuildOptions, objects []model.Rendered, err error) {
	t.Helper()
	if _, plain := files.(fstest.MapFS); !plain {
		return
	}
	got, failed := workers(t).Build(context.Background(), files, dir, opts)
	if len(got)+len(objects) > 0 && !reflect.DeepEqual(got, objects) {
		t.Errorf("build of %s in a worker: %+v\nhere: %+v", dir, got, objects)
	}
	if fmt.Sprint(failed) != fmt.Sprint(err) || fmt.Sprintf("%T", failed) != fmt.Sprintf("%T", err) {
		t.Errorf("build of %s in a worker: %v (%T)\nhere: %v (%T)", dir, failed, failed, err, err)
	}
}

// endless is a folder whose build takes hours, although what it reads is small.
func endless() fstest.MapFS {
	var objects strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&objects, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\n", i)
	}
	return fstest.MapFS{"b/objects.yaml": &fstest.MapFile{Data: []byte(objects.String())},
		"b/kustomization.yaml": &fstest.MapFile{Data: []byte("resources: [objects.yaml]\nnamePrefix: p-\n")}}
}

// own gives workers that no other test uses.
func own(t testing.TB, mode string) *Workers {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorkers(program, mode)
	t.Cleanup(w.Close)
	return w
}

// A build that does not end is stopped with its process, and others go on beside it.
func TestAnEndlessBuildIsStopped(t *testing.T) {
	t.Parallel()
	w := own(t, asWorker)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	watch := &watchedTree{Tree: endless()}
	go func() {
		_, err := w.Build(ctx, watch, "b", model.BuildOptions{})
		ended <- err
	}()
	small := overlayOf(3)
	for range 3 {
		if got, err := w.Build(t.Context(), small, "target", model.BuildOptions{}); err != nil || len(got) != 3 {
			t.Fatalf("beside it: %d objects, %v", len(got), err)
		}
	}
	for watch.reads.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	default:
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// watchedTree counts the files that are read.
type watchedTree struct {
	model.Tree
	reads atomic.Int32
}

func (w *watchedTree) ReadFile(name string) ([]byte, error) {
	w.reads.Add(1)
	return w.Tree.ReadFile(name)
}

// The bound on time says which folder it was and what to do.
func TestABuildThatTakesTooLongSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errTime)
	defer cancel()
	_, err := own(t, asWorker).Build(ctx, endless(), "b", model.BuildOptions{})
	if _, is := errors.AsType[*diagnose.BuildError](err); !is || !strings.Contains(err.Error(),
		"b: the build did not end within 1m0s (") {
		t.Errorf("%T: %v", err, err)
	}
}

// What a build takes more than it may ends its process and not the hub's; the next build has another.
func TestABuildThatTakesTooMuchMemoryEndsAlone(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	list := "resources:\n"
	for i := range 8 { // 40 MB of text, which YAML's nodes multiply
		name := fmt.Sprintf("o%d.yaml", i)
		list += "- " + name + "\n"
		files["b/"+name] = &fstest.MapFile{Data: []byte(fmt.Sprintf("apiVersion: v1\nkind: "+
			"ConfigMap\nmetadata: {name: c%d}\ndata:\n", i) +
			strings.Repeat("  k: "+strings.Repeat("x", 100_000)+"\n", 1) + strings.Repeat("# "+strings.Repeat("y",
			1000)+"\n", 5000))}
	}
	for i := range 20_000 {
		files["b/o0.yaml"].Data = fmt.Appendf(files["b/o0.yaml"].Data, "  key%d: v\n", i)
	}
	files["b/kustomization.yaml"] = &fstest.MapFile{Data: []byte(list)}
	w := own(t, asSmallWorker)
	_, err := w.Build(t.Context(), files, "b", model.BuildOptions{})
	if err == nil || !strings.Contains(err.Error(), "MiB of memory that one build may take") {
		t.Errorf("%T: %v", err, err)
	}
	if got, err := w.Build(t.Context(), overlayOf(3), "target", model.BuildOptions{}); err != nil || len(got) != 3 {
		t.Errorf("after it: %d objects, %v", len(got), err)
	}
}

// killIdle ends the workers that have no work, and says how many that were.
func killIdle(w *Workers) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.idle {
		one.Kill()
	}
	return len(w.idle)
}

// A worker that was ended from outside while it had no work is replaced, and no build notices.
func TestAWorkerThatEndedIsReplaced(t *testing.T) {
	t.Parallel()
	w := own(t, asWorker)
	files := overlayOf(3)
	for range 3 {
		if got, err := w.Build(t.Context(), files, "target", model.BuildOptions{}); err != nil || len(got) != 3 {
			t.Fatalf("%d objects, %v", len(got), err)
		}
		for deadline := time.Now().Add(race.Patience(90 * time.Second)); killIdle(w) == 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no worker is ready")
			}
		}
	}
}

// Without a program builds fail for now, and say so.
func TestWorkersThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	w := NewWorkers("/nonexistent/drover", asWorker)
	defer w.Close()
	_, err := w.Build(t.Context(), overlayOf(1), "target", model.BuildOptions{})
	if _, transient := errors.AsType[*model.TransientError](err); !transient || !strings.Contains(err.Error(),
		"cannot be started") {
		t.Errorf("%T: %v", err, err)
	}
}

// Every option of a build reaches the worker.
func TestOptionsSurviveTheWay(t *testing.T) {
	t.Parallel()
	var opts, got model.BuildOptions
	fill(reflect.ValueOf(&opts).Elem(), 0)
	j, err := wire.NewJob("dir", opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(j.Options, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, opts) {
		t.Errorf("sent     %+v\nreceived %+v", opts, got)
	}
}

// fill sets everything in v to something.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf("anything"))
	default:
		panic("a kind that is not filled: " + v.Kind().String())
	}
}

// counting counts what is asked of a tree.
type counting struct {
	fstest.MapFS
	asked atomic.Int64
}

func (c *counting) ReadFile(name string) ([]byte, error) {
	c.asked.Add(1)
	return c.MapFS.ReadFile(name)
}

func (c *counting) ReadDir(name string) ([]fs.DirEntry, error) {
	c.asked.Add(1)
	return c.MapFS.ReadDir(name)
}

func (c *counting) Stat(name string) (fs.FileInfo, error) {
	c.asked.Add(1)
	return c.MapFS.Stat(name)
}

// The answers that come with a job are those of the tree as it is now, and what a build no longer asks for is asked for
// once more at most.
func TestABuildIsToldWhatTheLastOneAskedFor(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorkers(program, asWorker)
	t.Cleanup(w.Close)
	build := func(files fstest.MapFS) (asked int64) {
		t.Helper()
		c := &counting{MapFS: files}
		got, err := w.Build(t.Context(), c, "target", model.BuildOptions{})
		if want := mustBuildHere(t, files, "target", model.BuildOptions{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("in the worker %v, %v; here %v", got, err, want)
		}
		return c.asked.Load()
	}
	large, small := overlayOf(11), overlayOf(1)
	first := build(large)
	changed := overlayOf(11)
	newer := bytes.Replace(large["base/o0.yaml"].Data, []byte("image: example/web:1"), []byte("image: example/web:7"), 1)
	changed["base/o0.yaml"] = &fstest.MapFile{Data: newer}
	again := build(changed)
	if again > first || again < first-2 { // none is asked twice
		t.Errorf("the first build asks %d times, and the same again %d times", first, again)
	}
	if j := (&wire.Habits{}); len(j.Of(large, "target")) != 0 {
		t.Error("something is known of a folder that was never built")
	}
	if known := w.habits.Of(changed, "target"); len(known) != int(again) {
		t.Errorf("%d answers go with a job that asks %d times", len(known), again)
	}
	build(small) // most of what was asked for is gone
	if left := w.habits.Of(small, "target"); len(left) >= int(again) {
		t.Errorf("%d answers go with a job that asks less", len(left))
	}
	missing := overlayOf(2)
	delete(missing, "base/o1.yaml")
	c := &counting{MapFS: missing}
	_, err = w.Build(t.Context(), c, "target", model.BuildOptions{})
	if err == nil || !strings.Contains(err.Error(), "o1.yaml") {
		t.Errorf("a file that is gone: %v", err)
	}
}

// BenchmarkWorker is what it costs to build in another process.
func BenchmarkWorker(b *testing.B) {
	for _, n := range []int{1, 11, 51, 101} {
		files := overlayOf(n)
		w := workers(b)
		b.Run(fmt.Sprintf("worker/%d", n), func(b *testing.B) {
			for b.Loop() {
				if got, err := w.Build(context.Background(), files, "target", model.BuildOptions{}); err != nil ||
					len(got) != n {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("here/%d", n), func(b *testing.B) {
			for b.Loop() {
				mustBuildHere(b, files, "target", model.BuildOptions{})
			}
		})
	}
}
