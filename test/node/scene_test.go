//go:build linux

package node

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

const (
	cluster    = "edge"
	namespace  = "drover-system" // of the agent, as `drover agent manifest` has it
	agentImage = "drover-agent:test"
	agentUser  = "system:serviceaccount:" + namespace + ":drover-leader"
	patience   = 2 * time.Minute
)

// scene is a cluster of two machines, a hub beside it, and the hub's repository.
type scene struct {
	t        *testing.T
	cp       *testenv.ControlPlane
	machines []*testenv.Machine
	repo     *testenv.GitRepo
	bin      string // directory of drover and drover-agent
	dir      string
	env      []string
	kubectl  string
	hubLog   string
	busPort  int
	manifest string // file of what `drover agent manifest` printed
}

// newScene starts everything but the agent.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, bin: testenv.ProgramsT(t), dir: t.TempDir()}
	bin, err := testenv.Binaries(t.Context(), t.Output(), "kubectl")
	s.must(err)
	s.kubectl = bin["kubectl"]
	s.cp = testenv.ControlPlaneT(t, testenv.WithControllers(), testenv.WithMachines(), testenv.WithAudit())
	for range 2 {
		s.machines = append(s.machines, testenv.MachineT(t, s.cp))
	}
	s.importImages()
	s.repo, err = testenv.NewGitRepo(filepath.Join(s.dir, "repo"))
	s.must(err)
	s.repo.WriteTree(fleetTree)
	s.commit("the first revision")
	s.startHub()
	return s
}

// startHub runs a hub that follows the repository until the test ends.
func (s *scene) startHub() {
	s.t.Helper()
	api, port, err := ports.Pair()
	s.must(err)
	s.busPort = port
	bus := fmt.Sprintf("%s:%d", testenv.EnclosureIP, s.busPort)
	s.env = append(os.Environ(), "DROVER_DATA_DIR="+filepath.Join(s.dir, "data"))
	s.hubLog = filepath.Join(s.dir, "hub.log")
	log, err := os.Create(s.hubLog)
	s.must(err)
	hub := exec.Command(filepath.Join(s.bin, "drover"), "hub", "--repo", s.repo.Dir,
		"--listen", fmt.Sprintf("127.0.0.1:%d", api), "--nats-listen", bus, "--advertise", "tls://"+bus)
	hub.Env, hub.Stdout, hub.Stderr = s.env, log, log
	s.must(hub.Start())
	s.t.Cleanup(func() {
		_ = hub.Process.Kill() // it may have ended
		_ = hub.Wait()
		log.Close()
		if s.t.Failed() {
			text, _ := os.ReadFile(s.hubLog)
			s.t.Logf("what the hub said last:\n%s", text[max(0, len(text)-4000):])
		}
	})
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) commit(message string) {
	s.t.Helper()
	_, err := s.repo.Commit(message)
	s.must(err)
}

// drover runs the command line and returns what it prints, and what it says beside.
func (s *scene) drover(args ...string) (stdout, stderr string, err error) {
	return s.command(filepath.Join(s.bin, "drover"), args...)
}

// kube runs kubectl and returns what it prints; that it fails fails the test.
func (s *scene) kube(args ...string) string {
	s.t.Helper()
	stdout, stderr, err := s.command(s.kubectl, append([]string{"--kubeconfig", s.cp.Kubeconfig}, args...)...)
	if err != nil {
		s.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	if strings.Contains(stderr, "Warning:") && !strings.Contains(stderr, "Immediate deletion") {
		s.t.Errorf("kubectl %s warns: %s", strings.Join(args, " "), stderr)
	}
	return stdout
}

func (s *scene) command(path string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, told bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &out, &told
	err = cmd.Run()
	return out.String(), told.String(), err
}

// within waits until cond holds, and returns how long that took. What cond returns beside is shown when it does not.
func (s *scene) within(limit time.Duration, what string, cond func() (bool, string)) time.Duration {
	s.t.Helper()
	begun := time.Now()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, seen := cond()
		if ok {
			return time.Since(begun)
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("not within %s: %s\nseen: %s\n%s", limit, what, seen, s.story())
		}
	}
}

// story is what people would look at when something is wrong.
func (s *scene) story() string {
	var all strings.Builder
	for _, args := range [][]string{
		{"get", "nodes,pods", "-A", "-o", "wide"},
		{"get", "events", "-A", "--sort-by=.lastTimestamp"},
		{"logs", "-n", namespace, "-l", "app.kubernetes.io/name=drover-agent", "--prefix", "--tail=25"},
	} {
		out, told, _ := s.command(s.kubectl, append([]string{"--kubeconfig", s.cp.Kubeconfig}, args...)...)
		fmt.Fprintf(&all, "--- kubectl %s\n%s%s", strings.Join(args, " "), out, told)
	}
	out, told, _ := s.drover("status", cluster)
	fmt.Fprintf(&all, "--- drover status\n%s%s", out, told)
	return all.String()
}
