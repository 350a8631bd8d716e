package edit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where a commit is pushed to is what git would do by itself, or what was said.
func TestWhereACommitIsPushedTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    func(c, bare *checkout)
		args   []string
		says   string
		code   int
		pushed string // branch of the bare repository; "" for none
	}{
		"a branch with an upstream": {func(c, bare *checkout) { c.follows(bare) }, nil, "on main, pushed to origin", fine,
			"main"},
		"an upstream of another name": {func(c, bare *checkout) {
			bare.git("branch", "release", "main")
			c.follows(bare)
			c.git("branch", "-q", "--set-upstream-to=origin/release")
		}, nil, "on main, pushed to origin", fine, "release"},
		"a branch without one": {func(c, bare *checkout) { c.git("remote", "add", "origin", bare.dir) }, nil,
			"on main, not pushed", fine, ""},
		"a branch without one, --push": {func(c, bare *checkout) { c.git("remote", "add", "origin", bare.dir) },
			[]string{"--push"}, "pushed to origin", fine, "main"},
		"the only remote, --push": {func(c, bare *checkout) { c.git("remote", "add", "far", bare.dir) },
			[]string{"--push"}, "pushed to far", fine, "main"},
		"no remote, --push": {func(*checkout, *checkout) {}, []string{"--push"},
			"has no remote named origin to push main to", misused, ""},
		"an upstream, --no-push": {func(c, bare *checkout) { c.follows(bare) }, []string{"--no-push"},
			"on main, not pushed", fine, ""},
		"another branch": {func(c, bare *checkout) { c.follows(bare) }, []string{"--branch", "add"},
			"on add, pushed to origin", fine, "add"},
		"another branch, --no-push": {func(c, bare *checkout) { c.follows(bare) }, []string{"--branch", "add",
			"--no-push"}, "on add, not pushed", fine, ""},
		"both": {func(c, bare *checkout) { c.follows(bare) }, []string{"--push", "--no-push"},
			"say one of them", misused, ""},
		"a branch that follows another of it": {func(c, _ *checkout) {
			c.git("branch", "-q", "base")
			c.git("branch", "-q",
				"--set-upstream-to=base")
		}, nil, "on main, not pushed", fine, ""},
		"a name that is none": {func(*checkout, *checkout) {}, []string{"--branch", "a..b"},
			`--branch "a..b" cannot be the name of a branch`, misused, ""},
		"several remotes, --push": {func(c, bare *checkout) {
			c.git("remote", "add", "far", bare.dir)
			c.git("remote", "add", "near", bare.dir)
		}, []string{"--push"}, "set an upstream with `git push -u REMOTE main`", misused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := fleet(t)
			bare := x.bare()
			c.set(x, bare)
			before := bare.git("for-each-ref", "--format=%(refname:short) %(objectname)")
			x.wants(c.code, c.says, append([]string{"add", "new"}, c.args...)...)
			if c.pushed == "" {
				if after := bare.git("for-each-ref", "--format=%(refname:short) %(objectname)"); after != before {
					t.Errorf("pushed is %s", after)
				}
				return
			}
			if files := bare.git("show", "--format=%s", "--name-only",
				c.pushed); files != "add cluster new\n\nclusters/new/cluster.yaml" {
				t.Errorf("pushed to %s is %q", c.pushed, files)
			}
			if x.git("rev-parse", "--abbrev-ref", "HEAD") != "main" {
				t.Error("another branch is checked out")
			}
		})
	}
}

// Of a repository that is no work tree a temporary clone is made, and nothing but the push is left of it.
func TestABareRepositoryIsChangedByAPush(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	bare := fleet(t).bare()
	bare.named("Ada")
	left := func() {
		t.Helper()
		if found, err := filepath.Glob(filepath.Join(os.TempDir(), "drover-*", "repo", "clusters",
			"of-"+filepath.Base(filepath.Dir(tmp))+"*")); err != nil || len(found) > 0 {
			t.Errorf("left are %q, %v", found, err)
		}
	}
	t.Cleanup(left)
	env := []string{"-m", "a message of its own"}
	said := bare.wants(fine, "clusters/new is committed as ", append([]string{"add", "new"}, env...)...)
	if !strings.Contains(said, "on main, pushed to origin") {
		t.Errorf("it says %s", said)
	}
	if files := bare.git("show", "--format=%s", "--name-only",
		"main"); files != "a message of its own\n\nclusters/new/cluster.yaml" {
		t.Errorf("the commit is %q", files)
	}
	bare.wants(fine, "on add-more, pushed to origin", "add", "more", "--branch", "add-more")
	bare.wants(fine, "on add-more, pushed to origin", "add", "most", "--branch", "add-more") // which goes on there
	if files := bare.git("diff", "--name-only", "main",
		"add-more"); files != "clusters/more/cluster.yaml\nclusters/most/cluster.yaml" {
		t.Errorf("the branch has %q", files)
	}
	bare.wants(misused, "can only be changed by pushing to it: leave --no-push out", "add", "x", "--no-push")
	bare.hook("pre-receive", "echo main is protected >&2; exit 1")
	said = bare.wants(bad, "nothing was changed in "+bare.dir+": the push to main was refused", "add", "y")
	if !strings.Contains(said, "try again with --branch add-y, and open a pull request") {
		t.Errorf("it says %s", said)
	}
	x := &checkout{T: t, dir: filepath.Join(tmp, "nosuch")}
	x.wants(bad, x.dir+" is no Git repository that can be read: git clone: ", "add", "z")
}

