package kustomize

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

const plainTree = `
-- p/b.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
-- p/a.yml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: default, namespace: default}
- {kind: ServiceAccount, name: other, namespace: elsewhere}
-- p/sub/deep/c.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: own}
-- p/sub/empty.yaml --
-- p/sub/comment.yaml --
# nothing
-- p/sub/notes.txt --
not: [a manifest
-- p/kust/kustomization.yaml --
namePrefix: k-
resources: [x.yaml]
-- p/kust/x.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: x}
-- p/kust/unlisted.yaml --
values: only
-- p/cluster.yaml --
labels: {env: prod}
-- p/.sops.yaml --
creation_rules: []
-- p/.github/workflow.yaml --
on: push
`

// TestPlain holds a plain folder against a kustomization that names what Flux would find.
func TestPlain(t *testing.T) {
	files := tree(plainTree)
	with := tree(plainTree + "-- p/kustomization.yaml --\n" +
		"resources: [a.yml, b.yaml, kust, sub/comment.yaml, sub/deep/c.yaml, sub/empty.yaml]\n")
	got := mustBuild(t, files, "p", model.BuildOptions{Skip: []string{"p/cluster.yaml"}})
	same(t, got, oracle(t, with, "p"))
	var from []string
	for _, o := range got {
		from = append(from, o.File)
	}
	if want := "p/a.yml p/a.yml p/sub/deep/c.yaml p/b.yaml p/kust/x.yaml"; strings.Join(from, " ") != want {
		t.Errorf("files %v, want %s", from, want)
	}
}

func TestPlainNamespace(t *testing.T) {
	files := tree(plainTree)
	with := tree(plainTree + "-- p/kustomization.yaml --\nnamespace: prod\n" +
		"resources: [a.yml, b.yaml, kust, sub/deep/c.yaml]\n")
	same(t, mustBuild(t, files, "p", model.BuildOptions{Overlay: model.Overlay{Namespace: "prod"},
		Skip: []string{"p/cluster.yaml"}}), oracle(t, with, "p"))
}

func TestPlainWithoutManifests(t *testing.T) {
	for name, text := range map[string]string{
		"no manifests": "-- p/README.md --\nhello\n",
		"all skipped":  "-- p/cluster.yaml --\nlabels: {}\n",
		"comments":     "-- p/x.yaml --\n# soon\n",
	} {
		if got := mustBuild(t, tree(text), "p", model.BuildOptions{Skip: []string{"p/cluster.yaml"}}); len(got) != 0 {
			t.Errorf("%s: %d objects", name, len(got))
		}
	}
}

func TestPlainRoot(t *testing.T) {
	got := mustBuild(t, tree("-- a/x.yaml --\n"+configMap("x")+"-- y.yaml --\n"+configMap("y")), ".",
		model.BuildOptions{})
	if len(got) != 2 || got[0].File != "a/x.yaml" || got[1].File != "y.yaml" {
		t.Errorf("%+v", got)
	}
}

func TestPlainRefusesWhatIsNoManifest(t *testing.T) {
	got := mustFail(t, tree(plainTree), "p", model.BuildOptions{})
	if want := "p/cluster.yaml:1: document 1 has no kind (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = mustFail(t, tree("-- p/c/kustomization.yaml --\nkind: Component\nnamePrefix: x\n"), "p",
		model.BuildOptions{})
	if want := "p/c/kustomization.yaml: a folder in it is a component, which only a kustomization can use (list it under components of a kustomization, or move it elsewhere)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNamespace holds opts.Namespace on a kustomization against an overlay that says it.
func TestNamespace(t *testing.T) {
	base := `
-- base/kustomization.yaml --
namespace: inner
sortOptions: {order: fifo}
resources: [all.yaml]
configMapGenerator: [{name: g, literals: [a=b]}]
-- base/all.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: sa, namespace: inner}
- {kind: ServiceAccount, name: default, namespace: x}
---
apiVersion: v1
kind: Namespace
metadata: {name: inner}
---
apiVersion: example.dev/v1
kind: Unknown
metadata: {name: u}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: us.example.dev}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {volumes: [{name: v, configMap: {name: g}}]}
`
	with := tree(base + "-- over/kustomization.yaml --\nnamespace: outer\nsortOptions: {order: fifo}\n" +
		"resources: [../base]\n")
	same(t, mustBuild(t, tree(base), "base", model.BuildOptions{Overlay: model.Overlay{Namespace: "outer"},
		Skip: []string{"base/all.yaml"}}), oracle(t, with, "over"))
}

