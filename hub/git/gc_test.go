package git

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// A snapshot stays readable when git packs, repacks and prunes what it was made from, and commits
// that come with new packs are seen.
func TestRepacking(t *testing.T) {
	for name, repack := range map[string][]string{
		"gc": {"gc", "-q"}, "gc now": {"gc", "-q", "--prune=now"}, "repack": {"repack", "-q", "-a", "-d", "-f"},
		"small packs": {"repack", "-q", "-d"}, "prune": {"prune-packed"}, "refs": {"pack-refs", "--all", "--prune"},
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			var hash string
			r.Commit("dir/a", gittest.Content(0), "b", "b")
			s := open(t, Options{URL: r.Dir, PollInterval: watched})
			snap := next(t, s, "")
			for i := 1; i < 5; i++ {
				r.Git(repack...)
				old := snap
				hash = r.Commit("dir/a", gittest.Content(i))
				r.Git(repack...)
				snap = next(t, s, old.Revision().Hash)
				wantHash(t, snap, hash)
				r.Git(repack...)
				if gittest.Read(t, old, "dir/a") != gittest.Content(i-1) || gittest.Read(t, snap, "dir/a") != gittest.Content(i) || gittest.Read(t, old, "b") != "b" {
					t.Fatal("wrong content")
				}
				if paths, err := snap.Changes(old); err != nil || len(paths) != 1 {
					t.Fatalf("changes %q, %v", paths, err)
				}
			}
		})
	}
}

// Packs that a snapshot was made from stay readable even if what is in them is thrown away.
func TestPrunedHistoryStaysReadable(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	r.Git("gc", "-q")
	s := open(t, Options{URL: r.Dir, PollInterval: watched})
	old := next(t, s, "")
	if err := os.WriteFile(filepath.Join(r.Dir, "a"), []byte("2"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.Git("commit", "-q", "-a", "--amend", "-m", "other")
	next(t, s, one)
	r.Git("reflog", "expire", "--expire=now", "--all")
	r.Git("gc", "-q", "--prune=now")
	if err := r.Try("cat-file", "-e", one); err == nil {
		t.Fatal("git kept the commit, so the test shows nothing")
	}
	if gittest.Read(t, old, "a") != "1" {
		t.Error("wrong content")
	}
}

func TestBorrowedObjects(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "1")
	r.Git("gc", "-q")
	r.Commit("b", "2")
	shared := filepath.Join(t.TempDir(), "shared")
	gittest.Git(t, "", "clone", "-q", "--shared", r.Dir, shared)
	snap, err := At(t.Context(), shared, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if gittest.Read(t, snap, "a")+gittest.Read(t, snap, "b") != "12" {
		t.Error("wrong content")
	}
}

// Snapshots are read while the repository changes below them.
func TestConcurrentUse(t *testing.T) {
	r := gittest.New(t)
	var hash string
	r.Commit("d/a", gittest.Content(0), "d/b", gittest.Content(1), "c", "->d")
	s := open(t, Options{URL: r.Dir, PollInterval: watched})
	snap := next(t, s, "")
	var readers sync.WaitGroup
	for i := 1; i < 8; i++ {
		old, now := snap, snap
		for range 3 {
			readers.Go(func() {
				err := fs.WalkDir(now, ".", func(path string, d fs.DirEntry, err error) error {
					if err == nil && d.Type().IsRegular() {
						_, err = now.ReadFile(path)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if _, err := now.Lookup("c/a"); err != nil {
					t.Error(err)
				}
			})
		}
		hash = r.Commit("d/a", gittest.Content(i))
		r.Git("gc", "-q")
		snap = next(t, s, old.Revision().Hash)
		wantHash(t, snap, hash)
	}
	readers.Wait()
}
