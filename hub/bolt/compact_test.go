package bolt

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// many fills a store with blobs, and gives them.
func many(t *testing.T, s *Store, n, size int) (out []model.Packed) {
	t.Helper()
	for range n {
		data := make([]byte, size)
		_, _ = rand.Read(data) // it never fails
		ref := protocol.Blob{Key: data[:32]}
		out = append(out, model.Packed{Ref: ref, Sealed: data})
	}
	if err := s.Save(hub.Batch{Blobs: out, Memos: map[string][]byte{"memo": []byte("[]")}}); err != nil {
		t.Fatal(err)
	}
	return out
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// What was collected is given back when the hub starts, with everything else as it was.
func TestAFileThatIsMostlyFreeIsCompacted(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	path := filepath.Join(t.TempDir(), "hub.db")
	var log bytes.Buffer
	s := mustOpen(t, path, key, &log)
	blobs := many(t, s, 60, 1<<20)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	close := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close()
	full := sizeOf(t, path)
	s = mustOpen(t, path, key, &log)
	if sizeOf(t, path) != full {
		t.Errorf("a full file went from %d to %d bytes", full, sizeOf(t, path))
	}
	kept := blobs[0].Ref.ID()
	if _, err := s.Collect(func(string) bool { return true }, func(id string) bool { return id == kept }); err != nil {
		t.Fatal(err)
	}
	close()
	if sizeOf(t, path) < full/2 {
		t.Skip("bbolt has given the pages back itself")
	}
	if err := os.WriteFile(path+".compact", []byte("of a hub that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path, key, &log)
	if now := sizeOf(t, path); now > full/10 {
		t.Errorf("the file has %d bytes, and had %d, for one blob of 60", now, full)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	check := func() {
		t.Helper()
		if data, err := s.Blob(kept); err != nil || !bytes.Equal(data, blobs[0].Sealed) {
			t.Errorf("the blob that was kept: %d bytes, %v", len(data), err)
		}
		if memo, err := s.Memo("memo"); err != nil || string(memo) != "[]" {
			t.Errorf("the memo: %q, %v", memo, err)
		}
	}
	check()
	if _, err := Open(path, key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(),
		"in use") {
		t.Errorf("the new file is not held: %v", err)
	}
	more := many(t, s, 1, 1000)
	close()
	s = mustOpen(t, path, key, &log)
	check()
	if data, err := s.Blob(more[0].Ref.ID()); err != nil || !bytes.Equal(data, more[0].Sealed) {
		t.Errorf("what was written after it: %d bytes, %v", len(data), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	close()
}

// Where it cannot be done the store goes on.
func TestAFileThatCannotBeCompactedGoesOn(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	path := filepath.Join(t.TempDir(), "hub.db")
	var log bytes.Buffer
	s := mustOpen(t, path, key, &log)
	many(t, s, 30, 1<<20)
	if _, err := s.Collect(func(string) bool { return true }, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".compact", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path, key, &log)
	if memo, err := s.Memo("memo"); err != nil || string(memo) != "[]" {
		t.Errorf("the memo: %q, %v", memo, err)
	}
	if !strings.Contains(log.String(), "cannot be compacted") {
		t.Errorf("the log says %s", fmt.Sprint(log.String()))
	}
	_ = s.Close()
}
