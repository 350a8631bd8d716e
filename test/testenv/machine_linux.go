package testenv

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/drover-dev/drover/test/testenv/image"
)

//go:embed machine.sh
var machineScript []byte

// PauseImage is an image that every machine has: its program does nothing until it is told to end.
const PauseImage = "drover-pause:1"

// Machine is a node that runs containers: a kubelet, a containerd and a kube-proxy as every node has them, in
// namespaces of their own for processes, mounts, network and names, on a disk of its own above the host's. Pods have a
// network, and reach each other, the kubernetes Service and EnclosureIP. What is missing is a name server and the way
// to the internet: containers run from images that Import brought.
type Machine struct {
	Name string // of its node
	IP   string

	cp     *ControlPlane
	n      int
	dir    *TempDir
	cgroup string
	bin    map[string]string
	init   *Process
	parts  map[string]*Process // what runs on it, by name
}

// machines numbers the machines of the process.
var machines atomic.Int64

// StartMachine adds a machine to the control plane, which was started WithMachines, and returns when its node is ready.
// ctx limits the start only. The machine ends with the control plane at the latest.
func (cp *ControlPlane) StartMachine(ctx context.Context, opts ...Option) (*Machine, error) {
	if !cp.opts.machines {
		return nil, errors.New("start a machine: the control plane takes none; start it WithMachines")
	}
	o := newOptions(opts)
	bin, err := Binaries(ctx, o.log, "kubelet", "kube-proxy")
	if err != nil {
		return nil, err
	}
	n := int(machines.Add(1))
	m := &Machine{Name: o.name, n: n, cp: cp, IP: fmt.Sprintf("192.168.77.%d", 10+n), bin: bin, parts: map[string]*Process{}}
	if m.Name == "" {
		m.Name = fmt.Sprintf("machine-%d", n)
	}
	err = m.prepare(ctx)
	if err == nil {
		err = m.Boot(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start machine %s: %w", m.Name, err), m.Stop())
	}
	return m, nil
}

// prepare makes all that the machine has before it is switched on.
func (m *Machine) prepare(ctx context.Context) (err error) {
	if m.dir, err = NewTempDir(m.Name); err != nil {
		return err
	}
	m.cgroup = filepath.Base(os.Getenv(enclosureVar)) + "/" + m.Name
	if err := makeCgroup(m.cgroup); err != nil {
		return err
	}
	if err := os.WriteFile(m.dir.File("machine.sh"), machineScript, 0o600); err != nil {
		return err
	}
	if m.bin["pause"], err = m.buildPause(ctx); err != nil {
		return err
	}
	return m.configure()
}

// buildPause compiles the program that is the first process of machines and pods.
func (m *Machine) buildPause(ctx context.Context) (string, error) {
	dir, err := tool{module: "kubernetes"}.dir()
	if err != nil {
		return "", err
	}
	path := m.dir.File("pause")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./cmd/pause")
	cmd.Dir = filepath.Join(dir, "..", "..")
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cmd/pause: %w: %s", err, out)
	}
	return path, nil
}

// Boot switches the machine on, for the first time or after Crash, and returns when its node is ready.
func (m *Machine) Boot(ctx context.Context) error {
	if err := m.switchOn(ctx); err != nil {
		return err
	}
	if err := m.Start(ctx, "containerd"); err != nil {
		return err
	}
	program, err := os.ReadFile(m.bin["pause"])
	if err != nil {
		return err
	}
	pause, err := image.Docker(program, "pause", PauseImage)
	if err != nil {
		return err
	}
	if err := m.Import(ctx, pause); err != nil {
		return err
	}
	if err := m.Start(ctx, "kube-proxy"); err != nil {
		return err
	}
	return m.Start(ctx, "kubelet")
}

