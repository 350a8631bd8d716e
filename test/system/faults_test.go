package system

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv"
)

// scene is one cluster with everything around it as processes of their own: API server, NATS, hub and agent.
type scene struct {
	t     *testing.T
	cp    *testenv.ControlPlane
	nats  *testenv.NATS
	repo  *testenv.GitRepo
	hub   *process
	agent *process
	env   []string
	bin   string
	more  int // objects of each app that are always there, beside one
}

func newScene(t *testing.T) *scene { return newSceneWith(t, 0) }

func newSceneWith(t *testing.T, more int) *scene {
	testenv.NeedT(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s := &scene{t: t, more: more, bin: testenv.ProgramsT(t), cp: testenv.ControlPlaneT(t)}
	dir := t.TempDir()
	s.env = []string{"DROVER_DATA_DIR=" + filepath.Join(dir, "data")}
	var err error
	if s.repo, err = testenv.NewGitRepo(filepath.Join(dir, "repo")); err != nil {
		t.Fatal(err)
	}
	for _, app := range []string{"one", "two", "three"} {
		s.repo.Write("clusters/edge/"+app+".yaml", appFile(app))
	}
	s.write(0)
	s.drover("hub", "nats-config", "--node", "bus=127.0.0.1", "--out", dir)
	bus := filepath.Join(dir, "bus")
	config, err := os.ReadFile(filepath.Join(bus, "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	// It is not started in its folder, and its streams are where testenv has them.
	here := strings.NewReplacer(`jetstream: { store_dir: "./jetstream" }`, "jetstream {}", `"./`, `"`+bus+`/`)
	s.nats = testenv.NATST(t, here.Replace(string(config)))
	s.hub = start(t, s.env, filepath.Join(s.bin, "drover"), "hub", "--repo", s.repo.Dir, "--nats-url", s.nats.URL,
		"--listen", freeAddr(t), "--poll-interval", "1s")
	token := filepath.Join(dir, "edge.json")
	s.poll("the hub knows the cluster", func() (bool, string) {
		out, err := s.try("agent", "token", "--cluster", "edge")
		if err != nil {
			return false, out
		}
		return os.WriteFile(token, []byte(out), 0o600) == nil, ""
	})
	if _, err := s.cp.Kube().Apply(ctx, "test", "apiVersion: v1\nkind: Namespace\nmetadata: {name: edge}\n"); err != nil {
		t.Fatal(err)
	}
	s.agent = start(t, nil, filepath.Join(s.bin, "drover-agent"), "--join", token, "--kubeconfig", s.cp.Kubeconfig,
		"--listen", freeAddr(t))
	return s
}

// write makes revision n of the apps: one object that is in all of them, one that changes, and two that come and go.
func (s *scene) write(n int) {
	s.t.Helper()
	for _, app := range []string{"one", "two", "three"} {
		text := ""
		for _, name := range s.objects(app, n) {
			text += fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: edge}\ndata: {revision: \"%d\"}\n", name, n)
		}
		s.repo.Write("apps/"+app+"/objects.yaml", text)
	}
	if _, err := s.repo.Commit(fmt.Sprintf("revision %d", n)); err != nil {
		s.t.Fatal(err)
	}
}

func appFile(app string) string {
	return fmt.Sprintf("apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: %s}\nspec: {path: apps/%s}\n", app, app)
}

// objects are the names of an app's objects at revision n.
func objects(app string, n int) []string {
	return []string{app + "-always", fmt.Sprintf("%s-odd-%d", app, n%2), fmt.Sprintf("%s-third-%d", app, n%3)}
}

// objects are the names of an app's objects at revision n, with those that are always there.
func (s *scene) objects(app string, n int) []string {
	out := objects(app, n)
	for i := range s.more {
		out = append(out, fmt.Sprintf("%s-%d-always", app, i))
	}
	return out
}

// settled says whether the cluster holds exactly revision n, and the hub says so too.
func (s *scene) settled(n int) (bool, string) {
	got := s.revisions()
	want := 0
	for _, app := range []string{"one", "two", "three"} {
		for _, name := range s.objects(app, n) {
			want++
			if got[name] != fmt.Sprint(n) {
				return false, fmt.Sprintf("%s is at revision %q, not %d; the cluster has %v", name, got[name], n, got)
			}
		}
	}
	if len(got) != want {
		return false, fmt.Sprintf("%d objects instead of %d: %v", len(got), want, got)
	}
	out, err := s.try("status", "--exit-code")
	return err == nil, out
}

// revisions are the revisions that the cluster's objects are at, by name.
func (s *scene) revisions() map[string]string {
	list, err := s.cp.Kube().List(s.t.Context(), "v1", "ConfigMap", "edge", url.Values{"labelSelector": {"drover.dev/app"}})
	if err != nil {
		return map[string]string{"the API server": err.Error()} // it may have been killed
	}
	got := map[string]string{}
	for _, o := range list {
		got[o.Text("metadata", "name")] = o.Text("data", "revision")
	}
	return got
}

func (s *scene) poll(what string, cond func() (bool, string)) {
	s.t.Helper()
	deadline := time.After(race.Patience(90 * time.Second))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, seen := cond()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			status, _ := s.try("status", "edge")
			s.t.Fatalf("not within 90 s: %s\nseen: %s\n%s", what, seen, status)
		}
	}
}

