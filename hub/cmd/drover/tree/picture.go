package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pictured is a commit of the files of a work tree, in a repository of its own, which borrows the objects of the real
// one. Nothing is written to the real one: neither objects, nor its index, nor a ref.
type pictured struct {
	dir    string // the repository
	commit string
	same   bool // the work tree is as HEAD has it
}

func (p pictured) remove() { _ = os.RemoveAll(p.dir) }

// picture makes one, with all files but those that Git ignores.
func picture(ctx context.Context, repo string) (p pictured, err error) {
	if _, err := exec.LookPath("git"); err != nil {
		return p, errors.New("the git program is not found, which reads the work tree: install it, or say --head REVISION")
	}
	top, err := gitIn(ctx, repo, nil, "rev-parse", "--show-toplevel")
	if err != nil || top == "" {
		return p, fmt.Errorf("%s has no work tree to compare: say --head REVISION", repo)
	}
	if p.dir, err = os.MkdirTemp("", "drover-diff-"); err != nil {
		return p, err
	}
	if err = p.take(ctx, top); err != nil {
		p.remove()
		return p, fmt.Errorf("read the work tree %s: %w", top, err)
	}
	return p, nil
}

func (p *pictured) take(ctx context.Context, top string) error {
	objects, err := p.borrow(ctx, top)
	if err != nil {
		return err
	}
	index := filepath.Join(p.dir, "index")
	env := []string{"GIT_INDEX_FILE=" + index, "GIT_OBJECT_DIRECTORY=" + filepath.Join(p.dir, "objects"),
		"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quoted(objects), "GIT_AUTHOR_NAME=work tree", "GIT_AUTHOR_EMAIL=",
		"GIT_COMMITTER_NAME=work tree", "GIT_COMMITTER_EMAIL=", "GIT_OPTIONAL_LOCKS=0"}
	p.copyIndex(ctx, top, index)
	if _, err := gitIn(ctx, top, env, "add", "-A", "--", "."); err != nil {
		_ = os.Remove(index) // a split index cannot be copied by itself
		if _, again := gitIn(ctx, top, env, "add", "-A", "--", "."); again != nil {
			return again
		}
	}
	files, err := gitIn(ctx, top, env, "write-tree")
	if err != nil {
		return err
	}
	args := []string{"commit-tree", files, "-m", "the work tree"}
	if head, err := gitIn(ctx, top, env, "rev-parse", "--verify", "-q", "HEAD^{commit}"); err == nil {
		committed, err := gitIn(ctx, top, env, "rev-parse", head+"^{tree}")
		if err != nil {
			return err
		}
		p.same = committed == files
		args = append(args, "-p", head)
	}
	p.commit, err = gitIn(ctx, top, env, args...)
	return err
}

// borrow makes a repository that has all objects of another one, and gives the folder of those.
func (p *pictured) borrow(ctx context.Context, top string) (objects string, err error) {
	objects, err = gitIn(ctx, top, nil, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return "", err
	}
	if _, err := gitIn(ctx, top, nil, "init", "-q", "--bare", "--template=", p.dir); err != nil {
		return "", err
	}
	origin, err := gitIn(ctx, top, nil, "config", "--get", "remote.origin.url")
	if err != nil || origin == "" {
		origin = top
	}
	if _, err := gitIn(ctx, p.dir, nil, "config", "remote.origin.url", origin); err != nil {
		return "", err
	}
	info := filepath.Join(p.dir, "objects", "info")
	if err := os.MkdirAll(info, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(info, "alternates"), []byte(objects+"\n"), 0o600); err != nil {
		return "", err
	}
	if shallow, err := gitIn(ctx, top, nil, "rev-parse", "--path-format=absolute", "--git-path", "shallow"); err == nil {
		_ = copyFile(shallow, filepath.Join(p.dir, "shallow")) // most repositories are whole
	}
	return objects, nil
}

// copyIndex has git look only at files that changed since it looked at them last. Without it, it reads all of them. The
// copy is as old as the index: git looks again at files that are not older than it.
func (p *pictured) copyIndex(ctx context.Context, top, index string) {
	if real, err := gitIn(ctx, top, nil, "rev-parse", "--path-format=absolute", "--git-path", "index"); err == nil {
		if info, err := os.Stat(real); err != nil || copyFile(real, index) != nil ||
			os.Chtimes(index, info.ModTime(), info.ModTime()) != nil {
			_ = os.Remove(index)
		}
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// quoted is a path as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, whatever is in it.
func quoted(path string) string {
	if !strings.ContainsAny(path, string(os.PathListSeparator)+"\"\n") {
		return path
	}
	return "\"" + strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n").Replace(path) + "\""
}
