package nats

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// Server is the embedded nats-server.
type Server struct {
	server *server.Server
	keys   *Keys
}

// StartServer starts the embedded server on listen (host:port; port 0 takes a free one) with its streams in dir.
func StartServer(listen, dir string, keys *Keys, revoked []string, log *slog.Logger) (*Server, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("the address %q for agents: %w: write host:port, as 0.0.0.0:4222", listen, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("the address %q for agents: the port is no number", listen)
	}
	if number == 0 {
		number = server.RANDOM_PORT
	}
	a, err := keys.authority(revoked)
	if err != nil {
		return nil, err
	}
	resolver := &server.MemAccResolver{}
	if err := errors.Join(resolver.Store(a.account, a.accountJWT), resolver.Store(a.system, a.systemJWT)); err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "drover-hub", Host: host, Port: number, NoSigs: true,
		JetStream: true, StoreDir: dir, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 64 << 30,
		TrustedOperators: []*jwt.OperatorClaims{a.operator}, SystemAccount: a.system, AccountResolver: resolver,
		PingInterval: 20 * time.Second, MaxPingsOut: 2, // a dead link is noticed within a minute
		MaxPayload: 1 << 20, MaxConn: 100_000, WriteDeadline: 10 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("the embedded NATS server: %w", err)
	}
	s.SetLoggerV2(serverLog{log.With("part", "nats-server")}, false, false, false)
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("the embedded NATS server does not come up on %s: is the port in use? Choose another with --nats-listen", listen)
	}
	return &Server{s, keys}, nil
}

// Addr is where agents connect.
func (s *Server) Addr() *net.TCPAddr { return s.server.Addr().(*net.TCPAddr) }

// Revoke cuts off the credentials of user keys, at once.
func (s *Server) Revoke(users []string) error {
	a, err := s.keys.authority(users)
	if err != nil {
		return err
	}
	acc, err := s.server.LookupAccount(a.account)
	if err != nil {
		return err
	}
	s.server.UpdateAccountClaims(acc, a.accountClaims)
	return nil
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// serverLog hands the server's own log on. Its notices are for its developers.
type serverLog struct{ log *slog.Logger }

var _ server.Logger = serverLog{}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(string, ...any)           {}
func (l serverLog) Tracef(string, ...any)           {}
