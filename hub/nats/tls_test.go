package nats

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

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
func newServer(t *testing.T, certificate GetCertificate) (*Server, *Keys) {
	t.Helper()
	keys := must(OpenKeys(t.TempDir()))
	if certificate == nil {
		certificate = must(keys.Certificate([]string{"hub.example.com", "127.0.0.1"}))
	}
	s, err := StartServer(ServerOptions{Listen: "127.0.0.1:0", WebSocket: "127.0.0.1:0", Dir: t.TempDir(),
		Certificate: certificate, Keys: keys, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, keys
}

// dialAs connects as the agent of cluster a.
func dialAs(keys *Keys, user userPair, url string, opts ...natsgo.Option) (*natsgo.Conn, error) {
	token := must(keys.agentJWT("a", credential{User: user.public, Expires: time.Now().Add(time.Hour)}))
	return natsgo.Connect(url, append([]natsgo.Option{natsgo.UserJWTAndSeed(token, user.seed),
		natsgo.CustomInboxPrefix("_INBOX_a")}, opts...)...)
}

type userPair struct{ public, seed string }

func newUser() userPair {
	seed := must(newSeed(nkeys.PrefixByteUser))
	return userPair{must(must(nkeys.FromSeed(seed)).PublicKey()), string(seed)}
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
	other := must(OpenKeys(t.TempDir()))
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
	hub := must(Connect(Options{Server: s, Keys: keys, IDs: must(OpenIdentities(t.TempDir(), keys)), Log: testLog(t)}))
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

// shown is the certificate that a server shows.
func shown(t *testing.T, addr string) *x509.Certificate {
	t.Helper()
	get := must(net.Dial("tcp", addr))
	defer get.Close()
	_ = get.SetDeadline(time.Now().Add(patience))
	if _, err := get.Read(make([]byte, 4096)); err != nil { // INFO comes before TLS
		t.Fatal(err)
	}
	c := tls.Client(get, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0]
}

func TestTheCertificateNamesWhereAgentsConnect(t *testing.T) {
	t.Parallel()
	s, keys := newServer(t, nil)
	cert := shown(t, s.Addr().String())
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(keys.CA()))
	for _, host := range []string{"hub.example.com", "localhost", "127.0.0.1"} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: "elsewhere.example.com"}); err == nil {
		t.Error("it is valid for a host that nobody named")
	}
	if left := time.Until(cert.NotAfter); left > embeddedLife || left < embeddedLife-time.Hour {
		t.Errorf("it is valid for %s, want %s", left, embeddedLife)
	}
}

func TestTheUsersCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca := must(parseAuthority(must(newAuthority())))
	put := func(name string) {
		cert, key, err := ca.issue(name, []string{"127.0.0.1"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{certFile: cert, keyFile: key} {
			if err := os.WriteFile(file+".new", data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := CertificateFiles(certFile, keyFile, testLog(t)); err == nil {
		t.Fatal("a certificate that is not there is no error")
	}
	put("first")
	s, _ := newServer(t, must(CertificateFiles(certFile, keyFile, slog.New(slog.DiscardHandler))))
	addr := s.Addr().String()
	if got := shown(t, addr).Subject.CommonName; got != "first" {
		t.Errorf("the server shows %s", got)
	}
	put("second")
	if got := shown(t, addr).Subject.CommonName; got != "second" {
		t.Errorf("after a change the server shows %s", got)
	}
	if err := os.WriteFile(certFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, addr).Subject.CommonName; got != "second" {
		t.Errorf("with a broken file the server shows %s", got)
	}
	put("third")
	if got := shown(t, addr).Subject.CommonName; got != "third" {
		t.Errorf("after it was mended the server shows %s", got)
	}
}

func TestTheCertificateIsMadeAnewBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := must(OpenKeys(t.TempDir()))
		get := must(keys.Certificate(nil))
		first := must(get(nil))
		for range 4 {
			time.Sleep(embeddedLife / 2)
			now := must(get(nil))
			if left := time.Until(now.Leaf.NotAfter); left < embeddedLife/3 {
				t.Errorf("a certificate that ends in %s is shown", left)
			}
		}
		if again := must(get(nil)); again == first || again != must(get(nil)) {
			t.Error("it is not recreated, or every time")
		}
	})
}
