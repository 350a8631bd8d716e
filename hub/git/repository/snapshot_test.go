package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/model"
)

func TestFileSystem(t *testing.T) {
	r := gittest.New(t)
	r.Commit("README.md", "hello\n", "clusters/east/cluster.yaml", "a: 1\n", "clusters/east/app/x.yaml", "b: 2\n",
		"apps/web.yaml", "c: 3\n", "apps-old/web.yaml", "d: 4\n", "clusters/west", "->east", "link.yaml", "->apps/web.yaml", "empty", "")
	for _, how := range []string{"loose", "packed"} {
		t.Run(how, func(t *testing.T) {
			if how == "packed" {
				r.Git("gc", "-q")
			}
			snap := at(r, "HEAD")
			if err := fstest.TestFS(snap, "README.md", "clusters/east/app/x.yaml", "apps/web.yaml", "clusters/west", "empty"); err != nil {
				t.Error(err)
			}
			if got := gittest.Read(t, snap, "clusters/west/app/x.yaml"); got != "b: 2\n" {
				t.Errorf("through a link: %q", got)
			}
		})
	}
}

func TestRevisionIsDescribed(t *testing.T) {
	r := gittest.New(t)
	r.Write("a", "1")
	r.Git("add", "-A")
	r.Git("commit", "-q", "-m", "first line\n\nthe rest")
	want := model.Revision{
		Hash: r.Git("rev-parse", "HEAD"), Author: "Ada <ada@example.com>", Subject: "first line",
		Time: time.Unix(1700000100, 0).UTC(),
	}
	if got := at(r, "main").Revision(); got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestLookup(t *testing.T) {
	r := gittest.New(t)
	r.Commit(
		"a/file", "1", "a/b/deep", "2", "run.sh", "#!/bin/sh",
		"to-file", "->a/file", "to-folder", "->a/b", "a/up", "->../a/b/deep", "hop", "->to-folder", "self", "->.",
		"a/b/root", "->../..", "gone", "->a/nothing", "gone-deeper", "->a/no/thing", "through-link", "->to-folder/../file",
		"out", "->../x", "out-later", "->a/../../x", "absolute", "->/etc/passwd", "loop", "->pool", "pool", "->loop", "onto-file", "->a/file/x", "back", "->nowhere/../a/file",
	)
	for i := range maxLinks + 1 {
		r.Write(fmt.Sprintf("chain/%d", i), fmt.Sprintf("->%d", i+1))
	}
	r.Write(fmt.Sprintf("chain/%d", maxLinks+1), "end")
	r.Commit()
	r.Git("update-index", "--chmod=+x", "run.sh")
	r.Git("commit", "-q", "-m", "x")
	id := func(path string) string { return r.Git("rev-parse", "HEAD:"+path) }
	snap := at(r, "HEAD")
	tests := []struct {
		path string
		want model.Entry
		err  string // "absent", or what the error contains
	}{
		{".", model.Entry{Path: ".", Mode: fs.ModeDir | 0o755, ID: r.Git("rev-parse", "HEAD^{tree}")}, ""},
		{"a", model.Entry{Path: "a", Mode: fs.ModeDir | 0o755, ID: id("a")}, ""},
		{"a/file", model.Entry{Path: "a/file", Mode: 0o644, ID: id("a/file")}, ""},
		{"run.sh", model.Entry{Path: "run.sh", Mode: 0o755, ID: id("run.sh")}, ""},
		{"to-file", model.Entry{Path: "a/file", Via: []string{"to-file"}, Mode: 0o644, ID: id("a/file")}, ""},
		{"to-folder/deep", model.Entry{Path: "a/b/deep", Via: []string{"to-folder"}, Mode: 0o644, ID: id("a/b/deep")}, ""},
		{"hop/deep", model.Entry{Path: "a/b/deep", Via: []string{"hop", "to-folder"}, Mode: 0o644, ID: id("a/b/deep")}, ""},
		{"a/up", model.Entry{Path: "a/b/deep", Via: []string{"a/up"}, Mode: 0o644, ID: id("a/b/deep")}, ""},
		{"self/self/a", model.Entry{Path: "a", Via: []string{"self", "self"}, Mode: fs.ModeDir | 0o755, ID: id("a")}, ""},
		{"a/b/root", model.Entry{Path: ".", Via: []string{"a/b/root"}, Mode: fs.ModeDir | 0o755, ID: r.Git("rev-parse", "HEAD^{tree}")}, ""},
		{"through-link", model.Entry{Path: "a/file", Via: []string{"through-link", "to-folder"}, Mode: 0o644, ID: id("a/file")}, ""},
		{"nothing", model.Entry{Path: "nothing"}, "absent"},
		{"a/no/thing", model.Entry{Path: "a/no/thing"}, "absent"},
		{"a/file/below", model.Entry{Path: "a/file/below"}, "absent"},
		{"gone", model.Entry{Path: "a/nothing", Via: []string{"gone"}}, "absent"},
		{"gone/x", model.Entry{Path: "a/nothing/x", Via: []string{"gone"}}, "absent"},
		{"gone-deeper", model.Entry{Path: "a/no/thing", Via: []string{"gone-deeper"}}, "absent"},
		{"to-folder/x/y", model.Entry{Path: "a/b/x/y", Via: []string{"to-folder"}}, "absent"},
		{"back", model.Entry{Path: "nowhere", Via: []string{"back"}}, "absent"},
		{"onto-file", model.Entry{Path: "a/file/x", Via: []string{"onto-file"}}, "absent"},
		{"out", model.Entry{Path: ".", Via: []string{"out"}}, `link out leads to "../x", outside of the repository`},
		{"out-later", model.Entry{Path: ".", Via: []string{"out-later"}}, `link out-later leads to "a/../../x", outside`},
		{"absolute", model.Entry{Path: ".", Via: []string{"absolute"}}, `link absolute leads to "/etc/passwd", an absolute path`},
		{"../x", model.Entry{Path: "../x"}, "invalid argument"},
		{"/a", model.Entry{Path: "/a"}, "invalid argument"},
	}
	for _, tt := range tests {
		got, err := snap.Lookup(tt.path)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v\nwant %+v", tt.path, got, tt.want)
		}
		switch {
		case tt.err == "absent" && !errors.Is(err, fs.ErrNotExist),
			tt.err != "absent" && errors.Is(err, fs.ErrNotExist),
			tt.err == "" && err != nil,
			tt.err != "" && tt.err != "absent" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: error %v, want %s", tt.path, err, tt.err)
		}
	}
	if _, err := snap.Lookup("chain/1"); err != nil {
		t.Errorf("%d links: %v", maxLinks, err)
	}
	if _, err := snap.Lookup("chain/0"); err == nil {
		t.Errorf("%d links were followed", maxLinks+1)
	}
	if _, err := snap.Lookup("loop"); err == nil || !strings.Contains(err.Error(), "it is a loop") || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("loop: %v", err)
	}
	if target, err := snap.ReadLink("to-folder/../hop"); err == nil {
		t.Errorf("invalid path was read as a link to %s", target)
	}
	if info, err := snap.Lstat("self/hop"); err != nil || info.Mode().Type() != fs.ModeSymlink || info.Name() != "hop" {
		t.Errorf("lstat through a link: %v, %v", info, err)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	r := gittest.New(t)
	r.Commit("f", "1", "dir/f", "2", "large.bin", strings.Repeat("0", maxFile+1),
		"lfs.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",vendor/base")
	r.Git("commit", "-q", "-m", "submodule")
	snap := at(r, "HEAD")
	for name, want := range map[string][]string{
		"large.bin":          {"large.bin", "too large", "33554433 bytes", "33554432"},
		"lfs.bin":            {"lfs.bin", "Git LFS", "git lfs untrack"},
		"dir":                {"dir", "folder, not a file"},
		"vendor/base":        {"vendor/base is a Git submodule, and there is no .gitmodules", "vendor its files"},
		"vendor/base/x.yaml": {"vendor/base is a Git submodule, and there is no .gitmodules", "vendor its files"},
	} {
		_, err := snap.ReadFile(name)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("error is\n  %v\nwithout %q", err, w)
			}
		}
	}
	if _, err := snap.ReadDir("f"); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file as a folder: %v", err)
	}
	if info, err := snap.Stat("large.bin"); err != nil || info.Size() != maxFile+1 {
		t.Errorf("stat of a large file: %v, %v", info, err)
	}
	err := fs.WalkDir(snap, "vendor", func(_ string, _ fs.DirEntry, err error) error { return err })
	if err == nil || !strings.Contains(err.Error(), "submodule") {
		t.Errorf("a walk takes a submodule for empty: %v", err)
	}
}

// A lost object is damage, and must not look like a deleted file: what is deleted is pruned.
func TestMissingObjectIsNotAbsence(t *testing.T) {
	r := gittest.New(t)
	r.Commit("dir/f", "1", "g", "2")
	for _, object := range []string{"HEAD:dir", "HEAD:g"} {
		id := r.Git("rev-parse", object)
		r.Git("cat-file", "-e", id)
		gittest.RemoveObject(t, r, id)
	}
	snap := at(r, "HEAD")
	_, errFile := snap.ReadFile("g")
	_, errStat := snap.Stat("g")
	_, errDir := snap.ReadDir("dir")
	_, errBelow := snap.Lookup("dir/f")
	for _, err := range []error{errFile, errStat, errDir, errBelow} {
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "is missing from") {
			t.Errorf("error is %v", err)
		}
	}
}
