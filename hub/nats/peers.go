package nats

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/decisions"
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
	conn    *natsgo.Conn
	fleet   string             // the public key of the agents' account
	key     ed25519.PrivateKey // of every hub that has the fleet's secret, which is not rotated as signing keys are
	standby bool               // see Options
	log     *slog.Logger
	asked   atomic.Uint64 // the connection of the bus, counted from 1, on which other hubs were asked for last

	mu   sync.Mutex // guards what follows
	self *protocol.Presence
	met  func(protocol.Presence) // told of others that ask; nil before Listen
}

func openPeers(d dialer, account string) (*peers, error) {
	seed, err := hkdf.Key(sha256.New, d.o.Keys.Secret, nil, "drover hub presence v1", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	p := &peers{fleet: account, key: ed25519.NewKeyFromSeed(seed), standby: d.o.Standby, log: d.o.Log}
	p.conn, err = d.dial(as{keyring.LoginHub, "drover-hub-peers"}, func() {}, natsgo.NoEcho())
	if err != nil {
		return nil, err
	}
	_, err = p.conn.Subscribe(protocol.HubSubject, p.answer)
	return p, err
}

// answer tells another hub of this one, and this one of the other.
func (p *peers) answer(m *natsgo.Msg) {
	other, err := p.open(m.Data)
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
		p.log.Warn("another hub asks who is there and was not answered; it asks again", "err", err)
	}
	if met != nil {
		met(other)
	}
}

// open reads what another hub says.
func (p *peers) open(data []byte) (protocol.Presence, error) {
	if len(data) > limits.MaxRequest {
		return protocol.Presence{}, protocol.ErrMalformed
	}
	keys := []ed25519.PublicKey{p.key.Public().(ed25519.PublicKey)}
	return protocol.VerifyMessage[protocol.Presence](data, p.fleet, keys)
}

// Meet implements hub.Peers.
func (b *Bus) Meet(ctx context.Context, self protocol.Presence) ([]protocol.Presence, error) {
	b.peers.present(&self)
	if err := b.Reach(); err != nil {
		return nil, err
	}
	connection := b.conn.Stats().Reconnects
	out, err := b.peers.meet(ctx, self)
	if err == nil {
		b.peers.asked.Store(connection + 1)
	}
	return out, err
}

// present has other hubs that ask be answered with self.
func (p *peers) present(self *protocol.Presence) {
	self.Version, self.Fleet = protocol.Version, p.fleet
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self = self
}

// meet asks who else is there.
func (p *peers) meet(ctx context.Context, ask protocol.Presence) ([]protocol.Presence, error) {
	if !p.conn.IsConnected() {
		return nil, errors.New("NATS cannot be asked for other hubs yet: its second connection is not there")
	}
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
	return p.gather(ctx, sub, ask)
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
		other, err := p.open(m.Data)
		if err == nil && other.Answer && other.Nonce == ask.Nonce && other.Instance != ask.Instance {
			out = append(out, other)
		}
	}
	return out, nil
}

// hear says who is told of hubs that ask.
func (p *peers) hear(met func(protocol.Presence)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.met = met
}

// unmet says whether a connection of the bus is another one than when other hubs were asked for last.
func (p *peers) unmet(c *natsgo.Conn) bool {
	return p.standby && p.asked.Load() != c.Stats().Reconnects+1
}

// Serve implements hub.Peers.
func (b *Bus) Serve(yes bool, epoch uint64) {
	b.ids.SetEpoch(epoch)
	if b.serving.Swap(yes) == yes || !yes {
		return
	}
	b.Serves()
	b.servers.Tell() // before it makes buckets: a server that takes new claims may lose a request
}

// Alone implements hub.Peers.
func (b *Bus) Alone() bool { return b.alone }

// DecisionsOf is where a bus keeps a copy of the hub's journal of decisions.
func DecisionsOf(b *Bus) decisions.Stream { return decisions.Stream{JetStream: b.JetStream()} }
