package sourceignore

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

// seenIn lists the files of a view.
func seenIn(t *testing.T, view model.View) string {
	t.Helper()
	var names []string
	err := fs.WalkDir(view, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestIgnoreLeavesOutWhatTheRulesSay(t *testing.T) {
	for _, c := range []struct{ name, files, rules, want string }{
		{"Flux' own rules", "a.yaml logo.png .github/ci.yaml x/.sops.yaml x/b.yaml .gitignore", "", "a.yaml x/b.yaml"},
		{"others instead of them", "a.yaml logo.png .gitignore", "nothing", "a.yaml logo.png"},
		{"a folder", "a.yaml ci/x/y.yaml", "ci/", "a.yaml"},
		{"all but a file far below", "a.yaml x/y/z.yaml x/w.yaml", "/*\n!/x/y/z.yaml", "x/y/z.yaml"},
		{"a later rule takes precedence", "a.yaml b.yaml", "!a.yaml\n*.yaml", ""},
		{"a file with rules", "a.yaml b.yaml .sourceignore=a.yaml", "", ".sourceignore b.yaml"},
		{"a deeper one takes precedence", "x/a.yaml .sourceignore=a.yaml x/.sourceignore=!a.yaml", "", ".sourceignore x/.sourceignore x/a.yaml"},
		{"the source's own before all", "x/a.yaml x/.sourceignore=a.yaml", "!x/a.yaml", "x/.sourceignore x/a.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]memtree.File{}
			for f := range strings.FieldsSeq(c.files) {
				name, text, _ := strings.Cut(f, "=")
				files[name] = memtree.File{Data: []byte(text)}
			}
			view, err := memtree.New(files, model.Revision{})
			if err != nil {
				t.Fatal(err)
			}
			if view, err = Filter(view, model.Source{SourceIgnore: true, Ignore: c.rules}); err != nil {
				t.Fatal(err)
			}
			if got := seenIn(t, view); got != c.want {
				t.Errorf("seen: %q, want %q", got, c.want)
			}
		})
	}
}

// TestWhatIsIgnoredIsNotThere: however it is asked for. Links are not, as in what source-controller packs.
func TestWhatIsIgnoredIsNotThere(t *testing.T) {
	r := gittest.New(t)
	r.Commit("secret/a.yaml", "x")
	r.Commit("link.yaml", "->secret/a.yaml", "b.yaml", "x")
	snap, err := git.At(t.Context(), r.Dir, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	view, err := Filter(snap, model.Source{Ignore: "/secret"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret/a.yaml", "secret", "link.yaml", "nope"} {
		_, lookup := view.Lookup(name)
		_, stat := view.Stat(name)
		_, read := view.ReadFile(name)
		_, open := view.Open(name)
		_, list := view.ReadDir(name)
		for _, err := range []error{lookup, stat, read, open, list} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if got := seenIn(t, view); got != "b.yaml" {
		t.Errorf("seen: %s", got)
	}
}
