package git

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const manyClusters = 10_000

// fleetRepo makes a repository of 10,000 clusters of two files each, and a second commit that changes
// one file.
func fleetRepo(b testing.TB, packed bool) *testRepo {
	b.Helper()
	r := newRepo(b)
	stream := &bytes.Buffer{}
	write := func(name, content string) {
		_, _ = fmt.Fprintf(stream, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	_, _ = stream.WriteString("commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n")
	for i := range manyClusters {
		dir := fmt.Sprintf("clusters/cluster-%05d/", i)
		write(dir+"cluster.yaml", fmt.Sprintf("labels:\n  number: %d\n", i))
		write(dir+"kustomization.yaml", fmt.Sprintf("resources:\n- ../../apps/web\nnamePrefix: c%d-\n", i))
	}
	_, _ = stream.WriteString("commit refs/heads/main\ncommitter A <a@b> 1700000001 +0000\ndata 1\ny\n")
	write("clusters/cluster-05000/cluster.yaml", "labels:\n  number: none\n")
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, gitEnv(), stream
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if packed {
		r.git("repack", "-q", "-a", "-d")
	}
	return r
}

// BenchmarkChanges compares two revisions of 10,000 clusters in which one file differs, cold:
// nothing is open or cached. Beside it: git itself, and go-git's own comparison.
func BenchmarkChanges(b *testing.B) {
	r := fleetRepo(b, true)
	const want = "clusters/cluster-05000/cluster.yaml"
	b.Run("drover", func(b *testing.B) {
		for b.Loop() {
			repo, err := openRepository(r.dir)
			if err != nil {
				b.Fatal(err)
			}
			now, old := snapshotAt(b, repo, "main"), snapshotAt(b, repo, "main~1")
			if paths, err := now.Changes(old); err != nil || len(paths) != 1 || paths[0] != want {
				b.Fatal(paths, err)
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			if out := r.git("diff-tree", "-r", "--name-only", "main~1", "main"); out != want {
				b.Fatal(out)
			}
		}
	})
	b.Run("go-git", func(b *testing.B) {
		for b.Loop() {
			repo, err := gogit.PlainOpen(r.dir)
			if err != nil {
				b.Fatal(err)
			}
			changes, err := object.DiffTree(goGitTree(b, repo, "main~1"), goGitTree(b, repo, "main"))
			if err != nil || len(changes) != 1 {
				b.Fatal(changes, err)
			}
		}
	})
}

func snapshotAt(b *testing.B, repo *repository, revision string) *snapshot {
	id, err := repo.resolve(revision)
	if err != nil {
		b.Fatal(err)
	}
	snap, err := repo.snapshot(id, revision)
	if err != nil {
		b.Fatal(err)
	}
	return snap
}

func replaceFile(b *testing.B, path, content string) {
	if err := os.WriteFile(path+".lock", []byte(content), 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(path+".lock", path); err != nil {
		b.Fatal(err)
	}
}

func goGitTree(b *testing.B, repo *gogit.Repository, revision string) *object.Tree {
	id, err := repo.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		b.Fatal(err)
	}
	c, err := repo.CommitObject(*id)
	if err != nil {
		b.Fatal(err)
	}
	t, err := c.Tree()
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// BenchmarkLookup looks up a path in a tree that is decoded. Beside it: decoding the
// trees on the way each time, as go-git's Tree.File does.
func BenchmarkLookup(b *testing.B) {
	r := fleetRepo(b, true)
	const path = "clusters/cluster-05000/cluster.yaml"
	snap := r.at("main")
	b.Run("warm", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := snap.Lookup(path); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decoding", func(b *testing.B) {
		for b.Loop() {
			id := snap.rootID
			for name := range strings.SplitSeq(path, "/") {
				obj, err := snap.objects.read(id, maxTree)
				if err != nil {
					b.Fatal(err)
				}
				if obj.kind == typeBlob {
					break
				}
				t, err := decodeTree(obj.data)
				if err != nil {
					b.Fatal(err)
				}
				e, _ := t.find(name)
				id = e.id
			}
		}
	})
	repo, err := gogit.PlainOpen(r.dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("go-git", func(b *testing.B) {
		for b.Loop() {
			if _, err := goGitTree(b, repo, "main").FindEntry(path); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReadAll reads every file of 10,000 clusters. Beside it: git cat-file.
func BenchmarkReadAll(b *testing.B) {
	r := fleetRepo(b, true)
	b.Run("drover", func(b *testing.B) {
		for b.Loop() {
			snap := r.at("main")
			for i := range manyClusters {
				for _, name := range []string{"cluster.yaml", "kustomization.yaml"} {
					if _, err := snap.ReadFile(fmt.Sprintf("clusters/cluster-%05d/%s", i, name)); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.Command("sh", "-c", "git ls-tree -r main | cut -c13-52 | git cat-file --batch >/dev/null")
			cmd.Dir, cmd.Env = r.dir, gitEnv()
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
	})
}

// BenchmarkMoved measures from a ref that is moved, by renaming a file as git does, to the
// snapshot of Next.
func BenchmarkMoved(b *testing.B) {
	for _, size := range []string{"small", "10000 clusters"} {
		b.Run(size, func(b *testing.B) {
			var r *testRepo
			if size == "small" {
				r = newRepo(b)
				r.commit("a", "1")
				r.commit("a", "2")
			} else {
				r = fleetRepo(b, true)
			}
			ids := []string{r.git("rev-parse", "main"), r.git("rev-parse", "main~1")}
			s := open(b, Options{URL: r.dir, PollInterval: watched})
			at := next(b, s, "").Revision().Hash
			file := filepath.Join(r.dir, ".git/refs/heads/main")
			var slowest time.Duration
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				waiting := make(chan string, 1)
				go func() { snap, _ := s.Next(context.Background(), at); waiting <- snap.Revision().Hash }()
				time.Sleep(2 * time.Millisecond) // Next is to wait already
				want := ids[1-i%2]
				b.StartTimer()
				begin := time.Now()
				replaceFile(b, file, want+"\n")
				at = <-waiting
				slowest = max(slowest, time.Since(begin))
				if at != want {
					b.Fatal(at, want)
				}
			}
			b.ReportMetric(float64(slowest.Microseconds())/1000, "ms-slowest")
		})
	}
}

// BenchmarkFetched measures from Poke to the snapshot of a commit that was pushed to a server on this machine.
// Beside it: git fetch of the same.
func BenchmarkFetched(b *testing.B) {
	r := fleetRepo(b, true)
	srv := serve(b)
	url := srv.push(r, "fleet.git")
	bare := filepath.Join(srv.dir, "fleet.git")
	tip := r.git("rev-parse", "main")
	commit := func(i int) string {
		tip = r.git("commit-tree", "-p", tip, "-m", fmt.Sprint(i), "main^{tree}")
		r.git("push", "-q", bare, tip+":refs/heads/main")
		return tip
	}
	b.Run("drover", func(b *testing.B) {
		s := open(b, Options{URL: url, Dir: b.TempDir(), PollInterval: watched})
		at := next(b, s, "").Revision().Hash
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			want := commit(i)
			b.StartTimer()
			s.Poke()
			if at = next(b, s, at).Revision().Hash; at != want {
				b.Fatal(at, want)
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		clone := filepath.Join(b.TempDir(), "clone")
		runGit(b, "", "clone", "-q", "--bare", url, clone)
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			commit(-i)
			b.StartTimer()
			runGit(b, clone, "fetch", "-q", "origin", "+main:main")
		}
	})
}
