package helm_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/worker"
	"github.com/drover-dev/drover/hub/model"
)

// asWorker makes this test program a worker.
const asWorker = "helm-worker"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asWorker {
		if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Helm's action, which is the oracle, logs there
	os.Exit(m.Run())
}

// renderer starts this very program as its workers.
func renderer(t testing.TB) *helm.Renderer {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := helm.New(program, asWorker)
	t.Cleanup(r.Close)
	return r
}

// tree makes a repository from text in the txtar format: each file after a line "-- name --".
func tree(text string) fstest.MapFS {
	files := fstest.MapFS{}
	var name string
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			files[name] = &fstest.MapFile{}
			continue
		}
		if name != "" {
			files[name].Data = append(files[name].Data, line...)
		}
	}
	return files
}

// chartOf is a repository with one chart, "web", of the given templates and other files.
func chartOf(text string) fstest.MapFS {
	files := tree(text)
	out := fstest.MapFS{"web/Chart.yaml": &fstest.MapFile{Data: []byte("apiVersion: v2\nname: web\nversion: 1.2.3\n")}}
	for name, f := range files {
		out["web/"+name] = f
	}
	return out
}

func mustRender(t testing.TB, r *helm.Renderer, files model.Tree, opts helm.Options) helm.Result {
	t.Helper()
	if opts.Release == "" {
		opts.Release = "rel"
	}
	got, err := r.Render(context.Background(), helm.Chart{Tree: files, Path: "web"}, opts)
	if err != nil {
		t.Fatalf("Render: %v", err)
	}
	return got
}

// mustFail renders web and gives the error, which must be a *helm.Error of one line.
func mustFail(t testing.TB, r *helm.Renderer, files model.Tree, opts helm.Options) *helm.Error {
	t.Helper()
	if opts.Release == "" {
		opts.Release = "rel"
	}
	got, err := r.Render(context.Background(), helm.Chart{Tree: files, Path: "web"}, opts)
	if err == nil {
		t.Fatalf("Render gave %d objects, want an error", len(got.Objects))
	}
	var e *helm.Error
	if !errors.As(err, &e) {
		t.Fatalf("Render: %T, want *helm.Error: %v", err, err)
	}
	for _, bad := range []string{"\n", "goroutine ", "HELM_ERR"} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("the error contains %q: %q", bad, err)
		}
	}
	return e
}
