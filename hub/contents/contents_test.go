package contents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// shelf gives the objects of blobs, and counts how often each is read. What it does not have is an error.
type shelf struct {
	mu      sync.Mutex
	objects map[string]string // by digest, as JSON
	reads   map[string]int
}

func (s *shelf) read(ref protocol.Blob) ([]model.Rendered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reads == nil {
		s.reads = map[string]int{}
	}
	s.reads[ref.Digest]++
	text, is := s.objects[ref.Digest]
	if !is {
		return nil, errors.New("it is not there")
	}
	var out []model.Rendered
	for line := range strings.Lines(text) {
		out = append(out, model.Rendered{JSON: []byte(line)})
	}
	return out, nil
}

// pod is a Pod with an image.
func pod(image string) string {
	return `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"` + image + `"}]}}`
}

// delivering is a bundle whose apps have one blob each.
func delivering(digests ...string) (b protocol.Bundle) {
	for _, d := range digests {
		b.Apps = append(b.Apps, protocol.App{Name: "app-" + d, Blob: &protocol.Blob{Digest: d, Key: []byte(d), Objects: 3}})
	}
	return b
}

// reading runs a test beside a book that reads from a shelf, within a bubble in which what is asked is read at once.
func reading(t *testing.T, s *shelf, log *slog.Logger, run func(t *testing.T, b *Book)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		ctx, end := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { b.Read(ctx, s.read, log) })
		run(t, b)
		end()
		done.Wait()
	})
}

// images are those that the apps of a bundle deliver, as people ask for them: "?" where it is not known.
func images(b *Book, of protocol.Bundle) (out []string) {
	for _, a := range b.Wanted(of, nil) {
		if f := a.Content.Facts(); f != nil {
			out = append(out, strings.Join(f.Images, ","))
		} else {
			out = append(out, "?")
		}
	}
	return out
}

