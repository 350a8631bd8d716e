package confined

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// tree is a tree with a link, team/link to platform/secret.yaml.
func tree() *Tree {
	files := fstest.MapFS{}
	for _, name := range []string{"team/a.yaml", "team/web/b.yaml", "team/link", "platform/secret.yaml", ".git/drover/key/c.yaml"} {
		files[name] = &fstest.MapFile{Data: []byte(name)}
	}
	real := func(name string) string { return strings.Replace(name, "team/link", "platform/secret.yaml", 1) }
	return New(files, real, func(folder string) bool { return folder == "team" || strings.HasPrefix(folder, "team/") })
}

func TestOnlyWhatIsPermittedIsShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ read, list, refused string }{
		"team/a.yaml":            {read: "yes"},
		"team/web/b.yaml":        {read: "yes"},
		"team/none.yaml":         {read: "missing"},
		"team/link":              {read: "refused", refused: "platform/secret.yaml"},
		"platform/secret.yaml":   {read: "refused", refused: "platform/secret.yaml"},
		"platform/none.yaml":     {read: "missing"},
		".git/drover/key/c.yaml": {read: "yes"},
		"team":                   {list: "yes"},
		"team/web":               {list: "yes"},
		"team/none":              {list: "missing"},
		"platform":               {list: "refused", refused: "platform"},
		".":                      {list: "refused", refused: "."},
	} {
		shown := tree()
		say := func(err error) string {
			switch {
			case err == nil:
				return "yes"
			case errors.Is(err, fs.ErrNotExist):
				return "missing"
			case errors.Is(err, fs.ErrPermission):
				return "refused"
			}
			return err.Error()
		}
		if c.read != "" {
			data, err := shown.ReadFile(name)
			_, opened := shown.Open(name)
			if say(err) != c.read || say(opened) != c.read || err == nil && string(data) != name {
				t.Errorf("%s: read %q %v, opened %v, want %s", name, data, err, opened, c.read)
			}
		}
		if c.list != "" {
			_, err := shown.ReadDir(name)
			_, opened := shown.Open(name)
			if say(err) != c.list || say(opened) != c.list {
				t.Errorf("%s: listed %v, opened %v, want %s", name, err, opened, c.list)
			}
		}
		if _, err := shown.Stat("platform/secret.yaml"); err != nil {
			t.Errorf("whether a file exists is not shown: %v", err)
		}
		if got := shown.Refused(); got != c.refused {
			t.Errorf("%s: refused is %q, want %q", name, got, c.refused)
		}
	}
}

func TestTheFirstThatIsRefusedIsNamed(t *testing.T) {
	t.Parallel()
	shown := tree()
	for _, name := range []string{"platform/secret.yaml", "team/link"} {
		if _, err := shown.ReadFile(name); err == nil {
			t.Errorf("%s is shown", name)
		}
	}
	if got := shown.Refused(); got != "platform/secret.yaml" {
		t.Errorf("named is %q", got)
	}
}
