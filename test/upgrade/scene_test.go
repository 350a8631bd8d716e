package upgrade

import (
	"bytes"
	"encoding/json"
	"errors"
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

// patience is how long something may take that takes seconds on a machine with nothing else to do.
const patience = 90 * time.Second

// scene is a fleet with one hub.
type scene struct {
	t    *testing.T
	cp   *testenv.ControlPlane
	dir  string
	repo *testenv.GitRepo
	hub  *program
	data string
	bin  string // the release of the hub: the drover command is of the same
	// declare are the declarations of a cluster's apps; the chart has text for a value.
	declare func(space, text string) string
	sites
	clusters map[string]*cluster
	revision string // the newest
}

// cluster is one agent with its namespaces.
type cluster struct {
	*scene
	name  string
	user  string // at the API server
	own   string // namespace of its state
	space string // namespace of what it delivers
	agent *program
	bin   string // the release of the agent
	want  tally  // what the audit log has to show
	// killed says that an agent was killed in the middle of a delivery.
	killed bool
}

// newScene makes a repository with a folder for every cluster.
func newScene(t *testing.T, where site, names ...string) *scene {
	t.Helper()
	return newSceneOf(t, where, declarations, names...)
}

// newSceneOf does so with other declarations.
func newSceneOf(t *testing.T, where site, declare func(space, text string) string, names ...string) *scene {
	t.Helper()
	current = testenv.ProgramsT(t)
	s := &scene{t: t, declare: declare, cp: testenv.Shared(t), dir: t.TempDir(), clusters: map[string]*cluster{}}
	var err error
	if s.repo, err = testenv.NewGitRepo(filepath.Join(s.dir, "fleet")); err != nil {
		t.Fatal(err)
	}
	s.data = filepath.Join(s.dir, "data")
	for _, name := range names {
		c := &cluster{scene: s, name: name, user: nextUser(t), want: tally{}}
		c.own, c.space = "own-"+c.user, "space-"+c.user
		s.clusters[name] = c
		namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + c.space + "}\n"
		_, err := s.cp.Kube().Apply(t.Context(), "test", namespace)
		if err != nil {
			t.Fatal(err)
		}
		s.repo.Write("clusters/"+name+"/cluster.yaml", "vars: {space: "+c.space+"}\n")
		s.repo.Write("clusters/"+name+"/apps.yaml", s.declare(c.space, "one"))
	}
	s.repo.WriteTree(apps)
	s.sites = s.open(where)
	args := []string{"hub", "--repo", s.repo.Dir, "--data-dir", s.data, "--listen=" + freeAddress(t)}
	s.hub = newProgram(t, "hub", filepath.Join(s.dir, "hub.log"), append(args, s.hubArgs...)...)
	return s
}

// commit commits what was changed; every cluster has to come to it.
func (s *scene) commit(message string) {
	s.t.Helper()
	var err error
	if s.revision, err = s.repo.Commit(message); err != nil {
		s.t.Fatal(err)
	}
}

// runs starts the hub of a release, or puts it in the place of the one that runs. once are further arguments.
func (s *scene) runs(bin string, once ...string) {
	s.t.Helper()
	s.hub.stop()
	s.bin = bin
	s.hub.start(filepath.Join(bin, "drover"), once...)
	s.until("the hub has resolved a revision", func() error {
		st, err := s.status()
		if err == nil && st.Source.Revision.Hash == "" {
			err = errors.New("it has not")
		}
		return err
	})
	if s.late != nil {
		s.late()
		s.late = nil
	}
}

// drover runs a command of the hub's release and returns what it prints.
func (s *scene) drover(args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.bin, "drover"), args...)
	cmd.Env = append(os.Environ(), "DROVER_DATA_DIR="+s.data, "DROVER_HUB=", "DROVER_TOKEN=")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("drover %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// row is what `drover status -o json` says of a cluster.
type row struct {
	Name, State, Health, Message string
	Synced                       bool
	Generation, Accepted         uint64
	Applied                      struct{ Hash string }
	Agent                        struct{ Version string }
	Held                         []string
}

// status is the answer of `drover status -o json`, as far as it matters here.
type status struct {
	Source struct {
		Revision struct{ Hash string }
		Withheld *struct{ Reason string }
		Error    string
		Problems []string
		Joins    struct{ Former []string }
	}
	Clusters []row
}

func (s *scene) status() (st status, err error) {
	text, err := s.drover("status", "-o", "json")
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal([]byte(text), &st)
}

// row asks how the cluster is.
func (c *cluster) row() (row, error) {
	st, err := c.status()
	if err != nil {
		return row{}, err
	}
	for _, r := range st.Clusters {
		if r.Name == c.name {
			return r, nil
		}
	}
	return row{}, fmt.Errorf("the hub does not know the cluster %s", c.name)
}

// until waits until nothing is wrong any more.
func (s *scene) until(what string, wrong func() error) {
	s.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(200*time.Millisecond)
	defer tick.Stop()
	for {
		err := wrong()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			text, _ := s.drover("status", "-o", "wide")
			s.t.Fatalf("not within %s: %s: %v\n%s", patience, what, err, text)
		}
	}
}

