package upgrade

import (
	"fmt"
	"testing"
)

// Agents of the last release delete whatever a bundle lacks. The new hub gives them nothing that waits for a person,
// and the agent that replaces them holds it by itself, until it is approved.
func TestHeldDeletionsWaitForOldAgentsToo(t *testing.T) {
	t.Parallel()
	s := newScene(t, embedded, "east")
	east := s.clusters["east"]
	file := func(n int) string { return fmt.Sprintf("apps/settings/many-%d.yaml", n) }
	const many = 8
	for n := range many {
		s.repo.Write(file(n), configMap(fmt.Sprintf("many-%d", n), "one"))
	}
	s.begin()
	s.runs(former)
	east.join(former)
	s.delivered()
	s.runs(current)
	s.delivered()
	for n := range many {
		s.repo.Remove(file(n))
	}
	s.repo.Write("apps/shop/first.yaml", configMap("first", "two"))
	s.commit("a slip, and something else")
	both(east)
	held := func() (id string) {
		s.until("the deletions are held, and everything else is delivered", func() error {
			r, err := east.row()
			if err == nil && (len(r.Held) != 1 || !r.Synced ||
				r.Accepted != r.Generation || r.Applied.Hash != s.revision) {
				err = fmt.Errorf("it is %+v", r)
			}
			if err == nil {
				id = r.Held[0]
			}
			return err
		})
		return id
	}
	id := held()
	s.until("the hook of the app that nothing is held of has run", func() error {
		if got := audited(t, s.cp, east.user, east.own); got.String() != east.want.String() {
			return fmt.Errorf("the agent has done\n%s", got)
		}
		return nil
	})
	east.replace(current)
	s.until("the new agent has taken over", func() error {
		r, err := east.row()
		if err == nil && r.Agent.Version == lastRelease[:10] {
			err = fmt.Errorf("it is %+v", r)
		}
		return err
	})
	if now := held(); now != id {
		t.Errorf("held is %s, and was %s before the agent was upgraded", now, id)
	}
	s.judge()
	if text, err := s.drover("approve", id, "--yes"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for n := range many {
		east.want[fmt.Sprintf("delete configmaps/many-%d", n)]++
	}
	s.delivered()
	s.judge()
}
