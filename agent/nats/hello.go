package nats

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
)

// greeting is a Hello that was sent, and whose acknowledgement by the hub's stream is waited for.
type greeting struct {
	message []byte
	ack     *nats.Subscription
}

// hello says which credential this connection was made with. It is the first thing that is said, so that the hub can
// verify the rest.
func (s *Session) hello(l *link) (greeting, error) {
	now := time.Now()
	if !now.After(s.greeted) { // a hub takes no hello that is not newer than the last one, and clocks are set back
		now = s.greeted.Add(time.Microsecond)
	}
	s.greeted = now
	open, err := protocol.OpenPublic(l.cred.OpenKey)
	if err != nil {
		return greeting{}, err
	}
	hello, err := protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: l.cred.Cluster, Time: now,
		JWT: l.cred.JWT, OpenKey: open}, l.key)
	if err != nil {
		return greeting{}, err
	}
	inbox := l.NewRespInbox()
	ack, err := l.SubscribeSync(inbox)
	if err == nil {
		err = l.PublishRequest(protocol.HelloSubject(l.cred.Cluster), inbox, hello)
	}
	return greeting{hello, ack}, err
}

// assure says hello again until the hub's stream has it: the hub, which may be away or have been restored, learns from
// there who speaks for the cluster.
func (s *Session) assure(ctx context.Context, l *link, g greeting) {
	defer func() { _ = g.ack.Unsubscribe() }()
	pause := backoff.Backoff{Min: time.Second, Max: time.Minute}
	for ctx.Err() == nil && l.IsConnected() {
		waiting, cancel := context.WithTimeout(ctx, getTimeout)
		m, err := g.ack.NextMsgWithContext(waiting)
		cancel()
		if err == nil {
			err = stored(m)
		}
		if err == nil {
			return
		}
		s.c.Log.Debug("the hub's store has not taken the hello yet", "err", err)
		if pause.Wait(ctx, nil) != nil {
			return
		}
		if err := l.PublishRequest(protocol.HelloSubject(l.cred.Cluster), g.ack.Subject, g.message); err != nil {
			s.c.Log.Debug("the hello cannot be sent", "err", err)
		}
	}
}

// stored says why what acknowledges a message does not say that a stream stored it.
func stored(m *nats.Msg) error {
	if m.Header.Get(headerStatus) != "" {
		return errors.New("nobody listens")
	}
	var ack struct {
		Stream string `json:"stream"`
		Error  *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return err
	}
	if ack.Error != nil {
		return errors.New(ack.Error.Description)
	}
	return nil
}
