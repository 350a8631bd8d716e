package kustomize

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// overlayOf is a repository with a base of n objects and an overlay "target" that changes them all.
func overlayOf(n int) fstest.MapFS {
	files := tree(`
-- target/kustomization.yaml --
namespace: prod
resources: [../base]
images: [{name: example/web, newTag: "2"}]
labels: [{pairs: {env: prod}}]
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web-0}
    spec: {replicas: 3}
`)
	list := "resources:\n"
	for i := range n {
		name := fmt.Sprintf("o%d.yaml", i)
		list += "- " + name + "\n"
		data := fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata:\n  name: s-%d\nspec:\n  selector:\n    app: web-%d\n  ports:\n  - port: 80\n    name: http\n", i, i)
		if i%5 == 0 {
			data = fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-%d\nspec:\n  selector:\n    matchLabels:\n      app: web-%d\n  template:\n    metadata:\n      labels:\n        app: web-%d\n    spec:\n      containers:\n      - name: web\n        image: example/web:1\n        envFrom:\n        - configMapRef:\n            name: cfg-%d\n", i, i, i, i)
		}
		if i%5 == 1 {
			data = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg-%d\ndata:\n  a: \"1\"\n  b: hello world\n", i)
		}
		files["base/"+name] = &fstest.MapFile{Data: []byte(data)}
	}
	files["base/kustomization.yaml"] = &fstest.MapFile{Data: []byte(list)}
	return files
}

// BenchmarkBuild holds a build against the bare library over the same tree in memory: what the mount,
// the inspection and the JSON cost.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{11, 51, 101} {
		files := overlayOf(n)
		r := &Renderer{}
		r.Warm()
		b.Run(fmt.Sprintf("drover/%d", n), func(b *testing.B) {
			for b.Loop() {
				if got := mustBuildHere(b, files, "target", model.BuildOptions{}); len(got) != n {
					b.Fatalf("%d objects", len(got))
				}
			}
		})
		b.Run(fmt.Sprintf("krusty/%d", n), func(b *testing.B) {
			memory := filesys.MakeFsInMemory()
			for name, f := range files {
				if err := memory.WriteFile("/"+name, f.Data); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				built, err := krusty.MakeKustomizer(&krusty.Options{
					Reorder: krusty.ReorderOptionUnspecified, PluginConfig: types.DisabledPluginConfig(),
				}).Run(memory, "/target")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := built.AsYaml(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
