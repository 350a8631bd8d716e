package chart

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// A real API server takes every object, and a namespace of the restricted level admits the pods that they lead to.
func TestAnAPIServerAcceptsTheHub(t *testing.T) {
	t.Parallel()
	kube := testenv.ControlPlaneT(t).Kube()
	definition, err := os.ReadFile("testdata/servicemonitors.yaml") // hubFull has a ServiceMonitor
	if err != nil {
		t.Fatal(err)
	}
	defined, err := kube.Apply(t.Context(), "test", string(definition))
	if err != nil {
		t.Fatal(err)
	}
	if err := kube.Wait(t.Context(), defined[0].Ref(), "served", func(o testenv.Object) bool {
		return strings.Contains(o.String(), `"type":"Established"`)
	}); err != nil {
		t.Fatal(err)
	}
	for namespace, values := range map[string]string{"plain": hubPlain, "full": hubFull} {
		files, err := helm(t, "drover-hub", namespace, []byte(values))
		if err != nil {
			t.Fatal(err)
		}
		labels := "{name: " + namespace + ", labels: {pod-security.kubernetes.io/enforce: restricted}}"
		text := "apiVersion: v1\nkind: Namespace\nmetadata: " + labels + "\n---\n" + files[hubText]
		if _, err := kube.Apply(t.Context(), "test", text); err != nil {
			t.Fatalf("%s: %v", namespace, err)
		}
		all := objects(t, text)
		if _, has := all["ServiceMonitor "+namespace+"/drover-hub"]; has != (namespace == "full") {
			t.Errorf("%s: with a ServiceMonitor: %t", namespace, has)
		}
		pods := map[string]string{"hub": all["StatefulSet "+namespace+"/drover-hub"]}
		if job, ok := all["CronJob "+namespace+"/drover-hub-backup"]; ok {
			pods["backup"] = job
		}
		for name, owner := range pods {
			if _, err := kube.Create(t.Context(), "test", podOf(t, owner, namespace, name)); err != nil {
				t.Errorf("%s: the pod of %s is refused: %v", namespace, name, err)
			}
		}
		bad := podOf(t, pods["hub"], namespace, "bad")
		bad["spec"].(map[string]any)["hostNetwork"] = true
		if _, err := kube.Create(t.Context(), "test", bad); err == nil || !strings.Contains(err.Error(), "restricted") {
			t.Errorf("%s: a pod in the host's network is answered with %v, want a refusal", namespace, err)
		}
	}
}

// podOf is the pod that a StatefulSet or a CronJob would create.
func podOf(t *testing.T, owner, namespace, name string) testenv.Object {
	t.Helper()
	var o struct {
		Spec struct {
			Template    struct{ Spec map[string]any }
			JobTemplate struct {
				Spec struct{ Template struct{ Spec map[string]any } }
			}
		}
	}
	if err := json.Unmarshal([]byte(owner), &o); err != nil {
		t.Fatal(err)
	}
	spec := o.Spec.JobTemplate.Spec.Template.Spec
	if spec == nil {
		spec = o.Spec.Template.Spec
		claim := map[string]any{"name": "data", "persistentVolumeClaim": map[string]any{"claimName": "data-drover-hub-0"}}
		spec["volumes"] = append(spec["volumes"].([]any), claim)
	}
	return testenv.Object{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "namespace": namespace}, "spec": spec,
	}
}
