package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// agentNamespace is where an agent keeps what it knows.
const agentNamespace = "drover-system"

// cluster is one cluster: its control plane, and its agent once it has one.
type cluster struct {
	name  string
	plane *testenv.ControlPlane
	agent *process
}

// startCluster starts the control plane of a cluster, with what makes Deployments ready.
func startCluster(ctx context.Context, name string, log io.Writer) (*cluster, error) {
	plane, err := testenv.StartControlPlane(ctx, testenv.WithName(name), testenv.WithLog(log),
		testenv.WithControllers(), testenv.WithNodes(3), testenv.WithAudit())
	if err != nil {
		return nil, err
	}
	return &cluster{name: name, plane: plane}, nil
}

func (c *cluster) kube() *testenv.Kube { return c.plane.Kube() }

// production says whether the cluster is one of production's.
func (c *cluster) production() bool { return strings.HasPrefix(c.name, "production-") }

// region is the region that the cluster's folder names.
func (c *cluster) region() string {
	if c.production() {
		return strings.TrimPrefix(c.name, "production-")
	}
	return "us-east-1"
}

// join gives the cluster its agent: a join token from the hub, and a process with it.
func (c *cluster) join(ctx context.Context, w *testenv.TempDir, h *hub, ended func(*process)) error {
	token, err := h.drover(ctx, "agent", "token", "--cluster", c.name)
	if err != nil {
		return err
	}
	file := w.File(c.name + ".json")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return fmt.Errorf("keep the join token of %s: %w", c.name, err)
	}
	port, err := ports.Free()
	if err != nil {
		return err
	}
	c.agent, err = start("agent of "+c.name, w.File(c.name+".log"), ended, filepath.Join(h.bin, "drover-agent"), "--join", file,
		"--kubeconfig", c.plane.Kubeconfig, "--namespace", agentNamespace, "--identity", c.name, fmt.Sprintf("--listen=127.0.0.1:%d", port))
	return err
}

// The objects of the two apps.
var (
	paymentDeployment = testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "payments", Name: "payment-service"}
	paymentConfig     = testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "payments", Name: "payment-service"}
	paymentService    = testenv.Ref{APIVersion: "v1", Kind: "Service", Namespace: "payments", Name: "payment-service"}
	pageDeployment    = testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "status", Name: "status-page"}
	pageConfig        = testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "status", Name: "page"}
	pageNotice        = testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "status", Name: "notice"}
)

// versions are the versions of objects: their generation or, where they have none, their resource version.
type versions map[testenv.Ref]string

// versions looks at objects. A Deployment's resource version moves with its pods, its generation only with its
// specification.
func (c *cluster) versions(ctx context.Context, refs ...testenv.Ref) (versions, error) {
	v := versions{}
	for _, ref := range refs {
		o, err := c.kube().Get(ctx, ref)
		if err != nil {
			return nil, err
		}
		if v[ref] = o.Text("metadata", "resourceVersion"); o.Number("metadata", "generation") > 0 {
			v[ref] = fmt.Sprintf("generation %d", o.Number("metadata", "generation"))
		}
		v[ref] += " of " + o.Text("metadata", "uid")
	}
	return v, nil
}

// still says which objects are no longer as they were.
func (c *cluster) still(ctx context.Context, were versions) error {
	for ref, was := range were {
		now, err := c.versions(ctx, ref)
		if err != nil {
			return err
		}
		if now[ref] != was {
			return &disappointment{c.name + ", " + ref.String(), "untouched, at " + was, now[ref]}
		}
	}
	return nil
}

// asked counts what the agent has asked of its API server, as the audit log has it, its own Lease aside. What we ask counts
// too, for we are the same administrator.
func (c *cluster) asked() (testenv.Requests, error) {
	users, err := c.plane.Requests()
	if err != nil {
		return nil, err
	}
	asked := users["admin"]
	maps.DeleteFunc(asked, func(r testenv.Request, _ int) bool { return r.Resource == "leases" })
	return asked, nil
}
