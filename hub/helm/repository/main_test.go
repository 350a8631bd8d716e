package repository_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/worker"
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

const aConfigMap = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"

// entry is one file of an archive.
type entry struct {
	name, data, link string
	size             int64 // of zeroes, instead of data
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: max(e.size, int64(len(e.data))), Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		data := []byte(e.data)
		if e.size > 0 {
			data = make([]byte, e.size)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func manifestOf(name, version string) entry {
	return entry{name: name + "/Chart.yaml", data: "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"}
}
