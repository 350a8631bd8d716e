//go:build linux

package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// TestMachineLeavesNothing stops a machine that runs pods, and looks for what is left of it.
func TestMachineLeavesNothing(t *testing.T) {
	cp := testenv.ControlPlaneT(t, testenv.WithControllers(), testenv.WithMachines())
	m := testenv.MachineT(t, cp, testenv.WithName("short-lived"))
	_, err := cp.Kube().Apply(t.Context(), "test", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec: {containers: [{name: idle, image: "`+testenv.PauseImage+`"}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	idle := testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "idle"}
	if err := cp.Kube().Wait(t.Context(), idle, "runs", func(o testenv.Object) bool { return o.Number("status", "readyReplicas") == 2 }); err != nil {
		t.Fatal(err)
	}
	if found := traces(t); len(found) < 5 {
		t.Fatalf("of a machine that runs, only this is seen: %q", found)
	}
	if err := m.Stop(); err != nil {
		t.Fatal(err)
	}
	if found := traces(t); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
}

// traces finds the processes, control groups, files and interfaces of machines.
func traces(t *testing.T) []string {
	t.Helper()
	var found []string
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		comm, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		switch program := strings.TrimSpace(string(comm)); program {
		case "pause", "kubelet", "kube-proxy", "containerd", "containerd-shim", "nsenter":
			found = append(found, "process "+program)
		}
	}
	for _, pattern := range []string{
		"/sys/fs/cgroup/drover-testenv-enclosure-*/short-lived", "/sys/fs/cgroup/*/drover-testenv-enclosure-*/short-lived",
		filepath.Join(os.TempDir(), "*short-lived*"),
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	out, err := exec.Command("ip", "-o", "link").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, ": port-") {
			found = append(found, "interface "+line)
		}
	}
	return found
}