func wants(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestABlobIsReadOnce, however many clusters have it, and what blobs have in common is one.
func TestABlobIsReadOnce(t *testing.T) {
	t.Parallel()
	s := &shelf{objects: map[string]string{"a": pod("web:1"), "b": pod("web:1"), "c": pod("web:2") + "\n" + pod("db:1")}}
	reading(t, s, slog.New(slog.DiscardHandler), func(t *testing.T, b *Book) {
		wants(t, "at once", images(b, delivering("a", "b", "c")), "?", "?", "?")
		synctest.Wait()
		wants(t, "then", images(b, delivering("c", "b", "a", "a")), "db:1,web:2", "web:1", "web:1", "web:1")
		synctest.Wait()
		for digest, n := range s.reads {
			if n != 1 {
				t.Errorf("%s was read %d times", digest, n)
			}
		}
		if b.Former("a") != b.Former("b") || b.Former("a") == b.Former("c") {
			t.Error("what says the same is kept twice, or what does not once")
		}
		if b.Former("none") != nil {
			t.Error("something is known of a blob that was never delivered")
		}
	})
}

// TestABlobThatCannotBeReadIsLeftOut, and those after it are read. Objects that are none add nothing.
func TestABlobThatCannotBeReadIsLeftOut(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	log := slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := &shelf{objects: map[string]string{"odd": "[]\nnull\n{\"kind\":7}\n{\"kind\":\n" + pod("web:1"), "empty": "",
		"hostile": `{"kind":"Pod","spec":{"containers":{"image":"x"},"initContainers":[7,{"image":["y"]},{"image":"z\u001b"}]}}`}}
	reading(t, s, log, func(t *testing.T, b *Book) {
		all := delivering("gone", "odd", "empty", "hostile")
		images(b, all)
		synctest.Wait()
		wants(t, "read", images(b, all), "?", "web:1", "", "z\x1b")
	})
	if text := told.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=DEBUG") ||
		!strings.Contains(text, "it is not there") {
		t.Errorf("it says %q", text)
	}
}

// TestWhatIsNotStoredIsForgotten, whether it was read or is yet to be, and what comes back is read again.
func TestWhatIsNotStoredIsForgotten(t *testing.T) {
	t.Parallel()
	s := &shelf{objects: map[string]string{"a": pod("web:1"), "b": pod("web:2"), "c": pod("web:3")}}
	reading(t, s, slog.New(slog.DiscardHandler), func(t *testing.T, b *Book) {
		all := delivering("a", "b")
		images(b, all)
		synctest.Wait()
		b.Keep(map[string]bool{all.Apps[0].Blob.ID(): true, "another": true})
		if b.Former("a") == nil || b.Former("b") != nil {
			t.Errorf("kept are %v and %v", b.Former("a"), b.Former("b"))
		}
		wants(t, "what comes back", images(b, all), "web:1", "?")
		synctest.Wait()
		wants(t, "read again", images(b, all), "web:1", "web:2")
		if s.reads["a"] != 1 || s.reads["b"] != 2 {
			t.Errorf("they were read %v times", s.reads)
		}
		b.Keep(nil)
		if b.Former("a") != nil || len(b.pages) > 0 || len(b.same) > 0 {
			t.Errorf("nothing is stored, and %d pages and %d facts are kept", len(b.pages), len(b.same))
		}
	})
	b, asked := New(), delivering("c") // no one reads
	images(b, asked)
	b.Keep(nil)
	if p := b.next(); p != nil {
		t.Errorf("%s is yet to be read, and is not stored", p.ref.Digest)
	}
}

// TestManyAskAtOnce: a book is asked by requests while the loop has it forget, and reads all there is.
func TestManyAskAtOnce(t *testing.T) {
	t.Parallel()
	s := &shelf{objects: map[string]string{}}
	var digests, want []string
	for i := range 200 {
		digests, want = append(digests, fmt.Sprint(i)), append(want, fmt.Sprintf("web:%d", i))
		s.objects[digests[i]] = pod(want[i])
	}
	reading(t, s, slog.New(slog.DiscardHandler), func(t *testing.T, b *Book) {
		all := delivering(digests...)
		stored := map[string]bool{}
		for _, a := range all.Apps {
			stored[a.Blob.ID()] = true
		}
		var asking sync.WaitGroup
		for range 8 {
			asking.Go(func() { images(b, all); b.Keep(stored) })
		}
		asking.Wait()
		synctest.Wait()
		wants(t, "all", images(b, all), want...)
	})
}

// TestAppsAreListedForPeople: with what Git says of where they stand, also where nothing was rendered.
func TestAppsAreListedForPeople(t *testing.T) {
	t.Parallel()
	bundle := delivering("a")
	bundle.Apps[0].DependsOn, bundle.Apps[0].Declared = []string{"db"}, "Kustomization x/a"
	bundle.Apps = append(bundle.Apps, protocol.App{Name: "bad", Error: "it does not render", Reason: "RenderFailed"})
	got := New().Wanted(bundle, []model.App{{Name: "other", Part: model.Part{Path: "no"}},
		{Name: "app-a", Part: model.Part{Path: "apps/a"}, File: "clusters/eu/a.yaml"}})
	if a := got[0]; len(got) != 2 || a.Path != "apps/a" || a.File != "clusters/eu/a.yaml" || a.Objects != 3 ||
		a.Digest != "a" ||
		!slices.Equal(a.DependsOn, []string{"db"}) || a.Declared != "Kustomization x/a" {
		t.Errorf("an app: %+v", a)
	}
	if a := got[1]; a.Error != "it does not render" || a.Reason != "RenderFailed" || a.Digest != "" ||
		a.Content != nil || a.Path != "" {
		t.Errorf("an app that does not render: %+v", a)
	}
	if got := New().Wanted(protocol.Bundle{}, nil); got == nil || len(got) != 0 {
		t.Errorf("no apps: %v", got)
	}
}

// TestAppsThatAreBeingRenderedAreShown: one that the cluster has keeps its content, one that is new is added.
func TestAppsThatAreBeingRenderedAreShown(t *testing.T) {
	t.Parallel()
	b := New()
	var r resolve.Resolution
	for _, name := range []string{"app-a", "new", "done"} {
		r.Apps = append(r.Apps, resolve.AppResult{App: model.App{Name: name, Part: model.Part{Path: "apps/" + name},
			File: "f"},
			Pending: name != "done", Err: "it is being rendered", Reason: "Rendering"})
	}
	got := Pending(&r, b.Wanted(delivering("a"), nil))
	if len(got) != 2 || got[0].Name != "app-a" || got[0].Error != "it is being rendered" || got[0].Digest != "a" ||
		got[1].Name != "new" || got[1].Path != "apps/new" || got[1].File != "f" || got[1].Reason != "Rendering" ||
		got[1].Digest != "" {
		t.Errorf("%+v", got)
	}
}
