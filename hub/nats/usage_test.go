package nats

import (
	"fmt"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// over is a connection of a user, and what has gone over it.
func over(id uint64, user string, since time.Time, messages, bytes int64) connection {
	var c connection
	c.Server.ID, c.Client.ID, c.Client.User, c.Client.Start = "server", id, user, since
	c.Received.Msgs, c.Sent.Bytes = messages, bytes
	return c
}

func TestWhoSendsOrReadsTooMuch(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	const week = 7 * 24 * 3600
	for name, tc := range map[string]struct {
		do    func(m *meter) (floods int)
		flood bool
	}{
		"an agent that was connected before the hub": {func(m *meter) int {
			return len(m.look([]connection{over(1, "a", at(-week), 1e9, 1e13)}, at(0)))
		}, false},
		"a busy agent, looked at once a week": {func(m *meter) (n int) {
			for i := range 10 {
				n += len(m.look([]connection{over(1, "a", at(-1), int64(i)*week*50, int64(i)*week*1e6)}, at(i*week)))
			}
			return n
		}, false},
		"an agent that fetches 40,000 chunks of 50 KiB": {func(m *meter) int {
			m.look(nil, at(0))
			return len(m.look([]connection{over(1, "a", at(1), 40_000, 40_000*50<<10)}, at(2)))
		}, false},
		"an agent that is reconnected every 10 seconds": {func(m *meter) (n int) {
			for i := range 10_000 {
				if m.came(over(uint64(i), "a", at(10*i), 0, 0), at(10*i)) || m.went(over(uint64(i), "a", at(10*i), 50, 1e6),
					at(10*i+9)) {
					n++
				}
			}
			return n
		}, false},
		"many requests over a new connection": {func(m *meter) int {
			m.look(nil, at(0))
			return len(m.look([]connection{over(1, "a", at(1), 100_000, 0)}, at(2)))
		}, true},
		"many requests over an old connection": {func(m *meter) int {
			m.look([]connection{over(1, "a", at(-week), 1e9, 0)}, at(0))
			return len(m.look([]connection{over(1, "a", at(-week), 1e9+100_000, 0)}, at(2)))
		}, true},
		"many bytes": {func(m *meter) int {
			m.look(nil, at(0))
			return len(m.look([]connection{over(1, "a", at(1), 100, 10<<30)}, at(2)))
		}, true},
		"bursts": {func(m *meter) (n int) {
			for i := range 100 {
				n += len(m.look([]connection{over(1, "a", at(-1), int64(i)*10_000, 0)}, at(20*i)))
			}
			return n
		}, true},
		"several connections": {func(m *meter) int {
			m.look(nil, at(0))
			return len(m.look([]connection{over(1, "a", at(1), 30_000, 0), over(2, "a", at(1), 30_000, 0)}, at(2)))
		}, true},
		"connections that end before they are looked at": {func(m *meter) (n int) {
			m.look(nil, at(0))
			for i := range 100 {
				if m.went(over(uint64(i), "a", at(1), 5_000, 0), at(2)) {
					n++
				}
			}
			return n
		}, true},
		"ever new connections": {func(m *meter) (n int) {
			for i := range 1000 {
				if m.came(over(uint64(i), "a", at(i/100), 0, 0), at(i/100)) {
					n++
				}
			}
			return n
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if n := tc.do(newMeter()); n > 0 != tc.flood {
				t.Errorf("it floods %d times", n)
			}
		})
	}
	m := newMeter()
	m.busy(map[string]traffic{"server": {1e9, 1e13}}, at(0))
	m.look(nil, at(0))
	if m.busy(map[string]traffic{"server": {1e9 + 1000, 1e13 + 1e6}}, at(10)) {
		t.Error("connections are looked at though little is sent")
	}
	if !m.busy(map[string]traffic{"server": {1e9 + 21_000, 1e13 + 1e6}}, at(20)) {
		t.Error("connections are not looked at though much is sent")
	}
}

// flooders are ways in which a cluster may flood that leave nothing in a stream of what agents say.
var flooders = map[string]func(s site, c *natsgo.Conn, dial func() error){
	"Direct Get of no blob": func(_ site, c *natsgo.Conn, _ func() error) {
		for c.PublishRequest(protocol.BlobGet("missing", 0), protocol.InboxPrefix("bad")+".x", nil) == nil {
		}
	},
	"Direct Get of its bundle": func(_ site, c *natsgo.Conn, _ func() error) {
		_, _ = c.Subscribe(protocol.InboxPrefix("bad")+".>", func(*natsgo.Msg) {})
		for c.PublishRequest(protocol.DesiredGet("bad"), protocol.InboxPrefix("bad")+".x", nil) == nil {
		}
	},
	"hellos": func(_ site, c *natsgo.Conn, _ func() error) {
		for c.PublishRequest(protocol.HelloSubject("bad"), protocol.InboxPrefix("bad")+".x", []byte("hello")) == nil {
		}
	},
	"renewals": func(_ site, c *natsgo.Conn, _ func() error) {
		for c.PublishRequest(protocol.RenewSubject("bad"), protocol.InboxPrefix("bad")+".x", []byte("{}")) == nil {
		}
	},
	"connections": func(_ site, _ *natsgo.Conn, dial func() error) {
		for dial() == nil {
		}
	},
}

// A cluster that floods the servers, and not the hub, is cut off, wherever it is connected, and others are served
// meanwhile. It runs alone: it measures how long others wait.
func TestAClusterThatFloodsTheServersIsCutOff(t *testing.T) {
	for place, open := range map[string]func(t *testing.T) site{
		"embedded": embedded,
		"external cluster": func(t *testing.T) site {
			e := newExternal(t, threeNodes(t))
			return site{e.hub(3, "n0", "n1", "n2"), e.keys, e.ids, e.url("n1"), e.url("n0")}
		},
		"leaf node": func(t *testing.T) site {
			e, b, _ := newSite(t)
			return site{b, e.keys, e.ids, e.url("leaf"), e.url("main")}
		},
	} {
		for kind, flood := range flooders {
			if place != "embedded" && kind != "Direct Get of no blob" {
				continue // one kind shows that its connection is found there
			}
			t.Run(place+": "+kind, func(t *testing.T) { open(t).floods(t, flood) })
		}
	}
}

func (s site) floods(t *testing.T, flood func(s site, c *natsgo.Conn, dial func() error)) {
	s.ids.Advertise(must(s.keys.Trust([]string{s.url}, s.keys.CA())), s.bus.Revoke)
	go func() { _ = s.bus.Listen(t.Context(), &quiet{}) }()
	bad, good, now := newUser(), newUser(), time.Now()
	s.ids.mu.Lock()
	s.ids.put(identity{Cluster: "bad", Credentials: []credential{{User: bad.public, Issued: now,
		Expires: now.Add(time.Hour)}}})
	s.ids.put(identity{Cluster: "a", Credentials: []credential{{User: good.public, Issued: now,
		Expires: now.Add(time.Hour)}}})
	s.ids.mu.Unlock()
	elsewhere := s
	elsewhere.url = s.hub // those behind the same leaf node share its link, and wait until it is cut off
	agent := elsewhere.dial(t, must(s.keys.agentJWT("a", credential{User: good.public,
		Expires: now.Add(time.Hour)})), good.seed, "a")
	jwt := must(s.keys.agentJWT("bad", credential{User: bad.public, Expires: now.Add(time.Hour)}))
	flooder := s.dial(t, jwt, bad.seed, "bad", natsgo.NoReconnect())
	dial := func() error {
		c, err := natsgo.Connect(s.url, natsgo.UserJWTAndSeed(jwt, bad.seed), trusting(s.keys.CA()), natsgo.NoReconnect())
		if err == nil {
			c.Close()
		}
		return err
	}
	begin, slowest, generation := time.Now(), time.Duration(0), uint64(0)
	bundle := func() time.Duration {
		generation++
		begin, text := time.Now(), fmt.Sprint("generation ", generation)
		publish(t, s.bus, generation, text)
		sees(t, agent, text)
		return time.Since(begin)
	}
	calm := time.Duration(0) // on a machine that others use, too
	for range 10 {
		calm = max(calm, bundle())
	}
	go flood(s, flooder, dial)
	until(t, "the cluster that floods is cut off", func() bool {
		slowest = max(slowest, bundle())
		return flooder.IsClosed() && !s.ids.Identity("bad").Suspended.IsZero()
	})
	t.Logf("it was cut off after %s; the slowest of %d bundles took %s", time.Since(begin), generation, slowest)
	if slowest > race.Patience(2*time.Second)+5*calm {
		t.Errorf("a bundle took %s beside the flood", slowest)
	}
	if !s.ids.Identity("a").Suspended.IsZero() {
		t.Error("the other cluster is cut off, too")
	}
	if !agent.IsConnected() || agent.Reconnects > 0 {
		t.Error("the other agent was cut, too")
	}
}

func TestAJoinTokenThatFloodsIsRevoked(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.ids.Advertise(must(s.keys.Trust([]string{s.url}, s.keys.CA())), s.bus.Revoke)
	go func() { _ = s.bus.Listen(t.Context(), &quiet{}) }()
	held := newUser()
	token := tokenOf("bad", held.public)
	token.Connects = token.Expires
	if err := s.ids.saveToken(token); err != nil {
		t.Fatal(err)
	}
	c := s.dial(t, must(s.keys.tokenJWT(token)), held.seed, held.public, natsgo.NoReconnect())
	go func() {
		for c.PublishRequest(protocol.JoinSubject(held.public), protocol.InboxPrefix(held.public)+".x", []byte("{}")) == nil {
		}
	}()
	until(t, "the token is revoked", func() bool {
		t, _ := s.ids.token(held.public)
		return c.IsClosed() && !t.Revoked.IsZero()
	})
}
