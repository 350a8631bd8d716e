package gittest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repo is a real repository, made by the git command.
type Repo struct {
	testing.TB
	Dir string
}

// New makes an empty repository with a work tree, on branch main.
func New(t testing.TB, args ...string) *Repo {
	t.Helper()
	r := &Repo{t, filepath.Join(t.TempDir(), "fleet")}
	Git(t, "", append(append([]string{"init", "-q", "-b", "main"}, args...), r.Dir)...)
	return r
}

// Git runs git away from the machine's configuration.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Env is the environment of a git that knows nothing of the machine it runs on.
func Env(more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=1700000000 +0200",
		"GIT_COMMITTER_NAME=Ben", "GIT_COMMITTER_EMAIL=ben@example.com", "GIT_COMMITTER_DATE=1700000100 +0200",
	}
	return append(env, more...)
}

// Try runs git and returns its error.
func (r *Repo) Try(args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.Dir, Env()
	return cmd.Run()
}

// HashOf is the id of an object.
func HashOf(kind string, data []byte) string {
	h := sha1.New()
	_, _ = fmt.Fprintf(h, "%s %d\x00%s", kind, len(data), data)
	return hex.EncodeToString(h.Sum(nil))
}

// Git runs git in the repository and returns what it prints.
func (r *Repo) Git(args ...string) string { r.Helper(); return Git(r, r.Dir, args...) }

// Write writes a file of the work tree. Content that starts with "->" makes a symbolic link.
func (r *Repo) Write(name, content string) {
	r.Helper()
	path := filepath.Join(r.Dir, filepath.FromSlash(name))
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

// Commit commits files, given as name and content in turn, and returns the commit's id.
func (r *Repo) Commit(files ...string) string {
	r.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		r.Write(files[i], files[i+1])
	}
	r.Git("add", "-A")
	r.Git("commit", "-q", "--allow-empty", "-m", "change")
	return r.Git("rev-parse", "HEAD")
}
