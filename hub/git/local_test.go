package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/internal/race"
)

// watched is an interval so long that only the watch can be what noticed a change.
const watched = time.Hour

func TestLocalIsWatched(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "1")
	bare := filepath.Join(t.TempDir(), "bare.git")
	gittest.Git(t, "", "clone", "-q", "--bare", r.Dir, bare)
	r.Git("remote", "add", "bare", bare)
	linked := filepath.Join(t.TempDir(), "linked")
	r.Git("worktree", "add", "-q", "-b", "linked", linked)
	for name, tt := range map[string]struct {
		url, branch string
		commit      func() string
	}{
		"work tree": {r.Dir, "", func() string { return r.Commit() }},
		"branch":    {r.Dir, "main", func() string { return r.Commit() }},
		"file URL":  {"file://" + r.Dir, "main", func() string { return r.Commit() }},
		"bare":      {bare, "", func() string { h := r.Commit(); r.Git("push", "-q", "bare", "main"); return h }},
		"linked": {linked, "", func() string {
			gittest.Git(t, linked, "commit", "-q", "--allow-empty", "-m", "x")
			return gittest.Git(t, linked, "rev-parse", "HEAD")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{URL: tt.url, Branch: tt.branch, PollInterval: watched})
			snap := next(t, s, "")
			if gittest.Read(t, snap, "a") != "1" {
				t.Fatal("wrong content")
			}
			for range 3 {
				want := tt.commit()
				after := snap.Revision().Hash
				snap = next(t, s, after)
				wantHash(t, snap, want)
			}
		})
	}
}

func TestBranchWithSlashes(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "1")
	s := open(t, Options{URL: r.Dir, Branch: "team/x/y", PollInterval: watched})
	nextError(t, s, "", "no branch team/x/y", "choose one of main", r.Dir)
	ctx, cancel := context.WithTimeout(t.Context(), race.Patience(90*time.Second))
	defer cancel()
	after := ""
	for range 3 { // made, packed away (the folders vanish), moved
		got := make(chan string, 1)
		go func() {
			for { // commits to other branches are hints too, and bring the error again
				snap, err := s.Next(ctx, after)
				if err == nil {
					got <- snap.Revision().Hash
					return
				}
				if ctx.Err() != nil {
					got <- err.Error()
					return
				}
			}
		}()
		want := r.Commit("a", time.Now().String())
		r.Git("branch", "-f", "team/x/y")
		if after = <-got; after != want {
			t.Fatalf("got %s, want %s", after, want)
		}
		r.Git("pack-refs", "--all")
		if _, err := os.Stat(filepath.Join(r.Dir, ".git/refs/heads/team")); err == nil {
			t.Fatal("git left the folder, so the test shows nothing")
		}
	}
}

func TestHeadIsFollowed(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	s := open(t, Options{URL: r.Dir, PollInterval: watched})
	wantHash(t, next(t, s, ""), one)
	r.Git("switch", "-q", "-c", "other")
	two := r.Commit("a", "2")
	snap := next(t, s, one)
	wantHash(t, snap, two)
	if b := snap.Revision().Branch; b != "other" {
		t.Errorf("branch is %s", b)
	}
	r.Git("switch", "-q", "--detach", one)
	snap = next(t, s, two)
	wantHash(t, snap, one)
	if b := snap.Revision().Branch; b != "HEAD" {
		t.Errorf("branch is %s", b)
	}
}

func TestRepositoryIsReplaced(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	s := open(t, Options{URL: r.Dir, Branch: "main", PollInterval: 20 * time.Millisecond})
	old := next(t, s, "")
	if err := os.RemoveAll(r.Dir); err != nil {
		t.Fatal(err)
	}
	nextError(t, s, one, r.Dir, "there is no such folder")
	gittest.Git(t, "", "init", "-q", "-b", "main", r.Dir)
	nextError(t, s, one, "it is empty")
	two := r.Commit("a", "2")
	snap := next(t, s, one)
	wantHash(t, snap, two)
	if gittest.Read(t, snap, "a") != "2" {
		t.Error("wrong content")
	}
	_, err := old.ReadFile("a")
	if errors.Is(err, os.ErrNotExist) { // gone for good, but not as if it had never been there
		t.Errorf("error is %v", err)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	s := open(t, Options{URL: r.Dir, PollInterval: watched})
	next(t, s, "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for range 2 { // the second waits for its turn
		go func() { _, err := s.Next(ctx, one); done <- err }()
	}
	cancel()
	for range 2 {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	}
}

// That a repository can be read again is told, also where the branch is where it was: until then its error is shown.
func TestRecoveryIsToldThoughNothingMoved(t *testing.T) {
	r := gittest.New(t)
	hash := r.Commit("a", "1")
	s := open(t, Options{URL: r.Dir, Branch: "main", PollInterval: watched})
	if got := next(t, s, "").Revision().Hash; got != hash {
		t.Fatalf("at %s, want %s", got, hash)
	}
	r.Git("branch", "-m", "main", "elsewhere")
	if _, err := s.Next(t.Context(), hash); err == nil {
		t.Fatal("a branch that is gone is no error")
	}
	r.Git("branch", "-m", "elsewhere", "main")
	ctx, cancel := context.WithTimeout(t.Context(), race.Patience(90*time.Second))
	defer cancel()
	for {
		snap, err := s.Next(ctx, hash)
		if ctx.Err() != nil {
			t.Fatal("the recovery was not told")
		}
		if err == nil {
			if got := snap.Revision().Hash; got != hash {
				t.Errorf("at %s, want %s", got, hash)
			}
			return
		}
	}
}
