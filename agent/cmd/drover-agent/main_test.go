package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/internal/deptest"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithControllers(), testenv.WithNodes(1), testenv.WithAudit())
}

// heavy is what the agent never links, and why.
var heavy = map[string]string{
	"k8s.io/api":                                   "the typed API triples the binary",
	"k8s.io/client-go/discovery":                   "it pulls in the typed API",
	"k8s.io/client-go/restmapper":                  "it pulls in the typed API",
	"k8s.io/client-go/dynamic":                     "it brings caches that nobody asks for",
	"k8s.io/client-go/kubernetes":                  "the typed API triples the binary",
	"k8s.io/client-go/informers":                   "it pulls in the typed API",
	"github.com/go-git/go-git":                     "only the hub reads Git",
	"sigs.k8s.io/kustomize":                        "only the hub renders",
	"helm.sh/helm":                                 "only the hub renders",
	"google.golang.org/grpc":                       "plugins are hosted by a program of their own",
	"github.com/hashicorp/go-plugin":               "plugins are hosted by a program of their own",
	"github.com/nats-io/nats-server":               "only the hub serves",
	"github.com/nats-io/jwt":                       "only the hub issues credentials",
	"github.com/drover-dev/drover/hub":             "hub and agent never import each other",
	"github.com/drover-dev/drover/test":            "nothing imports tests",
	"github.com/drover-dev/drover/agent/agenttest": "only tests may",
}

func TestLinksNothingHeavy(t *testing.T) {
	t.Parallel()
	deptest.Ban(t, ".", heavy)
}

// TestBinaryContainsNoHeavyModule reads what the linker recorded, whatever go.mod or a workspace allows.
func TestBinaryContainsNoHeavyModule(t *testing.T) {
	t.Parallel()
	info, err := buildinfo.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) < 10 {
		t.Fatalf("the agent contains %d modules", len(info.Deps))
	}
	for _, m := range info.Deps {
		for path, why := range heavy {
			if m.Path == path || strings.HasPrefix(m.Path, path+"/") {
				t.Errorf("the agent contains %s: %s", m.Path, why)
			}
		}
	}
}

const maxBinary = 15 << 20

func TestBinaryIsSmall(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("stripped, the agent has %.1f MB", float64(info.Size())/1e6)
	if info.Size() > maxBinary {
		t.Errorf("the agent has %d bytes, more than %d: see what it links with go list -deps", info.Size(), maxBinary)
	}
}

// built is the program, once a test has needed it.
var built struct {
	sync.Mutex
	path string
}

// binary builds the program as it is released, once, unless $DROVER_BIN has it.
func binary(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("DROVER_BIN"); dir != "" {
		return filepath.Join(dir, "drover-agent")
	}
	built.Lock()
	defer built.Unlock()
	if built.path != "" {
		return built.path
	}
	dir, err := testenv.NewTempDir("drover-agent")
	if err != nil {
		t.Fatal(err)
	}
	testenv.AtEnd(dir.Remove)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir.File("drover-agent"), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, out)
	}
	built.path = dir.File("drover-agent")
	return built.path
}

// image is what an agent of these tests is told that it was started from.
const image = "example.com/drover-agent:v9"

// process is an agent in a process of its own.
type process struct {
	cmd  *exec.Cmd
	log  *logged
	done chan error
}

// start runs the program against cp until the test ends. To the API server it is the user namespace.
func start(t *testing.T, cp *testenv.ControlPlane, hub *agenttest.Hub, namespace, identity string, more ...string) *process {
	t.Helper()
	kubeconfig, err := cp.UserKubeconfig(namespace)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{log: &logged{}, done: make(chan error, 1)}
	p.cmd = exec.Command(binary(t), append([]string{"--join", hub.TokenFile(t), "--kubeconfig", kubeconfig, "--namespace", namespace,
		"--identity", identity, "--listen", ""}, more...)...)
	p.cmd.Env = append(os.Environ(), "DROVER_IMAGE="+image)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.kill(t)
		if t.Failed() {
			t.Logf("%s logged:\n%s", identity, p.log)
		}
	})
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Kill() // it may have ended
	err := <-p.done
	p.done <- err
}

// stop ends it in order, and says how long that took.
func (p *process) stop(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := <-p.done
	p.done <- err
	if err != nil {
		t.Errorf("the agent ended with %v", err)
	}
	return time.Since(begin)
}

func configMap(namespace, name, value string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":%q},"data":{"key":%q}}`, name, namespace, value)
}

func mapRef(namespace, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name}
}

func TestProcessAppliesAndEndsInOrder(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	p := start(t, cp, hub, ns, "one")
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	if took := p.stop(t); took > 2*time.Second {
		t.Errorf("the agent took %s to end", took)
	}
	lease, err := cp.Kube().Get(t.Context(), leaseRef(ns))
	if err != nil || lease.Text("spec", "holderIdentity") != "" {
		t.Errorf("the lease is %s (%v)", lease, err)
	}
}

func leaseRef(ns string) testenv.Ref {
	return testenv.Ref{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: ns, Name: "drover-agent"}
}

