package server

import (
	"runtime"
	"testing"
)

func TestTheEmbeddedServerLeavesAPartOfItsDisk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ allowed, disk, want int64 }{
		{0, 0, defaultMaxStore}, {10, 0, 10}, {10, 100, 10}, {100, 100, 75}, {0, 8 << 30, 6 << 30},
	} {
		if got := maxStore(tc.allowed, tc.disk); got != tc.want {
			t.Errorf("of %d bytes on a disk of %d it may store %d, want %d", tc.allowed, tc.disk, got, tc.want)
		}
	}
	if runtime.GOOS == "linux" && diskSize(t.TempDir()) <= 0 {
		t.Error("the size of the disk is not known")
	}
}
