package deliver

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// last is what was reported last.
func (s *scene) last() protocol.Report {
	s.t.Helper()
	s.settle()
	all := s.bus.said()
	if len(all) == 0 {
		s.t.Fatal("nothing was reported")
	}
	return all[len(all)-1]
}

// send has the bus deliver a bundle.
func (s *scene) send(b protocol.Bundle) {
	var deliver func([]byte)
	s.bus.set(func() { deliver = s.bus.deliver })
	deliver(s.sealed(b))
}

// rising fails the test if the numbers of reports do not rise.
func rising(t *testing.T, reports []protocol.Report) {
	t.Helper()
	for i, r := range reports {
		if i > 0 && r.Seq <= reports[i-1].Seq {
			t.Errorf("report %d comes after report %d", r.Seq, reports[i-1].Seq)
		}
	}
}

func TestAnAgentReceivesAndReports(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		reached := 0
		stop := s.run(func(c *Config) {
			c.Image, c.Term = "agent:1", 3
			c.Reported = func() { reached++ }
		})
		if r := s.last(); r.Generation != 0 || r.Agent.Identity != "pod-1" || r.Agent.Image != "agent:1" ||
			r.Agent.Term != 3 ||
			!r.Agent.Renames || r.Agent.Kubernetes != "v1.33.1" || r.Agent.ClusterUID != "here" {
			t.Errorf("it reports %+v", r)
		}
		s.send(bundle(1, s.app("web", "a")))
		s.settle()
		s.send(bundle(2, s.app("web", "a"), s.app("shop", "b")))
		s.settle()
		said := s.bus.said()
		rising(t, said)
		if r := said[len(said)-1]; r.Generation != 2 || len(r.Apps) != 2 {
			t.Errorf("it reports %+v", r)
		}
		stop()
		said = s.bus.said()
		if len(said) != 1 || said[0].Generation != 2 {
			t.Errorf("it takes its leave with %+v", said)
		}
		if reached < 4 {
			t.Errorf("%d reports are told to have reached the hub", reached)
		}
		if s.store.loads != 1 {
			t.Errorf("what is stored was read %d times", s.store.loads)
		}
	})
}

// Where the hub is away, what happened is kept in the cluster, and the agent goes on.
func TestAnAgentThatIsOfflineKeepsItsJournal(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "a")
		s.store.apps = map[string]agent.AppState{"web": s.stored(web, 7, "a")}
		s.store.envelope = s.signed(bundle(7, web))
		s.bus.set(func() { s.bus.online = false })
		stop := s.run()
		s.settle()
		stop()
		if said := s.bus.said(); len(said) != 0 {
			t.Errorf("it reports %+v", said)
		}
		if !strings.Contains(string(s.store.journal), "took charge with generation 7") {
			t.Errorf("the stored journal is %q", s.store.journal)
		}
		s.bus.set(func() { s.bus.online = true })
		stop = s.run()
		s.settle()
		stop()
		if told := s.bus.told(protocol.EventStarted); len(told) != 2 {
			t.Errorf("told: %q", told)
		}
		if len(s.store.journal) != 0 {
			t.Errorf("what was told is still stored: %q", s.store.journal)
		}
	})
}

// With nothing known there is nothing to do: nobody is asked for anything before the state is read.
func TestNothingIsDoneBeforeTheStateIsRead(t *testing.T) {
	t.Parallel()
	away := errors.New("the API server is away")
	for name, c := range map[string]struct {
		refuse func(s *scene)
		back   func(s *scene)
	}{
		"the store": {func(s *scene) { s.store.refuse(away, away, away, away, away, away, away, away, away, away, away) },
			func(s *scene) { s.store.refuse() }},
		"the identity": {func(s *scene) { s.vault.fail = away }, func(s *scene) {
			s.vault.mu.Lock()
			defer s.vault.mu.Unlock()
			s.vault.fail = nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				c.refuse(s)
				stop := s.run()
				time.Sleep(20 * time.Second)
				if s.bus.joins != 0 || s.bus.runs != 0 || len(s.cluster.kinds()) != 0 {
					t.Errorf("%d joins, %d sessions with the hub, watches of %q", s.bus.joins, s.bus.runs, s.cluster.kinds())
				}
				if !s.log.has("the agent's state cannot be read; nothing is touched before it can") {
					t.Error("it is not logged")
				}
				c.back(s)
				time.Sleep(time.Minute)
				if s.bus.joins != 1 || s.bus.runs != 1 {
					t.Errorf("%d joins, %d sessions with the hub", s.bus.joins, s.bus.runs)
				}
				stop()
			})
		})
	}
}

// What the API server says of itself is for the report alone: without it the agent goes on.
func TestAnAgentGoesOnWithoutVersionAndKinds(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.cluster.version, s.cluster.discover = errors.New("forbidden"), errors.New("forbidden")
		stop := s.run()
		if r := s.last(); r.Agent.Kubernetes != "" {
			t.Errorf("it reports %+v", r.Agent)
		}
		if !s.log.has("what the API server serves cannot be read: charts are rendered without it") {
			t.Error("it is not logged")
		}
		stop()
	})
}

