package files

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileIsThereWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, value := range []any{map[string]int{"x": 1}, "y"} {
		if err := SaveJSON(path, value); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != `"y"` {
		t.Errorf("the file holds %s, %v", data, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := SaveJSON(folder, 1); !errors.Is(err, ErrStore) || !strings.Contains(err.Error(), folder) {
		t.Errorf("in the place of a folder: %v", err)
	}
	if err := Write(filepath.Join(dir, "missing", "x"), nil); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrStore) {
		t.Errorf("in a folder that is missing: %v", err)
	}
	if err := SaveJSON(path, func() {}); err == nil || errors.Is(err, ErrStore) {
		t.Errorf("what is no JSON: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("%q is left, %v", left, err)
	}
}

func TestAllJSONFilesAreRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made")
	got := map[string]string{}
	read := func() error {
		return ReadAll(dir, "the tokens", func(file, name string, data []byte) error {
			if file != filepath.Join(dir, name+".json") {
				t.Errorf("%s is read as %s", file, name)
			}
			got[name] = string(data)
			if name == "bad" {
				return errors.New("it is damaged")
			}
			return nil
		})
	}
	if err := read(); err != nil || len(got) != 0 {
		t.Errorf("an empty folder gives %v, %v", got, err)
	}
	for name, text := range map[string]string{"a.json": "1", "b.json": "2", "b.json.new": "3", ".new-1": "4"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := read(); err != nil || !maps.Equal(got, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("read were %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := read(); err == nil || err.Error() != "it is damaged" {
		t.Errorf("a file that is refused: %v", err)
	}
	dir = filepath.Join(dir, "a.json", "below")
	if err := read(); err == nil || !strings.HasPrefix(err.Error(), "the tokens: ") {
		t.Errorf("below a file: %v", err)
	}
}
