package native

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/project"
)

// TestTheNameInAClusterFile: it is what spec.name says; where the file is broken and may say one, nobody knows.
func TestTheNameInAClusterFile(t *testing.T) {
	t.Parallel()
	const file = "clusters/eu/cluster.yaml"
	const unknown = "; so it is not known which cluster clusters/eu is for, and nothing changes there"
	for _, c := range []struct{ what, text, name, wrong string }{
		{"an empty file", "", "", ""},
		{"another field", "labels: {a: b}\n", "", ""},
		{"fields", "name: us\nlabels: {a: b}\n", "us", ""},
		{"an object", clusterOf("  name: us\n"), "us", ""},
		{"an object without a name of its own", clusterOf("  suspend: true\n"), "", ""},
		{"the name of the object", "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: us}\n", "", ""},
		{"a name below another field", "labels: {name: us}\n", "", ""},
		{"an ordinary object", "apiVersion: v1\nkind: Pod\nspec: {name: us}\n", "", ""},
		{"behind another object", "apiVersion: v1\nkind: Pod\n---\n" + clusterOf("  name: us\n"), "us", ""},
		{"a number", "name: 7\n", "7", ""},
		{"the name of the folder", "name: eu\n", "eu", ""},
		{"nothing", "name:\n", "", ":1: spec.name of a Cluster: "},
		{"a list", "name: [us]\n", "", ":1: spec.name of a Cluster is to be a text: the cluster's name"},
		{"a mapping", clusterOf("  name: {a: b}\n"), "", ":5: spec.name of a Cluster is to be a text"},
		{"capitals", "name: US\n", "US", ":1: spec.name of a Cluster: "},
		{"a path", "name: ../us\n", "../us", ":1: spec.name of a Cluster: "},
		{"a control character", "name: \"u\\es\"\n", "u\x1bs", ":1: spec.name of a Cluster: "},
		{"a huge name", "name: " + strings.Repeat("a", 10_000) + "\n", strings.Repeat("a", 10_000),
			":1: spec.name of a Cluster: "},
		{"broken, with another name", "name: us\na: [\n", "", unknown},
		{"broken, with a name in quotes", "\"name\": 'us'\na: [\n", "", unknown},
		{"broken, with a name in braces", "spec: {name: us\n", "", unknown},
		{"broken, with the derived name", "name: eu\na: [\n", "", ""},
		{"broken, with a word that ends alike", "surname: us\na: [\n", "", ""},
		{"broken, without any", "a: [\n", "", ""},
		{"conflict markers", "<<<<<<< HEAD\nname: eu\n=======\nname: us\n>>>>>>> theirs\n", "", unknown},
	} {
		name, err := ReadName(fstest.MapFS{file: {Data: []byte(c.text)}}, file, "eu")
		got := message(err)
		if name != c.name || c.wrong == "" && got != "" || !strings.Contains(got, c.wrong) || c.wrong != "" &&
			!strings.HasPrefix(got, file+":") {
			t.Errorf("%s: %.80q, %.300q; want %.80q, %q", c.what, name, got, c.name, c.wrong)
		}
	}
	for what, tree := range map[string]fstest.MapFS{"no file": {}, "a folder": {file + "/x": {}}} {
		if name, err := ReadName(tree, file, "eu"); name != "" || err != nil {
			t.Errorf("%s: %q, %v", what, name, err)
		}
	}
	if _, err := ReadName(unreadable{fstest.MapFS{file: {}}}, file,
		"eu"); message(err) != file+" cannot be read: disk on fire" {
		t.Errorf("unreadable: %v", err)
	}
}

// TestNamesThatLookLikeKeys are refused for an App: it might take over what another tool declares.
func TestNamesThatLookLikeKeys(t *testing.T) {
	t.Parallel()
	const key = "abcdefghijklmn234567"
	for name, want := range map[string]string{
		"web": "", "web--x": "", "web-" + key: "", "web--" + key[1:]: "",
		"web--" + key: `the name "web--` + key +
			`" ends as the keys of apps do that other tools declare, in -- and 20 letters and ` +
			`digits: choose another, such as web`,
		"Web":                    "Web",
		"a/b":                    "a/b",
		strings.Repeat("a", 300): "aaa",
	} {
		if got := message(checkName(name)); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%.40s: %q, want %q", name, got, want)
		}
	}
}

