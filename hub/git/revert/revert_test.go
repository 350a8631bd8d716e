package revert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/rollouts"
)

var at = time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)

// scene is a repository on a server, which a hub follows.
type scene struct {
	t      *testing.T
	repo   *gittest.Repo
	server *gittest.Server
	bare   string
	source *git.Source
	opts   Options
	seen   string
}

func serve(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, repo: gittest.New(t), server: gittest.Serve(t)}
	s.repo.Commit("web", "a\nb\nc\nd\ne\nf\ng\n", "apps/db", "1\n", "link", "->web")
	url := s.server.Push(s.repo, "fleet.git")
	s.bare = filepath.Join(s.server.Dir, "fleet.git")
	gittest.Git(t, s.bare, "config", "http.receivepack", "true")
	s.opts = Options{URL: url, Dir: t.TempDir(), Author: "Drover <drover@example.com>",
		Login: func(context.Context) (access.Auth, error) {
			return access.Auth{Password: "let me in", Alone: true}, nil
		}}
	var err error
	if s.source, err = git.Open(git.Options{URL: url, Dir: s.opts.Dir, PollInterval: 10 * time.Millisecond,
		Auth: access.Auth{Password: "let me in"}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.source.Close() })
	s.follow()
	return s
}

// follow has the hub fetch what is new.
func (s *scene) follow() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	snap, err := s.source.Next(ctx, s.seen)
	if err != nil {
		s.t.Fatal(err)
	}
	s.seen = snap.Revision().Hash
}

// commit commits files, and has the hub fetch that.
func (s *scene) commit(files ...string) string {
	s.t.Helper()
	id := s.repo.Commit(files...)
	s.server.Push(s.repo, "fleet.git")
	s.follow()
	return id
}

func (s *scene) proposal(last, after string) rollouts.Proposal {
	return rollouts.Proposal{Policy: "production", Target: last, Branch: "drover/revert-" + last[:8], Last: last,
		After: after, Subject: `Revert "web"`, Evidence: "1 of 2 clusters failed\n", Time: at}
}

