package nats

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/hub/nats/streams"
	"github.com/drover-dev/drover/protocol"
)

// intruder connects with the hub's own credentials: it may change the streams.
func (s site) intruder(t *testing.T) jetstream.JetStream {
	t.Helper()
	token, seed, err := s.keys.Credentials(keyring.LoginHub, "intruder")
	if err != nil {
		t.Fatal(err)
	}
	return must(jetstream.New(s.dial(t, token, string(seed), "intruder")))
}

// holds puts a blob, and bundles for clusters a and b.
func (s site) holds(t *testing.T) {
	t.Helper()
	blob := model.Packed{Ref: protocol.Blob{Digest: strings.Repeat("0", 64), Key: make([]byte, 32)},
		Sealed: []byte("a blob")}
	until(t, "the bus takes bundles", func() bool {
		return s.bus.Put(t.Context(), []model.Packed{blob}, []hub.Delivery{{Cluster: "a", Generation: 1,
			Sealed: []byte("bundle of a")},
			{Cluster: "b", Generation: 2, Sealed: []byte("bundle of b")}}) == nil
	})
}

// quiet is what the hub finds where nothing was changed.
func (s site) quiet(t *testing.T) {
	t.Helper()
	for range 2 { // the first look after a change takes what is there for granted
		if what := s.bus.Inspect(t.Context()); what != "" {
			t.Errorf("it finds %q where nothing was changed", what)
		}
	}
}

// Whatever another client does to the streams with the hub's own credentials is found, told, and brought back.
func TestDamageToEachStreamIsFoundAndRepaired(t *testing.T) {
	t.Parallel()
	const desired, blobs = "KV_" + protocol.BucketDesired, "KV_" + protocol.BucketBlobs
	for name, c := range map[string]struct {
		damage func(t *testing.T, js jetstream.JetStream) error
		says   string
		lost   bool // bundles are gone, or are not the hub's
	}{
		"the bundles are deleted": {func(t *testing.T, js jetstream.JetStream) error {
			return js.DeleteStream(t.Context(),
				desired)
		},
			"the stream KV_desired was deleted", true},
		"the blobs are deleted": {func(t *testing.T, js jetstream.JetStream) error {
			return js.DeleteStream(t.Context(),
				blobs)
		},
			"the stream KV_blobs was deleted", false},
		"the journal is deleted": {func(t *testing.T, js jetstream.JetStream) error {
			return js.DeleteStream(t.Context(), protocol.StreamJournal)
		},
			"the stream journal was deleted", false},
		"the bundles are made anew": {func(t *testing.T, js jetstream.JetStream) error {
			config := must(js.Stream(t.Context(), desired)).CachedInfo().Config
			if err := js.DeleteStream(t.Context(), desired); err != nil {
				return err
			}
			_, err := js.CreateStream(t.Context(), config)
			return err
		}, "the stream KV_desired was deleted, and made again", true},
		"messages are purged": {func(t *testing.T, js jetstream.JetStream) error {
			return must(js.Stream(t.Context(), desired)).Purge(t.Context(),
				jetstream.WithPurgeSubject(protocol.DesiredSubject("a")))
		}, "messages of the stream KV_desired were deleted", true},
		"a bundle is written": {func(t *testing.T, js jetstream.JetStream) error {
			_, err := js.Publish(t.Context(), protocol.DesiredSubject("a"), []byte("forged"))
			return err
		}, "1 messages were written to the stream KV_desired", true},
		"a blob is written": {func(t *testing.T, js jetstream.JetStream) error {
			_, err := js.Publish(t.Context(), protocol.BlobSubject("x", 0), []byte("forged"))
			return err
		}, "1 messages were written to the stream KV_blobs", false},
		"reports are acknowledged": {func(t *testing.T, js jetstream.JetStream) error {
			config := must(js.Stream(t.Context(), "KV_"+protocol.BucketReport)).CachedInfo().Config
			config.NoAck = false
			_, err := js.UpdateStream(t.Context(), config)
			return err
		}, "the settings of the stream KV_report were changed", false},
		"the journal is short": {func(t *testing.T, js jetstream.JetStream) error {
			config := must(js.Stream(t.Context(), protocol.StreamJournal)).CachedInfo().Config
			config.MaxAge = time.Minute
			config.Duplicates = time.Minute
			_, err := js.UpdateStream(t.Context(), config)
			return err
		}, "the settings of the stream journal were changed", false},
		"the bundles are small": {func(t *testing.T, js jetstream.JetStream) error {
			config := must(js.Stream(t.Context(), desired)).CachedInfo().Config
			config.MaxBytes = 1 << 20
			_, err := js.UpdateStream(t.Context(), config)
			return err
		}, "the settings of the stream KV_desired were changed", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			s.holds(t)
			s.quiet(t)
			shares := map[string]int64{}
			for _, want := range streams.Configs(1) {
				shares[want.Name] = must(s.bus.JetStream().Stream(t.Context(), want.Name)).CachedInfo().Config.MaxBytes
			}
			if err := c.damage(t, s.intruder(t)); err != nil {
				t.Fatal(err)
			}
			if what := s.bus.Inspect(t.Context()); !strings.Contains(what, c.says) {
				t.Errorf("it finds %q, want %q", what, c.says)
			}
			has, err := s.bus.Holdings(t.Context()) // as after a reconnect
			if err != nil {
				t.Fatal(err)
			}
			if _, there := has.Generations["a"]; there == c.lost {
				t.Errorf("the bundle of a is taken for the hub's: %t, though it was lost: %t", there, c.lost)
			}
			s.holds(t)                     // which is what the hub does then
			_ = s.bus.Inspect(t.Context()) // settings that were restored are told of once
			s.quiet(t)
			has = must(s.bus.Holdings(t.Context()))
			if has.Generations["a"] != 1 || has.Generations["b"] != 2 || len(has.Blobs) == 0 {
				t.Errorf("after the repair it holds %+v", has)
			}
			for _, want := range streams.Configs(1) {
				want.MaxBytes = shares[want.Name]
				if is := must(s.bus.JetStream().Stream(t.Context(), want.Name)).CachedInfo().Config; !streams.Same(want, is) {
					t.Errorf("the stream %s is %+v", want.Name, is)
				}
			}
		})
	}
}

