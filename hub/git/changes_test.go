package git

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

func removeObject(t testing.TB, r *testRepo, id string) {
	t.Helper()
	if err := os.Remove(filepath.Join(r.dir, ".git/objects", id[:2], id[2:])); err != nil {
		t.Fatal(err)
	}
}

func TestChanges(t *testing.T) {
	base := []string{"a/f", "1", "a/g", "1", "b/c/d/f", "1", "b/e", "1", "link", "->a/f", "top", "1"}
	tests := []struct {
		name string
		edit func(r *testRepo)
		want []string
	}{
		{"nothing", func(*testRepo) {}, nil},
		{"content", func(r *testRepo) { r.write("b/c/d/f", "2") }, []string{"b/c/d/f"}},
		{"mode", func(r *testRepo) {
			r.git("update-index", "--chmod=+x", "a/f")
			r.git("commit", "-q", "-m", "x")
			r.git("checkout", "-q", ".")
		}, []string{"a/f"}},
		{"added", func(r *testRepo) { r.write("a/h", "1") }, []string{"a", "a/h"}},
		{"removed", func(r *testRepo) { r.git("rm", "-q", "a/g") }, []string{"a", "a/g"}},
		{"removed folder", func(r *testRepo) { r.git("rm", "-q", "-r", "b/c") }, []string{"b", "b/c", "b/c/d", "b/c/d/f"}},
		{"added folder", func(r *testRepo) { r.write("n/m/f", "1"); r.write("n/g", "1") }, []string{".", "n", "n/g", "n/m", "n/m/f"}},
		{"renamed", func(r *testRepo) { r.git("mv", "a", "z") }, []string{".", "a", "a/f", "a/g", "z", "z/f", "z/g"}},
		{"file to folder", func(r *testRepo) { r.git("rm", "-q", "top"); r.write("top/f", "1") }, []string{".", "top", "top/f"}},
		{"folder to file", func(r *testRepo) { r.git("rm", "-q", "-r", "b/c"); r.write("b/c", "1") }, []string{"b", "b/c", "b/c/d", "b/c/d/f"}},
		{"file to link", func(r *testRepo) { r.write("a/f", "->g") }, []string{"a", "a/f"}},
		{"link's target", func(r *testRepo) { r.write("link", "->a/g") }, []string{"link"}},
		{"target's content", func(r *testRepo) { r.write("a/f", "2") }, []string{"a/f"}},
		{"two places", func(r *testRepo) { r.write("b/c/d/f", "2"); r.write("b/e", "2"); r.write("b/c/n", "1") }, []string{"b/c", "b/c/d/f", "b/c/n", "b/e"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t)
			old := r.at(r.commit(base...))
			tt.edit(r)
			now := r.at(r.commit())
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
	r := newRepo(t)
	r.commit("a/f", "1", "b", "1")
	got, err := r.at("HEAD").Changes(nil)
	if want := []string{".", "a", "a/f", "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	if _, err := r.at("HEAD").Changes(struct{ model.Snapshot }{}); err == nil {
		t.Error("a snapshot of another kind was compared")
	}
}