// join starts the agent of a release for the first time, with a join token.
func (c *cluster) join(bin string) {
	c.t.Helper()
	token := filepath.Join(c.dir, c.name+".json")
	c.until("the hub gives a join token", func() error {
		text, err := c.drover("agent", "token", "--cluster", c.name)
		if err != nil {
			return err
		}
		return os.WriteFile(token, []byte(text), 0o600)
	})
	kubeconfig, err := c.cp.UserKubeconfig(c.user)
	if err != nil {
		c.t.Fatal(err)
	}
	c.agent = newProgram(c.t, "agent of "+c.name, filepath.Join(c.dir, c.name+".log"), "--join", token,
		"--kubeconfig", kubeconfig, "--namespace", c.own, "--identity", c.name, "--listen=")
	c.bin = bin
	c.agent.start(filepath.Join(bin, "drover-agent"))
	c.until("the token is used", func() error {
		r, err := c.row()
		if err == nil && r.State != "connected" {
			err = fmt.Errorf("%s is %s", c.name, r.State)
		}
		return err
	})
	if err := os.Remove(token); err != nil { // no cluster joins by hand again
		c.t.Fatal(err)
	}
}

// replace puts an agent of a release in the place of the one that runs.
func (c *cluster) replace(bin string) {
	c.t.Helper()
	c.agent.stop()
	c.revive(bin)
}

// revive starts an agent where none runs.
func (c *cluster) revive(bin string) {
	c.t.Helper()
	c.bin = bin
	c.agent.start(filepath.Join(bin, "drover-agent"))
}

// kill ends the agent without warning.
func (c *cluster) kill() {
	c.killed = true
	c.agent.kill()
}

// delivered waits until every cluster has the newest commit, applied and healthy, by the agent that runs there.
func (s *scene) delivered() {
	s.t.Helper()
	for _, c := range s.clusters {
		c.delivered()
	}
}

func (c *cluster) delivered() {
	c.t.Helper()
	c.until(c.name+" has the newest commit", func() error {
		r, err := c.row()
		switch {
		case err != nil:
			return err
		case r.State != "connected" || !r.Synced || r.Health != "current" ||
			r.Applied.Hash != c.revision || len(r.Held) > 0:
			return fmt.Errorf("%s is %+v, and the newest commit is %s", c.name, r, c.revision)
		}
		// c9a339c may wait for ever for a hook that is being deleted when the next commit comes.
		warm := testenv.Ref{APIVersion: "batch/v1", Kind: "Job", Namespace: c.space, Name: "warm"}
		if _, err := c.cp.Kube().Get(c.t.Context(), warm); !testenv.IsNotFound(err) {
			return fmt.Errorf("%s is there, or not known: %v", warm, err)
		}
		return nil
	})
}

// old says which clusters use a credential of the last release.
func (s *scene) old() (names []string, err error) {
	st, err := s.status()
	return st.Source.Joins.Former, err
}

// moved waits until no cluster uses a credential of the last release any more; a minute is what it may take.
func (s *scene) moved(since time.Time) {
	s.t.Helper()
	s.until("every cluster uses a credential of this release", func() error {
		names, err := s.old()
		if err == nil && len(names) > 0 {
			err = fmt.Errorf("%s do not", strings.Join(names, ", "))
		}
		return err
	})
	if took := time.Since(since); took > time.Minute {
		s.t.Errorf("the clusters needed %s for credentials of this release, which is more than a minute", took)
	} else {
		s.t.Logf("all clusters have credentials of this release after %s", took.Round(time.Millisecond))
	}
}

// judge compares the audit log with what Git asked for, once all of that is done.
func (s *scene) judge() {
	s.t.Helper()
	for _, c := range s.clusters {
		s.until("the audit log has what Git asked for, and nothing else", func() error {
			got := audited(s.t, s.cp, c.user, c.own)
			for key, want := range c.want {
				// The API server may note a request of an agent that was killed as failed although it was done, and the
				// successor may repeat it.
				again := strings.HasPrefix(key, "delete ") && got[key] == want+1
				if c.killed && (again || got[key] == want-1) {
					got[key] = want
				}
			}
			if got.String() != c.want.String() {
				return fmt.Errorf("the agent of %s has done\n%s\nand Git asked for\n%s", c.name, got, c.want)
			}
			return nil
		})
	}
}

// freeAddress is an address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}
