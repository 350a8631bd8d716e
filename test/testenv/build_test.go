package testenv

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestBinariesAreBuiltOnceAndWhole builds the smallest of the programs, with the compiler's own cache warm from the
// other tests.
func TestBinariesAreBuiltOnceAndWhole(t *testing.T) {
	NeedT(t)
	if _, err := Binaries(t.Context(), t.Output(), "nats-server"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DROVER_TESTENV_CACHE", t.TempDir())
	t.Setenv("KUBEBUILDER_ASSETS", "")

	var logs [3]bytes.Buffer
	var all sync.WaitGroup
	for i := range logs {
		all.Go(func() {
			if _, err := Binaries(t.Context(), &logs[i], "nats-server"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	builders := 0
	for i := range logs {
		builders += strings.Count(logs[i].String(), ": building\n")
	}
	if builders != 1 {
		t.Errorf("built %d times; want once", builders)
	}

	paths, err := Binaries(t.Context(), t.Output(), "nats-server")
	if err != nil {
		t.Fatal(err)
	}
	path := paths["nats-server"]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]func() error{
		"cut off":          func() error { return os.Truncate(path, 1000) },
		"without its seal": func() error { return os.Remove(path + ".seal") },
		"missing":          func() error { return os.Remove(path) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := Binaries(t.Context(), t.Output(), "nats-server"); err != nil {
			t.Fatal(err)
		}
		if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
			t.Errorf("%s: %d bytes (%v); want the same %d", what, len(again), err, len(whole))
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".building-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestBinariesGivenAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	given := filepath.Join(dir, "etcd")
	if err := os.WriteFile(given, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	paths, err := Binaries(t.Context(), t.Output(), "etcd")
	if err != nil || paths["etcd"] != given {
		t.Errorf("got %v (%v)", paths, err)
	}
	if _, err := Binaries(t.Context(), t.Output(), "ectd"); err == nil || !strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("got %v; want an error that lists the tools", err)
	}
}

func TestBuildEndsWithItsContext(t *testing.T) {
	t.Setenv("DROVER_TESTENV_CACHE", t.TempDir())
	t.Setenv("KUBEBUILDER_ASSETS", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if paths, err := Binaries(ctx, t.Output(), "etcd"); err == nil || isFile(paths["etcd"]) {
		t.Errorf("built %v", paths)
	}
}

func TestProgressCountsPackages(t *testing.T) {
	t.Parallel()
	lock, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	var w bytes.Buffer
	p := &progress{w: &w, lock: lock, label: "[1/2] etcd v3"}
	p.tell()
	p.expect(4)
	for _, line := range []string{"go: downloading go.example/x v1.0.0", "k8s.io/api", "unsafe", "internal/abi"} {
		p.compiled(line)
	}
	p.tell()
	p.compiled("main")
	p.tell()
	told := w.String()
	for _, want := range []string{"etcd v3: fetching sources", "etcd v3:  75 % (3 of 4 packages)", "etcd v3: linking"} {
		if !strings.Contains(told, want) {
			t.Errorf("told %q; want %q in it", told, want)
		}
	}
	state, err := os.ReadFile(lock.Name())
	if err != nil || !strings.HasSuffix(told, string(state)+"\n") {
		t.Errorf("those who wait read %q (%v)", state, err)
	}
}
