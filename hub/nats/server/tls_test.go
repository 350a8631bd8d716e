package server

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/nats/keyring"
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

// start starts an embedded server with keys of its own; certificate is the hub's own if it is nil.
func newServer(t *testing.T, certificate keyring.GetCertificate) (*Server, *keyring.Keys) {
	t.Helper()
	k := must(keyring.Open(t.TempDir()))
	if certificate == nil {
		certificate = must(k.Certificate([]string{"hub.example.com", "127.0.0.1"}))
	}
	s, err := Start(Options{Listen: "127.0.0.1:0", WebSocket: "127.0.0.1:0", Dir: t.TempDir(),
		Certificate: certificate, Keys: k, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, k
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
	s, k := newServer(t, nil)
	cert := shown(t, s.Addr().String())
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(k.CA()))
	for _, host := range []string{"hub.example.com", "localhost", "127.0.0.1"} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: "elsewhere.example.com"}); err == nil {
		t.Error("it is valid for a host that nobody named")
	}
	const life = 90 * 24 * time.Hour
	if left := time.Until(cert.NotAfter); left > life || left < life-time.Hour {
		t.Errorf("it is valid for %s, want %s", left, life)
	}
}

func TestTheUsersCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca := must(keyring.Open(t.TempDir()))
	put := func(name string) {
		cert, key, err := ca.Issue(name, []string{"127.0.0.1"}, time.Hour)
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
	if _, err := keyring.CertificateFiles(certFile, keyFile, testLog(t)); err == nil {
		t.Fatal("a certificate that is not there is no error")
	}
	put("first")
	s, _ := newServer(t, must(keyring.CertificateFiles(certFile, keyFile, slog.New(slog.DiscardHandler))))
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
