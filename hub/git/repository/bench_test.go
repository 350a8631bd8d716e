package repository

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	gogitobject "github.com/go-git/go-git/v5/plumbing/object"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/git/object"
)

// BenchmarkChanges compares two revisions of 10,000 clusters in which one file differs, cold:
// nothing is open or cached. Beside it: git itself, and go-git's own comparison.
func BenchmarkChanges(b *testing.B) {
	r := gittest.FleetRepo(b, true)
	const want = "clusters/cluster-05000/cluster.yaml"
	b.Run("drover", func(b *testing.B) {
		for b.Loop() {
			repo, err := Open(r.Dir)
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
			if out := r.Git("diff-tree", "-r", "--name-only", "main~1", "main"); out != want {
				b.Fatal(out)
			}
		}
	})
	b.Run("go-git", func(b *testing.B) {
		for b.Loop() {
			repo, err := gogit.PlainOpen(r.Dir)
			if err != nil {
				b.Fatal(err)
			}
			changes, err := gogitobject.DiffTree(goGitTree(b, repo, "main~1"), goGitTree(b, repo, "main"))
			if err != nil || len(changes) != 1 {
				b.Fatal(changes, err)
			}
		}
	})
}

func snapshotAt(b *testing.B, repo *Repository, revision string) *Snapshot {
	id, err := repo.Resolve(revision)
	if err != nil {
		b.Fatal(err)
	}
	snap, err := repo.Snapshot(id, revision)
	if err != nil {
		b.Fatal(err)
	}
	return snap
}

func goGitTree(b *testing.B, repo *gogit.Repository, revision string) *gogitobject.Tree {
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
	r := gittest.FleetRepo(b, true)
	const path = "clusters/cluster-05000/cluster.yaml"
	snap := at(r, "main")
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
				obj, err := snap.objects.Read(id, object.MaxTree)
				if err != nil {
					b.Fatal(err)
				}
				if obj.Kind == object.TypeBlob {
					break
				}
				t, err := object.DecodeTree(obj.Data)
				if err != nil {
					b.Fatal(err)
				}
				e, _ := t.Find(name)
				id = e.ID
			}
		}
	})
	repo, err := gogit.PlainOpen(r.Dir)
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
	r := gittest.FleetRepo(b, true)
	b.Run("drover", func(b *testing.B) {
		for b.Loop() {
			snap := at(r, "main")
			for i := range gittest.ManyClusters {
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
			cmd.Dir, cmd.Env = r.Dir, gittest.Env()
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
	})
}
