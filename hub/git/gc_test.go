package git

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A snapshot stays readable when git packs, repacks and prunes what it was made from, and commits
// that come with new packs are seen.
func TestRepacking(t *testing.T) {
	for name, repack := range map[string][]string{
		"gc": {"gc", "-q"}, "gc now": {"gc", "-q", "--prune=now"}, "repack": {"repack", "-q", "-a", "-d", "-f"},
		"small packs": {"repack", "-q", "-d"}, "prune": {"prune-packed"}, "refs": {"pack-refs", "--all", "--prune"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			var hash string
			r.commit("dir/a", content(0), "b", "b")
			s := open(t, Options{URL: r.dir, PollInterval: watched})
			snap := next(t, s, "")
			for i := 1; i < 5; i++ {
				r.git(repack...)
				old := snap
				hash = r.commit("dir/a", content(i))
				r.git(repack...)
				snap = next(t, s, old.Revision().Hash)
				wantHash(t, snap, hash)
				r.git(repack...)
				if read(t, old, "dir/a") != content(i-1) || read(t, snap, "dir/a") != content(i) || read(t, old, "b") != "b" {
					t.Fatal("wrong content")
				}
				if paths, err := snap.Changes(old); err != nil || len(paths) != 1 {
					t.Fatalf("changes %q, %v", paths, err)
				}
			}
		})
	}
}

func content(i int) string { return fmt.Sprintf("%d\n%s", i, strings.Repeat("the same in all\n", 200)) }

// Packs that a snapshot was made from stay readable even if what is in them is thrown away.
func TestPrunedHistoryStaysReadable(t *testing.T) {
	r := newRepo(t)
	one := r.commit("a", "1")
	r.git("gc", "-q")
	s := open(t, Options{URL: r.dir, PollInterval: watched})
	old := next(t, s, "")
	if err := os.WriteFile(filepath.Join(r.dir, "a"), []byte("2"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.git("commit", "-q", "-a", "--amend", "-m", "other")
	next(t, s, one)
	r.git("reflog", "expire", "--expire=now", "--all")
	r.git("gc", "-q", "--prune=now")
	if err := r.tryGit("cat-file", "-e", one); err == nil {
		t.Fatal("git kept the commit, so the test shows nothing")
	}
	if read(t, old, "a") != "1" {
		t.Error("wrong content")
	}
}

func TestBorrowedObjects(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "1")
	r.git("gc", "-q")
	r.commit("b", "2")
	shared := filepath.Join(t.TempDir(), "shared")
	runGit(t, "", "clone", "-q", "--shared", r.dir, shared)
	snap, err := At(t.Context(), shared, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if read(t, snap, "a")+read(t, snap, "b") != "12" {
		t.Error("wrong content")
	}
}

// Every object of a repository with long chains of deltas is what git says it is, also when many ask at once.
func TestEveryObject(t *testing.T) {
	r := newRepo(t)
	lines := make([]string, 300)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d of the file", i)
	}
	for i := range 60 {
		lines[i*4%300] = fmt.Sprintf("changed in %d", i)
		r.write(fmt.Sprintf("d%d/f", i%7), strings.Join(lines, "\n"))
		r.commit("big", strings.Join(lines, "\n"), "empty", "")
	}
	for _, how := range [][]string{
		{"repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50"},
		{"-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f"},
	} {
		r.git(how...)
		s := newStore(filepath.Join(r.dir, ".git/objects"))
		listed := strings.Split(r.git("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", "--batch-all-objects"), "\n")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for _, line := range listed {
					checkObject(t, s, line)
				}
			})
		}
		all.Wait()
	}
}

func checkObject(t *testing.T, s *store, line string) {
	var id, kind string
	var size int64
	_, _ = fmt.Sscan(line, &id, &kind, &size)
	h, _ := parseHash(id)
	obj, err := s.read(nil, h, maxObject)
	if err != nil || obj.kind != looseTypes[kind] || int64(len(obj.data)) != size || hashOf(kind, obj.data) != id {
		t.Errorf("%s: %v, %d bytes", line, err, len(obj.data))
	}
	if k, n, err := s.stat(nil, h); err != nil || k != obj.kind || n != size {
		t.Errorf("stat %s: %d, %d, %v", line, k, n, err)
	}
	if _, err := s.read(nil, h, size-1); size > 0 && err == nil {
		t.Errorf("%s was read though it is too large", id)
	}
}

// What was read belongs to who read it.
func TestContentIsNotShared(t *testing.T) {
	r := newRepo(t)
	for i := range 5 {
		r.commit(fmt.Sprint(i), content(i))
	}
	r.git("repack", "-q", "-a", "-d", "-f")
	snap := r.at("HEAD")
	for range 3 {
		for i := range 5 {
			data, err := snap.ReadFile(fmt.Sprint(i))
			if err != nil || string(data) != content(i) {
				t.Fatalf("%.20q, %v", data, err)
			}
			clear(data)
		}
	}
}

// Snapshots are read while the repository changes below them.
func TestConcurrentUse(t *testing.T) {
	r := newRepo(t)
	var hash string
	r.commit("d/a", content(0), "d/b", content(1), "c", "->d")
	s := open(t, Options{URL: r.dir, PollInterval: watched})
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
		hash = r.commit("d/a", content(i))
		r.git("gc", "-q")
		snap = next(t, s, old.Revision().Hash)
		wantHash(t, snap, hash)
	}
	readers.Wait()
}
