package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/nats-io/nats-server/v2/server"
)

// Server is the embedded nats-server.
type Server struct {
	server *server.Server
	keys   *keyring.Keys
}

// Options say what the embedded server does.
type Options struct {
	Listen      string                 // host:port for agents; port 0 takes a free one
	WebSocket   string                 // the same for agents that come by WebSocket; none, if empty
	Dir         string                 // of its streams
	Certificate keyring.GetCertificate // for both
	Keys        *keyring.Keys
	Revoked     []string // users that may not connect any more
	MaxStore    int64    // bytes that it may store; 0 means 64 GiB
	// Distrusted, if not nil, is told from where an agent came that does not trust Certificate.
	Distrusted func(host string)
	Log        *slog.Logger
}

// defaultMaxStore is how much the embedded server may store, in bytes.
const defaultMaxStore = 64 << 30

// maxStore is how much the embedded server may store where it is allowed so many bytes, on a disk of that size: three
// quarters of it at most, so that what agents say does not fill it up.
func maxStore(allowed, disk int64) int64 {
	allowed = cmp.Or(allowed, defaultMaxStore)
	if disk <= 0 {
		return allowed
	}
	return min(allowed, disk/4*3)
}

// Start starts the embedded server. Clients that connect over the network need TLS; the hub itself connects
// within the process, without.
func Start(o Options) (*Server, error) {
	host, port, err := listenAddress("--nats-listen", o.Listen)
	if err != nil {
		return nil, err
	}
	o.Keys.Embedded()
	c, err := o.Keys.Claims(o.Revoked)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the streams of the embedded NATS server: %w: give the user who runs the hub the right "+
			"to write there", err)
	}
	if err := adoptStreams(o.Dir, c); err != nil {
		return nil, err
	}
	resolver := &server.MemAccResolver{}
	if err := errors.Join(resolver.Store(c.Account, c.AccountJWT), resolver.Store(c.Hub, c.HubJWT),
		resolver.Store(c.System, c.SystemJWT)); err != nil {
		return nil, err
	}
	config := &tls.Config{GetCertificate: o.Certificate, MinVersion: tls.VersionTLS12}
	opts := &server.Options{
		ServerName: "drover-hub", Host: host, Port: port, NoSigs: true,
		TLS: true, TLSConfig: config, TLSTimeout: handshakeTimeout.Seconds(), AuthTimeout: handshakeTimeout.Seconds() + 1,
		JetStream: true, StoreDir: o.Dir, JetStreamMaxMemory: 64 << 20,
		JetStreamMaxStore: maxStore(o.MaxStore, diskSize(o.Dir)),
		TrustedOperators:  c.Operators, SystemAccount: c.System, AccountResolver: resolver,
		PingInterval: 20 * time.Second, MaxPingsOut: 2, // a dead link is noticed within a minute
		MaxPayload: 1 << 20, MaxConn: 100_000, WriteDeadline: 10 * time.Second,
	}
	if o.WebSocket != "" {
		w := &opts.Websocket
		if w.Host, w.Port, err = listenAddress("--nats-websocket", o.WebSocket); err != nil {
			return nil, err
		}
		w.TLSConfig, w.HandshakeTimeout = config.Clone(), handshakeTimeout
	}
	pause := backoff.Backoff{Min: 50 * time.Millisecond, Max: time.Second}
	for deadline := time.Now().Add(portTime); ; {
		s, err := startServer(opts, o)
		if err == nil {
			return &Server{s, o.Keys}, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the embedded NATS server does not come up on %s: %w. Is a port in use? Choose another with "+
				"--nats-listen or --nats-websocket", strings.TrimSuffix(o.Listen+" "+o.WebSocket, " "), err)
		}
		_ = pause.Wait(context.Background(), nil) // which nothing ends
	}
}

const (
	// portTime is how long a port may be in use before that is an error: a process that has just ended, or one that it
	// started, may hold it for a moment.
	portTime = 3 * time.Second
	// comeUpTime is how long the server may take to read what it stored.
	comeUpTime = 20 * time.Second
)

// startServer starts the server once.
func startServer(opts *server.Options, o Options) (*server.Server, error) {
	s, err := server.NewServer(opts.Clone())
	if err != nil {
		return nil, err
	}
	said := newServerLog(o.Log)
	said.distrusted = o.Distrusted
	s.SetLoggerV2(said, false, false, false)
	ready := make(chan bool, 1)
	go s.Start()
	go func() { ready <- s.ReadyForConnections(comeUpTime) }()
	why := fmt.Sprintf("it is not ready after %s", comeUpTime)
	select {
	case ok := <-ready:
		if ok {
			return s, nil
		}
	case why = <-said.failed:
	}
	s.Shutdown()
	s.WaitForShutdown()
	return nil, errors.New(why)
}

// handshakeTimeout is how long TLS may take: after an outage thousands of agents shake hands at once.
const handshakeTimeout = 30 * time.Second

// listenAddress reads host:port as flag gives it.
func listenAddress(flag, address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%s %q: %w: write host:port, as 0.0.0.0:4222", flag, address, err)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%s %q: %q is no port: write a number up to 65535", flag, address, text)
	}
	if number == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(number), nil
}

// Addr is where agents connect.
func (s *Server) Addr() *net.TCPAddr { return s.server.Addr().(*net.TCPAddr) }

// WebSocketPort is where agents connect by WebSocket; 0 if they cannot.
func (s *Server) WebSocketPort() int {
	if p := s.server.PortsInfo(time.Second); p != nil && len(p.WebSocket) > 0 {
		if u, err := url.Parse(p.WebSocket[0]); err == nil {
			port, _ := strconv.Atoi(u.Port())
			return port
		}
	}
	return 0
}

// Revoke cuts users off, at once.
func (s *Server) Revoke(users []string) error {
	c, err := s.keys.Claims(users)
	if err != nil {
		return err
	}
	acc, err := s.server.LookupAccount(c.Account)
	if err != nil {
		return err
	}
	s.server.UpdateAccountClaims(acc, c.AccountClaims)
	return nil
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// MaxStore is how many bytes the server may store.
func (s *Server) MaxStore() int64 {
	if config := s.server.JetStreamConfig(); config != nil && config.MaxStore > 0 {
		return config.MaxStore
	}
	return defaultMaxStore
}

// InProcessConn implements nats.InProcessConnProvider: the hub connects without a network.
func (s *Server) InProcessConn() (net.Conn, error) { return s.server.InProcessConn() }
