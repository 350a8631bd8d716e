package fleet

import (
	"cmp"
	"fmt"
	"sort"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Stage is a step in the order in which one app's objects are applied. All objects of a stage are
// applied, and those of StageDefinitions established, before the next begins; within a stage they are independent.
type Stage int

// The stages.
const (
	StageNamespaces  Stage = iota // namespaces: all else may live in them
	StageDefinitions              // CustomResourceDefinitions, then waited for: all else may be of their kinds
	StageFoundation               // what other objects refer to when they are admitted or started
	StageRest                     // everything else
	StageWebhooks                 // admission webhooks and API services: they would refuse the rest until they serve
	Stages                        // how many there are
)

// foundation are the kinds that others need at admission or start-up: Flux and Helm apply them
// early for the same reason (helm.sh/helm/v4/pkg/release/v1/util InstallOrder, fluxcd/pkg/ssa sort.go).
var foundation = map[string]bool{
	"/ResourceQuota": true, "/LimitRange": true, "/ServiceAccount": true, "/Secret": true, "/ConfigMap": true,
	"/PersistentVolume": true, "storage.k8s.io/StorageClass": true, "scheduling.k8s.io/PriorityClass": true,
	"node.k8s.io/RuntimeClass": true, "networking.k8s.io/IngressClass": true,
	"rbac.authorization.k8s.io/ClusterRole": true, "rbac.authorization.k8s.io/ClusterRoleBinding": true,
	"rbac.authorization.k8s.io/Role": true, "rbac.authorization.k8s.io/RoleBinding": true,
}

// StageOf says in which stage objects of a kind are applied.
func StageOf(ref protocol.ObjectRef) Stage {
	switch ref.Group + "/" + ref.Kind {
	case "/Namespace":
		return StageNamespaces
	case "apiextensions.k8s.io/CustomResourceDefinition":
		return StageDefinitions
	case "admissionregistration.k8s.io/MutatingWebhookConfiguration",
		"admissionregistration.k8s.io/ValidatingWebhookConfiguration",
		"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
		"admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
		"apiregistration.k8s.io/APIService":
		return StageWebhooks
	}
	if foundation[ref.Group+"/"+ref.Kind] {
		return StageFoundation
	}
	return StageRest
}

// CompareApply orders objects for applying: by stage, then by reference. Pruning takes the reverse.
func CompareApply(a, b protocol.ObjectRef) int {
	return cmp.Or(cmp.Compare(StageOf(a), StageOf(b)), a.Compare(b))
}

// Blocked is an app whose dependencies can never be satisfied as they are written.
type Blocked struct {
	App    string
	Reason string
}

// CheckDependencies finds the apps that depend on an app that is not there, or on themselves by
// some way round. apps maps each app to what it depends on. The result is sorted by app.
func CheckDependencies(apps map[string][]string) []Blocked {
	var out []Blocked
	for name, deps := range apps {
		for _, d := range deps {
			if _, ok := apps[d]; !ok {
				out = append(out, Blocked{name, fmt.Sprintf("depends on app %q, which this cluster does not have: "+
					"add it, or take it out of dependsOn", d)})
			}
		}
		if cycle := findCycle(apps, name); cycle != nil {
			out = append(out, Blocked{name, fmt.Sprintf("depends on itself (%s): take one of these out of dependsOn",
				strings.Join(cycle, " → "))})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].App+"\x00"+out[i].Reason < out[j].App+"\x00"+out[j].Reason })
	return out
}

// findCycle gives the way from start back to start, or nil.
func findCycle(apps map[string][]string, start string) []string {
	seen := map[string]bool{}
	var walk func(at string, path []string) []string
	walk = func(at string, path []string) []string {
		for _, d := range apps[at] {
			if d == start {
				return append(path, d)
			}
			if !seen[d] {
				seen[d] = true
				if c := walk(d, append(path, d)); c != nil {
					return c
				}
			}
		}
		return nil
	}
	return walk(start, []string{start})
}

// clusterScoped are the built-in kinds that live in no namespace.
var clusterScoped = map[string]bool{
	"/Namespace": true, "/Node": true, "/PersistentVolume": true,
	"apiextensions.k8s.io/CustomResourceDefinition": true, "apiregistration.k8s.io/APIService": true,
	"admissionregistration.k8s.io/MutatingWebhookConfiguration": true, "admissionregistration.k8s.io/ValidatingWebhookConfiguration": true,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicy": true, "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": true,
	"admissionregistration.k8s.io/MutatingAdmissionPolicy": true, "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding": true,
	"certificates.k8s.io/CertificateSigningRequest": true, "flowcontrol.apiserver.k8s.io/FlowSchema": true,
	"flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration": true, "networking.k8s.io/IngressClass": true,
	"networking.k8s.io/IPAddress": true, "networking.k8s.io/ServiceCIDR": true, "node.k8s.io/RuntimeClass": true,
	"rbac.authorization.k8s.io/ClusterRole": true, "rbac.authorization.k8s.io/ClusterRoleBinding": true,
	"resource.k8s.io/DeviceClass": true, "resource.k8s.io/ResourceSlice": true, "scheduling.k8s.io/PriorityClass": true,
	"storage.k8s.io/CSIDriver": true, "storage.k8s.io/CSINode": true, "storage.k8s.io/StorageClass": true,
	"storage.k8s.io/VolumeAttachment": true, "storage.k8s.io/VolumeAttributesClass": true,
}

// ClusterScoped says whether objects of a built-in kind live in no namespace. Of custom kinds only their
// cluster knows.
func ClusterScoped(ref protocol.ObjectRef) bool { return clusterScoped[ref.Group+"/"+ref.Kind] }
