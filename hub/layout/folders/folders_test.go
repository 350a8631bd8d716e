package folders

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/protocol"
)

// tree is a repository with an empty file at each path.
func tree(paths ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, p := range paths {
		files[p] = &fstest.MapFile{}
	}
	return files
}

// found is what patterns find, as NAME=FOLDER in lines, or the error.
func found(t *testing.T, files fstest.MapFS, patterns ...string) string {
	t.Helper()
	p, err := Parse(patterns)
	if err != nil {
		return "error " + err.Error()
	}
	all, err := p.Find(files)
	if err != nil {
		return "error " + err.Error()
	}
	var out []string
	for _, f := range all {
		out = append(out, f.Name+"="+f.Path)
	}
	return strings.Join(out, " ")
}

func TestPatternsFindFolders(t *testing.T) {
	t.Parallel()
	files := tree("clusters/staging/x.yaml", "clusters/README.md", "clusters/.git/x", "clusters/0/x.yaml", "eu/prod/a/x.yaml",
		"eu/prod/b/x.yaml", "eu/dev/c/x.yaml", "eu/repositories/x/x.yaml", "us/prod/a/x.yaml", "kubernetes/flux/x.yaml", "kubernetes/apps/x.yaml")
	for _, c := range []struct{ patterns, want string }{
		{"", "0=clusters/0 staging=clusters/staging"},
		{"clusters", "0=clusters/0 staging=clusters/staging"},
		{"./clusters/", "0=clusters/0 staging=clusters/staging"},
		{"/clusters", "0=clusters/0 staging=clusters/staging"},
		{"clusters/*", "0=clusters/0 staging=clusters/staging"},
		{"!0", "staging=clusters/staging"},
		{"clusters !clusters/0", "staging=clusters/staging"},
		{"eu/*/*", "dev--c=eu/dev/c prod--a=eu/prod/a prod--b=eu/prod/b repositories--x=eu/repositories/x"},
		{"eu/*/* !repositories", "dev--c=eu/dev/c prod--a=eu/prod/a prod--b=eu/prod/b"},
		{"eu/*/* !eu/repositories !eu/prod/b", "dev--c=eu/dev/c prod--a=eu/prod/a"},
		{"eu/prod/[ab]", "a=eu/prod/a b=eu/prod/b"},
		{"*/prod/a", "eu--prod--a=eu/prod/a us--prod--a=us/prod/a"},
		{"home=kubernetes/flux", "home=kubernetes/flux"},
		{"home=kubernetes/flux clusters", "0=clusters/0 staging=clusters/staging home=kubernetes/flux"},
		{"clusters clusters/*", "0=clusters/0 staging=clusters/staging"},
		{". !eu !us !kubernetes", "clusters=clusters"},
	} {
		if got := found(t, files, strings.Fields(c.patterns)...); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.patterns, got, c.want)
		}
	}
}

// TestWhatFindsNothingSaysWhy: nothing may follow from patterns that find no folder.
func TestWhatFindsNothingSaysWhy(t *testing.T) {
	t.Parallel()
	files := tree("clusters/eu/README.md", "clusters/us/README.md", "apps/web/x.yaml")
	for _, c := range []struct{ patterns, want string }{
		{"nowhere", `error nowhere/ does not exist at this revision: add a folder nowhere/<name>/ for each cluster, or say with --path where they are`},
		{"home=nowhere", `error nowhere/ does not exist at this revision: add a folder nowhere/<name>/ for each cluster, or say with --path where they are`},
		{"clusters/*/*", `error --path clusters/*/*: no folder at this revision is a cluster's: in clusters/eu/ no folder fits "*", it has only files, in clusters/us/ no folder fits "*", it has only files`},
		{"clusters/prod-*", `error --path clusters/prod-*: no folder at this revision is a cluster's: in clusters/ no folder fits "prod-*", it has eu, us`},
		{"clusters !eu !us", `error --path clusters,!eu,!us: no folder at this revision is a cluster's: left out: clusters/eu (!eu), clusters/us (!us)`},
		{"clusters/**", `error --path clusters/**: ** is not supported: write a * for each level, as clusters/*/*`},
		{"clusters/[", `error --path clusters/[: the pattern "[" is malformed: *, ? and [a-z] are supported`},
		{"../x", `error --path ../x: it leaves the repository: name a folder in it, seen from its root`},
		{"Home=clusters/eu", `error --path Home=clusters/eu: the name "Home" is no DNS label: use lower-case letters, digits and '-', beginning and ending with a letter or digit`},
		{"home=clusters/*", `error --path home=clusters/*: a name is for one folder: write the folder without "*", or leave the name out`},
		{"!.", `error --path !.: it leaves out everything: name a folder`},
	} {
		if got := found(t, files, strings.Fields(c.patterns)...); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.patterns, got, c.want)
		}
	}
	if got := found(t, tree("clusters/README.md"), "clusters"); got != "" {
		t.Errorf("a folder for clusters that has none yet: %s", got)
	}
}

// TestNamesOfFolders: every folder's name is a DNS label that follows from its own place alone, and no two are equal.
func TestNamesOfFolders(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"staging": "staging", "a--b": "a--b", "eu/prod": "eu--prod", "Prod_EU": "prod-eu-", "a.b": "a-b-", "-x-": "x-", "日本": "",
		"eu--1/prod": "eu--1--prod-", strings.Repeat("x", 70): strings.Repeat("x", 54) + "-",
	} {
		got := derived(strings.Split(from, "/"))
		if err := protocol.CheckName(got); err != nil {
			t.Errorf("%s: %v", from, err)
		}
		if strings.HasSuffix(want, "-") || want == "" {
			if len(got) != len(want)+digestLength || !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s with a digest", from, got, want)
			}
		} else if got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	seen := map[string]string{}
	parts := []string{"a", "a-b", "b", "a--b", "A", "a_b", "a.b", "-", "a-", "b-a"}
	for _, x := range parts {
		seen[derived([]string{x})] += " " + x
		for _, y := range parts {
			seen[derived([]string{x, y})] += fmt.Sprintf(" %s/%s", x, y)
		}
	}
	for name, of := range seen {
		if len(strings.Fields(of)) > 1 && !slices.Equal(strings.Fields(of), []string{"a--b", "a/b"}) &&
			!slices.Equal(strings.Fields(of), []string{"a/b", "a--b"}) { // a folder that is called so is a matter of Clusters
			t.Errorf("%s is the name of%s", name, of)
		}
	}
}

func TestWhereANewClusterIsToBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ patterns, name, want string }{
		{"", "edge", "clusters/edge"},
		{"fleets/eu", "edge", "fleets/eu/edge"},
		{".", "edge", "edge"},
		{"clusters/*/* more", "edge", "more/edge"},
		{"clusters/*/*", "edge", ""},
		{"clusters/prod-*", "edge", ""},
		{"clusters !edge", "edge", ""},
		{"home=k8s", "edge", ""},
	} {
		p, err := Parse(strings.Fields(c.patterns))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.New(c.name)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.patterns, got, err, c.want)
		}
	}
	p, err := Parse([]string{"clusters/*/*", "home=k8s", "!old"})
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{"clusters/eu/a": true, "clusters/eu": false, "k8s": true, "k8s/x": false, "clusters/old/a": false} {
		if p.Covers(folder) != want {
			t.Errorf("%s is a cluster's: %t", folder, !want)
		}
	}
	if !p.Names("clusters/eu/a", "eu--a") || p.Names("clusters/eu/a", "a") || !p.Names("k8s", "home") {
		t.Error("names of folders are not what Find says")
	}
}
