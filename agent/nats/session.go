package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
)

const (
	getTimeout   = 5 * time.Second
	chunkTimeout = 15 * time.Second
	flushTimeout = 2 * time.Second
	// The first tries come quickly, because a hub that is restarted is back in a second; the last slowly, because one
	// that is away may be away for long, and thousands of agents wait for it.
	reconnectMin = 250 * time.Millisecond
	reconnectMax = 15 * time.Second
)

// The headers of a message of a key-value bucket (NATS ADR-8) and of a Direct Get (ADR-31).
const (
	headerOperation = "KV-Operation"
	headerStatus    = "Status"
	statusNone      = "404"
)

// Session is the agent's session with the hub.
type Session struct {
	cred protocol.Credential
	log  *slog.Logger
	opts []nats.Option
	conn atomic.Pointer[nats.Conn]
	// pushed counts the bundles that came by subscription.
	pushed atomic.Uint64
}

var _ agent.Bus = (*Session)(nil)

// New prepares a session. opts are laid over the session's own.
func New(cred protocol.Credential, log *slog.Logger, opts ...nats.Option) *Session {
	return &Session{cred: cred, log: log, opts: opts}
}

// Run holds the session until ctx is done.
func (s *Session) Run(ctx context.Context, deliver func(sealed []byte), connected func(bool)) error {
	ready := make(chan struct{}, 1)
	up := func(*nats.Conn) {
		select {
		case ready <- struct{}{}:
		default:
		}
	}
	nc, err := nats.Connect(strings.Join(s.cred.Servers, ","), append(s.options(up, connected), s.opts...)...)
	if err != nil {
		return fmt.Errorf("prepare the session with the hub at %s: %w", strings.Join(s.cred.Servers, ", "), err)
	}
	defer nc.Close()
	s.conn.Store(nc)
	_, err = nc.Subscribe(protocol.DesiredSubject(s.cred.Cluster), func(m *nats.Msg) {
		s.pushed.Add(1)
		s.take(m, deliver)
	})
	if err != nil {
		return fmt.Errorf("subscribe to the bundles of %s: %w", s.cred.Cluster, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ready:
			s.log.Info("connected to the hub", "server", nc.ConnectedUrlRedacted())
			connected(true)
			s.get(ctx, nc, ready, deliver)
		}
	}
}

func (s *Session) options(up nats.ConnHandler, connected func(bool)) []nats.Option {
	return []nats.Option{
		nats.Name("drover-agent " + s.cred.Cluster),
		nats.UserJWTAndSeed(s.cred.JWT, s.cred.Seed),
		nats.CustomInboxPrefix(protocol.InboxPrefix(s.cred.Cluster)),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(), // a credential that the hub does not know yet may be known soon
		nats.CustomReconnectDelay(delay),
		nats.ReconnectBufSize(-1), // what cannot be sent is kept by the agent, which knows what is still true
		nats.PingInterval(20 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.Timeout(5 * time.Second),
		nats.ConnectHandler(up),
		nats.ReconnectHandler(up),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			connected(false)
			if err != nil {
				s.log.Warn("the connection to the hub broke; it is opened again by itself, and the cluster is kept as it is meanwhile", "err", err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			s.log.Debug("the hub cannot be reached yet", "err", err)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.log.Warn("the hub's NATS server complains: see that the credential is this cluster's and has not been revoked", "err", err)
		}),
	}
}

// delay is the pause before a try to connect.
func delay(tries int) time.Duration {
	d := reconnectMax
	if shift := min(max(tries-1, 0), 20); reconnectMin<<shift < reconnectMax {
		d = reconnectMin << shift
	}
	return d/2 + rand.N(d/2)
}

// take hands on a bundle. A message that says that the bundle was deleted says nothing about the cluster.
func (s *Session) take(m *nats.Msg, deliver func([]byte)) {
	if op := m.Header.Get(headerOperation); op != "" || len(m.Data) == 0 {
		s.log.Warn("the hub's store no longer has a bundle for this cluster; everything stays as it is", "operation", op)
		return
	}
	deliver(m.Data)
}

// get asks for the bundle that was published while the session did not hold, until there is an answer or the
// session is lost again.
func (s *Session) get(ctx context.Context, nc *nats.Conn, ready <-chan struct{}, deliver func([]byte)) {
	pause := backoff.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}
	for ctx.Err() == nil && nc.IsConnected() && len(ready) == 0 {
		before := s.pushed.Load()
		m, err := s.request(ctx, nc, protocol.DesiredGet(s.cred.Cluster), getTimeout)
		switch {
		case err == nil && m.Header.Get(headerStatus) == statusNone:
			s.log.Info("the hub has published no bundle for this cluster yet; it will come by itself")
			return
		case err == nil && m.Header.Get(headerStatus) != "":
			err = fmt.Errorf("%s %s", m.Header.Get(headerStatus), m.Header.Get("Description"))
		case err == nil:
			if s.pushed.Load() == before { // or else something newer came while this was on its way
				s.take(m, deliver)
			}
			return
		}
		s.log.Debug("the bundle cannot be had yet", "err", err)
		if pause.Wait(ctx, nil) != nil {
			return
		}
	}
}

func (s *Session) request(ctx context.Context, nc *nats.Conn, subject string, limit time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil {
		return nil, err
	}
	return nc.RequestWithContext(ctx, subject, nil)
}

// Chunk fetches one chunk of a blob.
func (s *Session) Chunk(ctx context.Context, id string, chunk int) ([]byte, error) {
	nc := s.conn.Load()
	if nc == nil || !nc.IsConnected() {
		return nil, agent.ErrOffline
	}
	ctx, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, protocol.BlobGet(id, chunk), nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch blob %.12s: %w (%w)", id, agent.ErrOffline, err)
	case m.Header.Get(headerStatus) == statusNone || m.Header.Get(headerOperation) != "":
		return nil, fmt.Errorf("the hub's store does not have blob %.12s (chunk %d): it is published again when the hub next renders it", id, chunk)
	case m.Header.Get(headerStatus) != "":
		return nil, fmt.Errorf("fetch blob %.12s: %w (%s %s)", id, agent.ErrOffline, m.Header.Get(headerStatus), m.Header.Get("Description"))
	}
	return m.Data, nil
}

// Report publishes a report.
func (s *Session) Report(ctx context.Context, data []byte) error {
	return s.publish(ctx, protocol.ReportSubject(s.cred.Cluster), data)
}

// Record publishes events to the journal.
func (s *Session) Record(ctx context.Context, events [][]byte) error {
	return s.publish(ctx, protocol.JournalSubject(s.cred.Cluster), events...)
}

// publish returns when the server has everything: a flush comes back behind it.
func (s *Session) publish(ctx context.Context, subject string, messages ...[]byte) error {
	nc := s.conn.Load()
	if nc == nil || !nc.IsConnected() {
		return agent.ErrOffline
	}
	for _, m := range messages {
		if err := nc.Publish(subject, m); err != nil {
			return fmt.Errorf("publish to %s: %w", subject, errors.Join(agent.ErrOffline, err))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", subject, errors.Join(agent.ErrOffline, err))
	}
	return nil
}
