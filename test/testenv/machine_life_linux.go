package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Import gives the machine the images of a tar, as image.Docker and `docker save` make it.
func (m *Machine) Import(ctx context.Context, tar []byte) error {
	return m.Run(ctx, bytes.NewReader(tar), "ctr", "--namespace=k8s.io", "images", "import", "-")
}

// Kill ends one of the machine's programs at once: kubelet, containerd or kube-proxy. Containers live on.
func (m *Machine) Kill(name string) error {
	p := m.parts[name]
	if p == nil {
		return fmt.Errorf("machine %s runs no %s", m.Name, name)
	}
	pid := p.PID() // of nsenter, whose only child is the program
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
			return err
		}
	}
	<-p.Done()
	return nil
}

// Crash switches the machine off, as a cut of its power does: all its processes end, and its connections fall silent.
// Its disk stays; Boot switches it on again.
func (m *Machine) Crash() {
	if m.init == nil {
		return
	}
	m.init.Kill()
	for _, p := range m.parts {
		p.Kill() // nsenter: what it had started has ended
	}
}

// Stop switches the machine off and removes it with its disk. Its Node object stays.
func (m *Machine) Stop() error {
	m.Crash()
	m.unplug()
	var errs []error
	if m.cgroup != "" {
		errs = append(errs, removeCgroup(m.cgroup))
	}
	if m.dir != nil {
		errs = append(errs, m.dir.Remove())
	}
	return errors.Join(errs...)
}

// unplug removes the connection of the machine, which the kernel does too, but later.
func (m *Machine) unplug() { _ = ip("link del " + m.port()) }

// Logs returns the end of the logs of the machine's programs.
func (m *Machine) Logs() string {
	var logs strings.Builder
	for _, p := range m.parts {
		fmt.Fprintf(&logs, "--- %s of %s ends with:\n%s\n", p.Name, m.Name, p.Tail(logLines))
	}
	return logs.String()
}

// ContainerProcesses returns the ids, as this process sees them, of the processes of a container, as a pod's status names it
// (containerd://…), on whatever machine it runs.
func ContainerProcesses(containerID string) ([]int, error) {
	_, id, ok := strings.Cut(containerID, "://")
	if !ok || id == "" {
		return nil, fmt.Errorf("%q is no id of a container", containerID)
	}
	lists, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil || !bytes.Contains(text, []byte(id)) {
			continue // it has ended, or is another's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(list)))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// MachineT adds a machine to the control plane and removes it at the test's end. A failed test shows the end of its logs.
func MachineT(t testing.TB, cp *ControlPlane, opts ...Option) *Machine {
	t.Helper()
	m, err := cp.StartMachine(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.Logs())
		}
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	return m
}
