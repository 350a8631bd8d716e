package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupMount = "/sys/fs/cgroup"

// cgroupRoots returns the roots of the control group hierarchies: one for each controller in version 1, one in all in
// version 2.
func cgroupRoots() []string {
	if cgroupUnified() {
		return []string{cgroupMount}
	}
	var roots []string
	entries, _ := os.ReadDir(cgroupMount) // without control groups there are none
	for _, e := range entries {
		if e.IsDir() { // links name those again that share a hierarchy
			roots = append(roots, filepath.Join(cgroupMount, e.Name()))
		}
	}
	return roots
}

// cgroupUnified reports whether this machine has version 2.
func cgroupUnified() bool { return isFile(filepath.Join(cgroupMount, "cgroup.controllers")) }

// makeCgroup makes a control group in every hierarchy, and in version 2 hands all controllers down to it.
func makeCgroup(path string) error {
	for _, root := range cgroupRoots() {
		at := root
		for _, part := range strings.Split(path, "/") {
			if at = filepath.Join(at, part); errors.Is(os.Mkdir(at, 0o755), fs.ErrNotExist) {
				return fmt.Errorf("make control group %s: %s is no control group", path, filepath.Dir(at))
			}
			if !isFile(filepath.Join(at, "cgroup.procs")) {
				return fmt.Errorf("make control group %s: there is none at %s; this needs root and a writable %s", path, at, cgroupMount)
			}
			if cgroupUnified() {
				controllers, err := os.ReadFile(filepath.Join(filepath.Dir(at), "cgroup.controllers"))
				if err != nil {
					return fmt.Errorf("make control group %s: %w", path, err)
				}
				for _, c := range strings.Fields(string(controllers)) {
					// One that refuses is missed by who needs it, and that one says so.
					_ = os.WriteFile(filepath.Join(filepath.Dir(at), "cgroup.subtree_control"), []byte("+"+c), 0o644)
				}
			}
		}
	}
	return nil
}

// removeCgroup removes a control group, with those below it, once their processes have ended.
func removeCgroup(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var left []string
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
		left = nil
		for _, root := range cgroupRoots() {
			left = append(left, removeGroups(filepath.Join(root, path))...)
		}
		return len(left) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("remove control groups: processes still live in %s", strings.Join(left, ", "))
	}
	return nil
}

// removeGroups removes the groups at dir from below, and returns those that are still there.
func removeGroups(dir string) []string {
	var dirs, left []string
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // what goes meanwhile is what we want
	})
	slices.Reverse(dirs)
	for _, d := range dirs {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left = append(left, d)
		}
	}
	return left
}

// sweepCgroups removes the control groups of enclosures whose keepers were killed. Those that have processes stay.
func sweepCgroups() {
	for _, root := range cgroupRoots() {
		groups, _ := filepath.Glob(filepath.Join(root, tempPrefix+"enclosure-*")) // the pattern is well-formed
		for _, group := range groups {
			if abandoned(filepath.Join(os.TempDir(), filepath.Base(group))) {
				removeGroups(group)
			}
		}
	}
}

// abandoned reports whether the temporary directory at path has no owner that lives.
func abandoned(path string) bool {
	lock, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_RDWR, 0)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
