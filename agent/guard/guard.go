package guard

import (
	"encoding/json"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Container says whether deleting an object takes with it what it holds.
func Container(ref protocol.ObjectRef) bool {
	return plan.IsDefinition(ref) || ref.Group == "" && ref.Kind == "Namespace"
}

// Roots leaves out of what a container holds what Kubernetes makes by itself, what is being deleted already, and what
// another object of the container controls: that goes or stays with it.
func Roots(found []agent.Found) (out []agent.Found) {
	byUID := make(map[string]*agent.Found, len(found))
	for i := range found {
		byUID[found[i].UID] = &found[i]
	}
	for _, f := range found {
		if f.Deleting || byKubernetes(f.Ref) || controlledBy(&f, byUID) {
			continue
		}
		out = append(out, f)
	}
	return out
}

// controlledBy says whether an object that nothing controls is at the upper end of a line of controllers. One that
// goes round has none.
func controlledBy(f *agent.Found, byUID map[string]*agent.Found) bool {
	top := f
	for range 10 {
		c := top.Controller()
		if c == nil {
			return top != f
		}
		next := byUID[c.UID]
		if next == nil {
			return top != f
		}
		top = next
	}
	return false
}

// byKubernetes says whether every namespace has an object of this name.
func byKubernetes(ref protocol.ObjectRef) bool {
	switch ref.Group + "/" + ref.Kind + "/" + ref.Name {
	case "/ConfigMap/kube-root-ca.crt", "/ServiceAccount/default":
		return true
	}
	return false
}

// Within says whether an object belongs into a container, which holds objects of some kinds.
func Within(ref, container protocol.ObjectRef, kinds []agent.Resource) bool {
	if container.Kind == "Namespace" {
		return ref.Namespace == container.Name
	}
	return slices.ContainsFunc(kinds, func(r agent.Resource) bool { return r.Group == ref.Group && r.Kind == ref.Kind })
}

// Precious says whether deleting an object takes more with it than can be recreated: that is never done because a
// switch of the whole app says so.
func Precious(ref protocol.ObjectRef) bool {
	switch ref.Group + "/" + ref.Kind {
	case "/Namespace", "/PersistentVolumeClaim", "/PersistentVolume", "apiextensions.k8s.io/CustomResourceDefinition":
		return true
	}
	return false
}

// TakesClaims says whether deleting an object deletes claims of it, and so its data.
func TakesClaims(ref protocol.ObjectRef, line []byte) bool {
	var set struct {
		Spec struct {
			PersistentVolumeClaimRetentionPolicy struct{ WhenDeleted string }
		}
	}
	return ref.Group == "apps" && ref.Kind == "StatefulSet" && json.Unmarshal(line, &set) == nil &&
		set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted == "Delete"
}

// Named are the kinds whose names follow from what they are.
var Named = []string{"/Namespace", "apiextensions.k8s.io/CustomResourceDefinition", "apiregistration.k8s.io/APIService", "storage.k8s.io/CSIDriver"}
