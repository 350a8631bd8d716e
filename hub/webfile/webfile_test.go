package webfile_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/webfile"
	"github.com/drover-dev/drover/internal/outbound"
)

func public(context.Context) (webfile.Access, error) { return webfile.Access{}, nil }

func open(t *testing.T, address, dir string, access func(context.Context) (webfile.Access, error)) *webfile.Remote {
	t.Helper()
	r, err := webfile.NewRemote(model.Source{Kind: model.SourceFile, URL: address}, dir, access)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t *testing.T, view model.View) string {
	t.Helper()
	data, err := view.ReadFile(model.RemoteFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestAFileIsFetchedAndKept: with its validators, and without the server once it is here.
func TestAFileIsFetchedAndKept(t *testing.T) {
	t.Parallel()
	var sent, asked atomic.Int64
	var text, status atomic.Value
	text.Store("one")
	status.Store(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if code := status.Load().(int); code != 0 {
			w.WriteHeader(code)
			return
		}
		tag := `"` + text.Load().(string) + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		_, _ = w.Write([]byte(text.Load().(string)))
	}))
	defer server.Close()
	dir := t.TempDir()
	r := open(t, server.URL+"/a.yaml?token=secret", dir, public)
	if r.Kept() != nil {
		t.Error("something is kept before the first fetch")
	}
	first, err := r.Fetch(t.Context())
	if err != nil || content(t, first) != "one" {
		t.Fatalf("%v, %v", first, err)
	}
	again, err := r.Fetch(t.Context())
	if err != nil || content(t, again) != "one" || again.Revision().Hash != first.Revision().Hash || sent.Load() != 1 {
		t.Errorf("what did not change was sent %d times: %v", sent.Load(), err)
	}
	text.Store("two")
	second, err := r.Fetch(t.Context())
	if err != nil || content(t, second) != "two" || second.Revision().Hash == first.Revision().Hash {
		t.Errorf("what changed is not fetched: %v", err)
	}
	for code, hint := range map[int]string{404: "correct the address", 403: "give credentials", 500: "does the server work"} {
		status.Store(code)
		if _, err := r.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", code, err)
		}
	}
	if kept := open(t, server.URL+"/a.yaml", dir, public).Kept(); kept == nil || content(t, kept) != "two" {
		t.Error("it is not kept")
	}
	if asked.Load() != 6 {
		t.Errorf("the server was asked %d times", asked.Load())
	}
}

func TestCredentialsStayWithTheirServer(t *testing.T) {
	t.Parallel()
	var got, leaked atomic.Value
	got.Store("")
	leaked.Store("")
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { leaked.Store(r.Header.Get("Authorization")) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+"/x", http.StatusFound)
	}))
	defer server.Close()
	r := open(t, server.URL, t.TempDir(), func(context.Context) (webfile.Access, error) { return webfile.Access{Token: "t"}, nil })
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Load() != "Bearer t" || leaked.Load() != "" {
		t.Errorf("the server was sent %q, the one that it redirects to %q", got.Load(), leaked.Load())
	}
}

func TestHostileAnswersAndAddressesAreRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			chunk := make([]byte, 1<<20)
			for range 20 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{"/large": "larger than the 16 MiB", "/loop": "redirects without end"} {
		if _, err := open(t, server.URL+path, t.TempDir(), public).Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := open(t, server.URL, t.TempDir(), public).Fetch(outbound.Restrict(t.Context())); err == nil || !strings.Contains(err.Error(), "--allow-source-address") {
		t.Errorf("the machine itself was asked: %v", err)
	}
	for _, address := range []string{"file:///etc/passwd", "ftp://h/x", "https://", "https://u:secret@h/x", "https://h/%zz"} {
		if _, err := webfile.NewRemote(model.Source{Kind: model.SourceFile, URL: address}, t.TempDir(), public); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestAnAnswerMayBeNoManifest where a folder of a repository may be meant: that is no error then.
func TestAnAnswerMayBeNoManifest(t *testing.T) {
	t.Parallel()
	var text atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text.Load() == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text.Load().(string)))
	}))
	defer server.Close()
	dir := t.TempDir()
	r, err := webfile.NewRemote(model.Source{Kind: model.SourceFile, URL: server.URL, Optional: true}, dir, public)
	if err != nil {
		t.Fatal(err)
	}
	for content, is := range map[string]bool{
		"": false, "<html>\nkind: x\n</html>": false, "just: yaml\n": false, "# c\napiVersion: v1\nkind: ConfigMap\n": true,
		`{"apiVersion": "v1", "kind": "List"}`: true, "---\n- a\n---\n{apiVersion: v1, kind: X}\n": true,
	} {
		text.Store(content)
		view, err := r.Fetch(t.Context())
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		for _, v := range []model.View{view, r.Kept()} {
			if _, err := v.Stat(model.RemoteFile); (err == nil) != is {
				t.Errorf("%q: a manifest: %t", content, err == nil)
			}
		}
	}
}
