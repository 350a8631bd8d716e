package keyring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// embeddedLife is how long a certificate of the embedded server is valid. It is recreated while it runs.
	embeddedLife = 90 * 24 * time.Hour
	// clockSkew is how far an agent's clock may be behind without its taking a new certificate for one of the future.
	clockSkew = 24 * time.Hour
)

// authority is the hub's own certificate authority: every server's certificate comes from it, unless the user has one.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes one: its key and its certificate in PEM, in one file, so that none is ever without the other.
func newAuthority() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(public)
	now := time.Now()
	template := &x509.Certificate{
		// Its own name for each: while one follows the other, both are trusted.
		Subject:   pkix.Name{CommonName: "Drover hub " + hex.EncodeToString(sum[:4])},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return append(encodePEM("PRIVATE KEY", private), encodePEM("CERTIFICATE", cert)...), nil
}

func encodePEM(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}

// parseAuthority reads what newAuthority made.
func parseAuthority(data []byte) (*authority, error) {
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("it holds no certificate authority")
	}
	return &authority{pair.Leaf, key}, nil
}

// pem is the public part.
func (a *authority) pem() string { return string(encodePEM("CERTIFICATE", a.cert.Raw)) }

// issue makes the certificate of a server that is reached by hosts (names and addresses), with its key: for clients
// that connect to it and, as servers in a cluster are each other's clients, for connecting itself.
func (a *authority) issue(name string, hosts []string, life time.Duration) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(life), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if h != "" {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("make the certificate of %s: %w", name, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return encodePEM("CERTIFICATE", cert), encodePEM("PRIVATE KEY", private), err
}

// CA is the PEM of the authorities that the hub's own certificates come from: two while one follows the other.
func (k *Keys) CA() string {
	var out string
	for _, a := range k.authorities {
		out += a.pem()
	}
	return out
}

// GetCertificate gives a server its certificate at every handshake, as in tls.Config.
type GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// Certificate is of the hub's own authority, for a server that is reached by hosts, by localhost, and by this machine's
// addresses. It lives in memory only, and is recreated when a third of its life is left.
func (k *Keys) Certificate(hosts []string) (GetCertificate, error) {
	var mu sync.Mutex
	var current *tls.Certificate
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if current != nil && time.Until(current.Leaf.NotAfter) > embeddedLife/3 {
			return current, nil
		}
		cert, key, err := k.authorities[0].issue("drover-hub", slices.Concat(hosts, localHosts()), embeddedLife)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		current = &pair
		return current, nil
	}
	_, err := get(nil) // what is wrong shows at the start, not at the first agent
	return get, err
}

// localHosts are localhost and the addresses of this machine.
func localHosts() []string {
	hosts := []string{"localhost"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			hosts = append(hosts, n.IP.String())
		}
	}
	return hosts
}

// CertificateFiles is the user's own certificate, in PEM. The files are read again when they change. A change
// that cannot be used is logged, and the certificate from before stays.
func CertificateFiles(certFile, keyFile string, log *slog.Logger) (GetCertificate, error) {
	var mu sync.Mutex
	var current *tls.Certificate
	var seen [2]os.FileInfo
	var said string // what was complained of last, to say it once
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		now, err := statBoth(certFile, keyFile)
		if err == nil && same(now, seen) {
			return current, nil
		}
		if err == nil {
			seen = now
			var pair tls.Certificate
			if pair, err = tls.LoadX509KeyPair(certFile, keyFile); err == nil {
				current, said = &pair, ""
				return current, nil
			}
		}
		if current == nil {
			return nil, fmt.Errorf("the certificate of --tls-cert and --tls-key: %w", err)
		}
		if text := err.Error(); text != said {
			log.Warn("the certificate of --tls-cert and --tls-key cannot be read again; the one from before stays in use",
				"file", certFile, "err", err)
			said = text
		}
		return current, nil
	}
	_, err := get(nil)
	return get, err
}

func statBoth(certFile, keyFile string) (out [2]os.FileInfo, err error) {
	for i, name := range []string{certFile, keyFile} {
		if out[i], err = os.Stat(name); err != nil {
			return out, err
		}
	}
	return out, nil
}

// same says whether files are still those of before.
func same(a, b [2]os.FileInfo) bool {
	for i := range a {
		if a[i] == nil || b[i] == nil || !os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size() {
			return false
		}
	}
	return true
}

// Issue makes the certificate of a server that is reached by hosts, with its key, in PEM: of the next authority while
// that is rotated.
func (k *Keys) Issue(name string, hosts []string, life time.Duration) (certPEM, keyPEM []byte, err error) {
	return k.authorities[len(k.authorities)-1].issue(name, hosts, life)
}
