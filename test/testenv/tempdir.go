package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const tempPrefix = "drover-testenv-"

// TempDir is a temporary directory with a lock that shows other processes that its owner lives, so that what a killed
// process left behind is recognised and removed by the next one.
type TempDir struct {
	Path string

	lock *os.File
}

var sweepOnce sync.Once

// NewTempDir makes a directory whose name contains name, and at its first call removes those that nobody has any more.
// Remove removes it.
func NewTempDir(name string) (*TempDir, error) {
	sweepOnce.Do(sweep)
	path, err := os.MkdirTemp("", tempPrefix+name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w: TMPDIR names another place", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		return nil, fmt.Errorf("lock temporary directory %s: %w", path, err)
	}
	return &TempDir{Path: path, lock: lock}, nil
}

// File returns the path of the file called name in the directory.
func (d *TempDir) File(name string) string { return filepath.Join(d.Path, name) }

// Remove deletes the directory with all that is in it.
func (d *TempDir) Remove() error {
	err := os.RemoveAll(d.Path)
	d.lock.Close()
	return err
}

// sweep removes the directories of processes that ended without removing them. It does its best: a directory of
// another user stays.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		// A directory this young may be about to be locked by its owner.
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		lock.Close()
	}
}
