package testenv

import (
	"os"
	"path/filepath"
)

const (
	// enclosureVar holds the stage in which a process finds itself: none, that of the keeper, or the directory of the
	// enclosure that it is in.
	enclosureVar = "DROVER_TESTENV_ENCLOSURE"

	// EnclosureIP is the address at which programs in an enclosure are reached by its machines and their pods.
	EnclosureIP = "192.168.77.1"
)

// Enclosed reports whether this process is in an enclosure; see Enclose, which only Linux has.
func Enclosed() bool { return filepath.IsAbs(os.Getenv(enclosureVar)) }

// address returns where the API server listens.
func (cp *ControlPlane) address() string {
	if cp.opts.machines {
		return EnclosureIP
	}
	return "127.0.0.1"
}

// machineArgs returns the API server's arguments that depend on whether it has machines.
func (cp *ControlPlane) machineArgs() []string {
	if !cp.opts.machines {
		return []string{
			"--authorization-mode=RBAC",
			"--endpoint-reconciler-type=none", // nothing in the cluster reaches it by the kubernetes Service
		}
	}
	return []string{
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--client-ca-file=" + cp.dir.File("ca.crt"),
		"--kubelet-client-certificate=" + cp.dir.File("kubelet-client.crt"), "--kubelet-client-key=" + cp.dir.File("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
	}
}

// writeKubeletClient writes the certificate with which the API server asks kubelets for logs.
func (cp *ControlPlane) writeKubeletClient() error {
	cert, key, err := cp.authority.client("kube-apiserver", "system:masters")
	if err != nil {
		return err
	}
	if err := os.WriteFile(cp.dir.File("kubelet-client.crt"), cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(cp.dir.File("kubelet-client.key"), key, 0o600)
}

// schedule runs the scheduler. Who waits for a pod waits for it too.
func (cp *ControlPlane) schedule(path string) (err error) {
	config := cp.dir.File("kube-scheduler.kubeconfig")
	if err := cp.writeMember(config, "system:kube-scheduler", ""); err != nil {
		return err
	}
	cp.scheduler, err = StartProcess("kube-scheduler", cp.dir.File("kube-scheduler.log"), nil,
		path, "--kubeconfig="+config, "--leader-elect=false", "--secure-port=0")
	return err
}