// Killed at any moment and started again, an agent ends where the newest bundle says, owns what it applied, and
// never shows an older bundle again.
func TestSurvivesBeingKilled(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	const rounds, size = 12, 40
	var last protocol.Bundle
	for round := range rounds {
		p := start(t, cp, hub, ns, "killed")
		var a, b []string
		for i := range size {
			if object := configMap(ns, fmt.Sprintf("map-%d", i), fmt.Sprint(round)); (i+round)%3 != 0 {
				a = append(a, object)
			} else if (i+round)%2 == 0 {
				b = append(b, object) // some move to and fro, some come and go
			}
		}
		last = hub.Bundle(hub.App(t, "a", a...), hub.App(t, "b", b...))
		hub.Publish(t, last)
		time.Sleep(time.Duration(round*37%250+20) * time.Millisecond) // the moment is the point
		p.kill(t)
	}
	start(t, cp, hub, ns, "killed")
	hub.Healthy(t, last)
	want := map[string]bool{}
	for i := range size {
		if round := rounds - 1; (i+round)%3 != 0 || (i+round)%2 == 0 {
			want[fmt.Sprintf("map-%d", i)] = true
		}
	}
	for i := range size {
		name := fmt.Sprintf("map-%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), race.Patience(90*time.Second))
		defer cancel()
		if err := cp.Kube().Wait(ctx, mapRef(ns, name), "as the last bundle says", func(o testenv.Object) bool {
			return want[name] == (o != nil) && (o == nil || o.Text("data", "key") == fmt.Sprint(rounds-1))
		}); err != nil {
			t.Error(err)
		}
	}
}

// broken are Deployments whose image cannot be pulled.
func broken(namespace string, size int) (objects []string) {
	for i := range size {
		objects = append(objects, fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web-%[1]d","namespace":%[2]q},"spec":{"selector":{"matchLabels":{"app":"web-%[1]d"}},
			"template":{"metadata":{"labels":{"app":"web-%[1]d"}},"spec":{"containers":[{"name":"main","image":"registry.invalid/app:1"}]}}}}`, i, namespace))
	}
	return objects
}

// What an agent costs that has nothing to do, and that has had to do with broken workloads before.
func TestRestsLightly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	cp := testenv.Shared(t)
	for _, size := range []int{51, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			ns := testenv.NamespaceT(t, cp)
			hub := agenttest.NewHub(t, "east-1")
			p := start(t, cp, hub, ns, "resting")
			objects := make([]string, size)
			for i := range objects {
				objects[i] = configMap(ns, fmt.Sprintf("map-%d", i), strings.Repeat("x", 300))
			}
			hub.Publish(t, hub.Bundle(hub.App(t, "broken", broken(ns, 20)...), hub.App(t, "web", objects...)))
			hub.Report(t, "why all is broken", func(r protocol.Report) bool {
				known := 0
				for _, p := range agenttest.AppOf(r, "broken").Problems {
					if strings.Contains(p.Message, "cannot be pulled") {
						known++
					}
				}
				return known == 20
			})
			hub.Apply(t, hub.App(t, "web", objects...))
			time.Sleep(10 * time.Second) // rest is what is measured
			requests, cpu := agentRequests(t, cp, ns), cpuTime(t, p)
			time.Sleep(20 * time.Second)
			spent := cpuTime(t, p) - cpu
			t.Logf("%d objects: %.1f MiB resident (%.1f MiB of it memory of its own), %.2f mCPU", size, status(t, p, "VmRSS:"), status(t, p, "RssAnon:"), spent.Seconds()/20*1000)
			if rss := status(t, p, "VmRSS:"); rss > 24 {
				t.Errorf("the agent has %.1f MiB at rest, more than 24", rss)
			}
			if got := agentRequests(t, cp, ns) - requests; got != 0 {
				t.Errorf("%d requests at rest, want 0", got)
			}
		})
	}
}

// agentRequests counts what the agent with its state in a namespace has asked of the API server.
func agentRequests(t *testing.T, cp *testenv.ControlPlane, ns string) int {
	t.Helper()
	requests, err := cp.RequestsOf(ns)
	if err != nil {
		t.Fatal(err)
	}
	return requests.Total(testenv.Verb("APPLY", "WATCH", "LIST", "CREATE", "UPDATE", "DELETE"))
}

// status reads a line of /proc/PID/status, in MiB.
func status(t *testing.T, p *process, key string) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			var kib float64
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatal(err)
			}
			return kib / 1024
		}
	}
	t.Fatalf("no %s in the status", key)
	return 0
}

// cpuTime is what a process has used.
func cpuTime(t *testing.T, p *process) time.Duration {
	t.Helper()
	var ns int64
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var n int64
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", p.cmd.Process.Pid, e.Name()))
		if err != nil {
			continue // the thread ended
		}
		if _, err := fmt.Sscan(string(data), &n); err == nil {
			ns += n
		}
	}
	return time.Duration(ns)
}

// Who waits to lead holds nothing.
func TestWaitsLightly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	start(t, cp, hub, ns, "leader")
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	waiting := start(t, cp, hub, ns, "waiting")
	time.Sleep(8 * time.Second) // rest is what is measured: it gives memory back when it has waited for three
	rss, anon := status(t, waiting, "VmRSS:"), status(t, waiting, "RssAnon:")
	t.Logf("waiting: %.1f MiB resident (%.1f MiB of it memory of its own)", rss, anon)
	if rss > 12 {
		t.Errorf("who waits has %.1f MiB, more than 12", rss)
	}
	over := start(t, cp, hub, ns, "over", "--take-over")
	hub.Nth(t, protocol.EventStarted, 1)
	hub.Report(t, "the one who took over", func(r protocol.Report) bool { return r.Agent.Identity == "over" })
	over.stop(t)
	hub.Report(t, "one of the others", func(r protocol.Report) bool { return r.Agent.Identity != "over" })
}