func (s *scene) revert(p rollouts.Proposal) (rollouts.Pushed, error) {
	s.t.Helper()
	pusher, err := New(s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return pusher.Revert(s.t.Context(), p)
}

// bared asks the server's repository.
func (s *scene) bared(args ...string) string { s.t.Helper(); return gittest.Git(s.t, s.bare, args...) }

func TestARevertIsPushedToItsBranch(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.server.Password.Store("let me in")
	bad := s.commit("web", "a\nb\nC\nd\ne\nf\ng\n", "apps/new/deep", "x\n", "link", "->apps/db")
	head := s.commit("web", "a\nb\nC\nd\ne\nf\nG\n", "other", "1\n") // goes on beside it
	p := s.proposal(bad, "")
	done, err := s.revert(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.bared("rev-parse", p.Branch); got != done.Commit || s.bared("rev-parse", p.Branch+"^") != head {
		t.Errorf("the branch is at %s, above %s; want %s above %s", got, s.bared("rev-parse", p.Branch+"^"), done.Commit,
			head)
	}
	if got := s.bared("rev-parse", "main"); got != head {
		t.Errorf("main is at %s, and was at %s", got, head)
	}
	s.bared("fsck", "--strict")
	if got := s.bared("show", p.Branch+":web"); got != "a\nb\nc\nd\ne\nf\nG" {
		t.Errorf("web is %q", got)
	}
	if got := s.bared("ls-tree", "-r", "--name-only", p.Branch); got != "apps/db\nlink\nother\nweb" {
		t.Errorf("there is %q", got)
	}
	if got := s.bared("show", p.Branch+":link"); got != "web" {
		t.Errorf("the link leads to %q", got)
	}
	want := "Drover <drover@example.com> 2026-12-01T09:30:00Z\nRevert \"web\"\n\n1 of 2 clusters failed\n\n" +
		"This reverts commit " + bad + "."
	got := s.bared("log", "-1", "--format=%an <%ae> %cI%n%B", p.Branch)
	if strings.Replace(got, "+00:00", "Z", 1) != want {
		t.Errorf("the commit says %q, want %q", got, want)
	}

	again, err := s.revert(p) // a hub that was killed before it knew
	if err != nil || again != done {
		t.Errorf("a second time gives %+v, %v", again, err)
	}
	s.commit("third", "1\n")
	if again, err := s.revert(p); err != nil || again != done || s.bared("rev-parse", p.Branch) != done.Commit {
		t.Errorf("after another commit it gives %+v, %v", again, err)
	}
	s.bared("update-ref", "refs/heads/main", done.Commit) // it is merged
	s.bared("update-ref", "-d", "refs/heads/"+p.Branch)
	s.follow()
	if again, err := s.revert(p); err != nil || again.Commit != "" {
		t.Errorf("what is reverted already gives %+v, %v", again, err)
	}
}

// Commits that came together are reverted together, and nothing that came before.
func TestSeveralCommitsAreReverted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	before := s.commit("before", "1\n")
	one := s.repo.Commit("web", "1\n")
	two := s.commit("apps/db", "2\n")
	p := s.proposal(two, before)
	if _, err := s.revert(p); err != nil {
		t.Fatal(err)
	}
	if got := s.bared("diff", "--name-only", before, p.Branch); got != "" {
		t.Errorf("in %q it differs from what was before", got)
	}
	if got := s.bared("log", "-1", "--format=%b", p.Branch); !strings.HasSuffix(got, "This reverts commit "+two+
		".\nThis reverts commit "+one+".") {
		t.Errorf("the commit says %q", got)
	}
	strange := s.proposal(two, strings.Repeat("0", 40))
	strange.Branch = "drover/revert-alone"
	if _, err := s.revert(strange); err != nil || s.bared("diff", "--name-only", one, strange.Branch) != "" {
		t.Errorf("where the first is not known: %v, in %q it differs", err, s.bared("diff", "--name-only", one,
			strange.Branch))
	}
	strange.Exactly, strange.Branch = true, "drover/revert-exactly"
	if _, err := s.revert(strange); !errors.Is(err, rollouts.ErrNoRevert) {
		t.Errorf("where it has to be known: %v", err)
	}
}

func TestARevertThatCannotBeMadeIsNone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	first := s.repo.Git("rev-parse", "HEAD")
	bad := s.commit("web", "a\nb\nC\nd\ne\nf\ng\n", "gone", "1\n")
	s.commit("web", "a\nb\nD\nd\ne\nf\ng\n", "gone", "2\n") // the same line, and a file that would go
	other := s.repo.Git("commit-tree", "-m", "of no branch", "HEAD^{tree}")
	for text, p := range map[string]rollouts.Proposal{
		"later commits changed what it would revert, in gone, web": s.proposal(bad, ""),
		"is the first commit":         s.proposal(first, ""),
		"has no commit " + other:      s.proposal(other, ""),
		"the branch that the hub":     {Branch: "main", Last: bad},
		"has no commit not-a-commit ": {Branch: "drover/revert-x", Last: "not-a-commit"},
	} {
		done, err := s.revert(p)
		if !errors.Is(err, rollouts.ErrNoRevert) || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v, %v; want %q", done, err, text)
		}
	}
	if got := s.bared("branch", "--list", "drover/*"); got != "" {
		t.Errorf("there are the branches %q", got)
	}
}

// What may pass by itself is no end: the server is away, refuses, or has what the hub has not fetched yet.
func TestWhatFailsForNowIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t)
	bad := s.commit("web", "1\n")
	p := s.proposal(bad, "")
	fails := func(text string) {
		t.Helper()
		done, err := s.revert(p)
		if err == nil || errors.Is(err, rollouts.ErrNoRevert) || !strings.Contains(err.Error(), text) ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v, %v; want %q", done, err, text)
		}
	}
	s.server.Broken.Store(503)
	fails("fleet.git")
	s.server.Broken.Store(0)
	s.server.Password.Store("another secret")
	fails("fleet.git")
	s.server.Password.Store("")
	s.opts.Login = func(context.Context) (access.Auth, error) { return access.Auth{}, errors.New("no credential") }
	fails("no credential")
	s.opts.Login = func(context.Context) (access.Auth, error) { return access.Auth{}, nil }
	hook := filepath.Join(s.bare, "hooks", "pre-receive")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	fails("pre-receive hook declined")
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	s.repo.Commit("other", "1\n")
	gittest.Git(t, s.repo.Dir, "push", "-q", s.bare, "main") // which the hub has not seen
	fails("has not fetched yet")
	s.follow()
	if _, err := s.revert(p); err != nil {
		t.Error(err)
	}
}

