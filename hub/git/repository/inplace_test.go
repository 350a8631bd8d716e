package repository

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/drover-dev/drover/hub/git/object"
)

// What stands in a repository on this machine is read within bounds, too.
func TestWhatIsReadInPlaceIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sparse := func(name string, size int64) string {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644), os.Truncate(file, size)); err != nil {
			t.Fatal(err)
		}
		return file
	}
	sparse("refs/heads/main", 1<<40)
	var large *object.TooLargeError
	r := &Repository{git: dir, common: dir}
	if _, _, err := r.ref("refs/heads/main"); !errors.As(err, &large) {
		t.Errorf("a ref of 1 TiB: %v", err)
	}
	sparse("refs/heads/next", maxRef)
	if _, _, err := r.ref("refs/heads/next"); err == nil || errors.As(err, &large) {
		t.Errorf("a ref of zeros: %v", err)
	}
}
