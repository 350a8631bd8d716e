package kustomize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

// view makes a view of files.
func view(t testing.TB, files fstest.MapFS, revision string) model.View {
	t.Helper()
	all := map[string]memtree.File{}
	for name, f := range files {
		all[name] = memtree.File{Data: f.Data}
	}
	v, err := memtree.New(all, model.Revision{Hash: revision})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fetching builds dir as the hub does: again and again, with what is still needed.
func fetching(t testing.TB, files fstest.MapFS, dir string, get func(model.Source) model.View) ([]model.Rendered, []model.Needed, error) {
	t.Helper()
	tree := view(t, files, "")
	var all []model.Needed
	for range 50 {
		objects, err := workers(t).Build(context.Background(), tree, dir, model.BuildOptions{})
		needed, ok := errors.AsType[*model.NeededError](err)
		if !ok {
			return objects, all, err
		}
		more := map[string]model.View{}
		for _, n := range needed.Sources {
			if all = append(all, n); n.Or != nil && get(n.Source) == nil {
				n = *n.Or
			}
			got := get(n.Source)
			if got == nil {
				t.Fatalf("%s is needed, and nothing is there", n.Source)
			}
			more[n.At] = got
		}
		tree = memtree.With(tree, more)
	}
	t.Fatal("it does not end")
	return nil, nil, nil
}

// repositories makes Git repositories on disk, with the tag v1 at their only commit, and gives their commits.
func repositories(t testing.TB, all map[string]fstest.MapFS) (root string, commits map[string]string) {
	t.Helper()
	root, commits = t.TempDir(), map[string]string{}
	for name, files := range all {
		dir := filepath.Join(root, name)
		if err := os.Rename(write(t, files), dir); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "x"}, {"tag", "v1"}} {
			cmd := exec.Command("git", args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com",
				"GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
		out, err := exec.Command("git", "-C", dir, "rev-parse", "HEAD").Output()
		if err != nil {
			t.Fatal(err)
		}
		commits[name] = strings.TrimSpace(string(out))
	}
	return root, commits
}

func deployment(name string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + "}\nspec:\n  template:\n    spec:\n      containers: [{name: c, image: web:1, " +
		"envFrom: [{configMapRef: {name: settings}}]}]\n"
}

// TestRemoteBasesAreBuiltAsKustomizeBuildsThem: kustomize itself, which clones the same repositories, is the oracle.
func TestRemoteBasesAreBuiltAsKustomizeBuildsThem(t *testing.T) {
	other := tree("-- sub/kustomization.yaml --\nresources: [../up, cm.yaml]\nnameSuffix: -sub\n-- sub/cm.yaml --\n" + configMap("sub") +
		"-- up/kustomization.yaml --\nresources: [cm.yaml]\n-- up/cm.yaml --\n" + configMap("up"))
	root, commits := repositories(t, map[string]fstest.MapFS{"other.git": other})
	address := func(name string) string { return "file://" + root + "/" + name }
	shop := tree(strings.NewReplacer("OTHER", address("other.git")).Replace(`
-- base/kustomization.yaml --
resources: [deploy.yaml, ../common]
configMapGenerator: [{name: settings, files: [conf/a.conf, b=conf/b.conf]}]
namePrefix: base-
-- base/deploy.yaml --
` + deployment("web") + `
-- base/conf/a.conf --
a
-- base/conf/b.conf --
b
-- common/kustomization.yaml --
resources: [cm.yaml]
-- common/cm.yaml --
` + configMap("common") + `
-- nested/kustomization.yaml --
resources: ['OTHER//sub?ref=main', ../base, ../base/../common2]
transformers: [label.yaml]
-- nested/label.yaml --
apiVersion: builtin
kind: LabelTransformer
metadata: {name: l}
labels: {from: nested}
fieldSpecs: [{path: metadata/labels, create: true}]
-- common2/kustomization.yaml --
resources: [cm.yaml]
-- common2/cm.yaml --
` + configMap("common2") + `
-- comp/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [cm.yaml]
patches: [{path: patch.yaml, target: {kind: Deployment}}]
-- comp/cm.yaml --
` + configMap("component") + `
-- comp/patch.yaml --
- {op: add, path: /spec/replicas, value: 7}
-- kustomization.yaml --
resources: [common]
nameSuffix: -root
`))
	more, ids := repositories(t, map[string]fstest.MapFS{"shop.git": shop})
	maps.Copy(commits, ids)
	at := "file://" + more + "/shop.git"
	views := map[string]model.View{address("other.git"): view(t, other, "o"), at: view(t, shop, "s")}
	get := func(s model.Source) model.View { return views[s.URL] }
	for name, text := range map[string]string{
		"a tag, a commit, a branch and no ref": "resources: ['AT//nested?ref=v1', own.yaml, 'AT?ref=main']\ncomponents: ['AT//comp?ref=ID']\nnamespace: shop\n" +
			"images: [{name: web, newTag: '2'}]\npatches: [{target: {kind: Deployment, name: web}, patch: '- {op: add, path: /metadata/annotations, value: {x: y}}'}]\n",
		"the same one twice, by two refs":         "resources: [own.yaml, ../left, ../right]\n",
		"bases, and references to what they have": "bases: ['AT//base']\nresources: [own.yaml]\nconfigMapGenerator: [{name: settings, behavior: merge, literals: [c=d]}]\nvars: []\n",
		"a component of a local component":        "resources: ['AT//base?ref=v1']\ncomponents: [../component]\nreplacements: [{source: {kind: Deployment, fieldPath: spec.replicas}, targets: [{select: {kind: ConfigMap, name: component}, fieldPaths: [data.k]}]}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			files := tree(strings.NewReplacer("AT", at, "ID", commits["shop.git"]).Replace("-- app/kustomization.yaml --\n" + text + `
-- app/own.yaml --
` + configMap("own") + `
-- left/kustomization.yaml --
resources: ['AT//base?ref=v1']
namePrefix: left-
-- right/kustomization.yaml --
resources: ['AT//base?ref=main']
namePrefix: right-
-- component/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
components: ['AT//comp?ref=v1']
`))
			got, _, err := fetching(t, files, "app", get)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, oracle(t, files, "app"))
			for _, o := range got {
				if strings.Contains(o.File, ".git/drover") {
					t.Errorf("people are told of %s", o.File)
				}
			}
		})
	}
}

// TestRemoteFilesAreRead wherever kustomize takes the address of a file.
func TestRemoteFilesAreRead(t *testing.T) {
	served := map[string]string{
		"cm.yaml": configMap("fetched"), "page": "<html></html>", "manifests/v1.2/install": configMap("install"), "a.conf": "a", "a.env": "A=b\n",
		"patch.yaml": "- {op: add, path: /data/patched, value: x}\n", "merge.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: own}, data: {merged: x}}",
		"config.yaml": "nameReference: []\n", "replace.yaml": "{source: {kind: ConfigMap, name: fetched, fieldPath: data.k}, targets: [{select: {name: own}, fieldPaths: [data.k]}]}",
		"label.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
	}
	const text = `
resources: [own.yaml, 'AT/cm.yaml', 'AT/manifests/v1.2/install']
patches: [{path: 'AT/patch.yaml', target: {name: own}}]
patchesStrategicMerge: ['AT/merge.yaml']
configurations: ['AT/config.yaml']
replacements: [{path: 'AT/replace.yaml'}]
transformers: ['AT/label.yaml']
configMapGenerator: [{name: made, files: ['AT/a.conf', 'key=AT/a.conf'], envs: ['AT/a.env']}]
`
	files := func(at string) fstest.MapFS {
		return tree("-- app/kustomization.yaml --\n" + strings.ReplaceAll(text, "AT", at) + "-- app/own.yaml --\n" + configMap("own"))
	}
	here := files("../local")
	for name, content := range served {
		here["local/"+name] = &fstest.MapFile{Data: []byte(content)}
	}
	get := func(s model.Source) model.View {
		content, ok := served[strings.TrimPrefix(s.URL, "https://files.example.com/")]
		if !ok || s.Kind != model.SourceFile {
			return nil
		}
		return view(t, fstest.MapFS{model.RemoteFile: {Data: []byte(content)}}, "x")
	}
	got, needed, err := fetching(t, files("https://files.example.com"), "app", get)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, oracle(t, here, "app"))
	for _, n := range needed {
		if !strings.HasPrefix(n.By, "app/kustomization.yaml:") || !n.Base {
			t.Errorf("who names %s: %q", n.Source, n.By)
		}
		if unpinned := n.Note != nil; unpinned == strings.Contains(n.Source.URL, "v1.2") {
			t.Errorf("%s: a note that it is not pinned: %t", n.Source, unpinned)
		}
	}
	if i := len(got) - 1; got[i].File == "" && got[0].File == "" {
		t.Error("no object says where it comes from")
	}
}

// TestWhatIsFetchedReadsItsOwnTreeAlone: a repository that is named by its address gets nothing of the one that names
// it, nor of others.
func TestWhatIsFetchedReadsItsOwnTreeAlone(t *testing.T) {
	const secret = "s3cret"
	up := "../../../../" // the folder of the source is below two, and its own folder
	for name, c := range map[string]struct{ text, want string }{
		"a resource":          {"resources: [" + up + "own/secret.yaml]", "leads out"},
		"a folder":            {"resources: [" + up + "own]", "leads out"},
		"a component":         {"components: [" + up + "own]", "leads out"},
		"a file":              {"configMapGenerator: [{name: x, files: ['k=" + up + "own/secret.yaml']}]", "leads out"},
		"variables":           {"configMapGenerator: [{name: x, envs: [" + up + "own/secret.yaml]}]", "leads out"},
		"a patch":             {"resources: [cm.yaml]\npatches: [{path: " + up + "own/secret.yaml}]", "leads out"},
		"a file beside":       {"configMapGenerator: [{name: x, files: ['k=../beside.txt']}]", "leads out of the folder of its kustomization"},
		"a plugin":            {"generators: [plugin.yaml]", "leads out of the folder of its kustomization"},
		"an inline plugin":    {"generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: [\"k=" + up + "own/secret.yaml\"]}']", "leads out"},
		"plugins in a folder": {"generators: [plugins]", "is a folder"},
		"a chart":             {"helmCharts: [{name: chart}]\nhelmGlobals: {chartHome: " + up + "own}", "leads outside"},
		"values":              {"helmCharts: [{name: chart, valuesFile: " + up + "own/secret.yaml}]", "outside the repository"},
		"an absolute path":    {"resources: [/repository/own/secret.yaml]", "is an absolute path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := tree("-- app/kustomization.yaml --\nresources: ['https://github.com/o/r//base?ref=v1']\n-- own/secret.yaml --\n" + configMap(secret) +
				"-- own/kustomization.yaml --\nresources: [secret.yaml]\n-- own/chart/Chart.yaml --\nname: chart\nversion: 0.0.0\n")
			base := tree("-- base/kustomization.yaml --\n" + c.text + "\n-- base/cm.yaml --\n" + configMap("c") + "-- beside.txt --\nx\n-- base/plugin.yaml --\n" +
				"apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\nfiles: ['k=" + up + "own/secret.yaml']\n-- base/plugins/kustomization.yaml --\nresources: [../cm.yaml]\n" +
				"-- base/charts/chart/Chart.yaml --\nname: chart\nversion: 0.0.0\n")
			got, _, err := fetching(t, files, "app", func(model.Source) model.View { return view(t, base, "b") })
			if err == nil {
				t.Fatalf("it is built: %s", got)
			}
			if text := err.Error(); !strings.HasPrefix(text, "https://github.com/o/r//base/") || !strings.Contains(text, c.want) || strings.Contains(text, ".git/drover") {
				t.Errorf("%s, want …%s", text, c.want)
			}
		})
	}
}

// TestWhatIsWrongWithAddressesIsSaid in the words of who wrote them.
func TestWhatIsWrongWithAddressesIsSaid(t *testing.T) {
	base := tree("-- base/kustomization.yaml --\nresources: [gone.yaml]\n-- file.yaml --\n" + configMap("c") +
		"-- loop/kustomization.yaml --\nresources: ['https://github.com/o/r//loop?ref=v1']\n-- cm/kustomization.yaml --\nresources: [cm.yaml]\n-- cm/cm.yaml --\nkind: [\n")
	for name, c := range map[string]struct{ text, want string }{
		"a folder that is not there": {"resources: ['https://github.com/o/r//nope?ref=v1']", "app/kustomization.yaml:1: resources[0] \"https://github.com/o/r//nope?ref=v1\" names the folder nope, which https://github.com/o/r at v1 does not have"},
		"a file":                     {"resources: ['git@github.com:o/r//file.yaml?ref=v1']", "names a file in a Git repository, where kustomize takes folders alone"},
		"what is wrong in it":        {"resources: ['https://github.com/o/r//base?ref=v1']", "https://github.com/o/r//base/kustomization.yaml:1: resources[0] \"gone.yaml\" does not exist"},
		"no YAML in it":              {"resources: ['https://github.com/o/r//cm?ref=v1']", "https://github.com/o/r//cm/cm.yaml:1: not valid YAML"},
		"a cycle":                    {"resources: ['https://github.com/o/r//loop?ref=v1']", "does one of the repositories lead back to itself?"},
		"plugins":                    {"transformers: ['https://github.com/o/r//base?ref=v1']", "plugins are configured by the repository itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := fetching(t, tree("-- app/kustomization.yaml --\n"+c.text+"\n"), "app", func(model.Source) model.View { return view(t, base, "b") })
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), ".git/drover") {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestManyBasesAreAskedForTogether: at once, each once, and not without end.
func TestManyBasesAreAskedForTogether(t *testing.T) {
	many := func(n int) fstest.MapFS {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "- https://github.com/o/r%d//base?ref=v1\n- https://github.com/o/r%d//other?ref=v1\n", i, i)
		}
		return tree("-- app/kustomization.yaml --\nresources:\n" + text.String())
	}
	_, err := workers(t).Build(t.Context(), view(t, many(107), ""), "app", model.BuildOptions{})
	needed, ok := errors.AsType[*model.NeededError](err)
	if !ok || len(needed.Sources) != 107 {
		t.Errorf("107 repositories: %v", err)
	}
	if _, err = workers(t).Build(t.Context(), view(t, many(maxRemotes+1), ""), "app", model.BuildOptions{}); err == nil || !strings.Contains(err.Error(), "more than 1000 addresses") {
		t.Errorf("too many: %v", err)
	}
}

// TestABuildAsksNobody: what it needs it says, and it reads nothing by itself.
func TestABuildAsksNobody(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	_, err := (&Renderer{}).Build(t.Context(), view(t, tree("-- app/kustomization.yaml --\nresources: ['"+server.URL+"/x.yaml']\n"), ""), "app", model.BuildOptions{})
	if _, ok := errors.AsType[*model.NeededError](err); !ok || asked {
		t.Errorf("%v; asked: %t", err, asked)
	}
}
