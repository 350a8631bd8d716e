package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
)

func replaceFile(b *testing.B, path, content string) {
	if err := os.WriteFile(path+".lock", []byte(content), 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(path+".lock", path); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMoved measures from a ref that is moved, by renaming a file as git does, to the
// snapshot of Next.
func BenchmarkMoved(b *testing.B) {
	for _, size := range []string{"small", "10000 clusters"} {
		b.Run(size, func(b *testing.B) {
			var r *gittest.Repo
			if size == "small" {
				r = gittest.New(b)
				r.Commit("a", "1")
				r.Commit("a", "2")
			} else {
				r = gittest.FleetRepo(b, true)
			}
			ids := []string{r.Git("rev-parse", "main"), r.Git("rev-parse", "main~1")}
			s := open(b, Options{URL: r.Dir, PollInterval: watched})
			at := next(b, s, "").Revision().Hash
			file := filepath.Join(r.Dir, ".git/refs/heads/main")
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
	r := gittest.FleetRepo(b, true)
	srv := gittest.Serve(b)
	url := srv.Push(r, "fleet.git")
	bare := filepath.Join(srv.Dir, "fleet.git")
	tip := r.Git("rev-parse", "main")
	commit := func(i int) string {
		tip = r.Git("commit-tree", "-p", tip, "-m", fmt.Sprint(i), "main^{tree}")
		r.Git("push", "-q", bare, tip+":refs/heads/main")
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
		gittest.Git(b, "", "clone", "-q", "--bare", url, clone)
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			commit(-i)
			b.StartTimer()
			gittest.Git(b, clone, "fetch", "-q", "origin", "+main:main")
		}
	})
}
