package kustomize

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
)

func TestMountReads(t *testing.T) {
	m := newMount(tree("-- a/x.yaml --\nx: y\n-- a/b/y.yaml --\nx: y\n-- a/b/z.txt --\nz\n"), "a")
	for _, c := range []struct{ path, dir, file string }{
		{"/repository/a/x.yaml", "/repository/a", "x.yaml"}, {"/repository/a/b/../b", "/repository/a/b", ""}, {"/repository", "/repository", ""}, {"/", "/", ""},
	} {
		dir, file, err := m.CleanedAbs(c.path)
		if string(dir) != c.dir || file != c.file || err != nil {
			t.Errorf("CleanedAbs(%s) = %s %s %v", c.path, dir, file, err)
		}
	}
	for _, path := range []string{"/etc/passwd", "/repository/../etc", "/repositoryx", "relative"} {
		if _, err := m.ReadFile(path); !errors.Is(err, errOutside) {
			t.Errorf("ReadFile(%s): %v", path, err)
		}
		if _, _, err := m.CleanedAbs(path); !errors.Is(err, errOutside) {
			t.Errorf("CleanedAbs(%s): %v", path, err)
		}
		if m.Exists(path) || m.IsDir(path) {
			t.Errorf("%s exists", path)
		}
	}
	if !m.IsDir("/repository/a/b") || m.IsDir("/repository/a/x.yaml") || !m.Exists("/repository/a/x.yaml") || m.Exists("/repository/no") {
		t.Error("IsDir, Exists")
	}
	if names, err := m.ReadDir("/repository/a"); err != nil || !slices.Equal(names, []string{"b", "x.yaml"}) {
		t.Errorf("ReadDir: %v %v", names, err)
	}
	if found, err := m.Glob("/repository/a/*/*.yaml"); err != nil || !slices.Equal(found, []string{"/repository/a/b/y.yaml"}) {
		t.Errorf("Glob: %v %v", found, err)
	}
	var walked []string
	err := m.Walk("/repository/a", func(path string, _ fs.FileInfo, err error) error {
		walked = append(walked, path)
		return err
	})
	if err != nil || len(walked) != 5 {
		t.Errorf("Walk: %v %v", walked, err)
	}
}

func TestMountWritesNothing(t *testing.T) {
	m := newMount(tree(""), ".")
	_, create := m.Create("/repository/x")
	_, open := m.Open("/repository/x")
	for _, err := range []error{create, open, m.Mkdir("/x"), m.MkdirAll("/x"), m.RemoveAll("/"), m.WriteFile("/x", nil)} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%v", err)
		}
	}
}
