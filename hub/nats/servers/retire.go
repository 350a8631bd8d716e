package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/streams"
)

// Up to c9a339c the hub, its streams and all agents shared the account that is AGENTS now.

// retireTimeout is how long external servers may take to delete the streams of an older release.
const retireTimeout = 10 * time.Second

// retire deletes the streams that an older release left on external servers, while the account that agents share still
// has JetStream: it cannot be done afterwards. What they hold is published again, and older events are lost.
//
// It says whether leaf nodes have to connect again: the agents' account had JetStream, or other signing keys.
func (s *Servers) retire() (relink bool, err error) {
	ctx, cancel := context.WithTimeout(s.closed, retireTimeout)
	defer cancel()
	stores, others, err := s.agentsKnown(ctx)
	if err != nil || !stores { // it was done before
		return others, err
	}
	token, seed, err := s.o.Keys.Credentials(keyring.LoginFormer, "drover-hub-upgrade")
	if err != nil {
		return false, err
	}
	c, err := natsgo.Connect(s.o.URL, natsgo.Name("drover-hub-upgrade"), natsgo.UserJWTAndSeed(token, string(seed)),
		natsgo.NoReconnect(), natsgo.Secure(TLS(s.o.CA)))
	if err != nil {
		return false, err
	}
	defer c.Close()
	js, err := jetstream.New(c)
	if err != nil {
		return false, err
	}
	for _, stream := range streams.Configs(1) {
		err := js.DeleteStream(ctx, stream.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
		case errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) ||
			errors.Is(err, natsgo.ErrNoResponders):
			return false, nil // it was done before
		case err != nil:
			return true, fmt.Errorf("delete the stream %s of an older release: %w", stream.Name, err)
		default:
			s.o.Log.Info("a stream of an older release was deleted; what it held is published again", "stream", stream.Name)
		}
	}
	return true, nil
}

// agentsKnown says whether a server has JetStream in the account that agents share, and whether one has it with other
// signing keys. In that account itself it cannot be asked: with leaf nodes a request that no server takes is not
// answered either.
func (s *Servers) agentsKnown(ctx context.Context) (stores, others bool, err error) {
	answers := 0
	for data := range s.ask(ctx, "$SYS.REQ.ACCOUNT."+s.o.Account+".INFO", nil) {
		var answer struct {
			Data struct {
				JetStream bool `json:"jetstream_enabled"`
				JWT       string
			}
		}
		if answers++; json.Unmarshal(data, &answer) != nil {
			continue
		}
		stores = stores || answer.Data.JetStream
		if c, err := jwt.DecodeAccountClaims(answer.Data.JWT); err == nil {
			others = others || !slices.Equal(slices.Sorted(slices.Values(c.SigningKeys.Keys())),
				slices.Sorted(slices.Values(s.o.Keys.SignerNames())))
		}
	}
	if answers == 0 {
		return false, false, errors.New("no NATS server says what it knows of the agents' account")
	}
	return stores, others, nil
}

// relink has leaf nodes connect again after the agents' account has got its imports or other signing keys: nats-server
// 2.15 drops what a leaf node had subscribed to before, and does not tell it.
func (s *Servers) relink() error {
	inbox := s.conn.NewRespInbox()
	sub, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.conn.PublishRequest("$SYS.REQ.SERVER.PING.LEAFZ", inbox, nil); err != nil {
		return err
	}
	for wait := claimsTimeout; ; wait = answerRest {
		m, err := sub.NextMsg(wait)
		if errors.Is(err, natsgo.ErrTimeout) {
			return nil // no more servers answer
		}
		if err != nil {
			return err
		}
		var answer struct {
			Server struct{ ID string }
			Data   struct {
				Leafs []struct {
					ID      uint64
					Account string
				}
			}
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return err
		}
		for _, leaf := range answer.Data.Leafs {
			if leaf.Account != s.o.Account {
				continue
			}
			ask := fmt.Sprintf(`{"cid":%d}`, leaf.ID)
			_, err := s.conn.Request("$SYS.REQ.SERVER."+answer.Server.ID+".KICK", []byte(ask), claimsTimeout)
			if err != nil { // the server does nothing unless a reply is expected
				return err
			}
		}
	}
}
