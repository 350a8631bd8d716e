package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const workspacePrefix = "drover-bench-"

// workspace is a temporary directory. A lock in it shows that its bench runs, so that the next one can remove those whose
// benches were killed.
type workspace struct {
	path string
	lock *os.File
}

func newWorkspace() (*workspace, error) {
	sweep()
	path, err := os.MkdirTemp("", workspacePrefix)
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w: TMPDIR names another place", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &workspace{path, lock}, nil
}

func (w *workspace) remove() {
	_ = os.RemoveAll(w.path) // what stays is removed by the next bench
	_ = w.lock.Close()
}

// sweep removes what benches that were killed left behind. What belongs to others stays.
func sweep() {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), workspacePrefix+"*")) // the pattern is well-formed
	for _, old := range found {
		if info, err := os.Stat(old); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // it may be about to be locked
		}
		lock, err := os.OpenFile(filepath.Join(old, ".lock"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(old)
		}
		_ = lock.Close()
	}
}
