package nats

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
	"golang.org/x/net/http/httpproxy"
)

const (
	getTimeout   = 5 * time.Second
	chunkTimeout = 15 * time.Second
	flushTimeout = 2 * time.Second
)

// The headers of a message of a key-value bucket (NATS ADR-8) and of a Direct Get (ADR-31).
const (
	headerOperation = "KV-Operation"
	headerStatus    = "Status"
	headerSequence  = "Nats-Sequence"
	headerStream    = "Nats-Stream"
	statusNone      = "404"
)

// Config is what a session is made of.
type Config struct {
	Identity  *credential.Identity
	TokenFile string // where a join token may be; it need not be there
	// Token, if not nil, reads the join token in place of TokenFile, which then says where that is. It fails with
	// fs.ErrNotExist if there is none.
	Token func(context.Context) ([]byte, error)
	// Spent, if not nil, empties the place that Token reads, if it still holds a token of this user: the credential
	// that the token bought is stored.
	Spent func(ctx context.Context, user string) error
	// Look is how often the token is looked at while the cluster has not joined and cannot; a minute, if zero.
	Look time.Duration
	Log  *slog.Logger
}

// Session is the agent's session with the hub.
type Session struct {
	c       Config
	proxy   func(*url.URL) (*url.URL, error)
	link    atomic.Pointer[link]
	wanted  chan struct{} // a renewal
	forged  atomic.Bool   // an ask was not the hub's
	heard   askLog
	trouble atomic.Pointer[string]

	// what follows belongs to the goroutine of Run
	renewed  time.Time // when it was last tried because somebody wanted it
	granted  time.Time // when the credential was last renewed
	hopeless string    // the JWT that the hub will not renew
	greeted  time.Time // in the last hello
}

var (
	_ agent.Session  = (*Session)(nil)
	_ agent.Blobs    = (*Session)(nil)
	_ agent.Reporter = (*Session)(nil)
)

// New prepares a session.
func New(c Config) *Session {
	if c.Look == 0 {
		c.Look = time.Minute
	}
	return &Session{c: c, proxy: httpproxy.FromEnvironment().ProxyFunc(), wanted: make(chan struct{}, 1)}
}

// Trouble says why there is no session with the hub, or will soon be none, and what to do, where a person has to do
// something; "" otherwise.
func (s *Session) Trouble() string {
	if t := s.trouble.Load(); t != nil {
		return *t
	}
	return ""
}

// handlers are whom Run tells.
type handlers struct {
	deliver   func(sealed []byte)
	connected func(bool)
	asked     func(protocol.Ask)
}

// Run implements agent.Session.
func (s *Session) Run(ctx context.Context, deliver func(sealed []byte), connected func(bool),
	asked func(protocol.Ask)) error {
	h := handlers{deliver, connected, asked}
	token := s.newToken(ctx)
	o := outage{log: s.c.Log}
	for ctx.Err() == nil {
		var err error
		if token != nil {
			token, err = s.rejoin(ctx, token, &o)
		}
		if !errors.Is(err, agent.ErrLost) {
			err = s.round(ctx, h, &o)
		}
		switch {
		case errors.Is(err, agent.ErrLost):
			return err
		case errors.Is(err, errRenewed):
			continue // at once: only this agent does it now
		}
		o.pause(ctx, err)
	}
	return nil
}

// round connects and holds the session until it is lost.
func (s *Session) round(ctx context.Context, h handlers, o *outage) error {
	cred := s.c.Identity.Credential()
	key, err := signer(cred.Seed)
	if err != nil {
		return fmt.Errorf("the credential: %w", err)
	}
	nc, lost, err := s.connect(ctx, account{name: "drover-agent " + cred.Cluster, inbox: cred.Cluster,
		jwt: cred.JWT, seed: cred.Seed, trust: cred.Trust}, o)
	if err != nil {
		switch {
		case isRefused(err):
			s.say(refusedText(cred, time.Now()))
		case isForeign(err):
			s.say(err.Error())
		}
		return err
	}
	o.up()
	if s.hopeless != cred.JWT {
		s.say("")
	}
	l := &link{Conn: nc, cred: cred, key: key, lost: lost}
	err = s.hold(ctx, l, h)
	o.down()
	return err
}

