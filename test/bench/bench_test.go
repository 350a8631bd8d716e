package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// TestQuick takes every measure for a few rounds, with the real programs: the bench works.
func TestQuick(t *testing.T) {
	testenv.NeedT(t)
	bin := os.Getenv("DROVER_BIN")
	if bin == "" {
		bin = filepath.Join("..", "..", "bin")
	}
	if _, err := os.Stat(filepath.Join(bin, "drover-agent")); err != nil {
		t.Fatalf("%v: run `make build` first, or say with DROVER_BIN where the binaries are", err)
	}
	r, err := Run(t.Context(), Options{Bin: bin, Quick: true, Progress: t.Output()})
	var text bytes.Buffer
	if e := r.Write(&text); e != nil {
		t.Error(e)
	}
	t.Log(text.String())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"B1", "B2-100", "B3-100", "B5-200 delivered", "B5-200 known", "B6", "B7-fresh", "B7-one", "B7-one writes", "B8-one", "B8-many", "B11-51 memory", "B11-51 processor", "B11-51 requests",
		"B12-500 back", "B12-500 answers", "B12-500 needless", "B12-500 wrong",
		"B13-100 join", "B13-100 left"}
	var got []string
	for _, l := range r.Lines {
		got = append(got, l.Name)
		if l.Ours.N == 0 {
			t.Errorf("%s: there are no figures", l.Name)
		}
		// What is counted does not depend on how busy the machine is.
		if l.Aim.Most == 0 && l.Verdict != Meets {
			t.Errorf("%s: %v %s", l.Name, l.Verdict, strings.Join(l.Notes, "; "))
		}
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("lines %q; want %q", got, want)
	}
}

// TestBase keeps the app at the size that the aims speak of.
func TestBase(t *testing.T) {
	tree := newTree()
	tree.overlay(overlay, namespace, "v7", 3)
	files, err := tree.files()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := build(files, overlay)
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != appSize {
		t.Errorf("%d objects; want %d", len(objects), appSize)
	}
	for _, o := range objects {
		if plurals[o.ref.APIVersion+"/"+o.ref.Kind] == "" {
			t.Errorf("%s: its kind has no path", o.ref)
		}
		switch {
		case o.ref.Kind == "Namespace" && o.ref.Name != namespace, o.ref.Kind != "Namespace" && o.ref.Namespace != namespace:
			t.Errorf("%s is not in namespace %s", o.ref, namespace)
		case o.ref == deployment(namespace) && !bytes.Contains(o.body, []byte(`"image":"shop/web:v7"`)):
			t.Errorf("%s does not have the overlay's image: %s", o.ref, o.body)
		}
	}
}