func TestNamespaceOfAComponent(t *testing.T) {
	files := tree("-- c/kustomization.yaml --\nkind: Component\nresources: [x.yaml]\n-- c/x.yaml --\n" +
		configMap("x"))
	got := mustBuild(t, files, "c", model.BuildOptions{Overlay: model.Overlay{Namespace: "n"}})
	if len(got) != 1 || !strings.Contains(string(got[0].JSON), `"namespace":"n"`) || got[0].File != "c/x.yaml" {
		t.Errorf("%+v", got)
	}
}

// TestAManifestIsPatchedWithoutAKustomization: files of a plain folder are read each by itself,
// and patched all the same.
func TestAManifestIsPatchedWithoutAKustomization(t *testing.T) {
	files := tree("-- p/b.yaml --\n" + configMap("b") + "-- p/a.yaml --\n" + configMap("a") +
		"-- p/values.yaml --\nno: manifest\n")
	patch := model.Patch{Patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {more: x}}",
		Target: &model.Target{Kind: "ConfigMap", Name: "b"}}
	opts := model.BuildOptions{Directory: &model.Directory{}, Overlay: model.Overlay{Patches: []model.Patch{patch}}}
	got := mustBuild(t, files, "p", opts)
	if len(got) != 2 || got[0].File != "p/a.yaml" || got[1].File != "p/b.yaml" ||
		strings.Contains(string(got[0].JSON), "more") ||
		!strings.Contains(string(got[1].JSON), `"more":"x"`) {
		t.Errorf("%s", got)
	}
	opts.Overlay.Patches[0].Patch = "{kind: ConfigMap}"
	if got := mustFail(t, files, "p", opts); !strings.HasPrefix(got,
		"p: its patches cannot be laid over its manifests") {
		t.Errorf("%s", got)
	}
}

// TestFilesThatCannotBeFollowedAreRefused, in the folder itself and below it, also beside a kustomization.
func TestFilesThatCannotBeFollowedAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"-- p/x.yaml --\n" + configMap("x"): "",
		"-- p/fleet.yaml --\n" +
			"namespace: x\n": "p/fleet.yaml: says how the folder is delivered",
		"-- p/sub/fleet.yml --\n" +
			"namespace: x\n": "p/sub/fleet.yml: says how the folder is delivered",
		"-- p/kustomization.yaml --\n-- p/fleet.yaml --\n" +
			"namespace: x\n": "p/fleet.yaml: says how the folder is delivered",
		"-- p/x.yaml --\n" + configMap("x") + "-- p/my-fleet.yaml --\na: b\n": "",
	} {
		opts := model.BuildOptions{Directory: &model.Directory{Recurse: true, Detect: true,
			Refuse: `(^|/)fleet\.ya?ml$`}}
		if want == "" {
			mustBuild(t, tree(text), "p", opts)
		} else if got := mustFail(t, tree(text), "p", opts); !strings.HasPrefix(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestFoldersAreLeftOut with all that is in them.
func TestFoldersAreLeftOut(t *testing.T) {
	files := tree("-- p/x.yaml --\n" + configMap("x") +
		"-- p/web/kustomization.yaml --\nresources: [y.yaml]\n-- p/web/y.yaml --\n" + configMap("y"))
	if got := mustBuild(t, files, "p",
		model.BuildOptions{Skip: []string{"p/web"}}); len(got) != 1 || got[0].File != "p/x.yaml" {
		t.Errorf("%s", got)
	}
}

// TestAFileOfRancherFleetIsNamed: what it is for, and what to do.
func TestAFileOfRancherFleetIsNamed(t *testing.T) {
	got := mustFail(t, tree("-- p/x.yaml --\n"+configMap("x")+"-- p/fleet.yaml --\nnamespace: x\n"), "p",
		model.BuildOptions{})
	if want := "p/fleet.yaml:1: document 1 has no kind (it is for Rancher Fleet: " +
		"have a GitRepo deliver this folder, or list the manifests in a kustomization.yaml)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
