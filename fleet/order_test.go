package fleet

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func ref(group, kind, namespace, name string) protocol.ObjectRef {
	return protocol.ObjectRef{Group: group, Kind: kind, Namespace: namespace, Name: name}
}

// TestObjectsAreAppliedInStages: what others need comes first, and what would refuse them comes last.
func TestObjectsAreAppliedInStages(t *testing.T) {
	for want, refs := range map[Stage][]protocol.ObjectRef{
		StageNamespaces:  {ref("", "Namespace", "", "shop")},
		StageDefinitions: {ref("apiextensions.k8s.io", "CustomResourceDefinition", "", "x")},
		StageFoundation: {
			ref("", "ConfigMap", "a", "x"), ref("", "Secret", "a", "x"), ref("", "ServiceAccount", "a", "x"),
			ref("", "ResourceQuota", "a", "x"), ref("", "LimitRange", "a", "x"), ref("", "PersistentVolume", "", "x"),
			ref("rbac.authorization.k8s.io", "ClusterRole", "", "x"), ref("rbac.authorization.k8s.io", "RoleBinding", "a", "x"),
			ref("storage.k8s.io", "StorageClass", "", "x"), ref("scheduling.k8s.io", "PriorityClass", "", "x"),
			ref("networking.k8s.io", "IngressClass", "", "x"), ref("node.k8s.io", "RuntimeClass", "", "x"),
		},
		StageRest: {
			ref("apps", "Deployment", "a", "x"), ref("", "Service", "a", "x"), ref("", "PersistentVolumeClaim", "a", "x"),
			ref("example.com", "Namespace", "", "x"), ref("example.com", "Secret", "a", "x"), // of another group, it is another kind
			ref("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "", "x"), // does nothing without its binding
			ref("", "", "", ""),
		},
		StageWebhooks: {
			ref("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "x"),
			ref("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "", "x"),
			ref("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "", "x"),
			ref("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", "", "x"),
			ref("apiregistration.k8s.io", "APIService", "", "x"),
		},
	} {
		for _, r := range refs {
			if got := StageOf(r); got != want {
				t.Errorf("%s %s is applied in stage %d, want %d", r.Group, r.Kind, got, want)
			}
		}
	}
	if StageNamespaces != 0 || StageWebhooks != Stages-1 {
		t.Error("the first stage is that of namespaces, the last that of webhooks")
	}
}

func TestApplyOrderIsByStageThenReference(t *testing.T) {
	want := []protocol.ObjectRef{
		ref("", "Namespace", "", "a"),
		ref("", "Namespace", "", "b"),
		ref("apiextensions.k8s.io", "CustomResourceDefinition", "", "a"),
		ref("", "Secret", "b", "a"),
		ref("rbac.authorization.k8s.io", "Role", "a", "a"),
		ref("", "Service", "a", "a"),
		ref("apps", "Deployment", "a", "a"),
		ref("apps", "Deployment", "a", "b"),
		ref("apps", "Deployment", "b", "a"),
		ref("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "a"),
	}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, CompareApply)
	if !slices.Equal(got, want) {
		t.Errorf("sorted to %v\nwant %v", got, want)
	}
}

// TestApplyOrderIsTotal: whatever the objects, hub and agent must come to one order.
func TestApplyOrderIsTotal(t *testing.T) {
	var refs []protocol.ObjectRef
	for _, group := range []string{"", "apps", "apiextensions.k8s.io", "admissionregistration.k8s.io"} {
		for _, kind := range []string{"Namespace", "Secret", "CustomResourceDefinition", "ValidatingWebhookConfiguration", "X"} {
			for _, namespace := range []string{"", "a"} {
				refs = append(refs, ref(group, kind, namespace, "a"), ref(group, kind, namespace, "b"))
			}
		}
	}
	for _, a := range refs {
		for _, b := range refs {
			ab := CompareApply(a, b)
			if ab != -CompareApply(b, a) || (ab == 0) != (a == b) {
				t.Fatalf("%v and %v compare as %d and %d", a, b, ab, CompareApply(b, a))
			}
			for _, c := range refs {
				if ab < 0 && CompareApply(b, c) < 0 && CompareApply(a, c) >= 0 {
					t.Fatalf("%v < %v < %v, but not %v < %v", a, b, c, a, c)
				}
			}
		}
	}
}

func TestDependenciesThatCannotBeMet(t *testing.T) {
	const missing = `depends on app "x", which this cluster does not have: add it, or take it out of dependsOn`
	for name, c := range map[string]struct {
		apps map[string][]string
		want []Blocked
	}{
		"none":           {nil, nil},
		"no dependency":  {map[string][]string{"a": nil, "b": {}}, nil},
		"a chain":        {map[string][]string{"a": {"b"}, "b": {"c"}, "c": nil}, nil},
		"a diamond":      {map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": nil}, nil},
		"the same twice": {map[string][]string{"a": {"b", "b"}, "b": nil}, nil},
		"a missing one":  {map[string][]string{"a": {"x"}, "b": nil}, []Blocked{{"a", missing}}},
		"two missing ones": {map[string][]string{"a": {"y", "x"}}, []Blocked{
			{"a", missing},
			{"a", `depends on app "y", which this cluster does not have: add it, or take it out of dependsOn`},
		}},
		"itself": {map[string][]string{"a": {"a"}}, []Blocked{{"a", "depends on itself (a → a): take one of these out of dependsOn"}}},
		"a circle of two": {map[string][]string{"a": {"b"}, "b": {"a"}}, []Blocked{
			{"a", "depends on itself (a → b → a): take one of these out of dependsOn"},
			{"b", "depends on itself (b → a → b): take one of these out of dependsOn"},
		}},
		// Those that only lead into a circle are not named: they are not the ones to correct.
		"a way into a circle": {map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}, []Blocked{
			{"b", "depends on itself (b → c → d → b): take one of these out of dependsOn"},
			{"c", "depends on itself (c → d → b → c): take one of these out of dependsOn"},
			{"d", "depends on itself (d → b → c → d): take one of these out of dependsOn"},
		}},
		"a dead end on the way": {map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"a"}, "d": nil}, []Blocked{
			{"a", "depends on itself (a → c → a): take one of these out of dependsOn"},
			{"c", "depends on itself (c → a → c): take one of these out of dependsOn"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CheckDependencies(c.apps); !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestClusterScopedKnowsBuiltInKinds(t *testing.T) {
	for r, want := range map[protocol.ObjectRef]bool{
		ref("", "Namespace", "", ""):                                    true,
		ref("rbac.authorization.k8s.io", "ClusterRole", "", ""):         true,
		ref("rbac.authorization.k8s.io", "Role", "", ""):                false,
		ref("apps", "Deployment", "", ""):                               false,
		ref("example.com", "ClusterRole", "", ""):                       false,
		ref("", "PersistentVolume", "", ""):                             true,
		ref("", "PersistentVolumeClaim", "", ""):                        false,
		ref("apiextensions.k8s.io", "CustomResourceDefinition", "", ""): true,
	} {
		if got := ClusterScoped(r); got != want {
			t.Errorf("%s %s is cluster-scoped: %t, want %t", r.Group, r.Kind, got, want)
		}
	}
}
