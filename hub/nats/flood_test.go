package nats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

func TestWhatAClusterMaySay(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var b bucket
	for i := range 10_000 { // a report of 100 KiB every second
		if b.take(100<<10, now.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("the report of second %d is too much", i)
		}
	}
	cut := 0
	for range 128 {
		if b.take(1<<20, now.Add(3*time.Hour)) {
			cut++
		}
	}
	if cut == 0 {
		t.Error("128 MiB at once are not too much")
	}
}

func TestAClusterThatFloodsIsCutOffAndOthersAreServed(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.ids.Advertise(must(s.keys.Trust([]string{s.url}, s.keys.CA())), s.bus.Revoke)
	links := &linked{said: said{}, at: make(chan bool, 64)}
	go func() { _ = s.bus.Listen(t.Context(), links) }()
	bad, good, now := newUser(), newUser(), time.Now()
	s.ids.mu.Lock()
	s.ids.put(identity{Cluster: "bad", Credentials: []credential{{User: bad.public, Issued: now,
		Expires: now.Add(time.Hour)}}})
	s.ids.put(identity{Cluster: "a", Credentials: []credential{{User: good.public, Issued: now,
		Expires: now.Add(time.Hour)}}})
	s.ids.mu.Unlock()
	agent := s.dial(t, must(s.keys.agentJWT("a", credential{User: good.public, Expires: now.Add(time.Hour)})),
		good.seed, "a")
	jwt := must(s.keys.agentJWT("bad", credential{User: bad.public, Expires: now.Add(time.Hour)}))
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
	if journal.State.Msgs > maxEvents || journal.State.Bytes > maxEvents*maxEvent {
		t.Errorf("the journal holds %d events, %d bytes", journal.State.Msgs, journal.State.Bytes)
	}
	s.ids.mu.Lock()
	s.ids.suspended["bad"] = time.Now().Add(time.Second)
	s.ids.mu.Unlock()
	s.ids.awaitEnd()
	s.dial(t, jwt, bad.seed, "bad") // and is admitted again by itself
	sees(t, agent, fmt.Sprint("generation ", generation))
	if !agent.IsConnected() || agent.Reconnects > 0 {
		t.Error("the other agent was cut, too")
	}
}

func TestACredentialHasAFewConnections(t *testing.T) {
	t.Parallel()
	e := newExternal(t, Servers{Nodes: []Node{{Name: "main", Host: "127.0.0.1"}}})
	b, user := e.hub(1, "main"), e.join()
	go func() { _ = b.Listen(t.Context(), &quiet{}) }()
	var conns []*natsgo.Conn
	for range 4 * maxConnections {
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
		return up == maxConnections
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
	e.add(Servers{Nodes: []Node{{Name: "main", Host: "127.0.0.1"}}})
	b := e.hub(1, "main")
	publish(t, b, 1, "generation 1")
}
