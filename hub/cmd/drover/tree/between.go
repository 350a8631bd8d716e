package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/model"
)

// WorkingTree names, as a revision, the files of the work tree as they are on disk, whether or not they are committed.
const WorkingTree = ""

// Between is two revisions of a repository with one resolver, so that what is the same in both is rendered once.
type Between struct {
	Base, Head *Opened
	// Working: Head is the work tree, and not a commit.
	Working bool
	ends    []func()
}

// Between opens two revisions. An empty base is that of Base; WorkingTree as head is the work tree. Close ends what it
// began.
func (o *Options) Between(ctx context.Context, base, head string, stderr io.Writer) (*Between, error) {
	b := &Between{}
	is, was, err := b.snapshots(ctx, o, base, head)
	if err != nil {
		b.Close()
		return nil, err
	}
	if b.Head, err = o.open(is, stderr); err != nil {
		b.Close()
		return nil, err
	}
	b.ends = append(b.ends, b.Head.Close)
	other := *b.Head
	other.Snap = was
	b.Base = &other
	return b, nil
}

// snapshots opens both revisions.
func (b *Between) snapshots(ctx context.Context, o *Options, base, head string) (is, was model.Snapshot, err error) {
	if head == WorkingTree {
		is, err = b.working(ctx, o.Repo)
	} else if is, err = git.At(ctx, o.Repo, head); err != nil {
		err = fmt.Errorf("--head %s: %w", head, err)
	}
	if err == nil && base == "" {
		base, err = o.base(ctx, head)
	}
	if err != nil {
		return nil, nil, err
	}
	if was, err = git.At(ctx, o.Repo, base); err != nil {
		return nil, nil, fmt.Errorf("--base %s: %w", base, err)
	}
	return is, was, nil
}

// Close ends what was begun.
func (b *Between) Close() {
	for i := len(b.ends) - 1; i >= 0; i-- {
		b.ends[i]()
	}
	b.ends = nil
}

// working takes a picture of the work tree.
func (b *Between) working(ctx context.Context, repo string) (model.Snapshot, error) {
	w, err := picture(ctx, repo)
	if err != nil {
		return nil, err
	}
	b.ends = append(b.ends, w.remove)
	if w.same {
		return git.At(ctx, repo, "HEAD")
	}
	b.Working = true
	return git.At(ctx, w.dir, w.commit)
}

// baseBranches are where a pull request is most likely to go, in this order.
var baseBranches = []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}

// forges are the variables in which the CI of a forge names the branch that a pull request goes to.
var forges = []string{"GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "BITBUCKET_PR_DESTINATION_BRANCH",
	"CHANGE_TARGET"}

// base is the revision that a pull request from head would be compared with: the newest commit that head has in common
// with the branch that it goes to.
func (o *Options) base(ctx context.Context, head string) (string, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return "", errors.New("the git program is not found, which finds out what to compare with: install it, or say " +
			"--base REVISION")
	}
	if head == WorkingTree {
		head = "HEAD"
	}
	branches := baseBranches
	for _, name := range forges {
		if branch := os.Getenv(name); branch != "" {
			branches = []string{"origin/" + branch, branch}
			break
		}
	}
	known := false
	for _, branch := range branches {
		id, err := gitIn(ctx, o.Repo, nil, "rev-parse", "--verify", "-q", "--end-of-options", branch+"^{commit}")
		if err != nil {
			continue
		}
		known = true
		if common, err := gitIn(ctx, o.Repo, nil, "merge-base", id, head); err == nil {
			return common, nil
		}
	}
	shallow, err := gitIn(ctx, o.Repo, nil, "rev-parse", "--is-shallow-repository")
	switch {
	case err != nil:
		return "", err
	case known && shallow == "true":
		return "", fmt.Errorf("the history is cut off before %s left %s: fetch all of it (git fetch --unshallow; "+
			"fetch-depth: 0 of actions/checkout), or say --base REVISION", head, strings.Join(branches, ", "))
	}
	return "", fmt.Errorf("there is nothing to compare with: %s has no commit in common with any of %s: say --base "+
		"REVISION",
		head, strings.Join(branches, ", "))
}

// gitIn runs git in a repository and gives what it printed. Its error is what git said.
func gitIn(ctx context.Context, repo string, env []string, args ...string) (string, error) {
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", repo}, args...)...)
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil && ctx.Err() == nil {
		text := strings.TrimSpace(stderr.String())
		text = strings.TrimPrefix(text[strings.LastIndexByte(text, '\n')+1:], "fatal: ")
		if text == "" {
			text = err.Error()
		}
		err = fmt.Errorf("git %s: %s", args[0], text)
	}
	return strings.TrimRight(stdout.String(), "\n"), errors.Join(err, ctx.Err())
}