func (s *scene) drover(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("drover %v: %v\n%s", args, err, out)
	}
	return out
}

func (s *scene) try(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(s.bin, "drover"), args...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Whatever is killed, and whenever: started again, it ends in the state that Git asks for, and nothing was deleted that
// Git has.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := newSceneWith(t, 7) // a revision takes away 6 of 30 objects, so nothing of it is held
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	before := s.identities()
	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	victims := []struct {
		name  string
		kill  func()
		start func()
	}{
		{"hub", s.hub.kill, s.hub.start},
		{"agent", s.agent.kill, s.agent.start},
		{"NATS", s.nats.Kill, func() {
			if err := s.nats.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		{"the API server", s.cp.StopAPIServer, func() {
			if err := s.cp.StartAPIServer(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	}
	n := 0
	for round := range 3 {
		for _, v := range victims {
			n++
			if round == 0 { // it is away while the commit is made
				v.kill()
				s.write(n)
			} else { // it dies somewhere on the way
				s.write(n)
				wait := time.Duration(rng.Int64N(int64(60 * time.Millisecond)))
				<-time.After(wait) // not to wait for anything: to die at some other moment each time
				t.Logf("revision %d: %s dies after %s", n, v.name, wait)
				v.kill()
			}
			v.start()
			s.poll(fmt.Sprintf("revision %d after %s was killed", n, v.name), func() (bool, string) { return s.settled(n) })
		}
	}
	for name, uid := range s.identities() {
		if strings.HasSuffix(name, "-always") && before[name] != uid {
			t.Errorf("%s was deleted and made again, though Git always had it", name)
		}
	}
}

// identities are the UIDs of the ConfigMaps, by name.
func (s *scene) identities() map[string]string {
	s.t.Helper()
	list, err := s.cp.Kube().List(s.t.Context(), "v1", "ConfigMap", "edge", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, o := range list {
		out[o.Text("metadata", "name")] = o.Text("metadata", "uid")
	}
	return out
}

// What cannot be read in a cluster's folder is not taken for gone: nothing of it is deleted, and what can be read goes on.
func TestWhatCannotBeReadIsNotDeleted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	before := s.identities()

	s.repo.Write("clusters/edge/one.yaml", "apiVersion: drover.dev/v1alpha1\n  kind: [App\n")
	s.repo.Write("clusters/edge/two.yaml", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: two}\nspec: {path: apps/nowhere}\n")
	s.write(1)
	s.poll("the app that can be read at the new revision, and the others as they were", func() (bool, string) {
		list := s.revisions()
		for _, name := range objects("three", 1) {
			if list[name] != "1" {
				return false, fmt.Sprint(list)
			}
		}
		for _, app := range []string{"one", "two"} {
			for _, name := range objects(app, 0) {
				if list[name] != "0" {
					return false, fmt.Sprint(list)
				}
			}
		}
		out, _ := s.try("status", "edge")
		return strings.Contains(out, "clusters/edge/one.yaml:2") && strings.Contains(out, "clusters/edge/two.yaml:4"), out
	})
	if _, err := s.try("status", "--exit-code"); err == nil {
		t.Error("status has no bad news")
	}

	for _, app := range []string{"one", "two"} {
		s.repo.Write("clusters/edge/"+app+".yaml", appFile(app))
	}
	s.write(2)
	s.poll("everything at the mended revision", func() (bool, string) { return s.settled(2) })
	for name, uid := range s.identities() {
		if strings.HasSuffix(name, "-always") && before[name] != uid {
			t.Errorf("%s was deleted and made again", name)
		}
	}
}
