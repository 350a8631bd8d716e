package soak

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// act is an operation beside Git.
func act(name string, weight int, calm bool, do func(ctx context.Context, s *soak, r *rand.Rand) error) op {
	return op{name, weight, calm, func(ctx context.Context, s *soak, r *rand.Rand) error {
		s.acts++
		return do(ctx, s, r)
	}}
}

// faults are edits of live objects, and what is killed and lost.
func faults() []op {
	return []op{
		act("live-edit", 6, false, liveEdit),
		act("live-edit-secret", 4, false, liveEditSecret),
		act("live-delete", 6, false, liveDelete),
		act("kill-hub", 4, false, killHub),
		act("kill-agent", 4, false, killAgent),
		act("leader-changed", 4, false, leaderChanged),
		act("kill-while-delivering", 6, false, killDelivering),
		act("hub-away-for-commits", 4, false, hubAway),
		act("agent-away-for-commits", 4, false, agentAway),
		act("api-server-killed", 3, false, apiServerKilled),
		act("store-lost", 4, false, loseStore),
		act("store-lost-during-commit", 4, false, loseStoreDuringCommit),
		act("bus-lost", 3, false, loseBus),
		act("data-directory-put-back", 2, true, putBack),
		act("state-lost", 3, true, func(ctx context.Context, s *soak, r *rand.Rand) error {
			_, err := loseState(ctx, s, r)
			return err
		}),
		act("state-lost-during-commit", 3, true, loseStateDuringCommit),
		act("rotate", 4, false, rotate),
		act("rotate-and-restart", 3, false, rotateRestart),
	}
}

// member draws a cluster.
func (s *soak) member(r *rand.Rand) *cluster { return s.fleet.clusters[r.IntN(len(s.fleet.clusters))] }

// member of a name.
func (s *soak) named(name string) *cluster {
	for _, c := range s.fleet.clusters {
		if c.name == name {
			return c
		}
	}
	return s.fleet.clusters[0]
}

// victim draws a light object that a cluster is to have, of a kind if one is named.
func (s *soak) victim(r *rand.Rand, kind string) (*cluster, Ref, error) {
	c := s.member(r)
	ask := s.ledger.now().Asks[c.name]
	var all []Ref
	for _, ref := range sorted(ask.wanted()) {
		if light(ref) && (kind == "" || ref.Kind == kind) {
			all = append(all, ref)
		}
	}
	if ask.Frozen || len(all) == 0 {
		return nil, Ref{}, errSkip
	}
	return c, all[r.IntN(len(all))], nil
}

func liveEdit(ctx context.Context, s *soak, r *rand.Rand) error {
	c, ref, err := s.victim(r, "ConfigMap")
	if err != nil {
		return err
	}
	patches := []string{
		`{"data":{"value":"edited"}}`, `{"data":{"value":null}}`, `{"metadata":{"annotations":{"soak/value":"edited"}}}`,
	}
	_, err = c.kube().Patch(ctx, "kubectl-edit", ref.live(), patches[r.IntN(len(patches))])
	return err
}

func liveEditSecret(ctx context.Context, s *soak, r *rand.Rand) error {
	c, ref, err := s.victim(r, "Secret")
	if err != nil {
		return err
	}
	patch := `{"data":{"value":"` + base64.StdEncoding.EncodeToString([]byte("edited")) + `"}}`
	_, err = c.kube().Patch(ctx, "kubectl-edit", ref.live(), patch)
	return err
}

func liveDelete(ctx context.Context, s *soak, r *rand.Rand) error {
	c, ref, err := s.victim(r, "")
	if err != nil {
		return err
	}
	if err := c.kube().Delete(ctx, ref.live()); err != nil && !testenv.IsNotFound(err) {
		return err
	}
	return nil
}

func killHub(_ context.Context, s *soak, _ *rand.Rand) error {
	s.fleet.hub.kill()
	return nil
}

func killAgent(_ context.Context, s *soak, r *rand.Rand) error {
	s.member(r).agent.kill()
	return nil
}

// leaderChanged kills the agent that leads, and starts one of another name that takes over.
func leaderChanged(_ context.Context, s *soak, r *rand.Rand) error {
	c := s.member(r)
	c.agent.kill()
	args := c.agent.args
	at := slices.Index(args, "--identity") + 1
	args[at] = fmt.Sprintf("%s-%d", c.name, s.world.number())
	if !slices.Contains(args, "--take-over") {
		c.agent.args = append(args, "--take-over")
	}
	return s.change(r, "while the leader changes")
}

// change commits something small.
func (s *soak) change(r *rand.Rand, name string) error {
	do := []func(*soak, *rand.Rand) error{addObjects, changeObjects, removeObject, moveObject}[r.IntN(4)]
	if err := do(s, r); err != nil && !errors.Is(err, errSkip) {
		return err
	}
	return s.commit(name)
}

func killDelivering(ctx context.Context, s *soak, r *rand.Rand) error {
	if err := s.change(r, "change before a kill"); err != nil {
		return err
	}
	// Not to wait for anything: to kill at another moment each time.
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Duration(r.IntN(300)) * time.Millisecond):
	}
	if which := r.IntN(3); which != 0 {
		s.fleet.hub.kill()
		if which == 1 {
			return nil
		}
	}
	s.member(r).agent.kill()
	return nil
}

func hubAway(_ context.Context, s *soak, r *rand.Rand) error {
	s.fleet.hub.kill()
	return errors.Join(s.change(r, "while the hub is away"), s.change(r, "while the hub is away"))
}

