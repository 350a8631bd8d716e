package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
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
func largeRepo(t *testing.T, mib int) *testRepo {
	r := newRepo(t)
	if err := os.WriteFile(filepath.Join(r.dir, "large"), make([]byte, mib<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	r.git("add", "large")
	r.git("commit", "-q", "-m", "large")
	return r
}

// chainRepo has a file of kib KiB in many versions, each a delta of the one before.
func chainRepo(t *testing.T, kib, versions int) *testRepo {
	r := newRepo(t)
	text := bytes.Repeat([]byte("0123456789abcdef"), kib<<6)
	for i := range versions {
		copy(text[rand.IntN(len(text)-8):], fmt.Sprintf("%8d", i))
		if err := os.WriteFile(filepath.Join(r.dir, "f"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		r.git("add", "f")
		r.git("commit", "-q", "-m", "v")
	}
	r.git("repack", "-q", "-adf", "--depth=200")
	return r
}

// A server that offers more than the hub takes is refused with what to do, in little memory, and is not fetched from
// again before the branch moves, not even after a restart.
func TestWhatExceedsTheBoundsIsRefused(t *testing.T) {
	s := serve(t)
	for name, c := range map[string]struct {
		repo   func(t *testing.T) *testRepo
		bounds func(*bounds)
		want   string
	}{
		"one large file": {func(t *testing.T) *testRepo { return largeRepo(t, 300) }, func(*bounds) {}, "it has an object of 300 MiB, and one may have 100 MiB"},
		"a chain of deltas": {func(t *testing.T) *testRepo { return chainRepo(t, 1<<10, 60) },
			func(b *bounds) { b.unfolded = 20 << 20 }, "MiB of it unfold to more than"},
		"many objects": {func(t *testing.T) *testRepo { return chainRepo(t, 1, 10) }, func(b *bounds) { b.objects = 29 }, "a pack with 30 objects, and 29 are taken at most"},
		"many bytes": {func(t *testing.T) *testRepo {
			r := newRepo(t)
			noise := make([]byte, 3<<20)
			for i := range noise {
				noise[i] = byte(rand.Uint32())
			}
			if err := os.WriteFile(filepath.Join(r.dir, "noise"), noise, 0o644); err != nil {
				t.Fatal(err)
			}
			r.git("add", "noise")
			r.git("commit", "-q", "-m", "noise")
			return r
		}, func(b *bounds) { b.received = 2 << 20 }, "the server sends more than 2 MiB at once"},
	} {
		t.Run(name, func(t *testing.T) {
			url := s.push(c.repo(t), strings.ReplaceAll(name, " ", "-"))
			dir := t.TempDir()
			look := func() (requests int64, err error) {
				r, err := NewRemote(Options{URL: url, Branch: "main", Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				c.bounds(&r.bounds)
				before := s.requests.Load()
				_, err = r.Fetch(t.Context())
				return s.requests.Load() - before, err
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
	s := serve(t)
	repo := newRepo(t)
	repo.commit("a", "1")
	url := s.push(repo, "fleet")
	r, err := NewRemote(Options{URL: url, Branch: "main", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.bounds.object = 1 << 20
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	repo.commit("large", strings.Repeat("x", 2<<20))
	s.push(repo, "fleet")
	if _, err := r.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "an object of 2 MiB") {
		t.Fatalf("error is %v", err)
	}
	if data, err := r.Kept().ReadFile("a"); err != nil || string(data) != "1" {
		t.Errorf("a = %q, %v", data, err)
	}
	if parts, _ := filepath.Glob(filepath.Join(r.mirror.common, "objects/pack/tmp_pack_*")); len(parts) > 0 {
		t.Errorf("%v is left", parts)
	}
	repo.git("reset", "-q", "--hard", "HEAD~1")
	repo.commit("a", "2")
	s.push(repo, "fleet", "--force")
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
	srv := serveSSH(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	repo := newRepo(t)
	id := repo.commit("a", "1")
	bare := filepath.Join(t.TempDir(), "fleet.git")
	runGit(t, "", "clone", "-q", "--bare", repo.dir, bare)
	manyRefs(t, bare, id, 300_000)
	r, err := NewRemote(Options{URL: fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, srv.port, bare), Branch: "main", Dir: t.TempDir(),
		Auth: Auth{KeyFile: srv.key, KnownHostsFile: srv.known}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.bounds.advertised = 1 << 20
	if _, err := r.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "MiB to list its branches and tags") {
		t.Errorf("error is %v", err)
	}
}

// A million branches are not read.
func TestAListOfRefsWithoutEndIsRefused(t *testing.T) {
	s := serve(t)
	repo := newRepo(t)
	repo.commit("a", "1")
	many := 1_000_000
	if testing.Short() {
		many = 100_000
	}
	url := s.push(repo, "fleet")
	id := repo.git("rev-parse", "HEAD")
	manyRefs(t, filepath.Join(s.dir, "fleet"), id, many)
	for name, b := range map[string]func(*bounds){
		"by bytes":  func(b *bounds) { b.advertised = min(b.advertised, int64(many)*40) },
		"by number": func(b *bounds) { b.advertised, b.refs = 1<<30, many/2 },
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

// checkPack says of every pack that git makes what go-git says of it.
func TestPacksOfGitPass(t *testing.T) {
	r := chainRepo(t, 4, 30)
	packs, _ := filepath.Glob(filepath.Join(r.dir, ".git/objects/pack/*.pack"))
	for _, path := range packs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPack(bytes.NewReader(data), defaultBounds); err != nil {
			t.Error(err)
		}
		var excess *excessError
		if err := checkPack(bytes.NewReader(data[:len(data)/2]), defaultBounds); err == nil || errors.As(err, &excess) {
			t.Errorf("half a pack: %v", err)
		}
	}
	if len(packs) == 0 {
		t.Error("git made no pack")
	}
}

func FuzzCheckPack(f *testing.F) {
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x95\x0ax\x9c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(data)
			_ = w.Close()
		}()
		_ = checkPack(r, bounds{objects: 100, object: 1 << 16, unfolded: 1 << 20})
		_ = r.Close()
		if ctx.Err() != nil {
			t.Error("it does not end")
		}
	})
}

// A tree of a few kilobytes that unfolds to ten million paths is fetched, and comparing it ends early and in little
// memory.
func TestATreeThatUnfoldsToMillionsOfPathsIsRefused(t *testing.T) {
	s := serve(t)
	r := newRepo(t)
	empty := r.commit("a", "1")
	below, kind := r.objectInProcess("blob", "x"), "100644"
	for range 7 {
		var tree strings.Builder
		for i := range 10 {
			tree.WriteString(treeLine(kind, fmt.Sprintf("d%d", i), below))
		}
		below, kind = r.objectInProcess("tree", tree.String()), "40000"
	}
	commit := r.git("commit-tree", "-m", "x", "-p", empty, below)
	r.git("update-ref", "refs/heads/main", commit)
	remote := newRemoteOf(t, Options{URL: s.push(r, "fleet"), Branch: "main"})
	if got := fetched(t, remote); got != commit {
		t.Fatalf("fetched %s, want %s", got, commit)
	}
	opened := func(id string) *snapshot {
		h, err := parseHash(id)
		if err != nil {
			t.Fatal(err)
		}
		snap, err := remote.open(head{id: h, branch: "main"})
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
