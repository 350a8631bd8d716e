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
	// What a server says before it has greeted comes as text alone.
	refused := slices.ContainsFunc([]error{natsgo.ErrAuthorization, natsgo.ErrAuthRevoked, natsgo.ErrAuthExpired},
		func(x error) bool { return errors.Is(err, x) || strings.EqualFold(err.Error(), x.Error()) })
	if !refused {
		t.Errorf("it is refused with %v", err)
	}
	return false
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
			used, justUsed := must(s.ids.Token("used", hub.TokenOptions{})), must(s.ids.Token("just-used", hub.TokenOptions{}))
			expired := must(s.ids.Token("expired", hub.TokenOptions{TTL: 3 * time.Second}))
			for _, token := range []protocol.JoinToken{revoked, good, used, justUsed, expired} {
				if !s.connects(t, token) {
					t.Errorf("the token of %s does not connect", token.Cluster)
				}
			}
			live := s.dial(t, used.JWT, used.Seed, used.User, natsgo.NoReconnect())
			if err := s.ids.Revoke("revoked"); err != nil {
				t.Fatal(err)
			}
			for user, since := range map[string]time.Duration{used.User: tokenRepeat - time.Second, justUsed.User: 0} {
				token, _ := s.ids.token(user)
				token.Used = credential{User: newUser().public, Issued: time.Now().Add(-since)}
				if err := s.ids.saveToken(token); err != nil {
					t.Fatal(err)
				}
			}
			for _, token := range []protocol.JoinToken{revoked, used, expired} {
				until(t, "the token of "+token.Cluster+" connects no more", func() bool { return !s.connects(t, token) })
			}
			until(t, "its connection is cut", live.IsClosed)
			for _, token := range []protocol.JoinToken{good, justUsed} {
				if !s.connects(t, token) {
					t.Errorf("the token of %s connects no more", token.Cluster)
				}
			}
		})
	}
}