func agentAway(_ context.Context, s *soak, r *rand.Rand) error {
	s.member(r).agent.kill()
	return errors.Join(s.change(r, "while an agent is away"), s.change(r, "while an agent is away"))
}

func apiServerKilled(_ context.Context, s *soak, r *rand.Rand) error {
	c := s.member(r)
	c.plane.StopAPIServer()
	c.down = true
	return s.change(r, "while an API server is away")
}

// loseStore kills the hub and removes its store.
func loseStore(_ context.Context, s *soak, _ *rand.Rand) error {
	s.fleet.hub.kill()
	for _, c := range s.fleet.clusters {
		s.ledger.lose(c.name, "the hub's store was lost", false)
	}
	return os.Remove(filepath.Join(s.fleet.dataDir, "hub.db"))
}

func loseStoreDuringCommit(ctx context.Context, s *soak, r *rand.Rand) error {
	return errors.Join(loseStore(ctx, s, r), s.change(r, "while the hub's store is lost"))
}

// loseBus kills the hub and removes what its NATS server keeps.
func loseBus(_ context.Context, s *soak, r *rand.Rand) error {
	s.fleet.hub.kill()
	for _, c := range s.fleet.clusters {
		s.ledger.lose(c.name, "the bus was lost", false)
		s.gaps[c.name] = true // events that only the bus had
	}
	found := false
	err := filepath.WalkDir(s.fleet.dataDir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == "jetstream" {
			found = true
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return fs.SkipDir
		}
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%s has no jetstream folder to lose", s.fleet.dataDir)
	}
	return err
}

// putBack has the hub begin with its data directory as it was some commits ago.
func putBack(ctx context.Context, s *soak, r *rand.Rand) error {
	s.fleet.hub.kill()
	old := s.fleet.dataDir + ".old"
	if err := os.CopyFS(old, os.DirFS(s.fleet.dataDir)); err != nil {
		return fmt.Errorf("copy the hub's data directory: %w", err)
	}
	if err := s.fleet.hub.start(); err != nil {
		return err
	}
	for range 3 {
		if err := s.change(r, "change that the put back directory does not know"); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	s.fleet.hub.kill()
	for _, c := range s.fleet.clusters {
		s.ledger.lose(c.name, "the hub's data directory was put back", false)
		s.gaps[c.name] = true
	}
	return errors.Join(os.RemoveAll(s.fleet.dataDir), os.Rename(old, s.fleet.dataDir))
}

// loseState kills an agent and deletes what it keeps in the cluster, but for its credential.
func loseState(ctx context.Context, s *soak, r *rand.Rand) (*cluster, error) {
	c := s.member(r)
	c.agent.kill()
	list, err := c.kube().List(ctx, "v1", "Secret", agentNamespace, url.Values{})
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		name := o.Text("metadata", "name")
		if !strings.HasPrefix(name, "drover-") || strings.HasPrefix(name, "drover-credential") {
			continue
		}
		if err := c.kube().Delete(ctx, o.Ref()); err != nil && !testenv.IsNotFound(err) {
			return nil, err
		}
	}
	s.gaps[c.name] = true // its journal went, too
	s.ledger.lose(c.name, "the agent's state was lost", true)
	return c, nil
}

// loseStateDuringCommit has Git remove an object while the agent has lost its state.
func loseStateDuringCommit(ctx context.Context, s *soak, r *rand.Rand) error {
	c, err := loseState(ctx, s, r)
	if err != nil {
		return err
	}
	a, err := s.choose(r, func(a *App) bool { return a.Cluster == c.name && len(a.Objects) > 2 })
	if err != nil {
		return err
	}
	ref, ok := draw(r, a)
	if !ok {
		return nil
	}
	delete(a.Objects, ref)
	if err := s.commit("object removed while the agent's state was lost"); err != nil {
		return err
	}
	// An agent that met the bundle before would learn of the object again, and could rightly delete it afterwards.
	was := s.generation[c.name]
	return poll(ctx, s.Patience, func() error {
		st, err := s.fleet.status(ctx)
		if err != nil {
			return err
		}
		for _, row := range st.Clusters {
			if row.Name == c.name && row.Generation > was {
				return nil
			}
		}
		return fmt.Errorf("the hub did not publish the commit for %s", c.name)
	})
}

func rotate(ctx context.Context, s *soak, r *rand.Rand) error {
	_, err := s.fleet.drover(ctx, "cluster", "rotate", s.member(r).name)
	return err
}

func rotateRestart(ctx context.Context, s *soak, r *rand.Rand) error {
	if err := rotate(ctx, s, r); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.fleet.hub.kill()
	return nil
}

// stranger puts an object of nobody into a namespace.
func (s *soak) stranger(ctx context.Context, cluster, namespace string) error {
	s.ledger.strangers[cluster][namespace]++
	name := fmt.Sprintf("stranger-%d", s.ledger.strangers[cluster][namespace])
	meta := testenv.Object{"name": name, "namespace": namespace}
	stranger := testenv.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
	_, err := s.named(cluster).kube().Create(ctx, "kubectl-create", stranger)
	return err
}

// complications are what may go wrong together with a slip.
var complications = []struct {
	name  string
	after bool // the commit was delivered
	run   func(ctx context.Context, s *soak, r *rand.Rand) error
}{
	{"store-lost", true, loseStore},
	{"hub-restarted", true, killHub},
	{"agents-restarted", true, func(_ context.Context, s *soak, _ *rand.Rand) error {
		for _, c := range s.fleet.clusters {
			c.agent.kill()
		}
		return nil
	}},
	{"hub-away", false, killHub},
	{"store-lost-before", false, loseStore},
}
