package nats

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/internal/race"
)

// patience is how long a test waits for something that takes milliseconds.
var patience = race.Patience(90 * time.Second)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// newServer starts an embedded server with keys of its own; certificate is the hub's own if it is nil.
func newServer(t *testing.T, certificate keyring.GetCertificate) (*server.Server, *keyring.Keys) {
	t.Helper()
	keys := must(keyring.Open(t.TempDir()))
	if certificate == nil {
		certificate = must(keys.Certificate([]string{"hub.example.com", "127.0.0.1"}))
	}
	s, err := server.Start(server.Options{Listen: "127.0.0.1:0", WebSocket: "127.0.0.1:0", Dir: t.TempDir(),
		Certificate: certificate, Keys: keys, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, keys
}

// dialAs connects as the agent of cluster a.
func dialAs(keys *keyring.Keys, user userPair, url string, opts ...natsgo.Option) (*natsgo.Conn, error) {
	token := must(keys.AgentJWT("a", user.public, time.Now().Add(time.Hour)))
	return natsgo.Connect(url, append([]natsgo.Option{natsgo.UserJWTAndSeed(token, user.seed),
		natsgo.CustomInboxPrefix("_INBOX_a")}, opts...)...)
}

type userPair struct{ public, seed string }

func newUser() userPair {
	pair := must(nkeys.CreateUser())
	return userPair{must(pair.PublicKey()), string(must(pair.Seed()))}
}

func trusting(pems ...string) natsgo.Option {
	pool := x509.NewCertPool()
	for _, p := range pems {
		pool.AppendCertsFromPEM([]byte(p))
	}
	return natsgo.Secure(&tls.Config{RootCAs: pool})
}

func TestAgentsNeedTLSAndTheHubsAuthority(t *testing.T) {
	t.Parallel()
	s, keys := newServer(t, nil)
	addr := s.Addr().String()
	websocket := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.WebSocketPort()))
	other := must(keyring.Open(t.TempDir()))
	for _, tc := range []struct {
		name, url string
		opts      []natsgo.Option
		works     bool
	}{
		{"TLS with the hub's authority", "tls://" + addr, []natsgo.Option{trusting(keys.CA())}, true},
		{"TLS with another authority", "tls://" + addr, []natsgo.Option{trusting(other.CA())}, false},
		{"TLS with the system's authorities", "tls://" + addr, nil, false},
		{"WebSocket with the hub's authority", "wss://" + websocket, []natsgo.Option{trusting(keys.CA())}, true},
		{"WebSocket with another authority", "wss://" + websocket, []natsgo.Option{trusting(other.CA())}, false},
		{"WebSocket without TLS", "ws://" + websocket, nil, false},
	} {
		c, err := dialAs(keys, newUser(), tc.url, tc.opts...)
		if (err == nil) != tc.works {
			t.Errorf("%s: %v, want it to work: %t", tc.name, err, tc.works)
		}
		if err == nil {
			c.Close()
		}
	}
	if got := inTheClear(t, addr); got == "+OK\r\n" {
		t.Error("the server takes a client that does without TLS")
	}
	hub := must(Connect(Options{Server: s, Keys: keys, IDs: must(identity.Open(t.TempDir(), keys)), Log: testLog(t)}))
	defer hub.Close()
	if !hub.conn.IsConnected() || hub.conn.TLSRequired() {
		t.Error("the hub does not connect within the process, without TLS")
	}
}

// inTheClear is what the server answers to a client that ignores that TLS is required.
func inTheClear(t *testing.T, addr string) string {
	t.Helper()
	c := must(net.Dial("tcp", addr))
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, 4096)
	if _, err := c.Read(answer); err != nil { // the greeting
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("CONNECT {\"verbose\":true}\r\n")); err != nil {
		t.Fatal(err)
	}
	n, _ := c.Read(answer)
	return string(answer[:n])
}
