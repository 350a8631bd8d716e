package waves

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/simulation"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// scene is a repository, the hub that follows it, and simulated agents of all of its clusters.
type scene struct {
	t       *testing.T
	bin     string
	dir     string
	repo    *testenv.GitRepo
	args    []string // of the hub
	hub     *testenv.Process
	agents  *simulation.Agents
	names   []string // of the clusters
	kills   int
	patient time.Duration
}

// newScene starts the hub, and has the agents of all clusters join.
func newScene(t *testing.T, files map[string]string, names []string, processes int) *scene {
	testenv.NeedT(t)
	s := &scene{t: t, bin: testenv.ProgramsT(t), dir: t.TempDir(), names: names,
		patient: 5*time.Minute + time.Duration(len(names))*30*time.Millisecond}
	var err error
	if s.repo, err = testenv.NewGitRepo(filepath.Join(s.dir, "repo")); err != nil {
		t.Fatal(err)
	}
	s.commit("first", files)
	api, bus := s.port(), s.port()
	s.args = []string{filepath.Join(s.bin, "drover"), "hub", "--repo", s.repo.Dir,
		"--data-dir", filepath.Join(s.dir, "hub"),
		fmt.Sprintf("--listen=127.0.0.1:%d", api), fmt.Sprintf("--nats-listen=127.0.0.1:%d", bus),
		fmt.Sprintf("--advertise=tls://127.0.0.1:%d", bus), "--local-sources"}
	s.start()
	t.Cleanup(func() {
		s.hub.Stop(20 * time.Second)
		if t.Failed() {
			t.Logf("what the hub said last:\n%s", s.hub.Tail(40))
		}
	})
	s.until("the hub has resolved the first commit", func() bool {
		var fleet struct{ Clusters []struct{ Name string } }
		return s.get("/api/v1/clusters", &fleet) == nil && len(fleet.Clusters) == len(names)
	})
	begin := time.Now()
	s.agents, err = simulation.Start(simulation.Options{Bin: s.bin, DataDir: filepath.Join(s.dir, "hub"), Dir: s.dir,
		Processes: processes, Delay: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.agents.Close)
	s.await("have all settled with the first commit", func(seen map[string]simulation.Seen) bool {
		n := 0
		for _, x := range seen {
			if x.Online && x.Settled > 0 {
				n++
			}
		}
		return n == len(names)
	})
	t.Logf("%d agents joined and settled after %s", len(names), time.Since(begin).Round(time.Millisecond))
	return s
}

func (s *scene) port() int {
	s.t.Helper()
	p, err := ports.Free()
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *scene) start() {
	s.t.Helper()
	p, err := testenv.StartProcess("the hub", filepath.Join(s.dir, "hub.log"), nil, s.args...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.hub = p
}

// kill kills the hub without a word, and starts it again.
func (s *scene) kill(when string) {
	s.t.Helper()
	s.hub.Kill()
	s.kills++
	s.t.Logf("the hub was killed %s", when)
	s.start()
}

// commit commits files, and gives the commit.
func (s *scene) commit(message string, files map[string]string) string {
	s.t.Helper()
	for name, text := range files {
		s.repo.Write(name, text)
	}
	id, err := s.repo.Commit(message)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// until waits until something of the hub is so.
func (s *scene) until(what string, is func() bool) {
	s.t.Helper()
	limit := time.After(s.patient)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-s.hub.Done():
			s.t.Fatalf("the hub ended while this was waited for: %s", what)
		case <-limit:
			s.t.Fatalf("not within %s: %s\n%s", s.patient, what, s.state())
		}
	}
}

// state is how the waves stand, for messages.
func (s *scene) state() string {
	out, err := s.drover("rollout")
	if err != nil {
		return err.Error()
	}
	return out
}

// await waits until what the agents saw is so.
func (s *scene) await(what string, is func(map[string]simulation.Seen) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patient)
	defer cancel()
	if err := s.agents.Await(ctx, what, is); err != nil {
		s.t.Fatalf("%v\n%s", err, s.state())
	}
}

// order has the simulated agents follow an order, which is for some of them.
func (s *scene) order(order string, clusters ...string) {
	s.t.Helper()
	if len(clusters) == 0 {
		clusters = []string{"*"}
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patient)
	defer cancel()
	if err := s.agents.Order(ctx, strings.TrimSpace(order+" "+strings.Join(clusters, ","))); err != nil {
		s.t.Fatal(err)
	}
}

// get asks the hub's API.
func (s *scene) get(path string, into any) error {
	var at struct{ URL, Token string }
	data, err := os.ReadFile(filepath.Join(s.dir, "hub", "client.json"))
	if err == nil {
		err = json.Unmarshal(data, &at)
	}
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, at.URL+path, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+at.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	return err
}

// drover runs the command line.
func (s *scene) drover(args ...string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.bin, "drover"), args...)
	cmd.Env = append(os.Environ(), "DROVER_DATA_DIR="+filepath.Join(s.dir, "hub"), "DROVER_HUB=", "DROVER_TOKEN=")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("drover %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), err
}

// wave is how a wave of the policy stands.
type wave struct {
	Name, Target, Reason, Text                 string
	Clusters, Settled, Failed, Budget, Offline int
}

// wave asks how a wave stands. What cannot be asked now, as while the hub starts, is nothing.
func (s *scene) wave(name string) wave {
	var all []struct{ Waves []wave }
	if s.get("/api/v1/rollouts", &all) != nil || len(all) == 0 {
		return wave{}
	}
	for _, w := range all[0].Waves {
		if w.Name == name {
			return w
		}
	}
	return wave{}
}

// stands waits until a wave stands in a way.
func (s *scene) stands(name, what string, is func(wave) bool) wave {
	s.t.Helper()
	var w wave
	s.until("the wave "+name+" "+what, func() bool {
		w = s.wave(name)
		return w.Name != "" && is(w)
	})
	return w
}

// passes waits until a wave has passed a commit.
func (s *scene) passes(name, commit string) {
	s.t.Helper()
	s.stands(name, "passes "+commit[:8], func(w wave) bool {
		return w.Reason == "Passed" && strings.HasPrefix(w.Target, commit[:8])
	})
}
