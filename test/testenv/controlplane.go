package testenv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/test/testenv/ports"
)

// ControlPlane is a running Kubernetes API server with what was started beside it.
type ControlPlane struct {
	Name       string
	URL        string // of the API server
	Kubeconfig string // path of a kubeconfig of an administrator (group system:masters)
	CA         []byte // the API server's certificate authority, PEM
	Token      string // the administrator's bearer token
	Dir        string // directory of certificates, configuration and logs; removed by Stop

	port      int
	kube      *Kube
	prefix    string // of its objects in etcd
	etcd      *Etcd
	release   func() error // gives the etcd back
	dir       *TempDir
	apiserver *Process
	manager   *Process // nil without controllers
	scheduler *Process // nil without machines
	nodes     *Nodes   // nil without nodes
	nodeLog   *os.File
	users     *users
	audits    auditLog
	authority *authority
	opts      options
}

// Each part of a control plane has a user of its own, so that its requests can be told from those of others.
const (
	adminUser       = "admin"
	controllersUser = "testenv-controllers"
	nodesUser       = "testenv-nodes"
)

// sequence numbers the control planes of the process.
var sequence atomic.Int64

// StartControlPlane starts an API server, with an empty store behind it and RBAC in force, and whatever opts ask for,
// having built what is missing. It returns when the API server is ready and has its first namespaces. ctx limits the
// start only; Stop ends it.
func StartControlPlane(ctx context.Context, opts ...Option) (*ControlPlane, error) {
	o := newOptions(opts)
	n := sequence.Add(1)
	if o.name == "" {
		o.name = fmt.Sprintf("cp-%d", n)
	}
	names := []string{"kube-apiserver"}
	if o.controllers {
		names = append(names, "kube-controller-manager")
	}
	if o.machines {
		names = append(names, "kube-scheduler")
	}
	if o.etcd == nil {
		names = append(names, "etcd")
	}
	bin, err := Binaries(ctx, o.log, names...)
	if err != nil {
		return nil, err
	}
	parts := []string{adminUser, controllersUser, nodesUser}
	cp := &ControlPlane{Name: o.name, prefix: fmt.Sprintf("/%s-%d", o.name, n), etcd: o.etcd, opts: o, users: newUsers(append(parts, o.users...)...)}
	cp.Token = cp.users.tokens[adminUser]
	if o.machines && (!Enclosed() || !o.controllers || o.nodes > 0) {
		return nil, errors.New("machines need an enclosure and controllers, and cannot be mixed with played nodes; see Enclose, WithControllers and WithNodes")
	}
	if err := cp.start(ctx, bin, o, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("start control plane %s: %w", o.name, err), cp.Stop())
	}
	return cp, nil
}

// start brings up the parts one after the other.
func (cp *ControlPlane) start(ctx context.Context, bin map[string]string, o options, opts []Option) (err error) {
	if cp.etcd == nil {
		if cp.etcd, cp.release, err = acquireEtcd(ctx, opts); err != nil {
			return err
		}
	}
	if err := cp.prepare(); err != nil {
		return err
	}
	err = retryPorts(func() error {
		if cp.port, err = ports.Free(); err != nil {
			return err
		}
		cp.URL = fmt.Sprintf("https://%s:%d", cp.address(), cp.port)
		cp.kube = NewKube(cp.URL, cp.CA, cp.Token)
		return cp.serve(ctx, bin["kube-apiserver"])
	})
	if err != nil {
		return err
	}
	if err := cp.writeKubeconfig(cp.Kubeconfig, adminUser, cp.Token); err != nil {
		return err
	}
	if err := cp.Kube().Wait(ctx, namespace("default"), "exists", Exists); err != nil {
		return err
	}
	if o.controllers {
		if err := cp.control(ctx, bin["kube-controller-manager"]); err != nil {
			return err
		}
	}
	if o.machines {
		return cp.schedule(bin["kube-scheduler"])
	}
	if o.nodes > 0 {
		return cp.populate(ctx, o.nodes)
	}
	return nil
}

// populate starts n nodes.
func (cp *ControlPlane) populate(ctx context.Context, n int) error {
	log, err := os.Create(cp.dir.File("nodes.log"))
	if err != nil {
		return err
	}
	cp.nodeLog = log
	cp.nodes, err = StartNodes(ctx, NewKube(cp.URL, cp.CA, cp.users.tokens[nodesUser]), n, log)
	return err
}

// prepare makes the directory of the control plane with its keys and users.
func (cp *ControlPlane) prepare() error {
	dir, err := NewTempDir(cp.Name)
	if err != nil {
		return err
	}
	cp.dir, cp.Dir, cp.Kubeconfig = dir, dir.Path, dir.File("kubeconfig")
	ca, err := newAuthority(cp.Name)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	cp.authority, cp.CA = ca, ca.pem()
	if err := ca.write(dir, cp.address()); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	if err := cp.writeKubeletClient(); err != nil {
		return fmt.Errorf("make a certificate for kubelets: %w", err)
	}
	if err := os.WriteFile(dir.File("audit.yaml"), []byte(cp.opts.auditPolicy), 0o600); err != nil {
		return fmt.Errorf("write audit policy: %w", err)
	}
	return os.WriteFile(dir.File("tokens.csv"), []byte(cp.users.lines.String()), 0o600)
}

