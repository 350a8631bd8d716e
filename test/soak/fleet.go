package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// program is a hub or an agent, which is killed and started again with the same arguments.
type program struct {
	name, log string
	args      []string
	process   *testenv.Process
	asked     atomic.Bool // the soak ended it
}

// start starts the program unless it runs.
func (p *program) start() (err error) {
	if p.process != nil && !p.over() {
		return nil
	}
	p.asked.Store(false)
	p.process, err = testenv.StartProcess(p.name, p.log, nil, p.args...)
	return err
}

func (p *program) over() bool {
	select {
	case <-p.process.Done():
		return true
	default:
		return false
	}
}

// kill ends the program as a crash would.
func (p *program) kill() {
	p.asked.Store(true)
	p.process.Kill()
}

// left says how the program ended by itself; nil if it did not.
func (p *program) left() error {
	if p.process == nil || !p.over() || p.asked.Load() {
		return nil
	}
	return fmt.Errorf("the %s ended by itself (%v):\n%s", p.name, p.process.Err(), p.process.Tail(15))
}

// cluster is a control plane with its agent.
type cluster struct {
	name  string
	plane *testenv.ControlPlane
	agent *program
	audit *auditLog
	down  bool // its API server was stopped
}

func (c *cluster) kube() *testenv.Kube { return c.plane.Kube() }

// fleet is everything that runs.
type fleet struct {
	bin      string
	work     *testenv.TempDir
	git      *testenv.GitRepo
	hub      *program
	dataDir  string
	clusters []*cluster
}

// startFleet makes the control planes, one after the other; log is told what is built.
func startFleet(ctx context.Context, bin string, names []string, log io.Writer) (f *fleet, err error) {
	bin, err = filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"drover", "drover-agent"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return nil, fmt.Errorf("%w: build it with `make build`, or start the soak with `make soak`", err)
		}
	}
	f = &fleet{bin: bin}
	if f.work, err = testenv.NewTempDir("soak"); err != nil {
		return f, err
	}
	if f.git, err = testenv.NewGitRepo(f.work.File("fleet")); err != nil {
		return f, err
	}
	for _, name := range names {
		plane, err := testenv.StartControlPlane(ctx, testenv.WithName(name), testenv.WithLog(log),
			testenv.WithControllers(), testenv.WithNodes(1), testenv.WithUsers(agentUser),
			testenv.WithAuditPolicy(auditPolicy))
		if err != nil {
			return f, err
		}
		audit := &auditLog{cluster: name, path: plane.AuditLog()}
		f.clusters = append(f.clusters, &cluster{name: name, plane: plane, audit: audit})
		namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + space + "}\n"
		if _, err := plane.Kube().Apply(ctx, "soak", namespace); err != nil {
			return f, err
		}
	}
	return f, nil
}

// startHub starts the hub of the repository, which has its first commit.
func (f *fleet) startHub() error {
	api, bus, err := ports.Pair()
	if err != nil {
		return err
	}
	f.dataDir = f.work.File("hub")
	f.hub = &program{name: "hub", log: f.work.File("hub.log"), args: []string{
		filepath.Join(f.bin, "drover"), "hub", "--repo", f.git.Dir, "--data-dir", f.dataDir, "--alias", alias,
		"--poll-interval", "1s", fmt.Sprintf("--listen=127.0.0.1:%d", api),
		fmt.Sprintf("--nats-listen=127.0.0.1:%d", bus), fmt.Sprintf("--advertise=tls://127.0.0.1:%d", bus),
	}}
	return f.hub.start()
}

// join starts the agent of a cluster with a join token.
func (f *fleet) join(ctx context.Context, c *cluster) error {
	var token []byte
	err := poll(ctx, 30*time.Second, func() (err error) {
		token, err = f.drover(ctx, "agent", "token", "--cluster", c.name)
		return err
	})
	if err != nil {
		return err
	}
	file := f.work.File(c.name + ".json")
	if err := os.WriteFile(file, token, 0o600); err != nil {
		return fmt.Errorf("keep the join token of %s: %w", c.name, err)
	}
	port, err := ports.Free()
	if err != nil {
		return err
	}
	kubeconfig, err := c.plane.UserKubeconfig(agentUser)
	if err != nil {
		return err
	}
	c.agent = &program{name: "agent of " + c.name, log: f.work.File(c.name + ".log"), args: []string{
		filepath.Join(f.bin, "drover-agent"), "--join", file, "--kubeconfig", kubeconfig, "--namespace", agentNamespace,
		"--identity", c.name, fmt.Sprintf("--listen=127.0.0.1:%d", port),
	}}
	return c.agent.start()
}

// drover runs the drover command and returns what it prints.
func (f *fleet) drover(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(f.bin, "drover"), args...)
	cmd.Env = append(os.Environ(), "DROVER_DATA_DIR="+f.dataDir, "DROVER_HUB=", "DROVER_TOKEN=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("drover %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// status asks how the fleet is.
func (f *fleet) status(ctx context.Context) (status, error) {
	text, err := f.drover(ctx, "status", "-o", "json")
	if err != nil {
		return status{}, err
	}
	return parseStatus(text)
}

// detail asks how one cluster is.
func (f *fleet) detail(ctx context.Context, name string) (d detail, err error) {
	text, err := f.drover(ctx, "status", name, "-o", "json")
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// live lists the objects of a cluster that carry Drover's label.
func (c *cluster) live(ctx context.Context) (map[Ref]testenv.Object, error) {
	out := map[Ref]testenv.Object{}
	for _, k := range kinds {
		list, err := c.kube().List(ctx, k.version, k.kind, "", url.Values{"labelSelector": {"drover.dev/app"}})
		if err != nil {
			return nil, fmt.Errorf("list %s in %s: %w", k.resource, c.name, err)
		}
		for _, o := range list {
			r := o.Ref()
			if r.Namespace != agentNamespace {
				out[Ref{r.Kind, r.Namespace, r.Name}] = o
			}
		}
	}
	return out, nil
}

// revive starts everything that does not run.
func (f *fleet) revive(ctx context.Context) error {
	for _, c := range f.clusters {
		if c.down {
			if err := c.plane.StartAPIServer(ctx); err != nil {
				return err
			}
			c.down = false
		}
	}
	if err := f.hub.start(); err != nil {
		return err
	}
	for _, c := range f.clusters {
		if err := c.agent.start(); err != nil {
			return err
		}
	}
	return nil
}

// left says which program ended by itself.
func (f *fleet) left() error {
	errs := []error{f.hub.left()}
	for _, c := range f.clusters {
		errs = append(errs, c.agent.left())
	}
	return errors.Join(errs...)
}

// stop ends everything and removes what was made.
func (f *fleet) stop() error {
	if f == nil || f.work == nil {
		return nil
	}
	for _, c := range f.clusters {
		if c.agent != nil {
			c.agent.process.Stop(2 * time.Second)
		}
	}
	if f.hub != nil {
		f.hub.process.Stop(3 * time.Second)
	}
	var errs []error
	for _, c := range f.clusters {
		errs = append(errs, c.plane.Stop())
	}
	return errors.Join(append(errs, f.work.Remove())...)
}

// poll calls do until it returns nil, or limit has passed: its last error is returned then.
func poll(ctx context.Context, limit time.Duration, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
