package repository

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// TestWhatARevisionNames: told by its form alone (argo-cd, docs/user-guide/tracking_strategies.md).
func TestWhatARevisionNames(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string]model.Source{
		"":                      {},
		"HEAD":                  {},
		"main":                  {Ref: "main"},
		"refs/heads/release/1":  {Branch: "release/1"},
		"release/1.x":           {Ref: "release/1.x"},
		"feature-1.2":           {Ref: "feature-1.2"},
		"refs/tags/v1":          {Ref: "refs/tags/v1"},
		"refs/pull/3/head":      {Ref: "refs/pull/3/head"},
		"v1.2.3":                {Ref: "v1.2.3"},
		"1.2":                   {Ref: "1.2"},
		"v1.2.3-rc.1+b":         {Ref: "v1.2.3-rc.1+b"},
		"v1":                    {Ref: "v1"},
		"1.x":                   {SemVer: "1.x"},
		"1.2.*":                 {SemVer: "1.2.*"},
		"*":                     {SemVer: "*"},
		">=1.0.0 <2.0.0":        {SemVer: ">=1.0.0 <2.0.0"},
		"^1.2 || ~3":            {SemVer: "^1.2 || ~3"},
		"0a1b2c3":               {Revision: "0a1b2c3"},
		"0a1b2c":                {Ref: "0a1b2c"},
		"0A1B2C3":               {Ref: "0A1B2C3"},
		strings.Repeat("a", 64): {Revision: strings.Repeat("a", 64)},
		strings.Repeat("a", 65): {Ref: strings.Repeat("a", 65)},
	} {
		want.Kind, want.URL = model.SourceGit, "u"
		if got := Revision("u", revision); !reflect.DeepEqual(*got, want) {
			t.Errorf("%q: %+v, want %+v", revision, *got, want)
		}
	}
}

// TestWhichRevisionIsFollowed: none, HEAD and the branch of the hub; where that is not known, any branch.
func TestWhichRevisionIsFollowed(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string][2]bool{ // with the branch main, with none
		"": {true, true}, "HEAD": {true, true}, "main": {true, true}, "refs/heads/main": {true, true},
		"next": {false, true}, "refs/heads/next": {false, true}, "refs/heads/": {true, true},
		"v1.0": {false, false}, "1.x": {false, false}, "0a1b2c3": {false, false}, "refs/tags/main": {false, false},
	} {
		got := [2]bool{Followed(&planning.Plan{Branch: "main"}, revision), Followed(&planning.Plan{}, revision)}
		if got != want {
			t.Errorf("%q: %t, want %t", revision, got, want)
		}
	}
}

