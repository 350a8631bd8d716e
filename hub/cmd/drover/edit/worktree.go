package edit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/clusterfile"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// workTree is where the command line changes files and commits them. It does so with the git program, so that people's
// hooks, signing and credential helpers work as they do by hand.
type workTree struct {
	top    string           // its top folder
	paths  folders.Patterns // which folders in it are clusters'
	origin string           // what it was cloned from for this one change; empty for a work tree of the user's
	branch string           // that is checked out
	stderr io.Writer        // for what git, its hooks and its helpers say
	close  func()
}

// open finds the work tree, or makes one.
func (o *gitOptions) open(ctx context.Context, stderr io.Writer) (*workTree, error) {
	if o.push && o.noPush {
		return nil, o.wrong(errors.New("--push and --no-push: say one of them"))
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("the git program is not found: install it; or make the change by hand, it is files alone")
	}
	patterns, err := folders.Parse(o.path)
	if err != nil {
		return nil, o.wrong(err)
	}
	w := &workTree{stderr: stderr, paths: patterns, close: func() {}}
	where, err := o.where(ctx, w)
	if err != nil {
		return nil, err
	}
	w.top = where
	top, err := w.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		if err := w.clone(ctx, where, o.branch); err != nil {
			w.close()
			return nil, err
		}
	} else {
		w.top = top
	}
	if err := w.ready(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// where says which repository is meant.
func (o *gitOptions) where(ctx context.Context, w *workTree) (string, error) {
	if o.repo != "" {
		return o.repo, nil
	}
	w.top = "."
	if _, err := w.git(ctx, "rev-parse", "--show-toplevel"); err == nil {
		return ".", nil
	}
	if c, err := o.Client(); err == nil {
		if f, err := c.Clusters(ctx, ""); err == nil {
			if path := strings.TrimPrefix(f.Source.Repository, "file://"); filepath.IsAbs(path) {
				return path, nil
			}
		}
	}
	return "", o.wrong(errors.New("the current directory is in no Git repository: go to the fleet's, or name it with " +
		"--repo, as a path or a URL"))
}

// clone makes a work tree of a bare repository or a URL, for one change.
func (w *workTree) clone(ctx context.Context, origin, branch string) error {
	dir, err := os.MkdirTemp("", "drover-")
	if err != nil {
		return err
	}
	w.close = func() { _ = os.RemoveAll(dir) }
	args := []string{"clone", "-q", "--single-branch"}
	if info, err := os.Stat(origin); err == nil && info.IsDir() {
		if origin, err = filepath.Abs(origin); err != nil {
			return err
		}
	} else {
		args = append(args, "--depth=1")
	}
	w.top = "."
	if branch != "" {
		if _, err := w.git(ctx, "ls-remote", "--exit-code", "--heads", "--", origin, "refs/heads/"+branch); err == nil {
			args = append(args, "--branch="+branch)
		}
	}
	w.origin = call.Redact(origin)
	if _, err := w.git(ctx, append(args, "--", origin, filepath.Join(dir, "repo"))...); err != nil {
		return fmt.Errorf("%s is no Git repository that can be read: %w", w.origin, err)
	}
	w.top = filepath.Join(dir, "repo")
	return nil
}

// ready refuses a work tree in which a commit would not be what one thinks.
func (w *workTree) ready(ctx context.Context) error {
	var err error
	if w.branch, err = w.git(ctx, "symbolic-ref", "-q", "--short", "HEAD"); err != nil {
		return fmt.Errorf("%s is on no branch (its HEAD is detached), so a commit would be lost: `git switch BRANCH` first",
			w.top)
	}
	for file, what := range map[string]string{"MERGE_HEAD": "a merge", "rebase-merge": "a rebase",
		"rebase-apply":     "a rebase",
		"CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert"} {
		path, err := w.git(ctx, "rev-parse", "--git-path", file)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(w.top, path)
		}
		if _, err := os.Stat(path); err == nil {
			return fmt.Errorf("%s is in the middle of %s: finish or abort it first (`git status` says how)", w.top, what)
		}
	}
	return nil
}

// file is the path on disk of a path in the repository.
func (w *workTree) file(path string) string { return filepath.Join(w.top, filepath.FromSlash(path)) }

// folder is the path in the repository of a cluster's folder.
func (w *workTree) folder(cluster string) (string, error) {
	files, ok := os.DirFS(w.top).(model.Tree)
	if !ok {
		return "", errors.New("the files of the work tree cannot be read by this build of drover")
	}
	l := layout.Layout{Folders: w.paths}
	found, err := l.Clusters(files)
	if err != nil {
		return "", err
	}
	site, err := tree.Among(resolve.Listing{Sites: found}, cluster, w.top)
	return site.Folder, err
}

// tracked are the files below a folder that Git knows.
func (w *workTree) tracked(ctx context.Context, folder string) ([]string, error) {
	out, err := w.git(ctx, "ls-files", "-z", "--", folder)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 }), nil
}

// clean refuses paths that have changes which are not committed: they would go into the commit, too.
func (w *workTree) clean(ctx context.Context, paths ...string) error {
	out, err := w.git(ctx, append([]string{"status", "--porcelain", "--untracked-files=no", "--"}, paths...)...)
	if err != nil {
		return err
	}
	if out != "" {
		return fmt.Errorf("%s has changes that are not committed:\n%s\ncommit or stash them first", w.top, out)
	}
	return nil
}

// git runs git in the work tree and gives its output without the final newline. Its error is what git said last.
func (w *workTree) git(ctx context.Context, args ...string) (string, error) {
	var stdout bytes.Buffer
	err := w.run(ctx, &stdout, io.Discard, args...)
	return strings.TrimRight(stdout.String(), "\n\x00"), err
}

// show runs git where hooks and helpers may have something to say or to ask.
func (w *workTree) show(ctx context.Context, args ...string) error {
	return w.run(ctx, nil, w.stderr, args...)
}

// run runs git. With nil for stdout all that it says goes to stderr, which nobody else writes to meanwhile.
func (w *workTree) run(ctx context.Context, stdout, stderr io.Writer, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", w.top, "--literal-pathspecs"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, io.MultiWriter(stderr, &said)
	if stdout == nil {
		cmd.Stdout = cmd.Stderr
	}
	err := cmd.Run()
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	text := strings.TrimSpace(said.String())
	if text == "" {
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	return &gitError{args[0], text}
}

// gitError is what git said when it failed.
type gitError struct{ command, text string }

func (e *gitError) Error() string {
	last := e.text[strings.LastIndexByte(e.text, '\n')+1:]
	return fmt.Sprintf("git %s: %s", e.command, strings.TrimPrefix(last, "fatal: "))
}

// clusterFileOf reads the cluster.yaml of a cluster in a work tree.
func (w *workTree) clusterFileOf(cluster string) (*clusterfile.File, error) {
	folder, err := w.folder(cluster)
	if err != nil {
		return nil, err
	}
	file := path.Join(folder, planning.ClusterFile)
	return clusterfile.Read(w.file(file), file)
}
