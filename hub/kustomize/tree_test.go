package kustomize

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/kustomize/diagnose"
)

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

// build builds dir with the warm library and fails the test on an error.
func mustBuild(t testing.TB, files hub.Tree, dir string, opts hub.BuildOptions) []hub.Rendered {
	t.Helper()
	objects := mustBuildHere(t, files, dir, opts)
	sameInAWorker(t, files, dir, opts, objects, nil)
	return objects
}

// mustBuildHere builds in this process alone.
func mustBuildHere(t testing.TB, files hub.Tree, dir string, opts hub.BuildOptions) []hub.Rendered {
	t.Helper()
	objects, err := (&Renderer{}).Build(context.Background(), files, dir, opts)
	if err != nil {
		t.Fatalf("Build(%s): %v", dir, err)
	}
	return objects
}

// mustFail builds dir and gives the error's text. The error must be a *BuildError of one line.
func mustFail(t testing.TB, files hub.Tree, dir string, opts hub.BuildOptions) string {
	t.Helper()
	objects, err := (&Renderer{}).Build(context.Background(), files, dir, opts)
	sameInAWorker(t, files, dir, opts, objects, err)
	if err == nil {
		t.Fatalf("Build(%s) gave %d objects, want an error", dir, len(objects))
	}
	var e *diagnose.BuildError
	if !errors.As(err, &e) {
		t.Fatalf("Build(%s): %T, want *BuildError: %v", dir, err, err)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), diagnose.Repository+"/") {
		t.Errorf("error is not one clear line of repository paths: %q", err)
	}
	return err.Error()
}

// configMap is a small manifest.
func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\ndata:\n  k: v\n"
}
