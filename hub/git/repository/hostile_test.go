package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// commitTree stores a tree as it is, whatever git would think of it, and commits it.
func commitTree(r *gittest.Repo, lines ...string) *Snapshot {
	r.Helper()
	tree := r.Object("tree", strings.Join(lines, ""))
	return at(r, r.Git("commit-tree", "-m", "x", tree))
}

func TestHostileNames(t *testing.T) {
	r := gittest.New(t)
	blob := r.Object("blob", "x")
	sub := r.Object("tree", gittest.TreeLine("100644", "f", blob))
	var lines []string
	for _, name := range []string{"", ".", "..", ".git", ".GIT", "a/b", `a\b`, "\xff\xfe", "../x"} {
		lines = append(lines, gittest.TreeLine("100644", name, blob), gittest.TreeLine("40000", name+"d/", sub))
	}
	lines = append(lines, gittest.TreeLine("100644", "good", blob), gittest.TreeLine("40000", "über", sub), gittest.TreeLine("100644", "a:b c", blob))
	snap := commitTree(r, lines...)
	list, err := snap.ReadDir(".")
	if got := fmt.Sprint(list); err != nil || len(list) != 3 {
		t.Errorf("listed %s, %v", got, err)
	}
	if err := fstest.TestFS(snap, "good", "über/f", "a:b c"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"..", "../x", ".git", `a\b`, "a/b", "\xff\xfe", "", "/", "good/"} {
		if _, err := snap.ReadFile(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: error is %v", name, err)
		}
	}
	if paths, err := snap.Changes(commitTree(r)); err != nil || len(paths) != 5 {
		t.Errorf("changes %q, %v", paths, err)
	}
}

func TestHostileTrees(t *testing.T) {
	r := gittest.New(t)
	blob := r.Object("blob", "x")
	for name, tree := range map[string]string{
		"twice":       gittest.TreeLine("100644", "a", blob) + gittest.TreeLine("40000", "a", blob),
		"cut off":     gittest.TreeLine("100644", "a", blob)[:20],
		"mode":        gittest.TreeLine("170000", "a", blob),
		"long mode":   gittest.TreeLine("1000000000000000644", "a", blob),
		"no mode":     gittest.TreeLine("", "a", blob),
		"not octal":   gittest.TreeLine("100648", "a", blob),
		"not a tree":  "anything at all",
		"zero only":   "\x00",
		"folder blob": gittest.TreeLine("40000", "f", blob),
		"file tree":   gittest.TreeLine("100644", "f", r.Object("tree", "")),
	} {
		t.Run(name, func(t *testing.T) {
			snap := commitTree(r, gittest.TreeLine("40000", "d", r.Object("tree", tree)))
			err := fs.WalkDir(snap, ".", func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					_, err = snap.ReadFile(path)
				}
				return err
			})
			if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "git fsck") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A few small trees can unfold to more paths than fit anywhere.
func TestTreesThatUnfoldWithoutEnd(t *testing.T) {
	r := gittest.New(t)
	empty := commitTree(r)
	id := r.Object("blob", "x")
	for depth := range 12 {
		var wide string
		for i := range 10 {
			mode := "40000"
			if depth == 0 {
				mode = "100644"
			}
			wide += gittest.TreeLine(mode, fmt.Sprint(i), id)
		}
		id = r.Object("tree", wide)
	}
	wide := at(r, r.Git("commit-tree", "-m", "x", id))
	d := diff{old: empty, now: wide, limit: 1000}
	if err := d.folders(".", empty.root, wide.root); err == nil || !strings.Contains(err.Error(), "unfolds without end") {
		t.Errorf("error is %v", err)
	}
	id = r.Object("tree", "")
	for range 2000 {
		id = r.ObjectInProcess("tree", gittest.TreeLine("40000", "a-name-of-some-length", id))
	}
	_, err := at(r, r.Git("commit-tree", "-m", "x", id)).Changes(empty)
	if err == nil || !strings.Contains(err.Error(), "unfolds without end") {
		t.Errorf("error is %v", err)
	}
}
