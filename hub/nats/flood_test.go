package nats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/hub/nats/streams"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

func TestAClusterThatFloodsIsCutOffAndOthersAreServed(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.ids.Advertise(must(s.keys.Trust([]string{s.url}, s.keys.CA())), s.bus.Revoke)
	s.bus.ears.pause = 20 * time.Second // instead of minutes
	links := &linked{said: said{}, at: make(chan bool, 64)}
	go func() { _ = s.bus.Listen(t.Context(), links) }()
	bad, good := newUser(), newUser()
	jwt, ofA := enrol(t, s.keys, s.ids, "bad", bad), enrol(t, s.keys, s.ids, "a", good)
	agent := s.dial(t, ofA, good.seed, "a")
	flooder := s.dial(t, jwt, bad.seed, "bad", natsgo.NoReconnect())
	noise := make([]byte, 60<<10)
	_, _ = rand.Read(noise)
	go func() {
		for flooder.Publish(protocol.JournalSubject("bad"), noise) == nil {
		}
	}()
	slowest := time.Duration(0)
	generation := uint64(0)
	until(t, "the cluster that floods is cut off", func() bool {
		generation++
		begin, text := time.Now(), fmt.Sprint("generation ", generation)
		publish(t, s.bus, generation, text)
		sees(t, agent, text)
		slowest = max(slowest, time.Since(begin))
		return flooder.IsClosed()
	})
	if slowest > race.Patience(2*time.Second) {
		t.Errorf("a bundle took %s beside the flood", slowest)
	}
	t.Logf("the slowest of %d bundles took %s", generation, slowest)
	if until := s.ids.Identity("bad").Suspended; until.Before(time.Now()) || !s.ids.Identity("a").Suspended.IsZero() {
		t.Errorf("who is cut off is shown: until %s", until)
	}
	c, err := natsgo.Connect(s.url, natsgo.UserJWTAndSeed(jwt, bad.seed), trusting(s.keys.CA()))
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, natsgo.ErrAuthorization) && !errors.Is(err, natsgo.ErrAuthRevoked) {
		t.Errorf("the credential connects again at once: %v", err)
	}
	journal := stream(t, s.bus, protocol.StreamJournal).CachedInfo()
	if journal.State.Msgs > streams.MaxEvents || journal.State.Bytes > streams.MaxEvents*streams.MaxEvent {
		t.Errorf("the journal holds %d events, %d bytes", journal.State.Msgs, journal.State.Bytes)
	}
	s.dial(t, jwt, bad.seed, "bad") // and is admitted again by itself
	sees(t, agent, fmt.Sprint("generation ", generation))
	if !agent.IsConnected() || agent.Reconnects > 0 {
		t.Error("the other agent was cut, too")
	}
}

func TestACredentialHasAFewConnections(t *testing.T) {
	t.Parallel()
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
	b, user := e.hub(1, "main"), e.join()
	go func() { _ = b.Listen(t.Context(), &quiet{}) }()
	var conns []*natsgo.Conn
	for range 4 * limits.MaxConnections {
		c := must(dialAs(e.keys, user, e.url("main"), trusting(e.keys.CA()), natsgo.NoReconnect()))
		t.Cleanup(c.Close)
		conns = append(conns, c)
	}
	until(t, "only a few are left", func() bool {
		up := 0
		for _, c := range conns {
			if c.IsConnected() {
				up++
			}
		}
		return up == limits.MaxConnections
	})
}

// quiet hears everything and does nothing.
type quiet struct{ said }

func (*quiet) Link(string, bool, time.Time) {}

var _ hub.Listener = (*quiet)(nil)

func TestStreamsAreMadeWhereStorageIsSmall(t *testing.T) {
	t.Parallel()
	e := noServers(t)
	e.storage = "200MB"
	e.add(server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
	b := e.hub(1, "main")
	publish(t, b, 1, "generation 1")
}
