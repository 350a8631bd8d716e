package repository

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/model"
)

func TestChanges(t *testing.T) {
	base := []string{"a/f", "1", "a/g", "1", "b/c/d/f", "1", "b/e", "1", "link", "->a/f", "top", "1"}
	tests := []struct {
		name string
		edit func(r *gittest.Repo)
		want []string
	}{
		{"nothing", func(*gittest.Repo) {}, nil},
		{"content", func(r *gittest.Repo) { r.Write("b/c/d/f", "2") }, []string{"b/c/d/f"}},
		{"mode", func(r *gittest.Repo) {
			r.Git("update-index", "--chmod=+x", "a/f")
			r.Git("commit", "-q", "-m", "x")
			r.Git("checkout", "-q", ".")
		}, []string{"a/f"}},
		{"added", func(r *gittest.Repo) { r.Write("a/h", "1") }, []string{"a", "a/h"}},
		{"removed", func(r *gittest.Repo) { r.Git("rm", "-q", "a/g") }, []string{"a", "a/g"}},
		{"removed folder", func(r *gittest.Repo) { r.Git("rm", "-q", "-r", "b/c") }, []string{"b", "b/c", "b/c/d", "b/c/d/f"}},
		{"added folder", func(r *gittest.Repo) { r.Write("n/m/f", "1"); r.Write("n/g", "1") }, []string{".", "n", "n/g", "n/m", "n/m/f"}},
		{"renamed", func(r *gittest.Repo) { r.Git("mv", "a", "z") }, []string{".", "a", "a/f", "a/g", "z", "z/f", "z/g"}},
		{"file to folder", func(r *gittest.Repo) { r.Git("rm", "-q", "top"); r.Write("top/f", "1") }, []string{".", "top", "top/f"}},
		{"folder to file", func(r *gittest.Repo) { r.Git("rm", "-q", "-r", "b/c"); r.Write("b/c", "1") }, []string{"b", "b/c", "b/c/d", "b/c/d/f"}},
		{"file to link", func(r *gittest.Repo) { r.Write("a/f", "->g") }, []string{"a", "a/f"}},
		{"link's target", func(r *gittest.Repo) { r.Write("link", "->a/g") }, []string{"link"}},
		{"target's content", func(r *gittest.Repo) { r.Write("a/f", "2") }, []string{"a/f"}},
		{"two places", func(r *gittest.Repo) { r.Write("b/c/d/f", "2"); r.Write("b/e", "2"); r.Write("b/c/n", "1") }, []string{"b/c", "b/c/d/f", "b/c/n", "b/e"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := gittest.New(t)
			old := at(r, r.Commit(base...))
			tt.edit(r)
			now := at(r, r.Commit())
			got, err := now.Changes(old)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v\nwant %q", got, err, tt.want)
			}
			// Backwards the same paths differ.
			if got, err := old.Changes(now); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("backwards: got %q, %v\nwant %q", got, err, tt.want)
			}
		})
	}
}

func TestChangesFromNothing(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a/f", "1", "b", "1")
	got, err := at(r, "HEAD").Changes(nil)
	if want := []string{".", "a", "a/f", "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	if _, err := at(r, "HEAD").Changes(struct{ model.Snapshot }{}); err == nil {
		t.Error("a snapshot of another kind was compared")
	}
}
