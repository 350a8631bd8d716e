package git

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/bounds"
	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/git/repository"
)

// grown is how much memory a function has the process take from the system.
func grown(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Sys - before.Sys
}

// largeRepo has one file of mib MiB that compresses to next to nothing.
func largeRepo(t *testing.T, mib int) *gittest.Repo {
	r := gittest.New(t)
	if err := os.WriteFile(filepath.Join(r.Dir, "large"), make([]byte, mib<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	r.Git("add", "large")
	r.Git("commit", "-q", "-m", "large")
	return r
}

// A server that offers more than the hub takes is refused with what to do, in little memory, and is not fetched from
// again before the branch moves, not even after a restart.
func TestWhatExceedsTheBoundsIsRefused(t *testing.T) {
	s := gittest.Serve(t)
	for name, c := range map[string]struct {
		repo func(t *testing.T) *gittest.Repo
		set  func(*bounds.Bounds)
		want string
	}{
		"one large file": {func(t *testing.T) *gittest.Repo { return largeRepo(t, 300) }, func(*bounds.Bounds) {}, "it has an object of 300 MiB, and one may have 100 MiB"},
		"a chain of deltas": {func(t *testing.T) *gittest.Repo { return gittest.ChainRepo(t, 1<<10, 60) },
			func(b *bounds.Bounds) { b.Unfolded = 20 << 20 }, "MiB of it unfold to more than"},
		"many objects": {func(t *testing.T) *gittest.Repo { return gittest.ChainRepo(t, 1, 10) }, func(b *bounds.Bounds) { b.Objects = 29 }, "a pack with 30 objects, and 29 are taken at most"},
		"many bytes": {func(t *testing.T) *gittest.Repo {
			r := gittest.New(t)
			noise := make([]byte, 3<<20)
			for i := range noise {
				noise[i] = byte(rand.Uint32())
			}
			if err := os.WriteFile(filepath.Join(r.Dir, "noise"), noise, 0o644); err != nil {
				t.Fatal(err)
			}
			r.Git("add", "noise")
			r.Git("commit", "-q", "-m", "noise")
			return r
		}, func(b *bounds.Bounds) { b.Received = 2 << 20 }, "the server sends more than 2 MiB at once"},
	} {
		t.Run(name, func(t *testing.T) {
			url := s.Push(c.repo(t), strings.ReplaceAll(name, " ", "-"))
			dir := t.TempDir()
			look := func() (requests int64, err error) {
				r, err := NewRemote(Options{URL: url, Branch: "main", Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				c.set(&r.bounds)
				before := s.Requests.Load()
				_, err = r.Fetch(t.Context())
				return s.Requests.Load() - before, err
			}
			var first int64
			var err error
			memory := grown(func() { first, err = look() })
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "git filter-repo") {
				t.Fatalf("error is %v", err)
			}
			if memory > 128<<20 {
				t.Errorf("it took %d MiB", memory>>20)
			}
			again, err := look() // by another process, as far as it knows
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("after a restart the error is %v", err)
			}
			if again >= first {
				t.Errorf("%d requests, and %d after a restart: it is fetched again", first, again)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, clonePrefix+"*")); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// What follows the refused revision is fetched, and what was there before stays readable meanwhile.
func TestAMirrorGoesOnAfterARefusedRevision(t *testing.T) {
	s := gittest.Serve(t)
	repo := gittest.New(t)
	repo.Commit("a", "1")
	url := s.Push(repo, "fleet")
	r, err := NewRemote(Options{URL: url, Branch: "main", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.bounds.Object = 1 << 20
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	repo.Commit("large", strings.Repeat("x", 2<<20))
	s.Push(repo, "fleet")
	if _, err := r.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "an object of 2 MiB") {
		t.Fatalf("error is %v", err)
	}
	if data, err := r.Kept().ReadFile("a"); err != nil || string(data) != "1" {
		t.Errorf("a = %q, %v", data, err)
	}
	if parts, _ := filepath.Glob(filepath.Join(r.mirror.CommonDir(), "objects/pack/tmp_pack_*")); len(parts) > 0 {
		t.Errorf("%v is left", parts)
	}
	repo.Git("reset", "-q", "--hard", "HEAD~1")
	repo.Commit("a", "2")
	s.Push(repo, "fleet", "--force")
	view, err := r.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if data, err := view.ReadFile("a"); err != nil || string(data) != "2" {
		t.Errorf("a = %q, %v", data, err)
	}
}

// manyRefs gives a bare repository that many branches.
func manyRefs(t *testing.T, dir, id string, many int) {
	t.Helper()
	var refs bytes.Buffer
	refs.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range many {
		fmt.Fprintf(&refs, "%s refs/heads/branch-%09d\n", id, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "packed-refs"), refs.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Over ssh nobody but the connection counts.
func TestAListOfRefsWithoutEndIsRefusedOverSSH(t *testing.T) {
	srv := gittest.ServeSSH(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	repo := gittest.New(t)
	id := repo.Commit("a", "1")
	bare := filepath.Join(t.TempDir(), "fleet.git")
	gittest.Git(t, "", "clone", "-q", "--bare", repo.Dir, bare)
	manyRefs(t, bare, id, 300_000)
	r, err := NewRemote(Options{URL: fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, srv.Port, bare), Branch: "main", Dir: t.TempDir(),
		Auth: access.Auth{KeyFile: srv.Key, KnownHostsFile: srv.Known}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.bounds.Advertised = 1 << 20
	if _, err := r.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "MiB to list its branches and tags") {
		t.Errorf("error is %v", err)
	}
}

// A million branches are not read.
func TestAListOfRefsWithoutEndIsRefused(t *testing.T) {
	s := gittest.Serve(t)
	repo := gittest.New(t)
	repo.Commit("a", "1")
	many := 1_000_000
	if testing.Short() {
		many = 100_000
	}
	url := s.Push(repo, "fleet")
	id := repo.Git("rev-parse", "HEAD")
	manyRefs(t, filepath.Join(s.Dir, "fleet"), id, many)
	for name, b := range map[string]func(*bounds.Bounds){
		"by bytes":  func(b *bounds.Bounds) { b.Advertised = min(b.Advertised, int64(many)*40) },
		"by number": func(b *bounds.Bounds) { b.Advertised, b.Refs = 1<<30, many/2 },
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewRemote(Options{URL: url, Branch: "main", Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			b(&r.bounds)
			if _, err := r.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "branches and tags") || !strings.Contains(err.Error(), "follow another") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A tree of a few kilobytes that unfolds to ten million paths is fetched, and comparing it ends early and in little
// memory.
func TestATreeThatUnfoldsToMillionsOfPathsIsRefused(t *testing.T) {
	s := gittest.Serve(t)
	r := gittest.New(t)
	empty := r.Commit("a", "1")
	below, kind := r.ObjectInProcess("blob", "x"), "100644"
	for range 7 {
		var tree strings.Builder
		for i := range 10 {
			tree.WriteString(gittest.TreeLine(kind, fmt.Sprintf("d%d", i), below))
		}
		below, kind = r.ObjectInProcess("tree", tree.String()), "40000"
	}
	commit := r.Git("commit-tree", "-m", "x", "-p", empty, below)
	r.Git("update-ref", "refs/heads/main", commit)
	remote := newRemoteOf(t, Options{URL: s.Push(r, "fleet"), Branch: "main"})
	if got := fetched(t, remote); got != commit {
		t.Fatalf("fetched %s, want %s", got, commit)
	}
	opened := func(id string) *repository.Snapshot {
		h, err := object.ParseHash(id)
		if err != nil {
			t.Fatal(err)
		}
		snap, err := remote.open(repository.Head{ID: h, Branch: "main"})
		if err != nil {
			t.Fatal(err)
		}
		return snap
	}
	now, before := opened(commit), opened(empty)
	var err error
	memory := grown(func() { _, err = now.Changes(before) })
	if err == nil || !strings.Contains(err.Error(), "unfolds without end") {
		t.Errorf("error is %v", err)
	}
	if memory > 512<<20 {
		t.Errorf("it took %d MiB", memory>>20)
	}
}
