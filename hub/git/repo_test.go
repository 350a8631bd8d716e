package git

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// testRepo is a real repository, made by the git command.
type testRepo struct {
	testing.TB
	dir string
}

// newRepo makes an empty repository with a work tree, on branch main.
func newRepo(t testing.TB, args ...string) *testRepo {
	t.Helper()
	r := &testRepo{t, filepath.Join(t.TempDir(), "fleet")}
	runGit(t, "", append(append([]string{"init", "-q", "-b", "main"}, args...), r.dir)...)
	return r
}

// runGit runs git away from the machine's configuration.
func runGit(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, gitEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func gitEnv(more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=1700000000 +0200",
		"GIT_COMMITTER_NAME=Ben", "GIT_COMMITTER_EMAIL=ben@example.com", "GIT_COMMITTER_DATE=1700000100 +0200",
	}
	return append(env, more...)
}

// tryGit runs git and returns its error.
func (r *testRepo) tryGit(args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.dir, gitEnv()
	return cmd.Run()
}

// hashOf is the id of an object.
func hashOf(kind string, data []byte) string {
	h := sha1.New()
	_, _ = fmt.Fprintf(h, "%s %d\x00%s", kind, len(data), data)
	return hex.EncodeToString(h.Sum(nil))
}

func (r *testRepo) git(args ...string) string { r.Helper(); return runGit(r, r.dir, args...) }

// write writes a file of the work tree. Content that starts with "->" makes a symbolic link.
func (r *testRepo) write(name, content string) {
	r.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	_ = os.Remove(path)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if target, ok := strings.CutPrefix(content, "->"); ok && err == nil {
		err = os.Symlink(target, path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		r.Fatal(err)
	}
}

// commit commits files, given as name and content in turn, and returns the commit's id.
func (r *testRepo) commit(files ...string) string {
	r.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		r.write(files[i], files[i+1])
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "change")
	return r.git("rev-parse", "HEAD")
}

// at opens the repository at a revision.
func (r *testRepo) at(revision string) *snapshot {
	r.Helper()
	s, err := At(context.Background(), r.dir, revision)
	if err != nil {
		r.Fatal(err)
	}
	return s.(*snapshot)
}

// open watches a repository, for as long as the test runs.
func open(t testing.TB, opts Options) *Source {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// next returns the next snapshot, which must come soon.
func next(t testing.TB, s *Source, after string) model.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	snap, err := s.Next(ctx, after)
	if err != nil {
		t.Fatalf("next after %.8s: %v", after, err)
	}
	return snap
}

// nextError returns the error of Next, which must come soon and contain all of want.
func nextError(t testing.TB, s *Source, after string, want ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s.Poke()
	snap, err := s.Next(ctx, after)
	if err == nil {
		t.Fatalf("got %s, want an error with %q", snap.Revision().Hash, want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error is\n  %v\nwithout %q", err, w)
		}
	}
	return err.Error()
}

// wantHash checks what a snapshot is of.
func wantHash(t testing.TB, snap model.Snapshot, hash string) {
	t.Helper()
	if got := snap.Revision().Hash; got != hash {
		t.Fatalf("snapshot is of %s, want %s", got, hash)
	}
}