// serve runs the API server on cp.port until it is ready.
func (cp *ControlPlane) serve(ctx context.Context, path string) (err error) {
	args := []string{
		path, "--etcd-servers=" + cp.etcd.URL, "--etcd-prefix=" + cp.prefix,
		fmt.Sprintf("--secure-port=%d", cp.port), "--bind-address=" + cp.address(), "--advertise-address=" + cp.address(),
		"--tls-cert-file=" + cp.dir.File("tls.crt"), "--tls-private-key-file=" + cp.dir.File("tls.key"), "--cert-dir=" + cp.Dir,
		"--service-account-key-file=" + cp.dir.File("sa.key"), "--service-account-signing-key-file=" + cp.dir.File("sa.key"),
		"--service-account-issuer=https://kubernetes.default.svc", "--token-auth-file=" + cp.dir.File("tokens.csv"),
		"--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true",
	}
	args = append(args, cp.machineArgs()...)
	if !cp.opts.controllers {
		// Nobody makes the default service accounts that the plugin demands of every pod.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	if cp.opts.audit {
		args = append(args, "--audit-policy-file="+cp.dir.File("audit.yaml"), "--audit-log-path="+cp.dir.File("audit.log"), "--audit-log-maxsize=1000")
	}
	if cp.apiserver, err = StartProcess("kube-apiserver", cp.dir.File("kube-apiserver.log"), cp.opts.env, args...); err != nil {
		return err
	}
	return cp.apiserver.await(ctx, startLimit, func(ctx context.Context) error {
		_, err := cp.Kube().Raw(ctx, "/readyz", nil)
		return err
	})
}

// control runs the controller manager until it has made the first service account, without which no pod can be made.
func (cp *ControlPlane) control(ctx context.Context, path string) (err error) {
	config := cp.dir.File("kube-controller-manager.kubeconfig")
	if err := cp.writeKubeconfig(config, controllersUser, cp.users.tokens[controllersUser]); err != nil {
		return err
	}
	args := []string{
		path, "--kubeconfig=" + config, "--leader-elect=false", "--secure-port=0",
		"--service-account-private-key-file=" + cp.dir.File("sa.key"), "--root-ca-file=" + cp.dir.File("ca.crt"),
		"--kube-api-qps=1000", "--kube-api-burst=2000", // many tests at once are no reason to be slow
		"--cluster-signing-cert-file=" + cp.dir.File("ca.crt"), "--cluster-signing-key-file=" + cp.dir.File("ca.key"),
	}
	if !cp.opts.machines {
		// Our nodes send no heartbeats, so that an idle cluster is idle; this controller would take them for dead.
		args = append(args, "--controllers=*,-node-lifecycle-controller")
	}
	cp.manager, err = StartProcess("kube-controller-manager", cp.dir.File("kube-controller-manager.log"), cp.opts.env, args...)
	if err != nil {
		return err
	}
	account := Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "default", Name: "default"}
	return cp.manager.await(ctx, startLimit, func(ctx context.Context) error {
		_, err := cp.Kube().Get(ctx, account)
		return err
	})
}

// Kube returns a client with the administrator's rights.
func (cp *ControlPlane) Kube() *Kube { return cp.kube }

// Etcd returns the etcd that keeps the control plane's objects.
func (cp *ControlPlane) Etcd() *Etcd { return cp.etcd }

// StopAPIServer ends the API server as a crash would: what it serves is away until StartAPIServer. Controllers and
// nodes go on trying to reach it.
func (cp *ControlPlane) StopAPIServer() { cp.apiserver.Kill() }

// StartAPIServer starts the API server again, on the same port and with the same objects.
func (cp *ControlPlane) StartAPIServer(ctx context.Context) error {
	if err := cp.serve(ctx, cp.apiserver.cmd.Path); err != nil {
		return fmt.Errorf("start the API server of %s again: %w", cp.Name, err)
	}
	return nil
}

// ServiceAccountKubeconfig writes a kubeconfig with which the service account reaches the API server, valid for an
// hour, and returns its path: what a program in one of the account's pods would see.
func (cp *ControlPlane) ServiceAccountKubeconfig(ctx context.Context, namespace, account string) (string, error) {
	request := Object{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": Object{"expirationSeconds": 3600}}
	path := fmt.Sprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", url.PathEscape(namespace), url.PathEscape(account))
	answer, err := cp.Kube().post(ctx, path, request)
	if err != nil {
		return "", fmt.Errorf("get a token of service account %s/%s: %w", namespace, account, err)
	}
	file := cp.dir.File(fmt.Sprintf("%s-%s.kubeconfig", namespace, account))
	return file, cp.writeKubeconfig(file, account, answer.Text("status", "token"))
}

// AuditLog returns the path of the audit log, an audit.k8s.io/v1 Event per line. It needs WithAudit or WithAuditPolicy.
func (cp *ControlPlane) AuditLog() string { return cp.dir.File("audit.log") }

// Stop ends everything that was started for the control plane and removes its directory.
func (cp *ControlPlane) Stop() error {
	if cp.nodes != nil {
		cp.nodes.Stop()
	}
	_ = cp.nodeLog.Close() // there is none without nodes
	// Their store is thrown away, so there is nothing that more patience could save.
	cp.scheduler.Stop(time.Second)
	cp.manager.Stop(time.Second)
	cp.apiserver.Stop(time.Second)
	var errs []error
	if cp.dir != nil {
		errs = append(errs, cp.dir.Remove())
	}
	if cp.kube != nil {
		cp.kube.http.CloseIdleConnections()
	}
	if cp.release != nil {
		errs = append(errs, cp.release())
	}
	return errors.Join(errs...)
}