// What the hub drops itself is no damage.
func TestWhatTheHubDropsIsNoDamage(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.holds(t)
	s.quiet(t)
	if err := s.bus.Forget(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	s.quiet(t)
	if has := must(s.bus.Holdings(t.Context())); len(has.Generations) != 1 || has.Generations["b"] != 2 {
		t.Errorf("it holds %+v", has.Generations)
	}
}

// Each stream has what keeps it safe and bounded, as the server tells it.
func TestEachStreamIsBounded(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	seen := 0
	list := s.bus.JetStream().ListStreams(t.Context())
	for info := range list.Info() {
		seen++
		c := info.Config
		if c.MaxBytes <= 0 || !c.DenyDelete || c.Storage != jetstream.FileStorage || c.MaxMsgsPerSubject <= 0 ||
			c.Mirror != nil || c.RePublish != nil {
			t.Errorf("the stream %s is %+v", c.Name, c)
		}
		fromAgents := c.Name != "KV_"+protocol.BucketDesired && c.Name != "KV_"+protocol.BucketBlobs
		if fromAgents && (c.AllowRollup || c.MaxMsgSize <= 0) {
			t.Errorf("agents may roll up, or send what they like into, the stream %s: %+v", c.Name, c)
		}
	}
	if seen != len(streams.Configs(1)) {
		t.Errorf("there are %d streams, want %d", seen, len(streams.Configs(1)))
	}
	js := s.intruder(t)
	if err := must(js.Stream(t.Context(), "KV_"+protocol.BucketDesired)).DeleteMsg(t.Context(), 1); err == nil {
		t.Error("a message was deleted by its number")
	}
	if err := must(js.Stream(t.Context(), protocol.StreamJournal)).Purge(t.Context()); err == nil {
		t.Error("the journal was purged")
	}
}

// An agent's credential is good for its own subjects and for so much, whatever it tries.
func TestAnAgentIsHeldToItsSubjectsAndLimits(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	user := newUser()
	jwt := must(s.keys.AgentJWT("a", user.public, time.Now().Add(time.Hour)))
	denied := make(chan error, 256)
	c := s.dial(t, jwt, user.seed, "a", natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription,
		err error) {
		denied <- err
	}))
	refuses := func(what string, try func() error) {
		t.Helper()
		for len(denied) > 0 {
			<-denied
		}
		if err := try(); err != nil {
			return // the client refuses it
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-denied:
			if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				t.Errorf("%s is refused with %v", what, err)
			}
		case <-time.After(patience):
			t.Errorf("%s is not refused", what)
		}
	}
	for _, subject := range []string{protocol.ReportSubject("b"), protocol.JournalSubject("b"),
		protocol.HelloSubject("b"), protocol.DesiredSubject("a"),
		protocol.BlobSubject("x", 0), "$JS.API.STREAM.DELETE.KV_desired", "$SYS.REQ.SERVER.PING", protocol.HubSubject,
		protocol.AskSubject("b")} {
		refuses("to publish to "+subject, func() error { return c.Publish(subject, []byte("x")) })
	}
	for _, subject := range []string{">", "*", "$KV.>", protocol.DesiredSubject("*"), protocol.DesiredSubject("b"),
		protocol.AskSubject("b"), "_INBOX.>",
		protocol.InboxPrefix("b") + ".>", protocol.HubSubject} {
		refuses("to subscribe to "+subject, func() error {
			_, err := c.SubscribeSync(subject)
			return err
		})
	}
	big := make([]byte, limits.MaxSaid+1)
	if err := c.Publish(protocol.ReportSubject("a"), big); err == nil && c.Flush() == nil {
		t.Errorf("%d bytes are not too much", len(big))
	}
}

