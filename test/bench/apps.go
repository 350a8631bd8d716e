package bench

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/drover-dev/drover/test/testenv"
)

// appSize is how many objects an app has.
const appSize = 11

// baseTree is the base that every app of the bench stands on, as a txtar archive.
//
//go:embed base.txtar
var baseTree string

// tree is the files of a repository.
type tree map[string]string

// newTree has the base, and nothing that uses it.
func newTree() tree {
	t := tree{}
	for _, f := range txtar.Parse([]byte(baseTree)).Files {
		t[f.Name] = string(f.Data)
	}
	return t
}

// overlay adds an app's folder: the base in a namespace of its own, with an image and a number of replicas.
func (t tree) overlay(dir, namespace, tag string, replicas int) {
	up := strings.Repeat("../", strings.Count(dir, "/")+1)
	t[dir+"/kustomization.yaml"] = fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: %s
resources:
- %sapps/shop/base
labels:
- pairs: {team: %[1]s}
images:
- name: shop/web
  newTag: %[3]s
replicas:
- name: web
  count: %[4]d
`, namespace, up, tag, replicas)
}

// cluster adds a cluster's folder, with an App for each of the folders in dirs, named after its last part.
func (t tree) cluster(name string, dirs ...string) {
	t["clusters/"+name+"/cluster.yaml"] = "labels: {env: bench}\n"
	var apps strings.Builder
	for _, dir := range dirs {
		fmt.Fprintf(&apps, "---\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: %s\nspec:\n  path: ./%s\n", dir[strings.LastIndexByte(dir, '/')+1:], dir)
	}
	if len(dirs) > 0 {
		t["clusters/"+name+"/apps.yaml"] = apps.String()
	}
}

// files gives the tree to kustomize.
func (t tree) files() (filesys.FileSystem, error) {
	mem := filesys.MakeFsInMemory()
	for name, text := range t {
		if err := mem.WriteFile("/"+name, []byte(text)); err != nil {
			return nil, err
		}
	}
	return mem, nil
}

// build builds a folder with the kustomize library and encodes what comes out: what rendering costs at best without
// changing kustomize.
func build(files filesys.FileSystem, dir string) ([]object, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/"+dir)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	var out []object
	for _, r := range built.Resources() {
		body, err := r.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", dir, err)
		}
		out = append(out, object{testenv.Ref{APIVersion: r.GetApiVersion(), Kind: r.GetKind(), Namespace: r.GetNamespace(), Name: r.GetName()}, body})
	}
	for i := range out {
		if out[i].ref.Kind == "Namespace" {
			out[i].ref.Namespace = ""
		}
	}
	return out, nil
}

// labelled gives an object one more label, so that what is applied bare is as large as what Drover labels as its own.
func labelled(o object, value string) (object, error) {
	var fields testenv.Object
	if err := json.Unmarshal(o.body, &fields); err != nil {
		return o, err
	}
	if labels, ok := fields.Field("metadata", "labels").(map[string]any); ok {
		labels["bench.drover.dev/app"] = value
	}
	o.body = []byte(fields.String())
	return o, nil
}

// deployment is the object of an app that commits and edits change.
func deployment(namespace string) testenv.Ref {
	return testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: "web"}
}

// image is what the first container of a workload runs.
func image(o testenv.Object) string {
	if c := o.Items("spec", "template", "spec", "containers"); len(c) > 0 {
		return c[0].Text("image")
	}
	return ""
}
