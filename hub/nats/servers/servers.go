package servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
)

// Options say of which servers Servers are, and what of the hub they need.
type Options struct {
	Embedded *server.Server // the embedded one; nil where the servers are external
	URL, CA  string         // of external ones; see nats.Options
	Account  string         // the public key of the agents' account
	Keys     *keyring.Keys
	Revoked  func() []string // the users that no server may let in
	Serving  func() bool     // whether this hub acts for the fleet; see hub.Peers
	Found    func()          // told whenever the hub and a server have found each other
	Log      *slog.Logger
}

// Servers are the NATS servers of a fleet, as the system account sees them. They are safe for concurrent use.
type Servers struct {
	o      Options
	conn   *natsgo.Conn  // in the system account
	remind chan struct{} // external servers may not know who is revoked
	closed context.Context
	quit   context.CancelFunc

	claiming sync.Mutex // one account at a time, so that an older one never comes after a newer one
	retired  bool       // the streams of an older release are gone; guarded by claiming
	relinks  bool       // leaf nodes are to connect again; the same
}

// Open connects by dial, which calls up whenever it succeeds, and tells external servers of the hub's account. Servers
// that cannot be reached are no error: they are told when they are there.
func Open(o Options, dial func(up func()) (*natsgo.Conn, error)) (*Servers, error) {
	s := &Servers{o: o, remind: make(chan struct{}, 1)}
	s.closed, s.quit = context.WithCancel(context.Background())
	var err error
	if s.conn, err = dial(s.returned); err != nil {
		s.quit()
		return nil, err
	}
	if o.Embedded != nil {
		return s, nil
	}
	if s.conn.IsConnected() { // or else it is when that connects
		s.claiming.Lock()
		err := s.introduce()
		s.claiming.Unlock()
		if err != nil {
			o.Log.Warn("the NATS servers have not been told of the hub's account yet; it is tried again", "err", err)
		}
	}
	if err := s.watch(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the connection.
func (s *Servers) Close() {
	s.quit()
	s.conn.Close()
}

// Conn is the connection in the system account.
func (s *Servers) Conn() *natsgo.Conn { return s.conn }

// Revoke cuts users off on all servers, at once. External servers that cannot be reached learn
// of it when they can: the error says so. A hub that does not act for the fleet tells nobody: what it remembers may
// be older than what another hub has revoked, and would let that in again.
func (s *Servers) Revoke(users []string) error {
	if !s.o.Serving() {
		return nil
	}
	if s.o.Embedded != nil {
		return s.o.Embedded.Revoke(users)
	}
	s.claiming.Lock()
	defer s.claiming.Unlock()
	if err := s.claim(users); err != nil {
		return fmt.Errorf("the hub gives the credential nothing any more, but connections that it has are not cut yet: %w; "+
			"it is tried again when the hub connects to NATS", err)
	}
	return nil
}

// Told says whether external servers have taken the accounts since this hub connected.
func (s *Servers) Told() bool {
	s.claiming.Lock()
	defer s.claiming.Unlock()
	return s.retired
}

// Tell tells the servers who is revoked. What goes wrong is logged, and tried again when servers are found.
func (s *Servers) Tell() {
	if s.o.Embedded == nil {
		s.tell()
		return
	}
	if err := s.o.Embedded.Revoke(s.o.Revoked()); err != nil {
		s.o.Log.Error("the embedded NATS server has not been told which credentials are revoked", "err", err)
	}
}

// TLS trusts ca (PEM), or the system's authorities if it is empty.
func TLS(ca string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(ca))
	}
	return config
}