// The hub finds back to its server, and what it holds there, by itself.
func TestTheHubReconnectsToAServerThatWasRestarted(t *testing.T) {
	t.Parallel()
	e := newExternal(t, server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
	b := e.hub(1, "main")
	publish(t, b, 7, "before")
	e.kill("main")
	until(t, "the hub says that the server is away", func() bool {
		err := b.Reach()
		return err != nil && strings.Contains(err.Error(), "--nats-url")
	})
	if err := b.Put(t.Context(), nil, []hub.Delivery{{Cluster: "a", Generation: 8, Sealed: []byte("lost")}}); err == nil {
		t.Error("a bundle is published without a server")
	}
	e.start("main")
	until(t, "the hub is connected, and finds what it has published", func() bool {
		has, err := b.Holdings(t.Context())
		return err == nil && has.Generations["a"] == 7
	})
	publish(t, b, 9, "after")
	sees(t, e.agent(e.join(), "main"), "after")
}

// What the hub gave up waiting for may be stored all the same. It is its own.
func TestWhatIsStoredLateIsNoDamage(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.holds(t)
	s.quiet(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for round := range uint64(20) {
		var bundles []hub.Delivery
		for i := range 300 {
			bundles = append(bundles, hub.Delivery{Cluster: fmt.Sprint("c", i), Generation: round + 1, Sealed: []byte("x")})
		}
		if err := s.bus.Put(over, nil, bundles); err == nil {
			t.Fatal("it waited although its time was over")
		}
		s.quiet(t)
	}
	until(t, "the hub looks at the streams again", func() bool {
		s.quiet(t)
		if _, err := s.intruder(t).Publish(t.Context(), protocol.DesiredSubject("c1"), []byte("forged")); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(s.bus.Inspect(t.Context()), "messages were written to the stream KV_desired")
	})
}

// A wave of all clusters is more than the client of NATS lets be on its way.
func TestThousandsOfBundlesArePutAtOnce(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.holds(t)
	var bundles []hub.Delivery
	for i := range 10_000 {
		bundles = append(bundles, hub.Delivery{Cluster: fmt.Sprint("c", i), Generation: 1, Sealed: make([]byte, 2000)})
	}
	if err := s.bus.Put(t.Context(), nil, bundles); err != nil {
		t.Fatal(err)
	}
	s.quiet(t)
	if has := must(s.bus.Holdings(t.Context())); len(has.Generations) != 10_002 {
		t.Errorf("it holds %d bundles", len(has.Generations))
	}
}