// A session that ends begins again, from what is stored, and not at once: what ended it may do so again.
func TestASessionThatEndsBeginsAgain(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		stop := s.run()
		s.settle()
		s.send(bundle(1, s.app("web", "a")))
		s.settle()
		begun := s.store.loads
		s.bus.lost <- agent.ErrLost
		time.Sleep(100 * time.Millisecond)
		if s.store.loads != begun {
			t.Error("it begins again at once")
		}
		time.Sleep(5 * time.Second)
		if s.store.loads != begun+1 || s.bus.runs != 2 {
			t.Errorf("the state was read %d times more, and there were %d sessions with the hub", s.store.loads-begun,
				s.bus.runs)
		}
		if !s.log.has("the session ended; restarting from the state in the cluster") {
			t.Error("it is not logged")
		}
		s.bus.said()
		s.send(bundle(2, s.app("web", "b")))
		if r := s.last(); r.Generation != 2 {
			t.Errorf("it reports %+v", r)
		}
		stop()
	})
}

// Joining may fail for good, as when another agent has written the credential.
func TestASessionThatCannotJoinBeginsAgain(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.bus.set(func() { s.bus.joinErr = agent.ErrLost })
		stop := s.run()
		time.Sleep(20 * time.Second)
		if s.bus.runs != 0 || s.bus.joins < 3 {
			t.Errorf("%d joins, %d sessions with the hub", s.bus.joins, s.bus.runs)
		}
		s.bus.set(func() { s.bus.joinErr = nil })
		time.Sleep(time.Minute)
		if s.bus.runs != 1 {
			t.Errorf("%d sessions with the hub", s.bus.runs)
		}
		stop()
	})
}

// A session that ends because apps get other names is nothing to wait after.
func TestOtherNamesBeginTheNextSessionAtOnce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		once := s.app(plexOnce, "a")
		s.store.apps = map[string]agent.AppState{plexOnce: s.stored(once, 7, "a")}
		s.store.envelope = s.signed(bundle(7, once))
		stop := s.run()
		s.settle()
		s.bus.said()
		began := time.Now()
		s.send(bundle(8, keyed(once)))
		for s.store.loads < 2 && time.Since(began) < time.Minute {
			time.Sleep(time.Millisecond)
		}
		if waited := time.Since(began); waited > 600*time.Millisecond { // the farewell to the hub included
			t.Errorf("the next session began after %s", waited)
		}
		r := s.last()
		if r.Generation != 8 || len(r.Apps) != 1 || r.Apps[0].Name != plex || r.Apps[0].Declared != plexID.String() {
			t.Errorf("it reports %+v", r)
		}
		same(t, "stored", s.store.names(), []string{plex})
		stop()
	})
}

// The credential may have been copied into another cluster with etcd. There the agent does nothing, and says so.
func TestAnAgentInACopyOfTheClusterHolds(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "a")
		s.store.apps = map[string]agent.AppState{"web": s.stored(web, 7, "a")}
		s.store.envelope = s.signed(bundle(7, web))
		stop := s.run() // which notes where it is
		s.settle()
		stop()
		s.bus.said()
		s.restart()
		s.cluster.uid = "there"
		s.cluster.watched = nil
		s.store.did.since()
		stop = s.run()
		r := s.last()
		if len(r.Held) != 1 || r.Held[0].Kind != protocol.HoldIdentity || !strings.Contains(r.Message, "applying nothing") {
			t.Errorf("it reports %q, held %+v", r.Message, r.Held)
		}
		other := bundle(8, s.app("web", "b"))
		other.ClusterUID = "here"
		s.send(other)
		s.settle()
		same(t, "watched kinds", s.cluster.kinds(), nil)
		same(t, "written", s.store.did.since(), nil)
		decided := bundle(9, s.app("web", "c"))
		decided.ClusterUID = "there"
		s.send(decided)
		time.Sleep(5 * time.Second)
		s.send(decided)
		if r := s.last(); r.Generation != 9 || len(r.Held) != 0 {
			t.Errorf("after the decision it reports %+v", r)
		}
		stop()
	})
}

// A first report that knew nothing of the cluster would show everything as unknown; but people are not kept waiting.
func TestTheFirstReportWaitsForTheWatches(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"they list": false, "they do not": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				web := s.app("web", "a")
				s.store.apps = map[string]agent.AppState{"web": s.stored(web, 7, "a")}
				s.store.envelope = s.signed(bundle(7, web))
				s.cluster.silent = silent
				stop := s.run()
				time.Sleep(firstReport - 500*time.Millisecond)
				if said := len(s.bus.said()) > 0; said == silent {
					t.Errorf("it has reported: %t", said)
				}
				time.Sleep(time.Second)
				if said := len(s.bus.said()) > 0; said != silent {
					t.Errorf("it has reported since: %t", said)
				}
				stop()
			})
		})
	}
}
