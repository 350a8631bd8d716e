package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// dataDir is a data directory with these files.
func dataDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func anything(string) error { return nil }

func TestWhatWasWrittenIsReadBackAndNothingElse(t *testing.T) {
	t.Parallel()
	want := map[string]string{"keys/signing.key": "s", "keys/signing.key.next": "n", "keys/ca.pem": "c", "clusters/edge-1.json": "{}",
		"tokens/UABC.json": "{}"}
	dir := dataDir(t, want)
	for _, name := range []string{"token", "client.json", "nats/stream", "git/pack", "keys/.new-123", "clusters/.new-9"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(filepath.Join(dir, "keys/ca.pem"), old, old); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(store, []byte("the store"), 0o600); err != nil {
		t.Fatal(err)
	}
	want["hub.db"] = "the store"
	var file bytes.Buffer
	if err := Write(&file, dir, store, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new")
	info, err := Read(&file, to, anything)
	if err != nil || info.Hub != "v1.2.3" || time.Since(info.Time) > time.Minute {
		t.Fatalf("read back: %+v, %v", info, err)
	}
	got := map[string]string{}
	err = filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if mode := must(d.Info()).Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("others may read %s: %s", path, mode)
		}
		if !d.IsDir() {
			got[filepath.ToSlash(must(filepath.Rel(to, path)))] = string(must(os.ReadFile(path)))
		}
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Errorf("restored are %q, %v", got, err)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s holds %q, want %q", name, got[name], text)
		}
	}
	if at := must(os.Stat(filepath.Join(to, "keys/ca.pem"))).ModTime(); !at.Equal(old) {
		t.Errorf("a key of %s is one of %s", old, at)
	}
}

type entry struct {
	name string
	kind byte
	text string
	size int64 // claimed, if not 0
}

// archive makes what Write would never.
func archive(entries ...entry) []byte {
	var out bytes.Buffer
	z := must(zstd.NewWriter(&out))
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.text)), Mode: 0o777}
		if e.kind == tar.TypeSymlink {
			h.Linkname, h.Size = e.text, 0
		}
		if e.size != 0 {
			h.Size = e.size
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if e.kind == tar.TypeReg {
			_, _ = io.WriteString(w, e.text)
		}
	}
	_ = w.Flush()
	_ = w.Close() // fails where a size was a lie
	if err := z.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestAHostileArchiveRestoresNothing(t *testing.T) {
	t.Parallel()
	about := entry{infoName, tar.TypeReg, `{"version":1}`, 0}
	key := entry{"keys/signing.key", tar.TypeReg, "k", 0}
	good := archive(about, key)
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	for name, tc := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":                {nil, "no backup"},
		"something else":         {[]byte("hello, I am a text file"), "no backup"},
		"its end is missing":     {good[:len(good)-5], "unexpected EOF"},
		"a changed checksum":     {flipped, "CRC"},
		"no description":         {archive(key), "no backup"},
		"a newer form":           {archive(entry{infoName, tar.TypeReg, `{"version":2,"hub":"v9"}`, 0}, key), "v9"},
		"no keys":                {archive(about), "no keys"},
		"a path that leads out":  {archive(about, key, entry{"keys/../../evil", tar.TypeReg, "x", 0}), "no file of a hub"},
		"an absolute path":       {archive(about, key, entry{"/etc/evil", tar.TypeReg, "x", 0}), "no file of a hub"},
		"a path of another kind": {archive(about, key, entry{"token", tar.TypeReg, "x", 0}), "no file of a hub"},
		"a link":                 {archive(about, entry{"keys/a", tar.TypeSymlink, "/etc", 0}, key), "no file of a hub"},
		"a folder":               {archive(about, entry{"keys/", tar.TypeDir, "", 0}, key), "no file of a hub"},
		"a file twice":           {archive(about, key, key), "exists"},
		"a large key":            {archive(about, entry{"keys/big", tar.TypeReg, "", maxSmall + 1}), "bytes"},
		"less than is claimed":   {archive(about, key, entry{"keys/short", tar.TypeReg, "", 100}), "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := filepath.Join(t.TempDir(), "new")
			if _, err := Read(bytes.NewReader(tc.data), to, anything); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("it says %v, want %q", err, tc.says)
			}
			if left := must(os.ReadDir(to)); len(left) > 0 {
				t.Errorf("it left %v behind", left)
			}
		})
	}
	if _, err := Read(bytes.NewReader(good), t.TempDir(), anything); err != nil {
		t.Errorf("one that is as it should be: %v", err)
	}
}

func TestRestoreTouchesNoFolderThatIsInUse(t *testing.T) {
	t.Parallel()
	data := archive(entry{infoName, tar.TypeReg, `{"version":1}`, 0}, entry{"keys/signing.key", tar.TypeReg, "k", 0})
	dir := dataDir(t, map[string]string{"keys/signing.key": "another"})
	if _, err := Read(bytes.NewReader(data), dir, anything); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder that holds a hub: %v", err)
	}
	if got := string(must(os.ReadFile(filepath.Join(dir, "keys/signing.key")))); got != "another" {
		t.Errorf("its key is %q now", got)
	}
	empty := t.TempDir()
	if _, err := Read(bytes.NewReader(data), empty, func(string) error { return errors.New("objection") }); err == nil || !strings.Contains(err.Error(), "objection") {
		t.Errorf("what is objected to: %v", err)
	}
	if left := must(os.ReadDir(empty)); len(left) > 0 {
		t.Errorf("what was objected to left %v behind", left)
	}
}