// A commit that does not come about leaves nothing: neither files, nor what was there before, nor a branch.
func TestACommitThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"add": {"add", "new"}, "on a branch": {"add", "new", "--branch",
		"add-new"},
		"remove": {"remove", "edge", "--yes"}, "upgrade": {"upgrade", "--cluster", "prod", "--image", "a:1", "--yes"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fleet(t)
			c.commit("clusters/prod/cluster.yaml", "labels: {env: production} # kept\n")
			c.hook("pre-commit", "echo not on a Friday >&2; exit 1")
			before := c.git("for-each-ref")
			said := c.wants(bad, "nothing was committed: git commit: not on a Friday", args...)
			if !strings.HasPrefix(said, "not on a Friday") && !strings.Contains(said, "\nnot on a Friday\n") {
				t.Errorf("the hook is not heard: %s", said)
			}
			if left := c.git("status", "--porcelain", "--untracked-files=all"); left != "" {
				t.Errorf("left is %q", left)
			}
			if after := c.git("for-each-ref"); after != before || c.git("rev-parse", "--abbrev-ref", "HEAD") != "main" {
				t.Errorf("the branches are %s", after)
			}
			if _, err := os.Stat(filepath.Join(c.dir, "clusters/new")); !os.IsNotExist(err) {
				t.Errorf("the folder is left: %v", err)
			}
		})
	}
}

// A commit in the middle of something else would not be what one thinks.
func TestAWorkTreeInTheMiddleOfSomethingIsLeftAlone(t *testing.T) {
	t.Parallel()
	for file, what := range map[string]string{"MERGE_HEAD": "a merge", "rebase-merge/x": "a rebase",
		"rebase-apply/x":   "a rebase",
		"CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert"} {
		t.Run(what+" "+file, func(t *testing.T) {
			t.Parallel()
			c := fleet(t)
			c.write(".git/"+file, "x")
			c.wants(bad, "is in the middle of "+what+": finish or abort it first", "add", "new")
		})
	}
}

// What git says when a push is refused is many lines. The one with the reason is repeated.
func TestTheReasonOfARefusedPush(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"To /srv/x\n ! [rejected]        HEAD -> main (fetch first)\nerror: failed to push some refs\nhint: " +
			"fetch": "[rejected] HEAD -> main (fetch first)",
		"remote: no\nTo /srv/x\n ! [remote rejected] HEAD -> main (pre-receive hook declined)\nerror: " +
			"failed": "[remote rejected] HEAD -> main (pre-receive hook declined)",
		"fatal: unable to access 'https://x/': Could not resolve host: " +
			"x": "fatal: unable to access 'https://x/': Could not resolve host: x",
		"one\ntwo": "two",
		"":         "",
	} {
		e := &gitError{"push", text}
		if got := e.reason(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := (&gitError{"push", "hint: x\nfatal: no such thing"}).Error(); got != "git push: no such thing" {
		t.Errorf("the error is %q", got)
	}
}

// Without --repo it is the current directory's repository, or that of a hub on this machine.
func TestTheRepositoryIsTheOneOfTheFolderOrOfTheHub(t *testing.T) {
	c := fleet(t)
	t.Chdir(filepath.Join(c.dir, "clusters/edge"))
	if said, code := c.run("", "add", "here"); code != fine || !strings.Contains(said, "clusters/here is committed") {
		t.Errorf("in a folder of it: exit code %d: %s", code, said)
	}
	t.Chdir(t.TempDir())
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	if said, code := c.run("", "add", "nowhere"); code != misused || !strings.Contains(said,
		"the current directory is in no Git repository: "+
			"go to the fleet's, or name it with --repo") {
		t.Errorf("elsewhere: exit code %d: %s", code, said)
	}
	c.knowing(map[string]any{"repository": "https://git.example.com/fleet.git"})
	if said, code := c.run("", "add", "far"); code != misused {
		t.Errorf("with a hub that follows another machine's: exit code %d: %s", code, said)
	}
	c.knowing(map[string]any{"repository": "file://" + c.dir})
	if said, code := c.run("", "add", "there"); code != fine || !strings.Contains(said, "clusters/there is committed") {
		t.Errorf("with a hub that follows it: exit code %d: %s", code, said)
	}
}