func TestARevertIsSigned(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		s := serve(t)
		s.opts.Key = filepath.Join(t.TempDir(), "key")
		gittest.Run(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", s.opts.Key)
		public, err := os.ReadFile(s.opts.Key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		allowed := filepath.Join(t.TempDir(), "allowed")
		if err := os.WriteFile(allowed, append([]byte("drover@example.com "), public...), 0o600); err != nil {
			t.Fatal(err)
		}
		p := s.proposal(s.commit("web", "1\n"), "")
		if _, err := s.revert(p); err != nil {
			t.Fatal(err)
		}
		s.bared("-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", p.Branch)
		s.bared("fsck", "--strict")
	}
}

// A repository on this machine is written to, and its work tree is not.
func TestARevertInARepositoryOfThisMachine(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Commit("web", "1\n")
	bad := repo.Commit("web", "2\n")
	pusher, err := New(Options{URL: repo.Dir, Branch: "main", Author: "Drover <drover@example.com>"})
	if err != nil {
		t.Fatal(err)
	}
	p := rollouts.Proposal{Branch: "drover/revert-" + bad[:8], Last: bad, Subject: "Revert", Time: at}
	done, err := pusher.Revert(t.Context(), p)
	if err != nil || repo.Git("rev-parse", p.Branch) != done.Commit || repo.Git("show", p.Branch+":web") != "1" {
		t.Errorf("%+v, %v", done, err)
	}
	if got := repo.Git("status", "--porcelain") + repo.Git("rev-parse", "HEAD"); got != bad {
		t.Errorf("the work tree is %q", got)
	}
	repo.Git("fsck", "--strict")
	if again, err := pusher.Revert(t.Context(), p); err != nil || again != done {
		t.Errorf("a second time gives %+v, %v", again, err)
	}
}

func TestARevertIsPushedOverSSH(t *testing.T) {
	t.Parallel()
	server := gittest.ServeSSH(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	repo := gittest.New(t)
	repo.Commit("web", "1\n")
	bad := repo.Commit("web", "2\n")
	bare := filepath.Join(t.TempDir(), "fleet.git")
	gittest.Git(t, "", "clone", "-q", "--bare", repo.Dir, bare)
	key, _ := os.ReadFile(server.Key)
	known, _ := os.ReadFile(server.Known)
	auth := access.Auth{Key: string(key), KnownHosts: string(known), Alone: true} // as a credential has it
	o := Options{URL: fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, server.Port, bare), Dir: t.TempDir(),
		Author: "Drover <drover@example.com>", Login: func(context.Context) (access.Auth, error) { return auth, nil }}
	source, err := git.Open(git.Options{URL: o.URL, Dir: o.Dir, Auth: auth})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	if _, err := source.Next(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	pusher, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	p := rollouts.Proposal{Branch: "drover/revert-" + bad[:8], Last: bad, Subject: "Revert", Time: at}
	for range 2 {
		done, err := pusher.Revert(t.Context(), p)
		if err != nil || gittest.Git(t, bare, "rev-parse", p.Branch) != done.Commit {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	if got := gittest.Git(t, bare, "show", p.Branch+":web"); got != "1" {
		t.Errorf("web is %q", got)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	locked := filepath.Join(t.TempDir(), "key")
	gittest.Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked)
	for text, o := range map[string]Options{
		"no repository is given":    {Author: "A <a@b>"},
		"the author of reverts":     {URL: "/x", Author: "nobody"},
		"correct its path":          {URL: "/x", Author: "A <a@b>", Key: "/nonexistent/key"},
		"without a passphrase":      {URL: "/x", Author: "A <a@b>", Key: locked},
		"name a private key for ss": {URL: "/x", Author: "A <a@b>", Key: locked + ".pub"},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v gives %v, want %q", o, err, text)
		}
	}
}

// Lines are merged as Git merges them, and where they are not, Git does not either.
func TestLinesAreMergedAsGitDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts := []string{
		"a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "a\nc\nd\ne\n", "a\nb\nc\nx\nd\ne\n", "a\nb\nc\nd\ne",
		"a\nb\nC\nd\ne\n", "0\na\nb\nc\nd\ne\n", "e\nd\nc\nb\na\n"}
	merged := 0
	for i, from := range texts[:3] {
		for j, to := range texts {
			for k, ours := range texts {
				got, done := mergeLines(from, to, ours)
				name := func(n string) string { return filepath.Join(dir, fmt.Sprint(i, j, k, n)) }
				for n, text := range map[string]string{"from": from, "to": to, "ours": ours} {
					if err := os.WriteFile(name(n), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if !done {
					continue
				}
				merged++
				repo := &gittest.Repo{TB: t, Dir: dir}
				if repo.Try("merge-file", name("ours"), name("from"), name("to")) != nil {
					t.Errorf("%q → %q is done to %q, and Git does not: %q", from, to, ours, got)
					continue
				}
				if want, err := os.ReadFile(name("ours")); err != nil || string(want) != got {
					t.Errorf("%q → %q done to %q gives %q, and Git %q (%v)", from, to, ours, got, want, err)
				}
			}
		}
	}
	if merged < 30 {
		t.Errorf("only %d were merged", merged)
	}
}
