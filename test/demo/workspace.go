package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// workspacePrefix begins the name of every workspace.
const workspacePrefix = "drover-demo-"

// workspace is the temporary directory of a demo. A lock in it shows that its demo runs, so that the next one can remove
// those whose demos were killed.
type workspace struct {
	dir  string
	lock *os.File
}

// newWorkspace makes a directory, and removes those that nobody has any more.
func newWorkspace() (*workspace, error) {
	sweep(os.TempDir())
	dir, err := os.MkdirTemp("", workspacePrefix)
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w: TMPDIR names another place", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return &workspace{dir, lock}, nil
}

// file is the path of something in the workspace.
func (w *workspace) file(name string) string { return filepath.Join(w.dir, name) }

// remove removes the workspace with all that is in it.
func (w *workspace) remove() error {
	err := os.RemoveAll(w.dir)
	_ = w.lock.Close()
	return err
}

// sweep removes the workspaces below dir whose demos were killed. Those of other users stay.
func sweep(dir string) {
	found, _ := filepath.Glob(filepath.Join(dir, workspacePrefix+"*")) // the pattern is well-formed
	for _, old := range found {
		// One this young may be about to be locked.
		if info, err := os.Stat(old); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
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