// link is one connection, with the credential that it was made with.
type link struct {
	*nats.Conn
	cred protocol.Credential
	key  ed25519.PrivateKey // of the credential
	lost <-chan struct{}    // closed when the connection is
}

// hold keeps a session until ctx is done, it is lost or the credential is another.
func (s *Session) hold(ctx context.Context, l *link, h handlers) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer l.Close()
	d := newDesired(s, l, h.deliver)
	_, err := l.Subscribe(protocol.DesiredSubject(l.cred.Cluster), d.push)
	if err == nil {
		_, err = l.Subscribe(protocol.AskSubject(l.cred.Cluster), func(m *nats.Msg) { s.ask(m.Data, d.fetch, h.asked) })
	}
	if err != nil {
		return fmt.Errorf("subscribe to what the hub sends to %s: %w", l.cred.Cluster, err)
	}
	greeting, err := s.hello(l) // after it can be asked for something
	if err != nil {
		return err
	}
	s.link.Store(l)
	s.c.Log.Info("connected to the hub", "server", l.ConnectedUrlRedacted())
	h.connected(true)
	defer h.connected(false)
	wg.Go(func() { d.run(ctx) })
	wg.Go(func() { s.assure(ctx, l, greeting) })
	return s.tend(ctx, l)
}

func request(ctx context.Context, nc *nats.Conn, subject string, data []byte, limit time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil {
		return nil, err
	}
	return nc.RequestWithContext(ctx, subject, data)
}

// Chunk fetches one chunk of a blob.
func (s *Session) Chunk(ctx context.Context, id string, chunk int) ([]byte, error) {
	l := s.link.Load()
	if l == nil || !l.IsConnected() {
		return nil, agent.ErrOffline
	}
	ctx, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	m, err := l.RequestWithContext(ctx, protocol.BlobGet(id, chunk), nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch blob %.12s: %w (%w)", id, agent.ErrOffline, err)
	case m.Header.Get(headerStatus) == statusNone || m.Header.Get(headerOperation) != "":
		return nil, fmt.Errorf("the hub's store does not have blob %.12s (chunk %d): it is published again when the "+
			"hub next renders it", id, chunk)
	case m.Header.Get(headerStatus) != "":
		return nil, fmt.Errorf("fetch blob %.12s: %w (%s %s)", id, agent.ErrOffline, m.Header.Get(headerStatus),
			m.Header.Get("Description"))
	}
	return m.Data, nil
}

// Report publishes a report.
func (s *Session) Report(ctx context.Context, data []byte) error {
	return s.speak(ctx, protocol.SpeechReport, data)
}

// Record publishes events to the journal.
func (s *Session) Record(ctx context.Context, events [][]byte) error {
	return s.speak(ctx, protocol.SpeechEvent, events...)
}

// speak signs, seals and publishes. It returns when the server has everything: a flush comes back behind it.
func (s *Session) speak(ctx context.Context, kind protocol.SpeechKind, messages ...[]byte) error {
	l := s.link.Load()
	if l == nil || !l.IsConnected() {
		return agent.ErrOffline
	}
	subject := protocol.ReportSubject(l.cred.Cluster)
	if kind == protocol.SpeechEvent {
		subject = protocol.JournalSubject(l.cred.Cluster)
	}
	hub := s.c.Identity.Credential().HubOpen
	for _, m := range messages {
		sealed, err := protocol.Speak(kind, l.cred.Cluster, l.key, hub, m)
		if err != nil {
			return err
		}
		if err := l.Publish(subject, sealed); err != nil {
			return fmt.Errorf("publish to %s: %w", subject, errors.Join(agent.ErrOffline, err))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := l.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", subject, errors.Join(agent.ErrOffline, err))
	}
	return nil
}
