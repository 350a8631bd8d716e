package credentials

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheModesOfFilesAreLookedAt(t *testing.T) {
	const text = "urls: [https://github.com/acme/]\ntoken: TOPSECRETMARK\n"
	dir := t.TempDir()
	put := func(name string, mode fs.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("own.yaml", 0o600)
	put("group.yaml", 0o640)
	put("world.yaml", 0o644)
	f := &Folder{Dir: dir}
	if err := f.Check(); err != nil {
		t.Errorf("files that nobody else may write: %v", err)
	}
	if got := fmt.Sprint(f.Exposed()); got != "[world.yaml]" {
		t.Errorf("exposed are %s", got)
	}
	for _, mode := range []fs.FileMode{0o620, 0o602, 0o666} {
		put("written.yaml", mode)
		err := f.Check()
		if err == nil || !strings.Contains(err.Error(), "written.yaml") || !strings.Contains(err.Error(), "chmod go-w") ||
			strings.Contains(err.Error(), "TOPSECRETMARK") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if all, _, err := f.read(); err != nil || len(all) != 3 {
		t.Errorf("of four files %d are used, %v", len(all), err)
	}
	if err := os.Remove(filepath.Join(dir, "written.yaml")); err != nil {
		t.Fatal(err)
	}

	// A mounted Secret, as the kubelet writes it.
	dir = t.TempDir()
	f = &Folder{Dir: dir}
	if err := os.Mkdir(filepath.Join(dir, "..2026_11_29"), 0o777); err != nil {
		t.Fatal(err)
	}
	put("..2026_11_29/robot.yaml", 0o444)
	for link, to := range map[string]string{"..data": "..2026_11_29", "robot.yaml": "..data/robot.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Check(); err != nil || f.Exposed() != nil {
		t.Errorf("of a mounted Secret: %v, exposed are %v", err, f.Exposed())
	}
	if c, err := f.Find(t.Context(), "https://github.com/acme/x", "robot", false); err != nil || c.Token == "" {
		t.Errorf("a mounted Secret is not used: %v", err)
	}
}
