package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
)

func TestAt(t *testing.T) {
	for _, how := range []string{"loose", "packed"} {
		t.Run(how, func(t *testing.T) {
			r := gittest.New(t)
			one := r.Commit("a", "1")
			r.Git("tag", "light")
			r.Git("tag", "-a", "-m", "x", "heavy")
			r.Git("tag", "-a", "-m", "x", "heavier", "heavy")
			two := r.Commit("a", "2")
			r.Git("switch", "-q", "-c", "team/side", one)
			side := r.Commit("b", "1")
			r.Git("switch", "-q", "main")
			r.Git("merge", "-q", "--no-ff", "-m", "merge", "team/side")
			merge := r.Git("rev-parse", "HEAD")
			r.Git("update-ref", "refs/remotes/origin/feature", side)
			if how == "packed" {
				r.Git("gc", "-q")
				r.Git("pack-refs", "--all")
			}
			for revision, want := range map[string]string{
				"HEAD": merge, "@": merge, "main": merge, "refs/heads/main": merge, "heads/main": merge,
				"": merge, "HEAD~1": two, "HEAD~": two, "HEAD^": two, "HEAD^1": two, "HEAD^2": side, "main~2": one,
				"HEAD~1~1": one, "HEAD^2^": one, "HEAD^0": merge, "HEAD~0": merge, "HEAD^^": one, "main^{commit}": merge,
				"light": one, "heavy": one, "heavier": one, "heavy^{commit}": one, "tags/heavy": one, "team/side": side,
				"origin/feature": side, "team/side~1": one, one: one, strings.ToUpper(one): one, one[:8]: one, two[:12]: two,
			} {
				snap, err := At(t.Context(), r.Dir, revision)
				if err != nil {
					t.Errorf("%s: %v", revision, err)
				} else if got := snap.Revision().Hash; got != want {
					t.Errorf("%s is %s, want %s", revision, got, want)
				}
			}
			for revision, want := range map[string]string{
				"nope":           "there is no branch, tag or commit nope: choose a branch (main, team/side), a tag or a commit id",
				"0000000":        "there is no branch, tag or commit 0000000: run git fetch",
				one[:3]:          "there is no branch, tag or commit " + one[:3],
				"main~9":         "has 0 parents: go back less far",
				"main^3":         "has 2 parents: go back less far",
				"main~x":         "~x is not understood: write ~N or ^N",
				"main@{1}":       "there is no branch, tag or commit main@{1}",
				"main^{tree}":    "is not understood",
				"../../HEAD":     "there is no branch, tag or commit ../../HEAD",
				"config":         "there is no branch, tag or commit config",
				flip(one):        "there is no commit " + flip(one) + ": run git fetch",
				flip(one) + "~1": "there is no commit " + flip(one),
			} {
				_, err := At(t.Context(), r.Dir, revision)
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "of "+r.Dir) {
					t.Errorf("%s: error is\n  %v\nwithout %q", revision, err, want)
				}
			}
		})
	}
}

// flip returns an id that is not in use.
func flip(id string) string { return id[20:] + id[:20] }

func TestWhereRepositoriesAreNot(t *testing.T) {
	r := gittest.New(t)
	r.Commit("sub/a", "1")
	plain := t.TempDir()
	file := filepath.Join(plain, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lost := t.TempDir()
	if err := os.WriteFile(filepath.Join(lost, ".git"), []byte("gitdir: /nonexistent\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := gittest.New(t)
	new := gittest.New(t, "--object-format=sha256")
	new.Commit("a", "1")
	reftable := gittest.New(t)
	reftable.Git("config", "core.repositoryFormatVersion", "1")
	reftable.Git("config", "extensions.refStorage", "reftable")
	for path, want := range map[string][]string{
		plain + "/nope":  {"there is no such folder", "correct the path"},
		file:             {"this is a file", "name the folder"},
		plain:            {"this is not a Git repository", "git init"},
		r.Dir + "/sub":   {"this is a folder inside the repository " + r.Dir, "give that path"},
		lost:             {"its .git file leads to /nonexistent", "git worktree repair"},
		empty.Dir:        {"it is empty", "commit"},
		new.Dir:          {"object format is sha256", "--object-format=sha1"},
		reftable.Dir:     {"refs are stored as reftable", "git refs migrate --ref-format=files"},
		r.Dir + "/.git/": {},
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := At(context.Background(), path, "main")
			if len(want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			for _, w := range append(want, path) {
				if err == nil || w != "it is empty" && !strings.Contains(err.Error(), w) {
					t.Errorf("error is\n  %v\nwithout %q", err, w)
				}
			}
			nextError(t, open(t, Options{URL: path}), "", append(want, path)...)
		})
	}
	if _, err := At(t.Context(), plain+"/nope", "main"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}
