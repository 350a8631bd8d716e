package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watched is an interval so long that only the watch can be what noticed a change.
const watched = time.Hour

func TestLocalIsWatched(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "1")
	bare := filepath.Join(t.TempDir(), "bare.git")
	runGit(t, "", "clone", "-q", "--bare", r.dir, bare)
	r.git("remote", "add", "bare", bare)
	linked := filepath.Join(t.TempDir(), "linked")
	r.git("worktree", "add", "-q", "-b", "linked", linked)
	for name, tt := range map[string]struct {
		url, branch string
		commit      func() string
	}{
		"work tree": {r.dir, "", func() string { return r.commit() }},
		"branch":    {r.dir, "main", func() string { return r.commit() }},
		"file URL":  {"file://" + r.dir, "main", func() string { return r.commit() }},
		"bare":      {bare, "", func() string { h := r.commit(); r.git("push", "-q", "bare", "main"); return h }},
		"linked": {linked, "", func() string {
			runGit(t, linked, "commit", "-q", "--allow-empty", "-m", "x")
			return runGit(t, linked, "rev-parse", "HEAD")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{URL: tt.url, Branch: tt.branch, PollInterval: watched})
			snap := next(t, s, "")
			if read(t, snap, "a") != "1" {
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
	r := newRepo(t)
	r.commit("a", "1")
	s := open(t, Options{URL: r.dir, Branch: "team/x/y", PollInterval: watched})
	nextError(t, s, "", "no branch team/x/y", "choose one of main", r.dir)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
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
		want := r.commit("a", time.Now().String())
		r.git("branch", "-f", "team/x/y")
		if after = <-got; after != want {
			t.Fatalf("got %s, want %s", after, want)
		}
		r.git("pack-refs", "--all")
		if _, err := os.Stat(filepath.Join(r.dir, ".git/refs/heads/team")); err == nil {
			t.Fatal("git left the folder, so the test shows nothing")
		}
	}
}

func TestHeadIsFollowed(t *testing.T) {
	r := newRepo(t)
	one := r.commit("a", "1")
	s := open(t, Options{URL: r.dir, PollInterval: watched})
	wantHash(t, next(t, s, ""), one)
	r.git("switch", "-q", "-c", "other")
	two := r.commit("a", "2")
	snap := next(t, s, one)
	wantHash(t, snap, two)
	if b := snap.Revision().Branch; b != "other" {
		t.Errorf("branch is %s", b)
	}
	r.git("switch", "-q", "--detach", one)
	snap = next(t, s, two)
	wantHash(t, snap, one)
	if b := snap.Revision().Branch; b != "HEAD" {
		t.Errorf("branch is %s", b)
	}
}

func TestRepositoryIsReplaced(t *testing.T) {
	r := newRepo(t)
	one := r.commit("a", "1")
	s := open(t, Options{URL: r.dir, Branch: "main", PollInterval: 20 * time.Millisecond})
	old := next(t, s, "")
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	nextError(t, s, one, r.dir, "there is no such folder")
	runGit(t, "", "init", "-q", "-b", "main", r.dir)
	nextError(t, s, one, "it is empty")
	two := r.commit("a", "2")
	snap := next(t, s, one)
	wantHash(t, snap, two)
	if read(t, snap, "a") != "2" {
		t.Error("wrong content")
	}
	_, err := old.ReadFile("a")
	if errors.Is(err, os.ErrNotExist) { // gone for good, but not as if it had never been there
		t.Errorf("error is %v", err)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	r := newRepo(t)
	one := r.commit("a", "1")
	s := open(t, Options{URL: r.dir, PollInterval: watched})
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
	r := newRepo(t)
	hash := r.commit("a", "1")
	s := open(t, Options{URL: r.dir, Branch: "main", PollInterval: watched})
	if got := next(t, s, "").Revision().Hash; got != hash {
		t.Fatalf("at %s, want %s", got, hash)
	}
	r.git("branch", "-m", "main", "elsewhere")
	if _, err := s.Next(t.Context(), hash); err == nil {
		t.Fatal("a branch that is gone is no error")
	}
	r.git("branch", "-m", "elsewhere", "main")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
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
