package nats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

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
	bad, good := newUser(), newUser()
	jwt, ofA := enrol(t, s.keys, s.ids, "bad", bad), enrol(t, s.keys, s.ids, "a", good)
	elsewhere := s
	elsewhere.url = s.hub // those behind the same leaf node share its link, and wait until it is cut off
	agent := elsewhere.dial(t, ofA, good.seed, "a")
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
	if slowest > race.Patience(10*time.Second)+5*calm {
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
	held := must(s.ids.Token("bad", hub.TokenOptions{}))
	c := s.dial(t, held.JWT, held.Seed, held.User, natsgo.NoReconnect())
	go func() {
		for c.PublishRequest(protocol.JoinSubject(held.User), protocol.InboxPrefix(held.User)+".x", []byte("{}")) == nil {
		}
	}()
	until(t, "the token is revoked", func() bool { return c.IsClosed() && slices.Contains(s.ids.Revoked(), held.User) })
}
