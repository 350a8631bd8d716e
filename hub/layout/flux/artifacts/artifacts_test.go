package artifacts

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/model"
)

// tree is a repository with an empty file at each path.
func tree(paths ...string) model.Tree {
	files := fstest.MapFS{}
	for _, p := range paths {
		files[p] = &fstest.MapFile{}
	}
	return files
}

// The outcomes are those of source-watcher (internal/controller, TestBuildArtifactRequests).
func TestPatterns(t *testing.T) {
	t.Parallel()
	files := tree("apps/auth/envs/dev/x", "apps/auth/envs/prod/x", "apps/payments/x", "apps/ignore/envs/dev",
		"other/Auth/x", "README.md")
	for _, c := range []struct{ name, pattern, artifact, from, want string }{
		{"one capture", "@repo/apps/{app}", "app-{app}", "@repo/apps/{app}",
			"app-auth=@repo/apps/auth app-ignore=@repo/apps/ignore app-payments=@repo/apps/payments"},
		{"two, of which a file matches none", "@repo/apps/{app}/envs/{env}", "{app}-{env}", "@repo/apps/{app}/envs/{env}/**",
			"auth-dev=@repo/apps/auth/envs/dev/** auth-prod=@repo/apps/auth/envs/prod/**"},
		{"a part of a name", "@repo/apps/pay{rest}", "{rest}", "@repo/a", "ments=@repo/a"},
		{"no capture", "@repo/apps/auth", "x", "@repo/a", "x=@repo/a"},
		{"in lower case, with the path as it is", "@repo/other/{app}", "{app}", "@repo/other/{app}", "auth=@repo/other/Auth"},
		{"nothing", "@repo/nowhere/{app}", "{app}", "@repo/a", ""},
		{"a dot is no wildcard", "@repo/app./{app}", "{app}", "@repo/a", ""},
		{"no pattern", "apps/{app}", "x", "", `error "apps/{app}" is no pattern`},
		{"an empty one", "@repo/", "x", "", "is no pattern"},
		{"an empty capture", "@repo/{}", "x", "", "error \"@repo/{}\": {} is no name"},
		{"another name", "@repo/{a-b}", "x", "", "{a-b} is no name"},
		{"a digit first", "@repo/{1a}", "x", "", "{1a} is no name"},
		{"no label", "@repo/{_a}", "x", "", "because it names a label"},
		{"not closed", "@repo/{a", "x", "", "a { without }"},
		{"not opened", "@repo/a}", "x", "", "a } without {"},
		{"twice", "@repo/{a}/{a}", "x", "", "{a} is in it twice"},
		{"an unknown capture", "@repo/apps/{app}", "{env}", "@repo/a", "the pattern has no {env}"},
		{"an unknown capture in a path", "@repo/apps/{app}", "{app}", "@repo/{env}", "the pattern has no {env}"},
		{"one name for several", "@repo/apps/{app}", "x", "@repo/a",
			"the folders apps/auth and apps/ignore both give an artifact the name x"},
		{"no name of an object", "@repo/apps/{app}", "{app}..x", "@repo/a", "which is no name of an object"},
	} {
		got := expanded(c.pattern, files, Artifact{Name: c.artifact, Copy: []Copy{{From: c.from, To: "@artifact/",
			Exclude: []string{"*.md"}}}})
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for name, want := range map[string]string{".hidden": "which is no value of a label",
		"my app": "which is no value of a label", strings.Repeat("a", 64): "which is no value of a label",
		"a_b.c": "which is no name of an object"} {
		got := expanded("@repo/{app}", tree(name+"/x"), Artifact{Name: "x-{app}", Copy: []Copy{{From: "@repo/a"}}})
		if !strings.Contains(got, want) {
			t.Errorf("a folder %q: %q", name, got)
		}
	}
}

func expanded(pattern string, files model.Tree, template Artifact) string {
	p, err := ParsePattern(pattern)
	var made []Artifact
	if err == nil {
		made, err = p.Expand(files, []Artifact{template})
	}
	if err != nil {
		return "error " + err.Error()
	}
	var out []string
	for _, a := range made {
		if strings.Join(a.Copy[0].Exclude, "") != strings.Join(template.Copy[0].Exclude, "") {
			return "what is left out was lost"
		}
		out = append(out, a.Name+"="+a.Copy[0].From)
	}
	return strings.Join(out, " ")
}

func TestPaths(t *testing.T) {
	t.Parallel()
	alias, from, to, err := Copy{From: "@own/a/*", To: "@artifact/x/", Strategy: model.CopyMerge}.Paths()
	if alias != "own" || from != "a/*" || to != "x/" || err != nil {
		t.Errorf("%s %s %s %v", alias, from, to, err)
	}
	for _, c := range []Copy{{From: "own/a", To: "@artifact/"}, {From: "@own", To: "@artifact/"}, {From: "@own/a",
		To: "x"}, {From: "@own/a", To: "@artifact/", Strategy: "Include"}} {
		if _, _, _, err := c.Paths(); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
}
