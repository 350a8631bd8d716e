package testenv

import (
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newRepo makes a repository with one commit.
func newRepo(t *testing.T) *GitRepo {
	t.Helper()
	r, err := NewGitRepo(filepath.Join(t.TempDir(), "fleet"))
	if err != nil {
		t.Fatal(err)
	}
	r.WriteTree(`
-- clusters/east/cluster.yaml --
labels: {region: east}
-- apps/web/web.yaml --
kind: ConfigMap
`)
	commit(t, r, "first")
	return r
}

// commit commits all changes.
func commit(t *testing.T, r *GitRepo, message string) string {
	t.Helper()
	hash, err := r.Commit(message)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// clone clones url and returns the content of a file in it, or "" when it is missing.
func clone(t *testing.T, url, file string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := (&GitRepo{Dir: dir}).Git("clone", "--quiet", url, "."); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func TestGitHistory(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	if author, err := r.Git("log", "-1", "--format=%an <%ae>"); err != nil || author != "Drover Test <test@drover.example>" {
		t.Errorf("author is %q (%v)", author, err)
	}
	r.Write("clusters/west/cluster.yaml", "labels: {}\n")
	r.Remove("clusters/east")
	second := commit(t, r, "move")
	if files, err := r.Git("ls-files"); err != nil || files != "apps/web/web.yaml\nclusters/west/cluster.yaml" {
		t.Errorf("files are %q (%v)", files, err)
	}
	if _, err := r.Revert(second); err != nil {
		t.Fatal(err)
	}
	if got := clone(t, r.URL(), "clusters/east/cluster.yaml"); got != "labels: {region: east}\n" {
		t.Errorf("after the revert, the file is %q", got)
	}
	for _, branch := range []string{"staging", "main", "staging"} {
		if err := r.Branch(branch); err != nil {
			t.Error(err)
		}
	}
	if now, err := r.Git("branch", "--show-current"); err != nil || now != "staging" {
		t.Errorf("on branch %q (%v)", now, err)
	}
}

func TestGitChangeThatFailsFailsTheCommit(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	before, _ := r.Head()
	for name, change := range map[string]func(){
		"no such file":     func() { r.Remove("nowhere") },
		"outside":          func() { r.Write("../outside", "") },
		"an empty archive": func() { r.WriteTree("no files") },
	} {
		change()
		if _, err := r.Commit(name); err == nil {
			t.Errorf("%s: committed", name)
		}
	}
	if after, err := r.Head(); err != nil || after != before {
		t.Errorf("head moved from %s to %s (%v)", before, after, err)
	}
	commit(t, r, "good again")
}

func TestGitOverHTTP(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	bare, err := r.BareClone(filepath.Join(t.TempDir(), "fleet.git"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ServeGit(bare, WithPassword("drover", "s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	atEnd(t, s.Stop)

	if _, err := r.Git("ls-remote", s.URL); err == nil {
		t.Error("let in without a password")
	}
	withPassword, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	withPassword.User = url.UserPassword("drover", "s3cret")
	noise := make([]byte, 3<<20) // beyond what git sends in one piece, and not to be compressed
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	r.Write("noise", string(noise))
	commit(t, r, "large")
	if err := r.Push(withPassword.String()); err != nil {
		t.Fatal(err)
	}
	if got := clone(t, withPassword.String(), "noise"); got != string(noise) {
		t.Errorf("cloned %d bytes that are not those pushed", len(got))
	}
	if s.Requests() < 4 || !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Errorf("%d requests at %s", s.Requests(), s.URL)
	}
}
