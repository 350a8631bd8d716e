package guard

import (
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// The agent's own parts: what its manifests bring, and what it keeps its state in.
var (
	// partNames are what hub/manifest calls the objects that install an agent, Secrets aside.
	partNames = []string{"drover-agent", "drover-leader"}
	// partKinds are the kinds of these in the agent's namespace.
	partKinds = []string{"/ServiceAccount", "apps/DaemonSet", "apps/Deployment", "rbac.authorization.k8s.io/Role",
		"rbac.authorization.k8s.io/RoleBinding", "coordination.k8s.io/Lease", "networking.k8s.io/NetworkPolicy"}
	// scopeKinds are the kinds of these in the namespaces of a scope.
	scopeKinds = []string{"rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/RoleBinding"}
	// clusterKinds are the kinds of these that have no namespace.
	clusterKinds = []string{"rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding",
		"admissionregistration.k8s.io/ValidatingAdmissionPolicy",
		"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding"}
	// secretNames are the Secrets of the agent, and secretPrefixes begin the names of more of them: parts of its state,
	// the state of each app, and join tokens that kustomize made.
	secretNames = []string{"drover-state", "drover-journal", "drover-search", "drover-credential", "drover-join",
		"drover-proxy", plan.SopsSecret}
	secretPrefixes = []string{"drover-state.", "drover-app-", "drover-join-"}
)

// OwnPart says whether an object is a part of the agent in namespace.
func OwnPart(ref protocol.ObjectRef, namespace string, scope agent.Scope) bool {
	kind := ref.Group + "/" + ref.Kind
	named := slices.Contains(partNames, ref.Name)
	switch {
	case kind == "/Namespace":
		return ref.Name == namespace
	case slices.Contains(clusterKinds, kind):
		return named
	case slices.Contains(scopeKinds, kind) && slices.Contains(scope, ref.Namespace):
		return named
	case ref.Namespace != namespace:
		return false
	case kind == "/Secret":
		return slices.Contains(secretNames, ref.Name) ||
			slices.ContainsFunc(secretPrefixes, func(p string) bool { return strings.HasPrefix(ref.Name, p) })
	}
	return named && slices.Contains(partKinds, kind)
}
