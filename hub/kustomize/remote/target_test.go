package remote

import (
	"strings"
	"testing"
)

func TestWhatAddressesLeadTo(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		address  string
		use      Use
		want     string // the source, and the folder of a repository; "" for a local path
		unpinned bool
	}{
		{"https://github.com/o/r//a?ref=v1.0.0", Either, "git https://github.com/o/r ref v1.0.0 in a", false},
		{"https://github.com/o/r//a?ref=" + strings.ToUpper(id), Either, "git https://github.com/o/r revision " + id + " in a", false},
		{"https://github.com/o/r/a", Either, "git https://github.com/o/r in a", true},
		{"github.com/o/r?ref=HEAD", Either, "git https://github.com/o/r in .", true},
		{"https://me@dev.azure.com/o/p/_git/r/a?version=main", Folder, "git https://dev.azure.com/o/p/_git/r ref main in a", false},
		{"git@github.com:o/r.git//a?ref=v1", Either, "git git@github.com:o/r.git ref v1 in a", false},
		{"ssh://git@host.xz/o/r.git//a?ref=v1", Either, "git ssh://git@host.xz/o/r.git ref v1 in a", false},
		{"https://github.com/o/r/releases/download/v1.2.3/install.yaml", Either, "file https://github.com/o/r/releases/download/v1.2.3/install.yaml", false},
		{"https://github.com/o/r/releases/latest/download/install.yaml", Either, "file https://github.com/o/r/releases/latest/download/install.yaml", true},
		{"https://raw.githubusercontent.com/o/r/" + id + "/a.yaml", Either, "file https://raw.githubusercontent.com/o/r/" + id + "/a.yaml revision " + id, false},
		{"https://raw.githubusercontent.com/o/r/main/a.yaml", Either, "file https://raw.githubusercontent.com/o/r/main/a.yaml", true},
		{"https://github.com/o/r/raw/v1.0/a", Either, "file https://github.com/o/r/raw/v1.0/a or git https://github.com/o/r in raw/v1.0/a", true},
		{"https://example.com/manifests/install", Either, "file https://example.com/manifests/install or git https://example.com/manifests/install in .", true},
		{"https://example.com/install", Either, "file https://example.com/install", true},
		{"https://gitlab.com/o/g/r.git//a?ref=v1", Either, "git https://gitlab.com/o/g/r.git ref v1 in a", false},
		{"https://example.com/o/r//a.yaml", Either, "file https://example.com/o/r//a.yaml or git https://example.com/o/r in a.yaml", true},
		{"https://github.com/o/r/a.yaml", File, "file https://github.com/o/r/a.yaml", true},
		{"git@github.com:o/r//a", File, "", false},
		{"github.com/o/r", File, "", false},
		{"https://github.com/o/r", Folder, "git https://github.com/o/r in .", true},
		{"https://github.com/o", Folder, "", false},
		{"../base", Either, "", false},
	} {
		target, ok := Find(c.address, c.use)
		var got []string
		if s := target.File; s != nil {
			got = append(got, strings.TrimSuffix("file "+s.URL+" revision "+s.Revision, " revision "))
		}
		if s := target.Git; s != nil {
			text := "git " + s.URL
			if s.Ref != "" {
				text += " ref " + s.Ref
			}
			if s.Revision != "" {
				text += " revision " + s.Revision
			}
			got = append(got, text+" in "+target.Folder)
		}
		if text := strings.Join(got, " or "); text != c.want || ok != (c.want != "") || (target.UnpinnedFile+target.UnpinnedGit != "") != c.unpinned {
			t.Errorf("%s: got %q (%q), want %q (unpinned %t)", c.address, text, target.UnpinnedFile+target.UnpinnedGit, c.want, c.unpinned)
		}
	}
}
