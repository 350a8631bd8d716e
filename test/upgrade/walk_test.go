package upgrade

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The hub first, the agents later: the way that docs/upgrading.md recommends. One agent is connected while the hub is
// upgraded, one is away. Behind a leaf node agents of c9a339c join, and get their bundles when these are published, but
// they reach no blobs once the hub has told the servers of its accounts: there the first commit comes from the new hub.
func TestHubFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, where site) {
		s := newScene(t, where, "east", "west")
		east, west := s.clusters["east"], s.clusters["west"]
		s.begin()
		s.runs(former)
		east.join(former)
		west.join(former)
		if where != leafNode {
			s.delivered()
			s.step("two", "a")
			s.delivered()
		}
		was := []credential{east.credential(), west.credential()}
		west.agent.stop()
		s.until("the credentials are older than the upgrade, in whole seconds", func() error {
			if age := time.Since(was[1].Issued); age < 2*time.Second {
				return fmt.Errorf("they are %s old", age)
			}
			return nil
		})

		s.runs(current)
		east.delivered()
		s.until("the hub says that the agent which is away has a credential of the last release", func() error {
			names, err := s.old()
			// A connection to a leaf node outlives the upgrade, and its agent may be asked to renew at the next one only.
			if err == nil && strings.Join(names, " ") != "west" && (where != leafNode || !slices.Contains(names, "west")) {
				err = fmt.Errorf("it names %q", names)
			}
			return err
		})
		if text, err := s.drover("hub", "end-old-credentials"); err == nil || !strings.Contains(err.Error(), "west)") {
			t.Errorf("the old credentials are ended although west uses one: %v\n%s", err, text)
		}
		if where == leafNode { // what is away had nothing so far
			west.revive(former)
			s.delivered()
		}
		s.step("three", "b")
		east.delivered() // by the old agent

		since := time.Now()
		east.replace(current)
		west.replace(current)
		s.moved(since)
		s.delivered()
		s.judge()
		s.step("four", "c")
		s.delivered()
		s.judge()
		s.ends(was)
		s.step("five", "d")
		s.delivered()
		s.judge()
	})
}

// The agents first: an agent of this release works with a hub of the last one, which knows no bounds on deletions, no
// epochs and no terms, and a cluster can join it.
func TestAgentsFirst(t *testing.T) {
	t.Parallel()
	s := newScene(t, embedded, "east", "west", "north")
	east, west, north := s.clusters["east"], s.clusters["west"], s.clusters["north"]
	s.begin()
	s.runs(former)
	east.join(former)
	west.join(former)
	north.join(current)
	s.delivered()
	s.step("two", "a")
	s.delivered()
	was := []credential{east.credential(), west.credential(), north.credential()}
	east.replace(current)
	east.delivered()
	s.step("three", "b")
	s.delivered()
	west.replace(current)
	s.delivered()
	s.judge()

	since := time.Now()
	s.runs(current)
	s.moved(since)
	s.delivered()
	s.judge()
	s.step("four", "c")
	s.delivered()
	s.ends(was)
	s.step("five", "d")
	s.delivered()
	s.judge()
}

// Back to the last release, in either order, and forward again.
func TestBackAndForward(t *testing.T) {
	t.Parallel()
	for name, agentsFirst := range map[string]bool{"agents first": true, "hub first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, where site) {
				if where == leafNode {
					t.Skip("the last release delivers nothing behind leaf nodes, see TestHubFirst")
				}
				s := newScene(t, where, "east")
				east := s.clusters["east"]
				s.begin()
				s.runs(former)
				east.join(former)
				s.delivered()
				s.runs(current)
				east.replace(current)
				s.delivered()
				s.step("two", "a")
				s.delivered()

				if agentsFirst {
					east.replace(former)
				} else { // also where the credentials of the last release were ended
					s.ends(nil)
					s.runs(former)
				}
				s.delivered()
				s.step("three", "b")
				s.delivered()
				s.judge()
				if agentsFirst {
					s.runs(former)
				} else {
					east.replace(former)
				}
				s.delivered()
				s.judge()
				s.step("four", "c")
				s.delivered()
				s.judge()

				since := time.Now()
				s.runs(current)
				s.delivered()
				east.replace(current)
				s.moved(since)
				s.delivered()
				s.judge()
				s.step("five", "d")
				s.delivered()
				s.judge()
				s.ends(nil)
			})
		})
	}
}

// ends has the old credentials ended, which no cluster uses any more. Each connects before, and none afterwards.
func (s *scene) ends(old []credential) {
	s.t.Helper()
	for _, c := range old {
		if err := c.connect(); err != nil {
			s.t.Errorf("a credential of the last release does not connect before it is ended: %v", err)
		}
	}
	text, err := s.drover("hub", "end-old-credentials")
	if err != nil || !strings.Contains(text, "No agent used one") {
		s.t.Errorf("the old credentials are not ended: %v: %s", err, text)
	}
	for _, c := range old {
		s.until("a credential of the last release connects no more", func() error {
			switch err := c.connect(); {
			case errors.Is(err, errTurnedAway):
				return nil
			case err == nil:
				return errors.New("it does")
			default:
				return err
			}
		})
	}
	if names, err := s.old(); err != nil || len(names) > 0 {
		s.t.Errorf("%v still use a credential of the last release: %v", names, err)
	}
}
