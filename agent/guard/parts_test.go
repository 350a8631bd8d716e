package guard

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func TestTheAgentsOwnPartsAreProtected(t *testing.T) {
	t.Parallel()
	const rbac, admission = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
	ref := func(group, kind, namespace, name string) protocol.ObjectRef {
		return protocol.ObjectRef{Group: group, Kind: kind, Namespace: namespace, Name: name}
	}
	own := []protocol.ObjectRef{
		ref("", "Namespace", "", "own"), ref("", "Secret", "own", "drover-credential"), ref("", "Secret", "own", "drover-join"),
		ref("", "Secret", "own", "drover-join-7h2k"), ref("", "Secret", "own", "drover-sops"), ref("", "Secret", "own", "drover-search"),
		ref("", "Secret", "own", "drover-state"), ref("", "Secret", "own", "drover-state.2"), ref("", "Secret", "own", "drover-app-web"),
		ref("", "Secret", "own", "drover-journal"), ref("", "Secret", "own", "drover-proxy"),
		ref("", "ServiceAccount", "own", "drover-agent"), ref("", "ServiceAccount", "own", "drover-leader"),
		ref("apps", "DaemonSet", "own", "drover-agent"), ref("apps", "Deployment", "own", "drover-agent"),
		ref("coordination.k8s.io", "Lease", "own", "drover-agent"), ref("networking.k8s.io", "NetworkPolicy", "own", "drover-agent"),
		ref(rbac, "Role", "own", "drover-agent"), ref(rbac, "RoleBinding", "own", "drover-leader"),
		ref(rbac, "Role", "shop", "drover-agent"), ref(rbac, "RoleBinding", "shop", "drover-agent"),
		ref(rbac, "ClusterRole", "", "drover-agent"), ref(rbac, "ClusterRoleBinding", "", "drover-agent"),
		ref(admission, "ValidatingAdmissionPolicy", "", "drover-agent"),
		ref(admission, "ValidatingAdmissionPolicyBinding", "", "drover-agent"),
	}
	for _, r := range own {
		if !OwnPart(r, "own", agent.Scope{"shop"}) {
			t.Errorf("%s is not protected", r)
		}
	}
	for _, r := range []protocol.ObjectRef{
		ref("", "Namespace", "", "shop"), ref("", "Secret", "shop", "drover-credential"), ref("", "Secret", "own", "password"),
		ref("", "ConfigMap", "own", "drover-state"), ref("apps", "DaemonSet", "shop", "drover-agent"),
		ref(rbac, "Role", "other", "drover-agent"), ref(rbac, "ClusterRoleBinding", "", "cluster-admin"),
		ref("", "ServiceAccount", "own", "default"),
	} {
		if OwnPart(r, "own", agent.Scope{"shop"}) {
			t.Errorf("%s is protected, and is no part of the agent", r)
		}
	}
}