// Start starts one of the machine's programs, after Kill, and returns when it does its work: containerd, kube-proxy or
// kubelet.
func (m *Machine) Start(ctx context.Context, name string) error {
	args := map[string][]string{
		"containerd": {"--config=/etc/testenv/containerd.toml"},
		"kube-proxy": {"--config=/etc/testenv/kube-proxy.yaml"},
		"kubelet": {"--config=/etc/testenv/kubelet.yaml", "--kubeconfig=/etc/testenv/kubelet.kubeconfig",
			"--hostname-override=" + m.Name, "--node-ip=" + m.IP},
	}[name]
	if args == nil {
		return fmt.Errorf("a machine runs no %s", name)
	}
	since := time.Now().Truncate(time.Second) // the API server's clock counts in seconds
	p, err := StartProcess(name, m.dir.File(name+".log"), nil, m.enter(append([]string{name}, args...))...)
	if err != nil {
		return err
	}
	m.parts[name] = p
	return p.await(ctx, startLimit, func(ctx context.Context) error {
		switch name {
		case "containerd":
			return m.Run(ctx, nil, "ctr", "version")
		case "kubelet":
			return m.ready(ctx, since)
		}
		return nil // who needs a Service waits for it
	})
}

// ready looks whether the kubelet has said, not before since, that the node is ready.
func (m *Machine) ready(ctx context.Context, since time.Time) error {
	node, err := m.cp.Kube().Get(ctx, Ref{APIVersion: "v1", Kind: "Node", Name: m.Name})
	if err != nil {
		return err
	}
	for _, c := range node.Items("status", "conditions") {
		if c.Text("type") == "Ready" {
			if heard, err := time.Parse(time.RFC3339, c.Text("lastHeartbeatTime")); err != nil || heard.Before(since) {
				return errors.New("the node was not heard of since its machine was switched on")
			}
			if c.Text("status") != "True" {
				return errors.New("the node is not ready: " + c.Text("message"))
			}
		}
	}
	if len(node.Items("spec", "taints")) > 0 {
		return fmt.Errorf("the node has taints: %v", node.Field("spec", "taints"))
	}
	return nil
}

// switchOn makes the machine's namespaces, with a first process in them, and connects it.
func (m *Machine) switchOn(ctx context.Context) (err error) {
	m.init, err = startWith(&syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL, Setpgid: true,
	}, nil, m.Name, m.dir.File("machine.log"), nil,
		"/bin/sh", m.dir.File("machine.sh"), m.dir.Path, m.Name, m.cgroup, m.bin["pause"], m.bin["kubelet"], m.bin["kube-proxy"])
	if err != nil {
		return err
	}
	err = m.init.await(ctx, startLimit, func(context.Context) error {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", m.init.PID())); err != nil || filepath.Base(exe) != "pause" {
			return fmt.Errorf("its first process is still %s (%v)", exe, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.unplug() // from before a crash
	port := m.port()
	if err := ip(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", port, m.init.PID()),
		fmt.Sprintf("link set %s master %s up", port, enclosureBridge),
		fmt.Sprintf("route replace %s via %s", m.podCIDR(m.n), m.IP),
	); err != nil {
		return err
	}
	lines := []string{"addr add " + m.IP + "/24 dev eth0", "link set eth0 up", "route add default via " + EnclosureIP}
	for _, line := range lines {
		if err := m.Run(ctx, nil, append([]string{"ip"}, strings.Fields(line)...)...); err != nil {
			return err
		}
	}
	return nil
}

// port returns the name of the machine's end of the network in the enclosure.
func (m *Machine) port() string { return fmt.Sprintf("port-%d", m.n) }

// podCIDR returns the addresses of the pods of the n-th machine.
func (m *Machine) podCIDR(n int) string { return fmt.Sprintf("10.244.%d.0/24", n) }

// enter returns the command, of nsenter, that runs args on the machine.
func (m *Machine) enter(args []string) []string {
	return append([]string{"nsenter", "--target", strconv.Itoa(m.init.PID()), "--mount", "--pid", "--net", "--uts", "--ipc", "--"}, args...)
}

// Run runs a command on the machine, with stdin as its input. An error holds what it said.
func (m *Machine) Run(ctx context.Context, stdin io.Reader, args ...string) error {
	command := m.enter(args)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s on %s: %w: %s", strings.Join(args, " "), m.Name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
