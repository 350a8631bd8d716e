package system

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// A backup of a cluster, with the agent's Secrets, is restored into another cluster, and an agent is started there: it
// applies nothing, and the first one is served as before, until a person decides for the other.
func TestACopyOfAClusterWaitsForAPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	other := *s
	other.cp = testenv.ControlPlaneT(t)
	s.restoreInto(other.cp)
	start(t, nil, filepath.Join(s.bin, "drover-agent"), "--kubeconfig", other.cp.Kubeconfig, "--identity", "copy",
		"--take-over", "--listen", freeAddr(t))
	s.poll("status says so", func() (bool, string) {
		out := s.drover("status", "edge")
		return strings.Contains(out, "its credential is used in another cluster") &&
			strings.Contains(out, "drover cluster accept edge"), out
	})
	s.write(6) // the same objects with other values: nothing is deleted, so that nothing is held
	s.poll("the first one goes on", func() (bool, string) { return s.settled(6) })
	if got := other.revisions(); len(got) > 0 {
		t.Errorf("the copy has %v", got)
	}
	if out, err := s.try("cluster", "accept", "edge"); err == nil || !strings.Contains(out, "--yes") {
		t.Errorf("nobody was asked: %v\n%s", err, out)
	}

	s.drover("cluster", "accept", "edge", "--yes")
	s.poll("the other takes its place", func() (bool, string) {
		got := other.revisions()
		return got["one-always"] == "6" && len(got) == 9, ""
	})
	s.write(12)
	s.poll("the other goes on", func() (bool, string) { return other.settled(12) })
	if got := s.revisions(); got["one-always"] != "6" {
		t.Errorf("the first one has %v", got)
	}
	out := s.drover("status", "edge")
	if !strings.Contains(out, "its credential is used in another cluster") {
		t.Errorf("status no longer says that the first one still runs:\n%s", out)
	}
}

// restoreInto copies what a backup of the cluster holds of the agent into another cluster.
func (s *scene) restoreInto(cp *testenv.ControlPlane) {
	s.t.Helper()
	const namespace = "drover-system"
	for _, name := range []string{namespace, "edge"} {
		namespace := "{apiVersion: v1, kind: Namespace, metadata: {name: " + name + "}}"
		if _, err := cp.Kube().Apply(s.t.Context(), "test", namespace); err != nil {
			s.t.Fatal(err)
		}
	}
	secrets, err := s.cp.Kube().List(s.t.Context(), "v1", "Secret", namespace, nil)
	if err != nil || len(secrets) == 0 {
		s.t.Fatalf("%d Secrets of the agent, %v", len(secrets), err)
	}
	for _, o := range secrets {
		copied := testenv.Object{"apiVersion": "v1", "kind": "Secret", "type": o["type"], "data": o["data"],
			"metadata": testenv.Object{"name": o.Text("metadata", "name"), "namespace": namespace,
				"labels": o.Field("metadata", "labels"), "annotations": o.Field("metadata", "annotations")}}
		if _, err := cp.Kube().Create(s.t.Context(), "restore", copied); err != nil {
			s.t.Fatal(err)
		}
	}
}
