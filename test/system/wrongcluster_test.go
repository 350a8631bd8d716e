package system

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// The wrong context is named: the cluster there has the agent of another cluster of the fleet.
func TestAnAgentIsNotInstalledIntoTheWrongCluster(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.repo.Write("clusters/other/cluster.yaml", "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: "+
		"other}\n")
	s.write(0)
	s.poll("the first revision", func() (bool, string) {
		out, _ := s.try("status", "edge")
		return len(s.revisions()) == 9 && strings.Contains(out, "connected"), out
	})
	// An agent that is no pod has made its namespace itself.
	if _, err := s.cp.Kube().Patch(t.Context(), "test", testenv.Ref{APIVersion: "v1", Kind: "Namespace",
		Name: "drover-system"},
		`{"metadata":{"labels":{"app.kubernetes.io/part-of":"drover"}}}`); err != nil {
		t.Fatal(err)
	}
	out, err := s.try("agent", "install", "--cluster", "other", "--kubeconfig", s.cp.Kubeconfig, "--image",
		"example/agent:1", "--yes")
	if err == nil || !strings.Contains(out, " is edge (joined the hub at tls://") || !strings.Contains(out,
		", and not other: nothing was changed") {
		t.Errorf("installing other: %v\n%s", err, out)
	}
	binding := testenv.Ref{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding", Name: "drover-agent"}
	if _, err := s.cp.Kube().Get(t.Context(), binding); !testenv.IsNotFound(err) {
		t.Errorf("its rights are there: %v", err)
	}
	if out, err = s.try("agent", "uninstall", "--kubeconfig", s.cp.Kubeconfig); err == nil || !strings.Contains(out,
		"It holds the agent of cluster edge") {
		t.Errorf("uninstalling: %v\n%s", err, out)
	}

	// An empty cluster would get cluster-admin: without --context that is asked.
	empty := testenv.ControlPlaneT(t)
	out, err = s.try("agent", "install", "--cluster", "other", "--kubeconfig", empty.Kubeconfig, "--image",
		"example/agent:1")
	if err == nil || !strings.Contains(out, "No --context was given") || !strings.Contains(out, "--yes") {
		t.Errorf("installing into the current context: %v\n%s", err, out)
	}
	if _, err := empty.Kube().Get(t.Context(), binding); !testenv.IsNotFound(err) {
		t.Errorf("its rights are there: %v", err)
	}
}
