package bench

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"time"

	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// fleet is a repository with a hub that follows it, and the clusters of it that are real.
type fleet struct {
	bench   *bench
	name    string // of the measure
	dir     string
	repo    *repository
	hub     *hub
	closers []func()
}

// newFleet makes the repository, and starts a hub that has resolved it within limit.
func (b *bench) newFleet(ctx context.Context, name string, t tree, limit time.Duration) (f *fleet, err error) {
	f = &fleet{bench: b, name: name, dir: filepath.Join(b.dir, name)}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return f, err
	}
	f.closers = append(f.closers, func() { _ = os.RemoveAll(f.dir) }) // or the removal of all does it
	if f.repo, err = newRepository(filepath.Join(f.dir, "repo"), t); err != nil {
		return f, err
	}
	head, err := f.repo.git.Head()
	if err != nil {
		return f, err
	}
	if f.hub, err = startHub(b.opts.Bin, f.dir, f.repo.git.Dir); err != nil {
		return f, err
	}
	f.closers = append(f.closers, func() { f.hub.stop() }) // whichever it is by then
	begin := time.Now()
	return f, f.hub.awaitRevision(ctx, head, limit, func() {
		b.said.then(name, "the hub resolves %d files for the first time, %.0f s so far", len(t), time.Since(begin).Seconds())
	})
}

// close ends everything, last first.
func (f *fleet) close() {
	for i := len(f.closers) - 1; i >= 0; i-- {
		f.closers[i]()
	}
	f.closers = nil
}

// agentNamespace is the agent's, and agentAccounts are those of the leader: the pods' own account gets no token of it
// without a node. Up to c9a339c the agent had one account, which the bench uses to measure that release.
const agentNamespace = "drover-system"

var agentAccounts = [...]string{"drover-leader", "drover-agent"}

// cluster is a real cluster of a fleet: a control plane, its agent, and a session that hears what the agent hears.
type cluster struct {
	name       string
	plane      *testenv.ControlPlane
	client     *client
	agent      *process
	beside     *session
	kubeconfig string   // the agent's: with the rights that the manifest gives it
	user       string   // as which the agent reaches the API server
	args       []string // of the agent
}

// raise starts a control plane for one of the fleet's clusters, installs the agent as the manifest says, and starts it
// as a process with its service account's rights.
func (f *fleet) raise(ctx context.Context, name string, opts ...testenv.Option) (*cluster, error) {
	opts = append(opts, testenv.WithName(name), testenv.WithEtcd(f.bench.etcd), testenv.WithLog(f.bench.opts.Progress))
	plane, err := testenv.StartControlPlane(ctx, opts...)
	if err != nil {
		return nil, err
	}
	f.closers = append(f.closers, func() { _ = plane.Stop() }) // its data is thrown away
	c := &cluster{name: name, plane: plane, client: newClient(plane)}
	if f.bench.kubernetes, err = version(ctx, plane); err != nil {
		return nil, err
	}
	manifest, token, err := f.hub.manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := plane.Kube().Apply(ctx, "bench", manifest); err != nil {
		return nil, err
	}
	for _, account := range agentAccounts {
		c.user = "system:serviceaccount:" + agentNamespace + ":" + account
		if c.kubeconfig, err = plane.ServiceAccountKubeconfig(ctx, agentNamespace, account); !testenv.IsNotFound(err) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	file := filepath.Join(f.dir, name+".json")
	if err := os.WriteFile(file, token, 0o600); err != nil {
		return nil, err
	}
	c.args = []string{filepath.Join(f.bench.opts.Bin, "drover-agent"), "--join", file, "--kubeconfig", c.kubeconfig,
		"--namespace", agentNamespace, "--listen="}
	if c.agent, err = f.startAgent(c, name); err != nil {
		return nil, err
	}
	known, err := c.credential(ctx)
	if err != nil {
		return nil, err
	}
	if c.beside, err = listen(known); err != nil {
		return nil, err
	}
	f.closers = append(f.closers, c.beside.close)
	return c, nil
}

// credential is what the cluster's agent has bought with its token, once it has.
func (c *cluster) credential(ctx context.Context) (protocol.Credential, error) {
	ref := testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: agentNamespace, Name: "drover-credential"}
	var known protocol.Credential
	err := c.plane.Kube().Wait(ctx, ref, "bought by the agent", func(o testenv.Object) bool {
		data, err := base64.StdEncoding.DecodeString(o.Text("data", "credential.json"))
		if err == nil {
			known, err = protocol.DecodeCredential(data)
		}
		return err == nil
	})
	return known, err
}

// startAgent starts an agent of a cluster. The first leads; others wait.
func (f *fleet) startAgent(c *cluster, identity string) (*process, error) {
	p, err := startProcess("the agent "+identity, filepath.Join(f.dir, identity+".log"), append(c.args, "--identity", identity)...)
	if err == nil {
		f.closers = append(f.closers, p.stop)
	}
	return p, err
}

// settled waits until the hub says that so many objects of a cluster are applied; and healthy, if healthy is set.
func (f *fleet) settled(ctx context.Context, c *cluster, objects int, healthy bool) error {
	return f.hub.until(ctx, "hear that "+c.name+" is as it should be", 3*patience, func() (bool, error) {
		r, err := f.hub.cluster(ctx, c.name)
		if err != nil {
			return false, err
		}
		f.bench.said.then(f.name, "%s: %s, %s, %d of %d objects healthy %s", c.name, r.State, r.Health, r.Objects.Good, r.Objects.All, r.Message)
		if err := c.agent.ended(); err != nil {
			return false, err
		}
		return r.Synced && r.Objects.All == objects && r.applied() && (!healthy || r.Health == "current"), nil
	})
}
