package demo

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/demo/screen"
	"github.com/drover-dev/drover/test/testenv"
	"golang.org/x/tools/txtar"
)

// TestFirstTreeHangsTogether finds every path that the tree's files name.
func TestFirstTreeHangsTogether(t *testing.T) {
	tree := txtar.Parse([]byte(firstTree))
	files := map[string]string{}
	for _, f := range tree.Files {
		files[f.Name] = string(f.Data)
	}
	there := func(name string) bool {
		for f := range files {
			if f == name || strings.HasPrefix(f, name+"/") {
				return true
			}
		}
		return false
	}
	for name, text := range files {
		objects, err := testenv.Objects(text)
		if err != nil || len(objects) != 1 {
			t.Errorf("%s: %d objects (%v); want one", name, len(objects), err)
			continue
		}
		var named []string
		if o := objects[0]; o.Text("kind") == "App" {
			named = append(named, path.Clean(o.Text("spec", "path")))
		}
		resources, _ := objects[0].Field("resources").([]any)
		for _, r := range resources {
			named = append(named, path.Join(path.Dir(name), r.(string)))
		}
		for _, n := range named {
			if !there(n) {
				t.Errorf("%s names %s, which is not there", name, n)
			}
		}
	}
	for _, c := range firstClusters {
		if !there("clusters/" + c) {
			t.Errorf("there is no cluster %s", c)
		}
	}
}

func TestCommitsOfTheStoryFitItsTree(t *testing.T) {
	r, err := newRepository(t.TempDir(), screen.New(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.replace(baseDeployment, "1.4.0", "1.5.0"); err != nil {
		t.Error(err)
	}
	if err := r.replace(pageKustomization, "- notice.yaml\n", ""); err != nil {
		t.Error(err)
	}
	if err := r.replace(baseDeployment, "1.4.0", "1.6.0"); err == nil || !strings.Contains(err.Error(), "0 times") {
		t.Errorf("what is not there was replaced (%v)", err)
	}
	m, err := r.commit("two changes")
	if err != nil || len(m.hash) != 40 || m.at.IsZero() {
		t.Fatalf("%+v (%v)", m, err)
	}
	back, err := r.revert()
	if err != nil || back.hash == m.hash {
		t.Fatalf("%+v (%v)", back, err)
	}
}

func TestDifferenceIsWhatChanged(t *testing.T) {
	less, more := difference("a\nb\nc\n", "a\nB\nc\n")
	if !slices.Equal(less, []string{"b"}) || !slices.Equal(more, []string{"B"}) {
		t.Errorf("%q, %q", less, more)
	}
	less, more = difference("a\nb\nc\n", "a\nc\n")
	if !slices.Equal(less, []string{"b"}) || len(more) != 0 {
		t.Errorf("%q, %q", less, more)
	}
}
