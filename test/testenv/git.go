package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
)

// GitRepo is a Git repository on disk, driven by the git command with an environment of its own: no setting of the
// user's, and always the same author, reaches it.
//
// Changes to its files are made by methods without a result, so that a test reads straight down; the first that goes
// wrong is told by the next Commit, which then commits nothing.
type GitRepo struct {
	Dir string

	bare bool
	err  error // of the first change that went wrong since the last commit
}

// NewGitRepo makes an empty repository with the branch main in dir, which is made too.
func NewGitRepo(dir string) (*GitRepo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make Git repository: %w", err)
	}
	r := &GitRepo{Dir: dir}
	_, err = r.Git("init", "--quiet", "--initial-branch=main")
	return r, err
}

// Git runs the git command in the repository and returns what it prints, without the space around it.
func (r *GitRepo) Git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Dir
	cmd.Env = gitEnv()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%w: install git", err)
		}
		return "", fmt.Errorf("git %s in %s: %w: %s", strings.Join(args, " "), r.Dir, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// gitEnv returns the environment of git: that of the process without what would lead git elsewhere.
func gitEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return append(env,
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Drover Test", "GIT_AUTHOR_EMAIL=test@drover.example",
		"GIT_COMMITTER_NAME=Drover Test", "GIT_COMMITTER_EMAIL=test@drover.example",
	)
}

// URL returns the address of the repository by the file protocol.
func (r *GitRepo) URL() string { return "file://" + filepath.ToSlash(r.Dir) }

// path returns where name, a path with slashes, is on disk, and remembers an error if that is not in the work tree.
func (r *GitRepo) path(name string) string {
	local, err := filepath.Localize(name)
	if err == nil && r.bare {
		err = errors.New("a bare repository has no files; change another and push")
	}
	r.note(err)
	return filepath.Join(r.Dir, local)
}

// note remembers the first error since the last commit.
func (r *GitRepo) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Write writes a file, in directories that are made as needed.
func (r *GitRepo) Write(name, content string) {
	path := r.path(name)
	if r.err != nil {
		return
	}
	r.note(os.MkdirAll(filepath.Dir(path), 0o755))
	r.note(os.WriteFile(path, []byte(content), 0o644))
}

// Link makes a symbolic link called name that leads to target.
func (r *GitRepo) Link(name, target string) {
	path := r.path(name)
	if r.err != nil {
		return
	}
	r.note(os.MkdirAll(filepath.Dir(path), 0o755))
	r.note(os.Symlink(target, path))
}

// Remove removes a file, or a directory with all that is in it. There must be one.
func (r *GitRepo) Remove(name string) {
	path := r.path(name)
	if r.err != nil {
		return
	}
	if _, err := os.Lstat(path); err != nil {
		r.note(err)
		return
	}
	r.note(os.RemoveAll(path))
}

// WriteTree writes the files of a txtar archive, each beginning with a line such as "-- clusters/east/cluster.yaml --".
// Other files stay.
func (r *GitRepo) WriteTree(archive string) {
	tree := txtar.Parse([]byte(archive))
	if len(tree.Files) == 0 {
		r.note(errors.New("the txtar archive has no files; each begins with a line such as: -- name --"))
	}
	for _, f := range tree.Files {
		r.Write(f.Name, string(f.Data))
	}
}

// Commit commits all changes, even none, and returns the commit's hash.
func (r *GitRepo) Commit(message string) (string, error) {
	if err := r.err; err != nil {
		r.err = nil
		return "", fmt.Errorf("commit %q: %w", message, err)
	}
	if _, err := r.Git("add", "--all"); err != nil {
		return "", err
	}
	if _, err := r.Git("commit", "--quiet", "--allow-empty", "--message", message); err != nil {
		return "", err
	}
	return r.Head()
}

// Head returns the hash of the commit that is checked out.
func (r *GitRepo) Head() (string, error) { return r.Git("rev-parse", "HEAD") }

// Revert makes a commit that takes another one back, and returns its hash.
func (r *GitRepo) Revert(hash string) (string, error) {
	if _, err := r.Git("revert", "--no-edit", hash); err != nil {
		return "", err
	}
	return r.Head()
}

// Branch checks out the branch, made from the present commit if it is new.
func (r *GitRepo) Branch(name string) error {
	if _, err := r.Git("rev-parse", "--verify", "--quiet", "refs/heads/"+name); err == nil {
		_, err = r.Git("checkout", "--quiet", name)
		return err
	}
	_, err := r.Git("checkout", "--quiet", "-b", name)
	return err
}

// BareClone makes a bare clone in dir, as a server holds it: others push to it.
func (r *GitRepo) BareClone(dir string) (*GitRepo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := r.Git("clone", "--quiet", "--bare", r.Dir, dir); err != nil {
		return nil, err
	}
	return &GitRepo{Dir: dir, bare: true}, nil
}

// Push pushes the branch that is checked out to the repository at url.
func (r *GitRepo) Push(url string) error {
	_, err := r.Git("push", "--quiet", url, "HEAD")
	return err
}
