package edit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/cmd/drover/call"
)

// committed is a commit that the command line made.
type committed struct {
	hash, branch string
	remote       string // it was pushed to; empty if it was not
}

// String says where the commit is.
func (c committed) String() string {
	where := "not pushed"
	if c.remote != "" {
		where = "pushed to " + c.remote
	}
	return fmt.Sprintf("committed as %s on %s, %s", c.hash[:min(8, len(c.hash))], c.branch, where)
}

// change says what a commit does.
type change struct {
	message string
	branch  string // that a pull request for it could have
}

// commit has edit change the files of these paths, and commits just these. Where the commit fails, they are
// again as they were. Then it pushes; a push that fails leaves the commit, and the error says what to do.
func (o *gitOptions) commit(ctx context.Context, w *workTree, c change, paths []string, edit func() error) (committed,
	error) {
	message := cmp.Or(o.message, c.message)
	target, err := w.target(ctx, o)
	if err != nil {
		return committed{}, err
	}
	back, err := w.begin(ctx, target.branch)
	if err != nil {
		return committed{}, err
	}
	hash, err := w.take(ctx, message, paths, edit)
	if err != nil {
		return committed{}, errors.Join(err, back(true))
	}
	out := committed{hash: hash, branch: target.branch}
	if target.remote != "" {
		err = w.push(ctx, target, out, c.branch)
		if err == nil {
			out.remote = target.remote
		}
	}
	return out, errors.Join(err, back(false))
}

// target is where a commit goes: the branch, and where that is pushed to; remote is empty if it is not pushed.
type target struct {
	branch, remote, ref string
	upstream            bool // the branch follows ref of remote
}

func (w *workTree) target(ctx context.Context, o *gitOptions) (target, error) {
	t := target{branch: w.branch}
	if o.branch != "" {
		t.branch = o.branch
	}
	if _, err := w.git(ctx, "check-ref-format", "--branch", t.branch); err != nil {
		return t, o.wrong(fmt.Errorf("--branch %q cannot be the name of a branch", t.branch))
	}
	remote, err := w.git(ctx, "config", "branch."+w.branch+".remote")
	follows := err == nil && remote != "."
	if o.noPush || !follows && !o.push {
		if w.origin != "" {
			return t, o.wrong(fmt.Errorf("%s can only be changed by pushing to it: leave --no-push out, or make the change in "+
				"a clone of yours", w.origin))
		}
		return t, nil
	}
	if !follows {
		if remote, err = w.onlyRemote(ctx, o.wrong); err != nil {
			return t, err
		}
	}
	t.remote, t.ref = remote, "refs/heads/"+t.branch
	if merge, err := w.git(ctx, "config", "branch."+t.branch+".merge"); err == nil && t.branch == w.branch && follows {
		t.ref, t.upstream = merge, true
	}
	return t, nil
}

// onlyRemote is where to push a branch that follows none.
func (w *workTree) onlyRemote(ctx context.Context, wrong call.Wrong) (string, error) {
	out, err := w.git(ctx, "remote")
	if err != nil {
		return "", err
	}
	remotes := strings.Fields(out)
	for _, r := range remotes {
		if r == "origin" || len(remotes) == 1 {
			return r, nil
		}
	}
	return "", wrong(fmt.Errorf("%s has no remote named origin to push %s to: set an upstream with `git push -u REMOTE "+
		"%s`, or say --no-push",
		w.top, w.branch, w.branch))
}

// begin goes to the branch, which is new if it is not the one that is checked out, and gives what goes back; undo
// takes a new branch away again.
func (w *workTree) begin(ctx context.Context, branch string) (back func(undo bool) error, err error) {
	stay := func(bool) error { return nil }
	if branch == w.branch {
		return stay, nil
	}
	if _, err := w.git(ctx, "rev-parse", "-q", "--verify", "refs/heads/"+branch); err == nil {
		return nil, fmt.Errorf("the branch %s exists already: choose another, or check it out and leave --branch out", branch)
	}
	if _, err := w.git(ctx, "switch", "-q", "-c", branch); err != nil {
		return nil, err
	}
	if w.origin != "" {
		return stay, nil
	}
	return func(undo bool) error {
		ctx := context.WithoutCancel(ctx)
		_, err := w.git(ctx, "switch", "-q", w.branch)
		if err == nil && undo {
			_, err = w.git(ctx, "branch", "-q", "-D", branch)
		}
		return err
	}, nil
}

// take changes files and commits them.
func (w *workTree) take(ctx context.Context, message string, paths []string, edit func() error) (string, error) {
	err := edit()
	if err == nil {
		err = w.show(ctx, append([]string{"add", "--all", "--"}, paths...)...)
	}
	if err == nil {
		err = w.show(ctx, append([]string{"commit", "-q", "-m", message, "--only", "--"}, paths...)...)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("nothing was committed: %w", err), w.restore(context.WithoutCancel(ctx), paths))
	}
	return w.git(ctx, "rev-parse", "HEAD")
}

// restore brings paths back to what was committed last, or takes them away if nothing was.
func (w *workTree) restore(ctx context.Context, paths []string) error {
	var errs []error
	for _, p := range paths {
		if _, err := w.git(ctx, "cat-file", "-e", "HEAD:"+p); err == nil {
			_, err := w.git(ctx, "checkout", "-q", "HEAD", "--", p)
			errs = append(errs, err)
			continue
		}
		_, err := w.git(ctx, "rm", "-r", "-q", "-f", "--cached", "--ignore-unmatch", "--", p)
		errs = append(errs, err, os.RemoveAll(w.file(p)))
		for dir := path.Dir(p); dir != "." && os.Remove(w.file(dir)) == nil; {
			dir = path.Dir(dir) // a folder that is empty now
		}
	}
	return errors.Join(errs...)
}

// push pushes a commit. other is a branch to try where that is refused.
func (w *workTree) push(ctx context.Context, t target, c committed, other string) error {
	args := []string{"push", "-q"}
	if !t.upstream {
		args = append(args, "-u")
	}
	err := w.show(ctx, append(args, t.remote, "HEAD:"+t.ref)...)
	var said *gitError
	if err == nil || !errors.As(err, &said) {
		return err
	}
	why := said.reason()
	behind := strings.Contains(said.text, "fetch first") || strings.Contains(said.text, "non-fast-forward")
	switch {
	case w.origin != "" && behind:
		return fmt.Errorf("nothing was changed in %s: somebody pushed at the same time (%s): try again", w.origin, why)
	case w.origin != "":
		return fmt.Errorf("nothing was changed in %s: the push to %s was refused (%s): if that branch is protected, try "+
			"again with "+
			"--branch %s, and open a pull request from that branch", w.origin, t.branch, why, other)
	case behind:
		return fmt.Errorf("the change is %s, because %s has commits that are not here (%s): `git pull --rebase`, then `git "+
			"push`", c, t.remote, why)
	}
	return fmt.Errorf("the change is %s: the push was refused (%s). If %s is protected, `git push %s %s:refs/heads/%s` "+
		"and open a pull request "+
		"from that branch; --branch %s does so from the start", c, why, t.branch, t.remote, c.hash[:8], other, other)
}

// reason is the line of a refused push that says why.
func (e *gitError) reason() string {
	for line := range strings.Lines(e.text) {
		if line = strings.TrimSpace(line); strings.Contains(line, "[rejected]") || strings.Contains(line,
			"[remote rejected]") || strings.HasPrefix(line, "fatal:") {
			return strings.Join(strings.Fields(strings.TrimLeft(line, "! ")), " ")
		}
	}
	return e.text[strings.LastIndexByte(e.text, '\n')+1:]
}
