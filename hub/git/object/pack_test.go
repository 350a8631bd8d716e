package object

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// An index of a repository on this machine is read within bounds, too.
func TestAnIndexIsReadWithinBounds(t *testing.T) {
	t.Parallel()
	idx := filepath.Join(t.TempDir(), "pack-1.idx")
	if err := errors.Join(os.WriteFile(idx, nil, 0o644), os.Truncate(idx, 1<<40)); err != nil {
		t.Fatal(err)
	}
	var large *TooLargeError
	if _, err := openPack(idx, newCache[baseKey, Raw](1)); !errors.As(err, &large) {
		t.Errorf("an index of 1 TiB: %v", err)
	}
}
