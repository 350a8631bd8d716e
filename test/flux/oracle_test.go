package flux

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reconciler does what kustomize-controller v1.10 does with every Kustomization that it finds, in a cluster that holds nothing but
// what came out before.
type reconciler struct {
	t      *testing.T
	repo   string
	data   inventory // ConfigMaps and Secrets that were applied
	apps   map[string]objects
	failed map[string]bool
}

// fluxes is what Flux makes of the cluster's folder, by app, and which apps it cannot render. Kustomizations that fail are tried
// again as long as that helps, as Flux does.
func fluxes(t *testing.T, repo string) (map[string]objects, []string) {
	t.Helper()
	r := &reconciler{t: t, repo: repo, data: inventory{}, apps: map[string]objects{}, failed: map[string]bool{}}
	for before := -1; len(r.failed) != before; {
		before = len(r.failed)
		r.failed = map[string]bool{}
		root := unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "root", "namespace": "flux-system"},
			"spec": map[string]any{"path": "./clusters/" + cluster}}}
		r.reconcile(root, map[string]bool{})
	}
	return r.apps, slices.Sorted(maps.Keys(r.failed))
}

// reconcile builds one Kustomization, and then those that come out of it.
func (r *reconciler) reconcile(k unstructured.Unstructured, seen map[string]bool) {
	name := k.GetName()
	if k.GetNamespace() != "flux-system" {
		name = k.GetNamespace() + "-" + name
	}
	path, _, _ := unstructured.NestedString(k.Object, "spec", "path")
	if seen[name] || name != "root" && filepath.Clean("/"+path) == "/clusters/"+cluster {
		return
	}
	seen[name] = true
	list, err := r.build(k, path)
	if err != nil {
		r.t.Logf("Flux: %s: %v", name, err)
		r.failed[name] = true
		return
	}
	out := objects{}
	for _, o := range list {
		data, err := json.Marshal(o.Object)
		if err != nil {
			r.t.Fatal(err)
		}
		out.add(r.t, data)
		r.data.apply(r.t, o, data)
	}
	r.apps[name] = out
	for _, o := range list {
		switch {
		case o.GetKind() == "Kustomization" && o.GroupVersionKind().Group == "kustomize.toolkit.fluxcd.io":
			r.reconcile(o, seen)
		case o.GetKind() == "HelmRelease":
			r.release(o)
		}
	}
}

// build is KustomizationReconciler.build of kustomize-controller without decryption: generate, build, substitute; then the common
// metadata.
func (r *reconciler) build(k unstructured.Unstructured, path string) (list []unstructured.Unstructured, err error) {
	work := filepath.Join(r.t.TempDir(), "source") // the generator writes into the source
	if err := os.CopyFS(work, os.DirFS(r.repo)); err != nil {
		r.t.Fatal(err)
	}
	dir := filepath.Join(work, filepath.Clean("/"+path))
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("path not found: %w", err)
	}
	if _, err := fluxkustomize.NewGenerator(work, k).WriteFile(dir); err != nil {
		return nil, err
	}
	built, err := fluxkustomize.SecureBuild(work, dir, false)
	if err != nil {
		return nil, err
	}
	for _, res := range built.Resources() {
		if _, ok, _ := unstructured.NestedMap(k.Object, "spec", "postBuild"); ok {
			strategy, _, _ := unstructured.NestedString(k.Object, "spec", "postBuild", "substituteStrategy")
			out, err := fluxkustomize.SubstituteVariables(context.Background(), reader{inventory: r.data}, k, res, fluxkustomize.SubstituteWithAlways(strategy == "Always"))
			if err != nil {
				return nil, err
			}
			if out != nil {
				res = out
			}
		}
		data, err := res.MarshalJSON()
		if err != nil {
			return nil, err
		}
		var o unstructured.Unstructured
		if err := o.UnmarshalJSON(data); err != nil { // whole numbers stay whole
			return nil, err
		}
		addMetadata(&o, k)
		list = append(list, o)
	}
	return list, nil
}

// addMetadata is ssa.SetCommonMetadata of github.com/fluxcd/pkg/ssa.
func addMetadata(o *unstructured.Unstructured, k unstructured.Unstructured) {
	for _, kind := range []string{"labels", "annotations"} {
		more, _, _ := unstructured.NestedStringMap(k.Object, "spec", "commonMetadata", kind)
		if len(more) == 0 {
			continue
		}
		have, _, _ := unstructured.NestedStringMap(o.Object, "metadata", kind)
		if have == nil {
			have = map[string]string{}
		}
		maps.Copy(have, more)
		_ = unstructured.SetNestedStringMap(o.Object, have, "metadata", kind)
	}
}

// inventory is the reader that Flux' code asks for ConfigMaps and Secrets: what was applied before, as the API server would give it.
type inventory map[string][]byte

func inventoryKey(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

func (i inventory) apply(t *testing.T, o unstructured.Unstructured, data []byte) {
	if o.GetAPIVersion() != "v1" || o.GetKind() != "ConfigMap" && o.GetKind() != "Secret" {
		return
	}
	var s corev1.Secret // the API server turns stringData into data
	if o.GetKind() == "Secret" {
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		for k, v := range s.StringData {
			if s.Data == nil {
				s.Data = map[string][]byte{}
			}
			s.Data[k] = []byte(v)
		}
		data, _ = json.Marshal(s)
	}
	i[inventoryKey(o.GetKind(), o.GetNamespace(), o.GetName())] = data
}

// reader makes an inventory the client that Flux' code wants; it does nothing but read.
type reader struct {
	client.Client
	inventory
}

// Get implements client.Reader.
func (r reader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	return r.inventory.Get(ctx, key, obj, opts...)
}

// Get implements client.Reader for what Flux' substitution reads.
func (i inventory) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	kind := "ConfigMap"
	if _, ok := obj.(*corev1.Secret); ok {
		kind = "Secret"
	}
	data, ok := i[inventoryKey(kind, key.Namespace, key.Name)]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
	}
	return json.Unmarshal(data, obj)
}