// TestRangesAreNoVersions, and no branches.
func TestRangesAreNoVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"1.x": true, "1.X": true, ">1": true, "1 || 2": true, "1.0.0 - 2.0.0": true,
		"1.2.3": false,
		"1":     false, "main": false, "x": true, "": false, "a*": false} {
		if got := IsRange(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// TestAddressesThatAreToHaveWhatIsHere: those beside a path that exists, wherever they stand, each repository once.
func TestAddressesThatAreToHaveWhatIsHere(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"apps/web/a.yaml": {}, "teams/a/b.json": {}}
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"a source":           {"source: {repoURL: https://a/x, path: apps/web}", []string{"https://a/x"}},
		"cleaned":            {"source: {repoURL: https://a/x, path: ./apps/web/}", []string{"https://a/x"}},
		"a path not here":    {"source: {repoURL: https://a/x, path: none}", nil},
		"no path":            {"source: {repoURL: https://a/x}", nil},
		"a chart":            {"source: {repoURL: https://a/x, path: apps/web, chart: c}", nil},
		"of this machine":    {"source: {repoURL: /srv/x, path: apps/web}", nil},
		"a template":         {"source: {repoURL: 'https://{{a}}/x', path: apps/web}", nil},
		"a templated path":   {"source: {repoURL: https://a/x, path: 'apps/{{name}}'}", []string{"https://a/x"}},
		"a templated root":   {"source: {repoURL: https://a/x, path: '{{name}}'}", nil},
		"a templated branch": {"source: {repoURL: https://a/x, path: 'none/{{name}}'}", nil},
		"sources": {"sources: [{repoURL: https://a/x, path: apps/web}, {repoURL: 'git@a:x.git', path: teams}, {repoURL: " +
			"https://b/y, path: teams}]",
			[]string{"https://a/x", "https://b/y"}},
		"a generator of folders": {"generators: [{matrix: {generators: [{git: {repoURL: https://a/x, directories: " +
			"[{path: teams/*}]}}]}}]",
			[]string{"https://a/x"}},
		"a generator of files": {"generators: [{git: {repoURL: https://a/x, files: [{path: 'teams/a/*.json'}]}}]",
			[]string{"https://a/x"}},
		"of others": {"generators: [{git: {repoURL: https://a/x, files: [{path: 'none/*.json'}]}}]", nil},
		"in order": {"b: {repoURL: https://b/y, path: teams}\n  a: {repoURL: https://a/x, path: teams}",
			[]string{"https://a/x", "https://b/y"}},
	} {
		o := argotest.Object(t, "kind: Application\nmetadata: {name: x}\nspec:\n  "+c.spec+"\n")
		if got := Claimed(tree, o.Spec, nil); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := Claimed(tree, o.Spec, []string{"ssh://git@a/x"}); slices.Contains(got, "https://a/x") {
			t.Errorf("%s: a repository that is there already is there twice: %q", name, got)
		}
	}
}

// TestWhichRepositoryIsTheHubs: by the addresses that it is known by; without one, the only address that names what is
// in it, with a note once.
func TestWhichRepositoryIsTheHubs(t *testing.T) {
	t.Parallel()
	const note = "spec.source.repoURL: https://b/y "
	for name, c := range map[string]struct {
		known, doubted []string
		url, path      string
		want           bool
		note           string
	}{
		"known":              {known: []string{"https://a/x.git"}, url: "ssh://git@a/x", path: "none", want: true},
		"another than known": {known: []string{"https://a/x"}, url: "https://b/y", path: "apps"},
		"known by path alone": {known: []string{"/srv/x"}, url: "https://b/y", path: "apps", want: true, note: note +
			"is taken to be this repository, because it has what is named there and no address of its own: name it with " +
			"--alias"},
		"with a user": {url: "https://me:word@b/y", path: "apps", want: true, note: note +
			"is taken to be this repository, because it has what is named there and no address of its own: name it with " +
			"--alias"},
		"what is not here": {url: "https://b/y", path: "none"},
		"the root": {url: "https://b/y", path: ".", note: note + "is taken for another repository: the path " +
			". is in each, and this one has no address of its own: name it with --alias"},
		"no path: a generator": {url: "https://b/y", path: "", want: true, note: note + "is taken to be this repository, " +
			"because it has what is named there and no address of its own: name it with --alias"},
		"one of two": {doubted: []string{"https://me@b/y", "https://c/z"}, url: "https://b/y", path: "apps",
			note: note + "is taken for another repository: 2 addresses (https://b/y, https://c/z) name what is in this one, " +
				"which has no address of its own: name it with --alias"},
	} {
		p := argotest.Plan(t, "kind: Application\nmetadata: {name: x}\nspec:\n  source: {repoURL: a}\n",
			map[string]string{"apps/a.yaml": ""})
		p.Known, p.Doubted = c.known, c.doubted
		var notes []fleet.Note
		o := p.Objects()[0]
		got := Own(p, o, "spec.source", c.url, c.path, &notes)
		if again := Own(p, o, "spec.source", c.url, c.path, &notes); got != c.want || again != got {
			t.Errorf("%s: %t, then %t, want %t", name, got, again, c.want)
		}
		want := []string(nil)
		if c.note != "" {
			want = []string{argotest.File + ":4: Application argocd/x: " + c.note}
		}
		if said := argotest.Notes(notes); !slices.Equal(said, want) {
			t.Errorf("%s: notes %q, want %q", name, said, want)
		}
	}
}
