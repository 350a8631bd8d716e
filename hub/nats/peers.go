package nats

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

const (
	// peerTimeout is how long the first answer of another hub may take; where no other hub listens, the server says
	// so at once.
	peerTimeout = time.Second
	// peerRest is how long further answers are waited for after the last one.
	peerRest = 250 * time.Millisecond
	// maxPeers is how many answers are read.
	maxPeers = 100
)

var _ hub.Peers = (*Bus)(nil)

// peers finds the other hubs of the fleet. It has a connection of its own that does not hear what it says itself:
// where nobody else listens, the server answers at once that there is nobody.
type peers struct {
	conn *natsgo.Conn
	key  ed25519.PrivateKey // of every hub that has the fleet's secret, which is not rotated as signing keys are

	mu   sync.Mutex // guards what follows
	self *protocol.Presence
	met  func(protocol.Presence) // told of others that ask; nil before Listen
}

func (b *Bus) openPeers(o Options) (*peers, error) {
	seed, err := hkdf.Key(sha256.New, o.Keys.Secret, nil, "drover hub presence v1", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	p := &peers{key: ed25519.NewKeyFromSeed(seed)}
	p.conn, err = b.dial(o, as{keyring.LoginHub, "drover-hub-peers"}, func() {}, natsgo.NoEcho())
	if err != nil {
		return nil, err
	}
	_, err = p.conn.Subscribe(protocol.HubSubject, func(m *natsgo.Msg) { b.answer(p, m) })
	return p, err
}

// answer tells another hub of this one, and this one of the other.
func (b *Bus) answer(p *peers, m *natsgo.Msg) {
	other, err := p.open(b.account, m.Data)
	if err != nil || other.Answer || m.Reply == "" {
		return
	}
	p.mu.Lock()
	self, met := p.self, p.met
	p.mu.Unlock()
	if self == nil {
		return
	}
	out := *self
	out.Nonce, out.Answer = other.Nonce, true
	data, err := protocol.SignMessage(out, p.key)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		b.log.Warn("another hub asks who is there and was not answered; it asks again", "err", err)
	}
	if met != nil {
		met(other)
	}
}

// open reads what another hub says.
func (p *peers) open(fleet string, data []byte) (protocol.Presence, error) {
	if len(data) > limits.MaxRequest {
		return protocol.Presence{}, protocol.ErrMalformed
	}
	keys := []ed25519.PublicKey{p.key.Public().(ed25519.PublicKey)}
	return protocol.VerifyMessage[protocol.Presence](data, fleet, keys)
}

// Meet implements hub.Peers.
func (b *Bus) Meet(ctx context.Context, self protocol.Presence) ([]protocol.Presence, error) {
	self.Version, self.Fleet = protocol.Version, b.account
	p := b.peers
	p.mu.Lock()
	p.self = &self
	p.mu.Unlock()
	if err := b.Reach(); err != nil {
		return nil, err
	}
	connection := b.conn.Stats().Reconnects
	if !p.conn.IsConnected() {
		return nil, errors.New("NATS cannot be asked for other hubs yet: its second connection is not there")
	}
	ask := self
	ask.Nonce = rand.Text()
	data, err := protocol.SignMessage(ask, p.key)
	if err != nil {
		return nil, err
	}
	inbox := p.conn.NewRespInbox()
	sub, err := p.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("ask for other hubs: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := p.conn.PublishRequest(protocol.HubSubject, inbox, data); err != nil {
		return nil, fmt.Errorf("ask for other hubs: %w", err)
	}
	out, err := p.gather(ctx, sub, ask)
	if err == nil {
		b.met.Store(connection + 1)
	}
	return out, err
}

// gather reads the answers to a question.
func (p *peers) gather(
	ctx context.Context, sub *natsgo.Subscription, ask protocol.Presence,
) (out []protocol.Presence, err error) {
	for wait := peerTimeout; len(out) < maxPeers; wait = peerRest {
		waiting, cancel := context.WithTimeout(ctx, wait)
		m, err := sub.NextMsgWithContext(waiting)
		cancel()
		switch {
		case errors.Is(err, natsgo.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("ask for other hubs: %w", err)
		case m.Header.Get("Status") == "503":
			return out, nil
		}
		other, err := p.open(ask.Fleet, m.Data)
		if err == nil && other.Answer && other.Nonce == ask.Nonce && other.Instance != ask.Instance {
			out = append(out, other)
		}
	}
	return out, nil
}

// hearPeers says who is told of hubs that ask.
func (b *Bus) hearPeers(met func(protocol.Presence)) {
	b.peers.mu.Lock()
	defer b.peers.mu.Unlock()
	b.peers.met = met
}

// Serve implements hub.Peers.
func (b *Bus) Serve(yes bool, epoch uint64) {
	b.ids.SetEpoch(epoch)
	if b.serving.Swap(yes) == yes || !yes {
		return
	}
	b.guard.Unsure()
	b.guard.Recount()
	if b.server != nil {
		if err := b.server.Revoke(b.ids.Revoked()); err != nil {
			b.log.Error("the embedded NATS server has not been told which credentials are revoked", "err", err)
		}
		return
	}
	b.tell() // before it makes buckets: a server that takes new claims may lose a request
}

// unmet says whether the connection is another one than when other hubs were asked for last.
func (b *Bus) unmet() bool { return b.standby && b.met.Load() != b.conn.Stats().Reconnects+1 }

// Alone implements hub.Peers.
func (b *Bus) Alone() bool { return b.server != nil }
