package testenv

import (
	"io"
	"os"
)

// Option changes how a server is started.
type Option func(*options)

// options are the choices of one start. Each start reads those that concern it.
type options struct {
	log         io.Writer
	name        string
	etcd        *Etcd
	fsync       bool
	controllers bool
	nodes       int
	audit       bool
	auditPolicy string
	users       []string
	machines    bool
	env         []string
}

// newOptions applies opts to the defaults.
func newOptions(opts []Option) options {
	o := options{log: os.Stderr, auditPolicy: auditPolicy}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithLog has the building of missing programs told to w instead of standard error.
func WithLog(w io.Writer) Option { return func(o *options) { o.log = w } }

// WithName names a control plane; without it they are called cp-1, cp-2 and so on.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// WithEtcd keeps a control plane's objects in e, which the caller stops. Without it all control planes of the process
// share an etcd that starts with the first of them and ends with the last.
func WithEtcd(e *Etcd) Option { return func(o *options) { o.etcd = e } }

// WithFsync has etcd wait for its disk at every write, as it does in real life. Tests do without, because they lose
// nothing that they would want to find again; measurements should not.
func WithFsync() Option { return func(o *options) { o.fsync = true } }

// WithControllers starts a kube-controller-manager, so that Deployments make pods, owners take what they own with them
// and a deleted namespace goes away. It costs about a hundred megabytes.
func WithControllers() Option { return func(o *options) { o.controllers = true } }

// WithNodes adds n nodes that run pods without containers; see Nodes. Most want WithControllers beside it.
func WithNodes(n int) Option { return func(o *options) { o.nodes = n } }

// WithAudit has the API server write down who asked for what; see ControlPlane.Requests.
func WithAudit() Option { return func(o *options) { o.audit = true } }

// WithAuditPolicy is WithAudit with a policy of the caller's, YAML: ControlPlane.AuditLog names the file.
func WithAuditPolicy(policy string) Option {
	return func(o *options) { o.audit, o.auditPolicy = true, policy }
}

// forTests has servers that live for a few minutes collect their garbage seldom: it saves a third of their processor
// time, for memory.
func forTests(o *options) { o.env = []string{"GOGC=400", "GOMEMLIMIT=1GiB"} }

// WithUsers adds administrators of these names, whom an audit policy may name; others have no need of it, see
// ControlPlane.UserKubeconfig.
func WithUsers(names ...string) Option {
	return func(o *options) { o.users = append(o.users, names...) }
}

// WithMachines makes a control plane to which StartMachine adds nodes that run containers: it listens at EnclosureIP, has
// a kube-scheduler, lets kubelets do what they may, and takes for lost the nodes that are no longer heard of. It works in
// an enclosure only, and goes with WithControllers, not with WithNodes.
func WithMachines() Option { return func(o *options) { o.machines = true } }
