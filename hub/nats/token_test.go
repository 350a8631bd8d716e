package nats

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// connects says whether a join token connects.
func (s site) connects(t *testing.T, token protocol.JoinToken) bool {
	t.Helper()
	c, err := natsgo.Connect(s.url, natsgo.UserJWTAndSeed(token.JWT, token.Seed), trusting(s.keys.CA()),
		natsgo.CustomInboxPrefix(protocol.InboxPrefix(token.User)))
	if err == nil {
		c.Close()
		return true
	}
	// What a server says before it has greeted comes as text alone, in the server's words: "User Authentication
	// Revoked".
	said := strings.Replace(err.Error(), "nats: User ", "nats: ", 1)
	refused := slices.ContainsFunc([]error{natsgo.ErrAuthorization, natsgo.ErrAuthRevoked, natsgo.ErrAuthExpired},
		func(x error) bool { return errors.Is(err, x) || strings.EqualFold(said, x.Error()) })
	if !refused {
		t.Errorf("it is refused with %v", err)
	}
	return false
}

// joins uses a join token.
func (s site) joins(t *testing.T, token protocol.JoinToken) {
	t.Helper()
	_, open, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	req := protocol.KeyRequest{Version: protocol.Version, Cluster: token.Cluster, User: newUser().public, OpenKey: open}
	data := must(protocol.SignMessage(req, must(signerOf(userPair{token.User, token.Seed}))))
	answer, err := s.ids.Join(token.User, data, func(string) error { return nil })
	if grant := payload[protocol.Grant](answer); err != nil || grant.JWT == "" {
		t.Fatalf("the token of %s buys nothing: %s, %v", token.Cluster, grant.Error, err)
	}
}

func TestAJoinTokenThatEndedConnectsNoMore(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) site{
		"embedded": embedded,
		"external cluster": func(t *testing.T) site {
			e := newExternal(t, threeNodes(t))
			return site{e.hub(3, "n0", "n1", "n2"), e.keys, e.ids, e.url("n1"), e.url("n0")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			s.ids.Advertise(must(s.keys.Trust([]string{s.url}, s.keys.CA())), s.bus.Revoke)
			revoked, good := must(s.ids.Token("revoked", hub.TokenOptions{})), must(s.ids.Token("good", hub.TokenOptions{}))
			used := must(s.ids.Token("just-used", hub.TokenOptions{}))
			expired := must(s.ids.Token("expired", hub.TokenOptions{TTL: 3 * time.Second}))
			for _, token := range []protocol.JoinToken{revoked, good, used, expired} {
				if !s.connects(t, token) {
					t.Errorf("the token of %s does not connect", token.Cluster)
				}
			}
			live := s.dial(t, revoked.JWT, revoked.Seed, revoked.User, natsgo.NoReconnect())
			if err := s.ids.Revoke("revoked"); err != nil {
				t.Fatal(err)
			}
			s.joins(t, used)
			for _, token := range []protocol.JoinToken{revoked, expired} {
				until(t, "the token of "+token.Cluster+" connects no more", func() bool { return !s.connects(t, token) })
			}
			until(t, "its connection is cut", live.IsClosed)
			for _, token := range []protocol.JoinToken{good, used} {
				if !s.connects(t, token) {
					t.Errorf("the token of %s connects no more", token.Cluster)
				}
			}
		})
	}
}
