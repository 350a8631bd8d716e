package keyring

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pool is what a client trusts that was given PEM.
func pool(t *testing.T, ca string) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM([]byte(ca)) {
		t.Fatalf("no certificates in %q", ca)
	}
	return p
}

// verifies says whether a client that trusts ca takes a certificate for host.
func verifies(t *testing.T, cert *tls.Certificate, ca, host string) error {
	t.Helper()
	_, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: pool(t, ca), DNSName: host,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

func TestTheCertificateIsForTheHostsOfTheHub(t *testing.T) {
	t.Parallel()
	k, other := must(Open(t.TempDir())), must(Open(t.TempDir()))
	cert := must(must(k.Certificate([]string{"hub.example.com", "192.0.2.7", ""}))(nil))
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"hub.example.com", "192.0.2.7", "localhost", "127.0.0.1", own} {
		if err := verifies(t, cert, k.CA(), host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"example.com", "192.0.2.8", "x.hub.example.com"} {
		if err := verifies(t, cert, k.CA(), host); err == nil {
			t.Errorf("it is taken for %s", host)
		}
	}
	if err := verifies(t, cert, other.CA(), "localhost"); err == nil {
		t.Error("who trusts another hub takes it")
	}
	if cert.Leaf.IsCA {
		t.Error("it can issue others")
	}
	// An agent's clock may be a day behind.
	if age := time.Since(cert.Leaf.NotBefore); age < clockSkew || age > clockSkew+time.Minute {
		t.Errorf("it is valid since %s", age)
	}
}

// Servers of a cluster are each other's clients, with certificates of the next authority as soon as there is one. The
// embedded server changes to it in the end: until then not every agent knows it.
func TestCertificatesWhileTheAuthorityIsRotated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := must(Open(dir))
	if err := first.Begin(Authority); err != nil {
		t.Fatal(err)
	}
	k := must(Open(dir))
	if n := strings.Count(k.CA(), "BEGIN CERTIFICATE"); n != 2 || !strings.HasPrefix(k.CA(), first.CA()) {
		t.Errorf("agents are told of %d authorities, the current one first: %t", n, strings.HasPrefix(k.CA(), first.CA()))
	}
	embedded := must(must(k.Certificate(nil))(nil))
	if err := verifies(t, embedded, first.CA(), "localhost"); err != nil {
		t.Errorf("an agent that knows the first authority alone: %v", err)
	}
	certPEM, keyPEM, err := k.Issue("nats-0", []string{"nats-0.example.com"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server := must(tls.X509KeyPair(certPEM, keyPEM))
	if err := verifies(t, &server, k.CA(), "nats-0.example.com"); err != nil {
		t.Error(err)
	}
	if err := verifies(t, &server, first.CA(), "nats-0.example.com"); err == nil {
		t.Error("it is issued by the authority that goes")
	}
	client := x509.VerifyOptions{Roots: pool(t, k.CA()), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := server.Leaf.Verify(client); err != nil {
		t.Errorf("as a client: %v", err)
	}
	if left := time.Until(server.Leaf.NotAfter); left > time.Hour || left < time.Hour-time.Minute {
		t.Errorf("it is valid for %s", left)
	}
	if err := k.Finish(Authority); err != nil {
		t.Fatal(err)
	}
	after := must(Open(dir))
	if strings.Contains(after.CA(), first.CA()) || !strings.HasSuffix(k.CA(), after.CA()) {
		t.Error("in the end the authority is not the next one alone")
	}
}

// writePair writes a certificate and its key, with a time of its own, so that a change shows however fast it follows.
func writePair(t *testing.T, certFile, keyFile string, cert, key []byte, at time.Time) {
	t.Helper()
	err := errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600),
		os.Chtimes(certFile, at, at), os.Chtimes(keyFile, at, at))
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheUsersCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	k, dir := must(Open(t.TempDir())), t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	_, err := CertificateFiles(certFile, keyFile, log)
	says(t, "files that are not there", err, "--tls-cert and --tls-key", certFile)
	issue := func(host string, at time.Time) {
		cert, key, err := k.Issue(host, []string{host}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		writePair(t, certFile, keyFile, cert, key, at)
	}
	now := time.Now().Truncate(time.Second)
	issue("one.example.com", now)
	get := must(CertificateFiles(certFile, keyFile, log))
	shows := func(host string) {
		t.Helper()
		first, err := get(nil)
		if err != nil || first.Leaf.Subject.CommonName != host {
			t.Fatalf("it shows %+v, %v; want the one of %s", first, err, host)
		}
		if second, err := get(nil); err != nil || second != first {
			t.Errorf("what did not change is read again, %v", err)
		}
	}
	shows("one.example.com")
	issue("two.example.com", now.Add(time.Second))
	shows("two.example.com")
	// A change that left the time of the file alone shows by the size.
	issue("a-longer-name-than-before.example.com", now.Add(time.Second))
	shows("a-longer-name-than-before.example.com")
	issue("two.example.com", now.Add(time.Second))
	shows("two.example.com")
	if said.Len() > 0 {
		t.Errorf("it complains: %s", &said)
	}
	// What cannot be used is said once, and the certificate from before is shown.
	writePair(t, certFile, keyFile, []byte("noise"), []byte("noise"), now.Add(2*time.Second))
	shows("two.example.com")
	if n := strings.Count(said.String(), "the one from before stays in use"); n != 1 {
		t.Errorf("it complains %d times: %s", n, &said)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	shows("two.example.com")
	if n := strings.Count(said.String(), "level=WARN"); n != 2 || !strings.Contains(said.String(), "no such file") {
		t.Errorf("it complains %d times, once for each cause: %s", n, &said)
	}
	issue("three.example.com", now.Add(3*time.Second))
	shows("three.example.com")
}