// TestFoldersOfProjects: patterns of this repository's folders, which never lead out of it; all else is an address.
func TestFoldersOfProjects(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"./teams/a":          "teams/a",
		"./teams/a/**":       "teams/a{,/**}",
		"!./teams/a/**":      "!teams/a{,/**}",
		"./teams/*/x":        "teams/*/x",
		"./":                 ".",
		".":                  ".",
		"./../../etc":        "../../etc",
		"./a/../../..":       "../..",
		"./..":               "..",
		"!./../a":            "!../a",
		"./../a/**":          "../a{,/**}",
		"../a":               "",
		"teams/a":            "",
		"*":                  "",
		"!*":                 "",
		"":                   "",
		"https://x/y.git":    "",
		"git@host:./x/a.git": "",
	} {
		if got, is := folderPattern(pattern); is != (want != "") || is && got != want {
			t.Errorf("%q: %q %t, want %q", pattern, got, is, want)
		}
		p := project.Project{Paths: []string{want}}
		if strings.Contains(pattern, "..") && (p.Folder(".", nil) || p.Folder("etc", nil) || p.Folder("a", nil)) {
			t.Errorf("%q permits folders of the repository", pattern)
		}
	}
}

const projectText = "# ours\n\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\nspec: {sources: " +
	"['*'], namespaces: [x]}\n"

// TestAProjectIsFoundInItsFile, where it says the same: then what is wrong has a line that a person can open.
func TestAProjectIsFoundInItsFile(t *testing.T) {
	t.Parallel()
	parse := func(text string) document.Document {
		docs, err := document.Parse("fleet/p.yaml", []byte(text))
		if err != nil || len(docs) != 1 {
			t.Fatal(docs, err)
		}
		return docs[0]
	}
	d := parse(`{"apiVersion":"drover.dev/v1alpha1","kind":"Project","metadata":{"name":"a"},"spec":{"namespaces":["x"],"sources":["*"]}}`)
	for what, c := range map[string]struct{ text, place string }{
		"as it is": {projectText, "fleet/p.yaml:3"},
		"behind another": {strings.Replace(projectText, "name: a", "name: b", 1) + "---\n" + projectText,
			"fleet/p.yaml:10"},
		"behind another kind": {strings.Replace(projectText, "Project", "App", 1) + "---\n" + projectText, "fleet/p.yaml:10"},
		"in a List": {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: drover.dev/v1alpha1, kind: Project, metadata: " +
			"{name: a}, " +
			"spec: {sources: ['*'], namespaces: [x]}}\n", "fleet/p.yaml:4"},
		"changed by an overlay":  {strings.Replace(projectText, "[x]", "[y]", 1), "fleet/p.yaml:1"},
		"of another tool":        {strings.Replace(projectText, "drover.dev", "other.dev", 1), "fleet/p.yaml:1"},
		"in a file that is none": {"a: [\n", "fleet/p.yaml:1"},
		"in no file":             {"", "fleet/p.yaml:1"},
	} {
		tree := fstest.MapFS{"fleet/p.yaml": {Data: []byte(c.text)}}
		if what == "in no file" {
			tree = fstest.MapFS{}
		}
		at := Written(tree, d)
		if got := at.Place(at.Node); got != c.place {
			t.Errorf("%s: it is at %s, want %s", what, got, c.place)
		}
	}
}

// TestProjectsThatAreNone permit nothing, keep their name, and say all that is wrong in a line.
func TestProjectsThatAreNone(t *testing.T) {
	t.Parallel()
	spec := func(text string) string {
		return strings.Replace(projectText, "{sources: ['*'], namespaces: [x]}", text, 1)
	}
	for text, wants := range map[string][]string{
		strings.Replace(projectText, "name: a", "name: A", 1): {"fleet/p.yaml:3: the project's metadata.name: "},
		projectText[:strings.Index(projectText,
			"spec:")]: {`the Project a has no spec: write spec.sources and spec.namespaces, each ["*"]`},
		spec("{}"): {"a Project without spec.sources: write which there may be",
			"a Project without spec.namespaces"},
		spec("{sources: '*', namespaces: [x]}"): {"sources is to be a list"},
		spec("{sources: [a], namespaces: [x], source: " +
			"[b]}"): {`spec of a Project has no field "source" (did you mean "sources"?)`},
		spec("{sources: [a], namespaces: [x], kinds: {allow: [{kind: Pod}]}}"): {
			`an item of kinds.allow without group: write it, "*" for any`},
		spec("{sources: [a], namespaces: [x], clusterKinds: {deny: [{group: ''}], only: []}}"): {
			"an item of clusterKinds.deny without kind", `clusterKinds has no field "only"`},
		spec("{sources: [a], namespaces: [x], serviceAccount: A/b}"): {"fleet/p.yaml:6: serviceAccount "},
	} {
		docs, err := document.Parse("fleet/p.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadProject(docs[0])
		for _, want := range wants {
			if !strings.Contains(message(err), want) || strings.Contains(message(err), "\n") {
				t.Errorf("%s: %v\nwant in it %s", text, err, want)
			}
		}
		if !strings.EqualFold(got.Name, "a") || len(got.Sources)+len(got.Destinations)+len(got.Paths) > 0 {
			t.Errorf("%s: a project that is none permits %+v", text, got)
		}
	}
}
