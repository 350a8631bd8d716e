package memtree_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

func packed(heads ...tar.Header) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	pack := tar.NewWriter(zip)
	for _, h := range heads {
		must(0, pack.WriteHeader(&h))
		must(pack.Write(make([]byte, h.Size)))
	}
	must(0, pack.Close())
	must(0, zip.Close())
	return out.Bytes()
}

func TestAnArchiveIsATree(t *testing.T) {
	t.Parallel()
	view, err := memtree.Unpack(archive("web/", map[string]string{"Chart.yaml": "x", "templates/a.yaml": "a", "templates/deep/b.yaml": "b", ".helmignore": "x"}), 1,
		model.Revision{Hash: "1"}, func(name string) bool { return name != ".helmignore" })
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(view, "Chart.yaml", "templates/a.yaml", "templates/deep/b.yaml"); err != nil {
		t.Error(err)
	}
	a, _ := view.Lookup("templates/a.yaml")
	b, _ := view.Lookup("templates/deep/b.yaml")
	if a.ID == "" || a.ID == b.ID {
		t.Errorf("different files have the ids %q and %q", a.ID, b.ID)
	}
	if _, err := view.Lookup(".helmignore"); err == nil {
		t.Error("a file that is not wanted is there")
	}
}

// TestAHostileArchiveIsRefused: or what is bad in it is left out.
func TestAHostileArchiveIsRefused(t *testing.T) {
	t.Parallel()
	file := func(name string, size int64) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size}
	}
	link := file("link", 0)
	link.Typeflag, link.Linkname = tar.TypeSymlink, "/etc/passwd"
	hard := file("hard", 0)
	hard.Typeflag, hard.Linkname = tar.TypeLink, "a"
	for _, c := range []struct {
		name string
		data []byte
		want string // "" if it is taken
	}{
		{"no archive", []byte("<html>"), "it is no archive that was compressed with gzip"},
		{"a path that leads out", packed(file("../x", 1)), "which is outside of it"},
		{"a path that leads out by and by", packed(file("a/../../x", 1)), "which is outside of it"},
		{"a path of another system that leads out", packed(file(`a\..\..\x`, 1)), "which is outside of it"},
		{"an absolute path", packed(file("/etc/x", 1)), "which is outside of it"},
		{"a path without end", packed(file(strings.Repeat("a/", 600)+"x", 1)), "which is outside of it"},
		{"links and hard links", packed(file("a", 1), link, hard), ""},
		{"a bomb", packed(file("a", 40<<20), file("b", 40<<20)), "it unpacks to more than 64 MiB"},
		{"a file that is a folder too", packed(file("a", 1), file("a/b", 1)), "is both a file and a folder"},
		{"an archive that is cut off", packed(file("a", 1<<20))[:900], "the archive cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			view, err := memtree.Unpack(c.data, 0, model.Revision{}, nil)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if entries := must(view.ReadDir(".")); len(entries) != 1 {
				t.Errorf("it has %v", entries)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// archive packs files below a folder.
func archive(folder string, files map[string]string) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	pack := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(0, pack.WriteHeader(&tar.Header{Name: folder + name, Typeflag: tar.TypeReg, Mode: 0o644,
			Size: int64(len(files[name]))}))
		must(pack.Write([]byte(files[name])))
	}
	must(0, pack.Close())
	must(0, zip.Close())
	return out.Bytes()
}
